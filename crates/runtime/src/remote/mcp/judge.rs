//! Answers over HTTP. Every byte of them is measured and paid for before it is read; a server that
//! sends too much loses its connection.
use futures_util::stream::{self, BoxStream, StreamExt};
use reqwest::Response;
use rmcp::model::{JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{SseError, StreamableHttpError};
use sse_stream::Sse;

use super::events::{EventError, Parser};
use super::guard::Verdict;
use super::meter::Meter;
use crate::failure::Failure;
use crate::limits::REMOTE_MESSAGE_BYTES_MAX;
use crate::remote::budget::{Account, Held};
use crate::remote::http::{self, BodyError};

pub(super) type Events = BoxStream<'static, Result<Sse, SseError>>;
pub(super) type HttpError = StreamableHttpError<reqwest::Error>;

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

    /// Whether the connection was ended.
    pub(super) fn has_passed(&self) -> bool {
        self.verdict.failure().is_some()
    }

    /// See [`Meter::open_stream`].
    pub(super) fn open_stream(&self) -> Option<u32> {
        self.meter.open_stream()
    }

    /// Ends the connection.
    fn pass(&self, failure: Failure) -> HttpError {
        self.verdict.pass(failure.clone());
        StreamableHttpError::UnexpectedServerResponse(failure.detail.into())
    }

    /// All bytes of an answer, and what pays for them.
    pub(super) async fn body(
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
    pub(super) async fn message(
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

    /// The events of an answer that is a stream.
    pub(super) fn events(&self, response: Response) -> Events {
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
