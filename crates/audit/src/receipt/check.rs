//! Verifying a receipt offline: every claim in it against its proof, every proof against trust.
//!
//! All checks are made even when one fails, so that the report names everything that is wrong. A
//! check that needs a trusted key for an untrusted ledger or log is reported as not made.
use std::error::Error;

use ainur_primitives::Digest;
use ainur_primitives::canonical_json::from_canonical_json;

use super::keys::KeyRing;
use super::report::{CheckName, CheckResult, Finding, Report};
use super::trust::{Trust, TrustedLedger};
use super::{AttemptEnd, LedgerEvent, RECEIPT_BYTES_MAX, Receipt, ReceiptBody, VALIDATORS_MAX};

use crate::checkpoint::{Checkpoint, CheckpointError};

mod auction;
mod chain;
mod chunks;
mod claim;
mod documents;
mod escrow;
mod job;
mod negotiation;
mod rental;

pub(super) use chain::signed_by_quorum;

use job::JobExamination;

pub(super) use job::job_events;

/// What one check saw, or what is wrong.
type Checked = Result<String, String>;

/// A receipt being checked.
struct Examination<'a> {
    receipt: &'a Receipt,
    body: &'a ReceiptBody,
    trust: &'a Trust,
    /// The ledger the receipt names, when it is trusted.
    ledger: Option<&'a TrustedLedger>,
    keys: KeyRing,
    /// What a task graph has instead of one auction and one settlement.
    job: Option<JobExamination<'a>>,
    body_digest: Result<Digest, String>,
    checkpoint: Result<Checkpoint, CheckpointError>,
}

/// Verifies a receipt. Needs no network, no clock and no state.
pub fn verify(bytes: &[u8], trust: &Trust) -> Report {
    let receipt = match read(bytes) {
        Ok(receipt) => receipt,
        Err(reason) => return unreadable(reason),
    };
    let body = &receipt.body;
    let ledger = trust.ledger(body.chain_id);
    let (keys, identities) = gather_keys(body, ledger);
    let body_digest = body.digest().map_err(|error| because(&error));
    let checkpoint = documents::verify_checkpoint(trust.logs(), &receipt.audit.checkpoint);
    let job = JobExamination::of(body);
    let examination =
        Examination { receipt: &receipt, body, trust, ledger, keys, job, body_digest, checkpoint };
    let mut checks = Vec::with_capacity(CheckName::ALL.len());
    for &name in CheckName::ALL {
        let finding = match name {
            CheckName::CanonicalForm => Finding::Ok(format!("{} bytes", bytes.len())),
            CheckName::Identities => identities.clone().into(),
            other => examination.check(other),
        };
        checks.push(CheckResult { name, finding });
    }
    Report { checks, receipt: Some(Box::new(receipt)) }
}

impl<'a> Examination<'a> {
    fn check(&self, name: CheckName) -> Finding {
        if let Some(checked) = self.job.as_ref().and_then(|job| job.check(self, name)) {
            return checked.into();
        }
        match name {
            CheckName::Issuer => self.issuer().into(),
            CheckName::Chain => self.chain().into(),
            CheckName::HeaderSignatures => self.header_signatures(),
            CheckName::EventInclusion => self.event_inclusion().into(),
            CheckName::Specification => self.specification().into(),
            CheckName::Agreement => self.agreement().into(),
            CheckName::Transcript => self.transcript().into(),
            CheckName::Attempts => self.attempts().into(),
            CheckName::Award => self.award().into(),
            CheckName::BidSignatures => self.bid_signatures().into(),
            CheckName::Settlement => self.settlement().into(),
            CheckName::Verdict => self.verdict().into(),
            CheckName::Checkpoint => self.checkpoint(),
            CheckName::AuditInclusion => self.audit_inclusion().into(),
            CheckName::IssuerSignature => self.issuer_signature().into(),
            CheckName::CanonicalForm | CheckName::Identities => {
                unreachable!("made before the examination")
            }
        }
    }

    fn issuer(&self) -> Checked {
        match self.ledger {
            Some(ledger) => Ok(format!("known: ledger '{}'", ledger.name)),
            None => Err(format!("issuer unknown: ledger {} is not trusted", self.body.chain_id)),
        }
    }

    /// All events of the ledger the receipt carries, each with a name for people; those of a simple
    /// task in the order in which they must have happened.
    fn events(&self) -> impl Iterator<Item = (String, &'a LedgerEvent)> {
        let attempts = (1..).zip(&self.body.attempts);
        // Whose chunks were accepted is the last that was bound.
        let worked = self.body.attempts.iter().rposition(|attempt| attempt.agreed.is_some());
        let of_attempts = attempts.flat_map(move |(number, attempt)| {
            let agreed = attempt.agreed.as_ref();
            let failed = match &attempt.end {
                AttemptEnd::Failed { event: Some(event), .. } => Some(&**event),
                _ => None,
            };
            let chunks = (worked.map(|at| at + 1) == Some(number)).then(|| self.chunk_events());
            let agreed = agreed.map(|event| (format!("agreement of attempt {number}"), event));
            let failed = failed.map(|event| (format!("failure of attempt {number}"), event));
            agreed.into_iter().chain(chunks.into_iter().flatten()).chain(failed)
        });
        let of_job = self.body.job.as_deref().into_iter().flat_map(job_events);
        of_attempts.chain(of_job).chain([("settlement".to_owned(), &self.body.settlement)])
    }
}

fn read(bytes: &[u8]) -> Result<Receipt, String> {
    if bytes.len() > RECEIPT_BYTES_MAX {
        return Err(format!("longer than {RECEIPT_BYTES_MAX} bytes"));
    }
    let receipt: Receipt = from_canonical_json(bytes).map_err(|error| because(&error))?;
    let signatures = ("validators", receipt.body.settlement.signatures.len(), VALIDATORS_MAX);
    for (what, found, max) in receipt.body.counts().into_iter().chain([signatures]) {
        if found > max {
            return Err(format!("more than {max} {what}"));
        }
    }
    Ok(receipt)
}

fn unreadable(reason: String) -> Report {
    let checks = CheckName::ALL
        .iter()
        .map(|&name| CheckResult {
            name,
            finding: match name {
                CheckName::CanonicalForm => Finding::Failed(reason.clone()),
                _ => Finding::Unchecked("the document could not be read".into()),
            },
        })
        .collect();
    Report { checks, receipt: None }
}

/// The keys in the receipt and those of a trusted genesis, as far as they prove whose they are.
fn gather_keys(body: &ReceiptBody, ledger: Option<&TrustedLedger>) -> (KeyRing, Checked) {
    let mut ring = KeyRing::default();
    let mut problems = Vec::new();
    let listed = ledger.into_iter().flat_map(|ledger| &ledger.identities);
    let listed: Vec<_> = listed.cloned().map(super::PartyKeys::first).collect();
    for party in listed.iter().chain(&body.keys) {
        if let Err(error) = ring.add(party) {
            problems.push(because(&error));
        }
    }
    let result = if problems.is_empty() {
        Ok(format!("keys of {} parties match their DIDs", body.keys.len()))
    } else {
        Err(problems.join("; "))
    };
    (ring, result)
}

/// An error with its causes, in one line.
pub(super) fn because(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let shown = error.to_string();
        if !text.contains(&shown) {
            text.push_str(": ");
            text.push_str(&shown);
        }
        cause = error.source();
    }
    text
}

/// Fails with what was stated and what is proved, when they differ.
pub(super) fn same<T: PartialEq + ToString>(
    what: &str,
    stated: &T,
    proved: &T,
) -> Result<(), String> {
    if stated == proved {
        return Ok(());
    }
    let (stated, proved) = (stated.to_string(), proved.to_string());
    Err(format!("the receipt says {what} {stated}, the proof says {proved}"))
}
