//! Prices by strategy: an agent's answer to a call is its cost, its strategy makes the bid of it, and
//! learns from what became of it.
use ainur_consensus::ReplicatedLog;
use ainur_crypto::hash;
use ainur_market::strategy::PaymentRule;
use ainur_primitives::{Did, SelectionRule, TaskId};
use ainur_runtime::Executor;
use ainur_runtime::job::Quote;
use ainur_storage::Disk;

use super::Broker;
use crate::bidder::{Bidder, BidderMemory, BiddingCall, UNDECLARED_CAPACITY};
use crate::error::Error;
use crate::event::Event;
use crate::task::Phase;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Takes an agent's own answer to a call: its strategy makes the bid from what it quoted.
    pub(super) fn bid_by_strategy(
        &mut self,
        number: u64,
        bidder: Did,
        quote: Option<Quote>,
    ) -> Result<(), Error> {
        let capability = self.tasks.get(&number).map(|task| task.spec.capability.clone());
        let quote = quote.zip(capability);
        let quote = quote.map(|(quote, capability)| self.when_free(bidder, &capability, quote));
        let priced = quote.and_then(|quote| self.strategic_price(number, bidder, quote));
        self.seal(number, bidder, priced)
    }

    /// The quote at the price the strategy asks; as it is where it cannot become a bid anyhow, so
    /// that the reason is told.
    fn strategic_price(&mut self, number: u64, bidder: Did, quote: Quote) -> Option<Quote> {
        let Some(task) = self.tasks.get(&number) else { return Some(quote) };
        let sealed = task.auction.entrants().any(|entrant| entrant.commit.bidder == bidder);
        let in_vain = task.phase != Phase::Announced
            || sealed
            || self.is_sealing(number, bidder)
            || quote.price > task.spec.reserve
            || quote.estimated_duration_ms > task.auction.terms().duration_ms_max;
        let Some(seat) = self.seats.get_mut(bidder).filter(|_| !in_vain) else {
            return Some(quote);
        };
        let contract = seat.contract(&task.spec.capability);
        let declared = contract.and_then(|contract| contract.service_level.concurrency_max);
        let call = BiddingCall {
            number,
            task: task.id,
            capability: &task.spec.capability,
            reserve: task.spec.reserve,
            rule: rule(task.spec.selection),
            cost: quote.price,
            active: seat.active,
            capacity: declared.unwrap_or(UNDECLARED_CAPACITY),
            now: self.now,
            draw: draw(task.id, bidder),
        };
        seat.bidder.price(&call).map(|price| Quote { price, ..quote })
    }

    /// Tells those who bid what became of it, after an event was applied.
    pub(super) fn tell_bidders(&mut self, number: u64, event: &Event) {
        let Some(task) = self.tasks.get(&number) else { return };
        let now = self.now;
        match event {
            Event::Awarded { seller, payment, .. } => {
                if let Some(seat) = self.seats.get_mut(*seller) {
                    seat.bidder.awarded(number, *payment, now);
                }
            }
            Event::Negotiated { award: Some(award), .. } => {
                if let Some(seat) = self.seats.get_mut(award.terms.seller) {
                    seat.bidder.awarded(number, award.terms.agreed.price, now);
                }
            }
            // The buyer's wish to stop is no failure of the seller's.
            Event::FailureApplied { .. } if task.cancelled => {}
            Event::Settled(_)
            | Event::SettledLate { .. }
            | Event::ChunksSettled { .. }
            | Event::FailureApplied { .. } => {
                let Some(attempt) = task.attempt() else { return };
                let paid = match event {
                    Event::Settled(_) => Some(attempt.price),
                    Event::SettledLate { paid, .. } => Some(*paid),
                    Event::ChunksSettled { .. } => Some(task.paid_for_chunks()),
                    _ => None,
                };
                if let Some(seat) = self.seats.get_mut(attempt.seller) {
                    // After a crash it may be told of its award only now.
                    seat.bidder.awarded(number, attempt.price, now);
                    seat.bidder.attempted(number, paid, now);
                }
            }
            _ => {}
        }
        if task.phase.is_final() && !matches!(event, Event::ReceiptLogged { .. }) {
            let competitors = (task.auction.entrants().len() as u32).saturating_sub(1);
            for invited in &task.invited {
                if let Some(seat) = self.seats.get_mut(*invited) {
                    seat.bidder.ended(number, competitors);
                }
            }
        }
    }

    /// How an agent bids; `None` when it has no seat.
    pub fn bidder(&self, did: Did) -> Option<&Bidder> {
        self.seats.get(did).map(|seat| &seat.bidder)
    }

    /// What bidders remember that changed since this was last asked, of at most so many, with the
    /// names of their agents.
    pub fn changed_bidders(&mut self, at_most: usize) -> Vec<(String, BidderMemory)> {
        let changed = self.seats.iter_mut().filter_map(|seat| {
            seat.bidder.take_changed().map(|memory| (seat.name.clone(), memory.clone()))
        });
        changed.take(at_most).collect()
    }
}

/// What a winner is paid when bids are selected so.
fn rule(selection: SelectionRule) -> PaymentRule {
    match selection {
        SelectionRule::Scored | SelectionRule::Cheapest => PaymentRule::SecondPrice,
        SelectionRule::Fastest | SelectionRule::BestReputation => PaymentRule::OwnPrice,
    }
}

/// A number for what a strategy tries out; the same when a call is answered again.
fn draw(task: TaskId, bidder: Did) -> u64 {
    let digest = hash::tagged("ainur/bid-draw/v1", &[&task.0.0, &bidder.0.0]);
    let (first, _) = digest.0.split_at(8);
    first.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
