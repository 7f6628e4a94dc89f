//! Receipts: a line in the transparency log when a task has ended, the document when it is asked
//! for. What it says follows from the task alone; proofs and keys are added when it is issued.
use std::collections::BTreeSet;

use ainur_audit::receipt::{
    self, AcceptedOutput, AttemptBasis, AttemptEnd, AttemptRecord, AuditProof, ChunkRecord,
    EventPlace, LedgerEvent, NegotiatedAgreement, PartyKeys, ReceiptBody, RedeemedCredit,
    RentedUse, Story, StoryAttempt, StoryBasis, StoryChunk, TakenOffer,
};
use ainur_crypto::{BatchProof, Proof};
use ainur_ledger::identity;
use ainur_market::auction::Transcript;
use ainur_primitives::{Amount, Did, Digest, FailureReason};
use ainur_runtime::Executor;
use ainur_storage::{Disk, crash_point};

use super::Broker;
use crate::error::Error;
use crate::event::{CreditTake, Event, LedgerPosition, OfferTake, RentalTake, SignedThread};
use crate::task::{AcceptedChunk, AwardBasis, Phase, Task, TaskAttempt};
use ainur_consensus::ReplicatedLog;

mod jobs;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Writes the entries of all tasks that have ended since, with one sync and one signature.
    pub(super) fn log_receipts(&mut self) -> Result<(), Error> {
        let due = std::mem::take(&mut self.receipts_due);
        if due.is_empty() {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(due.len());
        let mut told = Vec::with_capacity(due.len());
        for number in due {
            let Some(task) = self.tasks.get(&number) else { continue };
            // What cannot be told must not keep others from being told, or the node from working.
            match self.story(task) {
                Ok(story) => {
                    entries.push(receipt::log_entry(&story).to_bytes().map_err(audit)?);
                    told.push(number);
                }
                Err(error) => tracing::error!(task = number, %error, "a receipt cannot be made"),
            }
        }
        let indexes = self.audit.append_many(&entries).map_err(audit)?;
        crash_point("broker.receipts");
        self.audit.sync(self.now).map_err(audit)?;
        for (number, entry) in told.into_iter().zip(indexes) {
            self.record(number, Event::ReceiptLogged { entry })?;
        }
        self.journal.sync()?;
        for number in std::mem::take(&mut self.dirty) {
            self.advance(number)?;
        }
        Ok(())
    }

    /// The receipt of an ended task, as canonical JSON.
    ///
    /// # Errors
    /// When it has none (yet), or its parts cannot be read.
    pub fn receipt(&self, task: &Task) -> Result<Vec<u8>, Error> {
        let entry = task.receipt_entry.ok_or_else(|| {
            Error::Invalid(match task.phase {
                Phase::Unfunded => "no money was locked for this task, so it has no receipt".into(),
                _ => "the task has not ended yet".into(),
            })
        })?;
        let body = self.receipt_body(task)?;
        let proof = AuditProof::of(&self.audit, entry).map_err(audit)?;
        let operator = &self.operator;
        let parts = vec![(body, proof)];
        let issued = receipt::issue(&operator.key, operator.did, operator.key_version, parts)
            .map_err(audit)?;
        let receipt = issued.first().expect("one part gives one receipt");
        receipt.to_bytes().map_err(audit)
    }

    /// What the receipt of an ended task says; the log keeps its digest.
    fn story<'a>(&self, task: &'a Task) -> Result<Story<'a>, Error> {
        let closed_at = task.closed_at.ok_or_else(|| missing("settlement"))?;
        let settled = task.phase == Phase::Settled;
        let paid = task.payment();
        // The sellers of a graph are told with its parts.
        let single = task.attempts.iter().filter(|_| task.graph.is_none());
        let attempts = single.map(|attempt| StoryAttempt {
            seller: attempt.seller,
            price: attempt.price,
            basis: told(&attempt.basis),
            agreed: place(attempt.agreed_at),
            end: end(task, attempt),
        });
        Ok(Story {
            chain_id: self.chain_id,
            task: task.id,
            specification: &task.spec,
            reserve_salt: None,
            buyer: task.buyer,
            verifier: task.verifier,
            issuer: self.operator.did,
            issued: task.ended.unwrap_or(task.opened),
            transcript: task.transcript.as_ref().map(Transcript::digest),
            attempts: attempts.collect(),
            output: match (settled, task.output) {
                (true, Some((content, bytes))) => Some(AcceptedOutput { content, bytes }),
                _ => None,
            },
            verdict: task.verdict.as_ref(),
            paid,
            refunded: self.refunded(task, paid),
            settlement: EventPlace { block: closed_at.block, index: closed_at.index },
            job: jobs::story(task)?,
            chunks: task.accepted.iter().map(story_chunk).collect(),
        })
    }

    /// The story with its proofs.
    fn receipt_body(&self, task: &Task) -> Result<ReceiptBody, Error> {
        let story = self.story(task)?;
        let closed_at = task.closed_at.ok_or_else(|| missing("settlement"))?;
        let mut attempts = Vec::with_capacity(task.attempts.len());
        for (attempt, told) in task.attempts.iter().zip(story.attempts) {
            let agreed = known(attempt.agreed_at).map(|place| self.ledger_event(place));
            let failed = known(attempt.failed_at).map(|place| self.ledger_event(place));
            let failed = failed.transpose()?;
            attempts.push(AttemptRecord {
                seller: told.seller,
                price: told.price,
                basis: self.basis(&attempt.basis)?,
                agreed: agreed.transpose()?,
                end: match told.end {
                    AttemptEnd::Failed { reason, event } => {
                        AttemptEnd::Failed { reason, event: event.and(failed).map(Box::new) }
                    }
                    AttemptEnd::Settled => AttemptEnd::Settled,
                    AttemptEnd::Refused { detail } => AttemptEnd::Refused { detail },
                },
            });
        }
        let bids = self.signed_bids(task)?;
        let mut parties: BTreeSet<Did> = bids.iter().map(|proof| proof.signer).collect();
        parties.extend([task.buyer, task.verifier, self.operator.did]);
        parties.extend(task.attempts.iter().map(|attempt| attempt.seller));
        parties.extend(jobs::parties(task));
        Ok(ReceiptBody {
            chain_id: story.chain_id,
            task: story.task,
            specification: task.spec.clone(),
            reserve_salt: story.reserve_salt,
            buyer: story.buyer,
            verifier: story.verifier,
            issuer: story.issuer,
            issued: story.issued,
            transcript: task.transcript.clone(),
            bids,
            attempts,
            chunks: task
                .accepted
                .iter()
                .map(|it| self.chunk_record(it))
                .collect::<Result<_, _>>()?,
            output: story.output,
            verdict: task.verdict.clone(),
            paid: story.paid,
            refunded: story.refunded,
            settlement: self.ledger_event(closed_at)?,
            job: self.job_record(task)?.map(Box::new),
            keys: parties.into_iter().filter_map(|did| self.party_keys(did)).collect(),
        })
    }

    /// What the buyer got back, or, for a credit whose work failed, was paid instead.
    fn refunded(&self, task: &Task, paid: Amount) -> Amount {
        match (task.credit(), task.phase) {
            (None, _) if task.rented().is_some() => Amount::ZERO,
            (None, _) => task.spec.reserve.saturating_sub(paid),
            (Some(_), Phase::Settled) => Amount::ZERO,
            (Some(_), _) => task.compensated(),
        }
    }

    /// The signatures of all opened bids, each as it stands alone.
    fn signed_bids(&self, task: &Task) -> Result<Vec<Proof>, Error> {
        // An auction that was not closed is none.
        let entrants = task.transcript.iter().flat_map(|transcript| &transcript.entrants);
        let reveals = entrants.filter_map(|entrant| entrant.reveal.as_ref());
        let mut proofs = Vec::new();
        for reveal in reveals {
            let unsigned = || missing("bid signature");
            let proof = task.bid_proof(reveal.terms.bidder).ok_or_else(unsigned)?;
            proofs.push(self.joined(reveal.terms.digest(), proof)?);
        }
        Ok(proofs)
    }

    /// Why a seller was chosen, with the signatures that show it.
    fn basis(&self, basis: &AwardBasis) -> Result<AttemptBasis, Error> {
        Ok(match basis {
            AwardBasis::Auction | AwardBasis::Graph | AwardBasis::Part(_) => AttemptBasis::Auction,
            AwardBasis::Credit(take) => AttemptBasis::Credit(redeemed(take)),
            AwardBasis::Rental(take) => AttemptBasis::Rental(rented(take)),
            AwardBasis::Offer(take) => {
                let OfferTake { offer, matched, bought } = &**take;
                let proof = self.joined(offer.terms.digest(), &offer.proof)?;
                let (offer, matched, bought) = (offer.terms.clone(), *matched, *bought);
                AttemptBasis::Offer(Box::new(TakenOffer { offer, proof, matched, bought }))
            }
            AwardBasis::Negotiated(deal) => {
                let SignedThread { thread, proofs, .. } = &deal.thread;
                let said = thread.messages.iter().zip(proofs);
                let messages = said.map(|(message, proof)| self.joined(message.digest(), proof));
                AttemptBasis::Negotiated(Box::new(NegotiatedAgreement {
                    thread: thread.clone(),
                    messages: messages.collect::<Result<_, _>>()?,
                    terms: deal.terms.clone(),
                    proof: self.joined(deal.terms.digest(), &deal.proof)?,
                }))
            }
        })
    }

    /// A signature as it stands alone.
    pub(super) fn joined(&self, digest: Digest, proof: &BatchProof) -> Result<Proof, Error> {
        let unsigned = || missing("signature of a bid, an offer or a message");
        let root = proof.root(digest).ok_or_else(unsigned)?;
        let signature = self.journal.signature(root)?.ok_or_else(unsigned)?;
        Proof::join(&signature, proof.clone()).ok_or_else(unsigned)
    }

    /// An accepted chunk with its proof.
    fn chunk_record(&self, chunk: &AcceptedChunk) -> Result<ChunkRecord, Error> {
        let StoryChunk { output, paid, .. } = story_chunk(chunk);
        let settled = known(Some(chunk.settled_at)).map(|place| self.ledger_event(place));
        let (verdict, settled) = (chunk.verdict.clone(), settled.transpose()?);
        Ok(ChunkRecord { output, verdict, paid, settled })
    }

    fn ledger_event(&self, at: LedgerPosition) -> Result<LedgerEvent, Error> {
        self.ledger.prove(at.height, at.index)?.ok_or_else(|| missing("ledger event"))
    }

    fn party_keys(&self, did: Did) -> Option<PartyKeys> {
        let record = self.ledger.read(|state| identity::query::identity(state, &did))?;
        let identity = record.identity;
        (identity.key_version == 0).then(|| PartyKeys::first(identity.material))
    }
}

/// Why a seller was chosen, as the story tells it.
fn told(basis: &AwardBasis) -> StoryBasis {
    match basis {
        AwardBasis::Auction | AwardBasis::Graph | AwardBasis::Part(_) => StoryBasis::Auction,
        AwardBasis::Offer(take) => StoryBasis::Offer {
            offer: take.offer.terms.digest(),
            matched: take.matched,
            bought: take.bought,
        },
        AwardBasis::Credit(take) => StoryBasis::Credit(redeemed(take)),
        AwardBasis::Rental(take) => StoryBasis::Rental(rented(take)),
        AwardBasis::Negotiated(deal) => StoryBasis::negotiated(&deal.thread.thread, &deal.terms),
    }
}

fn rented(take: &RentalTake) -> RentedUse {
    let RentalTake { rental, units, .. } = *take;
    RentedUse { rental, units }
}

fn story_chunk(chunk: &AcceptedChunk) -> StoryChunk<'_> {
    StoryChunk {
        output: AcceptedOutput { content: chunk.output, bytes: chunk.bytes },
        verdict: &chunk.verdict,
        paid: chunk.paid,
        settled: place(Some(chunk.settled_at)),
    }
}

fn redeemed(take: &CreditTake) -> RedeemedCredit {
    let CreditTake { quality, collateral, .. } = *take;
    RedeemedCredit { quality, collateral }
}

/// What came of an award.
fn end(task: &Task, attempt: &TaskAttempt) -> AttemptEnd<EventPlace> {
    match &attempt.failure {
        None if task.phase == Phase::Settled => AttemptEnd::Settled,
        None if attempt.agreed_at.is_none() => {
            AttemptEnd::Refused { detail: "the task ended before it was agreed".into() }
        }
        // The deadline came while it was at work.
        None => AttemptEnd::Failed { reason: FailureReason::TimedOut, event: None },
        Some((_, detail)) if attempt.agreed_at.is_none() => {
            AttemptEnd::Refused { detail: detail.clone() }
        }
        Some((reason, _)) => {
            AttemptEnd::Failed { reason: *reason, event: place(attempt.failed_at).map(Box::new) }
        }
    }
}

fn known(position: Option<LedgerPosition>) -> Option<LedgerPosition> {
    position.filter(|position| *position != LedgerPosition::UNKNOWN)
}

/// Where an event is, when that is known.
fn place(position: Option<LedgerPosition>) -> Option<EventPlace> {
    let known = known(position)?;
    Some(EventPlace { block: known.block, index: known.index })
}

fn missing(what: &str) -> Error {
    Error::Invalid(format!("the task has no {what}"))
}

fn audit(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Audit(Box::new(error))
}
