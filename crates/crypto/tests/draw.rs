//! Draws repeat, are fair, and follow from a seed no party chose alone.
use std::collections::BTreeSet;

use ainur_crypto::draw::{Draw, commit};
use ainur_primitives::Digest;

fn draw(label: &str) -> Draw {
    Draw::new(Digest([7; 32]), label)
}

#[test]
fn draws_never_change() {
    let mut numbers = draw("golden");
    let drawn: Vec<u64> = (0..6).map(|_| numbers.next_below(1_000)).collect();
    // Computed from the definition with another program.
    assert_eq!(drawn, [420, 414, 563, 234, 6, 502]);
}

#[test]
fn another_seed_or_label_draws_otherwise() {
    let first = draw("a").next_u64();
    assert_ne!(first, draw("b").next_u64());
    assert_ne!(first, Draw::new(Digest([8; 32]), "a").next_u64());
}

#[test]
fn no_number_is_likelier_than_another() {
    // 20,000 draws over 7: each expected 2,857 times, standard deviation 49.
    let mut counts = [0u32; 7];
    let mut numbers = draw("fair");
    for _ in 0..20_000 {
        counts[usize::try_from(numbers.next_below(7)).expect("below seven")] += 1;
    }
    assert!(counts.iter().all(|count| (2_657..=3_057).contains(count)), "{counts:?}");
}

#[test]
fn the_upper_third_is_not_favoured_where_a_plain_remainder_would_favour_the_lower() {
    // With a bound of 2⁶⁴ × 2/3, a plain remainder draws the lower half twice as often.
    let bound = u64::MAX / 3 * 2;
    let mut numbers = draw("wide");
    let lower = (0..4_000).filter(|_| numbers.next_below(bound) < bound / 2).count();
    assert!((1_840..=2_160).contains(&lower), "{lower} of 4000 in the lower half");
}

#[test]
fn bounds_at_the_edges() {
    let mut numbers = draw("edges");
    assert_eq!((numbers.next_below(0), numbers.next_below(1)), (0, 0));
    for _ in 0..100 {
        assert!(numbers.next_below(u64::MAX) < u64::MAX);
        assert!(numbers.next_below(2) < 2);
    }
}

#[test]
fn a_sample_has_no_item_twice_and_is_the_start_of_the_shuffle() {
    let items: Vec<u32> = (0..50).collect();
    let sample = draw("s").sample(&items, 20);
    assert_eq!(sample.iter().collect::<BTreeSet<_>>().len(), 20);
    let mut shuffled = items.clone();
    draw("s").shuffle(&mut shuffled);
    assert_eq!(sample, shuffled[..20]);
    shuffled.sort_unstable();
    assert_eq!(shuffled, items);
    assert_eq!(draw("s").sample(&items, 99).len(), 50);
    assert!(draw("s").sample::<u32>(&[], 3).is_empty());
}

#[test]
fn every_order_of_three_is_equally_likely() {
    let mut orders = std::collections::BTreeMap::<[u8; 3], u32>::new();
    let mut numbers = draw("orders");
    for _ in 0..6_000 {
        let mut items = [1, 2, 3];
        numbers.shuffle(&mut items);
        *orders.entry(items).or_default() += 1;
    }
    // Expected 1,000 each, standard deviation 29.
    assert_eq!(orders.len(), 6);
    assert!(orders.values().all(|count| (880..=1_120).contains(count)), "{orders:?}");
}

#[test]
fn a_commitment_binds_value_and_salt() {
    let commitment = commit(b"bid 5", &[1; 32]);
    assert_eq!(commitment, commit(b"bid 5", &[1; 32]));
    assert_ne!(commitment, commit(b"bid 6", &[1; 32]));
    assert_ne!(commitment, commit(b"bid 5", &[2; 32]));
}
