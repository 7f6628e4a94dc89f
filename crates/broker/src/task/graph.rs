//! Work in parts: what was decided about a task graph, and what became of each part.
//!
//! The whole is one task with one escrow: its sellers come from one auction over the graph, in
//! which coalitions bid beside single agents. Each part is a [`Task`] of its own that runs and is
//! checked like any other, and is paid out of the escrow of the whole. When a part has ended, the
//! whole takes its outcome over.
use ainur_audit::receipt::PartBasis;
use ainur_crypto::batch::BatchProof;
use ainur_ledger::escrow::{Consent, SignedAward};
use ainur_market::coalition::{
    BundleDivision, BundleShare, BundleWord, CoalitionTerms, bundle_shares, coalition_of, divide,
    graph_digest,
};
use ainur_market::combinatorial::{
    Allocation, Assignment, CombinatorialTranscript, SubtaskSet, award, award_part,
};
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::{Amount, ContentId, Did, Digest, TaskId, Timestamp};
use scale::{Decode, Encode};

use super::apply::Illegal;
use super::call::PartCall;
use super::{AwardBasis, HistoryKind, Phase, Task, TaskAttempt};
use crate::event::{Event, LedgerPosition};

/// The task that another is a part of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PartOf {
    /// Its number on this node.
    pub number: u64,
    /// Its id, which names the escrow.
    pub id: TaskId,
    /// Which part of it, by index in its graph.
    pub subtask: u16,
}

/// A closed auction over a task graph, with the signatures that bind its bidders.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct GraphDecision {
    /// The auction.
    pub transcript: CombinatorialTranscript,
    /// The bidders' signatures over their bids, in the order of the transcript.
    pub bids: Vec<BatchProof>,
    /// The coalitions that bid, each through its lead.
    pub coalitions: Vec<SignedCoalition>,
}

/// A coalition's agreement with the signatures of all it names.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedCoalition {
    /// What they agreed to.
    pub terms: CoalitionTerms,
    /// One signature for each of [`CoalitionTerms::signers`], in their order.
    pub proofs: Vec<BatchProof>,
}

/// Who does a part, for how much, and on which word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PartAward {
    /// The part, by index in the graph.
    pub subtask: u16,
    /// Who works.
    pub seller: Did,
    /// What it is paid when its work is accepted.
    pub price: Amount,
    /// What binds it.
    pub basis: PartBasis,
}

/// The graph of a task once its sellers are found.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct GraphProgress {
    /// Why these sellers and prices.
    pub decision: GraphDecision,
    /// Who does which part, in the order in which the ledger numbers them.
    pub awards: Vec<PartAward>,
    /// Parts that have ended, in the order in which they did.
    pub ended: Vec<PartOutcome>,
}

/// What became of a part.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PartOutcome {
    /// Which, by index in the graph.
    pub subtask: u16,
    /// The id of the task it was.
    pub id: TaskId,
    /// Every attempt at it.
    pub attempts: Vec<TaskAttempt>,
    /// What was delivered and accepted, and its length; none when the part failed for good.
    pub output: Option<(ContentId, u64)>,
    /// How its last check ended.
    pub verdict: Option<Verdict>,
    /// Where the ledger paid it.
    pub settled_at: Option<LedgerPosition>,
    /// Why it failed; empty when it did not.
    pub detail: String,
    /// The call for it alone, when somebody was awarded it by one.
    pub call: Option<PartCall>,
}

impl GraphDecision {
    /// Who does what, by replay; in the order in which the ledger numbers the parts.
    ///
    /// # Errors
    /// When nobody does some part, or the transcript is none an auction could have produced.
    pub fn awards(&self) -> Result<(Allocation, Vec<PartAward>), Illegal> {
        let allocation = award(&self.transcript, &[])?;
        if !allocation.unassigned.is_empty() || self.bids.len() != self.transcript.entrants.len() {
            return Err(Illegal::Award);
        }
        let mut parts = Vec::new();
        for assignment in &allocation.assignments {
            parts.extend(self.parts_of(assignment).ok_or(Illegal::Award)?);
        }
        Ok((allocation, parts))
    }

    /// What the winner of a bundle and those behind it do.
    fn parts_of(&self, assignment: &Assignment) -> Option<Vec<PartAward>> {
        let BundleDivision { word, shares } = divide(&self.transcript, self.teams(), assignment)?;
        let basis = match word {
            BundleWord::Coalition(coalition) => PartBasis::Coalition { coalition },
            BundleWord::Bidder(bundle) => PartBasis::Bundle { bundle },
        };
        let part =
            |BundleShare { subtask, seller, price }| PartAward { subtask, seller, price, basis };
        Some(shares.into_iter().map(part).collect())
    }

    fn teams(&self) -> impl Iterator<Item = &CoalitionTerms> {
        self.coalitions.iter().map(|signed| &signed.terms)
    }

    /// What the ledger is given to bind everyone, in the order of the allocation.
    pub fn signed_awards(&self, allocation: &Allocation) -> Option<Vec<SignedAward>> {
        let transcript = self.transcript.digest();
        let sign = |assignment: &Assignment| {
            let price = assignment.payment;
            if let Some((coalition, terms)) = coalition_of(self.teams(), assignment) {
                let mut members: Vec<Did> = Vec::new();
                for member in &terms.members {
                    if !members.contains(&member.agent) {
                        members.push(member.agent);
                    }
                }
                let proofs = members.iter().map(|member| self.coalition_proof(coalition, *member));
                let proofs = proofs.collect::<Option<Vec<_>>>()?;
                let consent = Consent::Coalition { terms: terms.clone(), transcript };
                return Some(SignedAward { price, consent, proofs });
            }
            let bid = self.transcript.bid(&assignment.bidder)?;
            let bundle = bid.bundles.iter().position(|bundle| *bundle == assignment.bundle)? as u16;
            self.bundle_award(assignment.bidder, bundle, price)
        };
        allocation.assignments.iter().map(sign).collect()
    }

    /// What the ledger is given to bind whoever takes a part over.
    pub fn substitution(&self, award: &PartAward) -> Option<SignedAward> {
        match award.basis {
            PartBasis::Bundle { bundle } => self.bundle_award(award.seller, bundle, award.price),
            PartBasis::Backup { coalition, backup } => {
                let terms = self.coalitions.get(usize::from(coalition))?.terms.clone();
                let proofs = vec![self.coalition_proof(coalition, award.seller)?];
                let consent = Consent::Backup { terms, backup };
                Some(SignedAward { price: award.price, consent, proofs })
            }
            PartBasis::Coalition { .. } | PartBasis::Call { .. } => None,
        }
    }

    fn bundle_award(&self, bidder: Did, bundle: u16, price: Amount) -> Option<SignedAward> {
        let bid = self.transcript.bid(&bidder)?.clone();
        let subtasks = &bid.bundles.get(usize::from(bundle))?.subtasks;
        let shares = bundle_shares(&self.transcript.terms, subtasks, price);
        let transcript = self.transcript.digest();
        let proofs = vec![self.bid_proof(bidder)?.clone()];
        Some(SignedAward {
            price,
            consent: Consent::Bundle { bid, bundle, shares, transcript },
            proofs,
        })
    }

    /// What the members of the coalition that a seller is of signed, by its digest.
    pub fn coalition_digest(&self, award: &PartAward) -> Option<Digest> {
        let (PartBasis::Coalition { coalition } | PartBasis::Backup { coalition, .. }) =
            award.basis
        else {
            return None;
        };
        Some(self.coalitions.get(usize::from(coalition))?.terms.digest())
    }

    fn bid_proof(&self, bidder: Did) -> Option<&BatchProof> {
        self.bids.iter().find(|proof| proof.signer == bidder)
    }

    fn coalition_proof(&self, coalition: u16, signer: Did) -> Option<BatchProof> {
        let SignedCoalition { terms, proofs } = self.coalitions.get(usize::from(coalition))?;
        proofs.get(terms.signers().binary_search(&signer).ok()?).cloned()
    }

    /// Who takes a part over after `failed` failed at it: the next backup of its coalition, then
    /// the best of the other bids. `excluded` are those who failed at any part, `available` is what
    /// of the reserve is promised to nobody else, and `for_backup` what its coalition's backup may
    /// be paid.
    pub fn next_seller(
        &self,
        failed: &PartAward,
        excluded: &[Did],
        engaged: &[PartAward],
        (available, for_backup): (Amount, Amount),
    ) -> Option<PartAward> {
        self.next_backup(failed, excluded, for_backup)
            .or_else(|| self.next_bid(failed, excluded, engaged, available))
    }

    fn next_backup(
        &self,
        failed: &PartAward,
        excluded: &[Did],
        available: Amount,
    ) -> Option<PartAward> {
        let (PartBasis::Coalition { coalition } | PartBasis::Backup { coalition, .. }) =
            failed.basis
        else {
            return None;
        };
        let terms = &self.coalitions.get(usize::from(coalition))?.terms;
        let (backup, chosen) = (0..).zip(&terms.failure.backups).find(|(_, backup)| {
            backup.subtask == failed.subtask
                && !excluded.contains(&backup.agent)
                && backup.bid <= available
        })?;
        Some(PartAward {
            subtask: failed.subtask,
            seller: chosen.agent,
            price: chosen.bid,
            basis: PartBasis::Backup { coalition, backup },
        })
    }

    /// Whoever won a bundle has offered to do nothing else.
    fn next_bid(
        &self,
        failed: &PartAward,
        excluded: &[Did],
        engaged: &[PartAward],
        available: Amount,
    ) -> Option<PartAward> {
        let bound = engaged
            .iter()
            .filter(|award| matches!(award.basis, PartBasis::Bundle { .. }))
            .map(|award| award.seller);
        let without: Vec<Did> = excluded.iter().copied().chain(bound).collect();
        let part: SubtaskSet = [usize::from(failed.subtask)].into_iter().collect();
        let allocation = award_part(&self.transcript, &without, &part).ok()?;
        let assignment = allocation.assignments.first()?;
        let bid = self.transcript.bid(&assignment.bidder)?;
        let bundle = bid.bundles.iter().position(|bundle| *bundle == assignment.bundle)? as u16;
        let price = assignment.payment.min(available);
        if price < assignment.bundle.price {
            return None;
        }
        Some(PartAward {
            subtask: failed.subtask,
            seller: assignment.bidder,
            price,
            basis: PartBasis::Bundle { bundle },
        })
    }
}

impl GraphProgress {
    /// What became of a part, once it has ended.
    pub fn outcome(&self, subtask: u16) -> Option<&PartOutcome> {
        self.ended.iter().find(|part| part.subtask == subtask)
    }

    /// The first award of a part.
    pub fn award(&self, subtask: u16) -> Option<&PartAward> {
        self.awards.iter().find(|award| award.subtask == subtask)
    }

    /// What was paid for accepted parts.
    pub fn paid(&self) -> Amount {
        self.ended.iter().map(PartOutcome::paid).sum()
    }

    /// A part that nobody could do.
    pub fn lost(&self) -> Option<&PartOutcome> {
        self.ended.iter().find(|part| part.output.is_none())
    }
}

impl PartOutcome {
    /// What its seller was paid.
    pub fn paid(&self) -> Amount {
        match (&self.output, self.attempts.last()) {
            (Some(_), Some(attempt)) => attempt.price,
            _ => Amount::ZERO,
        }
    }
}

impl TaskAttempt {
    /// What it is a part's attempt by.
    pub fn part_award(&self) -> Option<&PartAward> {
        match &self.basis {
            AwardBasis::Part(award) => Some(award),
            _ => None,
        }
    }
}

impl Task {
    /// Its outcome as a part, once it has ended.
    pub fn outcome(&self) -> Option<PartOutcome> {
        let part_of = self.part_of.filter(|_| self.phase.is_final())?;
        let settled = self.phase == Phase::Settled;
        Some(PartOutcome {
            subtask: part_of.subtask,
            id: self.id,
            attempts: self.attempts.clone(),
            output: self.output.filter(|_| settled),
            verdict: self.verdict.clone(),
            settled_at: self.closed_at.filter(|_| settled),
            detail: self.detail.clone(),
            call: self.part_call(),
        })
    }

    /// Applies what can happen to a task graph and its parts.
    pub(super) fn apply_graph(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        match event {
            Event::GraphAwarded(decision) => self.award_graph(at, decision),
            Event::PartBegun { award, agreed_at } => {
                self.expect(&[Phase::Announced], "the beginning of a part")?;
                self.begin_part(at, award)?;
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.agreed_at = Some(*agreed_at);
                }
                self.phase = Phase::Running;
                Ok(())
            }
            Event::PartReawarded(award) => {
                self.expect(&[Phase::Rewarding], "another seller of a part")?;
                if self.excluded().contains(&award.seller) {
                    return Err(Illegal::Award);
                }
                self.begin_part(at, award)
            }
            Event::PartCalled { terms, invited } => self.take_part_call(at, terms, invited),
            Event::PartEnded(outcome) => {
                let Some(graph) = &mut self.graph else { return self.illegal("the end of a part") };
                if graph.outcome(outcome.subtask).is_some() || self.phase.is_final() {
                    return self.illegal("a second end of a part");
                }
                let (subtask, paid) = (outcome.subtask, outcome.paid());
                let accepted = outcome.output.is_some();
                let detail = match accepted {
                    true => format!("{} for {} AINU", self.part_name(subtask), paid.to_ainu()),
                    false => format!("{} failed: {}", self.part_name(subtask), outcome.detail),
                };
                if let Some(graph) = &mut self.graph {
                    graph.ended.push((**outcome).clone());
                }
                self.note(at, HistoryKind::Part, detail);
                Ok(())
            }
            Event::GraphSettled { position, output, bytes } => {
                // Also one that was given up when the ledger had paid all of it already.
                self.expect(&[Phase::Running, Phase::Failing], "the end of all parts")?;
                self.output = Some((*output, *bytes));
                self.delivered = Some(at);
                self.close(at, Phase::Settled, *position);
                self.note(at, HistoryKind::Settled, format!("in block {}", position.height));
                Ok(())
            }
            _ => self.illegal("this"),
        }
    }

    fn award_graph(&mut self, at: Timestamp, decision: &GraphDecision) -> Result<(), Illegal> {
        self.expect(&[Phase::Announced], "an award of a graph")?;
        let wanted = self.spec.graph.as_ref().map(graph_digest);
        let terms = &decision.transcript.terms;
        if wanted != Some(terms.graph) || terms.task != self.id || terms.budget != self.spec.reserve
        {
            return Err(Illegal::Award);
        }
        let (allocation, awards) = decision.awards()?;
        let first = awards.first().ok_or(Illegal::Award)?.seller;
        let mut sellers: Vec<Did> = awards.iter().map(|award| award.seller).collect();
        sellers.sort_unstable();
        sellers.dedup();
        let (parts, price) = (awards.len(), allocation.payment);
        self.graph =
            Some(Box::new(GraphProgress { decision: decision.clone(), awards, ended: Vec::new() }));
        self.begin_attempt(1, first, price, AwardBasis::Graph);
        let (sellers, ainu) = (sellers.len(), price.to_ainu());
        let detail = format!("{parts} parts to {sellers} sellers for {ainu} AINU");
        self.note(at, HistoryKind::Awarded, detail);
        Ok(())
    }

    fn begin_part(&mut self, at: Timestamp, award: &PartAward) -> Result<(), Illegal> {
        if self.part_of.is_none_or(|part_of| part_of.subtask != award.subtask) {
            return Err(Illegal::Award);
        }
        let number = self.attempts.len() as u32 + 1;
        self.begin_attempt(number, award.seller, award.price, AwardBasis::Part(*award));
        let (seller, ainu) = (award.seller, award.price.to_ainu());
        let detail = format!("attempt {number} to {seller} for {ainu} AINU");
        self.note(at, HistoryKind::Awarded, detail);
        Ok(())
    }

    /// What people call a part.
    pub fn part_name(&self, subtask: u16) -> String {
        let graph = self.spec.graph.as_ref();
        let found = graph.and_then(|graph| graph.subtasks.get(usize::from(subtask)));
        found.map_or_else(|| subtask.to_string(), |found| found.name.clone())
    }
}
