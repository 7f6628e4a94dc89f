//! Measures the order book alone, on one thread, beside a published matcher on the same random
//! operations: those of the differential test.
//!
//! `cargo run --release -p ainur-market --example order_book -- [FOLDER] [SECONDS]`
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use ainur_market::exchange::{Book, BookUpdate, SelfTrade};
use ainur_primitives::{Amount, Timestamp};
use matchcore::OrderBook;

use figure::Figure;
use operations::{Operation, operation, request};
use peer::Peer;
use random::Random;

#[path = "../../../benches/figure.rs"]
mod figure;
#[path = "../tests/exchange/operations.rs"]
mod operations;
#[expect(dead_code, reason = "the differential test compares depths")]
#[path = "../tests/exchange/peer.rs"]
mod peer;
#[expect(dead_code, reason = "the pool's test draws wide numbers")]
#[path = "../tests/exchange/random.rs"]
mod random;

/// Operations for each second asked for.
const OPERATIONS_PER_SECOND: usize = 250_000;
const SEED: u64 = 20_261_122;
const NOW: Timestamp = Timestamp(0);

/// One operation on our book.
fn execute(book: &mut Book, number: usize, operation: &Operation, feed: &mut Vec<BookUpdate>) {
    feed.clear();
    // Refusals are part of what is measured.
    match *operation {
        Operation::Place { side, quantity, kind } => {
            drop(black_box(book.place(NOW, &request(number as u64, side, quantity, kind), feed)));
        }
        Operation::Cancel { order } => drop(black_box(book.cancel(order, feed))),
        Operation::Replace { order, quantity, price } => {
            let (change, newest) = ((quantity, price), SelfTrade::CancelNewest);
            drop(black_box(book.replace(NOW, order, change, newest, feed)));
        }
    }
}

/// The operations, and the same for the peer.
fn operations(count: usize) -> Result<(Vec<Operation>, Peer), Box<dyn Error>> {
    let (mut random, mut book, mut peer) = (Random(SEED), Book::new(Amount(1)), Peer::new());
    let (mut all, mut feed, mut placed) = (Vec::with_capacity(count), Vec::new(), 0);
    for number in 0..count {
        let operation = operation(&mut random, placed);
        match operation {
            Operation::Place { side, quantity, kind } => {
                let ours = request(number as u64, side, quantity, kind);
                let id = book.place(NOW, &ours, &mut feed)?.order;
                placed = id.0 + 1;
                peer.place(id, side, quantity, kind);
            }
            Operation::Cancel { order } => {
                drop(book.cancel(order, &mut feed));
                peer.cancel(order);
            }
            Operation::Replace { order, quantity, price } => {
                let side = book.order(order).map(|order| order.side);
                let (change, newest) = ((quantity, price), SelfTrade::CancelNewest);
                let replaced = book.replace(NOW, order, change, newest, &mut feed);
                if let (Ok(replaced), Some(side)) = (replaced, side) {
                    placed = placed.max(replaced.order.0 + 1);
                    peer.replace((order, replaced.order), side, quantity, price);
                }
            }
        }
        feed.clear();
        all.push(operation);
    }
    Ok((all, peer))
}

/// The slowest of the fastest 99 in 100, in nanoseconds.
fn percentile_99(mut nanoseconds: Vec<u64>) -> f64 {
    nanoseconds.sort_unstable();
    nanoseconds.get(nanoseconds.len() * 99 / 100).map_or(0.0, |slowest| *slowest as f64)
}

/// Runs all and each: the time together, and the 99th percentile of one.
fn measure<T>(
    items: &[T],
    mut begin: impl FnMut() -> Box<dyn FnMut(usize, &T)>,
) -> (Duration, f64) {
    let mut run = begin();
    let begun = Instant::now();
    items.iter().enumerate().for_each(|(number, item)| run(number, item));
    let together = begun.elapsed();
    let mut run = begin();
    let each = items.iter().enumerate().map(|(number, item)| {
        let begun = Instant::now();
        run(number, item);
        u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    });
    (together, percentile_99(each.collect()))
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds: usize = std::env::args().nth(2).map_or(Ok(4), |text| text.parse())?;
    let (all, peer) = operations(seconds * OPERATIONS_PER_SECOND)?;
    let (ours, our_p99) = measure(&all, || {
        let (mut book, mut feed) = (Book::new(Amount(1)), Vec::new());
        Box::new(move |number, operation| execute(&mut book, number, operation, &mut feed))
    });
    let (theirs, their_p99) = measure(&peer.commands, || {
        let mut book = OrderBook::new("CREDIT");
        Box::new(move |_, command| drop(black_box(book.execute(command))))
    });
    let per_second = |count: usize, time: Duration| count as f64 / time.as_secs_f64();
    let (ours, theirs) = (per_second(all.len(), ours), per_second(peer.commands.len(), theirs));
    figure("operations on one book", ours, "operations/s", theirs);
    figure("operation, 99th percentile", our_p99, "ns", their_p99);
    Ok(())
}

fn figure(metric: &str, value: f64, unit: &str, peer_value: f64) {
    Figure { bench: "order-book", metric, value, unit, peer: Some(("matchcore", peer_value)) }
        .print();
}
