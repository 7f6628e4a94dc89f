//! Calling again for a part of a task graph, alone: when no backup and no other bid of the first
//! auction can replace who failed, agents are asked anew, for what of the reserve is promised to
//! nobody else. What follows is an auction like any other, durable step by step; who wins it takes
//! the part over in the escrow of the whole.
use ainur_audit::receipt::subtask_loss;
use ainur_consensus::ReplicatedLog;
use ainur_ledger::escrow::{Consent, SignedAward};
use ainur_market::auction::AuctionTerms;
use ainur_primitives::{Amount, Did, TaskSpec};
use ainur_runtime::Executor;
use ainur_storage::{Disk, crash_point};

use super::Broker;
use crate::error::Error;
use crate::event::Event;
use crate::task::{Phase, Task};

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Calls for a part again; false when nobody could answer or too little is left to offer.
    pub(super) fn call_part(
        &mut self,
        number: u64,
        (excluded, available): (&[Did], Amount),
    ) -> Result<bool, Error> {
        let Some((terms, spec)) = self.part_call_terms(number, available) else { return Ok(false) };
        // Why nobody can be asked is told by whom it was that failed.
        let able = self.able((&spec.capability, &spec.parameters), &spec.check, None);
        let able = able.unwrap_or_default().into_iter();
        // Whoever was not to be asked for the whole is not asked now.
        let whole = self.tasks.get(&number).and_then(|part| part.part_of);
        let whole = whole.and_then(|part_of| self.tasks.get(&part_of.number));
        let asked = whole.map_or(&[][..], |whole| &whole.invited);
        let may_bid = |did: &Did| {
            asked.contains(did)
                && !excluded.contains(did)
                && self.bond_for(*did, terms.reserve).is_some()
        };
        let invited: Vec<Did> = able.filter(may_bid).collect();
        if invited.is_empty() {
            return Ok(false);
        }
        crash_point("broker.recall");
        self.record(number, Event::PartCalled { terms: Box::new(terms), invited })?;
        Ok(true)
    }

    /// The terms of a call for a part, and what is wanted; `None` when it cannot be called for.
    fn part_call_terms(&self, number: u64, available: Amount) -> Option<(AuctionTerms, TaskSpec)> {
        let part = self.tasks.get(&number)?;
        let part_of = part.part_of?;
        let whole = self.tasks.get(&part_of.number)?;
        let graph = whole.spec.graph.as_ref()?;
        let subtask = graph.subtasks.get(usize::from(part_of.subtask))?;
        let spec = TaskSpec {
            reserve: subtask.reserve.min(available),
            loss: subtask_loss(&whole.spec, subtask),
            deadline_ms: part.deadline.since(self.now),
            ..part.spec.clone()
        };
        let terms = self.auction_terms(part.id, (&spec, None), None);
        // Without money to offer or time to ask, there is no call.
        terms.validate().is_ok().then_some((terms, spec))
    }

    /// The whole that a part belongs to is at work.
    pub(super) fn is_whole_at_work(&self, part: &Task) -> bool {
        let whole = part.part_of.and_then(|part_of| self.tasks.get(&part_of.number));
        whole.is_some_and(|whole| whole.phase == Phase::Running)
    }

    /// What binds who won a call for a part.
    pub(super) fn called_award(&self, part: &Task) -> Option<SignedAward> {
        crash_point("broker.recall");
        let attempt = part.attempt()?;
        // Its seller has not failed, so the replay gives it again.
        let bid = part.award().ok()?.bid;
        let proofs = vec![part.bid_proof(attempt.seller)?.clone()];
        let transcript = part.transcript.as_ref()?.digest();
        Some(SignedAward {
            price: attempt.price,
            consent: Consent::Bid { bid, transcript },
            proofs,
        })
    }
}
