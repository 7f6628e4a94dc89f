//! Agreements on what was negotiated, and with coalitions whose members are paid their shares.
use ainur_ledger::escrow::{Action, Consent, Error, Event, Payout, Role, SignedAward};
use ainur_ledger::reputation;
use ainur_market::coalition::{
    CoalitionMember, CoalitionTerms, ExecutionPlan, FailureHandling, ProfitSharing,
};
use ainur_market::combinatorial::{Bundle, BundleBidTerms};
use ainur_market::negotiation::{NegotiatedTerms, NegotiationProposal};
use ainur_market::payment::{CancellationPolicy, Milestone, PaymentTerms};
use ainur_primitives::{
    Amount, CoalitionId, Digest, DisputeResolution, DurationMs, FailureReason, Ppm, QualityLevel,
    SharingMethod,
};

use crate::world::*;

fn ainu(text: &str) -> Amount {
    Amount::from_ainu(text).unwrap()
}

fn milestone(name: &str, share: u32, due_ms: u64) -> Milestone {
    Milestone { name: name.into(), share: Ppm(share), due_ms: DurationMs(due_ms) }
}

/// 8 AINU, half for a draft within a minute; cancelling costs a tenth at once.
fn negotiated(world: &World) -> NegotiatedTerms {
    let schedule = vec![milestone("draft", 500_000, 60_000), milestone("final", 500_000, 120_000)];
    NegotiatedTerms {
        task: task(1),
        buyer: did(BUYER),
        seller: did(SELLER),
        card: Digest([8; 32]),
        agreed: NegotiationProposal {
            price: Amount::ainu(8),
            timeline_ms: DurationMs(120_000),
            quality_level: Default::default(),
            payment: PaymentTerms::Milestone(schedule),
            dispute_resolution: DisputeResolution::Chain,
        },
        cancellation: CancellationPolicy { free_ms: DurationMs(0), fee: Ppm(100_000) },
        thread: Digest([15; 32]),
        valid_until: world.now.plus(HOUR),
    }
}

fn settled_on(world: &mut World, terms: NegotiatedTerms, signer: u8) -> SignedAward {
    let (root, proofs) = sign(signer, 0, &[terms.digest()]);
    world.signatures.push(root);
    let price = terms.agreed.price;
    SignedAward { price, consent: Consent::Negotiated { terms }, proofs }
}

#[test]
fn what_was_negotiated_is_paid_by_its_own_schedule_and_names_its_thread() {
    let mut world = World::new();
    let terms = negotiated(&world);
    let award = settled_on(&mut world, terms.clone(), SELLER);
    let action = with_awards(world.agreement(1, SELLER), vec![award]);
    let events = world.ok(BUYER, action);
    assert!(matches!(
        events.as_slice(),
        [ainur_ledger::Event::Escrow(Event::Agreed { sellers, .. })]
            if sellers[0].bid == terms.digest()
                && sellers[0].transcript == Digest([15; 32])
                && sellers[0].parts == 2
    ));
    let before = world.free(SELLER);
    world.ok(VERIFIER, settle_part(1, 0, START));
    world.later(DurationMs(1));
    world.ok(BUYER, Action::Cancel { task: task(1) });
    assert_eq!(world.free(SELLER), before.checked_add(ainu("4.4")).unwrap());
}

#[test]
fn terms_negotiated_otherwise_bind_nobody() {
    let mut world = World::new();
    let good = negotiated(&world);
    let day = START.plus(DAY);
    let mut unpaid = good.clone();
    unpaid.agreed.payment = PaymentTerms::Milestone(Vec::new());
    let mut greedy = good.clone();
    greedy.cancellation.fee = Ppm(1_000_001);
    let mut alone = good.clone();
    alone.seller = did(BUYER);
    for (terms, signer, error) in [
        (
            NegotiatedTerms { task: task(2), ..good.clone() },
            SELLER,
            Error::BidForAnotherTask(task(2)),
        ),
        (
            NegotiatedTerms { buyer: did(RIVAL), ..good.clone() },
            SELLER,
            Error::NotParty(Role::Buyer),
        ),
        (NegotiatedTerms { valid_until: START, ..good.clone() }, SELLER, Error::BidExpired(START)),
        (
            NegotiatedTerms { valid_until: day.plus(HOUR), ..good.clone() },
            SELLER,
            Error::BidValidTooLong(day),
        ),
        (unpaid.clone(), SELLER, Error::TermsInvalid(unpaid.digest())),
        (greedy.clone(), SELLER, Error::TermsInvalid(greedy.digest())),
        (good.clone(), RIVAL, Error::Unproven(did(SELLER))),
        (alone, BUYER, Error::SelfDealing),
    ] {
        let award = settled_on(&mut world, terms, signer);
        let action = with_awards(world.agreement(1, SELLER), vec![award]);
        assert_eq!(world.fails(BUYER, action), error.into());
    }
    let mut cheap = settled_on(&mut world, good, SELLER);
    cheap.price = Amount::ainu(7);
    let action = with_awards(world.agreement(1, SELLER), vec![cheap]);
    let asked = Error::PriceOutOfRange { asked: Amount::ainu(8), reserve: Amount::ainu(10) };
    assert_eq!(world.fails(BUYER, action), asked.into());
}

fn member(party: u8, subtask: u16, bid: u64) -> CoalitionMember {
    CoalitionMember {
        agent: did(party),
        card: Digest([8; 32]),
        capability: "archive.compress".parse().unwrap(),
        subtask,
        bid: Amount::ainu(bid),
        estimated_duration_ms: DurationMs(1_000),
        bond: Amount::ZERO,
    }
}

/// Five members who bid 1, 1, 1, 2 and 2 AINU for shares that are 0.2 more each; the last subtask
/// is done by the first member too.
pub(crate) fn coalition(world: &World) -> CoalitionTerms {
    let parties = [MEMBERS[0], MEMBERS[1], MEMBERS[2], MEMBERS[3], MEMBERS[0]];
    let bids = [1, 1, 1, 2, 2];
    let members: Vec<CoalitionMember> =
        (0..5).map(|i| member(parties[i], i as u16, bids[i])).collect();
    let share = |bid: &u64| Amount::ainu(*bid).checked_add(ainu("0.2")).unwrap();
    CoalitionTerms {
        id: CoalitionId(Digest([16; 32])),
        task: task(1),
        lead: did(MEMBERS[1]),
        members,
        total: Amount::ainu(8),
        plan: ExecutionPlan {
            graph: Digest([17; 32]),
            stages: vec![vec![0, 1, 2], vec![3, 4]],
            estimated_completion_ms: DurationMs(2_000),
        },
        sharing: ProfitSharing {
            method: SharingMethod::Equal,
            member_shares: bids.iter().map(share).collect(),
            surplus_weights: Vec::new(),
        },
        failure: FailureHandling {
            backups: vec![member(MEMBERS[4], 2, 1), member(RIVAL, 3, 3)],
            ..FailureHandling::default()
        },
        valid_until: world.now.plus(HOUR),
    }
}

pub(crate) const TEAM: [u8; 4] = [MEMBERS[0], MEMBERS[1], MEMBERS[2], MEMBERS[3]];

fn signed(world: &mut World, digest: Digest, signers: &[u8]) -> Vec<ainur_crypto::BatchProof> {
    let mut proofs = Vec::new();
    for signer in signers {
        let (root, mut own) = sign(*signer, 0, &[digest]);
        world.signatures.push(root);
        proofs.append(&mut own);
    }
    proofs
}

pub(crate) fn bid_together(
    world: &mut World,
    terms: CoalitionTerms,
    signers: &[u8],
) -> SignedAward {
    let proofs = signed(world, terms.digest(), signers);
    let consent = Consent::Coalition { terms, transcript: Digest([9; 32]) };
    SignedAward { price: Amount::ainu(8), consent, proofs }
}

pub(crate) fn staked() -> World {
    let mut world = World::new();
    for party in MEMBERS {
        world.ok(party, reputation::Action::Bond { amount: Amount::ainu(20) });
    }
    world
}

fn stand_in(world: &mut World, terms: &CoalitionTerms, backup: u16, signer: u8) -> SignedAward {
    let proofs = signed(world, terms.digest(), &[signer]);
    let price = Amount::ainu(1);
    SignedAward { price, consent: Consent::Backup { terms: terms.clone(), backup }, proofs }
}

#[test]
fn a_coalition_loses_a_member_and_everyone_gets_its_share() {
    let mut world = staked();
    let terms = coalition(&world);
    let mut award = bid_together(&mut world, terms.clone(), &TEAM);
    award.price = Amount::ainu(9);
    let action = with_awards(world.agreement(1, SELLER), vec![award]);
    world.ok(BUYER, action);
    assert_eq!(world.reputation(MEMBERS[0]).running, 2);
    let all = [MEMBERS[0], MEMBERS[1], MEMBERS[2], MEMBERS[3], MEMBERS[4]];
    let before = all.map(|party| world.free(party));

    let action = Action::Substitute {
        task: task(1),
        part: 2,
        award: stand_in(&mut world, &terms, 0, MEMBERS[4]),
    };
    assert_eq!(world.fails(BUYER, action), Error::PartNotFailed(2).into());
    world.ok(VERIFIER, settle_part(1, 1, START));
    world.ok(VERIFIER, fail_part(1, 2, FailureReason::Crashed));
    for (backup, signer, error) in [
        (1, RIVAL, Error::NotItsBackup(did(RIVAL))),
        (2, RIVAL, Error::UnknownBackup(2)),
        (0, RIVAL, Error::Unproven(did(MEMBERS[4]))),
    ] {
        let award = stand_in(&mut world, &terms, backup, signer);
        let action = Action::Substitute { task: task(1), part: 2, award };
        assert_eq!(world.fails(BUYER, action), error.into());
    }
    let other = CoalitionTerms { id: CoalitionId(Digest([1; 32])), ..terms.clone() };
    let award = stand_in(&mut world, &other, 0, MEMBERS[4]);
    let action = Action::Substitute { task: task(1), part: 2, award };
    let stranger = Error::NotItsBackup(did(MEMBERS[4]));
    assert_eq!(world.fails(BUYER, action), stranger.into());

    let award = stand_in(&mut world, &terms, 0, MEMBERS[4]);
    world.ok(BUYER, Action::Substitute { task: task(1), part: 2, award });
    world.ok(VERIFIER, settle(1, 1));
    // What is above the total of 8 is divided like the shares: an eighth more for everyone.
    let shares = [("3.825", 0), ("1.35", 1), ("0", 2), ("2.475", 3), ("1", 4)];
    for (share, index) in shares {
        let got = world.free(all[index]).checked_sub(before[index]).unwrap();
        assert_eq!(got, ainu(share), "member {index}");
    }
    let tombstone = closed(&world, 1);
    assert_eq!(tombstone.paid().checked_add(tombstone.refunded), Some(Amount::ainu(10)));
    let both = Payout { payee: did(MEMBERS[0]), amount: ainu("3.825") };
    assert!(tombstone.payouts.contains(&both), "one payout for both subtasks");
}

#[test]
fn coalitions_that_do_not_add_up_or_are_not_signed_by_all_are_refused() {
    let mut world = staked();
    let good = coalition(&world);
    let with_shares = |shares: &[&str]| {
        let mut terms = good.clone();
        terms.sharing.member_shares = shares.iter().map(|share| ainu(share)).collect();
        terms
    };
    for terms in [
        // One below its bid, though together they are the total.
        with_shares(&["0.9", "1.5", "1.2", "2.2", "2.2"]),
        with_shares(&["1.2", "1.2", "1.2", "2.2", "2.3"]),
        with_shares(&["2", "2", "2", "2"]),
        CoalitionTerms { members: Vec::new(), ..with_shares(&[]) },
    ] {
        let invalid = Error::TermsInvalid(terms.digest());
        let award = bid_together(&mut world, terms, &TEAM);
        let action = with_awards(world.agreement(1, SELLER), vec![award]);
        assert_eq!(world.fails(BUYER, action), invalid.into());
    }
    for (terms, signers, error) in [
        (good.clone(), &TEAM[..3], Error::Unproven(did(MEMBERS[3]))),
        (good.clone(), &[MEMBERS[1], MEMBERS[0]][..], Error::Unproven(did(MEMBERS[0]))),
        (
            CoalitionTerms { task: task(2), ..good.clone() },
            &TEAM[..],
            Error::BidForAnotherTask(task(2)),
        ),
        (CoalitionTerms { valid_until: START, ..good.clone() }, &TEAM, Error::BidExpired(START)),
    ] {
        let award = bid_together(&mut world, terms, signers);
        let action = with_awards(world.agreement(1, SELLER), vec![award]);
        assert_eq!(world.fails(BUYER, action), error.into());
    }
    let mut cheap = bid_together(&mut world, good.clone(), &TEAM);
    cheap.price = ainu("7.9");
    let action = with_awards(world.agreement(1, SELLER), vec![cheap]);
    let asked = Error::PriceOutOfRange { asked: Amount::ainu(8), reserve: Amount::ainu(10) };
    assert_eq!(world.fails(BUYER, action), asked.into());
    // One member without stake: nobody is bound.
    world.ok(MEMBERS[3], reputation::Action::Unbond { amount: Amount::ainu(20) });
    let award = bid_together(&mut world, good, &TEAM);
    let action = with_awards(world.agreement(1, SELLER), vec![award]);
    assert!(matches!(
        world.fails(BUYER, action),
        ainur_ledger::TransactionError::Escrow(Error::Reputation(_))
    ));
}

/// An award of 6 AINU on the first bundle of a bid on two: subtasks 0 and 1 for 5, or 2 for 3.
fn bundle(world: &mut World, bundle: u16, shares: [u64; 2]) -> SignedAward {
    let of = |subtasks: &[usize], price| Bundle {
        subtasks: subtasks.iter().copied().collect(),
        price: Amount::ainu(price),
        estimated_duration_ms: DurationMs(1_000),
    };
    let bid = BundleBidTerms {
        task: task(1),
        bidder: did(SELLER),
        bundles: vec![of(&[0, 1], 5), of(&[2], 3)],
        bid_bond: Amount::ZERO,
        confidence: Ppm::ONE,
        quality_level: QualityLevel::Standard,
        card: Digest([8; 32]),
        valid_until: world.now.plus(HOUR),
    };
    let proofs = signed(world, bid.digest(), &[SELLER]);
    let shares = shares.into_iter().filter(|share| *share > 0).map(Amount::ainu).collect();
    let consent = Consent::Bundle { bid, bundle, shares, transcript: Digest([9; 32]) };
    SignedAward { price: Amount::ainu(6), consent, proofs }
}

#[test]
fn a_bundle_binds_its_bidder_to_each_subtask_and_to_no_second_bundle() {
    let mut world = World::new();
    let digest = bundle(&mut world, 0, [4, 2]).consent.digest();
    for (number, shares, error) in [
        (0, [4, 1], Error::TermsInvalid(digest)),
        (0, [6, 0], Error::TermsInvalid(digest)),
        (2, [4, 2], Error::UnknownBundle(2)),
    ] {
        let award = bundle(&mut world, number, shares);
        let action = with_awards(world.agreement(1, SELLER), vec![award]);
        assert_eq!(world.fails(BUYER, action), error.into());
    }
    let mut second = bundle(&mut world, 1, [4, 0]);
    second.price = Amount::ainu(4);
    let twice = vec![bundle(&mut world, 0, [4, 2]), second];
    let action = with_awards(world.agreement(1, SELLER), twice);
    assert_eq!(world.fails(BUYER, action), Error::BoundBefore(digest).into());
    let before = world.free(SELLER);
    let award = bundle(&mut world, 0, [4, 2]);
    let action = with_awards(world.agreement(1, SELLER), vec![award]);
    world.ok(BUYER, action);
    world.ok(VERIFIER, settle_part(1, 1, START));
    assert_eq!(world.free(SELLER), before.checked_add(Amount::ainu(2)).unwrap());
    world.ok(VERIFIER, fail_part(1, 0, FailureReason::CheckFailed));
    world.ok(BUYER, Action::Refund { task: task(1) });
    let tombstone = closed(&world, 1);
    assert_eq!(tombstone.paid(), Amount::ainu(2));
    assert_eq!(tombstone.refunded, Amount::ainu(8));
}
