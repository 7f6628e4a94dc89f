//! Bodies between the network and a service that reads and writes: a slow caller holds up one
//! thread, for a bounded time.
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::places::Held;
use crate::http::bounds::{Bounds, DRAIN_BYTES_MAX, DRAIN_MS_MAX, PIECE_BYTES, PIECES_AHEAD_MAX};
use crate::http::document::Refusal;
use crate::problem::Problem;

/// A request's body as something to read, on a thread that may block.
pub(super) struct Source {
    body: Body,
    chunk: Bytes,
    bytes_left: u64,
    bytes_max: u64,
    stall: Duration,
    runtime: Handle,
    /// What is wrong with the body, whatever the reader makes of the failed read.
    refusal: Option<Refusal>,
}

impl Source {
    pub(super) fn new(body: Body, bounds: &Bounds) -> Self {
        Self {
            body,
            chunk: Bytes::new(),
            bytes_left: bounds.blob_bytes_max,
            bytes_max: bounds.blob_bytes_max,
            stall: bounds.stall(),
            runtime: Handle::current(),
            refusal: None,
        }
    }

    /// What the caller is answered: what was wrong with the body if anything was, whatever the
    /// reader made of it. Lets the caller of a refused body come to the point where it listens.
    pub(super) fn conclude<T>(self, result: Result<T, Problem>) -> Result<T, Refusal> {
        let refusal = match (self.refusal, result) {
            (None, Ok(value)) => return Ok(value),
            (None, Err(problem)) => problem.into(),
            (Some(refusal), _) => refusal,
        };
        self.runtime.block_on(drain(self.body, DRAIN_BYTES_MAX));
        Err(refusal)
    }

    fn refuse(&mut self, refusal: Refusal, kind: io::ErrorKind) -> io::Error {
        self.refusal = Some(refusal);
        kind.into()
    }

    /// The next bytes; empty at the end.
    fn next_chunk(&mut self) -> io::Result<Bytes> {
        loop {
            let frame =
                self.runtime.block_on(async { timeout(self.stall, self.body.frame()).await });
            let chunk = match frame {
                Err(_) => return Err(self.refuse(Refusal::timeout(), io::ErrorKind::TimedOut)),
                Ok(None) => return Ok(Bytes::new()),
                Ok(Some(Err(_))) => {
                    let refusal = Refusal::invalid("the body of the request broke off");
                    return Err(self.refuse(refusal, io::ErrorKind::UnexpectedEof));
                }
                Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            };
            let length = u64::try_from(chunk.len()).expect("a length fits in 64 bits");
            let Some(bytes_left) = self.bytes_left.checked_sub(length) else {
                let refusal = Refusal::too_large(self.bytes_max);
                return Err(self.refuse(refusal, io::ErrorKind::FileTooLarge));
            };
            self.bytes_left = bytes_left;
            if !chunk.is_empty() {
                return Ok(chunk);
            }
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            if self.refusal.is_some() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.chunk = self.next_chunk()?;
        }
        let length = buffer.len().min(self.chunk.len());
        buffer[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}

/// Reads and forgets what is left of a body, within bounds.
pub(super) async fn drain(mut body: Body, bytes_max: u64) {
    let deadline = Instant::now() + Duration::from_millis(DRAIN_MS_MAX);
    let mut bytes_left = bytes_max;
    while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match bytes_left.checked_sub(u64::try_from(length).unwrap_or(u64::MAX)) {
            Some(left) => bytes_left = left,
            None => break,
        }
    }
}

/// A piece of an answer. Without an end the answer is broken off, so that nobody takes a part of
/// a blob for the whole.
pub(super) enum Piece {
    /// More of it.
    Bytes(Bytes),
    /// That was all.
    End,
    /// It cannot go on.
    Failed(Problem),
}

/// An answer's body as something to write to, on a thread that may block.
pub(super) struct Sink {
    buffer: Vec<u8>,
    pieces: mpsc::Sender<Piece>,
    stall: Duration,
    runtime: Handle,
}

impl Sink {
    /// A sink, and where its pieces come out.
    pub(super) fn new(bounds: &Bounds) -> (Self, mpsc::Receiver<Piece>) {
        let (pieces, receiver) = mpsc::channel(PIECES_AHEAD_MAX);
        let (stall, runtime) = (bounds.stall(), Handle::current());
        (Self { buffer: Vec::new(), pieces, stall, runtime }, receiver)
    }

    /// Ends the answer as the service did.
    pub(super) fn finish(mut self, result: Result<u64, Problem>) {
        let last = match result {
            Ok(_) if self.flush().is_err() => return,
            Ok(_) => Piece::End,
            Err(problem) => Piece::Failed(problem),
        };
        // A caller who is gone, or takes nothing, sees no end; that is all it needs to be told.
        drop(self.send(last));
    }

    fn send(&self, piece: Piece) -> io::Result<()> {
        match self.runtime.block_on(async { timeout(self.stall, self.pieces.send(piece)).await }) {
            Ok(sent) => sent.map_err(|_| io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(PIECE_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..length]);
        if self.buffer.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
        self.send(Piece::Bytes(piece.into()))
    }
}

/// The pieces as a body for hyper.
pub(super) struct Pieces {
    pub(super) first: Option<Bytes>,
    pub(super) rest: mpsc::Receiver<Piece>,
    /// For the pieces ahead.
    pub(super) _held: Held,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        Poll::Ready(match ready!(self.rest.poll_recv(context)) {
            Some(Piece::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => None,
            Some(Piece::Failed(_)) | None => Some(Err(io::ErrorKind::BrokenPipe.into())),
        })
    }
}
