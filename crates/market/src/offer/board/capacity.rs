//! One offer's places: what is at work, what waits, and whose turn is next.
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::num::{NonZeroU16, NonZeroU32};

use ainur_primitives::{Amount, Did, Digest, DurationMs, TaskId, Timestamp};

use super::OfferPlace;
use crate::offer::terms::OfferTerms;
use crate::queue::FairQueue;

/// How many tasks of one offer are at work at once, whatever it says.
pub const OFFER_TASKS_MAX: u32 = 4_096;
/// How many tasks of one offer wait, whatever it says.
pub const OFFER_QUEUE_MAX: u32 = 4_096;

/// An offer on the board, with what is under way under it.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) terms: OfferTerms,
    /// When it was posted or last taken: among equals the one that waits longest is next.
    pub(super) since: Timestamp,
    /// It cannot be taken any more; it stays until what is under way is done.
    pub(super) closed: bool,
    running: BTreeSet<TaskId>,
    /// One flow a buyer; all jobs cost the same.
    queue: FairQueue<Did, TaskId>,
}

/// How much of an offer is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferLoad {
    /// Tasks at work.
    pub running: u32,
    /// Tasks that can be at work at once.
    pub running_max: u32,
    /// Tasks that wait.
    pub waiting: u32,
    /// Tasks that can wait.
    pub waiting_max: u32,
}

/// In which rows of the index an offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// It can begin a task now.
    Free,
    /// A task can wait its turn.
    Queue,
    /// Neither.
    Full,
}

impl OfferLoad {
    /// Tasks that could begin at once.
    pub fn free(&self) -> u32 {
        self.running_max.saturating_sub(self.running)
    }
}

impl Standing {
    pub(super) fn new(terms: OfferTerms, since: Timestamp) -> Self {
        let places = terms.capacity.queue_size.min(OFFER_QUEUE_MAX) as usize;
        let (running, queue) = (BTreeSet::new(), FairQueue::new(places));
        Self { terms, since, closed: false, running, queue }
    }

    pub(super) fn load(&self) -> OfferLoad {
        let capacity = &self.terms.capacity;
        OfferLoad {
            running: self.running.len() as u32,
            running_max: capacity.concurrent_tasks.min(OFFER_TASKS_MAX),
            waiting: self.queue.len() as u32,
            waiting_max: capacity.queue_size.min(OFFER_QUEUE_MAX),
        }
    }

    pub(super) fn room(&self) -> Room {
        let load = self.load();
        if load.free() > 0 {
            Room::Free
        } else if load.waiting < load.waiting_max {
            Room::Queue
        } else {
            Room::Full
        }
    }

    /// How long one more task would wait: the seller's estimate for each one before it, which is
    /// everyone in the queue and the one at work that ends next.
    pub(super) fn wait(&self) -> DurationMs {
        let load = self.load();
        if load.free() > 0 {
            return DurationMs(0);
        }
        let before = u64::from(load.waiting) + 1;
        DurationMs(self.terms.capacity.estimated_wait_ms.0.saturating_mul(before))
    }

    /// Where the offer stands among those of the same capability.
    pub(super) fn place(&self, offer: Digest) -> (Amount, Timestamp, Digest) {
        (self.terms.pricing.base_price, self.since, offer)
    }

    /// Gives the task a place, when there is one.
    pub(super) fn take(
        &mut self,
        task: TaskId,
        buyer: Did,
        weight: NonZeroU16,
        now: Timestamp,
    ) -> Option<OfferPlace> {
        let wait = self.wait();
        let place = match self.room() {
            Room::Free => {
                self.running.insert(task);
                OfferPlace::Running
            }
            Room::Queue => {
                self.queue.push(buyer, weight, NonZeroU32::MIN, task).ok()?;
                OfferPlace::Waiting(wait)
            }
            Room::Full => return None,
        };
        self.since = now;
        Some(place)
    }

    /// Takes the task's place back, and gives it to the next in the queue.
    pub(super) fn release(&mut self, task: TaskId, buyer: &Did) -> Option<TaskId> {
        if !self.running.remove(&task) {
            self.queue.remove(buyer, |waiting| *waiting == task);
            return None;
        }
        let (_, next) = self.queue.pop()?;
        self.running.insert(next);
        Some(next)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.queue.is_empty()
    }

    /// What waits, one buyer's tasks after another's.
    pub(super) fn waiting(&self) -> Vec<TaskId> {
        self.queue.iter().map(|(_, task)| *task).collect()
    }

    pub(super) fn running(&self) -> Vec<TaskId> {
        self.running.iter().copied().collect()
    }
}
