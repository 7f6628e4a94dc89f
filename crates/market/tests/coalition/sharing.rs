//! Every rule gives exactly the price and nobody less than its bid; the Shapley value is what its
//! definition and its axioms say.
use ainur_market::coalition::sharing::apportion;
use ainur_market::coalition::{
    Error, SamplingAccuracy, ShapleyValues, SharingBasis, blocking, correct, share,
};
use ainur_primitives::{Amount, Digest, Ppm};

use crate::world::Numbers;

fn sum(amounts: &[Amount]) -> Amount {
    amounts.iter().try_fold(Amount::ZERO, |sum, part| sum.checked_add(*part)).expect("no overflow")
}

/// The average over all orders, as a numerator over `players!`.
fn by_orders(players: usize, worth: &[u128]) -> Vec<i128> {
    fn visit(order: &mut Vec<usize>, players: usize, worth: &[u128], values: &mut [i128]) {
        if order.len() == players {
            let mut set = 0_usize;
            for player in order {
                let before = worth[set];
                set |= 1 << *player;
                values[*player] += worth[set] as i128 - before as i128;
            }
            return;
        }
        for player in 0..players {
            if !order.contains(&player) {
                order.push(player);
                visit(order, players, worth, values);
                order.pop();
            }
        }
    }
    let mut values = vec![0; players];
    visit(&mut Vec::new(), players, worth, &mut values);
    values
}

fn random_game(numbers: &mut Numbers, players: usize) -> Vec<u128> {
    let scale = [10, 1_000, 1 << 60][numbers.below(3) as usize];
    let mut worth: Vec<u128> = (0..1 << players).map(|_| numbers.below(scale).into()).collect();
    worth[0] = 0;
    worth
}

fn exact(players: usize, worth: &[u128]) -> ShapleyValues {
    ShapleyValues::exact(players, |set| Amount(worth[set as usize])).expect("a small game")
}

#[test]
fn the_exact_shapley_value_is_the_average_over_all_orders() {
    let mut numbers = Numbers(5);
    for players in 1..=7_usize {
        let factorial: i128 = (1..=players as i128).product();
        for _ in 0..if players < 6 { 50 } else { 5 } {
            let worth = random_game(&mut numbers, players);
            let values = exact(players, &worth);
            let brute = by_orders(players, &worth);
            for (ours, theirs) in values.numerators().iter().zip(brute) {
                assert_eq!(ours * factorial, theirs * i128::from(values.denominator()));
            }
        }
    }
}

#[test]
fn the_shapley_value_is_efficient_symmetric_additive_and_gives_a_dummy_nothing_more() {
    let mut numbers = Numbers(6);
    for _ in 0..300 {
        let players = 3 + numbers.below(5) as usize;
        let mut worth = random_game(&mut numbers, players);
        let efficient = exact(players, &worth);
        let all: i128 = efficient.numerators().iter().sum();
        assert_eq!(all, *worth.last().unwrap() as i128 * i128::from(efficient.denominator()));

        let other = random_game(&mut numbers, players);
        let both: Vec<u128> = worth.iter().zip(&other).map(|(one, other)| one + other).collect();
        let (other, both) = (exact(players, &other), exact(players, &both));
        for player in 0..players {
            let apart = efficient.numerators()[player] + other.numerators()[player];
            assert_eq!(both.numerators()[player], apart);
        }
        // Players 0 and 1 become interchangeable, and player 2 adds always 9.
        for set in 0..worth.len() {
            if set & 0b111 == 0b010 {
                worth[set] = worth[set ^ 0b011];
            }
        }
        for set in 0..worth.len() {
            if set & 0b100 != 0 {
                worth[set] = worth[set ^ 0b100] + 9;
            }
        }
        let values = exact(players, &worth);
        assert_eq!(values.numerators()[0], values.numerators()[1]);
        assert_eq!(values.numerators()[2], 9 * i128::from(values.denominator()));
    }
}

#[test]
fn twenty_players_are_exact_and_twenty_one_are_not() {
    // A player's weight is its number; three of them and more get a bonus together.
    let worth = |set: u64| {
        let weights: u32 = (0..20).filter(|player| set >> player & 1 == 1).sum();
        Amount(u128::from(weights) + if set.count_ones() >= 3 { 40 } else { 0 })
    };
    let values = ShapleyValues::exact(20, worth).unwrap();
    assert_eq!(values.denominator(), 232_792_560);
    let expected: Vec<i128> = (0..20).map(|player| player + 2).collect();
    assert_eq!(values.floor(), expected);
    assert_eq!(ShapleyValues::exact(21, worth), Err(Error::ShapleyPlayers(21)));
    assert_eq!(ShapleyValues::exact(0, worth), Err(Error::ShapleyPlayers(0)));
    let large = ShapleyValues::exact(2, |_| Amount(1 << 88));
    assert_eq!(large, Err(Error::AmountTooLarge));
    let largest =
        ShapleyValues::exact(20, |set| Amount(if set == 0xf_ffff { (1 << 88) - 1 } else { 0 }));
    assert_eq!(largest.unwrap().floor(), [((1_i128 << 88) - 1) / 20; 20]);
}

#[test]
fn sampled_values_are_as_close_as_they_say_the_same_from_the_same_beacon_and_efficient() {
    // Two thirds of 30 players are needed; each is worth its number once they are there.
    let worth = |set: u64| {
        let weights: u128 =
            (0..30_u32).filter(|player| set >> player & 1 == 1).map(u128::from).sum();
        Amount(if set.count_ones() >= 20 { 300 + weights } else { 0 })
    };
    let accuracy = SamplingAccuracy {
        range: Amount(735),
        error: Amount(25),
        failure_probability: Ppm(10_000),
    };
    // r²/(2ε²) · ln(2/δ) = 432.18 · 5.298 = 2290; the logarithm is rounded up to 8 ln 2.
    let samples = accuracy.samples().unwrap();
    assert!((2_290..=2_400).contains(&samples), "{samples}");
    let beacon = Digest([3; 32]);
    let values = ShapleyValues::sampled(30, worth, accuracy, beacon).unwrap();
    assert_eq!(ShapleyValues::sampled(30, worth, accuracy, beacon).unwrap(), values);
    let other = ShapleyValues::sampled(30, worth, accuracy, Digest([4; 32])).unwrap();
    assert_ne!(other, values);
    assert_eq!(values.denominator(), samples);
    let all: i128 = values.numerators().iter().sum();
    assert_eq!(all, worth((1 << 30) - 1).0 as i128 * i128::from(samples));
    // A player adds its own number when it comes after the twentieth, and 300, its own number and
    // those of the nineteen before it when it is the twentieth.
    for (player, numerator) in (0..30_i128).zip(values.numerators()) {
        let thirtieths_of_29 = 29 * (10 * player + 300 + player) + 19 * (435 - player);
        let distance = (numerator * 870 - thirtieths_of_29 * i128::from(samples)).abs();
        assert!(distance < 25 * 870 * i128::from(samples), "player {player}");
    }
    let never = SamplingAccuracy { error: Amount::ZERO, ..accuracy };
    assert_eq!(ShapleyValues::sampled(30, worth, never, beacon), Err(Error::Accuracy));
    let long = SamplingAccuracy { error: Amount(1), ..accuracy };
    assert_eq!(ShapleyValues::sampled(30, worth, long, beacon), Err(Error::Accuracy));
    let certain = SamplingAccuracy { failure_probability: Ppm(0), ..accuracy };
    assert_eq!(certain.samples(), None);
    assert_eq!(ShapleyValues::sampled(65, worth, accuracy, beacon), Err(Error::Members(65)));
}

#[test]
fn each_rule_divides_as_its_formula_says() {
    let bids = [30, 80, 50, 20].map(Amount);
    let shares = |basis| share(Amount(200), &bids, basis).unwrap();
    assert_eq!(shares(SharingBasis::Equal), [35, 85, 55, 25].map(Amount));
    // Paid alone 40, 100, 60 and 50: of 200 that is 32, 80, 48 and 40. The third has to be lifted
    // by 2, which the others above their bids give up alike.
    let auction = SharingBasis::Auction(&[40, 100, 60, 50].map(Amount));
    assert_eq!(shares(auction), [31, 80, 50, 39].map(Amount));
    let nash =
        SharingBasis::Nash { disagreement: &[30, 85, 50, 25].map(Amount), powers: &[1, 1, 1, 2] };
    assert_eq!(shares(nash), [32, 87, 52, 29].map(Amount));
    let alike = SharingBasis::Nash { disagreement: &bids, powers: &[0; 4] };
    assert_eq!(shares(alike), shares(SharingBasis::Equal));
    // Worth what they ask, and 20 more when the first and the second are both there.
    let worth = |set: u64| {
        let asked: u128 = (0..4).filter(|i| set >> i & 1 == 1).map(|i| bids[i].0).sum();
        Amount(asked + if set & 0b11 == 0b11 { 20 } else { 0 })
    };
    let values = ShapleyValues::exact(4, worth).unwrap();
    assert_eq!(shares(SharingBasis::Contribution(&values)), [40, 90, 50, 20].map(Amount));
}

#[test]
fn what_cannot_be_divided_is_refused() {
    let bids = [30, 80].map(Amount);
    let of = |price, basis| share(Amount(price), &bids, basis).unwrap_err();
    let above = Error::BidsAbovePrice { bids: Amount(110), price: Amount(109) };
    assert_eq!(of(109, SharingBasis::Equal), above);
    let one = [Amount(1)];
    assert_eq!(of(110, SharingBasis::Auction(&one)), Error::ShareCount { expected: 2, found: 1 });
    let apart = SharingBasis::Nash { disagreement: &[60, 60].map(Amount), powers: &[1, 1] };
    let disagreement = Error::Disagreement { disagreement: Amount(120), price: Amount(119) };
    assert_eq!(of(119, apart), disagreement);
    assert_eq!(of(1 << 88, SharingBasis::Equal), Error::AmountTooLarge);
    let payments = [Amount(1 << 88), Amount(1)];
    assert_eq!(of(110, SharingBasis::Auction(&payments)), Error::AmountTooLarge);
    assert_eq!(share(Amount(1), &[], SharingBasis::Equal), Err(Error::Members(0)));
    let short = correct(Amount(110), &bids, &one);
    assert_eq!(short, Err(Error::ShareCount { expected: 2, found: 1 }));
}

#[test]
fn all_rules_give_exactly_the_price_and_nobody_less_than_its_bid() {
    let seed = 41;
    let mut numbers = Numbers(seed);
    for trial in 0..20_000 {
        let count = 1 + numbers.below(8) as usize;
        let scale = [4, 100, 1_000_000_007, u64::MAX][numbers.below(4) as usize];
        let wide = if numbers.below(8) == 0 { 1 << 18 } else { 1 };
        let mut some = |scale: u64| -> Vec<Amount> {
            (0..count).map(|_| Amount(u128::from(numbers.below(scale)) * wide)).collect()
        };
        let (bids, payments, disagreement) = (some(scale), some(scale), some(scale / 2 + 1));
        let powers: Vec<u32> = some(5).iter().map(|power| (power.0 / wide) as u32).collect();
        let surplus = Amount(u128::from(numbers.below(scale)) * wide);
        let price = sum(&bids).checked_add(surplus).unwrap();
        let game = random_game(&mut numbers, count);
        let values = exact(count, &game);
        for basis in [
            SharingBasis::Equal,
            SharingBasis::Contribution(&values),
            SharingBasis::Auction(&payments),
            SharingBasis::Nash { disagreement: &disagreement, powers: &powers },
        ] {
            let shares = match share(price, &bids, basis) {
                Err(Error::Disagreement { disagreement, .. }) if disagreement > price => continue,
                shares => shares.expect("a division"),
            };
            assert_eq!(sum(&shares), price, "seed {seed}, trial {trial}, {basis:?}");
            let fair = shares.iter().zip(&bids).all(|(share, bid)| share >= bid);
            assert!(fair, "seed {seed}, trial {trial}, {basis:?}: {shares:?} for {bids:?}");
        }
    }
}

#[test]
fn correcting_finds_the_nearest_division_and_leaves_a_good_one_alone() {
    let mut numbers = Numbers(42);
    let distance = |one: &[Amount], other: &[Amount]| -> i128 {
        one.iter().zip(other).map(|(a, b)| (a.0 as i128 - b.0 as i128).pow(2)).sum()
    };
    for trial in 0..3_000 {
        let mut some = |end| [0; 3].map(|_| Amount(u128::from(numbers.below(end))));
        let (bids, wanted) = (some(7), some(15));
        let surplus = u128::from(numbers.below(10));
        let price = Amount(sum(&bids).0 + surplus);
        let ours = correct(price, &bids, &wanted).unwrap();
        let mut nearest = i128::MAX;
        for first in 0..=surplus {
            for second in 0..=surplus - first {
                let other = [first, second, surplus - first - second];
                let other: Vec<Amount> =
                    bids.iter().zip(other).map(|(bid, more)| Amount(bid.0 + more)).collect();
                nearest = nearest.min(distance(&other, &wanted));
            }
        }
        assert_eq!(distance(&ours, &wanted), nearest, "trial {trial}: {bids:?} {wanted:?}");
        let again = correct(price, &bids, &ours).unwrap();
        assert_eq!(again, ours, "trial {trial}");
    }
}

#[test]
fn proportions_are_exact_with_products_beyond_128_bits() {
    let third = apportion(Amount((1 << 88) - 1), &[1 << 120, 1 << 120, 1 << 120]);
    assert_eq!(third, [Amount(((1 << 88) - 1) / 3); 3]);
    assert_eq!(apportion(Amount(10), &[3 << 124, 1 << 124]), [Amount(8), Amount(2)]);
    assert_eq!(apportion(Amount(u128::MAX), &[1, (1 << 126) - 2])[0], Amount(4));
    assert_eq!(apportion(Amount(2), &[1, 1, 1]), [Amount(1), Amount(1), Amount(0)]);
    assert_eq!(apportion(Amount(2), &[0, 0]), [Amount(1), Amount(1)]);
    assert_eq!(apportion(Amount(2), &[]), []);
    let mut numbers = Numbers(43);
    for _ in 0..20_000 {
        let weights: Vec<u128> =
            (0..3).map(|_| u128::from(numbers.next()) << numbers.below(60)).collect();
        let total = Amount(u128::from(numbers.next()) << numbers.below(24));
        assert_eq!(sum(&apportion(total, &weights)), total);
        // Scaled down until nothing overflows, a part is within one unit and what scaling cost.
        let small =
            apportion(total, &weights.iter().map(|weight| weight >> 64).collect::<Vec<_>>());
        assert_eq!(sum(&small), total);
    }
}

#[test]
fn a_division_is_in_the_core_or_it_is_said_who_would_leave() {
    // Each pair of three can have 60 of 100: only what leaves nobody above 40 holds.
    let worth = |set: u64| Amount([0, 0, 60, 100][set.count_ones() as usize]);
    let of = |gains: [u128; 3]| blocking(&gains.map(Amount), worth).unwrap();
    assert_eq!(of([34, 33, 33]), None);
    assert_eq!(of([40, 30, 30]), None);
    let blocked = of([41, 30, 29]).unwrap();
    assert_eq!((blocked.members, blocked.worth, blocked.gain), (0b110, Amount(60), Amount(59)));
    let blocked = of([90, 10, 0]).unwrap();
    assert_eq!((blocked.members, blocked.gain), (0b110, Amount(10)));
    // Two pairs and the whole would gain by leaving; it is the second pair that gains most.
    let blocked = of([41, 10, 29]).unwrap();
    assert_eq!((blocked.members, blocked.gain), (0b110, Amount(39)));
    assert_eq!(blocking(&[Amount(1); 21], worth), Err(Error::TooManyToCheck(21)));
}
