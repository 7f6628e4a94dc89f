//! What a remote agent is asked for, and how it learns where its work belongs in a trace.
use ainur_primitives::{CapabilityName, TraceContext};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// One call.
pub(super) struct Call<'a> {
    pub(super) capability: &'a CapabilityName,
    /// Canonical JSON.
    pub(super) parameters: &'a str,
    pub(super) trace: Option<TraceContext>,
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The headers of a context; none when there is none.
pub(super) fn headers(trace: Option<&TraceContext>) -> HeaderMap {
    let Some(trace) = trace else { return HeaderMap::new() };
    let texts = [
        (TRACEPARENT, Some(trace.traceparent())),
        (TRACESTATE, trace.tracestate().map(str::to_owned)),
    ];
    let header = |(name, text): (_, Option<String>)| {
        // What was read as a context can be written in a header.
        Some((name, HeaderValue::from_str(&text?).ok()?))
    };
    texts.into_iter().filter_map(header).collect()
}
