//! The receipts of task graphs: every part with its sellers, and the auction behind them.
use ainur_audit::receipt::{
    AcceptedOutput, CoalitionRecord, JobRecord, PartAttempt, PartCallRecord, PartEnd, PartRecord,
    StoryJob, StoryPart, StoryPartAttempt,
};
use ainur_consensus::ReplicatedLog;
use ainur_primitives::{Amount, Did};
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::{known, missing, place};
use crate::engine::Broker;
use crate::error::Error;
use crate::event::LedgerPosition;
use crate::task::call::PartCall;
use crate::task::graph::{GraphProgress, PartAward, PartOutcome};
use crate::task::{Task, TaskAttempt};

/// What the receipt of a graph says of its parts; nothing for another task.
pub(super) fn story(task: &Task) -> Result<Option<StoryJob<'_>>, Error> {
    let Some(graph) = &task.graph else { return Ok(None) };
    let agreed = place(agreed_at(task)).ok_or_else(|| missing("agreement"))?;
    let decision = &graph.decision;
    Ok(Some(StoryJob {
        transcript: decision.transcript.digest(),
        coalitions: decision.coalitions.iter().map(|signed| signed.terms.digest()).collect(),
        agreed,
        parts: by_subtask(graph).map(|(award, outcome)| story_part(award, outcome)).collect(),
    }))
}

/// Everybody whose signature the receipt of a graph carries.
pub(super) fn parties(task: &Task) -> Vec<Did> {
    let Some(graph) = &task.graph else { return Vec::new() };
    let bidders = graph.decision.bids.iter().map(|proof| proof.signer);
    let coalitions = &graph.decision.coalitions;
    let calls = graph.ended.iter().filter_map(|outcome| outcome.call.as_ref());
    let called = calls.flat_map(|call| call.bids.iter().map(|proof| proof.signer));
    let signers = coalitions.iter().flat_map(|signed| signed.terms.signers());
    bidders.chain(signers).chain(called).collect()
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// The parts of a graph with all proofs; nothing for another task.
    pub(super) fn job_record(&self, task: &Task) -> Result<Option<JobRecord>, Error> {
        let Some(graph) = &task.graph else { return Ok(None) };
        let decision = &graph.decision;
        let entrants = decision.transcript.entrants.iter().zip(&decision.bids);
        let revealed = entrants
            .filter_map(|(entrant, proof)| Some((entrant.reveal.as_ref()?.terms.digest(), proof)));
        let bids = revealed.map(|(digest, proof)| self.joined(digest, proof));
        let coalitions = decision.coalitions.iter().map(|signed| {
            let digest = signed.terms.digest();
            let proofs = signed.proofs.iter().map(|proof| self.joined(digest, proof));
            Ok(CoalitionRecord {
                terms: signed.terms.clone(),
                proofs: proofs.collect::<Result<_, Error>>()?,
            })
        });
        let agreed = known(agreed_at(task)).ok_or_else(|| missing("agreement"))?;
        let parts = by_subtask(graph).map(|(award, outcome)| self.part_record(award, outcome));
        Ok(Some(JobRecord {
            transcript: decision.transcript.clone(),
            bids: bids.collect::<Result<_, Error>>()?,
            coalitions: coalitions.collect::<Result<_, Error>>()?,
            agreed: self.ledger_event(agreed)?,
            parts: parts.collect::<Result<_, Error>>()?,
        }))
    }

    /// What members of coalitions got back at the end of a graph of what insurance withheld from
    /// them, by the ledger's last event; nothing for another task.
    ///
    /// # Errors
    /// When the ledger's events cannot be read.
    pub fn insurance_paid(&self, task: &Task) -> Result<Amount, Error> {
        let insured = task.graph.iter().flat_map(|graph| &graph.decision.coalitions);
        let insured = insured.map(|signed| signed.terms.failure.insurance_pool);
        let (Some(closed_at), false) = (task.closed_at, insured.sum::<Amount>().is_zero()) else {
            return Ok(Amount::ZERO);
        };
        let events = self.ledger.events(closed_at.height)?.0;
        let last = events.iter().find(|record| record.index == closed_at.index);
        let payouts = match last.map(|record| &record.event) {
            Some(ainur_ledger::Event::Escrow(event)) => event.insurance(),
            _ => &[],
        };
        Ok(payouts.iter().map(|payout| payout.amount).sum())
    }

    fn part_record(
        &self,
        award: &PartAward,
        outcome: Option<&PartOutcome>,
    ) -> Result<PartRecord, Error> {
        let told = story_part(award, outcome);
        let positions = outcome.into_iter().flat_map(|outcome| &outcome.attempts);
        let positions = positions.map(Some).chain(std::iter::repeat(None));
        let mut attempts = Vec::with_capacity(told.attempts.len());
        for (attempt, position) in told.attempts.into_iter().zip(positions) {
            let event =
                |at: Option<LedgerPosition>| known(at).map(|at| self.ledger_event(at)).transpose();
            let agreed = match attempt.agreed {
                Some(_) => event(position.and_then(|attempt| attempt.agreed_at))?,
                None => None,
            };
            let failed = event(position.and_then(|attempt| attempt.failed_at))?;
            let end = match attempt.end {
                PartEnd::Failed { reason, event } => {
                    PartEnd::Failed { reason, event: event.and(failed).map(Box::new) }
                }
                PartEnd::Settled => PartEnd::Settled,
                PartEnd::Refused { detail } => PartEnd::Refused { detail },
                PartEnd::Stopped => PartEnd::Stopped,
            };
            let (seller, price, basis) = (attempt.seller, attempt.price, attempt.basis);
            attempts.push(PartAttempt { seller, price, basis, agreed, end });
        }
        let settled = outcome.and_then(|outcome| known(outcome.settled_at));
        Ok(PartRecord {
            subtask: award.subtask,
            attempts,
            output: told.output,
            verdict: outcome.and_then(|outcome| outcome.verdict.clone()),
            settled: settled.map(|at| self.ledger_event(at)).transpose()?,
            call: outcome
                .and_then(|outcome| outcome.call.as_ref())
                .map(|call| self.called(call))
                .transpose()?,
        })
    }

    /// A call for a part alone with its bidders' signatures.
    fn called(&self, call: &PartCall) -> Result<PartCallRecord, Error> {
        let entrants = call.transcript.entrants.iter();
        let reveals = entrants.filter_map(|entrant| entrant.reveal.as_ref());
        let bids = reveals
            .zip(&call.bids)
            .map(|(reveal, proof)| self.joined(reveal.terms.digest(), proof));
        let bids = bids.collect::<Result<_, Error>>()?;
        Ok(PartCallRecord { transcript: call.transcript.clone(), bids })
    }
}

fn agreed_at(task: &Task) -> Option<LedgerPosition> {
    task.attempt().and_then(|attempt| attempt.agreed_at)
}

/// The first award of each part and what became of it, ascending.
fn by_subtask(graph: &GraphProgress) -> impl Iterator<Item = (&PartAward, Option<&PartOutcome>)> {
    let mut awards: Vec<&PartAward> = graph.awards.iter().collect();
    awards.sort_unstable_by_key(|award| award.subtask);
    awards.into_iter().map(|award| (award, graph.outcome(award.subtask)))
}

fn story_part<'a>(award: &PartAward, outcome: Option<&'a PartOutcome>) -> StoryPart<'a> {
    let never_begun = || StoryPartAttempt {
        seller: award.seller,
        price: award.price,
        basis: award.basis,
        agreed: None,
        end: PartEnd::Stopped,
    };
    let output = outcome.and_then(|outcome| outcome.output);
    let attempts = match outcome {
        Some(outcome) if !outcome.attempts.is_empty() => {
            outcome.attempts.iter().filter_map(|it| story_attempt(outcome, it)).collect()
        }
        _ => vec![never_begun()],
    };
    StoryPart {
        subtask: award.subtask,
        attempts,
        output: output.map(|(content, bytes)| AcceptedOutput { content, bytes }),
        verdict: outcome.and_then(|outcome| outcome.verdict.as_ref()),
        settled: outcome.and_then(|outcome| place(outcome.settled_at)),
    }
}

fn story_attempt(outcome: &PartOutcome, attempt: &TaskAttempt) -> Option<StoryPartAttempt> {
    let award = attempt.part_award()?;
    let end = match &attempt.failure {
        None if outcome.output.is_some() => PartEnd::Settled,
        None => PartEnd::Stopped,
        Some((_, detail)) if attempt.agreed_at.is_none() => {
            PartEnd::Refused { detail: detail.clone() }
        }
        Some((reason, _)) => {
            PartEnd::Failed { reason: *reason, event: place(attempt.failed_at).map(Box::new) }
        }
    };
    // The first seller was bound with the whole.
    let later = attempt.number > 1;
    Some(StoryPartAttempt {
        seller: attempt.seller,
        price: attempt.price,
        basis: award.basis,
        agreed: place(attempt.agreed_at.filter(|_| later)),
        end,
    })
}
