//! Issuing: a story goes into the log by its digest; body and log proof are signed together.
use ainur_crypto::{Proof, SigningKey, batch};
use ainur_primitives::canonical_json::{CanonicalJsonError, from_canonical_json};
use ainur_primitives::{Did, Digest};

use super::{
    AuditProof, CoalitionRecord, RECEIPT_BYTES_MAX, Receipt, ReceiptBody, ReceiptKind, Story,
    signed_digest,
};
use crate::entry::{Entry, EntryKind};

/// A receipt that cannot be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// It cannot be written so that it reads back the same, as with integers beyond 2⁵³.
    #[error("the receipt cannot be written as canonical JSON")]
    Json(#[from] CanonicalJsonError),
    /// Body and key are of different issuers.
    #[error("the receipt names {body} as issuer, the key is of {key}")]
    AnotherIssuer {
        /// As the body says.
        body: Did,
        /// Whose key.
        key: Did,
    },
    /// The log's entry is about something else.
    #[error("the log's entry is not about this receipt")]
    AnotherEntry,
    /// A bid was opened and carries no signature.
    #[error("an opened bid is not signed")]
    UnsignedBid,
    /// A coalition's member or backup did not sign.
    #[error("not every member and backup of a coalition has signed")]
    UnsignedCoalition,
    /// Over a limit.
    #[error("a receipt has at most {max} {what}, not {found}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are allowed.
        max: usize,
    },
}

/// The entry to append to the log before a receipt that tells this story is issued.
pub fn log_entry(story: &Story<'_>) -> Entry {
    let ending = if story.is_settled() { "settled" } else { "refunded" };
    Entry {
        kind: EntryKind::Receipt,
        at: story.issued,
        actor: story.issuer,
        subject: story.digest(),
        summary: format!("task {} {ending}", story.task),
    }
}

/// Signs receipts, all with one signature: each carries its path to the signed root.
///
/// # Errors
/// When one of them could not be verified by anybody; then none is issued.
pub fn issue(
    key: &SigningKey,
    issuer: Did,
    key_version: u32,
    parts: Vec<(ReceiptBody, AuditProof)>,
) -> Result<Vec<Receipt>, IssueError> {
    let mut digests = Vec::with_capacity(parts.len());
    for (body, audit) in &parts {
        let body_digest = check_part(body, audit, issuer)?;
        digests.push(signed_digest(ReceiptKind::V1, body_digest, audit)?);
    }
    let proofs: Vec<Proof> = batch::prove_all(key, issuer, key_version, &digests);
    let mut receipts = Vec::with_capacity(parts.len());
    for ((body, audit), proof) in parts.into_iter().zip(proofs) {
        let receipt = Receipt { kind: ReceiptKind::V1, body, audit, proof };
        let bytes = receipt.to_bytes()?;
        at_most("bytes", bytes.len(), RECEIPT_BYTES_MAX)?;
        // Reads back the same, or nobody could verify it.
        from_canonical_json::<Receipt>(&bytes)?;
        receipts.push(receipt);
    }
    Ok(receipts)
}

fn check_part(body: &ReceiptBody, audit: &AuditProof, issuer: Did) -> Result<Digest, IssueError> {
    if body.issuer != issuer {
        return Err(IssueError::AnotherIssuer { body: body.issuer, key: issuer });
    }
    for (what, found, max) in body.counts() {
        at_most(what, found, max)?;
    }
    let entrants = body.transcript.iter().flat_map(|transcript| &transcript.entrants);
    let revealed = entrants.filter(|entrant| entrant.reveal.is_some());
    if revealed.count() != body.bids.len() {
        return Err(IssueError::UnsignedBid);
    }
    if let Some(job) = &body.job {
        let entrants = job.transcript.entrants.iter();
        if entrants.filter(|entrant| entrant.reveal.is_some()).count() != job.bids.len() {
            return Err(IssueError::UnsignedBid);
        }
        let unsigned =
            |record: &CoalitionRecord| record.terms.signers().len() != record.proofs.len();
        if job.coalitions.iter().any(unsigned) {
            return Err(IssueError::UnsignedCoalition);
        }
    }
    if audit.entry.subject != body.story().digest() {
        return Err(IssueError::AnotherEntry);
    }
    Ok(body.digest()?)
}

fn at_most(what: &'static str, found: usize, max: usize) -> Result<(), IssueError> {
    if found <= max { Ok(()) } else { Err(IssueError::TooLarge { what, found, max }) }
}
