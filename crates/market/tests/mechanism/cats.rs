//! Auctions of the Combinatorial Auction Test Suite are solved to the optimum another solver proved.
//!
//! `AINUR_TEST_FULL=1` adds those that took the other solver more than five seconds, as the example
//! `winner_determination` does.
use std::time::Instant;

use ainur_market::combinatorial::packing::{Candidate, solve};

use crate::instances::{FOLDER, read};

const NODES_MAX: u64 = 1_000_000;

#[test]
fn instances_are_solved_to_the_known_optimum() {
    let full = std::env::var_os("AINUR_TEST_FULL").is_some();
    let optima = std::fs::read_to_string(format!("{FOLDER}/optimum.csv")).unwrap();
    let mut solved = 0;
    for line in optima.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let seconds: f64 = fields[5].parse().unwrap();
        if seconds > 5.0 && !full {
            continue;
        }
        let text = std::fs::read_to_string(format!("{FOLDER}/{}", fields[0])).unwrap();
        let (goods, candidates) = read(&text).expect("a file of the suite");
        assert_eq!(goods.to_string(), fields[1]);
        assert_eq!(candidates.len().to_string(), fields[3]);
        let started = Instant::now();
        let best = solve(&candidates, &[], NODES_MAX).expect("within the node limit");
        println!("{:38} {:>8} nodes {:>10.1?}", fields[0], best.nodes, started.elapsed());
        assert_eq!(best.value.to_string(), fields[4], "{}", fields[0]);
        let chosen: Vec<&Candidate> = best.chosen.iter().map(|place| &candidates[*place]).collect();
        assert_eq!(chosen.iter().map(|candidate| candidate.weight).sum::<u128>(), best.value);
        for (place, one) in chosen.iter().enumerate() {
            for other in &chosen[..place] {
                assert!(one.items.is_disjoint(&other.items) && one.group != other.group);
            }
        }
        solved += 1;
    }
    assert_eq!(solved, if full { 40 } else { 34 });
}
