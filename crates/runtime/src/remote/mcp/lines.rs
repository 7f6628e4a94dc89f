//! Messages as lines, between us and a server that is a command. A line is measured and paid for
//! before it is read; one that is no message is counted and passed over.
use std::io;
use std::sync::Arc;

use rmcp::RoleClient;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;

use super::guard::Verdict;
use super::meter::Meter;
use crate::failure::Failure;
use crate::limits::REMOTE_MESSAGE_BYTES_MAX;
use crate::remote::budget::Held;

/// Bytes there is room for when nothing was read yet.
const ROOM_BYTES: usize = 64 << 10;

/// A transport over a pair of pipes.
pub(super) struct Lines<R, W> {
    from: R,
    to: Arc<Mutex<Option<W>>>,
    verdict: Verdict,
    meter: Meter,
    /// What was read; what was passed on is in front until there is more to read.
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// No line ends between there and here.
    searched: usize,
    /// Pays for the buffer, and for the message in it while that is read.
    held: Held,
}

impl<R, W> Lines<R, W> {
    pub(super) fn new(from: R, to: W, verdict: Verdict, meter: Meter, held: Held) -> Self {
        let to = Arc::new(Mutex::new(Some(to)));
        Self { from, to, verdict, meter, buffer: Vec::new(), start: 0, searched: 0, held }
    }

    /// The next message in the buffer, if there is one.
    fn next(&mut self) -> Result<Option<RxJsonRpcMessage<RoleClient>>, Failure> {
        loop {
            let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
            let Some(end) = end.map(|end| self.searched + end) else {
                self.searched = self.buffer.len();
                if self.searched - self.start > REMOTE_MESSAGE_BYTES_MAX {
                    let most = REMOTE_MESSAGE_BYTES_MAX;
                    let detail = format!("it sent a line longer than {most} bytes");
                    return Err(Failure::limit(detail));
                }
                return Ok(None);
            };
            let message = self.read(end)?;
            (self.start, self.searched) = (end + 1, end + 1);
            self.held.shrink(self.buffer.capacity());
            if message.is_some() {
                return Ok(message);
            }
        }
    }

    /// Makes room to read on.
    fn make_room(&mut self) -> Result<(), Failure> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            (self.start, self.searched) = (0, self.searched - self.start);
        }
        if self.buffer.len() < ROOM_BYTES {
            // The room of a long line is given back.
            self.buffer.shrink_to(2 * ROOM_BYTES);
        }
        self.buffer.reserve(ROOM_BYTES);
        self.held.shrink(self.buffer.capacity());
        self.held.cover(self.buffer.capacity())
    }

    /// Reads the line that ends there.
    fn read(&mut self, end: usize) -> Result<Option<RxJsonRpcMessage<RoleClient>>, Failure> {
        let line = &self.buffer[self.start..end];
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        if line.is_empty() {
            self.meter.hear_noise(end + 1 - self.start)?;
            return Ok(None);
        }
        let heard = self.meter.hear(line)?;
        self.held.grow(heard.weight)?;
        match serde_json::from_slice(line) {
            Ok(message) => Ok(Some(message)),
            Err(error) => {
                // As all clients do: it may be what a library of the server prints, and what
                // answers to it could be answered in turn, for ever.
                tracing::debug!(%error, "a server wrote a line that is no message");
                Ok(None)
            }
        }
    }
}

impl<R: AsyncRead + Unpin, W> Lines<R, W> {
    /// Waits for the next message. It may be given up and begun again.
    async fn next_message(&mut self) -> Result<Option<RxJsonRpcMessage<RoleClient>>, Failure> {
        loop {
            if let Some(message) = self.next()? {
                return Ok(Some(message));
            }
            self.make_room()?;
            match self.from.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                // Why it ended is asked of the process.
                Ok(0) | Err(_) => return Ok(None),
            }
        }
    }
}

impl<R, W> Transport<RoleClient> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let to = Arc::clone(&self.to);
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let mut to = to.lock().await;
            let to = to.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            to.write_all(&line).await?;
            to.flush().await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.next_message().await.unwrap_or_else(|failure| {
            self.verdict.pass(failure);
            None
        })
    }

    async fn close(&mut self) -> io::Result<()> {
        drop(self.to.lock().await.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::JsonRpcMessage;

    use super::*;
    use crate::remote::budget::Budget;

    const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

    fn lines<R: AsyncRead>(from: R) -> (Lines<R, tokio::io::Sink>, Verdict) {
        let (verdict, held) = (Verdict::default(), Budget::default().account().open());
        let to = tokio::io::sink();
        (Lines::new(from, to, verdict.clone(), Meter::default(), held), verdict)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn line_without_end_is_a_limit() {
        let (mut endless, verdict) = lines(tokio::io::repeat(b'a'));
        assert!(endless.receive().await.is_none());
        assert!(verdict.failure().is_some_and(|failure| failure.detail.contains("line longer")));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn lines_that_are_no_messages_are_passed_over_and_counted() {
        for garbage in ["garbage\n", "\n", "{\"method\":7}\n", "\u{feff} \r\n"] {
            let text = format!("{}{PING}\r\n", garbage.repeat(100));
            let (mut some, verdict) = lines(text.as_bytes());
            assert!(matches!(some.receive().await, Some(JsonRpcMessage::Request(_))), "{garbage}");
            assert!(some.receive().await.is_none() && verdict.failure().is_none());
        }
        let blank = " ".repeat(1 << 20) + "\n";
        for (garbage, many) in [("garbage\n", 10_000), ("{\"method\":7}\n", 10_000), (&blank, 5)] {
            let text = garbage.repeat(many);
            let (mut many, verdict) = lines(text.as_bytes());
            assert!(many.receive().await.is_none());
            let failure = verdict.failure().unwrap();
            assert!(failure.detail.contains("in a second"), "{}", failure.detail);
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn message_is_read_however_it_is_cut() {
        let text = format!("{PING}\n{PING}\n");
        for at in 0..text.len() {
            let (first, second) = text.as_bytes().split_at(at);
            let (mut cut, _) = lines(first.chain(second));
            for _ in 0..2 {
                assert!(matches!(cut.receive().await, Some(JsonRpcMessage::Request(_))), "{at}");
            }
            assert!(cut.receive().await.is_none());
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn room_of_a_long_line_is_given_back() {
        let text = format!("{}\n{PING}\n", " ".repeat(3 << 20));
        let (mut long, verdict) = lines(text.as_bytes());
        assert!(long.receive().await.is_some(), "{:?}", verdict.failure());
        assert!(long.receive().await.is_none());
        assert!(long.buffer.capacity() <= 2 * ROOM_BYTES, "{}", long.buffer.capacity());
    }
}
