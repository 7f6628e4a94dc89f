//! Servers with a URL.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ainur_primitives::FailureReason;
use ainur_runtime::remote::{Secret, ServerEndpoint, ToolServer};
use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::server::{Server, wait_for_trace};
use crate::stage::{Stage, limits};

/// A server that runs until it is dropped.
struct Web {
    runtime: Option<Runtime>,
    address: SocketAddr,
}

impl Web {
    fn start(stage: &Stage, old: bool) -> Self {
        Self::start_at(stage, old, "127.0.0.1:0".parse().unwrap())
    }

    fn start_at(stage: &Stage, old: bool, address: SocketAddr) -> Self {
        let server = Server { old, witness: stage.witness.path().to_owned() };
        let service = StreamableHttpService::new(
            move || Ok(server.clone()),
            Arc::new(LocalSessionManager::default()),
            StreamableHttpServerConfig::default(),
        );
        let moved = || async { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/mcp")]) };
        let routes = Router::new()
            .nest_service("/mcp", service.clone())
            .nest_service("/guarded", Router::new().fallback_service(service).layer(from_fn(guard)))
            .route("/moved", axum::routing::any(moved));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self { runtime: Some(runtime), address }
    }

    fn server(&self, path: &str, allow_private: bool) -> ToolServer {
        let url = format!("http://{}/{path}", self.address);
        ToolServer::new(ServerEndpoint::Url { url, allow_private })
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn guard(request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if sent == Some("Bearer open sesame") || request.headers().contains_key("x-key") {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response()
}

pub(crate) fn server_with_a_url_describes_itself_and_is_called() {
    let stage = Stage::new();
    let web = Web::start(&stage, false);
    let program = stage.added(&web.server("mcp", true));
    let outcome = stage.call(&program, "add", json!({"a": 1, "b": 2}));
    assert_eq!(outcome.output, br#"{"sum":3}"#, "{outcome:?}");
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "web"})), "web");
    stage.call(&program, "fail", json!({})).failed(FailureReason::Declined);
    stage.call(&program, "invalid", json!({})).failed(FailureReason::Declined);
    let said = stage.text(&program, "big", json!({"bytes": 3 << 20}));
    assert_eq!(said.len(), 3 << 20);
}

pub(crate) fn old_sessions_work_and_lost_ones_are_opened_again() {
    let stage = Stage::new();
    let mut web = Web::start(&stage, true);
    let program = stage.added(&web.server("mcp", true));
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "one"})), "one");
    // Another process at the same place: it does not know the session.
    let address = web.address;
    web.stop();
    let _web = Web::start_at(&stage, true, address);
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "two"})), "two");
    // A new session is a new look at the tools.
    std::fs::write(stage.witness.path().join("fickle"), "does harm").unwrap();
    drop(_web);
    let _web = Web::start_at(&stage, true, address);
    stage.call(&program, "fickle", json!({})).failed(FailureReason::Declined);
}

pub(crate) fn credential_is_sent_and_its_absence_is_named() {
    let stage = Stage::new();
    let web = Web::start(&stage, false);
    let mut server = web.server("guarded", true);
    let error = stage.describe(&server).unwrap_err().to_string();
    assert!(error.contains("credential"), "{error}");
    server.credential = Some(Secret::new("open sesame".into()));
    let program = stage.added(&server);
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "in"})), "in");
    server.credential_header = Some("x-key".into());
    let program = stage.added(&server);
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "in"})), "in");
}

pub(crate) fn answer_larger_than_a_message_is_a_limit() {
    for old in [true, false] {
        let stage = Stage::new();
        let web = Web::start(&stage, old);
        let program = stage.added(&web.server("mcp", true));
        let outcome = stage.call(&program, "big", json!({"bytes": 17 << 20}));
        outcome.failed(FailureReason::LimitExceeded);
        assert_eq!(stage.text(&program, "echo-text", json!({"text": "on"})), "on");
    }
}

pub(crate) fn changed_tool_is_refused_over_http() {
    let stage = Stage::new();
    let web = Web::start(&stage, true);
    let program = stage.added(&web.server("mcp", true));
    assert_eq!(stage.text(&program, "fickle", json!({})), "done");
    assert_eq!(stage.text(&program, "change", json!({})), "changed");
    std::thread::sleep(Duration::from_millis(300));
    let outcome = stage.call(&program, "fickle", json!({}));
    assert!(outcome.failed(FailureReason::Declined).contains("ainur agent accept"));
}

pub(crate) fn call_over_http_times_out_and_the_server_is_told() {
    for old in [true, false] {
        let stage = Stage::new();
        let web = Web::start(&stage, old);
        let program = stage.added(&web.server("mcp", true));
        let job = stage.start(&program, "hang", json!({}), limits(700));
        stage.finish(job).failed(FailureReason::TimedOut);
        assert!(wait_for_trace(stage.witness.path(), "cancelled"), "old: {old}");
        assert_eq!(stage.text(&program, "echo-text", json!({"text": "on"})), "on");
    }
}

pub(crate) fn progress_arrives_over_http() {
    let stage = Stage::new();
    let web = Web::start(&stage, false);
    let program = stage.added(&web.server("mcp", true));
    let outcome = stage.call(&program, "progress", json!({}));
    assert!(outcome.progress.len() >= 2, "{outcome:?}");
}

pub(crate) fn server_that_vanishes_during_a_call_crashed() {
    let stage = Stage::new();
    let mut web = Web::start(&stage, false);
    let program = stage.added(&web.server("mcp", true));
    let job = stage.start(&program, "hang", json!({}), limits(20_000));
    assert!(wait_for_trace(stage.witness.path(), "hanging"));
    web.stop();
    stage.finish(job).failed(FailureReason::Crashed);
    // And while it is away.
    stage.call(&program, "echo-text", json!({})).failed(FailureReason::Crashed);
}

pub(crate) fn private_address_needs_permission() {
    let stage = Stage::new();
    let web = Web::start(&stage, false);
    let error = stage.describe(&web.server("mcp", false)).unwrap_err().to_string();
    assert!(error.contains("https"), "{error}");
    for host in ["127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433"] {
        let url = format!("https://{host}:{}/mcp", web.address.port());
        let server = ToolServer::new(ServerEndpoint::Url { url, allow_private: false });
        let error = stage.describe(&server).unwrap_err().to_string();
        assert!(error.contains("private address"), "{host}: {error}");
    }
}

pub(crate) fn name_of_a_private_address_is_refused() {
    let stage = Stage::new();
    let web = Web::start(&stage, false);
    let url = format!("https://localhost:{}/mcp", web.address.port());
    let server = ToolServer::new(ServerEndpoint::Url { url, allow_private: false });
    let error = stage.describe(&server).unwrap_err().to_string();
    assert!(error.contains("private address"), "{error}");
    let url = format!("http://localhost:{}/mcp", web.address.port());
    let server = ToolServer::new(ServerEndpoint::Url { url, allow_private: true });
    assert!(stage.describe(&server).is_ok());
}

pub(crate) fn redirect_is_not_followed() {
    let stage = Stage::new();
    let web = Web::start(&stage, false);
    let error = stage.describe(&web.server("moved", true)).unwrap_err().to_string();
    assert!(error.contains("307"), "{error}");
}
