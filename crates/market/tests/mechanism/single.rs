//! One task: no bid is better than the bidder's true cost, in a million random deviations.
use ainur_market::auction::mechanism::{Contender, PriceSetBy, decide};
use ainur_market::auction::terms::TERMS_AMOUNT_MAX;
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, SelectionRule};

use crate::numbers::Numbers;

fn lot(numbers: &mut Numbers) -> Digest {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&numbers.next().to_be_bytes());
    Digest(bytes)
}

struct World {
    rule: SelectionRule,
    reserve: Amount,
    loss: Amount,
    contenders: Vec<Contender>,
}

/// Small numbers, so that ties, equal scores and rounding to the next unit are frequent; sometimes
/// the largest there are.
fn world(numbers: &mut Numbers) -> World {
    let scale = match numbers.below(8) {
        0 => TERMS_AMOUNT_MAX.0,
        1 => 1_000_000_000_000,
        _ => 24,
    };
    let rule = match numbers.below(4) {
        0 => SelectionRule::Cheapest,
        _ => SelectionRule::Scored,
    };
    let count = 1 + numbers.below(7) as usize;
    let contenders = (0..count)
        .map(|index| Contender {
            bidder: Did(Digest([index as u8; 32])),
            price: Amount(numbers.below(scale + 3).min(TERMS_AMOUNT_MAX.0)),
            estimated_duration_ms: DurationMs(numbers.below(5) as u64),
            failure_probability: Ppm(numbers.below(1_000_001) as u32),
            lot: lot(numbers),
        })
        .collect();
    let reserve = Amount(1 + numbers.below(scale));
    World { rule, reserve, loss: Amount(numbers.below(scale + 1)), contenders }
}

/// Winner's index in `world.contenders`, and its payment.
fn run(world: &World) -> Option<(usize, Amount, PriceSetBy)> {
    let mut eligible: Vec<Contender> = world
        .contenders
        .iter()
        .filter(|contender| contender.price <= world.reserve)
        .copied()
        .collect();
    let (payment, set_by) = decide(world.rule, world.reserve, world.loss, &mut eligible)?;
    let winner = eligible[0].bidder;
    let index = world.contenders.iter().position(|contender| contender.bidder == winner);
    Some((index.expect("the winner is one of them"), payment, set_by))
}

/// What the bidder at `index` earns when its true cost is `cost`.
fn gain(world: &World, index: usize, cost: Amount) -> i128 {
    match run(world) {
        Some((winner, payment, _)) if winner == index => payment.0 as i128 - cost.0 as i128,
        _ => 0,
    }
}

const TRIALS: u64 = 1_000_000;

#[test]
fn no_deviation_from_the_true_cost_gains() {
    let mut numbers = Numbers(17);
    let mut changed = 0u64;
    for trial in 0..TRIALS {
        let mut world = world(&mut numbers);
        let index = numbers.below(world.contenders.len() as u128) as usize;
        let cost = world.contenders[index].price;
        let truthful = gain(&world, index, cost);
        let near = cost.0.saturating_add(numbers.below(9)).saturating_sub(4);
        let deviation = match numbers.below(3) {
            0 => near,
            1 => numbers.below(world.reserve.0 + 2),
            _ => numbers.below(cost.0.saturating_mul(2).clamp(1, TERMS_AMOUNT_MAX.0)),
        };
        world.contenders[index].price = Amount(deviation.min(TERMS_AMOUNT_MAX.0));
        // Even if the lot could be bent together with the bid, it would gain nothing.
        world.contenders[index].lot = lot(&mut numbers);
        let deviating = gain(&world, index, cost);
        assert!(
            deviating <= truthful,
            "trial {trial}: cost {cost}, bid {deviation} gains {deviating} instead of {truthful}: \
             {:?} reserve {} loss {} {:?}",
            world.rule,
            world.reserve,
            world.loss,
            world.contenders,
        );
        changed += u64::from(deviating != truthful);
    }
    // Otherwise the deviations were not worth testing.
    assert!(changed > TRIALS / 20, "only {changed} deviations changed anything");
}

#[test]
fn payment_is_between_bid_and_reserve_and_is_the_largest_winning_bid() {
    let mut numbers = Numbers(99);
    let mut compared = 0;
    for _ in 0..6_000 {
        let mut world = world(&mut numbers);
        let Some((winner, payment, set_by)) = run(&world) else { continue };
        assert!(payment >= world.contenders[winner].price && payment <= world.reserve);
        assert!(set_by != PriceSetBy::Reserve || payment == world.reserve);
        assert_ne!(set_by, PriceSetBy::OwnBid);
        if world.reserve.0 > 100 {
            continue;
        }
        // By trying every bid, with the best lot: the largest one that still wins.
        world.contenders[winner].lot = Digest::ZERO;
        let largest = (0..=world.reserve.0).rfind(|bid| {
            world.contenders[winner].price = Amount(*bid);
            run(&world).is_some_and(|(index, _, _)| index == winner)
        });
        assert_eq!(largest, Some(payment.0));
        compared += 1;
    }
    assert!(compared > 3_000, "{compared}");
}

#[test]
fn winner_is_the_one_that_trying_all_finds() {
    let mut numbers = Numbers(3);
    for _ in 0..20_000 {
        let world = world(&mut numbers);
        let best = world
            .contenders
            .iter()
            .enumerate()
            .filter(|(_, contender)| contender.price <= world.reserve)
            .min_by_key(|(_, contender)| {
                // An independent spelling of the expected loss: ceil(loss × p / 10⁶).
                let probability = u128::from(contender.failure_probability.0);
                let (whole, rest) = (world.loss.0 / 1_000_000, world.loss.0 % 1_000_000);
                let expected = whole * probability + (rest * probability).div_ceil(1_000_000);
                let weighed = if world.rule == SelectionRule::Scored { expected } else { 0 };
                (contender.price.0 + weighed, contender.lot)
            })
            .map(|(index, _)| index);
        assert_eq!(run(&world).map(|(index, _, _)| index), best);
    }
}

#[test]
fn paying_the_own_bid_would_have_been_caught() {
    // The same search against selection by duration, which pays the bid and is not truthful.
    let mut numbers = Numbers(5);
    let gained = (0..2_000).any(|_| {
        let mut world = world(&mut numbers);
        world.rule = SelectionRule::Fastest;
        let cost = world.contenders[0].price;
        let truthful = gain(&world, 0, cost);
        world.contenders[0].price = world.reserve;
        gain(&world, 0, cost) > truthful
    });
    assert!(gained, "overbidding gains nothing where it should");
}
