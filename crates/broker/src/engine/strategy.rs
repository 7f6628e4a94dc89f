//! Prices by strategy: an agent's answer to a call, or to a part of one, is its cost, its strategy
//! makes the bid of it, and learns from what became of it.
use ainur_audit::receipt::PartBasis;
use ainur_consensus::ReplicatedLog;
use ainur_crypto::hash;
use ainur_market::coalition::part_task_id;
use ainur_market::combinatorial::CombinatorialTranscript;
use ainur_market::strategy::PaymentRule;
use ainur_primitives::{
    CapabilityName, Did, FailureReason, SelectionRule, Subtask, TaskId, Timestamp,
};
use ainur_runtime::Executor;
use ainur_runtime::job::Quote;
use ainur_storage::Disk;

use super::Broker;
use super::graph::PartQuotes;
use crate::bidder::{AskKey, Bidder, BidderMemory, BiddingCall, UNDECLARED_CAPACITY};
use crate::error::Error;
use crate::event::Event;
use crate::seat::{Seat, Seats};
use crate::task::graph::{GraphDecision, PartAward};
use crate::task::{Phase, Task};

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
            || quote.price > task.auction.terms().reserve
            || quote.estimated_duration_ms > task.auction.terms().duration_ms_max;
        let Some(seat) = self.seats.get_mut(bidder).filter(|_| !in_vain) else {
            return Some(quote);
        };
        let call = BiddingCall {
            key: (number, None),
            task: task.id,
            capability: &task.spec.capability,
            reserve: task.auction.terms().reserve,
            rule: rule(task.spec.selection),
            cost: quote.price,
            active: seat.active,
            capacity: capacity(seat, &task.spec.capability),
            now: self.now,
            draw: draw(task.id, bidder),
        };
        seat.bidder.price(&call).map(|price| Quote { price, ..quote })
    }

    /// What agents ask for the parts of a graph: the price that its strategy makes of each quote.
    pub(super) fn price_parts(&mut self, task: &Task, quotes: PartQuotes) -> PartQuotes {
        let subtasks = task.spec.graph.as_ref().map_or(&[][..], |graph| &graph.subtasks);
        let (now, seats) = (self.now, &mut self.seats);
        let price = |((bidder, index), quote): ((Did, u16), Option<Quote>)| {
            let subtask = subtasks.get(usize::from(index));
            let priced = quote.zip(subtask).and_then(|(quote, subtask)| {
                let seat = seats.get_mut(bidder)?;
                part_price(seat, (task, index, subtask), quote, now)
            });
            ((bidder, index), priced)
        };
        quotes.into_iter().map(price).collect()
    }

    /// Tells those who bid what became of it, after an event was applied.
    pub(super) fn tell_bidders(&mut self, number: u64, event: &Event) {
        let Some(task) = self.tasks.get(&number) else { return };
        let (now, seats) = (self.now, &mut self.seats);
        match event {
            Event::Awarded { seller, payment, .. } => {
                if let Some(seat) = seats.get_mut(*seller) {
                    seat.bidder.awarded((number, None), (*payment, None), now);
                }
            }
            Event::Negotiated { award: Some(award), .. } => {
                if let Some(seat) = seats.get_mut(award.terms.seller) {
                    let paid = award.terms.agreed.price;
                    seat.bidder.awarded((number, None), (paid, None), now);
                }
            }
            Event::GraphAwarded(decision) => {
                for award in task.graph.iter().flat_map(|graph| &graph.awards) {
                    tell_award(seats, (number, Some(decision)), award, now);
                }
            }
            Event::PartReawarded(award) => {
                if let Some(part_of) = task.part_of {
                    // What of the reserve was left may have set the price.
                    tell_award(seats, (part_of.number, None), award, now);
                }
            }
            // The buyer's wish to stop is no failure of the seller's.
            Event::FailureApplied { .. } if task.cancelled || is_stopped_part(task) => {}
            Event::Settled(_)
            | Event::SettledLate { .. }
            | Event::ChunksSettled { .. }
            | Event::FailureApplied { .. } => {
                tell_attempt(seats, task, event, now);
            }
            _ => {}
        }
        if task.phase.is_final() && !matches!(event, Event::ReceiptLogged { .. }) {
            tell_end(seats, task);
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

/// A quote for a part at the price that its agent's strategy asks; as it is where it cannot become
/// a bid anyhow, `None` where the agent stays out.
fn part_price(
    seat: &mut Seat,
    (task, index, subtask): (&Task, u16, &Subtask),
    quote: Quote,
    now: Timestamp,
) -> Option<Quote> {
    let too_slow = quote.estimated_duration_ms > subtask.duration_ms_max;
    if too_slow || quote.price > subtask.reserve {
        return Some(quote);
    }
    let part = part_task_id(task.id, index);
    let call = BiddingCall {
        key: (task.number, Some(index)),
        task: part,
        capability: &subtask.capability,
        reserve: subtask.reserve,
        rule: rule(task.spec.selection),
        cost: quote.price,
        active: seat.active,
        capacity: capacity(seat, &subtask.capability),
        now,
        draw: draw(part, seat.did),
    };
    seat.bidder.price(&call).map(|price| Quote { price, ..quote })
}

/// Tells who got a part of a graph.
fn tell_award(
    seats: &mut Seats,
    (number, decision): (u64, Option<&GraphDecision>),
    award: &PartAward,
    now: Timestamp,
) {
    let Some(seat) = seats.get_mut(award.seller) else { return };
    let key: AskKey = (number, Some(award.subtask));
    match award.basis {
        PartBasis::Bundle { bundle } => {
            let bid = decision.and_then(|decision| decision.transcript.bid(&award.seller));
            let won = bid.and_then(|bid| bid.bundles.get(usize::from(bundle)));
            // The payment of a bundle is what it could have asked at most; its division says that
            // of no part of several.
            let is_whole = won.is_some_and(|won| won.subtasks.count() == 1);
            let critical = is_whole.then_some(award.price);
            seat.bidder.awarded(key, (award.price, critical), now);
        }
        PartBasis::Coalition { .. } | PartBasis::Backup { .. } => seat.bidder.allied(key, now),
        PartBasis::Call { .. } => {}
    }
}

/// Tells the seller of the last attempt how it ended.
fn tell_attempt(seats: &mut Seats, task: &Task, event: &Event, now: Timestamp) {
    let Some(attempt) = task.attempt() else { return };
    let paid = match event {
        Event::Settled(_) => Some(attempt.price),
        Event::SettledLate { paid, .. } => Some(*paid),
        Event::ChunksSettled { .. } => Some(task.paid_for_chunks()),
        _ => None,
    };
    let Some(seat) = seats.get_mut(attempt.seller) else { return };
    let (key, is_allied) = match (task.part_of, attempt.part_award().map(|award| award.basis)) {
        (Some(_), Some(PartBasis::Call { .. })) | (None, _) | (_, None) => {
            ((task.number, None), false)
        }
        (Some(part_of), Some(basis)) => {
            let own = matches!(basis, PartBasis::Bundle { .. });
            ((part_of.number, Some(part_of.subtask)), !own)
        }
    };
    // After a crash it may be told of its award only now.
    match is_allied {
        true => seat.bidder.allied(key, now),
        false => seat.bidder.awarded(key, (attempt.price, None), now),
    }
    seat.bidder.attempted(key, paid, now);
}

/// Tells everybody who was asked that a task is over.
fn tell_end(seats: &mut Seats, task: &Task) {
    let transcript = task.graph.as_ref().map(|graph| &graph.decision.transcript);
    let parts = task.spec.graph.as_ref().map_or(0, |graph| graph.subtasks.len() as u16);
    let rivals = |part: u16| transcript.map_or(0, |transcript| rivals(transcript, part));
    let competitors: Vec<(u16, u32)> = (0..parts).map(|part| (part, rivals(part))).collect();
    let entrants = (task.auction.entrants().len() as u32).saturating_sub(1);
    for invited in &task.invited {
        let Some(seat) = seats.get_mut(*invited) else { continue };
        seat.bidder.ended((task.number, None), entrants);
        for (part, competitors) in &competitors {
            seat.bidder.ended((task.number, Some(*part)), *competitors);
        }
    }
}

/// How many bid for a part beside each other.
fn rivals(transcript: &CombinatorialTranscript, part: u16) -> u32 {
    let reveals = transcript.entrants.iter().filter_map(|entrant| entrant.reveal.as_ref());
    let bid = reveals.filter(|reveal| {
        let of_part = |index| index == usize::from(part);
        reveal.terms.bundles.iter().any(|bundle| bundle.subtasks.indices().any(of_part))
    });
    (bid.count() as u32).saturating_sub(1)
}

/// A part that ended because the whole did, through no fault of its seller's.
fn is_stopped_part(task: &Task) -> bool {
    let failure = task.attempt().and_then(|attempt| attempt.failure.as_ref());
    let reason = failure.map(|(reason, _)| *reason);
    task.part_of.is_some() && reason == Some(FailureReason::Infrastructure)
}

/// How many attempts an agent runs at once.
fn capacity(seat: &Seat, capability: &CapabilityName) -> u32 {
    let contract = seat.contract(capability);
    let declared = contract.and_then(|contract| contract.service_level.concurrency_max);
    declared.unwrap_or(UNDECLARED_CAPACITY)
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
