//! Between a transport and the protocol: a server that sends too much, or leaves too much unread,
//! loses its connection.
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::JsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::failure::Failure;
use crate::limits::{
    REMOTE_MESSAGE_BYTES_MAX, REMOTE_MESSAGES_PER_SECOND_MAX, REMOTE_REQUESTS_MAX,
};

/// Why a connection was cut, when it was by us.
#[derive(Clone, Default)]
pub(super) struct Verdict(Arc<VerdictState>);

#[derive(Default)]
struct VerdictState {
    failure: OnceLock<Failure>,
    passed: Notify,
}

impl Verdict {
    /// The first one counts.
    pub(super) fn pass(&self, failure: Failure) {
        self.0.failure.get_or_init(|| failure);
        self.0.passed.notify_one();
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.0.failure.get().cloned()
    }
}

/// A transport within limits.
pub(super) struct Guarded<T> {
    inner: T,
    verdict: Verdict,
    /// How long one message may take to be sent; for ever when `None`.
    send_max: Option<Duration>,
    second: Instant,
    /// Messages of this second that are no answers.
    unasked: u32,
    /// Our requests it may still answer.
    expected: usize,
    /// Its requests we did not answer yet.
    unanswered: Arc<AtomicUsize>,
}

impl<T> Guarded<T> {
    pub(super) fn new(inner: T, verdict: Verdict, send_max: Option<Duration>) -> Self {
        Self {
            inner,
            verdict,
            send_max,
            second: Instant::now(),
            unasked: 0,
            expected: 0,
            unanswered: Arc::default(),
        }
    }

    fn check(&mut self, message: &RxJsonRpcMessage<RoleClient>) -> Result<(), Failure> {
        let is_answer = matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_));
        if is_answer && self.expected > 0 {
            self.expected -= 1;
            return Ok(());
        }
        let now = Instant::now();
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.unasked = 0;
        }
        self.unasked += 1;
        if self.unasked > REMOTE_MESSAGES_PER_SECOND_MAX {
            let most = REMOTE_MESSAGES_PER_SECOND_MAX;
            return Err(Failure::limit(format!("it sent more than {most} messages in a second")));
        }
        if matches!(message, JsonRpcMessage::Request(_))
            && self.unanswered.fetch_add(1, Ordering::Relaxed) >= REMOTE_REQUESTS_MAX
        {
            let most = REMOTE_REQUESTS_MAX;
            return Err(Failure::limit(format!("it asked more than {most} questions at once")));
        }
        Ok(())
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Guarded<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let is_answer = matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_));
        self.expected += usize::from(matches!(message, JsonRpcMessage::Request(_)));
        let sending = self.inner.send(message);
        let (verdict, send_max) = (self.verdict.clone(), self.send_max);
        let unanswered = Arc::clone(&self.unanswered);
        async move {
            let mut sending = pin!(sending);
            let result = match send_max {
                None => sending.await,
                Some(send_max) => match timeout(send_max, &mut sending).await {
                    Ok(result) => result,
                    Err(_) => {
                        verdict.pass(Failure::crashed("it does not read what it is sent"));
                        // Ended with the connection.
                        sending.await
                    }
                },
            };
            if is_answer {
                unanswered.fetch_sub(1, Ordering::Relaxed);
            }
            result
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = tokio::select! {
            () = self.verdict.0.passed.notified() => return None,
            message = self.inner.receive() => message?,
        };
        match self.check(&message) {
            Ok(()) => Some(message),
            Err(failure) => {
                self.verdict.pass(failure);
                None
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}

/// A stream of lines that ends when one is longer than a message may be.
pub(super) struct Lines<R> {
    inner: R,
    verdict: Verdict,
    /// Bytes since the last end of a line.
    bytes: usize,
}

impl<R> Lines<R> {
    pub(super) fn new(inner: R, verdict: Verdict) -> Self {
        Self { inner, verdict, bytes: 0 }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Lines<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let new = &buffer.filled()[before..];
        self.bytes = match new.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => new.len() - end - 1,
            None => self.bytes + new.len(),
        };
        if self.bytes > REMOTE_MESSAGE_BYTES_MAX {
            let most = REMOTE_MESSAGE_BYTES_MAX;
            let failure = Failure::limit(format!("it sent a line longer than {most} bytes"));
            let error = io::Error::other(failure.clone());
            self.verdict.pass(failure);
            // Nothing was read when reading is an error.
            buffer.set_filled(before);
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn line_without_end_ends_the_stream() {
        let verdict = Verdict::default();
        let mut endless = Lines::new(tokio::io::repeat(b'a'), verdict.clone());
        let read = endless.read_to_end(&mut Vec::new()).await;
        assert!(read.is_err());
        assert!(verdict.failure().is_some_and(|failure| failure.detail.contains("line longer")));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn many_short_lines_are_fine() {
        let text = "short\n".repeat(4 << 20);
        let mut lines = Lines::new(text.as_bytes(), Verdict::default());
        assert_eq!(lines.read_to_end(&mut Vec::new()).await.unwrap(), text.len());
    }
}
