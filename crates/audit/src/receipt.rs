//! Receipts: one document per task that says who did what for whom at which price and why, and
//! carries every proof of it.
//!
//! A receipt is JSON in the canonical form of RFC 8785; any other spelling is refused. Its *body*
//! tells the story and carries the ledger's events with the validators' signatures, the auction's
//! transcript and the signature of every opened bid, the standing offer that was taken, or the
//! negotiation with the signature of every message; that of a task graph tells all this of each part ([`JobRecord`]). The transparency log holds an entry
//! that names the digest of the [`Story`] ([`AuditProof`]), and the issuer signs the whole document.
//! [`verify`] checks all of it offline against a [`Trust`] and names what is wrong.
//!
//! What the ledger proves: parties, reserve, price, order of attempts, output, verdict and
//! transcript (by digest), payment or refund. What is the issuer's word, made undeniable by the
//! log: the output's length, why an attempt failed when no event says so, that the ledger
//! refused an agreement, and how often the buyer had taken an offer before (the ledger only refuses
//! prices below the offer's).
use ainur_crypto::{Proof, hash};
use ainur_ledger::{EventProof, HeaderSignature};
use ainur_market::auction::Transcript;
use ainur_market::negotiation::{NegotiatedTerms, NegotiationThread};
use ainur_market::offer::OfferTerms;
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::canonical_json::{CanonicalJsonError, to_canonical_json};
use ainur_primitives::{
    AcceptanceCheck, Amount, ContentId, Did, Digest, FailureReason, QualityLevel, TaskId, TaskSpec,
    Timestamp,
};
use ainur_protocol::Specification;
use scale::Encode;
use serde::{Deserialize, Serialize};

mod check;
mod chunks;
mod issue;
mod job;
mod keys;
mod proof;
mod render;
mod report;
mod statement;
mod story;
mod trust;

pub use check::verify;
pub use chunks::{ChunkRecord, StoryChunk};
pub use issue::{IssueError, issue, log_entry};
pub use job::{
    COALITION_SIGNERS_MAX, COALITIONS_MAX, CoalitionRecord, JOB_PARTS_MAX, JobRecord,
    PART_ATTEMPTS_MAX, PartAttempt, PartBasis, PartCallRecord, PartEnd, PartRecord, StoryJob,
    StoryPart, StoryPartAttempt, subtask_loss,
};
pub use keys::{KeysError, PartyKeys, ROTATIONS_MAX};
pub use proof::{AuditProof, AuditProofError};
pub use render::{Row, rows};
pub use report::{CheckName, CheckResult, Finding, Report};
pub use statement::{StatementCheck, StatementKind, StatementReceipt};
pub use story::{EventPlace, Story, StoryAttempt, StoryBasis};
pub use trust::{Trust, TrustedLedger};

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Kind and version of the document.
    #[serde(rename = "type")]
    pub kind: ReceiptKind,
    /// What happened.
    pub body: ReceiptBody,
    /// That the transparency log holds the story's digest.
    pub audit: AuditProof,
    /// The issuer's signature over [`Receipt::digest`].
    pub proof: Proof,
}

/// The kinds of receipt this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReceiptKind {
    /// The first.
    #[default]
    #[serde(rename = "AACL-Receipt-v1")]
    V1,
}

/// What happened to a task whose money was locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBody {
    /// The ledger.
    pub chain_id: Digest,
    /// The task.
    pub task: TaskId,
    /// What was wanted.
    pub specification: TaskSpec,
    /// The salt of the reserve, when the call kept it sealed.
    pub reserve_salt: Option<Digest>,
    /// Who paid.
    pub buyer: Did,
    /// Whose word decided.
    pub verifier: Did,
    /// Who issues the receipt.
    pub issuer: Did,
    /// When the task ended, by the issuer's clock.
    pub issued: Timestamp,
    /// The auction of a simple task, when one was held: why this seller and this price.
    pub transcript: Option<Transcript>,
    /// The bidders' signatures over the bids they opened, in the order of the transcript.
    pub bids: Vec<Proof>,
    /// Every award of a simple task, in order.
    pub attempts: Vec<AttemptRecord>,
    /// The parts of a task graph, which has no transcript, bids, attempts and verdict but theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Box<JobRecord>>,
    /// The chunks that were accepted and paid, in order, of a task that is delivered in chunks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<ChunkRecord>,
    /// What was delivered and accepted; none after a refund.
    pub output: Option<AcceptedOutput>,
    /// How the last check ended; none when nothing was checked.
    pub verdict: Option<Verdict>,
    /// What the sellers got.
    pub paid: Amount,
    /// What the buyer got back; of a credit whose work failed, the collateral.
    pub refunded: Amount,
    /// The ledger's event that ended it: settled, refunded or cancelled.
    pub settlement: LedgerEvent,
    /// Keys of those whose signatures the receipt carries.
    pub keys: Vec<PartyKeys>,
}

/// One award of the task, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptRecord {
    /// Who was to work.
    pub seller: Did,
    /// For how much.
    pub price: Amount,
    /// Why this seller and this price.
    pub basis: AttemptBasis,
    /// The ledger's event that bound them; none when the ledger refused.
    pub agreed: Option<LedgerEvent>,
    /// What came of it.
    pub end: AttemptEnd,
}

/// Why a seller was chosen, and what its price follows from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AttemptBasis {
    /// It won the auction whose transcript the receipt carries.
    Auction,
    /// The buyer took its standing offer.
    Offer(Box<TakenOffer>),
    /// It owed the work for a credit that the buyer redeemed; no money was paid.
    Credit(RedeemedCredit),
    /// It rents out what the task used; the period it counts in was paid.
    Rental(RentedUse),
    /// The buyer negotiated with it.
    Negotiated(Box<NegotiatedAgreement>),
}

/// A use of a rental.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RentedUse {
    /// The digest of its terms.
    pub rental: Digest,
    /// How much of the period's quota it took.
    pub units: u64,
}

/// A credit that a buyer redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemedCredit {
    /// The quality of its class; the capability is the task's.
    pub quality: QualityLevel,
    /// What was locked behind it: the issuer has it again when the work was accepted, the buyer gets
    /// it when it was not.
    pub collateral: Amount,
}

/// What a buyer and a seller came to, and everything they said on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegotiatedAgreement {
    /// The rules and everything said.
    pub thread: NegotiationThread,
    /// The signature over each message, by whoever said it, in their order.
    pub messages: Vec<Proof>,
    /// What was agreed.
    pub terms: NegotiatedTerms,
    /// The seller's signature over it.
    pub proof: Proof,
}

/// A standing offer that a buyer took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenOffer {
    /// The offer.
    pub offer: OfferTerms,
    /// The seller's signature over it.
    pub proof: Proof,
    /// When it was taken: the price may depend on the hour.
    pub matched: Timestamp,
    /// Tasks the buyer had agreed to under it before: the price may depend on them.
    pub bought: u32,
}

/// What came of an award; events are told in full, or by where they are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AttemptEnd<E = LedgerEvent> {
    /// The work was accepted and paid.
    Settled,
    /// The attempt failed.
    Failed {
        /// Why.
        reason: FailureReason,
        /// The ledger's event that says so, when it is shown.
        event: Option<Box<E>>,
    },
    /// The ledger did not bind the seller, as when it lacks the bond; nothing was locked.
    Refused {
        /// One line for people.
        detail: String,
    },
}

impl<E> AttemptEnd<E> {
    /// The same with another way to tell its event.
    pub fn map<F>(self, tell: impl FnOnce(E) -> F) -> AttemptEnd<F> {
        match self {
            Self::Settled => AttemptEnd::Settled,
            Self::Failed { reason, event } => {
                AttemptEnd::Failed { reason, event: event.map(|event| Box::new(tell(*event))) }
            }
            Self::Refused { detail } => AttemptEnd::Refused { detail },
        }
    }
}

/// What was delivered and accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedOutput {
    /// The bytes' address.
    pub content: ContentId,
    /// Their length.
    pub bytes: u64,
}

/// Something the ledger says happened, signed by those who keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEvent {
    /// The event under the header of its block.
    pub proof: EventProof,
    /// Signatures over the header's digest, ascending by validator.
    pub signatures: Vec<HeaderSignature>,
}

/// The largest receipt that is read, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 4 << 20;
/// The most awards in one receipt.
pub const ATTEMPTS_MAX: usize = 64;
/// The most parties whose keys one receipt carries.
pub const PARTIES_MAX: usize = 128;
/// The most signed bids one receipt carries.
pub const BIDS_MAX: usize = ainur_market::auction::ENTRANTS_MAX;
/// The most messages of one negotiation that a receipt carries.
pub const MESSAGES_MAX: usize = 2 * ainur_market::negotiation::wish::WISHED_ROUNDS_MAX as usize;
/// The most validators that sign one header.
pub const VALIDATORS_MAX: usize = 1_024;

impl ReceiptBody {
    /// The digest of everything in it, its proofs included, which the issuer signs.
    ///
    /// # Errors
    /// Never for a body of this type; the encoder's signature has one.
    pub fn digest(&self) -> Result<Digest, CanonicalJsonError> {
        Ok(hash::tagged("ainur/receipt-body/v1", &[&to_canonical_json(self)?]))
    }

    /// The digest by which the ledger knows what was wanted.
    pub fn specification_digest(&self) -> Digest {
        match &self.reserve_salt {
            None => specification_digest(&self.specification),
            Some(salt) => {
                named(&self.specification, &Specification::sealed(&self.specification, &salt.0))
            }
        }
    }

    /// What is counted in it: of what, how many there are, and how many there may be.
    fn counts(&self) -> Vec<(&'static str, usize, usize)> {
        let mut counts = vec![
            ("attempts", self.attempts.len(), ATTEMPTS_MAX),
            ("parties", self.keys.len(), PARTIES_MAX),
            ("bids", self.bids.len(), BIDS_MAX),
            ("chunks", self.chunks.len(), ainur_primitives::WORK_CHUNKS_MAX),
        ];
        counts.extend(self.job.iter().flat_map(|job| job.counts()));
        counts
    }

    /// The attempt that was paid.
    pub fn settled(&self) -> Option<&AttemptRecord> {
        self.attempts.last().filter(|attempt| attempt.end == AttemptEnd::Settled)
    }
}

impl Receipt {
    /// What the issuer signs: type, digest of the body, and log proof.
    ///
    /// # Errors
    /// Never for a receipt of this type; the encoder's signature has one.
    pub fn digest(&self) -> Result<Digest, CanonicalJsonError> {
        signed_digest(self.kind, self.body.digest()?, &self.audit)
    }

    /// The canonical form.
    ///
    /// # Errors
    /// Never for a receipt of this type; the encoder's signature has one.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalJsonError> {
        to_canonical_json(self)
    }
}

/// The digest of an acceptance check, as the ledger's agreement holds it.
pub fn check_digest(check: &AcceptanceCheck) -> Digest {
    hash::tagged("ainur/check/v1", &[&check.encode()])
}

/// The digest of a task's specification with an open reserve, as the call for proposals and the
/// ledger's agreement hold it ([`Specification::digest`]).
///
/// One with an integer beyond 2⁵³, which no call can carry and no receipt can show, is named by its
/// SCALE encoding.
pub fn specification_digest(specification: &TaskSpec) -> Digest {
    named(specification, &Specification::open(specification))
}

fn named(specification: &TaskSpec, stated: &Specification) -> Digest {
    stated.digest().unwrap_or_else(|_| {
        hash::tagged("ainur/task-specification-scale/v1", &[&specification.encode()])
    })
}

/// What the issuer signs, given the digest of the body.
fn signed_digest(
    kind: ReceiptKind,
    body: Digest,
    audit: &AuditProof,
) -> Result<Digest, CanonicalJsonError> {
    let (kind, audit) = (to_canonical_json(&kind)?, to_canonical_json(audit)?);
    Ok(hash::tagged("ainur/receipt/v1", &[&kind, &body.0, &audit]))
}
