//! The card at its well-known places: for anyone, and kept by those who ask with its tag.
use std::sync::Arc;

use ainur_crypto::hash;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::handler::Handler;
use super::{legacy, wire};

/// How long a card may be kept, in seconds.
const MAX_AGE: &str = "public, max-age=60";
const JSON: &str = "application/json";

/// `GET /.well-known/agent-card.json`.
pub(super) async fn card(State(handler): State<Arc<Handler>>, headers: HeaderMap) -> Response {
    answer(&handler, &headers, |card| card).await
}

/// `GET /.well-known/agent.json`.
pub(super) async fn legacy_card(
    State(handler): State<Arc<Handler>>,
    headers: HeaderMap,
) -> Response {
    answer(&handler, &headers, legacy::card).await
}

async fn answer(
    handler: &Handler,
    headers: &HeaderMap,
    shape: impl FnOnce(Value) -> Value,
) -> Response {
    let base = wire::base(handler, headers);
    let push = handler.pushes.is_some();
    let card = match handler.cards.public(&handler.calls, &base, push).await {
        Ok(card) => card,
        Err(error) => return wire::json(error.status(), JSON, &error.rest()),
    };
    let body = shape(wire::value(&card));
    let tag = format!("\"{}\"", hash::tagged("ainur/a2a/card/v1", &[body.to_string().as_bytes()]));
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        wire::json(StatusCode::OK, JSON, &body)
    };
    let given = response.headers_mut();
    given.insert(header::CACHE_CONTROL, HeaderValue::from_static(MAX_AGE));
    // Its addresses are those it was asked for at.
    given.insert(header::VARY, HeaderValue::from_static("Host"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        given.insert(header::ETAG, tag);
    }
    response
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter();
    let known = known.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    known.map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}
