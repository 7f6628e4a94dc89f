//! Bytes of requests and answers are weighed against what the server holds at once, in the name of
//! whoever asks: a body while it is kept, an answer until it was taken.
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use hyper::body::{Body as _, Frame, SizeHint};

use super::places::{Held, Holder, Places};
use crate::http::bounds::PIECE_BYTES;
use crate::http::document::Refusal;

/// Where the bytes of one request are weighed; it travels with the request.
#[derive(Clone)]
pub(crate) struct Scale {
    places: Places,
    holder: Holder,
}

impl Scale {
    pub(super) fn new(places: &Places, holder: Holder) -> Self {
        Self { places: places.clone(), holder }
    }

    /// That of a request that was let in.
    pub(super) fn of(request: &Request) -> Self {
        let found = request.extensions().get::<Self>().cloned();
        found.expect("the guard lets no request pass without one")
    }

    /// Nothing yet.
    pub(super) fn load(&self) -> Result<Load, Refusal> {
        let held = self.places.take(&self.holder, 0).ok_or_else(full)?;
        Ok(Load { bytes: Vec::new(), held })
    }
}

fn full() -> Refusal {
    Refusal::busy("the bytes of too many requests and answers are held (HELD_BYTES_MAX)")
}

/// Bytes that are weighed.
pub(super) struct Load {
    bytes: Vec<u8>,
    held: Held,
}

impl Load {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn add(&mut self, more: &[u8]) -> Result<(), Refusal> {
        if !self.held.resize((self.bytes.len() + more.len()) as u64) {
            return Err(full());
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }
}

impl AsRef<[u8]> for Load {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Load> for Bytes {
    fn from(load: Load) -> Self {
        Self::from_owner(load)
    }
}

/// A piece of an answer that the connection has not let go of.
struct Sent {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// An answer that is weighed until it was taken. Its first piece is free, so that whoever asks for
/// little is always answered.
pub(super) struct Weighed {
    inner: Body,
    held: Held,
    /// For the request.
    _place: Option<Held>,
}

impl Weighed {
    pub(super) fn new(inner: Body, scale: &Scale, place: Option<Held>) -> Result<Self, Refusal> {
        let bytes = weight(inner.size_hint().lower());
        let held = scale.places.take(&scale.holder, bytes).ok_or_else(full)?;
        Ok(Self { inner, held, _place: place })
    }
}

const fn weight(bytes: u64) -> u64 {
    bytes.saturating_sub(PIECE_BYTES as u64)
}

impl hyper::body::Body for Weighed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(context)?) else {
            return Poll::Ready(None);
        };
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        let rest = self.inner.size_hint().lower();
        let bytes = weight(length.saturating_add(rest));
        if !self.held.resize(bytes) {
            let full = std::io::Error::from(std::io::ErrorKind::QuotaExceeded);
            return Poll::Ready(Some(Err(axum::Error::new(full))));
        }
        // What was handed over is held until the connection lets go of it, which may be long after
        // this body is gone.
        let held = self.held.split(bytes - weight(rest));
        let frame = frame.map_data(|bytes| Bytes::from_owner(Sent { bytes, _held: held }));
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn piece_is_weighed_until_the_connection_lets_go_of_it() {
        let (places, client) = (Places::quartered(4 << 20), Holder::Client("a".into()));
        let scale = Scale::new(&places, client.clone());
        let answer = Body::from(vec![0; 1 << 20]);
        let mut body = Weighed::new(answer, &scale, None).expect("there is room");
        let frame = body.frame().await.expect("a frame").expect("its bytes");
        let last = frame.into_data().expect("data").split_off(1000);
        drop(body);
        assert!(places.take(&client, 1 << 17).is_none(), "it is on its way");
        drop(last);
        assert!(places.take(&client, 1 << 17).is_some());
    }
}
