//! The words of a coalition's agreement that messages and terms have in common: how its price is
//! shared, and what it costs a member to let the others down.
//!
//! Fields are declared in the order of RFC 8785, so that both write them alike.
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::probability::Ppm;

/// How the members of a coalition divide what it is paid.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum SharingMethod {
    /// What is left above the members' bids in equal parts.
    Equal,
    /// By what each adds to the others: the Shapley value.
    #[default]
    ContributionBased,
    /// By what an auction of its subtask alone would pay each.
    AuctionBased,
    /// Nash's bargaining solution with transfers.
    Nash,
}

/// What a member loses of its bond when it lets the others down, and who gets it.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct PenaltyClause {
    /// Who gets it.
    pub beneficiary: PenaltyBeneficiary,
    /// For what.
    pub cause: PenaltyCause,
    /// This share of the member's bond.
    pub penalty: Ppm,
}

/// Who gets a penalty.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyBeneficiary {
    /// Whoever asked for the work.
    Buyer,
    /// Whoever takes the work over; the buyer when nobody does.
    Backup,
    /// The other members, in proportion to their shares; the buyer when there are none.
    Members,
}

/// What a penalty is for.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyCause {
    /// The member did not deliver, or what it delivered was not accepted.
    Failed,
    /// The member delivered later than it said.
    Late,
}
