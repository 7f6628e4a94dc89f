//! Places that are scarce, given in fair turns.
//!
//! [`FairPlaces`] is the one way in which tasks wait here for something of which there is only so
//! much: slots of a rental, or an agent that takes only so many calls at once. Who has a place
//! follows from the tasks; only who was ahead of its share is forgotten by a restart.
use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU16, NonZeroU32};

use ainur_market::queue::FairQueue;
use ainur_primitives::{BudgetId, CapabilityName, Did, Digest};

use crate::limits::PLACE_WAITING_MAX;

/// Tasks that have a place, and those that wait for one: fairly among the flows `F` they are of.
#[derive(Debug)]
pub struct FairPlaces<F> {
    taken: BTreeSet<u64>,
    waiting: FairQueue<F, u64>,
    flows: BTreeMap<u64, F>,
}

impl<F: Ord + Clone> Default for FairPlaces<F> {
    fn default() -> Self {
        Self {
            taken: BTreeSet::new(),
            waiting: FairQueue::new(PLACE_WAITING_MAX),
            flows: BTreeMap::new(),
        }
    }
}

impl<F: Ord + Clone> FairPlaces<F> {
    /// True when the task has a place, or gets one because one is free; otherwise it waits, once
    /// however often it asks. Beyond the queue's end it is let in: who comes after has the last word.
    pub fn enter(&mut self, number: u64, places_max: u32, flow: F, weight: NonZeroU16) -> bool {
        if self.taken.contains(&number) {
            return true;
        }
        if self.flows.contains_key(&number) {
            // There may be more places than when it came. Others whose turn has come ask, too.
            while self.has_room(places_max) && self.next().is_some() {}
            return self.taken.contains(&number);
        }
        if self.has_room(places_max) && self.waiting.is_empty() {
            return self.taken.insert(number);
        }
        if self.waiting.push(flow.clone(), weight, NonZeroU32::MIN, number).is_err() {
            return true;
        }
        self.flows.insert(number, flow);
        false
    }

    /// Gives a task that was at work when the node died its place again.
    pub fn resume(&mut self, number: u64) {
        self.taken.insert(number);
    }

    /// A task needs no place any more. Returns the one whose turn has come.
    pub fn leave(&mut self, number: u64, places_max: u32) -> Option<u64> {
        if let Some(flow) = self.flows.remove(&number) {
            self.waiting.remove(&flow, |waiting| *waiting == number);
        }
        if !self.taken.remove(&number) || !self.has_room(places_max) {
            return None;
        }
        self.next()
    }

    /// Gives whose turn it is a place.
    fn next(&mut self) -> Option<u64> {
        let (_, next) = self.waiting.pop()?;
        self.flows.remove(&next);
        self.taken.insert(next);
        Some(next)
    }

    /// How many wait.
    pub fn waiting(&self) -> u32 {
        self.waiting.len() as u32
    }

    /// Nobody has a place, and nobody waits for one.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.waiting.is_empty()
    }

    fn has_room(&self, places_max: u32) -> bool {
        self.taken.len() < places_max as usize
    }
}

/// Whose work it is, where an agent's places are shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WorkFlow {
    /// The node's owner.
    Owner,
    /// The holder of a token, by its budget.
    Tenant(BudgetId),
    /// Somebody's who rents so many slots.
    Rental(Digest),
}

/// Places at agents whose contracts say how many calls they take at once.
#[derive(Default)]
pub struct WorkPlaces {
    agents: BTreeMap<(Did, CapabilityName), SharedPlaces>,
    at: BTreeMap<u64, (Did, CapabilityName)>,
    tenants: BTreeMap<BudgetId, NonZeroU16>,
}

struct SharedPlaces {
    places_max: u32,
    places: FairPlaces<WorkFlow>,
}

impl WorkPlaces {
    /// Says how much the work of a token's holder weighs against that of others.
    pub fn weigh(&mut self, tenant: BudgetId, weight: NonZeroU16) {
        self.tenants.insert(tenant, weight);
    }

    /// How much the work of a token's holder weighs; none for a budget that is no token's.
    pub fn weight(&self, tenant: &BudgetId) -> Option<NonZeroU16> {
        self.tenants.get(tenant).copied()
    }

    /// True when the task may work now; otherwise it waits for its turn.
    pub fn enter(
        &mut self,
        number: u64,
        agent: (Did, CapabilityName),
        places_max: u32,
        (flow, weight): (WorkFlow, NonZeroU16),
    ) -> bool {
        self.at.insert(number, agent.clone());
        let places = FairPlaces::default();
        let shared = self.agents.entry(agent).or_insert(SharedPlaces { places_max, places });
        shared.places_max = places_max;
        shared.places.enter(number, places_max, flow, weight)
    }

    /// Gives a task that was at work when the node died its place again.
    pub fn resume(&mut self, number: u64, agent: (Did, CapabilityName)) {
        self.at.insert(number, agent.clone());
        let new = || SharedPlaces { places_max: 1, places: FairPlaces::default() };
        self.agents.entry(agent).or_insert_with(new).places.resume(number);
    }

    /// A task is not at work any more. Returns the one whose turn has come.
    pub fn leave(&mut self, number: u64) -> Option<u64> {
        let agent = self.at.remove(&number)?;
        let shared = self.agents.get_mut(&agent)?;
        let next = shared.places.leave(number, shared.places_max);
        if shared.places.is_empty() {
            self.agents.remove(&agent);
        }
        next
    }

    /// Tasks that wait for an agent, or have a place there.
    pub fn of_agent(&self, agent: Did) -> impl Iterator<Item = u64> + '_ {
        self.at.iter().filter(move |(_, (did, _))| *did == agent).map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NonZeroU16 = NonZeroU16::MIN;

    #[test]
    fn places_are_given_by_weight_and_every_task_gets_one_once() {
        let mut places = FairPlaces::default();
        assert!(places.enter(0, 1, "light", ONE));
        let three = NonZeroU16::new(3).unwrap_or(ONE);
        for number in 1..=6 {
            assert!(!places.enter(number, 1, "light", ONE));
            assert!(!places.enter(10 + number, 1, "heavy", three));
            assert!(!places.enter(number, 1, "light", ONE), "it waits already");
        }
        let (mut last, mut served) = (0, Vec::new());
        while let Some(next) = places.leave(last, 1) {
            served.push(next);
            last = next;
        }
        assert_eq!(served.len(), 12);
        let heavy = served[..8].iter().filter(|number| **number > 10).count();
        assert_eq!(heavy, 6, "{served:?}");
        assert!(places.is_empty());
    }

    #[test]
    fn who_leaves_the_queue_takes_nobodys_turn() {
        let mut places = FairPlaces::default();
        assert!(places.enter(1, 1, "a", ONE));
        assert!(!places.enter(2, 1, "a", ONE));
        assert!(!places.enter(3, 1, "b", ONE));
        assert_eq!(places.leave(2, 1), None);
        assert_eq!(places.leave(2, 1), None);
        assert_eq!(places.leave(1, 1), Some(3));
        assert!(places.enter(3, 1, "b", ONE), "it has its place");
        assert_eq!((places.leave(3, 1), places.is_empty()), (None, true));
    }

    #[test]
    fn more_places_are_given_to_those_who_wait_in_their_turns() {
        let mut places = FairPlaces::default();
        assert!(places.enter(1, 1, "a", ONE));
        for number in 2..=4 {
            assert!(!places.enter(number, 1, "a", ONE));
        }
        // Now there are three; whoever asks first, two and three go before four.
        assert!(!places.enter(4, 3, "a", ONE));
        assert!(places.enter(2, 3, "a", ONE) && places.enter(3, 3, "a", ONE));
        assert_eq!(places.leave(1, 3), Some(4));
    }
}
