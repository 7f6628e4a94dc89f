//! Task graphs: no bid gains over true costs, every allocation is the best, every payment the
//! Clarke payment, within the budget.
use ainur_market::auction::mechanism::{PriceSetBy, expected_loss};
use ainur_market::combinatorial::mechanism::{Contender, Decision, Method, decide};
use ainur_market::combinatorial::{CALL_AMOUNT_MAX, SubtaskSet, greedy};
use ainur_primitives::{Amount, Ppm, SelectionRule};

use crate::numbers::Numbers;

const TRIALS: u64 = 1_000_000;
/// How many deviations are tried against one truthful outcome.
const DEVIATIONS_PER_WORLD: u64 = 20;
const SEED: u64 = 4;

pub(crate) struct World {
    pub(crate) reserves: Vec<Amount>,
    /// All bids, by bidder.
    pub(crate) bids: Vec<Vec<Contender>>,
}

fn bundle(mask: u128) -> SubtaskSet {
    (0..8).filter(|index| mask >> index & 1 == 1).collect()
}

/// Every bidder offers every bundle at its true cost: additive with savings, or just random. Small
/// numbers, so that ties are frequent; sometimes the largest there are.
fn world(numbers: &mut Numbers) -> World {
    let subtasks = 1 + numbers.below(3) as usize;
    let scale = match numbers.below(8) {
        0 => CALL_AMOUNT_MAX.0 / 4,
        1 => 1_000_000_000_000,
        _ => 12,
    };
    let rule = if numbers.below(4) == 0 { SelectionRule::Cheapest } else { SelectionRule::Scored };
    let reserves: Vec<Amount> = (0..subtasks).map(|_| Amount(1 + numbers.below(scale))).collect();
    let losses: Vec<Amount> = (0..subtasks).map(|_| Amount(numbers.below(scale / 4 + 1))).collect();
    let bidders = 1 + numbers.below(4) as u32;
    let bids = (0..bidders).map(|bidder| {
        let probability = Ppm(numbers.below(1_000_001) as u32);
        let costs: Vec<u128> = (0..subtasks).map(|_| numbers.below(scale + 3)).collect();
        let (additive, saved) = (numbers.below(3) > 0, numbers.below(40));
        let bundles = (1..1 << subtasks).map(|mask| {
            let subtasks = bundle(mask);
            let sum: u128 = subtasks.indices().map(|index| costs[index]).sum();
            let price = match (additive, subtasks.count()) {
                (true, 1) => sum,
                (true, _) => sum - sum / 100 * saved,
                (false, count) => numbers.below(scale * count as u128 + 1),
            };
            let loss =
                subtasks.indices().map(|index| expected_loss(rule, losses[index], probability));
            Contender {
                bidder,
                subtasks,
                price: Amount(price),
                expected_loss: loss.sum(),
                lot: numbers.below(4) as u32,
            }
        });
        bundles.collect()
    });
    World { bids: bids.collect(), reserves }
}

impl World {
    pub(crate) fn contenders(&self) -> Vec<Contender> {
        self.bids.concat()
    }

    pub(crate) fn decide(&self) -> Decision {
        decide(&self.reserves, &self.contenders())
    }
}

/// What a bidder earns whose true costs are these.
pub(crate) fn profit(
    decision: &Decision,
    contenders: &[Contender],
    bidder: u32,
    truth: &[Contender],
) -> i128 {
    let won = decision.wins.iter().find(|win| contenders[win.place].bidder == bidder);
    won.map_or(0, |win| {
        let subtasks = contenders[win.place].subtasks;
        let cost = truth.iter().find(|bundle| bundle.subtasks == subtasks);
        win.payment.0 as i128 - cost.expect("it offers what it can do").price.0 as i128
    })
}

/// Another bid of the same bidder: other prices, fewer bundles, or both.
fn deviate(numbers: &mut Numbers, truth: &[Contender], reserves: &[Amount]) -> Vec<Contender> {
    let mut bid = truth.to_vec();
    let all: u128 = reserves.iter().map(|reserve| reserve.0).sum();
    let kind = numbers.below(6);
    let one = numbers.below(bid.len() as u128) as usize;
    match kind {
        0 => {
            let near = bid[one].price.0.saturating_add(numbers.below(9)).saturating_sub(4);
            bid[one].price = Amount(near);
        }
        1 => bid[one].price = Amount(numbers.below(all + 2)),
        2 => bid.retain(|_| numbers.below(2) == 0),
        3 => {
            let per_mille = 500 + numbers.below(1_001);
            bid.iter_mut().for_each(|bundle| {
                bundle.price = Amount(bundle.price.0 / 1_000 * per_mille + numbers.below(3));
            });
        }
        4 => bid.iter_mut().for_each(|bundle| bundle.price = Amount(numbers.below(all + 2))),
        _ => {
            bid.retain(|_| numbers.below(3) > 0);
            bid.iter_mut().for_each(|bundle| {
                let near = bundle.price.0.saturating_add(numbers.below(5)).saturating_sub(2);
                bundle.price = Amount(near);
            });
        }
    }
    // Even if lots could be bent together with the bid, it would gain nothing.
    bid.iter_mut().for_each(|bundle| bundle.lot = numbers.below(4) as u32);
    bid
}

#[test]
fn no_deviation_from_the_true_costs_of_bundles_gains() {
    let mut numbers = Numbers(SEED);
    let (mut tried, mut changed) = (0, 0);
    while tried < TRIALS {
        let mut world = world(&mut numbers);
        let bidder = numbers.below(world.bids.len() as u128) as usize;
        let truth = world.bids[bidder].clone();
        let truthful = profit(&world.decide(), &world.contenders(), bidder as u32, &truth);
        for _ in 0..DEVIATIONS_PER_WORLD {
            world.bids[bidder] = deviate(&mut numbers, &truth, &world.reserves);
            let contenders = world.contenders();
            let deviating =
                profit(&decide(&world.reserves, &contenders), &contenders, bidder as u32, &truth);
            assert!(
                deviating <= truthful,
                "seed {SEED}, deviation {tried}: bidder {bidder} of costs {truth:?} gains \
                 {deviating} instead of {truthful} in {contenders:?}, reserves {:?}",
                world.reserves,
            );
            changed += u64::from(deviating != truthful);
            tried += 1;
        }
    }
    // Otherwise the deviations were not worth testing.
    assert!(changed > TRIALS / 20, "only {changed} deviations changed anything");
}

#[test]
fn paying_the_prices_asked_would_have_been_caught() {
    let mut numbers = Numbers(SEED);
    let caught = (0..2_000).any(|_| {
        let mut world = world(&mut numbers);
        let truth = world.bids[0].clone();
        world.bids[0] = deviate(&mut numbers, &truth, &world.reserves);
        let contenders = world.contenders();
        let mut decision = decide(&world.reserves, &contenders);
        for win in &mut decision.wins {
            win.payment = contenders[win.place].price;
        }
        profit(&decision, &contenders, 0, &truth) > 0
    });
    assert!(caught, "asking more gains nothing where it should");
}

/// The largest gain of any selection, by trying all: bidder by bidder, each bundle or none.
fn largest_gain(bids: &[Vec<Contender>], reserves: &[Amount], used: SubtaskSet) -> u128 {
    let Some((first, rest)) = bids.split_first() else { return 0 };
    let mut best = largest_gain(rest, reserves, used);
    for bundle in first {
        let score = bundle.price.0 + bundle.expected_loss.0;
        let reserve: u128 = bundle.subtasks.indices().map(|index| reserves[index].0).sum();
        if reserve >= score && used.is_disjoint(&bundle.subtasks) {
            let others = largest_gain(rest, reserves, used.union(&bundle.subtasks));
            best = best.max(reserve - score + others);
        }
    }
    best
}

#[test]
fn allocations_and_payments_are_those_that_trying_all_finds() {
    let mut numbers = Numbers(77);
    let (mut won, mut contested) = (0, 0);
    for _ in 0..30_000 {
        let world = world(&mut numbers);
        let (contenders, decision) = (world.contenders(), world.decide());
        assert_eq!(decision.method, Method::Exact);
        let best = largest_gain(&world.bids, &world.reserves, SubtaskSet::EMPTY);
        let gains = decision.wins.iter().map(|win| contenders[win.place].gain(&world.reserves));
        assert_eq!(gains.map(|gain| gain.expect("it wins").0).sum::<u128>(), best);
        for win in &decision.wins {
            let winner = &contenders[win.place];
            let mut others = world.bids.clone();
            others[winner.bidder as usize].clear();
            let without = largest_gain(&others, &world.reserves, SubtaskSet::EMPTY);
            assert_eq!(win.payment.0, winner.price.0 + best - without);
            assert_eq!(
                win.price_set_by == PriceSetBy::Reserve,
                Some(Amount(best - without)) == winner.gain(&world.reserves)
            );
            won += 1;
            contested += u32::from(win.price_set_by == PriceSetBy::RunnerUp);
        }
        check(&world.reserves, &contenders, &decision);
    }
    assert!(won > 30_000 && contested > 10_000, "{won} {contested}");
}

/// What holds for every decision: disjoint bundles, one a bidder, payments between price and
/// reserve, all of them within the reserves.
fn check(reserves: &[Amount], contenders: &[Contender], decision: &Decision) {
    let (mut used, mut paid, mut served) = (SubtaskSet::EMPTY, 0, Vec::new());
    for win in &decision.wins {
        let winner = &contenders[win.place];
        let reserve: u128 = winner.subtasks.indices().map(|index| reserves[index].0).sum();
        assert!(win.payment >= winner.price, "a bidder is paid less than it asked");
        assert!(win.payment.0 + winner.expected_loss.0 <= reserve, "above the reserve");
        assert!(used.is_disjoint(&winner.subtasks), "a subtask is given twice");
        assert!(!served.contains(&winner.bidder), "a bidder wins twice");
        used = used.union(&winner.subtasks);
        served.push(winner.bidder);
        paid += win.payment.0;
    }
    assert!(paid <= reserves.iter().map(|reserve| reserve.0).sum(), "above the budget");
}

fn gains(reserves: &[Amount], contenders: &[Contender]) -> Vec<Option<Amount>> {
    contenders.iter().map(|contender| contender.gain(reserves)).collect()
}

#[test]
fn under_the_greedy_rule_no_other_price_of_a_single_bundle_gains() {
    let mut numbers = Numbers(12);
    let mut changed = 0;
    for trial in 0..200_000 {
        let mut world = world(&mut numbers);
        for bid in &mut world.bids {
            let only = numbers.below(bid.len() as u128) as usize;
            *bid = vec![bid[only]];
        }
        let truth = world.bids[0].clone();
        let contenders = world.contenders();
        let outcome = greedy::decide(&contenders, &gains(&world.reserves, &contenders));
        check(&world.reserves, &contenders, &outcome);
        let truthful = profit(&outcome, &contenders, 0, &truth);
        let near = truth[0].price.0.saturating_add(numbers.below(9)).saturating_sub(4);
        let any = numbers.below(truth[0].price.0 * 2 + 2);
        world.bids[0][0].price = Amount(if numbers.below(2) == 0 { near } else { any });
        let contenders = world.contenders();
        let outcome = greedy::decide(&contenders, &gains(&world.reserves, &contenders));
        let deviating = profit(&outcome, &contenders, 0, &truth);
        assert!(deviating <= truthful, "trial {trial}: {deviating} instead of {truthful}");
        changed += u32::from(deviating != truthful);
    }
    assert!(changed > 5_000, "only {changed} deviations changed anything");
}

#[test]
fn the_greedy_rule_pays_the_largest_price_that_still_wins() {
    let mut numbers = Numbers(13);
    let (mut compared, mut worse) = (0, 0);
    while compared < 3_000 {
        let mut world = world(&mut numbers);
        if world.reserves.iter().any(|reserve| reserve.0 > 100) {
            continue;
        }
        for bid in &mut world.bids {
            let only = numbers.below(bid.len() as u128) as usize;
            *bid = vec![bid[only]];
        }
        let contenders = world.contenders();
        let outcome = greedy::decide(&contenders, &gains(&world.reserves, &contenders));
        let total: u128 = outcome
            .wins
            .iter()
            .filter_map(|win| contenders[win.place].gain(&world.reserves))
            .map(|gain| gain.0)
            .sum();
        worse += u32::from(total < largest_gain(&world.bids, &world.reserves, SubtaskSet::EMPTY));
        let Some(win) = outcome.wins.first() else { continue };
        let largest = (0..=100).rfind(|price| {
            let mut contenders = contenders.clone();
            contenders[win.place].price = Amount(*price);
            let again = greedy::decide(&contenders, &gains(&world.reserves, &contenders));
            again.wins.iter().any(|other| other.place == win.place)
        });
        assert_eq!(largest, Some(win.payment.0), "{contenders:?} {:?}", world.reserves);
        compared += 1;
    }
    assert!(worse > 10, "the greedy rule is not always the best: {worse}");
}
