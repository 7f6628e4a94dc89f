//! Sealed and opened bids.
use ainur_crypto::Proof;
use ainur_market::auction::{BidTerms, CommitTerms};
use ainur_market::combinatorial::{Bundle, BundleBidTerms};
use ainur_primitives::{Did, Digest};
use ainur_protocol::{Bid, BidCommit, BundleBid, Extensions, PaymentSchedule};

use super::offer::{payment_terms, written_schedule};

/// A commitment as it is said, with the bidder's consent to it when it signed one.
pub fn written_commit(commit: &CommitTerms, consent: Option<Proof>) -> BidCommit {
    let CommitTerms { task, bidder: _, commitment, bid_bond, reveal_until } = *commit;
    BidCommit {
        bid_bond,
        commitment,
        consent,
        reveal_until,
        task,
        extensions: Extensions::default(),
    }
}

/// What the sender of a commitment is bound to.
pub fn commit_terms(from: Did, commit: &BidCommit) -> CommitTerms {
    CommitTerms {
        task: commit.task,
        bidder: from,
        commitment: commit.commitment,
        bid_bond: commit.bid_bond,
        reveal_until: commit.reveal_until,
    }
}

/// An opened bid as it is said.
pub fn written_bid(bid: &BidTerms, salt: Digest, consent: Option<Proof>) -> Bid {
    Bid {
        bid_bond: bid.bid_bond,
        bundles: Vec::new(),
        card: bid.card,
        confidence: bid.confidence,
        consent,
        estimated_duration_ms: bid.estimated_duration_ms,
        payment_schedule: written_schedule(&bid.payment),
        price: bid.price,
        quality_level: bid.quality_level,
        salt,
        task: bid.task,
        valid_until: bid.valid_until,
        extensions: Extensions::default(),
    }
}

/// What the sender of a bid on one piece of work is bound to.
pub fn bid_terms(from: Did, bid: &Bid) -> BidTerms {
    BidTerms {
        task: bid.task,
        bidder: from,
        price: bid.price,
        bid_bond: bid.bid_bond,
        estimated_duration_ms: bid.estimated_duration_ms,
        confidence: bid.confidence,
        quality_level: bid.quality_level,
        card: bid.card,
        valid_until: bid.valid_until,
        payment: payment_terms(&bid.payment_schedule),
    }
}

/// An opened bid on a task of several parts as it is said; `None` for one without bundles.
pub fn written_bundle_bid(
    bid: &BundleBidTerms,
    salt: Digest,
    consent: Option<Proof>,
) -> Option<Bid> {
    let first = bid.bundles.first()?;
    Some(Bid {
        bid_bond: bid.bid_bond,
        bundles: bid.bundles.iter().map(written_bundle).collect(),
        card: bid.card,
        confidence: bid.confidence,
        consent,
        estimated_duration_ms: first.estimated_duration_ms,
        payment_schedule: PaymentSchedule::Completion,
        price: first.price,
        quality_level: bid.quality_level,
        salt,
        task: bid.task,
        valid_until: bid.valid_until,
        extensions: Extensions::default(),
    })
}

/// What the sender of a bid on a task of several parts is bound to.
pub fn bundle_bid_terms(from: Did, bid: &Bid) -> BundleBidTerms {
    BundleBidTerms {
        task: bid.task,
        bidder: from,
        bundles: bid.bundles.iter().map(bundle).collect(),
        bid_bond: bid.bid_bond,
        confidence: bid.confidence,
        quality_level: bid.quality_level,
        card: bid.card,
        valid_until: bid.valid_until,
    }
}

pub(super) fn written_bundle(bundle: &Bundle) -> BundleBid {
    // Sets hold indices below 256.
    let subtasks = bundle.subtasks.indices().map(|index| index as u16).collect();
    let Bundle { price, estimated_duration_ms, .. } = *bundle;
    BundleBid { estimated_duration_ms, price, subtasks }
}

pub(super) fn bundle(written: &BundleBid) -> Bundle {
    Bundle {
        subtasks: written.subtasks.iter().map(|index| usize::from(*index)).collect(),
        price: written.price,
        estimated_duration_ms: written.estimated_duration_ms,
    }
}
