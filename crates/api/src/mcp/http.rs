//! The MCP server over streamable HTTP: one endpoint, no sessions. Each request stands for itself
//! and is served under the terms of the token it carries; clients of versions before 2026-07-28,
//! which may do without a session, are answered all the same.
use std::sync::Arc;
use std::time::Duration;

use ainur_primitives::Amount;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use rmcp::model::ServerJsonRpcMessage;
use rmcp::transport::streamable_http_server::SessionManager;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler};
use tokio::time::timeout;

use super::conformance::Endpoint;
use super::{McpServer, Terms};
use crate::access::Caller;
use crate::http::bounds::{Bounds, OPERATION_BYTES_MAX};
use crate::http::document::Refusal;
use crate::http::server::calls::Calls;
use crate::http::server::route::{collect, is_json, json};

/// Where it is served.
pub(crate) const MCP_PATH: &str = "/mcp";
/// The most a call of the node's own operator may cost when it says nothing.
const OWNER_RESERVE: Amount = Amount::ainu(1);

/// The endpoint: the market's, or that of the fixtures.
pub(crate) fn router(fixtures: Option<Arc<Endpoint>>) -> Router<Arc<Calls>> {
    let served = match fixtures {
        None => any(serve),
        Some(fixtures) => any(move |State(calls): State<Arc<Calls>>, request: Request| {
            let fixtures = Arc::clone(&fixtures);
            async move { fixtures.answer(request, &calls.bounds).await }
        }),
    };
    Router::new().route(MCP_PATH, served)
}

async fn serve(
    State(calls): State<Arc<Calls>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let terms = Terms {
        reserve: caller.per_task().unwrap_or(OWNER_RESERVE),
        budget: caller.budget(),
        deadline: None,
    };
    let server = McpServer::among(Arc::clone(&calls), caller, terms);
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(NeverSessionManager::default()),
        configuration(),
    );
    answer(service, request, &calls.bounds).await
}

/// What the SDK answers. It treats a message that it cannot read as one of a foreign media type,
/// where JSON-RPC has an error of its own; that is what the client gets instead.
pub(super) async fn answer<S, M>(
    service: StreamableHttpService<S, M>,
    request: Request,
    bounds: &Bounds,
) -> Response
where
    S: ServerHandler,
    M: SessionManager,
{
    let stated_json = is_json(request.headers());
    // The SDK waits for a body as long as it takes; whoever sends none must not keep a place.
    let (head, body) = request.into_parts();
    let whole = Request::from_parts(head.clone(), body);
    let collecting = collect(whole, OPERATION_BYTES_MAX);
    let body = match timeout(Duration::from_millis(bounds.operation_ms_max), collecting).await {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return refusal.into_response(),
        Err(_) => return Refusal::timeout().into_response(),
    };
    let request = Request::from_parts(head, Body::from(body));
    let response = service.handle(request).await;
    if response.status() != StatusCode::UNSUPPORTED_MEDIA_TYPE || !stated_json {
        return response.map(Body::new);
    }
    let error = ErrorData::parse_error("this is no message of the protocol", None);
    let refusal = json(&ServerJsonRpcMessage::error(error, None));
    (StatusCode::BAD_REQUEST, refusal).into_response()
}

/// Hosts and origins are checked by the guard before every route.
fn configuration() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(OPERATION_BYTES_MAX)
}
