//! A server with a URL: the streamable HTTP transport, over the checked client.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ainur_primitives::TraceContext;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, Response, StatusCode};
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, GetMeta, JsonRpcMessage, ServerJsonRpcMessage,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::http_header::{
    EVENT_STREAM_MIME_TYPE, HEADER_LAST_EVENT_ID, HEADER_SESSION_ID, JSON_MIME_TYPE,
};
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, HttpStatusError, InsufficientScopeError, StreamableHttpClient,
    StreamableHttpClientTransportConfig, StreamableHttpError, StreamableHttpPostResponse,
};
use tokio::time::sleep;

use super::judge::{Events, HttpError, Judge};
use crate::failure::Failure;
use crate::limits::{
    EVENT_STREAM_PAUSE_MS_MAX, EVENT_STREAM_PAUSE_MS_MIN, HTTP_ERROR_BYTES_MAX,
    REMOTE_CALLS_PER_SERVER_MAX, REMOTE_MESSAGE_BYTES_MAX,
};
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
    judge: Judge,
) -> Result<StreamableHttpClientTransport<Web>, Failure> {
    let (url, reach) =
        check_url(url, allow_private).map_err(|error| Failure::crashed(error.to_string()))?;
    let client = clients.get(reach).map_err(|error| Failure::infrastructure(error.to_string()))?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .max_concurrent_requests(REMOTE_CALLS_PER_SERVER_MAX)
        .max_sse_event_size(REMOTE_MESSAGE_BYTES_MAX)
        // A new session may have other tools: it is a new connection, with all its checks.
        .reinit_on_expired_session(false);
    // What waits in channels was read and is paid for by nobody.
    config.channel_buffer_capacity = 1;
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
    Ok(StreamableHttpClientTransport::with_client(Web { client, judge }, config))
}

type Headers = HashMap<HeaderName, HeaderValue>;
type Posted = Result<StreamableHttpPostResponse, HttpError>;

/// The client of the transport. Clones are for the same connection.
#[derive(Clone)]
pub(super) struct Web {
    client: reqwest::Client,
    judge: Judge,
}

/// Headers that are said by the transport itself.
const RESERVED: [&str; 3] = ["accept", "mcp-session-id", "last-event-id"];

fn with_headers(
    mut request: RequestBuilder,
    session: Option<&str>,
    credential: Option<String>,
    headers: Headers,
) -> Result<RequestBuilder, HttpError> {
    request = request.header(ACCEPT, [EVENT_STREAM_MIME_TYPE, JSON_MIME_TYPE].join(", "));
    if let Some(credential) = credential {
        request = request.bearer_auth(credential);
    }
    if let Some(session) = session {
        request = request.header(HEADER_SESSION_ID, session);
    }
    for (name, value) in headers {
        if RESERVED.contains(&name.as_str()) {
            return Err(StreamableHttpError::ReservedHeaderConflict(name.to_string()));
        }
        request = request.header(name, value);
    }
    Ok(request)
}

/// Refusals that name a credential.
fn check_credential(status: StatusCode, headers: &HeaderMap) -> Result<(), HttpError> {
    let Some(challenge) = headers.get(WWW_AUTHENTICATE) else { return Ok(()) };
    let challenge = String::from_utf8_lossy(challenge.as_bytes()).into_owned();
    match status {
        StatusCode::UNAUTHORIZED => {
            Err(StreamableHttpError::AuthRequired(AuthRequiredError::new(challenge)))
        }
        StatusCode::FORBIDDEN => {
            let scope = InsufficientScopeError::new(challenge, None);
            Err(StreamableHttpError::InsufficientScope(scope))
        }
        _ => Ok(()),
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let said = headers.get(CONTENT_TYPE)?;
    Some(String::from_utf8_lossy(said.as_bytes()).to_ascii_lowercase())
}

fn is_media_type(said: Option<&str>, wanted: &str) -> bool {
    said.is_some_and(|said| said.starts_with(wanted))
}

/// Whether a message is what came of a request.
fn answers(request: &ClientJsonRpcMessage, answer: &ServerJsonRpcMessage) -> bool {
    let JsonRpcMessage::Request(request) = request else { return false };
    match answer {
        JsonRpcMessage::Response(answer) => answer.id.to_string() == request.id.to_string(),
        // Some servers cannot say which.
        JsonRpcMessage::Error(error) => {
            error.id.as_ref().is_none_or(|id| id.to_string() == request.id.to_string())
        }
        _ => false,
    }
}

impl Web {
    async fn post(
        &self,
        request: RequestBuilder,
        message: &ClientJsonRpcMessage,
        has_session: bool,
    ) -> Posted {
        let response = request.send().await?;
        let status = response.status();
        check_credential(status, response.headers())?;
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if status == StatusCode::NOT_FOUND && has_session {
            return Err(StreamableHttpError::SessionExpired);
        }
        if !status.is_success() {
            return self.refused(response, message, has_session).await;
        }
        let is_request = matches!(message, JsonRpcMessage::Request(_));
        if !is_request && response.content_length() == Some(0) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let session = response.headers().get(HEADER_SESSION_ID);
        let session = session.and_then(|session| session.to_str().ok()).map(str::to_owned);
        let said = media_type(response.headers());
        if is_media_type(said.as_deref(), EVENT_STREAM_MIME_TYPE) {
            return Ok(StreamableHttpPostResponse::Sse(self.judge.events(response), session));
        }
        if !is_media_type(said.as_deref(), JSON_MIME_TYPE) {
            return Err(StreamableHttpError::UnexpectedContentType(said));
        }
        match self.judge.message(response).await? {
            Ok(Some(answer)) if answers(message, &answer) => {
                Ok(StreamableHttpPostResponse::Json(answer, session))
            }
            // Nobody waits for an answer to what is no request.
            Ok(_) | Err(_) if !is_request => Ok(StreamableHttpPostResponse::Accepted),
            // The answer that is waited for would never come.
            Ok(_) => Err(StreamableHttpError::UnexpectedServerResponse(
                "it answered something that it was not asked".into(),
            )),
            Err(error) => Err(StreamableHttpError::Deserialize(error)),
        }
    }

    /// An answer that is no success. Some of them hold an error of the protocol.
    async fn refused(
        &self,
        response: Response,
        message: &ClientJsonRpcMessage,
        has_session: bool,
    ) -> Posted {
        let status = response.status();
        let is_json = is_media_type(media_type(response.headers()).as_deref(), JSON_MIME_TYPE);
        let is_busy = status == StatusCode::TOO_MANY_REQUESTS;
        if is_busy || (status.is_server_error() && !is_json) {
            return Err(HttpStatusError::new(status.as_u16(), None).into());
        }
        let (body, _held) = self.judge.body(response, HTTP_ERROR_BYTES_MAX).await?;
        let said = match serde_json::from_slice(&body) {
            Ok(said @ ServerJsonRpcMessage::Error(_)) => Some(said),
            _ => None,
        };
        let is_forbidden = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if let JsonRpcMessage::Request(request) = message
            && matches!(request.request, ClientRequest::DiscoverRequest(_))
            && status.is_client_error()
            && !is_forbidden
            && !has_session
        {
            // A server that does not know the newest way of beginning. It may not name what it
            // refuses, and the older way is tried when it is named.
            let error = match said {
                Some(ServerJsonRpcMessage::Error(said)) => said.error,
                _ => ErrorData::invalid_request(format!("refused with HTTP {status}"), None),
            };
            let answer = ServerJsonRpcMessage::error(error, Some(request.id.clone()));
            return Ok(StreamableHttpPostResponse::Json(answer, None));
        }
        match said {
            Some(said) if is_json && !is_forbidden => {
                Ok(StreamableHttpPostResponse::Json(said, None))
            }
            _ if status.is_server_error() => {
                Err(HttpStatusError::new(status.as_u16(), None).into())
            }
            _ => {
                let body = crate::detail::clean(&String::from_utf8_lossy(&body));
                let said = format!("HTTP {status}: {body}");
                Err(StreamableHttpError::UnexpectedServerResponse(said.into()))
            }
        }
    }
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

impl StreamableHttpClient for Web {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        credential: Option<String>,
        headers: Headers,
    ) -> Posted {
        let body = serde_json::to_vec(&message)?;
        let headers = with_context(&message, headers);
        let request = self.client.post(&*uri).header(CONTENT_TYPE, JSON_MIME_TYPE).body(body);
        let request = with_headers(request, session.as_deref(), credential, headers)?;
        self.post(request, &message, session.is_some()).await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        credential: Option<String>,
        headers: Headers,
    ) -> Result<(), HttpError> {
        let request = self.client.delete(&*uri);
        let request = with_headers(request, Some(&session), credential, headers)?;
        let response = request.send().await?;
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            return Ok(());
        }
        response.error_for_status()?;
        Ok(())
    }

    /// Also called for a stream that ended or broke, by a transport that would do so without end.
    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        credential: Option<String>,
        headers: Headers,
    ) -> Result<Events, HttpError> {
        let opened = self.judge.open_stream();
        let Some(before) = opened.filter(|_| !self.judge.has_passed()) else {
            // What makes the transport give up.
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        };
        if before > 0 {
            let doubled = EVENT_STREAM_PAUSE_MS_MIN << before.min(16);
            sleep(Duration::from_millis(doubled.min(EVENT_STREAM_PAUSE_MS_MAX))).await;
        }
        let mut request = self.client.get(&*uri);
        if let Some(last_event) = last_event {
            request = request.header(HEADER_LAST_EVENT_ID, last_event);
        }
        let request = with_headers(request, session.as_deref(), credential, headers)?;
        let response = request.send().await?;
        let status = response.status();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        check_credential(status, response.headers())?;
        let response = response.error_for_status()?;
        let said = media_type(response.headers());
        if !is_media_type(said.as_deref(), EVENT_STREAM_MIME_TYPE) {
            return Err(StreamableHttpError::UnexpectedContentType(said));
        }
        Ok(self.judge.events(response))
    }
}
