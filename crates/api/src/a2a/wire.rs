//! What the bindings have in common: who asks, which bytes, and how an answer is written.
use std::time::Duration;

use a2a_types::{StreamResponse, error_code};
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::card::EXTENSION;
use super::desk::Visit;
use super::error::Error;
use super::handler::Handler;
use super::limits::BODY_BYTES_MAX;
use crate::access::Caller;
use crate::http::document::Refusal;
use crate::http::server::collect;

/// The header that names extensions.
const EXTENSIONS: HeaderName = HeaderName::from_static("a2a-extensions");
/// The header under which 0.3 names extensions.
const EXTENSIONS_LEGACY: HeaderName = HeaderName::from_static("x-a2a-extensions");

/// Who asks, and where.
pub(super) fn visit(handler: &Handler, caller: Caller, headers: &HeaderMap) -> Visit {
    Visit { caller, base: base(handler, headers) }
}

/// The address the server was reached at.
pub(super) fn base(handler: &Handler, headers: &HeaderMap) -> String {
    if let Some(url) = &handler.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    format!("{}://{}", handler.calls.scheme, host.unwrap_or("localhost"))
}

/// The body of a request, which is JSON when it says what it is.
pub(super) async fn body(handler: &Handler, request: Request) -> Result<Bytes, Error> {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    if let Some(stated) = media_type
        && !stated.to_str().is_ok_and(is_json)
    {
        return Err(Error::content_type("a request is sent as application/json")
            .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let time_max = Duration::from_millis(handler.calls.bounds.operation_ms_max);
    let body = timeout(time_max, collect(request, BODY_BYTES_MAX)).await;
    let refused = |refusal: Refusal| {
        let status = refusal.status();
        Error::new(error_code::INVALID_REQUEST, refusal.into_problem().message).with_status(status)
    };
    body.unwrap_or_else(|_| Err(Refusal::timeout())).map_err(refused)
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A value as what it should be.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::invalid(error.to_string()))
}

/// What the node means to say, as JSON.
pub(super) fn value(value: &impl Serialize) -> Value {
    // All of them are structs and maps with names that are text.
    serde_json::to_value(value).expect("answers become JSON")
}

/// News as JSON, in the version of 1.0.
pub(super) fn news(update: &StreamResponse) -> Value {
    value(update)
}

/// JSON with its media type.
pub(super) fn json(status: StatusCode, media_type: &'static str, value: &Value) -> Response {
    let mut response = (status, value.to_string()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Says which of the extensions that were asked for is active.
pub(super) fn with_extensions(mut response: Response, asked: &HeaderMap) -> Response {
    let named = [EXTENSIONS, EXTENSIONS_LEGACY].iter().any(|name| {
        let values = asked.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|uri| uri.trim() == EXTENSION)
    });
    if named {
        let active = HeaderValue::from_static(EXTENSION);
        response.headers_mut().insert(EXTENSIONS, active);
    }
    response
}
