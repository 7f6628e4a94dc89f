//! Agreement, payment and its refusals.
use ainur_ledger::escrow::{Action, Closing, Consent, Error, Escrow, Event, Payout, Role};
use ainur_ledger::{Genesis, balances, reputation};
use ainur_market::auction::BidTerms;
use ainur_primitives::{Amount, Digest, DurationMs, FailureReason};

use crate::world::*;

#[test]
fn agreeing_locks_reserve_and_bond() {
    let mut world = World::new();
    let before = world.free(BUYER);
    let events = world.agree(1);
    // A newcomer fails one time in ten: a fifth of the price of 6.
    let bond = Amount::from_ainu("1.2").unwrap();
    let Some(Escrow::Open(agreement)) = world.escrow(1) else { panic!("no agreement") };
    assert!(agreement.is_running());
    assert_eq!(agreement.engagements[0].parts[0].bond, bond);
    assert!(matches!(
        events.as_slice(),
        [ainur_ledger::Event::Escrow(Event::Agreed { sellers, .. })]
            if sellers[0].price == Amount::ainu(6)
    ));
    let locked = Amount::ainu(10).checked_add(FEE).unwrap();
    assert_eq!(world.free(BUYER), before.checked_sub(locked).unwrap());
    assert_eq!(world.totals().escrowed, Amount::ainu(10));
    assert_eq!(world.reputation(SELLER).locked, bond);
}

#[test]
fn settling_pays_once() {
    let mut world = World::new();
    world.agree(1);
    let (seller, buyer) = (world.free(SELLER), world.free(BUYER));
    world.ok(VERIFIER, settle(1, 1));
    assert_eq!(world.free(SELLER), seller.checked_add(Amount::ainu(6)).unwrap());
    assert_eq!(world.free(BUYER), buyer.checked_add(Amount::ainu(4)).unwrap());
    let record = world.reputation(SELLER);
    assert_eq!((record.locked, record.running, record.completed), (Amount::ZERO, 0, 1));
    let Some(Escrow::Closed(tombstone)) = world.escrow(1) else { panic!("no tombstone") };
    let paid = [Payout { payee: did(SELLER), amount: Amount::ainu(6) }];
    assert_eq!((tombstone.closing, tombstone.payouts.as_slice()), (Closing::Settled, &paid[..]));
    assert_eq!((tombstone.height, tombstone.event), (world.ledger.head().height, 0));
    let closed = Error::AlreadyClosed { task: task(1), closing: Closing::Settled };
    for (party, action) in [
        (VERIFIER, settle(1, 1)),
        (VERIFIER, fail(1, 1, FailureReason::Crashed)),
        (BUYER, Action::Refund { task: task(1) }),
        (RIVAL, Action::Expire { task: task(1) }),
    ] {
        assert_eq!(world.fails(party, action), closed.clone().into());
    }
    let again = world.agreement(1, SELLER);
    assert_eq!(world.fails(BUYER, again), closed.into());
}

#[test]
fn only_the_verifier_decides_and_only_on_the_attempt_at_work() {
    let mut world = World::new();
    assert_eq!(world.fails(VERIFIER, settle(1, 1)), Error::Unknown(task(1)).into());
    world.agree(1);
    let not_verifier = Error::NotParty(Role::Verifier);
    for party in [BUYER, SELLER, AUTHORITY] {
        assert_eq!(world.fails(party, settle(1, 1)), not_verifier.clone().into());
        let failure = fail(1, 1, FailureReason::Crashed);
        assert_eq!(world.fails(party, failure), not_verifier.clone().into());
    }
    let other = Error::NotThisAttempt { current: 1, found: 2 };
    assert_eq!(world.fails(VERIFIER, settle(1, 2)), other.into());
    world.ok(VERIFIER, fail(1, 1, FailureReason::Crashed));
    let ended = Error::NotThisAttempt { current: 1, found: 1 };
    assert_eq!(world.fails(VERIFIER, settle(1, 1)), ended.clone().into());
    assert_eq!(world.fails(VERIFIER, fail(1, 1, FailureReason::Crashed)), ended.into());
}

#[test]
fn agreements_that_the_bid_does_not_allow_are_refused() {
    let mut world = World::new();
    let good = world.bid(1, SELLER);
    let cases: Vec<(BidTerms, Error)> = vec![
        (world.bid(2, SELLER), Error::BidForAnotherTask(task(2))),
        (world.bid(1, BUYER), Error::SelfDealing),
        (world.bid(1, VERIFIER), Error::SelfDealing),
        (BidTerms { valid_until: world.now, ..good.clone() }, Error::BidExpired(world.now)),
        (
            BidTerms { valid_until: START.plus(DAY).plus(HOUR), ..good.clone() },
            Error::BidValidTooLong(START.plus(DAY)),
        ),
        (
            BidTerms { price: Amount::ainu(7), ..good.clone() },
            Error::PriceOutOfRange { asked: Amount::ainu(7), reserve: Amount::ainu(10) },
        ),
    ];
    for (bid, error) in cases {
        let signer = PARTIES.into_iter().find(|party| did(*party) == bid.bidder).unwrap();
        let mut action = world.agreement(1, SELLER);
        let replaced = world.award_of(bid, signer);
        if let Action::Agree { awards, .. } = &mut action {
            *awards = vec![replaced];
        }
        assert_eq!(world.fails(BUYER, action), error.into());
    }
    world.agree(1);
    let again = world.agreement(1, RIVAL);
    assert_eq!(world.fails(BUYER, again), Error::AlreadyAgreed(task(1)).into());
}

#[test]
fn agreements_without_money_or_time_are_refused() {
    let mut world = World::new();
    let edits: Vec<(Edit<Action>, Error)> = vec![
        (
            Box::new(|action| {
                if let Action::Agree { awards, .. } = action {
                    awards[0].price = Amount::ainu(11)
                }
            }),
            Error::PriceOutOfRange { asked: Amount::ainu(5), reserve: Amount::ainu(10) },
        ),
        (
            Box::new(|action| {
                if let Action::Agree { reserve, .. } = action {
                    *reserve = Amount::ZERO
                }
            }),
            Error::ReserveZero,
        ),
        (
            Box::new(|action| {
                if let Action::Agree { deadline, .. } = action {
                    *deadline = START
                }
            }),
            Error::DeadlineOutOfRange(START.plus(DurationMs(30 * DAY.0))),
        ),
        (
            Box::new(|action| {
                if let Action::Agree { deadline, .. } = action {
                    *deadline = START.plus(DurationMs(30 * DAY.0 + 1));
                }
            }),
            Error::DeadlineOutOfRange(START.plus(DurationMs(30 * DAY.0))),
        ),
    ];
    for (edit, error) in edits {
        let mut action = world.agreement(1, SELLER);
        edit(&mut action);
        assert_eq!(world.fails(BUYER, action), error.into());
    }
}

#[test]
fn a_bid_is_worth_nothing_to_another_buyer_verifier_task_or_ledger() {
    let mut world = World::new();
    let other = Digest([77; 32]);
    let edits: Vec<(u8, Edit<Action>)> = vec![
        (RIVAL, Box::new(|_| {})),
        (
            BUYER,
            Box::new(|action| {
                if let Action::Agree { verifier, .. } = action {
                    *verifier = did(BUYER)
                }
            }),
        ),
        (
            BUYER,
            Box::new(move |action| {
                if let Action::Agree { call, .. } = action {
                    *call = other
                }
            }),
        ),
        (
            BUYER,
            Box::new(|action| {
                if let Action::Agree { serial, .. } = action {
                    *serial = 2
                }
            }),
        ),
    ];
    for (sender, edit) in edits {
        let mut action = world.agreement(1, MEMBERS[0]);
        edit(&mut action);
        let refused = world.fails(sender, action);
        assert!(refused.to_string().contains("of this buyer, verifier"), "{refused}");
    }
    let action = world.agreement(1, SELLER);
    let mut elsewhere = World::with(&Genesis { name: "elsewhere".into(), ..genesis() });
    elsewhere.signatures = std::mem::take(&mut world.signatures);
    let refused = elsewhere.fails(BUYER, action);
    assert!(refused.to_string().contains("of this buyer, verifier"), "{refused}");
}

#[test]
fn a_bid_counts_only_with_its_bidders_signature() {
    let mut world = World::new();
    let unproven = Error::Unproven(did(SELLER));
    // Signed by somebody else.
    let mut action = world.agreement(1, SELLER);
    let bid = world.bid(1, SELLER);
    let forged = world.award_of(bid.clone(), RIVAL);
    if let Action::Agree { awards, .. } = &mut action {
        *awards = vec![forged];
    }
    assert_eq!(world.fails(BUYER, action), unproven.clone().into());
    // The bid was changed after signing.
    let mut action = world.agreement(1, SELLER);
    if let Action::Agree { awards, .. } = &mut action {
        let Consent::Bid { bid, .. } = &mut awards[0].consent else { panic!("not a bid") };
        bid.price = Amount::ainu(4);
    }
    assert_eq!(world.fails(BUYER, action), unproven.clone().into());
    // The signature itself does not come along.
    let action = world.agreement(1, SELLER);
    world.signatures.clear();
    assert_eq!(world.fails(BUYER, action), unproven.clone().into());
    // The signature is damaged; a good one after it counts.
    let action = world.agreement(1, SELLER);
    let good = world.signatures[0].clone();
    world.signatures[0].signature.ed25519[0] ^= 1;
    assert_eq!(world.fails(BUYER, action.clone()), unproven.into());
    let mut bad = good.clone();
    bad.signature.ed25519[0] ^= 1;
    world.signatures = vec![bad, good];
    world.ok(BUYER, action);
}

#[test]
fn a_buyer_without_the_money_or_a_seller_without_the_stake_is_refused() {
    let mut world = World::new();
    let mut action = world.agreement(1, SELLER);
    let all = Amount::ainu(2_000);
    if let Action::Agree { reserve, .. } = &mut action {
        *reserve = all;
    }
    let missing = all.checked_sub(world.free(BUYER)).unwrap().checked_add(FEE).unwrap();
    let short = balances::Error::Insufficient { account: did(BUYER), missing };
    assert_eq!(world.fails(BUYER, action), Error::from(short).into());
    let bid = world.bid(1, AUTHORITY);
    let mut action = world.agreement(1, SELLER);
    let unstaked = world.award_of(bid, AUTHORITY);
    if let Action::Agree { awards, .. } = &mut action {
        *awards = vec![unstaked];
    }
    let (staked, minimum) = (Amount::ZERO, Amount::ainu(10));
    let low = reputation::Error::BelowMinimumStake { did: did(AUTHORITY), staked, minimum };
    assert_eq!(world.fails(BUYER, action), Error::from(low).into());
    // 800 AINU need a bond of 160; 100 are staked.
    let mut action = world.agreement(1, SELLER);
    if let Action::Agree { reserve, awards, .. } = &mut action {
        (*reserve, awards[0].price) = (Amount::ainu(800), Amount::ainu(800));
    }
    let available = Amount::ainu(100);
    let locked = reputation::Error::StakeUnavailable { did: did(SELLER), available };
    assert_eq!(world.fails(BUYER, action), Error::from(locked).into());
}

#[test]
fn a_tombstone_is_forgotten_after_its_time_and_outlives_every_bid() {
    let mut world = World::new();
    world.agree(1);
    world.ok(VERIFIER, settle(1, 1));
    let parameters = world.ledger.parameters().escrow;
    assert!(parameters.retention_ms >= parameters.bid_validity_ms_max);
    world.later(parameters.retention_ms);
    world.commit(&[]);
    assert!(matches!(world.escrow(1), Some(Escrow::Closed(_))));
    world.later(DurationMs(1));
    world.commit(&[]);
    assert_eq!(world.escrow(1), None);
    let queue = ainur_ledger::state::key::Space::Expiry.prefix();
    assert_eq!(ainur_ledger::state::prefixed(world.ledger.state(), &queue).count(), 0);
}

#[test]
fn two_settlements_in_one_block_pay_once() {
    let mut world = World::new();
    world.agree(1);
    let first = world.transaction(VERIFIER, settle(1, 1));
    let mut second = first.clone();
    second.nonce += 1;
    let before = world.free(SELLER);
    let submission = world.submission(vec![first, second]);
    let executed = world.commit(&[submission]);
    assert!(matches!(executed.outcomes[0].1, ainur_ledger::Outcome::Applied { .. }));
    assert!(matches!(executed.outcomes[1].1, ainur_ledger::Outcome::Failed { event: 1, .. }));
    assert_eq!(world.free(SELLER), before.checked_add(Amount::ainu(6)).unwrap());
    assert_ne!(executed.outcomes[0].0, Digest::ZERO);
}
