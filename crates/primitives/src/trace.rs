//! Where work belongs in a distributed trace: the W3C Trace Context (level 2) of `traceparent` and
//! `tracestate`, read as the standard says. What is malformed is no context, and no error.
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use scale::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// A place in a trace: the span that whatever comes next is a child of.
///
/// ```
/// use ainur_primitives::TraceContext;
///
/// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let context = TraceContext::read(header, None).expect("well formed");
/// assert!(context.is_sampled());
/// assert_eq!(context.traceparent(), header);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Encode, Decode, Serialize, Deserialize)]
#[serde(try_from = "Headers", into = "Headers")]
pub struct TraceContext {
    /// The whole trace.
    pub trace: TraceId,
    /// The span in it.
    pub span: SpanId,
    /// [`TraceContext::SAMPLED`] and [`TraceContext::RANDOM`].
    pub flags: u8,
    /// What other vendors pass along; empty when nothing.
    state: String,
}

/// The id of a trace; not all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span; not all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct SpanId(pub [u8; 8]);

/// A trace context that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a traceparent reads '00-', 32 digits 0-9a-f, '-', 16 such digits, '-' and two flags")]
pub struct TraceContextError;

/// The length of a `traceparent` of version 00.
const TRACEPARENT_BYTES: usize = 55;
/// Bytes of a `tracestate` that are passed along; the standard asks for no more.
pub const TRACESTATE_BYTES_MAX: usize = 512;
/// Members of a `tracestate`.
pub const TRACESTATE_MEMBERS_MAX: usize = 32;

impl TraceContext {
    /// The caller may have recorded its span, and wants those below it.
    pub const SAMPLED: u8 = 1;
    /// The trace's id is random.
    pub const RANDOM: u8 = 2;

    /// The beginning of a trace, or a place in one.
    pub const fn new(trace: TraceId, span: SpanId, flags: u8) -> Self {
        Self { trace, span, flags, state: String::new() }
    }

    /// Reads `traceparent` and, where there is one, `tracestate`. A later version is read as far as
    /// it is like this one.
    pub fn read(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let text = traceparent.trim_matches([' ', '\t']);
        let (head, rest) = text.split_at_checked(TRACEPARENT_BYTES)?;
        let mut parts = head.split('-');
        let [version] = digits(parts.next()?)?;
        let trace = digits(parts.next()?)?;
        let span = digits(parts.next()?)?;
        let [flags] = digits(parts.next()?)?;
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        if !is_whole || parts.next().is_some() || trace == [0; 16] || span == [0; 8] {
            return None;
        }
        let state = tracestate.and_then(read_state).unwrap_or_default();
        let flags = flags & (Self::SAMPLED | Self::RANDOM);
        Some(Self { trace: TraceId(trace), span: SpanId(span), flags, state })
    }

    /// The same trace, below another span.
    #[must_use]
    pub fn under(&self, span: SpanId) -> Self {
        Self { span, ..self.clone() }
    }

    /// The caller wants what is below its span recorded.
    pub const fn is_sampled(&self) -> bool {
        self.flags & Self::SAMPLED != 0
    }

    /// The header `traceparent`.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, self.flags)
    }

    /// The header `tracestate`, when there is one.
    pub fn tracestate(&self) -> Option<&str> {
        (!self.state.is_empty()).then_some(&*self.state)
    }
}

/// Lower-case hexadecimal digits, exactly as many as fit.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = (value(pair[0])? << 4) | value(pair[1])?;
    }
    Some(bytes)
}

/// The members of a list, as many as may be passed along. `None` when it is malformed.
fn read_state(text: &str) -> Option<String> {
    let mut keys: Vec<&str> = Vec::new();
    let mut state = String::new();
    let mut is_full = false;
    for member in text.split(',') {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) || keys.contains(&key) {
            return None;
        }
        keys.push(key);
        if keys.len() > TRACESTATE_MEMBERS_MAX {
            return None;
        }
        is_full = is_full || state.len() + 1 + member.len() > TRACESTATE_BYTES_MAX;
        if !is_full {
            if !state.is_empty() {
                state.push(',');
            }
            state.push_str(member);
        }
    }
    Some(state)
}

fn is_key(key: &str) -> bool {
    let begins =
        |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let plain = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '*' | '/')
    };
    let is_part = |part: &str, bytes_max: usize| {
        begins(part) && part.len() <= bytes_max && part.chars().all(plain)
    };
    match key.split_once('@') {
        None => is_part(key, 256),
        Some((tenant, system)) => is_part(tenant, 241) && is_part(system, 14),
    }
}

fn is_value(value: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    !value.is_empty() && value.len() <= 256 && value.bytes().all(plain) && !value.ends_with(' ')
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A context as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Headers {
    traceparent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

impl TryFrom<Headers> for TraceContext {
    type Error = TraceContextError;

    fn try_from(headers: Headers) -> Result<Self, TraceContextError> {
        Self::read(&headers.traceparent, headers.tracestate.as_deref()).ok_or(TraceContextError)
    }
}

impl From<TraceContext> for Headers {
    fn from(context: TraceContext) -> Self {
        let tracestate = context.tracestate().map(ToOwned::to_owned);
        Self { traceparent: context.traceparent(), tracestate }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn read(text: &str) -> Option<TraceContext> {
        TraceContext::read(text, None)
    }

    #[test]
    fn well_formed_context_is_written_as_it_was_read() {
        let text = format!("00-{TRACE}-{SPAN}-01");
        let context = read(&text).unwrap();
        assert_eq!(context.traceparent(), text);
        assert_eq!(
            (context.trace.to_string(), context.span.to_string()),
            (TRACE.into(), SPAN.into())
        );
        assert!(context.is_sampled());
        assert!(!read(&format!("00-{TRACE}-{SPAN}-02")).unwrap().is_sampled());
        let other = context.under(SpanId([7; 8]));
        assert_eq!(other.traceparent(), format!("00-{TRACE}-0707070707070707-01"));
    }

    #[test]
    fn malformed_context_is_none() {
        for wrong in [
            "".to_owned(),
            "00".into(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}x{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("0-0{TRACE}-{SPAN}-01"),
            format!("00-{}é-{SPAN}-01", &TRACE[..30]),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn later_version_is_read_as_far_as_it_is_known() {
        let known = format!("00-{TRACE}-{SPAN}-01");
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-01-what-is-this")), read(&known));
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-01")), read(&known));
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-01.what")), None);
        // Flags nobody knows are not passed along.
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-fd")), read(&known));
    }

    #[test]
    fn state_is_passed_along_unless_it_is_malformed() {
        let text = format!("00-{TRACE}-{SPAN}-01");
        let state = |state: &str| {
            let context = TraceContext::read(&text, Some(state)).unwrap();
            context.tracestate().map(ToOwned::to_owned)
        };
        assert_eq!(state("a=1, b@c=2 , ,").as_deref(), Some("a=1,b@c=2"));
        for wrong in ["a", "=1", "A=1", "a=1,a=2", "a=b=c", "a=\u{e9}", "@c=1", "a@=1", "a= ,b"] {
            assert_eq!(state(wrong), None, "{wrong}");
        }
        let many: Vec<String> = (0..33).map(|number| format!("k{number}=v")).collect();
        assert_eq!(state(&many.join(",")), None);
        let long: Vec<String> =
            (0..4).map(|number| format!("k{number}={}", "v".repeat(200))).collect();
        assert_eq!(state(&long.join(",")).unwrap(), long[..2].join(","));
    }

    #[test]
    fn context_survives_json_and_its_binary_form() {
        let text = format!("00-{TRACE}-{SPAN}-01");
        let context = TraceContext::read(&text, Some("a=1")).unwrap();
        assert_eq!(TraceContext::decode(&mut &context.encode()[..]), Ok(context.clone()));
        let headers = Headers::from(context.clone());
        assert_eq!(headers.traceparent, text);
        assert_eq!(TraceContext::try_from(headers), Ok(context));
    }
}
