//! Agreements under standing offers: their price, their refusals, and offers taken back.
use ainur_ledger::escrow::{Action, Consent, Error, Event, Role, SignedAward, query};
use ainur_ledger::registry;
use ainur_ledger::state::{key, prefixed};
use ainur_market::offer::{OfferCapacity, OfferPricing, OfferTerms, PremiumHours, VolumeDiscount};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{Amount, Digest, DurationMs, Ppm, Timestamp};

use crate::world::*;

const CARD: Digest = Digest([8; 32]);

/// 4 AINU a task, a quarter off from the third on; 50% more in the first hour of every day.
pub(crate) fn offer() -> OfferTerms {
    OfferTerms {
        seller: did(SELLER),
        serial: 1,
        card: CARD,
        capabilities: vec!["archive.compress".parse().unwrap()],
        quality_level: Default::default(),
        estimated_duration_ms: DurationMs(1_000),
        pricing: OfferPricing {
            base_price: Amount::ainu(4),
            volume_discount: vec![VolumeDiscount { tasks_min: 2, discount: Ppm(250_000) }],
            premium_hours: vec![PremiumHours {
                weekdays: 0x7f,
                from_minute: 0,
                until_minute: 60,
                surcharge: Ppm(500_000),
            }],
        },
        capacity: OfferCapacity {
            concurrent_tasks: 2,
            queue_size: 0,
            estimated_wait_ms: DurationMs(0),
        },
        minimum_budget: Amount::ainu(9),
        payment: PaymentTerms::Completion,
        cancellation: CancellationPolicy::default(),
        valid_from: START,
        valid_until: START.plus(DurationMs(20 * DAY.0)),
    }
}

pub(crate) fn award(world: &mut World, offer: OfferTerms, price: u64) -> SignedAward {
    let signer =
        PARTIES.into_iter().chain(MEMBERS).find(|party| did(*party) == offer.seller).unwrap();
    let (root, proofs) = sign(signer, 0, &[offer.digest()]);
    world.signatures.push(root);
    let consent = Consent::Offer { offer, matched: world.now };
    SignedAward { price: Amount::ainu(price), consent, proofs }
}

fn agree(world: &mut World, number: u8, offer: OfferTerms, price: u64) -> Action {
    let taken = award(world, offer, price);
    with_awards(world.agreement(number, SELLER), vec![taken])
}

fn too_low(asked: u64) -> Error {
    Error::PriceOutOfRange { asked: Amount::ainu(asked), reserve: Amount::ainu(10) }
}

#[test]
fn an_offer_binds_its_seller_to_its_price_and_says_so() {
    let mut world = World::new();
    let action = agree(&mut world, 1, offer(), 3);
    assert_eq!(world.fails(BUYER, action), too_low(4).into());
    let action = agree(&mut world, 1, offer(), 4);
    let events = world.ok(BUYER, action);
    let digest = offer().digest();
    assert!(matches!(
        events.as_slice(),
        [ainur_ledger::Event::Escrow(Event::Agreed { sellers, .. })]
            if sellers[0].bid == digest
                && sellers[0].transcript == digest
                && sellers[0].price == Amount::ainu(4)
    ));
    let before = world.free(SELLER);
    world.ok(VERIFIER, settle(1, 1));
    assert_eq!(world.free(SELLER), before.checked_add(Amount::ainu(4)).unwrap());
}

#[test]
fn volume_counts_agreements_of_one_buyer_under_one_offer_until_it_ends() {
    let mut world = World::new();
    for number in [1, 2] {
        let action = agree(&mut world, number, offer(), 3);
        assert_eq!(world.fails(BUYER, action), too_low(4).into());
        let action = agree(&mut world, number, offer(), 4);
        world.ok(BUYER, action);
    }
    // Another serial is another offer, and another buyer has bought nothing yet.
    let other = OfferTerms { serial: 2, ..offer() };
    let action = agree(&mut world, 3, other, 3);
    assert_eq!(world.fails(BUYER, action), too_low(4).into());
    let mut action = agree(&mut world, 3, offer(), 3);
    if let Action::Agree { task, .. } = &mut action {
        *task = task_of(RIVAL, 3);
    }
    assert_eq!(world.fails(RIVAL, action), too_low(4).into());
    let action = agree(&mut world, 3, offer(), 3);
    world.ok(BUYER, action);
    let uses = |party| query::offer_uses(world.ledger.state(), &offer().digest(), &did(party));
    assert_eq!((uses(BUYER), uses(RIVAL)), (3, 0));
    let counted = || key::Space::OfferUse.prefix();
    assert_eq!(prefixed(world.ledger.state(), &counted()).count(), 1);
    world.now = offer().valid_until.plus(DurationMs(1));
    world.commit(&[]);
    assert_eq!(prefixed(world.ledger.state(), &counted()).count(), 0);
}

#[test]
fn the_price_is_that_of_the_time_it_was_taken_at_for_a_while() {
    let mut world = World::new();
    // A minute before midnight, and the minute of premium after it.
    world.now = Timestamp(START.0 / DAY.0 * DAY.0 + DAY.0 - 30_000);
    let cheap = agree(&mut world, 1, offer(), 4);
    let late = agree(&mut world, 2, offer(), 4);
    world.later(DurationMs(45_000));
    let dear = agree(&mut world, 3, offer(), 4);
    assert_eq!(world.fails(BUYER, dear), too_low(6).into());
    let resign = |world: &mut World| world.signatures.push(sign(SELLER, 0, &[offer().digest()]).0);
    resign(&mut world);
    world.ok(BUYER, cheap);
    world.later(DurationMs(30_000));
    resign(&mut world);
    let matched = Timestamp(world.now.0 - 75_000);
    let old = Error::MatchedOutOfRange { matched, now: world.now };
    assert_eq!(world.fails(BUYER, late), old.into());
    let mut ahead = agree(&mut world, 2, offer(), 6);
    let matched = world.now.plus(DurationMs(1));
    if let Action::Agree { awards, .. } = &mut ahead {
        awards[0].consent = Consent::Offer { offer: offer(), matched };
    }
    let early = Error::MatchedOutOfRange { matched, now: world.now };
    assert_eq!(world.fails(BUYER, ahead), early.into());
}

#[test]
fn offers_that_do_not_stand_are_refused() {
    let mut world = World::new();
    let soon = START.plus(DurationMs(1));
    let long = START.plus(DurationMs(90 * DAY.0 + 1));
    let nothing = OfferPricing { base_price: Amount::ZERO, ..offer().pricing };
    let broken = OfferTerms { pricing: nothing, ..offer() };
    let invalid = Error::TermsInvalid(broken.digest());
    let cases = [
        (broken, invalid),
        (
            OfferTerms { valid_until: long, ..offer() },
            Error::OfferValidTooLong(DurationMs(90 * DAY.0)),
        ),
        (
            OfferTerms { valid_from: soon, ..offer() },
            Error::OfferNotValid { from: soon, until: offer().valid_until },
        ),
        (
            OfferTerms { minimum_budget: Amount::ainu(11), ..offer() },
            Error::BelowMinimumBudget(Amount::ainu(11)),
        ),
        (OfferTerms { seller: did(BUYER), ..offer() }, Error::SelfDealing),
    ];
    for (offer, error) in cases {
        let action = agree(&mut world, 1, offer, 4);
        assert_eq!(world.fails(BUYER, action), error.into());
    }
    let action = agree(&mut world, 1, offer(), 11);
    assert_eq!(world.fails(BUYER, action), too_low(4).into());
    let mut changed = agree(&mut world, 1, offer(), 4);
    if let Action::Agree { awards, .. } = &mut changed {
        let offer = OfferTerms { serial: 9, ..offer() };
        awards[0].consent = Consent::Offer { offer, matched: START };
    }
    assert_eq!(world.fails(BUYER, changed), Error::Unproven(did(SELLER)).into());
    world.now = offer().valid_until;
    let over = Error::OfferNotValid { from: START, until: world.now };
    let action = agree(&mut world, 1, offer(), 4);
    assert_eq!(world.fails(BUYER, action), over.into());
}

#[test]
fn a_registered_seller_is_bound_to_the_card_it_has_registered() {
    let mut world = World::new();
    let register = |card, version, previous| registry::Action::Register {
        card,
        version,
        previous,
        capabilities: vec!["archive.compress".parse().unwrap()],
    };
    world.ok(SELLER, register(CARD, 1, None));
    let action = agree(&mut world, 1, offer(), 4);
    world.ok(BUYER, action);
    world.ok(SELLER, registry::Action::Withdraw);
    let action = agree(&mut world, 2, offer(), 4);
    assert_eq!(world.fails(BUYER, action), Error::CardNotRegistered(CARD).into());
    world.ok(SELLER, register(Digest([7; 32]), 2, Some(CARD)));
    let action = agree(&mut world, 2, offer(), 4);
    assert_eq!(world.fails(BUYER, action), Error::CardNotRegistered(CARD).into());
}

#[test]
fn an_offer_taken_back_by_its_seller_binds_no_more_until_it_ends() {
    let mut world = World::new();
    let action = agree(&mut world, 1, offer(), 4);
    world.ok(BUYER, action);
    let revoke = || Action::RevokeOffer { offer: offer() };
    assert_eq!(world.fails(BUYER, revoke()), Error::NotParty(Role::Seller).into());
    let events = world.ok(SELLER, revoke());
    let revoked = Error::OfferRevoked(offer().digest());
    let told = Event::OfferRevoked { offer: offer().digest(), seller: did(SELLER) };
    assert_eq!(events, [told.into()]);
    assert!(query::is_offer_revoked(world.ledger.state(), &offer().digest()));
    assert_eq!(world.fails(SELLER, revoke()), revoked.clone().into());
    let action = agree(&mut world, 2, offer(), 4);
    assert_eq!(world.fails(BUYER, action), revoked.clone().into());
    // What runs under it goes on.
    world.ok(VERIFIER, settle(1, 1));
    world.now = offer().valid_until;
    world.commit(&[]);
    let action = agree(&mut world, 2, offer(), 4);
    assert_eq!(world.fails(BUYER, action), revoked.into());
    world.later(DurationMs(1));
    world.commit(&[]);
    let over = Error::OfferNotValid { from: START, until: offer().valid_until };
    assert_eq!(world.fails(SELLER, revoke()), over.into());
    let remembered = key::Space::OfferRevoked.prefix();
    assert_eq!(prefixed(world.ledger.state(), &remembered).count(), 0);
}
