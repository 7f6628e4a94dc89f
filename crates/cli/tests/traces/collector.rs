//! A collector: takes OTLP over HTTP and reads it with OpenTelemetry's own messages.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::web::Web;

/// See the module.
pub(crate) struct Collector {
    web: Web,
}

/// One span as a test looks at it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) kind: i32,
    pub(crate) state: String,
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) failed: bool,
    pub(crate) moments: Vec<String>,
    /// As text, whatever they are.
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        Self { web: Web::start(|_, _| (200, "application/x-protobuf", Vec::new())) }
    }

    /// What to name as the endpoint.
    pub(crate) fn endpoint(&self) -> &str {
        &self.web.base
    }

    /// Every request, decoded.
    pub(crate) fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let asked = self.web.asked();
        let decoded = asked.iter().map(|asked| {
            assert_eq!((&*asked.method, &*asked.path), ("POST", "/v1/traces"));
            assert_eq!(asked.headers["content-type"], "application/x-protobuf");
            ExportTraceServiceRequest::decode(&*asked.body).expect("OTLP")
        });
        decoded.collect()
    }

    /// Headers of every request.
    pub(crate) fn headers(&self, name: &str) -> Vec<Option<String>> {
        self.web.asked().iter().map(|asked| asked.headers.get(name).cloned()).collect()
    }

    /// Every span so far.
    pub(crate) fn spans(&self) -> Vec<Seen> {
        let requests = self.requests().into_iter();
        let spans = requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans);
        spans.map(seen).collect()
    }

    /// The spans of a trace, once the whole of it is there.
    pub(crate) fn trace(&self, id: &str) -> Vec<Seen> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let spans: Vec<Seen> =
                self.spans().into_iter().filter(|span| span.trace == id).collect();
            if !spans.is_empty() {
                // A task's spans are sent together.
                return spans;
            }
            assert!(Instant::now() < until, "nothing of the trace {id}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn seen(span: Span) -> Seen {
    Seen {
        name: span.name,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        kind: span.kind,
        state: span.trace_state,
        began: span.start_time_unix_nano,
        ended: span.end_time_unix_nano,
        failed: span.status.is_some_and(|status| status.code == 2),
        moments: span.events.iter().map(|event| event.name.clone()).collect(),
        attributes: attributes(&span.attributes),
    }
}

/// Attributes as text.
pub(crate) fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.clone().and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    pairs.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
