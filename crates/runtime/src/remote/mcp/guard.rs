//! Between a transport and the protocol: a server that asks too much, or leaves too much unread,
//! loses its connection. How much it sends is counted [where its bytes arrive](super::meter).
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::JsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::meter::Meter;
use crate::failure::Failure;
use crate::limits::REMOTE_REQUESTS_MAX;

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
    meter: Meter,
    /// How long one message may take to be sent; for ever when `None`.
    send_max: Option<Duration>,
    /// Its requests we did not answer yet.
    unanswered: Arc<AtomicUsize>,
}

impl<T> Guarded<T> {
    pub(super) fn new(
        inner: T,
        verdict: Verdict,
        meter: Meter,
        send_max: Option<Duration>,
    ) -> Self {
        Self { inner, verdict, meter, send_max, unanswered: Arc::default() }
    }

    fn check(&mut self, message: &RxJsonRpcMessage<RoleClient>) -> Result<(), Failure> {
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
        if matches!(message, JsonRpcMessage::Request(_)) {
            self.meter.ask();
        }
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
