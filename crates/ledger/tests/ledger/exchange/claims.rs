//! Redeeming credits, and how claims end.
use ainur_ledger::exchange::{Action, Claim, ClaimEnding, Error, Event, query};
use ainur_primitives::{ContentId, Did, Digest, DurationMs, FailureReason};

use super::*;

const OUTPUT: ContentId = ContentId(Digest([12; 32]));
const CALL: Digest = Digest([16; 32]);
const CHECK: Digest = Digest([17; 32]);

fn redeem(number: u8, issuer: Option<u8>) -> Action {
    Action::Redeem {
        class: class(),
        task: task(number),
        issuer: issuer.map(did),
        verifier: Some(did(AUTHORITY)),
        call: CALL,
        check: CHECK,
        deadline: START.plus(HOUR),
    }
}

fn deliver(number: u8) -> Action {
    Action::Deliver { task: task(number), output: OUTPUT }
}

fn dispute(number: u8) -> Action {
    Action::Dispute { task: task(number), evidence: Digest([15; 32]) }
}

/// Nobody decides disputes of this one.
fn redeem_alone(number: u8) -> Action {
    let mut action = redeem(number, None);
    if let Action::Redeem { verifier, .. } = &mut action {
        *verifier = None;
    }
    action
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
        verifier: Some(did(AUTHORITY)),
        call: CALL,
        check: CHECK,
        collateral: COLLATERAL,
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
fn a_delivery_that_nobody_disputes_returns_the_collateral() {
    let mut world = World::with_holder();
    world.ok(BUYER, redeem(1, None));
    let until = START.plus(HOUR);
    let events = world.ok(SELLER, deliver(1));
    let delivered = Event::Delivered { task: task(1), issuer: did(SELLER), output: OUTPUT, until };
    assert_eq!(events, [delivered.into()]);
    assert_eq!(world.fails(SELLER, deliver(1)), Error::DeliveredAlready.into());
    assert_eq!(world.fails(RIVAL, expire(1)), Error::DeadlineAhead(until).into());
    world.later(HOUR);
    assert_eq!(world.fails(BUYER, dispute(1)), Error::NothingToDispute.into());
    let before = world.free(SELLER);
    let events = world.ok(RIVAL, expire(1));
    let (issuer, collateral, output) = (did(SELLER), COLLATERAL, OUTPUT);
    let verdict = Digest::ZERO;
    let fulfilled = Event::Fulfilled { task: task(1), issuer, collateral, output, verdict };
    assert_eq!(events, [fulfilled.into()]);
    assert_eq!(world.gained(SELLER, before, 0), ainu(2));
    assert_eq!(world.reputation(SELLER).completed, 1);
}

#[test]
fn what_is_delivered_too_late_counts_for_nothing() {
    let mut world = World::with_holder();
    world.ok(BUYER, redeem(1, None));
    world.later(HOUR);
    let passed = Error::DeadlinePassed(START.plus(HOUR));
    assert_eq!(world.fails(SELLER, deliver(1)), passed.into());
    let before = world.free(BUYER);
    world.ok(RIVAL, expire(1));
    assert_eq!(world.gained(BUYER, before, 0), ainu(2));
}

#[test]
fn a_dispute_is_decided_by_the_verifier_or_leaves_both_as_they_were() {
    for word in [Some(true), Some(false), None] {
        let mut world = World::with_holder();
        world.ok(BUYER, redeem(1, None));
        assert_eq!(world.fails(BUYER, dispute(1)), Error::NothingToDispute.into());
        world.ok(SELLER, deliver(1));
        let until = START.plus(HOUR);
        let (holder, evidence) = (did(BUYER), Digest([15; 32]));
        let disputed = Event::Disputed { task: task(1), holder, until, evidence };
        assert_eq!(world.ok(BUYER, dispute(1)), [disputed.into()]);
        assert_eq!(world.fails(BUYER, dispute(1)), Error::NothingToDispute.into());
        let (buyer, seller) = (world.free(BUYER), world.free(SELLER));
        match word {
            Some(true) => drop(world.ok(AUTHORITY, fulfil(1))),
            Some(false) => drop(world.ok(AUTHORITY, fail(1, FailureReason::CheckFailed))),
            None => {
                assert_eq!(world.fails(RIVAL, expire(1)), Error::DeadlineAhead(until).into());
                world.later(HOUR);
                world.ok(RIVAL, expire(1));
            }
        }
        let gained = (world.gained(BUYER, buyer, 0), world.gained(SELLER, seller, 0));
        let left = (world.credits(BUYER), world.owed(SELLER));
        let outcomes = (world.reputation(SELLER).completed, world.reputation(SELLER).failed);
        let expected = match word {
            Some(true) => ((0, ainu(2)), (3, 9), (1, 0)),
            Some(false) => ((ainu(2), 0), (3, 9), (0, 1)),
            None => ((0, 0), (4, 10), (0, 0)),
        };
        assert_eq!((gained, left, outcomes), expected, "{word:?}");
    }
}

#[test]
fn holder_and_issuer_each_end_a_claim_against_themselves() {
    let mut world = World::with_holder();
    for number in 1..=3 {
        world.ok(BUYER, redeem_alone(number));
    }
    // The issuer gives up: the holder is paid.
    let blameless = Error::NotThisReason(FailureReason::Infrastructure);
    let failed = world.fails(SELLER, fail(1, FailureReason::Infrastructure));
    assert_eq!(failed, blameless.into());
    let before = world.free(BUYER);
    world.ok(SELLER, fail(1, FailureReason::Declined));
    assert_eq!((world.gained(BUYER, before, 0), world.reputation(SELLER).failed), (ainu(2), 1));
    // The holder takes its credit back, while nothing is delivered; nobody failed.
    let taken = Error::NotThisReason(FailureReason::CheckFailed);
    assert_eq!(world.fails(BUYER, fail(2, FailureReason::CheckFailed)), taken.into());
    world.ok(BUYER, fail(2, FailureReason::Infrastructure));
    assert_eq!((world.credits(BUYER), world.reputation(SELLER).failed), (2, 1));
    // Once something is delivered it accepts it, and nothing else.
    world.ok(SELLER, deliver(3));
    let late = world.fails(BUYER, fail(3, FailureReason::Infrastructure));
    assert_eq!(late, Error::DeliveredAlready.into());
    assert_eq!(world.fails(BUYER, dispute(3)), Error::NoVerifier.into());
    let output = ContentId(Digest([99; 32]));
    let other = Action::Fulfil { task: task(3), output, verdict: Digest::ZERO };
    assert_eq!(world.fails(BUYER, other), Error::OtherDelivery(OUTPUT).into());
    world.ok(BUYER, fulfil(3));
    assert_eq!(world.reputation(SELLER).completed, 1);
}

#[test]
fn nobody_else_ends_a_claim() {
    use ainur_ledger::exchange::ClaimRole;
    let mut world = World::with_holder();
    world.ok(BUYER, redeem(1, None));
    for party in [RIVAL, VERIFIER] {
        let role = |role| ainur_ledger::TransactionError::from(Error::NotClaimParty(role));
        assert_eq!(world.fails(party, fulfil(1)), role(ClaimRole::HolderOrVerifier));
        let failed = fail(1, FailureReason::CheckFailed);
        assert_eq!(world.fails(party, failed), role(ClaimRole::Party));
        assert_eq!(world.fails(party, deliver(1)), role(ClaimRole::Issuer));
        assert_eq!(world.fails(party, dispute(1)), role(ClaimRole::Holder));
    }
    let own = Error::NotClaimParty(ClaimRole::HolderOrVerifier);
    assert_eq!(world.fails(SELLER, fulfil(1)), own.into());
    let unknown = Error::UnknownClaim(task(2));
    assert_eq!(world.fails(AUTHORITY, fulfil(2)), unknown.clone().into());
    assert_eq!(world.fails(AUTHORITY, expire(2)), unknown.into());
}

#[test]
fn holder_and_issuer_of_an_open_claim_do_not_give_up_their_identities() {
    use ainur_ledger::identity;
    let mut world = World::with_holder();
    world.ok(BUYER, redeem(1, None));
    let give_up = || identity::Action::Deactivate { beneficiary: did(RIVAL) };
    let engaged =
        |open| ainur_ledger::TransactionError::from(identity::Error::OpenPositions { open });
    assert_eq!(world.fails(BUYER, give_up()), engaged(1));
    world.ok(BUYER, limit(Side::Buy, 1, 1));
    assert_eq!(world.fails(BUYER, give_up()), engaged(2));
    world.ok(AUTHORITY, fulfil(1));
    assert_eq!(world.fails(BUYER, give_up()), engaged(1));
}

#[test]
fn a_claim_needs_a_credit_three_parties_a_free_task_and_time() {
    let mut world = World::with_holder();
    let refuses = |world: &mut World, party: u8, edit: &dyn Fn(&mut Action)| {
        let mut action = redeem(1, None);
        edit(&mut action);
        world.fails(party, action)
    };
    type Change = fn(&mut Option<Did>, &mut Option<Did>, &mut ainur_primitives::Timestamp);
    let with = |change: Change| {
        move |action: &mut Action| {
            let Action::Redeem { issuer, verifier, deadline, .. } = action else { unreachable!() };
            change(issuer, verifier, deadline);
        }
    };
    let found = refuses(&mut world, BUYER, &with(|_, verifier, _| *verifier = Some(did(VERIFIER))));
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
