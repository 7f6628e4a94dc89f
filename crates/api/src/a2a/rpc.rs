//! JSON-RPC: both versions at one path, told apart by the names of their methods.
use std::sync::Arc;

use a2a_types::jsonrpc::methods;
use a2a_types::{JsonRpcId, JsonRpcResponse, error_code};
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::error::Error;
use super::handler::{Answer, Ask, Handler};
use super::legacy;
use super::sse::{self, Encode};
use super::version::Version;
use super::wire::{self, read, value};
use crate::access::Caller;

const JSON: &str = "application/json";

/// A request whose envelope is right.
struct Call {
    id: JsonRpcId,
    method: String,
    params: Value,
}

/// Answers `POST /a2a`.
pub(super) async fn serve(
    State(handler): State<Arc<Handler>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let stated = Version::of(&headers, request.uri().query());
    let body = match wire::body(&handler, request).await {
        Ok(body) => body,
        Err(error) => return refuse(JsonRpcId::Null, &error, error.status(), Version::Current),
    };
    let call = match open(&body) {
        Ok(call) => call,
        Err((id, error)) => return refuse(id, &error, StatusCode::OK, Version::Current),
    };
    let visit = wire::visit(&handler, caller, &headers);
    let spoken = if legacy::METHODS.contains(&call.method.as_str()) {
        Version::Legacy
    } else {
        Version::Current
    };
    let answered = async {
        stated?;
        let ask = match spoken {
            Version::Legacy => legacy::ask(&call.method, call.params)?,
            Version::Current => ask(&call.method, call.params)?,
        };
        handler.answer(&visit, spoken, ask).await
    };
    let response = match answered.await {
        Ok(Answer::Stream(events)) => sse::response(events, encode(call.id, spoken)),
        Ok(answer) => {
            let result = match spoken {
                Version::Legacy => legacy::answer(&answer),
                Version::Current => result(&answer),
            };
            let response = JsonRpcResponse::success(call.id, result);
            wire::json(StatusCode::OK, JSON, &value(&response))
        }
        Err(error) => refuse(call.id, &error, StatusCode::OK, spoken),
    };
    wire::with_extensions(response, &headers)
}

/// Opens the envelope; what is wrong with it is told under its id where that can be read.
fn open(body: &[u8]) -> Result<Call, (JsonRpcId, Error)> {
    let envelope: Value = serde_json::from_slice(body).map_err(|error| {
        (JsonRpcId::Null, Error::new(error_code::PARSE_ERROR, format!("no JSON: {error}")))
    })?;
    let refuse = |id: JsonRpcId, why: &str| (id, Error::new(error_code::INVALID_REQUEST, why));
    let Value::Object(mut envelope) = envelope else {
        return Err(refuse(JsonRpcId::Null, "a request is one JSON object"));
    };
    let id = envelope.remove("id").unwrap_or(Value::Null);
    let Ok(id) = serde_json::from_value::<JsonRpcId>(id) else {
        return Err(refuse(JsonRpcId::Null, "an id is a string or a whole number"));
    };
    if envelope.get("jsonrpc") != Some(&json!("2.0")) {
        return Err(refuse(id, "jsonrpc is \"2.0\""));
    }
    let Some(Value::String(method)) = envelope.remove("method") else {
        return Err(refuse(id, "method is a string"));
    };
    match envelope.remove("params").unwrap_or(Value::Null) {
        Value::Null => Ok(Call { id, method, params: Value::Object(Map::new()) }),
        params @ Value::Object(_) => Ok(Call { id, method, params }),
        _ => Err((id, Error::invalid("params is an object"))),
    }
}

fn ask(method: &str, params: Value) -> Result<Ask, Error> {
    Ok(match method {
        methods::SEND_MESSAGE => Ask::Send(read(params)?),
        methods::SEND_STREAMING_MESSAGE => Ask::SendStreaming(read(params)?),
        methods::GET_TASK => Ask::Get(read(params)?),
        methods::LIST_TASKS => Ask::List(read(params)?),
        methods::CANCEL_TASK => Ask::Cancel(read(params)?),
        methods::SUBSCRIBE_TO_TASK => Ask::Subscribe(read(params)?),
        methods::CREATE_PUSH_CONFIG => Ask::CreatePush(read(params)?),
        methods::GET_PUSH_CONFIG => Ask::GetPush(read(params)?),
        methods::LIST_PUSH_CONFIGS => Ask::ListPushes(read(params)?),
        methods::DELETE_PUSH_CONFIG => Ask::DeletePush(read(params)?),
        methods::GET_EXTENDED_AGENT_CARD => Ask::ExtendedCard,
        unknown => {
            let message = format!("there is no method '{unknown}'");
            return Err(Error::new(error_code::METHOD_NOT_FOUND, message));
        }
    })
}

/// An answer as 1.0 writes it, over JSON-RPC and over HTTP+JSON alike.
pub(super) fn result(answer: &Answer) -> Value {
    match answer {
        Answer::Sent(sent) => value(sent),
        Answer::Task(task) => value(task),
        Answer::Tasks(tasks) => value(tasks),
        Answer::Push(config) => value(config),
        Answer::Pushes(configs) => value(configs),
        Answer::Card(card) => value(card),
        Answer::Done | Answer::Stream(_) => Value::Object(Map::new()),
    }
}

fn refuse(id: JsonRpcId, error: &Error, status: StatusCode, spoken: Version) -> Response {
    wire::json(status, JSON, &refusal(id, error, spoken))
}

fn refusal(id: JsonRpcId, error: &Error, spoken: Version) -> Value {
    let error = match spoken {
        Version::Legacy => legacy::error(error.json_rpc()),
        Version::Current => error.json_rpc(),
    };
    value(&JsonRpcResponse::error(id, error))
}

/// Every event of a stream is an answer to the one request.
fn encode(id: JsonRpcId, spoken: Version) -> Encode {
    Box::new(move |event| {
        let data = match event {
            Ok(update) => {
                let news = wire::news(&update);
                let result = match spoken {
                    Version::Legacy => legacy::news(news),
                    Version::Current => news,
                };
                value(&JsonRpcResponse::success(id.clone(), result))
            }
            Err(error) => refusal(id.clone(), &error, spoken),
        };
        (None, data)
    })
}
