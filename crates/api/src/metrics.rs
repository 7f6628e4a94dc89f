//! `/metrics`: what the server and the node are doing, for Prometheus.
//!
//! Labels come from the table of routes, the methods and the statuses that there are; what a caller
//! makes up is counted as `unmatched` and `other`, so that nobody can make the node count in
//! ever more rows.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method as Verb, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use schemars::SchemaGenerator;

use crate::access::Caller;
use crate::http::document::Refusal;
use crate::http::server::calls::{Calls, Lane};
use crate::operation::{Operation, Reply};
use crate::problem::{Code, Problem};
use crate::rest::ask::{Ask, unexpected};
use crate::rest::route::{Access, Gives, Method, Route};
use crate::service::Service;
use crate::view::NodeStatus;

/// Where they are.
pub(crate) const METRICS_PATH: &str = "/metrics";
/// The text format of OpenMetrics, which Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The table.
pub(crate) static ROUTES: [Route; 1] = [Route {
    method: Method::Get,
    path: METRICS_PATH,
    name: "get_metrics",
    summary: "Requests, streams, tasks, agents, workers and the ledger's height, for Prometheus",
    access: Access::Local,
    parameters: &[],
    takes: None,
    gives: &[Gives {
        status: 200,
        description: "OpenMetrics text",
        content: &[(OPEN_METRICS, SchemaGenerator::subschema_for::<String>)],
        headers: &[],
    }],
    refusals: &[],
    handler: Some(|ask| Box::pin(show(ask))),
}];

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    node: NodeGauges,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

/// Taken over from the node whenever somebody looks.
#[derive(Default)]
struct NodeGauges {
    streams: Gauge,
    tasks_open: Gauge,
    tasks: Gauge,
    agents: Gauge,
    height: Gauge,
    workers: Gauge,
    jobs: Gauge,
    spans_exported: Counter,
    spans_dropped: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("ainur");
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let seconds = Family::new_with_constructor(buckets as fn() -> Histogram);
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request to the head of its answer",
            Unit::Seconds,
            seconds.clone(),
        );
        let node = NodeGauges::default();
        for (name, help, gauge) in [
            ("streams_open", "Streams of events that are open", &node.streams),
            ("tasks_open", "Tasks that have not ended", &node.tasks_open),
            ("tasks_announced", "Tasks ever announced", &node.tasks),
            ("agents", "Agents that may bid", &node.agents),
            ("ledger_height", "Blocks of the ledger", &node.height),
            ("workers", "Worker processes", &node.workers),
            ("worker_jobs", "Attempts that workers are running", &node.jobs),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, counter) in [
            ("trace_spans_exported", "Spans that the collector took", &node.spans_exported),
            ("trace_spans_dropped", "Spans that were lost on the way", &node.spans_dropped),
        ] {
            registry.register(name, help, counter.clone());
        }
        Self { registry, requests, seconds, node }
    }

    fn take_over(&self, status: &NodeStatus, streams: u64) {
        let jobs = status.workers.iter().map(|worker| u64::from(worker.jobs)).sum();
        set(&self.node.streams, streams);
        set(&self.node.tasks_open, status.tasks_open);
        set(&self.node.tasks, status.tasks_total);
        set(&self.node.agents, status.agents.into());
        set(&self.node.height, status.height);
        set(&self.node.workers, status.workers.len() as u64);
        set(&self.node.jobs, jobs);
        if let Some(traces) = &status.traces {
            self.node.spans_exported.inner().store(traces.exported, Ordering::Relaxed);
            self.node.spans_dropped.inner().store(traces.dropped, Ordering::Relaxed);
        }
    }
}

/// From a millisecond to a little more than a minute, which is as long as one may wait.
fn buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 9))
}

fn set(gauge: &Gauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// Counts a request, whoever sent it and however it ended.
pub(crate) async fn measure(
    State(calls): State<Arc<Calls>>,
    request: Request,
    next: Next,
) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = name(request.method());
    let began = Instant::now();
    let response = next.run(request).await;
    let labels = RequestLabels { method, route, status: response.status().as_u16() };
    let metrics = &calls.metrics;
    metrics.requests.get_or_create(&labels).inc();
    let took = began.elapsed().as_secs_f64();
    metrics.seconds.get_or_create(&RouteLabels { route: labels.route }).observe(took);
    response
}

fn name(method: &Verb) -> &'static str {
    match *method {
        Verb::GET => "GET",
        Verb::HEAD => "HEAD",
        Verb::POST => "POST",
        Verb::PUT => "PUT",
        Verb::DELETE => "DELETE",
        Verb::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

async fn show(ask: Ask) -> Result<Response, Refusal> {
    // Whoever got here is let in; strangers who search must not keep the counts from being read.
    let look = |service: &dyn Service| service.perform(Operation::NodeStatus);
    let status = match ask.calls.run(&Caller::Owner, Lane::Prompt, look).await?? {
        Reply::NodeStatus(status) => status,
        other => return Err(unexpected(&other).into()),
    };
    let metrics = &ask.calls.metrics;
    metrics.take_over(&status, ask.calls.streams.count());
    let mut written = String::new();
    text::encode(&mut written, &metrics.registry)
        .map_err(|_| Problem::new(Code::Internal, "the metrics cannot be written"))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], written).into_response())
}
