//! BidCommit and Bid: a sealed bid, and the same bid opened.
use ainur_crypto::{Proof, PublicKeys, Verifier};
use ainur_primitives::{Amount, Digest, DurationMs, Ppm, QualityLevel, TaskId, Timestamp};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::negotiate::PaymentSchedule;
use super::{Body, MessageType, exact, probability};
use crate::canonical;
use crate::envelope::Envelope;
use crate::error::Error;
use crate::extensions::Extensions;
use crate::limits::{BID_BUNDLES_MAX, BUNDLE_SUBTASKS_MAX};

/// A sealed bid, in reply to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidCommit {
    /// What the bidder loses when it does not reveal.
    pub bid_bond: Amount,
    /// The commitment to the bid.
    pub commitment: Digest,
    /// The bidder's signature over the market's digest of what it commits to, which the ledger can
    /// read; a bidder whose key is elsewhere shows it, and one that signs its bid alone does not.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "consent")]
    pub consent: Option<Proof>,
    /// The call's end of revealing.
    pub reveal_until: Timestamp,
    /// The task bid on.
    pub task: TaskId,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// An opened bid, in reply to the bidder's own commitment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bid {
    /// As committed.
    pub bid_bond: Amount,
    /// Of a task of several parts, what the bidder would do for how much: any one of these, or
    /// nothing. `price` and `estimated_duration_ms` are then those of the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bundles: Vec<BundleBid>,
    /// Digest of the agent card whose contract the bidder will fulfil.
    pub card: Digest,
    /// How sure the bidder is to deliver.
    pub confidence: Ppm,
    /// The bidder's signature over the market's digest of the bid: what binds it on the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "consent")]
    pub consent: Option<Proof>,
    /// How long the bidder expects the work to take.
    pub estimated_duration_ms: DurationMs,
    /// When the bidder is paid, as the call says: in parts for work in chunks.
    #[serde(default, skip_serializing_if = "PaymentSchedule::is_completion")]
    pub payment_schedule: PaymentSchedule,
    /// What the bidder asks for accepted work.
    pub price: Amount,
    /// The quality offered.
    pub quality_level: QualityLevel,
    /// The 32 random bytes of the commitment.
    pub salt: Digest,
    /// The task bid on.
    pub task: TaskId,
    /// The bid can be accepted until then.
    pub valid_until: Timestamp,
    /// Optional fields.
    #[serde(flatten)]
    pub extensions: Extensions,
}

/// Some parts of a task for one price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleBid {
    /// How long the bidder expects the longest of them to take.
    pub estimated_duration_ms: DurationMs,
    /// What the bidder asks for all of them.
    pub price: Amount,
    /// Which, by index in the task graph; ascending.
    pub subtasks: Vec<u16>,
}

fn consent<S: Serializer>(proof: &Option<Proof>, serializer: S) -> Result<S::Ok, S::Error> {
    canonical::proof(&proof.as_ref(), serializer)
}

impl<B> Envelope<B> {
    /// Checks the consent in a commitment or a bid: the sender's signature over the market's digest
    /// of the terms, which the caller makes of the fields. The caller found the keys by the sender
    /// and the key version in the consent.
    ///
    /// # Errors
    /// When there is none, it is another party's, or it does not hold.
    pub fn verify_consent_to(
        &self,
        consent: Option<&Proof>,
        terms: Digest,
        keys: &PublicKeys,
        verifier: &impl Verifier,
    ) -> Result<(), Error> {
        let (consent, from) = (consent.ok_or(Error::Unsigned)?, self.header().from);
        if consent.signer != from {
            return Err(Error::OtherSigner { from, signer: consent.signer });
        }
        Ok(consent.verify(terms, keys, verifier)?)
    }
}

impl BundleBid {
    pub(super) fn validate(bundles: &[Self]) -> Result<(), Error> {
        if bundles.len() > BID_BUNDLES_MAX {
            return Err(Error::field("bundles", "at most 64"));
        }
        for bundle in bundles {
            exact("bundles.estimated_duration_ms", bundle.estimated_duration_ms.0)?;
            let ascend = bundle.subtasks.windows(2).all(|pair| pair[0] < pair[1]);
            if !(1..=BUNDLE_SUBTASKS_MAX).contains(&bundle.subtasks.len()) || !ascend {
                return Err(Error::field("bundles.subtasks", "1 to 256, ascending and each once"));
            }
        }
        Ok(())
    }
}

impl Body for BidCommit {
    const TYPE: MessageType = MessageType::BidCommit;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, created: Timestamp) -> Result<(), Error> {
        if self.reveal_until <= created {
            return Err(Error::field("reveal_until", "the bid could not be revealed any more"));
        }
        Ok(())
    }
}

impl Body for Bid {
    const TYPE: MessageType = MessageType::Bid;

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn validate(&self, created: Timestamp) -> Result<(), Error> {
        exact("estimated_duration_ms", self.estimated_duration_ms.0)?;
        probability("confidence", self.confidence)?;
        BundleBid::validate(&self.bundles)?;
        self.payment_schedule.validate("payment_schedule")?;
        if let Some(first) = self.bundles.first()
            && (self.price, self.estimated_duration_ms)
                != (first.price, first.estimated_duration_ms)
        {
            return Err(Error::field("price", "of several bundles, those of the first"));
        }
        if self.valid_until <= created {
            return Err(Error::field("valid_until", "the bid could not be accepted any more"));
        }
        Ok(())
    }
}
