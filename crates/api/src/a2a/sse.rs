//! News as server-sent events.
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use a2a_types::StreamResponse;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Frame;
use serde_json::Value;
use tokio::time::{Instant, Interval, interval_at};

use super::error::Error;
use super::handler::Events;
use super::limits::KEEP_ALIVE_MS;

/// A comment, so that nobody in between takes silence for the end.
const COMMENT: &[u8] = b": still here\n\n";

/// One event: its name, when it has one, and its data.
pub(super) type Event = (Option<&'static str>, Value);

/// How an event is written.
pub(super) type Encode = Box<dyn FnMut(Result<StreamResponse, Error>) -> Event + Send>;

/// The body of an answer that goes on.
struct Frames {
    events: Events,
    encode: Encode,
    silence: Interval,
}

/// An answer that tells of every event until the last.
pub(super) fn response(events: Events, encode: Encode) -> Response {
    let period = Duration::from_millis(KEEP_ALIVE_MS);
    let silence = interval_at(Instant::now() + period, period);
    let mut response = Response::new(Body::new(Frames { events, encode, silence }));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn write((name, data): Event) -> Bytes {
    let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    // JSON has its line ends escaped, so that the data is one line.
    Bytes::from(format!("{name}data: {data}\n\n"))
}

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |bytes| Poll::Ready(Some(Ok(Frame::data(bytes))));
        match self.events.poll_recv(context) {
            Poll::Ready(Some(event)) => {
                self.silence.reset();
                let event = (self.encode)(event);
                frame(write(event))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.silence.poll_tick(context) {
                Poll::Ready(_) => frame(Bytes::from_static(COMMENT)),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use a2a_types::{Message, Part, Role};
    use http_body_util::BodyExt;
    use tokio::sync::mpsc;

    use super::*;
    use crate::a2a::wire;

    #[tokio::test]
    async fn silence_is_filled_with_comments_and_events_are_one_line_each() {
        let (sender, events) = mpsc::channel(1);
        let encode: Encode = Box::new(|event| match event {
            Ok(update) => (None, wire::news(&update)),
            Err(error) => (Some("error"), error.rest()),
        });
        let period = Duration::from_millis(5);
        let silence = interval_at(Instant::now() + period, period);
        let mut frames = Frames { events, encode, silence };
        let next = async |frames: &mut Frames| {
            let frame = frames.frame().await.unwrap().unwrap();
            String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
        };
        assert_eq!(next(&mut frames).await.as_bytes(), COMMENT);
        assert_eq!(next(&mut frames).await.as_bytes(), COMMENT);
        let message = Message::new(Role::Agent, vec![Part::text("two\nlines")]);
        sender.try_send(Ok(StreamResponse::Message(message))).unwrap();
        let event = next(&mut frames).await;
        assert!(event.starts_with("data: {\"message\":") && event.ends_with("}\n\n"), "{event}");
        assert_eq!(event.lines().count(), 2, "{event}");
        sender.try_send(Err(Error::unsupported("no"))).unwrap();
        assert!(next(&mut frames).await.starts_with("event: error\ndata: {\"error\":"));
        drop(sender);
        assert!(frames.frame().await.is_none());
    }
}
