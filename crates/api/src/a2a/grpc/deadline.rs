//! Deadlines of calls: what `grpc-timeout` says, and an answer that ends by then.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tonic::Status;

use crate::a2a::limits::GRPC_DEADLINE_MS_MAX;

/// The header.
const TIMEOUT: &str = "grpc-timeout";
/// Digits in it, as the protocol has it.
const DIGITS_MAX: usize = 8;

/// When a call is over, if its caller said so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// What the caller said.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Status> {
        let Some(stated) = headers.get(TIMEOUT) else { return Ok(Self(None)) };
        let span = stated.to_str().ok().and_then(span).ok_or_else(|| {
            Status::invalid_argument("grpc-timeout is 1 to 8 digits and one of H, M, S, m, u, n")
        })?;
        let span = span.min(Duration::from_millis(GRPC_DEADLINE_MS_MAX));
        Ok(Self(Some(Instant::now() + span)))
    }

    /// So long, or until then when that is sooner.
    pub(super) fn within(self, span: Duration) -> Duration {
        self.0.map_or(span, |at| span.min(at.saturating_duration_since(Instant::now())))
    }

    /// What is answered by then.
    pub(super) async fn before<T>(self, answered: impl Future<Output = T>) -> Result<T, Status> {
        match self.0 {
            None => Ok(answered.await),
            Some(at) => timeout_at(at, answered).await.map_err(|_| exceeded()),
        }
    }
}

fn exceeded() -> Status {
    Status::deadline_exceeded("the call took longer than its grpc-timeout; a task goes on")
}

fn span(stated: &str) -> Option<Duration> {
    let (digits, unit) = stated.split_at_checked(stated.len().checked_sub(1)?)?;
    let is_number = (1..=DIGITS_MAX).contains(&digits.len());
    if !is_number || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The body of an answer: its first message is there already, so that its size is known, and it
/// ends when time is up.
pub(super) struct Timed {
    first: Option<Frame<Bytes>>,
    rest: tonic::body::Body,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    /// Waits for the first message.
    pub(super) async fn begin(
        response: Response<tonic::body::Body>,
        deadline: Deadline,
    ) -> Response<Body> {
        let (head, mut rest) = response.into_parts();
        let first = match rest.frame().await {
            None => None,
            Some(Ok(frame)) => Some(frame),
            Some(Err(status)) => return status.into_http(),
        };
        let deadline = deadline.0.map(|at| Box::pin(sleep_until(at)));
        Response::from_parts(head, Body::new(Self { first, rest, deadline }))
    }
}

impl hyper::body::Body for Timed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            // Nothing more of what was there is told.
            self.deadline = None;
            self.rest = tonic::body::Body::empty();
            let mut trailers = HeaderMap::new();
            let told = exceeded().add_header(&mut trailers);
            return Poll::Ready(Some(told.map(|()| Frame::trailers(trailers))));
        }
        Pin::new(&mut self.rest).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.first.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(here.saturating_add(self.rest.size_hint().lower()));
        hint
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn every_unit_is_read_and_nothing_else() {
        for (stated, wanted) in [
            ("2H", Duration::from_secs(7_200)),
            ("3M", Duration::from_secs(180)),
            ("4S", Duration::from_secs(4)),
            ("5m", Duration::from_millis(5)),
            ("6u", Duration::from_micros(6)),
            ("00000007n", Duration::from_nanos(7)),
            ("99999999H", Duration::from_secs(99_999_999 * 3_600)),
        ] {
            assert_eq!(span(stated), Some(wanted), "{stated}");
        }
        for wrong in ["", "H", "1", "-1S", "+1S", "1.5S", "123456789S", "1s", "1 S", "1é"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_deadline_that_is_too_late_is_brought_forward() {
        let mut headers = HeaderMap::new();
        assert!(Deadline::of(&headers).unwrap().0.is_none());
        headers.insert(TIMEOUT, "99999999H".parse().unwrap());
        let at = Deadline::of(&headers).unwrap().0.unwrap();
        assert!(at <= Instant::now() + Duration::from_millis(GRPC_DEADLINE_MS_MAX));
        headers.insert(TIMEOUT, "soon".parse().unwrap());
        assert_eq!(Deadline::of(&headers).unwrap_err().code(), Code::InvalidArgument);
    }
}
