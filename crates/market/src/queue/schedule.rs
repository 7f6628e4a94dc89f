//! When a seller is expected to be done with what it has taken on, and so how long more would wait.
use alloc::collections::BTreeSet;

use ainur_primitives::{DurationMs, Timestamp};

/// The work of one seller that has not ended, by its expected end.
///
/// Work waits for a place in the order in which it was taken on, and a place is free when the work
/// in it ends. With `n` tasks taken on and `p` places, the next one therefore begins when the
/// `(n − p + 1)`th of them to end has ended; what should have ended and has not counts as ending now.
///
/// ```
/// use ainur_market::queue::PlaceSchedule;
/// use ainur_primitives::{DurationMs, Timestamp};
/// let mut schedule = PlaceSchedule::new();
/// schedule.take_on("first", Timestamp(50));
/// assert_eq!(schedule.wait_ms(2, Timestamp(10)), DurationMs(0));
/// schedule.take_on("second", Timestamp(30));
/// assert_eq!(schedule.wait_ms(2, Timestamp(10)), DurationMs(20));
/// schedule.take_on("third", Timestamp(90));
/// assert_eq!(schedule.wait_ms(2, Timestamp(10)), DurationMs(40));
/// schedule.end(&"second");
/// assert_eq!(schedule.wait_ms(2, Timestamp(30)), DurationMs(20));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceSchedule<K> {
    ends: BTreeSet<(Timestamp, K)>,
}

impl<K> Default for PlaceSchedule<K> {
    fn default() -> Self {
        Self { ends: BTreeSet::new() }
    }
}

impl<K: Ord> PlaceSchedule<K> {
    /// A seller with nothing to do.
    pub fn new() -> Self {
        Self::default()
    }

    /// Work that is expected to end then, waiting included.
    pub fn take_on(&mut self, work: K, end: Timestamp) {
        self.end(&work);
        self.ends.insert((end, work));
    }

    /// It has ended, or will not be done.
    pub fn end(&mut self, work: &K) {
        self.ends.retain(|(_, other)| other != work);
    }

    /// What has been taken on and has not ended.
    pub fn work(&self) -> impl Iterator<Item = &K> {
        self.ends.iter().map(|(_, work)| work)
    }

    /// How long one more task would wait for one of so many places.
    pub fn wait_ms(&self, places: u32, now: Timestamp) -> DurationMs {
        let waiting = self.ends.len().checked_sub(places as usize);
        let before = waiting.and_then(|waiting| self.ends.iter().nth(waiting));
        before.map_or(DurationMs(0), |(end, _)| end.since(now))
    }
}
