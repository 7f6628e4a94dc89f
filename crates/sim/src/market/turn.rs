//! The end of a turn: what was agreed and what ended becomes one block of signed transactions.
use std::collections::BTreeMap;

use ainur_crypto::BatchProof;
use ainur_ledger::escrow::{self, SignedAward};
use ainur_ledger::{Event, EventRecord, reputation};
use ainur_primitives::{Digest, DurationMs, TaskId};

use super::Error;
use super::economy::Economy;
use super::work::{Engaged, Member, MemberStage, Work};

/// An agreement of this turn.
pub(super) struct Deal {
    pub(super) task: TaskId,
    pub(super) engaged: Vec<Engaged>,
    /// The part it replaces and the others of the attempt, when it is a substitution.
    pub(super) beside: Option<(u32, Vec<Member>)>,
}

/// What a call means here once it is in a block.
pub(super) enum Effect {
    /// Work begins, and takes so long.
    Begun(TaskId, Work, DurationMs),
    /// Nothing more.
    Closed,
    /// Nothing more, and a refusal is no surprise.
    Tried,
}

impl Engaged {
    /// Who has to sign, each once, in the order of shares.
    fn signers(&self) -> Vec<usize> {
        let mut signers: Vec<usize> = Vec::with_capacity(self.shares.len());
        for share in &self.shares {
            if !signers.contains(&share.seller) {
                signers.push(share.seller);
            }
        }
        signers
    }
}

impl Economy<'_> {
    /// Makes a block of what happened in this turn.
    pub(super) fn close_turn(&mut self) -> Result<(), Error> {
        self.sign_deals()?;
        if self.calls.is_empty() {
            return Ok(());
        }
        let (calls, effects): (Vec<_>, Vec<_>) = std::mem::take(&mut self.calls)
            .into_iter()
            .map(|(sender, action, effect)| ((sender, action), effect))
            .unzip();
        let (done, events) = self.settlement.block(self.now, calls)?;
        for (done, effect) in done.into_iter().zip(effects) {
            self.apply(done.refused, effect)?;
        }
        self.watch(&events);
        Ok(())
    }

    /// Turns agreements into calls: each seller signs all of its consents in one batch.
    fn sign_deals(&mut self) -> Result<(), Error> {
        let deals = std::mem::take(&mut self.deals);
        let mut of_seller: BTreeMap<usize, Vec<Digest>> = BTreeMap::new();
        for engaged in deals.iter().flat_map(|deal| &deal.engaged) {
            let digest = engaged.consent.digest();
            for seller in engaged.signers() {
                of_seller.entry(seller).or_default().push(digest);
            }
        }
        let mut proofs: BTreeMap<usize, std::vec::IntoIter<BatchProof>> = BTreeMap::new();
        for (seller, items) in of_seller {
            let signed = self.settlement.sign(self.sellers[seller].did, &items)?;
            proofs.insert(seller, signed.into_iter());
        }
        for deal in deals {
            self.call_deal(deal, &mut proofs)?;
        }
        Ok(())
    }

    fn call_deal(
        &mut self,
        deal: Deal,
        proofs: &mut BTreeMap<usize, std::vec::IntoIter<BatchProof>>,
    ) -> Result<(), Error> {
        let Deal { task, engaged, beside } = deal;
        let duration = engaged.iter().map(|part| part.duration_ms).max().unwrap_or_default();
        let (replaced, mut members) =
            beside.map_or((None, Vec::new()), |(part, members)| (Some(part), members));
        let mut awards = Vec::with_capacity(engaged.len());
        for engaged in engaged {
            let signers = engaged.signers();
            let next = |seller: usize| proofs.get_mut(&seller).and_then(Iterator::next);
            let signed: Option<Vec<BatchProof>> = signers.into_iter().map(next).collect();
            let mut fates: BTreeMap<usize, bool> = BTreeMap::new();
            for share in &engaged.shares {
                let works = self.sellers[share.seller].conduct.works();
                let lucky = !self.conduct.happens(self.scenario.supply.failure);
                let delivers = *fates.entry(share.seller).or_insert(works && lucky);
                let stage = MemberStage::Working { delivers };
                members.push(Member { share: *share, stage });
            }
            let price = engaged.shares.iter().map(|share| share.price).sum();
            let proofs = signed.ok_or(Error::Nobody)?;
            awards.push(SignedAward { price, consent: engaged.consent, proofs });
        }
        let job = self.jobs.get(&task).ok_or(Error::Nobody)?;
        let action = match (replaced, awards.pop()) {
            (Some(part), Some(award)) => escrow::Action::Substitute { task, part, award },
            (_, last) => {
                awards.extend(last);
                if job.attempt > 1 {
                    escrow::Action::Reaward { task, awards }
                } else {
                    escrow::Action::Agree {
                        task,
                        verifier: self.operator,
                        reserve: job.wish.value,
                        awards,
                        service: None,
                        budget: None,
                        call: Digest::ZERO,
                        serial: job.wish.serial,
                        check: Digest::ZERO,
                        deadline: job.deadline,
                    }
                }
            }
        };
        let buyer = self.buyers[job.wish.buyer].did;
        let work = Work { began: self.now, members };
        self.calls.push((buyer, action.into(), Effect::Begun(task, work, duration)));
        Ok(())
    }

    fn apply(&mut self, refused: Option<String>, effect: Effect) -> Result<(), Error> {
        match (refused, effect) {
            (None, Effect::Begun(task, work, duration)) => {
                self.works.insert((self.now.plus(duration), task), work);
            }
            (Some(why), Effect::Begun(task, work, _)) => self.withdraw(task, &work, why)?,
            (None, Effect::Closed) | (_, Effect::Tried) => {}
            (Some(why), Effect::Closed) => return Err(Error::Rejected(why)),
        }
        Ok(())
    }

    /// The ledger did not take an agreement: as if it had not been made.
    fn withdraw(&mut self, task: TaskId, work: &Work, why: String) -> Result<(), Error> {
        for member in &work.members {
            if matches!(member.stage, MemberStage::Working { .. }) {
                let seller = &mut self.sellers[member.share.seller];
                seller.state.active_tasks = seller.state.active_tasks.saturating_sub(1);
                seller.let_go(task);
            }
        }
        if self.board.offer_of(&task).is_some() {
            self.board.release(&task)?;
        }
        let job = self.jobs.remove(&task).ok_or(Error::Nobody)?;
        if job.counted {
            self.tally.refused(why, job.spent);
        }
        if job.attempt > 1 {
            let action = escrow::Action::Refund { task };
            self.calls.push((self.operator, action.into(), Effect::Closed));
        }
        Ok(())
    }

    /// Stake that was lost is a loss.
    fn watch(&mut self, events: &[EventRecord]) {
        for record in events {
            let Event::Reputation(reputation::Event::Slashed { did, amount, .. }) = &record.event
            else {
                continue;
            };
            if let Some(seller) = self.sellers.iter_mut().find(|seller| seller.did == *did) {
                seller.profit -= amount.0 as i128;
            }
        }
    }
}
