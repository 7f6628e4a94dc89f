//! Redeeming credits, and how claims end.
use ainur_ledger::exchange::{Action, Claim, ClaimEnding, Error, Event, query};
use ainur_primitives::{ContentId, Did, Digest, DurationMs, FailureReason};

use super::*;

const OUTPUT: ContentId = ContentId(Digest([12; 32]));

fn redeem(number: u8, issuer: Option<u8>) -> Action {
    Action::Redeem {
        class: class(),
        task: task(number),
        issuer: issuer.map(did),
        verifier: did(AUTHORITY),
        deadline: START.plus(HOUR),
    }
}

fn fulfil(number: u8) -> Action {
    Action::Fulfil { task: task(number), output: OUTPUT, verdict: Digest([13; 32]) }
}

fn fail(number: u8, reason: FailureReason) -> Action {
    Action::Fail { task: task(number), reason, evidence: Digest([14; 32]) }
}

fn expire(number: u8) -> Action {
    Action::Expire { task: task(number) }
}

/// The issuer of an open claim.
fn issuer_of(world: &World, number: u8) -> Did {
    match query::claim(world.ledger.state(), &task(number)) {
        Some(Claim::Open(claim)) => claim.issuer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_redeemed_credit_is_owed_by_whoever_has_owed_for_longest() {
    let mut world = World::with_holder();
    let events = world.ok(BUYER, redeem(1, None));
    let redeemed = Event::Redeemed {
        class: class(),
        task: task(1),
        holder: did(BUYER),
        issuer: did(SELLER),
        verifier: did(AUTHORITY),
        deadline: START.plus(HOUR),
    };
    assert_eq!(events, [redeemed.into()]);
    assert_eq!((world.credits(BUYER), world.owed(SELLER)), (3, 9));
    assert_eq!(world.totals().exchange, Amount::ainu(30), "the collateral stays locked");
    world.ok(BUYER, redeem(2, Some(RIVAL)));
    assert_eq!((issuer_of(&world, 2), world.owed(RIVAL)), (did(RIVAL), 4));
    // The seller owes nothing for a moment and goes to the end of the line.
    world.ok(BUYER, limit(Side::Sell, 1, 3));
    world.ok(SELLER, place(Side::Buy, 1, OrderKind::Market));
    world.ok(SELLER, Action::Retire { class: class(), quantity: 7 });
    world.ok(BUYER, redeem(3, Some(SELLER)));
    assert_eq!(world.owed(SELLER), 1);
    world.ok(RIVAL, limit(Side::Sell, 4, 3));
    world.ok(BUYER, place(Side::Buy, 4, OrderKind::Market));
    world.ok(BUYER, redeem(4, Some(SELLER)));
    world.ok(SELLER, issue(3));
    world.ok(BUYER, redeem(5, None));
    assert_eq!(issuer_of(&world, 5), did(RIVAL));
}

#[test]
fn an_accepted_task_returns_the_collateral_and_counts_as_success() {
    let mut world = World::with_holder();
    world.ok(BUYER, redeem(1, None));
    let before = world.free(SELLER);
    let events = world.ok(AUTHORITY, fulfil(1));
    let (issuer, collateral, verdict) = (did(SELLER), COLLATERAL, Digest([13; 32]));
    let output = OUTPUT;
    let fulfilled = Event::Fulfilled { task: task(1), issuer, collateral, output, verdict };
    assert_eq!(events, [fulfilled.into()]);
    assert_eq!(world.gained(SELLER, before, 0), ainu(2));
    assert_eq!((world.reputation(SELLER).completed, world.reputation(SELLER).failed), (1, 0));
    let ending = ClaimEnding::Fulfilled(OUTPUT);
    let closed = Error::ClaimClosed { task: task(1), ending };
    assert_eq!(world.fails(AUTHORITY, fulfil(1)), closed.clone().into());
    assert_eq!(world.fails(BUYER, expire(1)), closed.into());
    assert_eq!(world.fails(BUYER, redeem(1, None)), Error::TaskTaken(task(1)).into());
    world.later(DAY);
    world.later(DurationMs(1));
    world.commit(&[]);
    assert_eq!(query::claim(world.ledger.state(), &task(1)), None);
}

#[test]
fn a_failed_task_gives_the_holder_the_collateral() {
    for reason in [FailureReason::CheckFailed, FailureReason::Declined] {
        let mut world = World::with_holder();
        world.ok(BUYER, redeem(1, None));
        let before = world.free(BUYER);
        let events = world.ok(AUTHORITY, fail(1, reason));
        let defaulted = Event::Defaulted {
            task: task(1),
            issuer: did(SELLER),
            holder: did(BUYER),
            collateral: COLLATERAL,
            reason,
            evidence: Digest([14; 32]),
        };
        assert_eq!(events, [defaulted.into()]);
        assert_eq!(world.gained(BUYER, before, 0), ainu(2));
        assert_eq!((world.reputation(SELLER).completed, world.reputation(SELLER).failed), (0, 1));
    }
}

#[test]
fn a_failure_that_is_not_the_issuers_gives_the_credit_back() {
    for (reason, counted) in [(FailureReason::Infrastructure, 0), (FailureReason::BuyerRefused, 1)]
    {
        let mut world = World::with_holder();
        world.ok(BUYER, redeem(1, None));
        let before = world.free(BUYER);
        let events = world.ok(AUTHORITY, fail(1, reason));
        let (issuer, holder, evidence) = (did(SELLER), did(BUYER), Digest([14; 32]));
        let voided = Event::Voided { task: task(1), issuer, holder, reason, evidence };
        assert_eq!(events, [voided.into()]);
        assert_eq!(world.gained(BUYER, before, 0), 0);
        assert_eq!((world.credits(BUYER), world.owed(SELLER)), (4, 10));
        assert_eq!(world.reputation(SELLER).failed, counted);
    }
}

#[test]
fn anyone_ends_a_claim_after_its_deadline() {
    let mut world = World::with_holder();
    world.ok(BUYER, redeem(1, None));
    let deadline = START.plus(HOUR);
    assert_eq!(world.fails(RIVAL, expire(1)), Error::DeadlineAhead(deadline).into());
    world.later(HOUR);
    let before = world.free(BUYER);
    world.ok(RIVAL, expire(1));
    assert_eq!(world.gained(BUYER, before, 0), ainu(2));
    assert_eq!(world.reputation(SELLER).failed, 1);
}

#[test]
fn only_the_verifier_decides() {
    let mut world = World::with_holder();
    world.ok(BUYER, redeem(1, None));
    for party in [BUYER, SELLER, VERIFIER] {
        assert_eq!(world.fails(party, fulfil(1)), Error::NotVerifier.into());
        let failed = fail(1, FailureReason::CheckFailed);
        assert_eq!(world.fails(party, failed), Error::NotVerifier.into());
    }
    let unknown = Error::UnknownClaim(task(2));
    assert_eq!(world.fails(AUTHORITY, fulfil(2)), unknown.clone().into());
    assert_eq!(world.fails(AUTHORITY, expire(2)), unknown.into());
}

#[test]
fn a_claim_needs_a_credit_three_parties_a_free_task_and_time() {
    let mut world = World::with_holder();
    let refuses = |world: &mut World, party: u8, edit: &dyn Fn(&mut Action)| {
        let mut action = redeem(1, None);
        edit(&mut action);
        world.fails(party, action)
    };
    let with = |change: fn(&mut Option<Did>, &mut Did, &mut ainur_primitives::Timestamp)| {
        move |action: &mut Action| {
            let Action::Redeem { issuer, verifier, deadline, .. } = action else { unreachable!() };
            change(issuer, verifier, deadline);
        }
    };
    let found = refuses(&mut world, BUYER, &with(|_, verifier, _| *verifier = did(VERIFIER)));
    assert_eq!(found, Error::NotValidator(did(VERIFIER)).into());
    let found = refuses(&mut world, SELLER, &with(|issuer, _, _| *issuer = Some(did(SELLER))));
    assert_eq!(found, Error::SelfDealing.into());
    let found = refuses(&mut world, BUYER, &with(|issuer, _, _| *issuer = Some(did(AUTHORITY))));
    assert_eq!(found, Error::SelfDealing.into());
    let found = refuses(&mut world, BUYER, &with(|issuer, _, _| *issuer = Some(did(VERIFIER))));
    assert_eq!(found, Error::NotOwed { issuer: did(VERIFIER), owed: 0 }.into());
    let params = world.ledger.parameters().exchange;
    let earliest = START.plus(params.claim_ms_min);
    let latest = START.plus(params.claim_ms_max);
    let out = Error::DeadlineOutOfRange { earliest, latest };
    let found = refuses(&mut world, BUYER, &with(|_, _, deadline| deadline.0 = START.0 + 59_999));
    assert_eq!(found, out.clone().into());
    let found = refuses(&mut world, BUYER, &with(|_, _, deadline| deadline.0 = u64::MAX));
    assert_eq!(found, out.into());
    let found = refuses(&mut world, VERIFIER, &|_| {});
    assert_eq!(found, Error::InsufficientCredits { owner: did(VERIFIER), missing: 1 }.into());
    world.agree(1);
    assert_eq!(refuses(&mut world, BUYER, &|_| {}), Error::TaskTaken(task(1)).into());
    world.ok(RIVAL, Action::Retire { class: class(), quantity: 5 });
    // Only the seller owes now, and it is the holder.
    assert_eq!(world.fails(SELLER, redeem(2, None)), Error::NoIssuer.into());
}
