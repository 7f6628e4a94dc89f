//! Receipts: a line in the transparency log when a task has ended, the document when it is asked
//! for. The document's body follows from the task and the ledger, so it is the same every time.
use std::collections::BTreeSet;

use ainur_audit::receipt::{
    self, AcceptedOutput, AttemptEnd, AttemptRecord, AuditProof, LedgerEvent, PartyKeys,
    ReceiptBody,
};
use ainur_crypto::Proof;
use ainur_ledger::identity;
use ainur_primitives::{Amount, Did, FailureReason};
use ainur_runtime::Executor;
use ainur_storage::{Disk, crash_point};

use super::Broker;
use crate::error::Error;
use crate::event::{Event, LedgerPosition};
use crate::task::{Phase, Task, TaskAttempt};
use ainur_consensus::ReplicatedLog;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Writes the entries of all tasks that have ended since, with one sync and one signature.
    pub(super) fn log_receipts(&mut self) -> Result<(), Error> {
        let due = std::mem::take(&mut self.receipts_due);
        if due.is_empty() {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(due.len());
        for number in &due {
            if let Some(task) = self.tasks.get(number) {
                let body = self.receipt_body(task)?;
                let entry = receipt::log_entry(&body).map_err(audit)?;
                entries.push(entry.to_bytes().map_err(audit)?);
            }
        }
        let indexes = self.audit.append_many(&entries).map_err(audit)?;
        crash_point("broker.receipts");
        self.audit.sync(self.now).map_err(audit)?;
        for (number, entry) in due.into_iter().zip(indexes) {
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

    fn receipt_body(&self, task: &Task) -> Result<ReceiptBody, Error> {
        let missing = |what: &str| Error::Invalid(format!("the task has no {what}"));
        let closed_at = task.closed_at.ok_or_else(|| missing("settlement"))?;
        let transcript = task.transcript.clone().ok_or_else(|| missing("transcript"))?;
        let settled = task.phase == Phase::Settled;
        let attempts: Vec<AttemptRecord> = task
            .attempts
            .iter()
            .map(|attempt| self.attempt_record(task, attempt))
            .collect::<Result<_, _>>()?;
        let paid = match (settled, task.attempt()) {
            (true, Some(attempt)) => attempt.price,
            _ => Amount::ZERO,
        };
        let mut parties: BTreeSet<Did> = task.attempts.iter().map(|a| a.seller).collect();
        parties.extend([task.buyer, task.verifier, self.operator.did]);
        Ok(ReceiptBody {
            chain_id: self.chain_id,
            task: task.id,
            specification: task.spec.clone(),
            reserve_salt: None,
            buyer: task.buyer,
            verifier: task.verifier,
            issuer: self.operator.did,
            issued: task.ended.unwrap_or(task.opened),
            transcript,
            attempts,
            output: match (settled, task.output) {
                (true, Some((content, bytes))) => Some(AcceptedOutput { content, bytes }),
                _ => None,
            },
            verdict: task.verdict.clone(),
            paid,
            refunded: task.spec.reserve.saturating_sub(paid),
            settlement: self.ledger_event(closed_at)?.ok_or_else(|| missing("settlement"))?,
            keys: parties.into_iter().filter_map(|did| self.party_keys(did)).collect(),
        })
    }

    fn attempt_record(&self, task: &Task, attempt: &TaskAttempt) -> Result<AttemptRecord, Error> {
        let agreed = match attempt.agreed_at {
            Some(position) => self.ledger_event(position)?,
            None => None,
        };
        let end = match &attempt.failure {
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
                let event = match attempt.failed_at {
                    Some(position) => self.ledger_event(position)?.map(Box::new),
                    None => None,
                };
                AttemptEnd::Failed { reason: *reason, event }
            }
        };
        let bid_proof = self.joined_proof(task, attempt.seller)?;
        Ok(AttemptRecord { seller: attempt.seller, price: attempt.price, bid_proof, agreed, end })
    }

    /// The seller's signature over its bid, as it stands alone.
    fn joined_proof(&self, task: &Task, seller: Did) -> Result<Option<Proof>, Error> {
        let terms = task
            .auction
            .entrants()
            .find(|entrant| entrant.commit.bidder == seller)
            .and_then(|entrant| entrant.reveal.as_ref())
            .map(|reveal| reveal.terms.digest());
        let (Some(item), Some(proof)) = (terms, task.bid_proof(seller)) else { return Ok(None) };
        let Some(root) = proof.root(item) else { return Ok(None) };
        let signature = match self.signatures.get(&root) {
            Some(signature) => Some(signature.clone()),
            None => self.journal.signature(root)?,
        };
        Ok(signature.and_then(|signature| Proof::join(&signature, proof.clone())))
    }

    fn ledger_event(&self, position: LedgerPosition) -> Result<Option<LedgerEvent>, Error> {
        if position == LedgerPosition::UNKNOWN {
            return Ok(None);
        }
        self.ledger.prove(position.height, position.index)
    }

    fn party_keys(&self, did: Did) -> Option<PartyKeys> {
        let record = self.ledger.read(|state| identity::query::identity(state, &did))?;
        let identity = record.identity;
        (identity.key_version == 0).then(|| PartyKeys::first(identity.material))
    }
}

fn audit(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Audit(Box::new(error))
}
