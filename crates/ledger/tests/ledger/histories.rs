//! Random histories of agreements in parts, against a model that only knows what was awarded and
//! what the events say: everyone is paid what it is owed, once, and nothing else moves.
use std::collections::BTreeMap;

use ainur_ledger::escrow::{Action, Escrow, Event, ServiceTerms, SignedAward};
use ainur_ledger::{Outcome, reputation};
use ainur_market::auction::BidTerms;
use ainur_market::offer::OfferTerms;
use ainur_market::payment::{CancellationPolicy, Milestone, PaymentTerms};
use ainur_primitives::{Amount, Did, DurationMs, FailureReason, Ppm};

use crate::offers::{award, offer};
use crate::world::*;

mod model;

use model::{Model, Terms, add};

/// How many histories there are, and with `AINUR_TEST_LONG=1`.
const HISTORIES: u64 = 16;
const HISTORIES_LONG: u64 = 800;
const STEPS: usize = 80;
/// Tasks that are open at once; one that is closed is followed by another.
const TASKS: usize = 3;

/// SplitMix64 (Steele, Lea & Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

const SELLERS: [u8; 4] = [SELLER, RIVAL, MEMBERS[0], MEMBERS[1]];

fn consent(world: &mut World, random: &mut Random, terms: &mut Terms, number: u8) -> SignedAward {
    let seller = random.pick(&SELLERS);
    let price = Amount(1 + u128::from(random.below(3_000_000_000_007)));
    let payment = match random.below(6) {
        0..=1 => {
            let bid = BidTerms { price, ..world.bid(number, seller) };
            terms.insert(bid.digest(), (price, PaymentTerms::Completion));
            let mut award = world.award_of(bid, seller);
            let more = Amount(u128::from(random.below(1_000)));
            award.price = price.checked_add(more).unwrap();
            return award;
        }
        2 => PaymentTerms::Completion,
        3 => PaymentTerms::Upfront,
        _ => {
            let first = 1 + random.below(999_998) as u32;
            let milestone = |name: &str, share| {
                let due_ms = DurationMs(60_000);
                Milestone { name: name.into(), share: Ppm(share), due_ms }
            };
            let rest = 1_000_000 - first;
            PaymentTerms::Milestone(vec![milestone("a", first), milestone("b", rest)])
        }
    };
    let mut offer = OfferTerms { seller: did(seller), payment: payment.clone(), ..offer() };
    offer.pricing.base_price = price;
    offer.pricing.volume_discount.clear();
    offer.pricing.premium_hours.clear();
    offer.minimum_budget = Amount::ZERO;
    offer.valid_until = START.plus(DurationMs(80 * DAY.0));
    let fee = Ppm(random.below(1_000_001) as u32);
    offer.cancellation = CancellationPolicy { free_ms: DurationMs(60_000), fee };
    terms.insert(offer.digest(), (price, payment));
    let mut award = award(world, offer, 0);
    award.price = price;
    award
}

/// An award to take over a part of this amount, mostly for exactly as much.
fn substitute(
    world: &mut World,
    random: &mut Random,
    model: &mut Model,
    number: u8,
    amount: Option<Amount>,
) -> SignedAward {
    let Some(amount) = amount.filter(|_| random.below(4) > 0) else {
        return consent(world, random, &mut model.terms, number);
    };
    let seller = random.pick(&SELLERS);
    let bid = BidTerms { price: amount, ..world.bid(number, seller) };
    model.terms.insert(bid.digest(), (amount, PaymentTerms::Completion));
    let award = world.award_of(bid, seller);
    SignedAward { price: amount, ..award }
}

/// Somebody's next action: mostly one that fits where the task stands.
fn step(world: &mut World, random: &mut Random, model: &mut Model) -> (u8, Action) {
    let slot = random.below(TASKS as u64) as usize;
    if world.escrow(model.tasks[slot]).is_some_and(|found| matches!(found, Escrow::Closed(_))) {
        model.tasks[slot] += TASKS as u8;
    }
    let number = model.tasks[slot];
    let open = match world.escrow(number) {
        Some(Escrow::Open(open)) => Some(open),
        _ => None,
    };
    let attempt = open.as_ref().map_or(1, |open| open.attempt);
    let parts = open.as_ref().map_or(2, |open| open.parts().count() as u64);
    let part = random.below(parts + 1) as u32;
    let delivered = if random.below(2) == 0 { START } else { world.now };
    let reason = random.pick(&[
        FailureReason::CheckFailed,
        FailureReason::TimedOut,
        FailureReason::Infrastructure,
        FailureReason::Declined,
    ]);
    let task = task(number);
    let kind = if open.is_some() { random.below(16) } else { 20 };
    let action = match kind {
        0..=3 => {
            let mut action = settle_part(number, part, delivered);
            if let Action::SettlePart { attempt: of, .. } = &mut action {
                *of = attempt;
            }
            action
        }
        4..=6 => {
            let mut action = fail_part(number, part, reason);
            if let Action::FailPart { attempt: of, .. } = &mut action {
                *of = attempt;
            }
            action
        }
        7..=9 => {
            let failed = open.as_ref().and_then(|open| open.parts().nth(part as usize).copied());
            let award = substitute(world, random, model, number, failed.map(|part| part.amount));
            Action::Substitute { task, part, award }
        }
        10 => {
            let awards = vec![consent(world, random, &mut model.terms, number)];
            Action::Reaward { task, awards }
        }
        11 => fail(number, attempt, reason),
        12 => Action::Cancel { task },
        13 => Action::Refund { task },
        14 => Action::Expire { task },
        15 => {
            let mut action = settle(number, attempt);
            if let Action::Settle { delivered: at, .. } = &mut action {
                *at = delivered;
            }
            action
        }
        _ => {
            let count = 1 + random.below(3);
            let awards =
                (0..count).map(|_| consent(world, random, &mut model.terms, number)).collect();
            let mut action = with_awards(world.agreement(number, SELLER), awards);
            if let Action::Agree { service, .. } = &mut action
                && model.service > Ppm::ZERO
            {
                let (latency_ms_max, compensation) = (DurationMs(60_000), model.service);
                *service = Some(ServiceTerms { latency_ms_max, compensation });
            }
            action
        }
    };
    let party = match &action {
        Action::Settle { .. }
        | Action::SettlePart { .. }
        | Action::Fail { .. }
        | Action::FailPart { .. } => VERIFIER,
        _ => BUYER,
    };
    (party, action)
}

/// Money and stake of a party.
fn wealth(world: &World, party: u8) -> Amount {
    world.free(party).checked_add(world.reputation(party).staked).unwrap()
}

fn run(seed: u64) -> BTreeMap<&'static str, usize> {
    let mut random = Random(seed);
    let mut world = World::new();
    for party in SELLERS {
        world.ok(party, reputation::Action::Bond { amount: Amount::ainu(200) });
    }
    let mut model = Model {
        terms: Terms::new(),
        deals: BTreeMap::new(),
        tasks: [1, 2, 3],
        service: if seed.is_multiple_of(2) { Ppm::ZERO } else { Ppm(333_333) },
        gained: BTreeMap::new(),
        lost: BTreeMap::new(),
    };
    let parties = SELLERS.into_iter().chain([BUYER]);
    let before: Vec<Amount> = parties.clone().map(|party| wealth(&world, party)).collect();
    let mut fees: BTreeMap<Did, Amount> = BTreeMap::new();
    let mut counted = BTreeMap::new();
    let mut submit = |world: &mut World, model: &mut Model, party: u8, action: Action| {
        add(fees.entry(did(party)).or_default(), FEE);
        let (outcome, events) = world.submit(party, action);
        assert!(!matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
        for event in &events {
            model.apply(event);
            if let ainur_ledger::Event::Escrow(event) = event {
                *counted.entry(name(event)).or_insert(0) += 1;
            }
        }
    };
    for _ in 0..STEPS {
        world.later(DurationMs(random.below(40_000)));
        if random.below(30) == 0 {
            world.later(HOUR);
        }
        let (party, action) = step(&mut world, &mut random, &mut model);
        submit(&mut world, &mut model, party, action);
    }
    world.later(HOUR);
    for number in model.tasks {
        if let Some(Escrow::Open(_)) = world.escrow(number) {
            submit(&mut world, &mut model, BUYER, Action::Expire { task: task(number) });
        }
    }
    assert!(model.deals.values().all(|deal| deal.closed));
    assert_eq!(world.totals().escrowed, Amount::ZERO);
    for (party, before) in parties.zip(before) {
        let of = |from: &BTreeMap<Did, Amount>| from.get(&did(party)).copied().unwrap_or_default();
        let more = before.checked_add(of(&model.gained)).unwrap();
        let less = of(&model.lost).checked_add(of(&fees)).unwrap();
        assert_eq!(wealth(&world, party), more.checked_sub(less).unwrap(), "party {party}");
        assert_eq!(world.reputation(party).locked, Amount::ZERO);
    }
    counted
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Agreed { .. } => "agreed",
        Event::Reawarded { .. } => "reawarded",
        Event::Substituted { .. } => "substituted",
        Event::Settled { .. } => "settled",
        Event::PartSettled { .. } => "part settled",
        Event::PartFailed { .. } => "part failed",
        Event::AdvanceReturned { .. } => "advance returned",
        Event::Failed { .. } => "failed",
        Event::Refunded { .. } => "refunded",
        Event::Cancelled { .. } => "cancelled",
        Event::BidBondForfeited { .. } | Event::OfferRevoked { .. } => "other",
    }
}

#[test]
fn whatever_happens_everyone_is_paid_what_it_is_owed_once() {
    let long = std::env::var_os("AINUR_TEST_LONG").is_some();
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..if long { HISTORIES_LONG } else { HISTORIES } {
        println!("seed {seed}");
        for (name, count) in run(seed) {
            *counted.entry(name).or_insert(0) += count;
        }
    }
    println!("{counted:?}");
    for name in [
        "agreed",
        "reawarded",
        "substituted",
        "settled",
        "part settled",
        "part failed",
        "advance returned",
        "failed",
        "refunded",
        "cancelled",
    ] {
        assert!(counted.contains_key(name), "no history had anything {name}");
    }
}
