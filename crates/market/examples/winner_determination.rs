//! Measures exact winner determination: the instances of the Combinatorial Auction Test Suite
//! beside the time the solver that proved their optima is recorded with, and whole decisions, payments
//! included, over random task graphs of each size.
//!
//! `cargo run --release -p ainur-market --example winner_determination`
use std::error::Error;
use std::time::Instant;

use ainur_market::combinatorial::mechanism::{Contender, Method, decide};
use ainur_market::combinatorial::packing::solve;
use ainur_primitives::Amount;

use figure::Figure;
use instances::{FOLDER, read};
use numbers::Numbers;

#[path = "../../../benches/figure.rs"]
mod figure;
#[path = "../tests/mechanism/instances.rs"]
mod instances;
#[path = "../tests/mechanism/numbers.rs"]
mod numbers;

const NODES_MAX: u64 = 1_000_000;
/// Subtasks, bidders, bundles a bidder, and how many such auctions.
const SIZES: [(usize, u32, usize, usize); 7] = [
    (3, 5, 7, 201),
    (5, 10, 8, 201),
    (8, 20, 8, 101),
    (12, 30, 8, 51),
    (20, 40, 8, 21),
    (32, 50, 8, 11),
    (48, 50, 8, 5),
];

fn main() -> Result<(), Box<dyn Error>> {
    let optima = std::fs::read_to_string(format!("{FOLDER}/optimum.csv"))?;
    for line in optima.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [file, _, _, _, optimum, seconds] = fields[..] else {
            return Err(format!("{line}: six fields").into());
        };
        let (_, candidates) = read(&std::fs::read_to_string(format!("{FOLDER}/{file}"))?)?;
        let started = Instant::now();
        let best = solve(&candidates, &[], NODES_MAX).ok_or("within the node limit")?;
        let elapsed = started.elapsed().as_secs_f64();
        if best.value.to_string() != optimum {
            return Err(format!("{file}: {} is not the optimum {optimum}", best.value).into());
        }
        let name = file.trim_end_matches("_0000.txt");
        let peer: f64 = seconds.parse()?;
        let metric = format!("{name} optimum");
        figure(
            &metric,
            elapsed * 1e3,
            "ms",
            Some(("HiGHS, as recorded with the instances", peer * 1e3)),
        );
    }
    for size in SIZES {
        let (subtasks, bidders, bundles, auctions) = size;
        let mut times = Vec::new();
        let (mut nodes, mut exact) = (Vec::new(), 0);
        for seed in 0..auctions as u64 {
            let (reserves, contenders) = auction(seed, size);
            let started = Instant::now();
            let decision = decide(&reserves, &contenders);
            times.push(started.elapsed().as_secs_f64() * 1e3);
            nodes.push(decision.nodes);
            exact += usize::from(decision.method == Method::Exact);
        }
        times.sort_by(f64::total_cmp);
        nodes.sort_unstable();
        let name = format!("{subtasks} subtasks, {} bundles", bidders as usize * bundles);
        let print = |metric: &str, value: f64, unit: &str| {
            figure(&format!("{name}: {metric}"), value, unit, None);
        };
        print("decision and payments, median", times[auctions / 2], "ms");
        print("decision and payments, slowest", times[auctions - 1], "ms");
        print("nodes, median", nodes[auctions / 2] as f64, "nodes");
        print("solved exactly", exact as f64 * 100.0 / auctions as f64, "%");
    }
    Ok(())
}

fn figure(metric: &str, value: f64, unit: &str, peer: Option<(&str, f64)>) {
    Figure { bench: "winner-determination", metric, value, unit, peer }.print();
}

/// Costs around 100 for each subtask, bundles of one to four at a saving; reserves of 200.
fn auction(
    seed: u64,
    (subtasks, bidders, bundles, _): (usize, u32, usize, usize),
) -> (Vec<Amount>, Vec<Contender>) {
    let mut numbers = Numbers(seed);
    let mut contenders = Vec::new();
    for bidder in 0..bidders {
        let costs: Vec<u128> =
            (0..subtasks).map(|_| 50_000_000 + numbers.below(100_000_000)).collect();
        for _ in 0..bundles {
            let size = 1 + numbers.below(4.min(subtasks as u128));
            let set = (0..size).map(|_| numbers.below(subtasks as u128) as usize);
            let set: ainur_market::combinatorial::SubtaskSet = set.collect();
            let sum: u128 = set.indices().map(|index| costs[index]).sum();
            let saved = if set.count() > 1 { numbers.below(30) } else { 0 };
            contenders.push(Contender {
                bidder,
                subtasks: set,
                price: Amount(sum - sum / 100 * saved),
                expected_loss: Amount(numbers.below(5_000_000) * set.count() as u128),
                lot: numbers.below(1 << 24) as u32,
            });
        }
    }
    (vec![Amount(200_000_000); subtasks], contenders)
}
