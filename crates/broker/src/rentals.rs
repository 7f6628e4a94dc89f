//! What the agents that have a seat here rent out, who has a slot of what this node's buyer rents,
//! and when each rental has to be looked at.
//!
//! The ledger's meter decides; this keeps tasks from asking it in vain. All of it follows from the
//! journal and the ledger.
use std::collections::BTreeMap;
use std::num::NonZeroU16;

use ainur_primitives::{Did, Digest, Timestamp};

use crate::event::{RentalEvent, SignedRental};
use crate::limits::RENTALS_OFFERED_MAX;
use crate::places::FairPlaces;
use crate::task::Task;

/// Terms on offer, slots taken and times to look.
#[derive(Default)]
pub struct RentalDesk {
    signed: BTreeMap<Digest, SignedRental>,
    slots: BTreeMap<Digest, RentalSlots>,
    looks: BTreeMap<Digest, Timestamp>,
}

/// Tasks that have a slot of one rental, and those that wait for one: fairly by what they belong to.
struct RentalSlots {
    slots_max: u32,
    places: FairPlaces<Option<String>>,
}

impl RentalDesk {
    /// Repeats what the journal tells.
    pub fn replay(&mut self, event: RentalEvent) {
        match event {
            RentalEvent::Published(signed) => self.publish(*signed),
            RentalEvent::Withdrawn(rental) => self.withdraw(&rental),
        }
    }

    /// Terms can be rented.
    pub fn publish(&mut self, signed: SignedRental) {
        self.signed.insert(signed.terms.digest(), signed);
    }

    /// Terms cannot be rented any more.
    pub fn withdraw(&mut self, rental: &Digest) {
        self.signed.remove(rental);
    }

    /// Forgets terms that are over.
    pub fn expire(&mut self, now: Timestamp) {
        self.signed.retain(|_, signed| now < signed.terms.valid_until);
    }

    /// Whether a seller can offer one more.
    pub fn has_room(&self, seller: Did) -> bool {
        let of_seller = self.signed.values().filter(|signed| signed.terms.seller == seller);
        of_seller.count() < RENTALS_OFFERED_MAX
    }

    /// Terms that can be rented, by their digest.
    pub fn get(&self, rental: &Digest) -> Option<&SignedRental> {
        self.signed.get(rental)
    }

    /// All terms that can be rented, ascending by digest.
    pub fn iter(&self) -> impl Iterator<Item = &SignedRental> {
        self.signed.values()
    }

    /// Has a slot, or gets one when one is free; otherwise waits for its turn.
    pub fn enter(&mut self, rental: Digest, slots_max: u32, task: &Task) -> bool {
        let slots = self.slots_of(rental, slots_max);
        slots.places.enter(task.number, slots_max, task.context.clone(), NonZeroU16::MIN)
    }

    /// Follows a task that has changed: it has its slot until it has ended. Returns the task whose
    /// turn has come.
    pub fn follow(&mut self, task: &Task) -> Option<u64> {
        if !task.phase.is_final() {
            return None;
        }
        let rental = task.rented()?.rental;
        let slots = self.slots.get_mut(&rental)?;
        let next = slots.places.leave(task.number, slots.slots_max);
        if slots.places.is_empty() {
            self.slots.remove(&rental);
        }
        next
    }

    /// Gives a task that was at work when the node died its slot again.
    pub fn resume(&mut self, rental: Digest, slots_max: u32, number: u64) {
        self.slots_of(rental, slots_max).places.resume(number);
    }

    fn slots_of(&mut self, rental: Digest, slots_max: u32) -> &mut RentalSlots {
        let new = || RentalSlots { slots_max, places: FairPlaces::default() };
        self.slots.entry(rental).or_insert_with(new)
    }

    /// How many tasks wait for a slot.
    pub fn waiting(&self, rental: &Digest) -> u32 {
        self.slots.get(rental).map_or(0, |slots| slots.places.waiting())
    }

    /// Has a rental looked at at some time, and not before.
    pub fn look_at(&mut self, rental: Digest, at: Timestamp) {
        self.looks.insert(rental, at);
    }

    /// Has every rental looked at now.
    pub fn look_soon(&mut self, now: Timestamp) {
        for at in self.looks.values_mut() {
            *at = now.min(*at);
        }
    }

    /// A rental needs no looking after any more.
    pub fn forget(&mut self, rental: &Digest) {
        self.looks.remove(rental);
    }

    /// When the next rental has to be looked at.
    pub fn next_look(&self) -> Option<Timestamp> {
        self.looks.values().copied().min()
    }

    /// The rentals to look at by now.
    pub fn due(&self, now: Timestamp) -> Vec<Digest> {
        self.looks.iter().filter(|(_, at)| **at <= now).map(|(rental, _)| *rental).collect()
    }
}
