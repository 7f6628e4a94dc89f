//! The standing offers of the agents that have a seat here, and who has a place under each.
//!
//! The market's [`OfferBoard`] decides; this keeps beside it what the board does not need: the
//! sellers' signatures, what this node's buyer has bought, and the numbers of the tasks. All of it
//! follows from the journal and the ledger.
use std::collections::BTreeMap;
use std::num::NonZeroU16;

use ainur_market::offer::{self, OfferBoard, OfferMatch, OfferRequest};
use ainur_primitives::{Did, Digest, Ppm, TaskId, Timestamp};

use crate::event::{OfferEvent, OfferTake, SignedOffer};
use crate::task::{Phase, Task};

/// Standing offers and the places under them.
#[derive(Default)]
pub struct OfferDesk {
    board: OfferBoard,
    signed: BTreeMap<Digest, SignedOffer>,
    bought: BTreeMap<Digest, u32>,
    numbers: BTreeMap<TaskId, u64>,
    /// How many offers each seller has.
    sellers: BTreeMap<Did, u32>,
}

/// All tasks are this node's own, so in a queue all weigh the same.
const WEIGHT: NonZeroU16 = NonZeroU16::MIN;

impl OfferDesk {
    /// Puts an offer on the board; `bought` is what the buyer has agreed to under it.
    ///
    /// # Errors
    /// When the board refuses it.
    pub fn publish(
        &mut self,
        offer: SignedOffer,
        bought: u32,
        now: Timestamp,
    ) -> Result<Digest, offer::Error> {
        let digest = self.board.post(offer.terms.clone(), Ppm::ZERO, now)?;
        self.bought.insert(digest, bought);
        *self.sellers.entry(offer.terms.seller).or_default() += 1;
        self.signed.insert(digest, offer);
        Ok(digest)
    }

    /// Takes an offer off the board; unknown ones are gone already.
    pub fn withdraw(&mut self, offer: &Digest) {
        self.forget(offer);
        if self.board.withdraw(offer).is_err() {
            tracing::debug!(%offer, "a withdrawn offer was over");
        }
    }

    /// Repeats what the journal tells. An offer that is over meanwhile is not put up again.
    pub fn replay(&mut self, event: OfferEvent, bought: u32, now: Timestamp) {
        match event {
            OfferEvent::Withdrawn(offer) => self.withdraw(&offer),
            OfferEvent::Published(offer) => {
                if let Err(error) = self.publish(*offer, bought, now) {
                    tracing::debug!(%error, "an offer is not put up again");
                }
            }
        }
    }

    /// Forgets offers that are over.
    pub fn expire(&mut self, now: Timestamp) {
        for offer in self.board.expire(now) {
            self.forget(&offer);
        }
    }

    fn forget(&mut self, offer: &Digest) {
        self.bought.remove(offer);
        let Some(SignedOffer { terms, .. }) = self.signed.remove(offer) else { return };
        if let Some(count) = self.sellers.get_mut(&terms.seller) {
            *count -= 1;
            if *count == 0 {
                self.sellers.remove(&terms.seller);
            }
        }
    }

    /// Notes how likely a seller is to fail, by the ledger as it is now.
    pub fn rate(&mut self, seller: &Did, failure_probability: Ppm) {
        if let Err(error) = self.board.rate(seller, failure_probability) {
            tracing::warn!(%error, "a seller is not rated");
        }
    }

    /// The sellers who have an offer here, ascending.
    pub fn sellers(&self) -> impl Iterator<Item = Did> {
        self.sellers.keys().copied()
    }

    /// The best offer.
    pub fn best(&self, request: OfferRequest<'_>) -> Option<OfferMatch> {
        self.board.best(&OfferRequest { bought: &self.bought, ..request })
    }

    /// Why there is none, in one line. Looks at every offer.
    pub fn why_none(&self, request: OfferRequest<'_>) -> String {
        let ranked = self.board.ranking(&OfferRequest { bought: &self.bought, ..request });
        let reasons = ranked.iter().filter_map(|offer| {
            let (offer, why) = (&offer.terms, offer.refusal?);
            Some(format!("{} of {} AINU is {why}", offer.offer.short(), offer.price.to_ainu()))
        });
        let reasons: Vec<String> = reasons.take(REASONS_MAX).collect();
        match reasons.is_empty() {
            true => "nothing of it is on offer".into(),
            false => reasons.join("; "),
        }
    }

    /// Follows a task that has changed: it has a place from when it takes an offer until its work is
    /// done. Returns the number of the task whose turn has come.
    pub fn follow(&mut self, task: &Task) -> Option<u64> {
        let take = under_offer(task);
        let under = take.map(|take| take.offer.terms.digest());
        let has = self.board.offer_of(&task.id);
        if under == has {
            return None;
        }
        let next = match has {
            Some(_) => self.release(&task.id),
            None => None,
        };
        if let Some(take) = take {
            self.take(task, take);
        }
        next
    }

    fn take(&mut self, task: &Task, take: &OfferTake) {
        let offer = take.offer.terms.digest();
        match self.board.take(&offer, task.id, task.buyer, WEIGHT, take.matched) {
            Ok(_) => {
                self.numbers.insert(task.id, task.number);
            }
            // It was taken when there was a place; who has none now just works.
            Err(error) => tracing::debug!(%error, "a task works without a place"),
        }
    }

    fn release(&mut self, task: &TaskId) -> Option<u64> {
        self.numbers.remove(task);
        let next = self.board.release(task).ok().flatten()?;
        self.numbers.get(&next).copied()
    }

    /// Notes how many tasks the buyer has agreed to under an offer, by the ledger.
    pub fn recount(&mut self, offer: &Digest, agreed: u32) {
        if let Some(bought) = self.bought.get_mut(offer) {
            *bought = agreed;
        }
    }

    /// Puts up all offers again and gives the tasks under them their places: those that were at
    /// work first. What is over or withdrawn keeps its tasks and takes no more.
    pub fn rebuild<'a>(&mut self, tasks: impl Iterator<Item = &'a Task>, now: Timestamp) {
        self.board = OfferBoard::new();
        self.numbers.clear();
        let signed: Vec<SignedOffer> = self.signed.values().cloned().collect();
        for offer in signed {
            if self.board.post(offer.terms.clone(), Ppm::ZERO, now).is_err() {
                self.forget(&offer.terms.digest());
            }
        }
        let mut placed: Vec<(&Task, &OfferTake)> =
            tasks.filter_map(|task| Some((task, under_offer(task)?))).collect();
        placed.sort_by_key(|(task, _)| (!has_begun(task), task.number));
        let mut over: Vec<Digest> = Vec::new();
        for (_, take) in &placed {
            over.extend(self.board.post(take.offer.terms.clone(), Ppm::ZERO, take.matched));
        }
        for (task, take) in placed {
            self.take(task, take);
        }
        for offer in over {
            if let Err(error) = self.board.withdraw(&offer) {
                tracing::debug!(%error, "an offer that is over was gone");
            }
        }
    }

    /// Its turn has come, or it works under no offer.
    pub fn may_work(&self, task: &Task) -> bool {
        match self.board.offer_of(&task.id) {
            Some(offer) => self.board.running(&offer).contains(&task.id),
            None => true,
        }
    }

    /// An offer that can be taken, by its digest.
    pub fn get(&self, offer: &Digest) -> Option<&SignedOffer> {
        self.signed.get(offer)
    }

    /// Every offer that can be taken, ascending by digest.
    pub fn iter(&self) -> impl Iterator<Item = &SignedOffer> {
        self.signed.values()
    }

    /// True when nothing is on offer.
    pub fn is_empty(&self) -> bool {
        self.signed.is_empty()
    }

    /// Tasks the buyer has agreed to under an offer.
    pub fn bought(&self, offer: &Digest) -> u32 {
        self.bought.get(offer).copied().unwrap_or_default()
    }

    /// Tasks at work and tasks that wait under an offer.
    pub fn load(&self, offer: &Digest) -> (u32, u32) {
        self.board.load(offer).map_or((0, 0), |load| (load.running, load.waiting))
    }
}

/// The offer a task has a place under: from when it takes it until its work is done.
fn under_offer(task: &Task) -> Option<&OfferTake> {
    let is_at_work = match task.phase {
        Phase::Awarded | Phase::Running => true,
        // The next chunk follows.
        Phase::Delivered | Phase::Accepted => task.is_chunked() && !task.has_all_chunks(),
        _ => false,
    };
    is_at_work.then(|| task.offer()).flatten()
}

fn has_begun(task: &Task) -> bool {
    let at_it = task.attempt().is_some_and(|attempt| attempt.begun || attempt.resumed > 0);
    at_it || !task.chunks.is_empty() || !task.accepted.is_empty()
}

/// How many offers are named when none fits.
const REASONS_MAX: usize = 3;
