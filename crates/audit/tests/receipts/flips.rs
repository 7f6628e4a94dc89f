//! Single bytes of a receipt changed, in a full run every one: always detected, always named.
use std::time::Instant;

use ainur_audit::receipt::{CheckName, Finding, Report, Trust, verify};

use crate::fixture::World;

fn receipt() -> (Vec<u8>, Trust) {
    let mut world = World::new("first");
    let deal = world.deal(1);
    let attempts = vec![world.agree(&deal, &[])];
    let body = world.settle(&deal, attempts);
    (world.issue(body).to_bytes().unwrap(), world.trust())
}

/// Flips bits and demands a report that names what is wrong.
fn flipped(bytes: &[u8], position: usize, mask: u8, trust: &Trust) -> Report {
    let mut changed = bytes.to_vec();
    changed[position] ^= mask;
    let report = verify(&changed, trust);
    assert!(!report.ok(), "byte {position} ^ {mask:#04x} went unnoticed");
    for problem in report.problems() {
        assert!(!problem.finding.detail().is_empty(), "{} says nothing", problem.name);
    }
    let readable = report.receipt.is_some();
    let named = matches!(report.finding(CheckName::CanonicalForm), Some(Finding::Failed(_)));
    assert!(readable || named, "byte {position}: unreadable, yet not named");
    report
}

#[test]
fn changed_bytes_are_detected_and_named() {
    let (bytes, trust) = receipt();
    assert!(verify(&bytes, &trust).ok());
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    // Every byte takes two minutes: `cargo xtask test --full` does it, the others take one of three.
    let every = if std::env::var_os("AINUR_TEST_FULL").is_some() { 1 } else { 3 };
    std::thread::scope(|scope| {
        for first in 0..threads {
            let (bytes, trust) = (&bytes, &trust);
            scope.spawn(move || {
                for position in (first * every..bytes.len()).step_by(threads * every) {
                    // A fixed, uneven choice of bit for each position.
                    let bit = (position.wrapping_mul(0x9e37_79b9) >> 7) % 8;
                    flipped(bytes, position, 1 << bit, trust);
                }
            });
        }
    });
    println!("{} bytes in {:?}", bytes.len(), started.elapsed());
}

#[test]
fn all_eight_flips_of_sampled_bytes_are_detected() {
    let (bytes, trust) = receipt();
    for position in (0..bytes.len()).step_by(bytes.len() / 150) {
        for bit in 0..8 {
            flipped(&bytes, position, 1 << bit, &trust);
        }
    }
}
