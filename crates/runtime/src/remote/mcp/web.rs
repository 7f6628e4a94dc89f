//! A server with a URL: the streamable HTTP transport, over the checked client.
use std::collections::HashMap;
use std::sync::Arc;

use ainur_primitives::TraceContext;
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, GetMeta, JsonRpcMessage};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse,
};
use sse_stream::Sse;

use super::guard::Verdict;
use crate::failure::Failure;
use crate::limits::{REMOTE_CALLS_PER_SERVER_MAX, REMOTE_MESSAGE_BYTES_MAX};
use crate::remote::address::check_url;
use crate::remote::http::Clients;
use crate::remote::program::ToolServer;
use crate::remote::trace;

/// A transport to a URL, which is checked first.
pub(super) fn transport(
    clients: &Clients,
    server: &ToolServer,
    url: &str,
    allow_private: bool,
    verdict: Verdict,
) -> Result<StreamableHttpClientTransport<Judge>, Failure> {
    let (url, reach) =
        check_url(url, allow_private).map_err(|error| Failure::crashed(error.to_string()))?;
    let client = clients.get(reach).map_err(|error| Failure::infrastructure(error.to_string()))?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .max_concurrent_requests(REMOTE_CALLS_PER_SERVER_MAX)
        .max_sse_event_size(REMOTE_MESSAGE_BYTES_MAX)
        // A new session may have other tools: it is a new connection, with all its checks.
        .reinit_on_expired_session(false);
    match (&server.credential, &server.credential_header) {
        (None, _) => {}
        (Some(credential), None) => config.auth_header = Some(credential.expose().to_owned()),
        (Some(credential), Some(header)) => {
            let wrong = || Failure::infrastructure("the credential does not fit into its header");
            let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(credential.expose()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            config.custom_headers.insert(name, value);
        }
    }
    Ok(StreamableHttpClientTransport::with_client(Judge { client, verdict }, config))
}

type Headers = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;
type HttpError = StreamableHttpError<reqwest::Error>;

/// The client, with a word about answers that are too long: without it, they would look as if the
/// server had hung up.
#[derive(Clone)]
pub(super) struct Judge {
    client: reqwest::Client,
    verdict: Verdict,
}

impl Judge {
    fn watch(&self, events: Events) -> Events {
        let verdict = self.verdict.clone();
        events.inspect_err(move |error| judge_event(&verdict, error)).boxed()
    }

    fn judge<T>(&self, result: Result<T, HttpError>) -> Result<T, HttpError> {
        if let Err(StreamableHttpError::ResponseBodyTooLarge { max_size }) = &result {
            self.verdict.pass(too_long(*max_size));
        }
        result
    }
}

fn judge_event(verdict: &Verdict, error: &SseError) {
    // The library's own type for this cannot be named.
    if error.to_string().contains("maximum size") {
        verdict.pass(too_long(REMOTE_MESSAGE_BYTES_MAX));
    }
}

fn too_long(bytes_max: usize) -> Failure {
    Failure::limit(format!("it sent an answer longer than {bytes_max} bytes"))
}

/// What a request says of its trace in `_meta`, said in headers too: servers look there first.
fn with_context(message: &ClientJsonRpcMessage, mut headers: Headers) -> Headers {
    let JsonRpcMessage::Request(request) = message else { return headers };
    let meta = request.request.get_meta();
    let Some(context) =
        meta.get_traceparent().and_then(|parent| TraceContext::read(parent, meta.get_tracestate()))
    else {
        return headers;
    };
    let said = trace::headers(Some(&context)).into_iter();
    headers.extend(said.filter_map(|(name, value)| Some((name?, value))));
    headers
}

impl StreamableHttpClient for Judge {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        credential: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, HttpError> {
        let most = REMOTE_MESSAGE_BYTES_MAX;
        self.post_message_with_max_sse_event_size(
            uri, message, session_id, credential, headers, most,
        )
        .await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        credential: Option<String>,
        headers: Headers,
        bytes_max: usize,
    ) -> Result<StreamableHttpPostResponse, HttpError> {
        let headers = with_context(&message, headers);
        let answer = self
            .client
            .post_message_with_max_sse_event_size(
                uri, message, session_id, credential, headers, bytes_max,
            )
            .await;
        Ok(match self.judge(answer)? {
            StreamableHttpPostResponse::Sse(events, session) => {
                StreamableHttpPostResponse::Sse(self.watch(events), session)
            }
            other => other,
        })
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        credential: Option<String>,
        headers: Headers,
    ) -> Result<(), HttpError> {
        self.client.delete_session(uri, session_id, credential, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        credential: Option<String>,
        headers: Headers,
    ) -> Result<Events, HttpError> {
        let most = REMOTE_MESSAGE_BYTES_MAX;
        self.get_stream_with_max_sse_event_size(
            uri,
            session_id,
            last_event_id,
            credential,
            headers,
            most,
        )
        .await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        credential: Option<String>,
        headers: Headers,
        bytes_max: usize,
    ) -> Result<Events, HttpError> {
        let events = self
            .client
            .get_stream_with_max_sse_event_size(
                uri,
                session_id,
                last_event_id,
                credential,
                headers,
                bytes_max,
            )
            .await?;
        Ok(self.watch(events))
    }
}
