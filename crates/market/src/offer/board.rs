//! All standing offers: which is best for a task, who has a place under it, and whose turn is next.
//!
//! Everything here follows from the offers posted and the tasks under them, so it is not stored:
//! post the offers again and take the tasks again, those at work first, then those that waited in
//! their order, each as of when the offer was last taken; then withdraw what was withdrawn. What
//! was at work is at work and what waited waits; only who was ahead of its share in a queue is
//! forgotten.
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::num::NonZeroU16;

use ainur_primitives::{CapabilityName, Did, Digest, DurationMs, Ppm, TaskId, Timestamp};

use super::error::Error;
use super::terms::OfferTerms;

mod capacity;
mod find;
mod shelf;

use capacity::Standing;
pub use capacity::{OFFER_QUEUE_MAX, OFFER_TASKS_MAX, OfferLoad};
pub use find::{OfferMatch, OfferRefusal, OfferRequest, RankedOffer};
use shelf::{Listed, Shelf, Spot};

/// How many offers a board has at most; those that end only after what is under way count, too.
pub const OFFERS_MAX: usize = 100_000;
/// How many offers of one seller a board has at most.
pub const OFFERS_PER_SELLER_MAX: usize = 256;

/// The standing offers a node knows.
#[derive(Clone, Debug, Default)]
pub struct OfferBoard {
    offers: BTreeMap<Digest, Standing>,
    shelves: BTreeMap<CapabilityName, Shelf>,
    sellers: BTreeMap<Did, Seller>,
    ends: BTreeSet<(Timestamp, Digest)>,
    /// Which offer a task is under, and whose task it is.
    tasks: BTreeMap<TaskId, (Digest, Did)>,
}

#[derive(Clone, Debug)]
struct Seller {
    failure_probability: Ppm,
    /// All on the board, closed ones too.
    offers: BTreeSet<Digest>,
}

/// What taking an offer gave a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferPlace {
    /// It begins now.
    Running,
    /// It waits its turn; the seller estimates so long.
    Waiting(DurationMs),
}

impl OfferBoard {
    /// A board without offers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an offer on the board and says its digest. The caller has verified the seller's
    /// signature; `failure_probability` is the ledger's estimate for the seller now, and counts for
    /// all of its offers.
    ///
    /// # Errors
    /// For terms that cannot be, that are over, or are on the board; for a probability above one,
    /// and one offer too many.
    pub fn post(
        &mut self,
        terms: OfferTerms,
        failure_probability: Ppm,
        now: Timestamp,
    ) -> Result<Digest, Error> {
        terms.validate()?;
        check_probability(failure_probability)?;
        let (from, until) = (terms.valid_from, terms.valid_until);
        if now >= until {
            return Err(Error::NotValid { now, from, until });
        }
        let offer = terms.digest();
        if self.offers.contains_key(&offer) {
            return Err(Error::AlreadyPosted(offer));
        }
        if self.offers.len() >= OFFERS_MAX {
            return Err(Error::Full);
        }
        let seller = terms.seller;
        let none = Seller { failure_probability, offers: BTreeSet::new() };
        let entry = self.sellers.entry(seller).or_insert(none);
        if entry.offers.len() >= OFFERS_PER_SELLER_MAX {
            return Err(Error::SellerFull(seller));
        }
        entry.offers.insert(offer);
        self.ends.insert((until, offer));
        self.offers.insert(offer, Standing::new(terms, now));
        self.shelve(&offer);
        self.rate(&seller, failure_probability)?;
        Ok(offer)
    }

    /// Takes an offer off: nobody can take it any more. What is under way under it goes on, what
    /// waits keeps its turn.
    ///
    /// # Errors
    /// When it cannot be taken anyway.
    pub fn withdraw(&mut self, offer: &Digest) -> Result<(), Error> {
        let open = self.offers.get(offer).filter(|standing| !standing.closed);
        let until = open.ok_or(Error::UnknownOffer(*offer))?.terms.valid_until;
        self.unshelve(offer);
        self.ends.remove(&(until, *offer));
        if let Some(standing) = self.offers.get_mut(offer) {
            standing.closed = true;
        }
        self.forget_if_idle(offer);
        Ok(())
    }

    /// Withdraws every offer that is over, and says which.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Digest> {
        let over = self.ends.iter().take_while(|(until, _)| *until <= now);
        let over: Vec<Digest> = over.map(|(_, offer)| *offer).collect();
        for offer in &over {
            self.withdraw(offer).expect("what has an end to come is not withdrawn");
        }
        over
    }

    /// Notes how likely a seller is to fail, by the ledger's reputation as it is now. Unknown
    /// sellers are ignored: they have no offer.
    ///
    /// # Errors
    /// For a probability above one.
    pub fn rate(&mut self, seller: &Did, failure_probability: Ppm) -> Result<(), Error> {
        check_probability(failure_probability)?;
        let Some(known) = self.sellers.get(seller) else { return Ok(()) };
        if known.failure_probability == failure_probability {
            return Ok(());
        }
        let offers: Vec<Digest> = known.offers.iter().copied().collect();
        for offer in &offers {
            self.unshelve(offer);
        }
        if let Some(known) = self.sellers.get_mut(seller) {
            known.failure_probability = failure_probability;
        }
        for offer in &offers {
            self.shelve(offer);
        }
        Ok(())
    }

    /// Takes an offer for a task: it begins, or waits its turn among the buyers by `weight`
    /// ([`crate::queue`]).
    ///
    /// # Errors
    /// For an offer that is not there, not valid now, or full, and a task that has a place.
    pub fn take(
        &mut self,
        offer: &Digest,
        task: TaskId,
        buyer: Did,
        weight: NonZeroU16,
        now: Timestamp,
    ) -> Result<OfferPlace, Error> {
        let open = self.offers.get(offer).filter(|standing| !standing.closed);
        let standing = open.ok_or(Error::UnknownOffer(*offer))?;
        let (from, until) = (standing.terms.valid_from, standing.terms.valid_until);
        if !standing.terms.is_valid_at(now) {
            return Err(Error::NotValid { now, from, until });
        }
        if self.tasks.contains_key(&task) {
            return Err(Error::AlreadyTaken(task));
        }
        self.unshelve(offer);
        let standing = self.offers.get_mut(offer).expect("it is there");
        let place = standing.take(task, buyer, weight, now);
        self.shelve(offer);
        let place = place.ok_or(Error::NoPlace(*offer))?;
        self.tasks.insert(task, (*offer, buyer));
        Ok(place)
    }

    /// Gives a task's place back, whether it was at work or waited, and says which task begins in
    /// its stead.
    ///
    /// # Errors
    /// For a task without a place.
    pub fn release(&mut self, task: &TaskId) -> Result<Option<TaskId>, Error> {
        let (offer, buyer) = self.tasks.remove(task).ok_or(Error::UnknownTask(*task))?;
        self.unshelve(&offer);
        let standing = self.offers.get_mut(&offer).expect("an offer stays while it has tasks");
        let next = standing.release(*task, &buyer);
        self.shelve(&offer);
        self.forget_if_idle(&offer);
        Ok(next)
    }

    /// How many offers there are, those that only wait for what is under way included.
    pub fn len(&self) -> usize {
        self.offers.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// Every offer that can be taken, ascending by digest: buyers browse without a call.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, &OfferTerms)> {
        let open = self.offers.iter().filter(|(_, standing)| !standing.closed);
        open.map(|(offer, standing)| (offer, &standing.terms))
    }

    /// The terms of an offer, also of one that waits for what is under way.
    pub fn terms(&self, offer: &Digest) -> Option<&OfferTerms> {
        self.offers.get(offer).map(|standing| &standing.terms)
    }

    /// How much of an offer is in use.
    pub fn load(&self, offer: &Digest) -> Option<OfferLoad> {
        self.offers.get(offer).map(Standing::load)
    }

    /// The offer a task is under.
    pub fn offer_of(&self, task: &TaskId) -> Option<Digest> {
        self.tasks.get(task).map(|(offer, _)| *offer)
    }

    /// Tasks at work under an offer, ascending.
    pub fn running(&self, offer: &Digest) -> Vec<TaskId> {
        self.offers.get(offer).map(Standing::running).unwrap_or_default()
    }

    /// Tasks that wait under an offer, buyer by buyer, each buyer's in their order.
    pub fn waiting(&self, offer: &Digest) -> Vec<TaskId> {
        self.offers.get(offer).map(Standing::waiting).unwrap_or_default()
    }

    fn failure_probability(&self, seller: &Did) -> Ppm {
        self.sellers.get(seller).map_or(Ppm::ONE, |known| known.failure_probability)
    }

    fn shelve(&mut self, offer: &Digest) {
        let Some(spot) = self.spot(offer) else { return };
        let Some(standing) = self.offers.get(offer) else { return };
        for capability in &standing.terms.capabilities {
            self.shelves.entry(capability.clone()).or_default().insert(&spot);
        }
    }

    fn unshelve(&mut self, offer: &Digest) {
        let Some(spot) = self.spot(offer) else { return };
        let Some(standing) = self.offers.get(offer) else { return };
        for capability in &standing.terms.capabilities {
            let Some(shelf) = self.shelves.get_mut(capability) else { continue };
            shelf.remove(&spot);
            if shelf.is_empty() {
                self.shelves.remove(capability);
            }
        }
    }

    /// Where the index has the offer; nowhere when it cannot be taken any more.
    fn spot(&self, offer: &Digest) -> Option<Spot> {
        let standing = self.offers.get(offer).filter(|standing| !standing.closed)?;
        Some(Spot {
            room: standing.room(),
            quality_level: standing.terms.quality_level,
            listed: Listed {
                failure_probability: self.failure_probability(&standing.terms.seller),
                minimum_budget: standing.terms.minimum_budget,
                premium_hours: standing.terms.pricing.premium_hours.clone(),
            },
            place: standing.place(*offer),
        })
    }

    fn forget_if_idle(&mut self, offer: &Digest) {
        let over = self.offers.get(offer).filter(|standing| standing.closed && standing.is_idle());
        let Some(seller) = over.map(|standing| standing.terms.seller) else { return };
        self.offers.remove(offer);
        let Some(known) = self.sellers.get_mut(&seller) else { return };
        known.offers.remove(offer);
        if known.offers.is_empty() {
            self.sellers.remove(&seller);
        }
    }
}

fn check_probability(probability: Ppm) -> Result<(), Error> {
    if probability > Ppm::ONE { Err(Error::Probability(probability)) } else { Ok(()) }
}
