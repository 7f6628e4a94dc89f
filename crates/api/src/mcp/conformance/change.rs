//! Lists that change while others look: one tool and one prompt that come and go, and who is told.
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::service::SubscriptionContext;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::limits::CHANGES_AHEAD_MAX;

/// Which list changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Tools,
    Prompts,
}

/// What comes and goes.
pub(super) struct Changes {
    tool: AtomicBool,
    prompt: AtomicBool,
    told: broadcast::Sender<Change>,
}

impl Changes {
    pub(super) fn new() -> Self {
        let told = broadcast::Sender::new(CHANGES_AHEAD_MAX);
        Self { tool: AtomicBool::new(false), prompt: AtomicBool::new(false), told }
    }

    const fn of(&self, change: Change) -> &AtomicBool {
        match change {
            Change::Tools => &self.tool,
            Change::Prompts => &self.prompt,
        }
    }

    /// Whether the entry of that list that comes and goes is there.
    pub(super) fn is_there(&self, change: Change) -> bool {
        self.of(change).load(Ordering::Relaxed)
    }

    /// Lets it come, or go.
    pub(super) fn make(&self, change: Change) {
        self.of(change).fetch_xor(true, Ordering::Relaxed);
        // That nobody listens is no failure.
        drop(self.told.send(change));
    }

    /// Tells a subscriber of what it asked for until it goes.
    pub(super) async fn tell(&self, subscriber: &SubscriptionContext) {
        let mut news = self.told.subscribe();
        let wanted = subscriber.accepted();
        loop {
            let change = tokio::select! {
                () = subscriber.cancelled() => return,
                change = news.recv() => change,
            };
            let sent = match change {
                Ok(Change::Tools) if wanted.tools_list_changed == Some(true) => {
                    subscriber.sink().notify_tool_list_changed().await
                }
                Ok(Change::Prompts) if wanted.prompts_list_changed == Some(true) => {
                    subscriber.sink().notify_prompt_list_changed().await
                }
                // Who was too slow learns of the next change; the lists are read anew anyway.
                Ok(_) | Err(RecvError::Lagged(_)) => Ok(()),
                Err(RecvError::Closed) => return,
            };
            if sent.is_err() {
                return;
            }
        }
    }
}
