//! Receipts end to end: real keys, a real ledger, a real auction, a real log; then every way to
//! change one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]
mod credits;
mod fixture;
mod flips;
mod forgeries;
mod job;
mod job_calls;
mod job_flips;
mod job_frauds;
mod job_lies;
mod jobs;
mod negotiated;

use ainur_audit::receipt::{AttemptEnd, CheckName, rows, verify};
use ainur_primitives::Amount;

use fixture::World;

#[test]
fn receipt_of_a_settled_task_verifies() {
    let mut world = World::new("first");
    let deal = world.deal(1);
    let attempts = vec![world.agree(&deal, &[])];
    let body = world.settle(&deal, attempts);
    assert_eq!(body.paid, Amount::ainu(30), "the runner-up's bid sets the price");
    let bytes = world.issue(body).to_bytes().unwrap();
    let report = verify(&bytes, &world.trust());
    assert!(report.ok(), "{:#?}", report.checks);
    assert_eq!(report.checks.len(), CheckName::ALL.len());
    let shown = rows(report.receipt.as_ref().unwrap());
    let paid = shown.iter().find(|row| row.label == "paid").unwrap();
    assert_eq!(paid.value, "30 AINU");
}

#[test]
fn receipt_of_a_task_settled_after_a_failure_replays_without_the_failed_seller() {
    let mut world = World::new("first");
    let deal = world.deal(1);
    let mut first = world.agree(&deal, &[]);
    world.fail(&deal, 1, &mut first);
    let second = world.agree(&deal, &[first.seller]);
    assert_ne!(first.seller, second.seller);
    let body = world.settle(&deal, vec![first, second]);
    let receipt = world.issue(body);
    let report = verify(&receipt.to_bytes().unwrap(), &world.trust());
    assert!(report.ok(), "{:#?}", report.checks);
    // Without the failure's own event the ledger's second agreement still proves it.
    let mut body = receipt.body;
    let AttemptEnd::Failed { event, .. } = &mut body.attempts[0].end else { unreachable!() };
    *event = None;
    let bytes = world.issue(body).to_bytes().unwrap();
    assert!(verify(&bytes, &world.trust()).ok());
}

#[test]
fn receipt_of_a_refunded_task_verifies() {
    let mut world = World::new("first");
    let deal = world.deal(1);
    let mut attempt = world.agree(&deal, &[]);
    world.fail(&deal, 1, &mut attempt);
    let body = world.refund(&deal, vec![attempt]);
    let bytes = world.issue(body).to_bytes().unwrap();
    let report = verify(&bytes, &world.trust());
    assert!(report.ok(), "{:#?}", report.checks);
    let shown = rows(report.receipt.as_ref().unwrap());
    assert!(shown.iter().all(|row| row.label != "output" && row.label != "seller"));
}
