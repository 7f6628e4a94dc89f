//! Our matcher and a published one on a million random operations: the same trades, the same orders
//! refused, the same book.
use ainur_market::exchange::book::Book;
use ainur_market::exchange::{BookUpdate, Change, Error, OrderKind, SelfTrade, Side};
use ainur_primitives::{Amount, Timestamp};

use crate::operations::{Operation, operation, request};
use crate::peer::{Fill, Peer};
use crate::random::Random;

const OPERATIONS: u32 = 1_000_000;
/// The whole depth is compared after so many operations.
const COMPARED_EVERY: u32 = 500;
const NOW: Timestamp = Timestamp(0);

fn fills(feed: &[BookUpdate]) -> Vec<Fill> {
    let traded = feed.iter().filter_map(|update| match update.change {
        Change::Traded(trade) => Some((trade.maker.0, trade.price.0 as u64, trade.quantity)),
        _ => None,
    });
    traded.collect()
}

fn depth(book: &Book, side: Side) -> Vec<(u64, u64, u64)> {
    let depth = book.depth(usize::MAX);
    let levels = if side == Side::Buy { depth.buy } else { depth.sell };
    let shown = levels.iter();
    shown.map(|level| (level.price.0 as u64, level.quantity, u64::from(level.orders))).collect()
}

#[test]
fn a_million_random_operations_match_like_a_published_matcher() {
    let seed = 20_261_122;
    let mut random = Random(seed);
    let (mut book, mut peer) = (Book::new(Amount(1)), Peer::new());
    let (mut placed, mut traded, mut refused) = (0, 0, 0);
    let mut feed = Vec::new();
    for step in 0..OPERATIONS {
        feed.clear();
        let operation = operation(&mut random, placed);
        let theirs = match operation {
            Operation::Place { side, quantity, kind } => {
                let id = book.place(NOW, &request(placed, side, quantity, kind), &mut feed);
                placed += 1;
                peer.place(id.unwrap().order, side, quantity, kind)
            }
            Operation::Cancel { order } => {
                let ours = book.cancel(order, &mut feed);
                assert_eq!(ours.is_ok(), peer.cancel(order), "seed {seed}, step {step}");
                refused += u32::from(ours.is_err());
                Vec::new()
            }
            Operation::Replace { order, quantity, price } => {
                let side = book.order(order).map(|order| order.side);
                let change = (quantity, price);
                match book.replace(NOW, order, change, SelfTrade::CancelNewest, &mut feed) {
                    Ok(replaced) => {
                        placed += u64::from(replaced.order != order);
                        peer.replace((order, replaced.order), side.unwrap(), quantity, price)
                    }
                    Err(Error::UnknownOrder(_)) => {
                        assert!(!peer.cancel(order), "seed {seed}, step {step}");
                        refused += 1;
                        Vec::new()
                    }
                    Err(error) => {
                        assert_eq!(error, Error::NothingReplaced);
                        Vec::new()
                    }
                }
            }
        };
        let ours = fills(&feed);
        assert_eq!(ours, theirs, "seed {seed}, step {step}: {operation:?}");
        traded += ours.len();
        if step % COMPARED_EVERY == 0 || step + 1 == OPERATIONS {
            for side in [Side::Buy, Side::Sell] {
                assert_eq!(depth(&book, side), peer.depth(side), "seed {seed}, step {step}");
            }
        }
    }
    // Emptying both books shows that queues agree order by order.
    for side in [Side::Buy, Side::Sell] {
        while book.orders(side.opposite()).next().is_some() {
            feed.clear();
            let (quantity, kind) = (10_000, OrderKind::Market);
            let order = request(placed, side, quantity, kind);
            let id = book.place(NOW, &order, &mut feed).unwrap().order;
            placed += 1;
            let same = fills(&feed) == peer.place(id, side, quantity, kind);
            assert!(same, "seed {seed}: the books differ in the end");
        }
        assert!(peer.depth(side.opposite()).is_empty());
    }
    assert!(book.is_empty());
    assert!(traded > 200_000 && refused > 10_000, "{traded} trades, {refused} refusals");
}
