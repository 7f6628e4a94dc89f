//! The trait over both back ends: completions in order, reads beside commits, closing.
use std::collections::BTreeMap;
use std::sync::mpsc;

use ainur_consensus::{EmbeddedLog, InlineLog, Refused, ReplicatedLog};
use ainur_ledger::balances::query;
use ainur_ledger::{Height, Outcome, Submission};
use ainur_primitives::{Amount, Timestamp};
use ainur_storage::{RealDisk, SimDisk, SystemClock};

use crate::fixture::{BEGINNING, Fixture, RICH};

#[test]
fn the_embedded_log_answers_every_ticket_in_order_and_durably() {
    const SUBMISSIONS: u64 = 40;
    let fixture = Fixture::new(2);
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path()).unwrap();
    let (sender, completions) = mpsc::channel();
    let chain = fixture.open(&disk).unwrap();
    let log = EmbeddedLog::start(chain, SystemClock, move |completion| {
        sender.send(completion).expect("the test listens");
    })
    .unwrap();
    let mut nonces = BTreeMap::new();
    let tickets: Vec<_> = (0..SUBMISSIONS)
        .map(|_| log.submit(fixture.transfers(1, &[(0, 1), (0, 1)], &mut nonces)).unwrap())
        .collect();
    for ticket in tickets {
        let completion = completions.recv().unwrap();
        assert_eq!(completion.ticket, ticket);
        let completed = completion.result.unwrap();
        assert_eq!(completed.outcomes().len(), 2);
        for (_, outcome) in completed.outcomes() {
            assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        }
        // What was told is visible and durable already.
        let height = completed.committed.header.as_ref().unwrap().header.height;
        assert!(log.query(|view| view.height()) >= height);
        assert!(log.block(height).unwrap().is_some());
        log.event_proof(height, 0).unwrap().0.verify().unwrap();
    }
    let blocks = log.committed(Height(1)).unwrap();
    let transactions: usize = blocks.iter().map(|block| block.block.transactions.len()).sum();
    assert_eq!(transactions as u64, 2 * SUBMISSIONS);
    assert_eq!(log.validators(Height(0)), fixture.genesis.validators);
    log.close().unwrap();
    assert_eq!(log.submit(Submission::default()), Err(Refused::Closed));
    drop(log);

    let chain = fixture.open(&disk).unwrap();
    let account = query::account(chain.state(), &fixture.parties[1].did);
    assert_eq!(account.nonce, 2 * SUBMISSIONS);
    let fees = fixture.genesis.parameters.fee_min.0 * u128::from(2 * SUBMISSIONS);
    assert_eq!(account.free, Amount(RICH.0 - fees - u128::from(2 * SUBMISSIONS)));
    assert_eq!(chain.verify(&fixture.genesis).unwrap(), blocks.len() as u64);
}

#[test]
fn the_inline_log_gives_the_same_root_for_the_same_turns() {
    let fixture = Fixture::new(3);
    let roots = [1, 2].map(|seed| {
        let log = InlineLog::new(fixture.open(&SimDisk::new(seed)).unwrap());
        let mut nonces = BTreeMap::new();
        for turn in 0..5u64 {
            let first = log.submit(fixture.transfers(1, &[(2, 9)], &mut nonces)).unwrap();
            let second = log.submit(fixture.transfers(2, &[(1, 4)], &mut nonces)).unwrap();
            let completions = log.turn(Timestamp(BEGINNING.0 + turn));
            let tickets: Vec<_> = completions.iter().map(|answer| answer.ticket).collect();
            assert_eq!(tickets, [first, second]);
        }
        assert!(log.turn(BEGINNING).is_empty());
        assert_eq!(log.committed(Height(2)).unwrap().len(), 4);
        log.query(|view| view.ledger().head().digest())
    });
    assert_eq!(roots[0], roots[1]);
}

#[test]
fn a_failed_disk_fails_the_tickets_and_closes_the_log() {
    let fixture = Fixture::new(2);
    let disk = SimDisk::new(1);
    let (sender, completions) = mpsc::channel();
    let log = EmbeddedLog::start(fixture.open(&disk).unwrap(), SystemClock, move |completion| {
        sender.send(completion).expect("the test listens");
    })
    .unwrap();
    disk.cut_power_after(0);
    let mut nonces = BTreeMap::new();
    log.submit(fixture.transfers(1, &[(0, 1)], &mut nonces)).unwrap();
    assert!(completions.recv().unwrap().result.is_err());
    assert!(log.failed());
    let submission = fixture.transfers(1, &[(0, 1)], &mut nonces);
    assert_eq!(log.submit(submission), Err(Refused::Closed));
    assert_eq!(log.query(|view| view.height()), Height(0));
}
