//! What is written as a message is read as the same terms, with the same digest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use ainur_crypto::{Proof, SigningKey};
use ainur_market::auction::{BidTerms, CommitTerms, commitment};
use ainur_market::coalition::{
    CoalitionMember, CoalitionTerms, ExecutionPlan, FailureHandling, ProfitSharing,
};
use ainur_market::combinatorial::{Bundle, BundleBidTerms, SubtaskSet};
use ainur_market::offer::{OfferCapacity, OfferPricing, OfferTerms, PremiumHours, VolumeDiscount};
use ainur_market::payment::{CancellationPolicy, Milestone, PaymentTerms};
use ainur_primitives::{
    Amount, CoalitionId, Did, Digest, DurationMs, Ppm, QualityLevel, SharingMethod, TaskId,
    Timestamp,
};

use super::*;

const NOW: Timestamp = Timestamp(1_795_254_600_000);
const TASK: TaskId = TaskId(Digest([8; 32]));
const SALT: Digest = Digest([5; 32]);

fn did(number: u8) -> Did {
    Did(Digest([number; 32]))
}

fn proof(item: Digest) -> Proof {
    Proof::sign(&SigningKey::from_seed(&[1; 32]).unwrap(), did(1), 0, item)
}

fn milestones() -> PaymentTerms {
    let part = |name: &str, share, seconds| Milestone {
        name: name.into(),
        share: Ppm(share),
        due_ms: DurationMs::seconds(seconds),
    };
    PaymentTerms::Milestone(vec![part("half", 500_000, 1), part("rest", 500_000, 2)])
}

fn bundle_bid() -> BundleBidTerms {
    let bundle = |subtasks: &[usize], price| Bundle {
        subtasks: subtasks.iter().copied().collect::<SubtaskSet>(),
        price: Amount(price),
        estimated_duration_ms: DurationMs(900),
    };
    BundleBidTerms {
        task: TASK,
        bidder: did(1),
        bundles: vec![bundle(&[0, 255], 7), bundle(&[3], 4), bundle(&[0, 1], 9)],
        bid_bond: Amount(3),
        confidence: Ppm(900_000),
        quality_level: QualityLevel::Standard,
        card: Digest([4; 32]),
        valid_until: NOW.plus(DurationMs(9)),
    }
}

#[test]
fn bids_are_read_as_they_were_sealed() {
    let bid = BidTerms {
        task: TASK,
        bidder: did(1),
        price: Amount(7),
        bid_bond: Amount(3),
        estimated_duration_ms: DurationMs(900),
        confidence: Ppm(800_000),
        quality_level: QualityLevel::Premium,
        card: Digest([4; 32]),
        valid_until: NOW.plus(DurationMs(9)),
        payment: milestones(),
    };
    let commit = CommitTerms {
        task: TASK,
        bidder: did(1),
        commitment: commitment(&bid, &SALT.0),
        bid_bond: Amount(3),
        reveal_until: NOW,
    };
    let written = written_commit(&commit, Some(proof(commit.digest())));
    assert_eq!(commit_terms(did(1), &written), commit);
    assert_ne!(commit_terms(did(2), &written).digest(), commit.digest());
    assert_eq!(bid_terms(did(1), &written_bid(&bid, SALT, None)), bid);
    let bundles = bundle_bid();
    let written = written_bundle_bid(&bundles, SALT, None).unwrap();
    assert_eq!((written.price, written.bundles.len()), (Amount(7), 3));
    assert_eq!(bundle_bid_terms(did(1), &written), bundles);
    let nothing = BundleBidTerms { bundles: Vec::new(), ..bundles };
    assert_eq!(written_bundle_bid(&nothing, SALT, None), None);
}

#[test]
fn coalitions_and_what_their_lead_sealed_are_read_as_they_were_signed() {
    let member = |agent: u8, subtask| CoalitionMember {
        agent: did(agent),
        card: Digest([4; 32]),
        capability: "text.one".parse().unwrap(),
        subtask,
        bid: Amount(4),
        estimated_duration_ms: DurationMs(700),
        bond: Amount(2),
    };
    let terms = CoalitionTerms {
        id: CoalitionId(Digest([6; 32])),
        task: TASK,
        lead: did(1),
        members: vec![member(1, 0), member(2, 1)],
        total: Amount(9),
        plan: ExecutionPlan {
            graph: Digest([7; 32]),
            stages: vec![vec![0], vec![1]],
            estimated_completion_ms: DurationMs(1_400),
        },
        sharing: ProfitSharing {
            method: SharingMethod::ContributionBased,
            member_shares: vec![Amount(4), Amount(5)],
            surplus_weights: vec![1, 2],
        },
        failure: FailureHandling { backups: vec![member(3, 1)], ..FailureHandling::default() },
        valid_until: NOW.plus(DurationMs(9)),
    };
    let consents = vec![proof(terms.digest())];
    let everything = bundle_bid();
    let written = written_coalition(&terms, consents.clone(), &everything, SALT);
    assert_eq!(coalition_terms(&written), terms);
    assert_eq!(coalition_terms(&written).digest(), written.terms);
    assert_eq!(lead_bid_terms(&written), Some(everything.clone()));
    // A lead that offers nothing else seals what follows from the coalition.
    let alone = terms.bid(everything.bid_bond, everything.confidence, everything.quality_level);
    let mut written = written_coalition(&terms, consents, &alone, SALT);
    written.bundles.clear();
    assert_eq!(lead_bid_terms(&written), Some(alone));
    written.lead_agent = did(9);
    written.bundles = written_bundle_bid(&everything, SALT, None).unwrap().bundles;
    assert_eq!(lead_bid_terms(&written), None);
}

#[test]
fn standing_offers_are_read_as_they_were_signed_and_said_again_each_day() {
    let terms = OfferTerms {
        seller: did(1),
        serial: 12,
        card: Digest([4; 32]),
        capabilities: vec!["text.one".parse().unwrap(), "text.two".parse().unwrap()],
        quality_level: QualityLevel::Premium,
        estimated_duration_ms: DurationMs::seconds(9),
        pricing: OfferPricing {
            base_price: Amount(100),
            volume_discount: vec![VolumeDiscount { tasks_min: 3, discount: Ppm(100_000) }],
            premium_hours: vec![PremiumHours {
                weekdays: 0x1f,
                from_minute: 480,
                until_minute: 1_080,
                surcharge: Ppm(500_000),
            }],
        },
        capacity: OfferCapacity {
            concurrent_tasks: 2,
            queue_size: 3,
            estimated_wait_ms: DurationMs(40),
        },
        minimum_budget: Amount(50),
        payment: milestones(),
        cancellation: CancellationPolicy { free_ms: DurationMs(60), fee: Ppm(50_000) },
        valid_from: NOW,
        valid_until: NOW.plus(DurationMs::seconds(3 * 86_400)),
    };
    let consent = proof(terms.digest());
    let written = written_offer(&terms, consent.clone());
    assert_eq!(offer_terms(&written), terms);
    assert_eq!(written.offer, terms.digest());
    let at = |seconds| {
        offer_message(&terms, consent.clone(), NOW.plus(DurationMs::seconds(seconds))).unwrap()
    };
    assert_eq!(at(0).id(), at(86_399).id());
    assert_ne!(at(0).id(), at(86_400).id());
    for seconds in [0, 86_400, 200_000, 3 * 86_400 - 1] {
        let now = NOW.plus(DurationMs::seconds(seconds));
        let message = at(seconds);
        let header = message.header();
        assert!(header.created <= now && now < header.expires, "{header:?}");
        assert_eq!(header.conversation_id, offer_conversation(&terms.digest()));
    }
}
