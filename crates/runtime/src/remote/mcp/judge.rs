//! Requests of the streamable HTTP transport and their answers. Every byte of an answer is measured
//! and paid for before it is read; a server that sends too much loses its connection.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ainur_primitives::TraceContext;
use futures_util::stream::{self, BoxStream, StreamExt};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, Response, StatusCode};
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, GetMeta, JsonRpcMessage, ServerJsonRpcMessage,
};
use rmcp::transport::common::http_header::{
    EVENT_STREAM_MIME_TYPE, HEADER_LAST_EVENT_ID, HEADER_SESSION_ID, JSON_MIME_TYPE,
};
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, HttpStatusError, InsufficientScopeError, SseError, StreamableHttpClient,
    StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::Sse;
use tokio::time::sleep;

use super::events::{EventError, Parser};
use super::guard::Verdict;
use super::meter::Meter;
use crate::failure::Failure;
use crate::limits::{
    EVENT_STREAM_PAUSE_MS_MAX, EVENT_STREAM_PAUSE_MS_MIN, HTTP_ERROR_BYTES_MAX,
    REMOTE_MESSAGE_BYTES_MAX,
};
use crate::remote::budget::{Account, Held};
use crate::remote::http::{self, BodyError};
use crate::remote::trace;

type Headers = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;
type HttpError = StreamableHttpError<reqwest::Error>;
type Posted = Result<StreamableHttpPostResponse, HttpError>;

/// What an answer is held against.
#[derive(Clone)]
pub(super) struct Judge {
    verdict: Verdict,
    meter: Meter,
    account: Account,
}

impl Judge {
    pub(super) fn new(verdict: Verdict, meter: Meter, account: Account) -> Self {
        Self { verdict, meter, account }
    }

    /// Ends the connection.
    fn pass(&self, failure: Failure) -> HttpError {
        self.verdict.pass(failure.clone());
        StreamableHttpError::UnexpectedServerResponse(failure.detail.into())
    }

    async fn body(
        &self,
        mut response: Response,
        bytes_max: usize,
    ) -> Result<(Vec<u8>, Held), HttpError> {
        let mut held = self.account.open();
        match http::body(&mut response, bytes_max as u64, &mut held).await {
            Ok(body) => Ok((body, held)),
            Err(BodyError::TooLong) => {
                let detail = format!("it sent an answer longer than {bytes_max} bytes");
                Err(self.pass(Failure::limit(detail)))
            }
            Err(BodyError::Memory(failure)) => Err(self.pass(failure)),
            Err(BodyError::Broken(error)) => Err(StreamableHttpError::Client(error)),
        }
    }

    /// The one message of an answer that is no stream; none when it is not for us.
    async fn message(
        &self,
        response: Response,
    ) -> Result<Result<Option<ServerJsonRpcMessage>, serde_json::Error>, HttpError> {
        let (body, mut held) = self.body(response, REMOTE_MESSAGE_BYTES_MAX).await?;
        let heard = self.meter.hear(&body).map_err(|failure| self.pass(failure))?;
        held.grow(heard.weight).map_err(|failure| self.pass(failure))?;
        if !heard.is_answer && is_answer_of_any_kind(&body) {
            return Ok(Ok(None));
        }
        Ok(serde_json::from_slice(&body).map(Some))
    }

    fn events(&self, response: Response) -> Events {
        let reading = Reading {
            response,
            judge: self.clone(),
            parser: Parser::default(),
            piece: Vec::new(),
            taken: 0,
            held: self.account.open(),
        };
        stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading?;
            match reading.next().await {
                Ok(Some(event)) => Some((Ok(event), Some(reading))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }
}

/// An answer nobody waits for is not passed on: nobody knows what would be kept of it.
fn is_answer_of_any_kind(text: &[u8]) -> bool {
    serde_json::from_slice::<ServerJsonRpcMessage>(text).is_ok_and(|message| {
        matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_))
    })
}

/// A stream of events that is being received.
struct Reading {
    response: Response,
    judge: Judge,
    parser: Parser,
    /// What arrived last, and how much of it was looked at.
    piece: Vec<u8>,
    taken: usize,
    /// Pays for all of this, and for the last event until the next one is asked for.
    held: Held,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Sse>, SseError> {
        loop {
            let mut rest = &self.piece[self.taken..];
            let event = self.parser.feed(&mut rest);
            self.taken = self.piece.len() - rest.len();
            let holds = self.piece.capacity() + 2 * self.parser.bytes();
            self.held.shrink(holds);
            let noise = self.parser.take_noise();
            let checked = self.judge.meter.hear_noise(noise).and_then(|()| self.held.cover(holds));
            checked.map_err(|failure| self.end(failure))?;
            match event {
                Ok(Some(event)) => {
                    if self.judge_event(&event).map_err(|failure| self.end(failure))? {
                        return Ok(Some(event));
                    }
                }
                Ok(None) => match self.response.chunk().await {
                    Ok(Some(piece)) => (self.piece, self.taken) = (piece.to_vec(), 0),
                    Ok(None) => return Ok(None),
                    Err(error) => return Err(SseError::Body(Box::new(error))),
                },
                Err(error @ EventError::TooLong) => {
                    return Err(self.end(Failure::limit(error.to_string())));
                }
                Err(error @ EventError::NotText) => {
                    return Err(self.end(Failure::crashed(error.to_string())));
                }
            }
        }
    }

    /// Whether an event is passed on.
    fn judge_event(&mut self, event: &Sse) -> Result<bool, Failure> {
        let text = event.data.as_deref().unwrap_or_default().as_bytes();
        let is_message = matches!(event.event.as_deref(), None | Some("" | "message"));
        let name = event.event.as_ref().map_or(0, String::len);
        if !is_message || text.is_empty() {
            self.judge.meter.hear_noise(name + text.len() + 1)?;
            // It may hold the name of a place or a pause.
            return Ok(!is_message || event.id.is_some() || event.retry.is_some());
        }
        let heard = self.judge.meter.hear(text)?;
        self.held.grow(heard.weight)?;
        Ok(heard.is_answer || !is_answer_of_any_kind(text))
    }

    fn end(&self, failure: Failure) -> SseError {
        self.judge.verdict.pass(failure.clone());
        SseError::Body(Box::new(failure))
    }
}

/// The client of the transport. Clones are for the same connection.
#[derive(Clone)]
pub(super) struct Web {
    client: reqwest::Client,
    judge: Judge,
}

impl Web {
    pub(super) fn new(client: reqwest::Client, judge: Judge) -> Self {
        Self { client, judge }
    }
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
        let opened = self.judge.meter.open_stream();
        let Some(before) = opened.filter(|_| self.judge.verdict.failure().is_none()) else {
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
