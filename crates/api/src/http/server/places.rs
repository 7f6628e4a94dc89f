//! Places that are shared out: so many at once in all, and a part of them for any one caller.
//!
//! A place may be a call, a stream, a connection or a byte of memory. The node's operator may take
//! all of them; everyone else a part, and all others together never the last eighth, so that no
//! client shuts out another, and none the operator.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Whose places they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// The operator, or a program on the operator's machine.
    Owner,
    /// The holder of the token of this name.
    Client(Arc<str>),
    /// Everyone without a token, together.
    Stranger,
    /// Whoever connects from this address.
    Peer(IpAddr),
}

/// Places of one kind; copies are the same places.
#[derive(Clone)]
pub(crate) struct Places(Arc<Shared>);

struct Shared {
    most: u64,
    share: u64,
    taken: Mutex<Taken>,
    freed: Notify,
}

/// What is taken. Callers who hold nothing are not in it.
#[derive(Default)]
struct Taken {
    by_owner: u64,
    by_others: u64,
    by: BTreeMap<Holder, u64>,
}

impl Places {
    /// So many places, of which anyone but the operator may hold a quarter.
    pub(crate) fn quartered(most: u64) -> Self {
        Self::with_share(most, most.div_ceil(4))
    }

    /// So many places, of which anyone but the operator may hold half.
    pub(crate) fn halved(most: u64) -> Self {
        Self::with_share(most, most.div_ceil(2))
    }

    fn with_share(most: u64, share: u64) -> Self {
        let (taken, freed) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { most, share, taken, freed }))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are taken.
    pub(crate) fn count(&self) -> u64 {
        let taken = self.taken();
        taken.by_owner + taken.by_others
    }

    /// So many places, when there are as many for this holder.
    pub(crate) fn take(&self, holder: &Holder, units: u64) -> Option<Held> {
        let mut held = Held { places: self.clone(), holder: holder.clone(), units: 0 };
        held.resize(units).then_some(held)
    }

    /// The same, as soon as there are as many. Nobody waits for more than may be held at once.
    pub(crate) async fn wait(&self, holder: &Holder, units: u64) -> Held {
        let units = match holder {
            Holder::Owner => units.min(self.0.most),
            _ => units.min(self.0.share).min(self.open_to_others()),
        };
        loop {
            // Made before it is looked, so that nothing is given back unnoticed in between.
            let freed = self.0.freed.notified();
            match self.take(holder, units) {
                Some(held) => return held,
                None => freed.await,
            }
        }
    }

    fn open_to_others(&self) -> u64 {
        self.0.most - self.0.most / 8
    }

    fn is_free(&self, taken: &Taken, holder: &Holder, units: u64) -> bool {
        let all = taken.by_owner.saturating_add(taken.by_others);
        if all.saturating_add(units) > self.0.most {
            return false;
        }
        let own = taken.by.get(holder).copied().unwrap_or(0);
        *holder == Holder::Owner
            || (own.saturating_add(units) <= self.0.share
                && taken.by_others.saturating_add(units) <= self.open_to_others())
    }
}

impl Taken {
    fn add(&mut self, holder: &Holder, units: u64) {
        match holder {
            Holder::Owner => self.by_owner += units,
            _ if units > 0 => {
                self.by_others += units;
                *self.by.entry(holder.clone()).or_insert(0) += units;
            }
            _ => {}
        }
    }

    fn give_back(&mut self, holder: &Holder, units: u64) {
        if *holder == Holder::Owner {
            self.by_owner -= units;
            return;
        }
        self.by_others -= units;
        if let Some(own) = self.by.get_mut(holder) {
            *own -= units;
            if *own == 0 {
                self.by.remove(holder);
            }
        }
    }
}

/// Places that are held until this is dropped.
pub(crate) struct Held {
    places: Places,
    holder: Holder,
    units: u64,
}

impl Held {
    /// Holds so many instead. More than there are for this holder are not given, and then nothing
    /// changes.
    #[must_use]
    pub(crate) fn resize(&mut self, units: u64) -> bool {
        let mut taken = self.places.taken();
        if let Some(more) = units.checked_sub(self.units) {
            if !self.places.is_free(&taken, &self.holder, more) {
                return false;
            }
            taken.add(&self.holder, more);
        } else {
            taken.give_back(&self.holder, self.units - units);
            self.places.0.freed.notify_waiters();
        }
        drop(taken);
        self.units = units;
        true
    }

    /// Parts with as many of them, or with all when it holds fewer.
    pub(crate) fn split(&mut self, units: u64) -> Self {
        let units = units.min(self.units);
        self.units -= units;
        Self { places: self.places.clone(), holder: self.holder.clone(), units }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Giving back is always let.
        let _given_back = self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn client(name: &str) -> Holder {
        Holder::Client(name.into())
    }

    #[test]
    fn a_client_takes_its_part_and_the_operator_whatever_is_left() {
        let places = Places::quartered(16);
        let held: Vec<_> = (0..4).map(|_| places.take(&client("a"), 1).unwrap()).collect();
        assert!(places.take(&client("a"), 1).is_none(), "a quarter and no more");
        let others = ["b", "c", "d"].map(|name| places.take(&client(name), 3).unwrap());
        assert!(places.take(&client("d"), 1).is_some());
        let last = places.take(&Holder::Stranger, 1).unwrap();
        assert!(places.take(&Holder::Stranger, 1).is_none(), "an eighth is kept for the operator");
        let operators = places.take(&Holder::Owner, 2).unwrap();
        assert!(places.take(&Holder::Owner, 1).is_none());
        assert_eq!(places.count(), 16);
        drop((held, others, last, operators));
        assert_eq!(places.count(), 0);
        assert!(places.taken().by.is_empty(), "who holds nothing is forgotten");
        assert!(places.take(&Holder::Owner, 16).is_some());
    }

    #[test]
    fn what_is_held_grows_and_shrinks_within_the_part() {
        let places = Places::halved(8);
        let mut held = places.take(&client("a"), 1).unwrap();
        assert!(held.resize(4) && !held.resize(5));
        assert_eq!(places.count(), 4);
        assert!(held.resize(2));
        assert_eq!(places.count(), 2);
        assert!(Places::quartered(1).take(&client("a"), 1).is_some(), "one place is anyone's");
    }

    #[tokio::test]
    async fn whoever_waits_is_let_in_when_another_leaves() {
        let places = Places::quartered(4);
        let held = places.take(&client("a"), 1).unwrap();
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { drop(places.wait(&client("a"), 9).await) }
        });
        let other = client("b");
        drop(
            timeout(Duration::from_secs(5), places.wait(&other, 1))
                .await
                .expect("not held up by another"),
        );
        assert!(!waiting.is_finished());
        drop(held);
        timeout(Duration::from_secs(5), waiting).await.expect("let in").unwrap();
    }
}
