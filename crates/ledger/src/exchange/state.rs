//! Classes, credits, obligations and claims as they are stored.
use core::fmt;
use core::str::FromStr;

use ainur_crypto::hash::tagged;
use ainur_market::exchange::{OrderId, Side};
use ainur_primitives::digest::DigestError;
use ainur_primitives::{
    Amount, CapabilityName, ContentId, Did, Digest, FailureReason, QualityLevel, Timestamp,
};
use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::block::Height;
use crate::state::{Overlay, key};

/// The name of a class: the digest of its capability and quality, so that there is one for both.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct CreditClassId(pub Digest);

const CLASS_TAG: &str = "ainur/credit-class/v1";

impl CreditClassId {
    /// The class of a capability at a quality.
    pub fn of(capability: &CapabilityName, quality: QualityLevel) -> Self {
        Self(tagged(CLASS_TAG, &[capability.as_str().as_bytes(), &quality.encode()]))
    }
}

impl fmt::Display for CreditClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for CreditClassId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

/// A class of credits and its book.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct CreditClass {
    /// What a credit is for.
    pub capability: CapabilityName,
    /// At which quality.
    pub quality: QualityLevel,
    /// What is locked behind each credit.
    pub collateral: Amount,
    /// Credits that are out: what all issuers owe together.
    pub supply: u64,
    /// Where the next issuer who begins to owe stands in line.
    pub next_turn: u64,
    /// Orders that rest.
    pub orders: u32,
    /// The number of the next order.
    pub next_order: u64,
    /// The number of the next update of the book.
    pub next_update: u64,
    /// Price and number of the buy order that trades first.
    pub best_buy: Option<(Amount, OrderId)>,
    /// Price and number of the sell order that trades first.
    pub best_sell: Option<(Amount, OrderId)>,
}

impl CreditClass {
    /// Price and number of the order of a side that trades first.
    pub fn best(&self, side: Side) -> Option<(Amount, OrderId)> {
        match side {
            Side::Buy => self.best_buy,
            Side::Sell => self.best_sell,
        }
    }
}

/// What one issuer owes in one class.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct IssuerObligation {
    /// Credits it owes a task for.
    pub outstanding: u64,
    /// Its place in line since it began to owe.
    pub turn: u64,
}

/// A redeemed credit: a task that is owed, or what is remembered of it.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Collateral is locked.
    Open(OpenClaim),
    /// It ended.
    Closed(ClosedClaim),
}

/// A task that is owed.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct OpenClaim {
    /// Of which class the credit was.
    pub class: CreditClassId,
    /// Who is owed.
    pub holder: Did,
    /// Who owes.
    pub issuer: Did,
    /// Who decides a dispute.
    pub verifier: Option<Did>,
    /// Digest of what is wanted.
    pub call: Digest,
    /// Digest of the acceptance check.
    pub check: Digest,
    /// What is locked.
    pub collateral: Amount,
    /// What is not delivered by then has failed.
    pub deadline: Timestamp,
    /// What its issuer has delivered.
    pub delivery: Option<ClaimDelivery>,
}

/// What the issuer of a claim says it has delivered.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ClaimDelivery {
    /// What.
    pub output: ContentId,
    /// The holder does not accept it.
    pub disputed: bool,
    /// Until then it can be disputed, or, once it is, the dispute decided.
    pub until: Timestamp,
}

/// What is remembered of a claim.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ClosedClaim {
    /// As it was.
    pub claim: OpenClaim,
    /// How it ended.
    pub ending: ClaimEnding,
    /// The block in which it ended.
    pub height: Height,
    /// The event of that block that says so.
    pub event: u32,
    /// When it ended.
    pub closed: Timestamp,
}

/// How a claim ended.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimEnding {
    /// The work was accepted.
    Fulfilled(ContentId),
    /// The collateral went to the holder.
    Defaulted(FailureReason),
    /// The holder has its credit again.
    Voided(FailureReason),
}

impl fmt::Display for ClaimEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fulfilled(_) => f.write_str("fulfilled"),
            Self::Defaulted(reason) => write!(f, "defaulted: {reason}"),
            Self::Voided(reason) => write!(f, "void: {reason}"),
        }
    }
}

/// A party to a claim.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimRole {
    /// Who is owed.
    Holder,
    /// Who owes.
    Issuer,
    /// The holder, or whoever decides a dispute.
    HolderOrVerifier,
    /// Any of the three.
    Party,
}

impl fmt::Display for ClaimRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holder => "the holder",
            Self::Issuer => "the issuer",
            Self::HolderOrVerifier => "the holder or the verifier",
            Self::Party => "the holder, the issuer or the verifier",
        })
    }
}

/// An open class.
pub(super) fn class(state: &Overlay<'_>, id: CreditClassId) -> Result<CreditClass, Error> {
    state.read(&key::credit_class(&id)).ok_or(Error::UnknownClass(id))
}

/// Credits an owner can spend.
pub(super) fn credits(state: &Overlay<'_>, class: CreditClassId, owner: &Did) -> u64 {
    state.read(&key::credits(&class, owner)).unwrap_or(0)
}

/// Gives an owner credits. What is given was taken elsewhere or issued, so it fits.
pub(super) fn give(state: &mut Overlay<'_>, class: CreditClassId, owner: &Did, credits_given: u64) {
    if credits_given > 0 {
        let held = credits(state, class, owner);
        let sum = held.checked_add(credits_given).expect("a class has fewer than 2⁶⁴ credits");
        state.write(key::credits(&class, owner), &sum);
    }
}

/// Takes credits from an owner.
pub(super) fn take(
    state: &mut Overlay<'_>,
    class: CreditClassId,
    owner: &Did,
    taken: u64,
) -> Result<(), Error> {
    if taken == 0 {
        return Ok(());
    }
    let held = credits(state, class, owner);
    let left = held
        .checked_sub(taken)
        .ok_or_else(|| Error::InsufficientCredits { owner: *owner, missing: taken - held })?;
    if left == 0 {
        state.remove(key::credits(&class, owner));
    } else {
        state.write(key::credits(&class, owner), &left);
    }
    Ok(())
}
