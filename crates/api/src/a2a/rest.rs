//! HTTP+JSON: paths of tasks and messages, with the shapes of the version the caller speaks.
use std::collections::BTreeMap;
use std::sync::Arc;

use a2a_types::{StreamResponse, error_code};
use axum::Extension;
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::error::Error;
use super::handler::{Answer, Ask, Handler};
use super::legacy::rest as legacy;
use super::rpc;
use super::sse::{self, Encode};
use super::version::Version;
use super::wire::{self, read};
use crate::access::Caller;

const A2A_JSON: &str = "application/a2a+json";
const CANCEL: &str = ":cancel";
const SUBSCRIBE: &str = ":subscribe";

/// What of a query is a number.
const NUMBERS: [&str; 2] = ["historyLength", "pageSize"];
/// What of a query is yes or no.
const FLAGS: [&str; 1] = ["includeArtifacts"];

/// Answers everything below `/a2a/v1/`.
pub(super) async fn serve(
    State(handler): State<Arc<Handler>>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let stated = Version::of(&headers, request.uri().query());
    let is_silent = !headers.contains_key(a2a_types::SVC_PARAM_VERSION);
    let mut spoken = stated.as_ref().copied().unwrap_or(Version::Current);
    let visit = wire::visit(&handler, caller, &headers);
    let answered = async {
        stated?;
        let asked = ask(&handler, &path, request, &mut spoken, is_silent).await?;
        handler.answer(&visit, spoken, asked).await
    };
    let answered = answered.await;
    let response = match answered {
        Ok(Answer::Stream(events)) => sse::response(events, encode(spoken)),
        Ok(answer) => {
            let body = match spoken {
                Version::Current => rpc::result(&answer),
                Version::Legacy => legacy::answer(&answer),
            };
            wire::json(StatusCode::OK, A2A_JSON, &body)
        }
        Err(error) => {
            let body = refusal(&error, spoken);
            let media_type = if spoken == Version::Current { A2A_JSON } else { "application/json" };
            wire::json(error.status(), media_type, &body)
        }
    };
    wire::with_extensions(response, &headers)
}

/// What a method and a path ask for.
async fn ask(
    handler: &Handler,
    path: &str,
    request: Request,
    spoken: &mut Version,
    is_silent: bool,
) -> Result<Ask, Error> {
    let method = request.method().clone();
    let segments: Vec<_> = path.split('/').collect();
    let [get, post] = [method == Method::GET, method == Method::POST];
    match segments.as_slice() {
        ["message:send"] if post => {
            read(message(handler, request, spoken, is_silent).await?).map(Ask::Send)
        }
        ["message:stream"] if post => {
            read(message(handler, request, spoken, is_silent).await?).map(Ask::SendStreaming)
        }
        ["tasks"] if get => read(query(&request)?).map(Ask::List),
        ["tasks", named] if get || post => task(handler, named, get, request).await,
        ["tasks", task, "pushNotificationConfigs"] if get => {
            read(with(query(&request)?, "taskId", task)).map(Ask::ListPushes)
        }
        ["tasks", task, "pushNotificationConfigs"] if post => {
            let config = body(handler, request).await?;
            let config = match spoken {
                Version::Current => config,
                Version::Legacy => legacy::push_in(config)?,
            };
            read(with(config, "taskId", task)).map(Ask::CreatePush)
        }
        ["tasks", task, "pushNotificationConfigs", id] => {
            let named = json!({ "taskId": task, "id": id });
            match method {
                Method::GET => read(named).map(Ask::GetPush),
                Method::DELETE => read(named).map(Ask::DeletePush),
                _ => Err(no_method(&method, path)),
            }
        }
        // The second is what 0.3 calls it.
        ["extendedAgentCard" | "card"] if get => Ok(Ask::ExtendedCard),
        _ => Err(no_method(&method, path)),
    }
}

/// `tasks/{id}`, with or without something to do behind it.
async fn task(handler: &Handler, named: &str, get: bool, request: Request) -> Result<Ask, Error> {
    if let Some(id) = named.strip_suffix(SUBSCRIBE) {
        return read(json!({ "id": id })).map(Ask::Subscribe);
    }
    match (named.strip_suffix(CANCEL), get) {
        (None, true) => read(with(query(&request)?, "id", named)).map(Ask::Get),
        (Some(id), false) => {
            let metadata = body(handler, request).await?.get("metadata").cloned();
            read(json!({ "id": id, "metadata": metadata })).map(Ask::Cancel)
        }
        (Some(_), true) | (None, false) => Err(no_method(request.method(), named)),
    }
}

/// A message with its configuration. Whoever states no version and sends one of 1.0 means 1.0.
async fn message(
    handler: &Handler,
    request: Request,
    spoken: &mut Version,
    is_silent: bool,
) -> Result<Value, Error> {
    let request = body(handler, request).await?;
    let parts = request.get("message").and_then(|message| message.get("parts"));
    if is_silent && parts.is_some() {
        *spoken = Version::Current;
    }
    match *spoken {
        Version::Current => Ok(request),
        Version::Legacy => legacy::send_in(request),
    }
}

/// The body as JSON; one that is absent is an empty object.
async fn body(handler: &Handler, request: Request) -> Result<Value, Error> {
    let bytes = wire::body(handler, request).await?;
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_slice(&bytes) {
        Ok(body @ Value::Object(_)) => Ok(body),
        Ok(_) => Err(Error::invalid("a request is one JSON object")),
        Err(error) => Err(Error::new(error_code::PARSE_ERROR, format!("no JSON: {error}"))),
    }
}

/// The query as JSON.
fn query(request: &Request) -> Result<Value, Error> {
    let Query(pairs) = Query::<BTreeMap<String, String>>::try_from_uri(request.uri())
        .map_err(|error| Error::invalid(error.to_string()))?;
    let mut query = Map::new();
    for (name, text) in pairs {
        let refuse = || Error::invalid(format!("{name} cannot be '{text}'"));
        let value = if NUMBERS.contains(&name.as_str()) {
            json!(text.parse::<i32>().map_err(|_| refuse())?)
        } else if FLAGS.contains(&name.as_str()) {
            json!(text.parse::<bool>().map_err(|_| refuse())?)
        } else {
            json!(text)
        };
        query.insert(name, value);
    }
    Ok(Value::Object(query))
}

fn with(mut value: Value, name: &str, text: &str) -> Value {
    value[name] = json!(text);
    value
}

fn no_method(method: &Method, path: &str) -> Error {
    Error::new(error_code::METHOD_NOT_FOUND, format!("there is no {method} of '{path}'"))
}

fn refusal(error: &Error, spoken: Version) -> Value {
    match spoken {
        Version::Current => error.rest(),
        Version::Legacy => legacy::error(error),
    }
}

fn encode(spoken: Version) -> Encode {
    Box::new(move |event: Result<StreamResponse, Error>| match event {
        Ok(update) => {
            let news = wire::news(&update);
            let data = match spoken {
                Version::Current => news,
                Version::Legacy => legacy::news(news),
            };
            (None, data)
        }
        Err(error) => (Some("error"), refusal(&error, spoken)),
    })
}
