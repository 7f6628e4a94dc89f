//! Rentals: what may be rented, how uses are metered, and that each period pays once.
use ainur_ledger::rental::{
    Action, Error, Event, MeterRefusal, RentalAgreement, RentalRole, RentalUseEnd, query,
};
use ainur_ledger::{Outcome, registry};
use ainur_market::pricing::rental::{Breach, PeriodStatement, ServiceLevelAgreement};
use ainur_market::pricing::{RentalTerms, Subscription};
use ainur_primitives::{Amount, ContentId, Digest, DurationMs, FailureReason, Ppm, Timestamp};

use crate::world::*;

const CARD: Digest = Digest([8; 32]);
const LATENCY: DurationMs = DurationMs(5_000);

/// 10 AINU an hour, for three hours: two slots, three tasks each hour and 2 AINU for each beyond.
fn terms() -> RentalTerms {
    RentalTerms {
        seller: did(SELLER),
        serial: 1,
        card: CARD,
        capability: "archive.compress".parse().unwrap(),
        quality_level: Default::default(),
        slots: 2,
        subscription: Subscription {
            period_ms: HOUR,
            price: Amount::ainu(10),
            included_units: 3,
            overage_price: Some(Amount::ainu(2)),
        },
        periods: 3,
        service: ServiceLevelAgreement {
            latency_ms_max: LATENCY,
            latency_share_min: Ppm(1_000_000),
            success_share_min: Ppm(500_000),
            availability_min: Ppm(900_000),
            latency_compensation: Ppm(200_000),
            success_compensation: Ppm(300_000),
            availability_compensation: Ppm(500_000),
        },
        valid_until: START.plus(DAY),
    }
}

fn world() -> World {
    let mut world = World::new();
    let capabilities = vec!["archive.compress".parse().unwrap()];
    let register =
        registry::Action::Register { card: CARD, version: 1, previous: None, capabilities };
    world.ok(SELLER, register);
    world
}

fn rent(world: &mut World, terms: RentalTerms) -> Action {
    let (root, mut proofs) = sign(SELLER, 0, &[terms.digest()]);
    world.signatures.push(root);
    Action::Rent { terms, proof: proofs.remove(0), verifier: did(VERIFIER) }
}

fn rented() -> (World, Digest) {
    let mut world = world();
    let action = rent(&mut world, terms());
    world.ok(BUYER, action);
    (world, terms().digest())
}

fn begin(rental: Digest, number: u8) -> Action {
    Action::Begin { rental, task: task(number), units: 1, call: CARD, check: CARD }
}

fn finish(world: &World, number: u8) -> Action {
    let output = ContentId(Digest([number; 32]));
    Action::Finish { task: task(number), delivered: world.now, output, verdict: CARD }
}

fn fail(number: u8, reason: FailureReason) -> Action {
    Action::Fail { task: task(number), reason, evidence: CARD }
}

fn held(world: &World, rental: &Digest) -> RentalAgreement {
    query::rental(world.ledger.state(), rental).unwrap()
}

fn stated(events: &[ainur_ledger::Event]) -> Vec<PeriodStatement> {
    let statement = |event: &ainur_ledger::Event| match event {
        ainur_ledger::Event::Rental(Event::Stated { statement, .. }) => Some(statement.clone()),
        _ => None,
    };
    events.iter().filter_map(statement).collect()
}

#[test]
fn a_rental_locks_all_periods_and_pays_each_once() {
    let (mut world, rental) = rented();
    assert_eq!(world.totals().rentals, Amount::ainu(30));
    assert_eq!(world.account(BUYER).positions, 1);
    for number in 1..=3 {
        world.ok(BUYER, begin(rental, number));
        let done = finish(&world, number);
        world.ok(VERIFIER, done);
    }
    assert_eq!(held(&world, &rental).meter.units_left(world.now), 0);
    // The fourth is beyond the quota, and what it costs is locked.
    let before = world.free(BUYER);
    world.ok(BUYER, begin(rental, 4));
    let done = finish(&world, 4);
    world.ok(VERIFIER, done);
    assert_eq!(before.saturating_sub(world.free(BUYER)), Amount::ainu(2).saturating_add(FEE));
    assert_eq!(world.totals().rentals, Amount::ainu(32));
    let early = Error::NotDue(world.now.plus(HOUR).plus(LATENCY));
    assert_eq!(world.fails(RIVAL, Action::State { rental }), early.into());
    world.later(DurationMs(HOUR.0 + LATENCY.0));
    let seller = world.free(SELLER);
    // Anyone may ask, and nobody says a sum.
    let drawn = stated(&world.ok(RIVAL, Action::State { rental }));
    assert_eq!(drawn.len(), 1);
    assert_eq!((drawn[0].usage.units, drawn[0].usage.in_time), (4, 4));
    assert_eq!((drawn[0].payment, drawn[0].compensation), (Amount::ainu(12), Amount::ZERO));
    assert_eq!(world.free(SELLER), seller.saturating_add(Amount::ainu(12)));
    let again = world.fails(RIVAL, Action::State { rental });
    assert!(matches!(again, ainur_ledger::TransactionError::Rental(Error::NotDue(_))));
    world.later(DurationMs(2 * HOUR.0));
    assert_eq!(stated(&world.ok(SELLER, Action::State { rental })).len(), 2);
    assert_eq!(world.totals().rentals, Amount::ZERO);
    assert_eq!((world.account(BUYER).positions, world.account(SELLER).positions), (0, 0));
    assert_eq!(world.fails(SELLER, Action::State { rental }), Error::Over(rental).into());
    assert_eq!(query::statements(world.ledger.state(), &rental, 10).len(), 3);
}

#[test]
fn broken_promises_go_back_to_the_buyer_out_of_what_is_locked() {
    let (mut world, rental) = rented();
    // Late, and then one that fails by the seller's fault.
    world.ok(BUYER, begin(rental, 1));
    world.later(DurationMs(LATENCY.0 + 1));
    let done = finish(&world, 1);
    world.ok(VERIFIER, done);
    world.ok(BUYER, begin(rental, 2));
    world.ok(VERIFIER, fail(2, FailureReason::CheckFailed));
    // One that nobody ends has failed, one that nobody is to blame for says nothing.
    world.ok(BUYER, begin(rental, 3));
    world.ok(BUYER, begin(rental, 4));
    world.ok(VERIFIER, fail(4, FailureReason::Infrastructure));
    // And it is gone for a fifth of the hour.
    world.ok(VERIFIER, Action::Note { rental, available: false });
    assert!(matches!(
        world.fails(BUYER, begin(rental, 5)),
        ainur_ledger::TransactionError::Rental(Error::Meter(MeterRefusal::Other(_)))
    ));
    world.later(DurationMs(HOUR.0 / 5));
    world.ok(VERIFIER, Action::Note { rental, available: true });
    world.later(HOUR);
    let (buyer, seller) = (world.free(BUYER), world.free(SELLER));
    let drawn = stated(&world.ok(RIVAL, Action::State { rental }));
    let usage = drawn[0].usage;
    assert_eq!((usage.units, usage.ended, usage.succeeded, usage.in_time), (4, 3, 1, 1));
    assert_eq!(drawn[0].breaches, [Breach::Latency, Breach::Success, Breach::Availability]);
    // All of the price goes back; the unit beyond the quota is paid.
    assert_eq!((drawn[0].compensation, drawn[0].payment), (Amount::ainu(10), Amount::ainu(2)));
    assert_eq!(world.free(BUYER), buyer.saturating_add(Amount::ainu(10)));
    assert_eq!(world.free(SELLER), seller.saturating_add(Amount::ainu(2)));
    let reputation = world.reputation(SELLER);
    assert_eq!((reputation.completed, reputation.failed), (1, 1));
    // What ends after its period was stated changes nothing of it.
    let done = finish(&world, 3);
    world.ok(VERIFIER, done);
    let found = query::rental_use(world.ledger.state(), &task(3)).unwrap();
    assert!(matches!(found.ended, Some((RentalUseEnd::Finished(_), _, _))));
}

#[test]
fn what_cannot_be_rented_is_refused() {
    let mut world = world();
    let refused = |world: &mut World, sender: u8, terms: RentalTerms| {
        let action = rent(world, terms);
        world.fails(sender, action)
    };
    let late = START.plus(DurationMs(91 * DAY.0));
    let now = world.now;
    for (terms, error) in [
        (RentalTerms { valid_until: START, ..terms() }, Error::NotValid(START)),
        (
            RentalTerms { valid_until: late, ..terms() },
            Error::ValidTooLong(now.plus(DurationMs(90 * DAY.0))),
        ),
        (RentalTerms { slots: 257, ..terms() }, Error::TooManySlots),
        (
            RentalTerms { card: Digest([9; 32]), ..terms() },
            Error::NotOffered { agent: did(SELLER), capability: terms().capability },
        ),
        (
            RentalTerms { capability: "archive.extract".parse().unwrap(), ..terms() },
            Error::NotOffered {
                agent: did(SELLER),
                capability: "archive.extract".parse().unwrap(),
            },
        ),
    ] {
        assert_eq!(refused(&mut world, BUYER, terms), error.into());
    }
    let invalid = refused(&mut world, BUYER, RentalTerms { periods: 0, ..terms() });
    assert!(matches!(invalid, ainur_ledger::TransactionError::Rental(Error::TermsInvalid(_))));
    assert_eq!(refused(&mut world, SELLER, terms()), Error::SelfDealing.into());
    // Signed by another than the seller.
    let (root, mut proofs) = sign(RIVAL, 0, &[terms().digest()]);
    world.signatures.push(root);
    let forged = Action::Rent { terms: terms(), proof: proofs.remove(0), verifier: did(VERIFIER) };
    assert_eq!(world.fails(BUYER, forged), Error::Unproven(did(SELLER)).into());
    let dear = RentalTerms {
        subscription: Subscription { price: Amount::ainu(400), ..terms().subscription },
        ..terms()
    };
    assert!(matches!(
        refused(&mut world, BUYER, dear),
        ainur_ledger::TransactionError::Rental(Error::Balances(_))
    ));
    let Action::Rent { proof, .. } = rent(&mut world, terms()) else { panic!("a rent") };
    let judge = Action::Rent { terms: terms(), proof, verifier: did(NEWCOMER) };
    assert_eq!(world.fails(BUYER, judge), Error::UnknownVerifier(did(NEWCOMER)).into());
    // Taken back by its seller and by nobody else.
    let not_yours = world.fails(RIVAL, Action::Withdraw { terms: terms() });
    assert_eq!(not_yours, Error::NotParty(RentalRole::Seller).into());
    world.ok(SELLER, Action::Withdraw { terms: terms() });
    let action = rent(&mut world, terms());
    assert_eq!(world.fails(BUYER, action), Error::Withdrawn(terms().digest()).into());
    // The same again under another number is another one, and that is rented once.
    let other = RentalTerms { serial: 2, ..terms() };
    let action = rent(&mut world, other.clone());
    world.ok(BUYER, action);
    let action = rent(&mut world, other.clone());
    assert_eq!(world.fails(RIVAL, action), Error::RentedBefore(other.digest()).into());
    let rented = world.fails(SELLER, Action::Withdraw { terms: other.clone() });
    assert_eq!(rented, Error::RentedBefore(other.digest()).into());
}

#[test]
fn uses_are_begun_by_the_buyer_and_ended_once_by_the_verifier() {
    let (mut world, rental) = rented();
    let unknown = Digest([1; 32]);
    let nothing = Action::Begin { rental, task: task(1), units: 0, call: CARD, check: CARD };
    for (sender, action, error) in [
        (BUYER, begin(unknown, 1), Error::UnknownRental(unknown)),
        (RIVAL, begin(rental, 1), Error::NotParty(RentalRole::Buyer)),
        (BUYER, nothing, Error::Units),
        (VERIFIER, fail(1, FailureReason::Declined), Error::UnknownUse(task(1))),
        (BUYER, Action::Note { rental, available: false }, Error::NotParty(RentalRole::Verifier)),
    ] {
        assert_eq!(world.fails(sender, action), error.into());
    }
    world.ok(BUYER, begin(rental, 1));
    world.ok(BUYER, begin(rental, 2));
    assert_eq!(world.fails(BUYER, begin(rental, 3)), Error::Meter(MeterRefusal::NoSlot(2)).into());
    assert_eq!(world.fails(BUYER, begin(rental, 1)), Error::TaskTaken(task(1)).into());
    let done = finish(&world, 1);
    assert_eq!(world.fails(BUYER, done.clone()), Error::NotParty(RentalRole::Verifier).into());
    let early = Action::Finish {
        task: task(1),
        delivered: Timestamp(world.now.0 - 1),
        output: ContentId(CARD),
        verdict: CARD,
    };
    assert_eq!(world.fails(VERIFIER, early), Error::DeliveredOutOfRange.into());
    world.ok(VERIFIER, done.clone());
    assert_eq!(world.fails(VERIFIER, done), Error::UnknownUse(task(1)).into());
    assert_eq!(world.fails(BUYER, begin(rental, 1)), Error::TaskTaken(task(1)).into());
    // What a use has is taken for everything else.
    let agreement = world.agreement(1, SELLER);
    assert_eq!(
        world.fails(BUYER, agreement),
        ainur_ledger::escrow::Error::AlreadyAgreed(task(1)).into()
    );
    // A name that an escrow has is taken, too.
    world.agree(9);
    assert_eq!(world.fails(BUYER, begin(rental, 9)), Error::TaskTaken(task(9)).into());
    world.later(DurationMs(3 * HOUR.0));
    assert!(matches!(
        world.fails(BUYER, begin(rental, 4)),
        ainur_ledger::TransactionError::Rental(Error::Meter(MeterRefusal::Other(_)))
    ));
}

#[test]
fn without_a_price_beyond_the_quota_there_is_nothing_beyond_it() {
    let mut world = world();
    let subscription =
        Subscription { overage_price: None, included_units: 1, ..terms().subscription };
    let terms = RentalTerms { subscription, ..terms() };
    let rental = terms.digest();
    let action = rent(&mut world, terms);
    world.ok(BUYER, action);
    world.ok(BUYER, begin(rental, 1));
    let refused = world.fails(BUYER, begin(rental, 2));
    assert!(refused.to_string().contains("quota of 1 units is exhausted"), "{refused}");
    // Each period anew.
    world.later(HOUR);
    world.ok(BUYER, begin(rental, 2));
}

#[test]
fn a_use_outlives_the_memory_of_its_rental_and_the_terms_are_not_rented_again() {
    let (mut world, rental) = rented();
    world.ok(BUYER, begin(rental, 1));
    world.later(DurationMs(4 * HOUR.0));
    world.ok(RIVAL, Action::State { rental });
    world.later(DurationMs(2 * DAY.0));
    world.ok(RIVAL, ainur_ledger::reputation::Action::Bond { amount: Amount::ainu(1) });
    assert_eq!(query::rental(world.ledger.state(), &rental), None);
    assert!(query::rentals_of(world.ledger.state(), &did(BUYER), 10).is_empty());
    assert!(query::statements(world.ledger.state(), &rental, 10).is_empty());
    let action = rent(&mut world, terms());
    assert_eq!(world.fails(BUYER, action), Error::NotValid(terms().valid_until).into());
    world.ok(VERIFIER, fail(1, FailureReason::TimedOut));
    let again = fail(1, FailureReason::TimedOut);
    assert_eq!(world.fails(VERIFIER, again), Error::UnknownUse(task(1)).into());
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// After every block [`World::commit`] checks that money is conserved and that what is locked is
/// what the unstated periods cost, and replays it.
#[test]
fn random_histories_of_rentals_conserve_money_and_pay_every_period_once() {
    let mut paid = 0;
    for seed in 1..=12 {
        let mut random = Random(seed);
        let mut world = world();
        let mut rentals: Vec<Digest> = Vec::new();
        let mut statements = 0;
        for step in 0..160_u64 {
            let some = random.below(rentals.len().max(1) as u64) as usize;
            let rental = rentals.get(some).copied().unwrap_or(CARD);
            let number = random.below(60) as u8;
            let (sender, action) = match random.below(12) {
                0 if rentals.len() < 6 => {
                    let terms = RentalTerms { serial: step, periods: 2, ..terms() };
                    rentals.push(terms.digest());
                    (BUYER, rent(&mut world, terms))
                }
                0..=4 => {
                    let units = 1 + random.below(3);
                    let task = task(number);
                    (BUYER, Action::Begin { rental, task, units, call: CARD, check: CARD })
                }
                5..=6 => (VERIFIER, finish(&world, number)),
                7 => (VERIFIER, fail(number, FailureReason::CheckFailed)),
                8 => (VERIFIER, fail(number, FailureReason::Infrastructure)),
                9 => (VERIFIER, Action::Note { rental, available: random.below(2) == 0 }),
                _ => (RIVAL, Action::State { rental }),
            };
            let before = world.totals().rentals;
            let (outcome, events) = world.submit(sender, action);
            let drawn = stated(&events);
            statements += drawn.len();
            let out: Amount =
                drawn.iter().map(|drawn| drawn.payment.saturating_add(drawn.compensation)).sum();
            if !drawn.is_empty() {
                assert!(matches!(outcome, Outcome::Applied { .. }));
                assert_eq!(before.saturating_sub(world.totals().rentals), out);
            }
            world.later(DurationMs(random.below(HOUR.0 / 8)));
        }
        world.later(DAY);
        for rental in &rentals {
            let (_, events) = world.submit(RIVAL, Action::State { rental: *rental });
            statements += stated(&events).len();
        }
        assert_eq!(statements, 2 * rentals.len(), "seed {seed}");
        assert_eq!(world.totals().rentals, Amount::ZERO, "seed {seed}");
        paid += statements;
    }
    assert!(paid > 50, "{paid} statements are too few to show anything");
}
