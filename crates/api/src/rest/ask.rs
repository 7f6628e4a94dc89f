//! A request that was read and held against its row of the table.
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::number::with_plain_integers;
use super::query::Query;
use super::route::{Access, JSON, Route};
use super::shape;
use super::{BODY_BYTES_MAX, TASK_ID_DIGITS_MIN};
use crate::access::Caller;
use crate::http::bounds::{DRAIN_BYTES_MAX, PUBLIC_BODY_BYTES_MAX, STRANGER_DRAIN_BYTES_MAX};
use crate::http::document::Refusal;
use crate::http::server::Holder;
use crate::http::server::calls::{Calls, Lane};
use crate::http::server::route::{collect, is_json, refuse_body};
use crate::operation::{Operation, Reply};
use crate::problem::{Code, Problem};
use crate::service::Service;
use crate::view::TaskView;

/// What is asked, by whom, and the node that is asked.
pub(crate) struct Ask {
    pub(crate) calls: Arc<Calls>,
    pub(crate) headers: HeaderMap,
    pub(super) query: Query,
    route: &'static Route,
    caller: Option<Caller>,
    path: Vec<String>,
    body: Bytes,
}

impl Ask {
    /// Reads a request as its route says, the body last.
    pub(super) async fn read(
        route: &'static Route,
        calls: Arc<Calls>,
        caller: Option<Caller>,
        path: Result<RawPathParams, RawPathParamsRejection>,
        request: Request,
    ) -> Result<Self, Refusal> {
        let path = path
            .map_err(|error| Refusal::invalid(format!("this is no path: {}", error.body_text())))?;
        let path = path.iter().map(|(_, value)| value.to_owned()).collect();
        let query = Query::read(request.uri().query().unwrap_or_default(), route.parameters);
        let query = query.map_err(Refusal::invalid)?;
        let headers = request.headers().clone();
        let body = match &route.takes {
            None => {
                refuse_body(request, STRANGER_DRAIN_BYTES_MAX).await;
                Bytes::new()
            }
            Some(_) => read_body(&calls, request, bytes_max(route)).await?,
        };
        Ok(Self { calls, headers, query, route, caller, path, body })
    }

    /// The part of the path that names something.
    pub(crate) fn named(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// The second part of the path that names something.
    pub(super) fn named_second(&self) -> &str {
        self.path.get(1).map_or("", String::as_str)
    }

    /// The task that the path names.
    pub(super) fn task_id(&self) -> Result<String, Refusal> {
        let text = self.named();
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if (TASK_ID_DIGITS_MIN..=64).contains(&text.len()) && text.bytes().all(is_digit) {
            return Ok(text.to_owned());
        }
        let message = format!("'{text}' is no task id: {TASK_ID_DIGITS_MIN} to 64 of 0-9 and a-f");
        Err(Refusal::invalid(message))
    }

    /// The same, read.
    pub(super) fn id<T: FromStr<Err: std::fmt::Display>>(&self) -> Result<T, Refusal> {
        let text = self.named();
        text.parse().map_err(|error| Refusal::invalid(format!("'{text}' is no id: {error}")))
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> Result<Caller, Refusal> {
        let unknown = || Problem::new(Code::Unauthorized, "the request does not carry a token");
        self.caller.clone().ok_or_else(|| unknown().into())
    }

    /// A parameter of the query, read.
    pub(super) fn parameter<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.query.get(name) else { return Ok(None) };
        // Numbers have one spelling.
        if text.starts_with('+') {
            return Err(Refusal::invalid(format!("the query parameter `{name}` begins with '+'")));
        }
        text.parse().map(Some).map_err(|error| {
            Refusal::invalid(format!("the query parameter `{name}` cannot be read: {error}"))
        })
    }

    /// A header that occurs once or not at all.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.headers.get_all(name).into_iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Refusal::invalid(format!("the header {name} occurs twice")));
        }
        let text = value.to_str().map(Some);
        text.map_err(|_| Refusal::invalid(format!("the header {name} is not plain text")))
    }

    /// The body, as what the route takes.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let body = with_plain_integers(&self.body);
        let refuse = |error: String| {
            Refusal::invalid(format!("the body is not what is taken here: {error}"))
        };
        let read = serde_json::from_slice(&body).map_err(|error| refuse(error.to_string()))?;
        let value = serde_json::from_slice(&body).map_err(|error| refuse(error.to_string()))?;
        shape::check(self.route.name, &value).map_err(refuse)?;
        Ok(read)
    }

    /// The body as text.
    pub(super) fn text(&self) -> Result<&str, Refusal> {
        std::str::from_utf8(&self.body).map_err(|_| Refusal::invalid("the body is not UTF-8"))
    }

    /// What `call` answers, on a thread that may block, as far as this caller may ask it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Service) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Refusal> {
        let caller = self.caller()?;
        Ok(self.calls.run(&caller, Lane::Prompt, call).await??)
    }

    /// Has one operation performed.
    pub(super) async fn perform(&self, operation: Operation) -> Result<Reply, Refusal> {
        self.run(move |service| service.perform(operation)).await
    }

    /// What `call` answers as the owner: only for what anyone may know.
    pub(crate) async fn run_for_all<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Service) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Refusal> {
        // All of these places are for strangers, so none is kept for the operator.
        let place = self.calls.public.take(&Holder::Owner, 1).ok_or_else(|| {
            Problem::new(Code::LimitReached, "too many ask without a token (PUBLIC_CALLS_MAX)")
                .next("try again in a moment")
        })?;
        let call = move |service: &dyn Service| {
            let answer = call(service);
            drop(place);
            answer
        };
        Ok(self.calls.run(&Caller::Owner, Lane::Prompt, call).await??)
    }

    /// The task that the path names.
    pub(super) async fn task(&self) -> Result<TaskView, Refusal> {
        self.show(self.task_id()?).await
    }

    /// A task.
    pub(super) async fn show(&self, task: String) -> Result<TaskView, Refusal> {
        match self.perform(Operation::TaskShow { task }).await? {
            Reply::Task(task) => Ok(*task),
            other => Err(unexpected(&other).into()),
        }
    }
}

/// The node answered something else than what was asked: its fault.
pub(crate) fn unexpected(reply: &Reply) -> Problem {
    let text = format!("{reply:?}");
    let kind = text.split(['(', ' ', '{']).next().unwrap_or_default();
    Problem::new(Code::Internal, format!("the node answered {kind} to another question"))
}

/// JSON with a status and headers.
pub(crate) fn reply(
    status: StatusCode,
    headers: &[(header::HeaderName, &str)],
    value: &impl Serialize,
) -> Result<Response, Refusal> {
    let failed = |error: String| Problem::new(Code::Internal, format!("no JSON for this: {error}"));
    let body = serde_json::to_vec(value).map_err(|error| failed(error.to_string()))?;
    let mut response = (status, [(header::CONTENT_TYPE, JSON)], body).into_response();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).map_err(|error| failed(error.to_string()))?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// Anyone may send this much.
const fn bytes_max(route: &Route) -> usize {
    match route.access {
        Access::Public => PUBLIC_BODY_BYTES_MAX,
        _ => BODY_BYTES_MAX,
    }
}

async fn read_body(calls: &Calls, request: Request, bytes_max: usize) -> Result<Bytes, Refusal> {
    if !is_json(request.headers()) {
        refuse_body(request, DRAIN_BYTES_MAX).await;
        let problem = Problem::new(Code::InvalidRequest, "a body is sent as application/json here");
        return Err(Refusal::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
    }
    let time_max = Duration::from_millis(calls.bounds.operation_ms_max);
    let collecting = collect(request, bytes_max);
    timeout(time_max, collecting).await.unwrap_or_else(|_| Err(Refusal::timeout()))
}
