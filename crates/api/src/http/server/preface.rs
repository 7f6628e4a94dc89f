//! Which version of HTTP a caller speaks, found out from the first bytes it sends.
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What every connection of HTTP/2 begins with. No request of HTTP/1 begins so.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

/// A stream whose first bytes were looked at, and are read again.
pub(super) struct Replayed<S> {
    seen: [u8; PREFACE.len()],
    seen_bytes: usize,
    given_bytes: usize,
    inner: S,
}

/// Reads until the version is known, or the stream ends. HTTP/1 is what is not HTTP/2.
pub(super) async fn open<S: AsyncRead + Unpin>(mut inner: S) -> io::Result<(Spoken, Replayed<S>)> {
    let mut seen = [0; PREFACE.len()];
    let mut seen_bytes = 0;
    let spoken = loop {
        let read = inner.read(&mut seen[seen_bytes..]).await?;
        seen_bytes += read;
        if read == 0 || !PREFACE.starts_with(&seen[..seen_bytes]) {
            break Spoken::Http1;
        }
        if seen_bytes == PREFACE.len() {
            break Spoken::Http2;
        }
    };
    Ok((spoken, Replayed { seen, seen_bytes, given_bytes: 0, inner }))
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let end = self.seen_bytes.min(self.given_bytes + buffer.remaining());
        if self.given_bytes < end {
            buffer.put_slice(&self.seen[self.given_bytes..end]);
            self.given_bytes = end;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn heard(sent: &[u8]) -> (Spoken, Vec<u8>) {
        let (spoken, mut opened) = open(sent).await.unwrap();
        let mut read = Vec::new();
        opened.read_to_end(&mut read).await.unwrap();
        (spoken, read)
    }

    #[tokio::test]
    async fn version_is_told_from_the_first_bytes_and_none_of_them_is_lost() {
        let http2 = [&PREFACE[..], b"frames"].concat();
        assert_eq!(heard(&http2).await, (Spoken::Http2, http2.clone()));
        for other in
            [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PRI * HTTP/1.1\r\n\r\n", b"PRI *", b"", b"P"]
        {
            assert_eq!(heard(other).await, (Spoken::Http1, other.to_vec()));
        }
    }
}
