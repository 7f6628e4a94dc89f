//! Freshness: a message counts once, and only near the time it was written.
use std::collections::BTreeSet;

use ainur_primitives::{MessageId, Timestamp};

use crate::envelope::MessageHeader;
use crate::limits::{CLOCK_DIFFERENCE_MS_MAX, REPLAY_IDS_MAX};

/// The messages seen within the last minutes.
///
/// Memory is bounded: an id is kept as long as a message created then could still be fresh, and
/// when there are too many the oldest go first and nothing as old as they were is taken any more.
/// So a full window narrows; it never lets a message through twice, even when the clock it is given
/// is set back.
///
/// Only messages whose signature holds belong here, or strangers could narrow it.
#[derive(Clone, Debug)]
pub struct Window {
    seen: BTreeSet<(Timestamp, MessageId)>,
    /// Nothing created then or before is taken, whatever the clock says.
    floor: Option<Timestamp>,
    ids_max: usize,
}

/// Why a message does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its time is over.
    #[error("the message expired at {expires}, and it is {now}")]
    Expired {
        /// When it became void.
        expires: Timestamp,
        /// The reader's time.
        now: Timestamp,
    },
    /// Written too long ago.
    #[error(
        "the message was created at {created}, more than {CLOCK_DIFFERENCE_MS_MAX} before {now}"
    )]
    TooOld {
        /// The message's time.
        created: Timestamp,
        /// The reader's time.
        now: Timestamp,
    },
    /// Written in the future.
    #[error(
        "the message was created at {created}, more than {CLOCK_DIFFERENCE_MS_MAX} after {now}"
    )]
    FromTheFuture {
        /// The message's time.
        created: Timestamp,
        /// The reader's time.
        now: Timestamp,
    },
    /// Older than what a full window still remembers.
    #[error("too many messages: those created up to {floor} are not remembered any more")]
    Forgotten {
        /// The youngest instant that is forgotten.
        floor: Timestamp,
    },
    /// Seen before.
    #[error("message {0} was seen before")]
    Seen(MessageId),
}

/// Whether a message was written about now and is still meant; for those that are known by other
/// means when they come again.
///
/// # Errors
/// When it is expired, too old or from the future.
pub fn check_time(now: Timestamp, header: &MessageHeader) -> Result<(), Error> {
    let (created, expires) = (header.created, header.expires);
    if created.since(now) > CLOCK_DIFFERENCE_MS_MAX {
        return Err(Error::FromTheFuture { created, now });
    }
    if now.since(created) > CLOCK_DIFFERENCE_MS_MAX {
        return Err(Error::TooOld { created, now });
    }
    if expires <= now {
        return Err(Error::Expired { expires, now });
    }
    Ok(())
}

impl Default for Window {
    fn default() -> Self {
        Self::with_capacity(REPLAY_IDS_MAX)
    }
}

impl Window {
    /// A window that remembers at most so many ids (at least one).
    pub fn with_capacity(ids_max: usize) -> Self {
        Self { seen: BTreeSet::new(), floor: None, ids_max: ids_max.max(1) }
    }

    /// How many ids it remembers now.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// True when it remembers none.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Counts a message, once.
    ///
    /// # Errors
    /// When it is expired, too old, from the future, forgotten or seen.
    pub fn take(&mut self, now: Timestamp, header: &MessageHeader) -> Result<(), Error> {
        check_time(now, header)?;
        let created = header.created;
        if let Some(floor) = self.floor.filter(|floor| created <= *floor) {
            return Err(Error::Forgotten { floor });
        }
        if !self.seen.insert((created, header.id)) {
            return Err(Error::Seen(header.id));
        }
        self.forget(now);
        Ok(())
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((oldest, _)) = self.seen.first() {
            if now.since(*oldest) <= CLOCK_DIFFERENCE_MS_MAX {
                break;
            }
            // A clock set back a little must not reopen what was forgotten.
            self.floor = self.floor.max(Some(*oldest));
            self.seen.pop_first();
        }
        while self.seen.len() > self.ids_max {
            let Some((oldest, _)) = self.seen.pop_first() else { break };
            self.floor = self.floor.max(Some(oldest));
        }
    }
}
