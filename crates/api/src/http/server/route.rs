//! What is answered on which path.
use std::sync::Arc;
use std::time::Duration;

use ainur_primitives::{ContentId, DurationMs};
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use serde::Serialize;
use tokio::time::timeout;

use super::body::{Piece, Pieces, Sink, Source, drain};
use super::calls::{Calls, Lane};
use super::guard::Guard;
use super::places::Holder;
use super::weigh::{Scale, Weighed};
use crate::a2a;
use crate::access::Caller;
use crate::discovery;
use crate::http::bounds::{
    DRAIN_BYTES_MAX, OPERATION_BYTES_MAX, PIECE_BYTES, PIECES_AHEAD_MAX, STRANGER_DRAIN_BYTES_MAX,
    WAIT_MS_MAX,
};
use crate::http::document::Refusal;
use crate::http::{BLOBS_PATH, HEALTH_PATH, JSON, OCTETS, OPERATIONS_PATH, Stored};
use crate::mcp;
use crate::mcp::http::MCP_PATH;
use crate::metrics::{self, METRICS_PATH};
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::rest;
use crate::trace;

/// Every route behind the guard.
pub(super) fn router(
    guard: Guard,
    calls: Arc<Calls>,
    a2a: Arc<a2a::Handler>,
    fixtures: Option<Arc<mcp::conformance::Endpoint>>,
) -> Router {
    let door = Arc::new(Door {
        guard,
        calls: Arc::clone(&calls),
        desk: a2a.desk,
        fixtures: fixtures.is_some(),
    });
    Router::new()
        .route(OPERATIONS_PATH, post(perform))
        .route(BLOBS_PATH, put(put_blob))
        .route(&format!("{BLOBS_PATH}/{{content}}"), get(get_blob))
        .route(HEALTH_PATH, get(health))
        .merge(mcp::http::router(fixtures))
        .merge(rest::router())
        .merge(discovery::router())
        .merge(a2a::router(a2a))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(Arc::clone(&calls))
        .layer(from_fn_with_state(door, admit))
        .layer(from_fn_with_state(calls, metrics::measure))
}

/// What stands before every route.
struct Door {
    guard: Guard,
    calls: Arc<Calls>,
    desk: a2a::Desk,
    /// MCP is answered by fixtures.
    fixtures: bool,
}

/// Everything but what is public needs a token, even to learn that a path does not exist. Whoever
/// was let in takes places in its own name: for a request over HTTP/2 until its answer was taken,
/// and for the bytes of both.
async fn admit(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let mut response = door.answer(request, next).await;
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
    }
    response
}

impl Door {
    async fn answer(&self, mut request: Request, next: Next) -> Response {
        let headers = request.headers();
        let admitted = self.guard.check_source(request.uri(), headers).and_then(|()| {
            let path = request.uri().path();
            if self.is_public(path) {
                return Ok(None);
            }
            let has_token = headers.contains_key(header::AUTHORIZATION);
            match a2a::stranger(self.desk, path).filter(|_| !has_token) {
                Some(stranger) => Ok(Some(stranger)),
                None => self.guard.caller(headers, self.calls.service()).map(Some),
            }
        });
        let is_grpc = a2a::is_grpc(headers);
        let refuse = |refusal: Refusal| {
            if is_grpc { a2a::refuse_grpc(refusal) } else { refusal.into_response() }
        };
        let known = admitted.as_ref().ok().and_then(Option::as_ref);
        let holder = known.map_or(Holder::Stranger, Caller::holder);
        let place = match request.version() {
            Version::HTTP_2 => match self.calls.requests.take(&holder, 1) {
                None => return refuse(Refusal::busy("too many requests are running")),
                place => place,
            },
            _ => None,
        };
        let scale = Scale::new(&self.calls.bytes, holder);
        let response = match admitted {
            Ok(caller) => {
                if let Some(caller) = caller {
                    request.extensions_mut().insert(caller);
                }
                request.extensions_mut().insert(scale.clone());
                let headers = request.headers().clone();
                trace::within(&headers, next.run(request)).await
            }
            Err(refusal) => {
                refuse_body(request, STRANGER_DRAIN_BYTES_MAX).await;
                refuse(refusal)
            }
        };
        let (head, body) = response.into_parts();
        match Weighed::new(body, &scale, place) {
            Ok(body) => Response::from_parts(head, Body::new(body)),
            Err(refusal) => refuse(refusal),
        }
    }

    /// What anyone may see: that the node is there, and what it offers. Fixtures spend nothing.
    fn is_public(&self, path: &str) -> bool {
        path == HEALTH_PATH
            || a2a::is_public(path)
            || rest::is_public(path)
            || discovery::is_public(path)
            || (path == METRICS_PATH && self.guard.is_local())
            || (path == MCP_PATH && self.fixtures && self.guard.is_local())
    }
}

/// Lets a caller that is sending finish, unless it asked first whether it should.
pub(crate) async fn refuse_body(request: Request, bytes_max: u64) {
    if !request.headers().contains_key(header::EXPECT) {
        drain(request.into_body(), bytes_max).await;
    }
}

async fn health() -> Response {
    ([(header::CONTENT_TYPE, JSON)], r#"{"status":"ok"}"#).into_response()
}

async fn unknown_path() -> Refusal {
    Problem::new(Code::NotFound, "there is nothing at this path")
        .next("GET /openapi.json describes every path")
        .into()
}

async fn unknown_method() -> Refusal {
    let problem = Problem::new(Code::InvalidRequest, "this path does not take this method");
    Refusal::with_status(StatusCode::METHOD_NOT_ALLOWED, problem)
}

async fn perform(
    State(calls): State<Arc<Calls>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    let mut operation = read_operation(&calls, request).await?;
    if let Operation::TaskEvents { wait_ms, .. } = &mut operation {
        *wait_ms = DurationMs(wait_ms.0.min(WAIT_MS_MAX));
    }
    let stops = operation == Operation::NodeStop;
    let lane = Lane::of(&operation);
    let reply = calls.run(&caller, lane, move |service| service.perform(operation)).await??;
    let response = json(&reply)?;
    if stops {
        // This answer is in flight, so its connection is let finish.
        calls.stop.stop();
    }
    Ok(response)
}

async fn read_operation(calls: &Calls, request: Request) -> Result<Operation, Refusal> {
    if !is_json(request.headers()) {
        refuse_body(request, DRAIN_BYTES_MAX).await;
        return Err(Refusal::with_status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Problem::new(Code::InvalidRequest, "an operation is sent as application/json"),
        ));
    }
    let time_max = Duration::from_millis(calls.bounds.operation_ms_max);
    let collecting = collect(request, OPERATION_BYTES_MAX);
    let body = timeout(time_max, collecting).await.unwrap_or_else(|_| Err(Refusal::timeout()))?;
    serde_json::from_slice(&body)
        .map_err(|error| Refusal::invalid(format!("this is not an operation: {error}")))
}

/// The whole body of a request that holds few bytes. They are weighed for as long as they are kept.
pub(crate) async fn collect(request: Request, bytes_max: usize) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::too_large(bytes_max.try_into().unwrap_or(u64::MAX));
    if announced_bytes(request.headers()).is_some_and(|bytes| bytes > bytes_max as u64) {
        refuse_body(request, DRAIN_BYTES_MAX).await;
        return Err(too_large());
    }
    let mut bytes = Scale::of(&request).load()?;
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::invalid("the body of the request broke off"))?;
        let Some(data) = frame.data_ref() else { continue };
        let added =
            if data.len() > bytes_max - bytes.len() { Err(too_large()) } else { bytes.add(data) };
        if let Err(refusal) = added {
            drain(body, DRAIN_BYTES_MAX).await;
            return Err(refusal);
        }
    }
    Ok(bytes.into())
}

async fn put_blob(
    State(calls): State<Arc<Calls>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    let bytes_max = calls.bounds.blob_bytes_max;
    if announced_bytes(request.headers()).is_some_and(|bytes| bytes > bytes_max) {
        refuse_body(request, DRAIN_BYTES_MAX).await;
        return Err(Refusal::too_large(bytes_max));
    }
    let mut source = Source::new(request.into_body(), &calls.bounds);
    let (content, bytes) = calls
        .run(&caller, Lane::Blob, move |service| {
            let stored = service.put_blob(&mut source);
            source.conclude(stored)
        })
        .await??;
    json(&Stored { content, bytes })
}

async fn get_blob(
    State(calls): State<Arc<Calls>>,
    Extension(caller): Extension<Caller>,
    content: Result<Path<ContentId>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path(content) =
        content.map_err(|error| Refusal::invalid(format!("this is not a content id: {error}")))?;
    let body = blob(&calls, caller, content).await?;
    Ok(([(header::CONTENT_TYPE, OCTETS)], body).into_response())
}

/// A blob's bytes as the body of an answer.
pub(crate) async fn blob(
    calls: &Arc<Calls>,
    caller: Caller,
    content: ContentId,
) -> Result<Body, Refusal> {
    let (mut sink, mut rest) = Sink::new(&calls.bounds);
    let ahead = (PIECES_AHEAD_MAX * PIECE_BYTES) as u64;
    let held = calls.bytes.take(&caller.holder(), ahead);
    let held = held.ok_or_else(|| Refusal::busy("too many answers wait to be taken"))?;
    let calls = Arc::clone(calls);
    let writing = async move {
        calls
            .run(&caller, Lane::Blob, move |service| {
                let result = service.get_blob(content, &mut sink);
                sink.finish(result);
            })
            .await
    };
    let writing = tokio::spawn(writing);
    Ok(match rest.recv().await {
        Some(Piece::Bytes(first)) => Body::new(Pieces { first: Some(first), rest, _held: held }),
        Some(Piece::End) => Body::empty(),
        Some(Piece::Failed(problem)) => return Err(problem.into()),
        None => {
            // Nothing was written: the call was not let in, or did not end well.
            let refusal = writing.await.ok().and_then(Result::err);
            return Err(refusal
                .unwrap_or_else(|| Problem::new(Code::Internal, "the blob broke off").into()));
        }
    })
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(JSON)
    })
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(crate) fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(value)
        .map_err(|error| Problem::new(Code::Internal, format!("no JSON for this: {error}")))?;
    Ok(([(header::CONTENT_TYPE, JSON)], body).into_response())
}
