//! Opening classes, issuing and retiring.
use ainur_ledger::exchange::{Action, CreditClassId, Error, Event, query};
use ainur_ledger::{registry, reputation};
use ainur_primitives::{Amount, CapabilityName, Digest, QualityLevel};
use scale::{Decode, Encode};

use super::*;

#[test]
fn an_agent_opens_the_class_of_a_capability_it_offers_once() {
    let mut world = World::new();
    let refused = Error::NotOffered { agent: did(SELLER), capability: capability() };
    assert_eq!(world.fails(SELLER, open_class()), refused.clone().into());
    register(&mut world, SELLER);
    let treasury = world.totals().treasury;
    let events = world.ok(SELLER, open_class());
    let opened = Event::ClassOpened {
        class: class(),
        opener: did(SELLER),
        capability: capability(),
        quality: QualityLevel::Standard,
        collateral: COLLATERAL,
    };
    assert_eq!(events, [opened.into()]);
    let paid = world.totals().treasury.checked_sub(treasury).unwrap();
    assert_eq!(paid, Amount::ainu(1).checked_add(FEE).unwrap());
    assert_eq!(world.fails(SELLER, open_class()), Error::ClassOpen(class()).into());
    let premium = Action::OpenClass {
        capability: capability(),
        quality: QualityLevel::Premium,
        collateral: COLLATERAL,
    };
    world.ok(SELLER, premium);
    assert_eq!(query::classes(world.ledger.state(), 9).len(), 2);
    world.ok(SELLER, registry::Action::Withdraw);
    assert_eq!(world.fails(SELLER, issue(1)), refused.into());
}

#[test]
fn a_class_needs_a_name_and_collateral_within_bounds() {
    let mut world = World::new();
    register(&mut world, SELLER);
    let quality = QualityLevel::Standard;
    let params = world.ledger.parameters().exchange;
    let (minimum, maximum) = (params.collateral_min, params.collateral_max);
    for collateral in [Amount(minimum.0 - 1), Amount(maximum.0 + 1)] {
        let open = Action::OpenClass { capability: capability(), quality, collateral };
        let refused = Error::CollateralOutOfRange { minimum, maximum };
        assert_eq!(world.fails(SELLER, open), refused.into());
    }
    let capability = CapabilityName::decode(&mut "no name".encode().as_slice()).unwrap();
    let open = Action::OpenClass { capability, quality, collateral: COLLATERAL };
    assert_eq!(world.fails(SELLER, open), Error::MalformedCapability.into());
}

#[test]
fn credits_are_issued_against_collateral() {
    let mut world = World::with_class();
    let before = world.free(SELLER);
    let events = world.ok(SELLER, issue(10));
    let (issuer, collateral) = (did(SELLER), Amount::ainu(20));
    assert_eq!(events, [Event::Issued { class: class(), issuer, quantity: 10, collateral }.into()]);
    assert_eq!(world.gained(SELLER, before, 1), -ainu(20));
    assert_eq!(world.totals().exchange, collateral);
    assert_eq!((world.credits(SELLER), world.owed(SELLER)), (10, 10));
    world.ok(SELLER, issue(2));
    assert_eq!((world.credits(SELLER), world.owed(SELLER)), (12, 12));
    assert_eq!(query::class(world.ledger.state(), &class()).unwrap().supply, 12);
}

#[test]
fn nobody_issues_what_they_do_not_offer_or_cannot_back() {
    let mut world = World::with_class();
    let refused = Error::NotOffered { agent: did(BUYER), capability: capability() };
    assert_eq!(world.fails(BUYER, issue(1)), refused.into());
    assert_eq!(world.fails(SELLER, issue(0)), Error::QuantityOutOfRange.into());
    assert_eq!(world.fails(SELLER, issue(u64::MAX)), Error::QuantityOutOfRange.into());
    let unknown = CreditClassId(Digest([1; 32]));
    let action = Action::Issue { class: unknown, quantity: 1 };
    assert_eq!(world.fails(SELLER, action), Error::UnknownClass(unknown).into());
    let short = world.fails(SELLER, issue(1_000)).to_string();
    assert!(short.contains("is short of"), "{short}");
    let (amount, reason) = (Amount::ainu(95), Digest::ZERO);
    world.ok(AUTHORITY, reputation::Action::Slash { did: did(SELLER), amount, reason });
    assert_eq!(world.fails(SELLER, issue(1)), Error::Barred(did(SELLER)).into());
}

#[test]
fn an_issuer_retires_what_it_holds_and_owes() {
    let mut world = World::with_holder();
    let before = world.free(SELLER);
    let retire = |quantity| Action::Retire { class: class(), quantity };
    let events = world.ok(SELLER, retire(6));
    let (issuer, collateral) = (did(SELLER), Amount::ainu(12));
    assert_eq!(events, [Event::Retired { class: class(), issuer, quantity: 6, collateral }.into()]);
    assert_eq!(world.gained(SELLER, before, 1), ainu(12));
    assert_eq!((world.credits(SELLER), world.owed(SELLER)), (0, 4));
    let owner = did(SELLER);
    let short = Error::InsufficientCredits { owner, missing: 1 };
    assert_eq!(world.fails(SELLER, retire(1)), short.into());
    let (issuer, owed) = (did(BUYER), 0);
    assert_eq!(world.fails(BUYER, retire(1)), Error::NotOwed { issuer, owed }.into());
    assert_eq!(world.fails(BUYER, retire(0)), Error::QuantityOutOfRange.into());
    // Credits are the same whoever issued them: bought back, they free the rival's collateral.
    world.ok(BUYER, limit(Side::Sell, 1, 3));
    world.ok(RIVAL, limit(Side::Buy, 1, 3));
    let (issuer, owed) = (did(RIVAL), 5);
    assert_eq!(world.fails(RIVAL, retire(6)), Error::NotOwed { issuer, owed }.into());
    world.ok(RIVAL, retire(5));
    assert_eq!((world.credits(RIVAL), world.owed(RIVAL)), (1, 0));
}

#[test]
fn parameters_under_which_credits_are_not_backed_begin_no_ledger() {
    use ainur_ledger::exchange::Params;
    let edits: [Edit<Params>; 7] = [
        Box::new(|params| params.collateral_min = Amount::ZERO),
        Box::new(|params| params.collateral_max = Amount(1)),
        Box::new(|params| params.tick = Amount::ZERO),
        Box::new(|params| params.taker_fee.0 = 1_000_001),
        Box::new(|params| params.met_max = 0),
        Box::new(|params| params.claim_ms_min.0 = u64::MAX),
        Box::new(|params| params.pool_fee_bps_max = 10_000),
    ];
    for (number, edit) in edits.iter().enumerate() {
        let mut genesis = genesis();
        edit(&mut genesis.parameters.exchange);
        assert!(ainur_ledger::Ledger::begin(&genesis).is_err(), "edit {number}");
    }
}
