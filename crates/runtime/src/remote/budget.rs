//! How much memory remotes may take in this process: everything they send is paid for out of one
//! account each, and all accounts out of one budget, in bytes, from before it is read until it is
//! given up.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::failure::Failure;
use crate::limits::{REMOTE_HELD_BYTES_MAX, REMOTE_HELD_BYTES_PER_AGENT_MAX};

/// What all remotes of one pool take together. Clones are the same budget.
#[derive(Clone, Default)]
pub(super) struct Budget(Arc<AtomicU64>);

/// What one remote takes. Clones are the same account.
#[derive(Clone)]
pub(super) struct Account {
    budget: Budget,
    own: Arc<AtomicU64>,
}

/// A part of what is taken, given back when it is dropped.
pub(super) struct Held {
    account: Account,
    bytes: u64,
}

/// Bytes that are kept in memory together with what was paid for them.
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    _held: Held,
}

impl Output {
    pub(super) fn new(bytes: Vec<u8>, held: Held) -> Self {
        Self { bytes, _held: held }
    }
}

impl Budget {
    /// An account for one more remote.
    pub(super) fn account(&self) -> Account {
        Account { budget: self.clone(), own: Arc::default() }
    }
}

impl Account {
    /// Nothing yet, to be grown.
    pub(super) fn open(&self) -> Held {
        Held { account: self.clone(), bytes: 0 }
    }

    /// Nothing is taken.
    pub(super) fn is_empty(&self) -> bool {
        self.own.load(Ordering::Relaxed) == 0
    }

    /// Takes a number of bytes, or says that there are none left.
    pub(super) fn take(&self, bytes: u64) -> Result<Held, Failure> {
        let mut held = self.open();
        held.grow(bytes)?;
        Ok(held)
    }
}

/// Adds, if the sum is no more than may be.
fn add(to: &AtomicU64, bytes: u64, most: u64) -> bool {
    let sum = |now: u64| now.checked_add(bytes).filter(|sum| *sum <= most);
    to.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
}

impl Held {
    /// Takes more, or says that there is none left and keeps what it has. Nobody is to blame: it
    /// depends on what others take.
    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), Failure> {
        let Account { budget, own } = &self.account;
        if !add(own, bytes, REMOTE_HELD_BYTES_PER_AGENT_MAX) {
            return Err(Failure::infrastructure(format!(
                "the node holds no more than {REMOTE_HELD_BYTES_PER_AGENT_MAX} bytes of one remote \
                 agent at once: ask it for less at a time"
            )));
        }
        if !add(&budget.0, bytes, REMOTE_HELD_BYTES_MAX) {
            own.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Failure::infrastructure(format!(
                "the node holds no more than {REMOTE_HELD_BYTES_MAX} bytes of remote agents at \
                 once, and others take them: try again later"
            )));
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Takes as much as is missing to this number of bytes.
    pub(super) fn cover(&mut self, bytes: usize) -> Result<(), Failure> {
        self.grow((bytes as u64).saturating_sub(self.bytes))
    }

    /// Gives back what is beyond this number of bytes.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let rest = self.bytes.saturating_sub(bytes as u64);
        self.account.own.fetch_sub(rest, Ordering::Relaxed);
        self.account.budget.0.fetch_sub(rest, Ordering::Relaxed);
        self.bytes -= rest;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_remote_gets_its_share_and_leaves_the_rest_to_others() {
        let budget = Budget::default();
        let (greedy, modest) = (budget.account(), budget.account());
        let mut held = greedy.take(REMOTE_HELD_BYTES_PER_AGENT_MAX).unwrap();
        assert!(held.grow(1).unwrap_err().detail.contains("of one remote agent"));
        assert!(modest.take(1 << 20).is_ok());
        held.shrink(10);
        let rest = REMOTE_HELD_BYTES_PER_AGENT_MAX - 10;
        assert!(held.grow(rest + 1).is_err() && held.grow(rest).is_ok());
        drop(held);
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
        assert!(greedy.take(1).is_ok());
    }

    #[test]
    fn all_remotes_together_get_no_more_than_the_budget() {
        let budget = Budget::default();
        let shares = REMOTE_HELD_BYTES_MAX / REMOTE_HELD_BYTES_PER_AGENT_MAX;
        let share = || budget.account().take(REMOTE_HELD_BYTES_PER_AGENT_MAX);
        let mut held: Vec<Held> = (0..shares).map(|_| share().unwrap()).collect();
        let late = budget.account();
        assert!(late.take(1).is_err_and(|failure| failure.detail.contains("others take them")));
        held.pop();
        assert!(late.take(1).is_ok());
        // What was refused was not paid for.
        assert!(late.take(REMOTE_HELD_BYTES_PER_AGENT_MAX).is_ok());
    }
}
