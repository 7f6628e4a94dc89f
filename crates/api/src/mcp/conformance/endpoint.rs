//! The fixtures behind the path of the MCP server.
use std::sync::Arc;
use std::time::Duration;

use ainur_crypto::entropy::random_bytes;
use axum::extract::Request;
use axum::response::Response;
use rmcp::model::RequestStateCodec;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::change::Changes;
use super::jobs::Jobs;
use super::limits::RETRY_MS;
use super::sessions::Sessions;
use super::{Fixtures, Shared};
use crate::http::bounds::OPERATION_BYTES_MAX;
use crate::http::{Bounds, Error, StopSignal};
use crate::mcp::http;

/// Bytes of the key that seals the state of unfinished calls.
const KEY_BYTES: usize = RequestStateCodec::MIN_KEY_LENGTH;

/// Answers requests with the fixtures.
pub(crate) struct Endpoint {
    service: StreamableHttpService<Fixtures, Sessions>,
    configuration: StreamableHttpServerConfig,
}

impl Endpoint {
    /// An endpoint without sessions yet.
    ///
    /// # Errors
    /// When there is no randomness for a key.
    pub(crate) fn new() -> Result<Self, Error> {
        let key = random_bytes::<KEY_BYTES>()?;
        let codec = RequestStateCodec::new_unchecked(key);
        let shared = Arc::new(Shared { changes: Changes::new(), codec, jobs: Jobs::new() });
        let configuration = configuration();
        let service = StreamableHttpService::new(
            move || Ok(Fixtures::new(Arc::clone(&shared))),
            Arc::new(Sessions::new()),
            configuration.clone(),
        );
        Ok(Self { service, configuration })
    }

    /// Ends all streams and sessions when the server stops, which would wait for them otherwise.
    /// Must be called from async code.
    pub(crate) fn start(&self, stop: StopSignal) {
        let streams = self.configuration.cancellation_token.clone();
        tokio::spawn(async move {
            stop.stopped().await;
            streams.cancel();
        });
    }

    pub(crate) async fn answer(&self, request: Request, bounds: &Bounds) -> Response {
        http::answer(self.service.clone(), request, bounds).await
    }
}

/// Hosts and origins are checked by the guard before every route.
fn configuration() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(true)
        .with_json_response(true)
        .with_sse_retry(Some(Duration::from_millis(RETRY_MS)))
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(OPERATION_BYTES_MAX)
}
