//! How a server is told to stop.
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A handle that stops every server it was given to; copies are the same signal.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Sender<bool>);

impl StopSignal {
    /// A signal that has not been given.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Gives the signal; again does nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has been given.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is given.
    pub(crate) async fn stopped(&self) {
        self.0.subscribe().wait_for(|stopped| *stopped).await.expect("self holds the sender");
    }

    /// Gives the signal when the process is asked to end.
    pub(super) fn on_signals(&self) -> io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            stop.stop();
        });
        Ok(())
    }
}

impl Default for StopSignal {
    fn default() -> Self {
        Self::new()
    }
}
