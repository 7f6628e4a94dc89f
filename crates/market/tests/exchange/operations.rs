//! Random operations on one book, as a market sees them: mostly limit orders near the middle, many
//! cancellations, some of everything else.
use ainur_market::exchange::{OrderId, OrderKind, OrderRequest, SelfTrade, Side};
use ainur_primitives::{Amount, Did, Digest, Timestamp};

use crate::random::Random;

/// One operation; `Cancel` and `Replace` may name an order that no longer rests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Place { side: Side, quantity: u64, kind: OrderKind },
    Cancel { order: OrderId },
    Replace { order: OrderId, quantity: u64, price: Amount },
}

/// How far prices are from the middle.
const SPREAD: u64 = 60;
const MIDDLE: u64 = 10_000;
/// Operations on orders name one of so many that were placed last.
const RECENT: u64 = 2_000;

/// The next operation, when `placed` orders have been numbered before.
pub(crate) fn operation(random: &mut Random, placed: u64) -> Operation {
    let side = if random.next().is_multiple_of(2) { Side::Buy } else { Side::Sell };
    let quantity = random.between(1, 100);
    // Buyers bid mostly below the middle and sellers above: a quarter of the orders cross.
    let away = random.between(0, SPREAD);
    let price = match side {
        Side::Buy => MIDDLE + SPREAD / 4 - away,
        Side::Sell => MIDDLE - SPREAD / 4 + away,
    };
    let price = Amount(u128::from(price));
    let order = OrderId(placed.saturating_sub(1 + random.next() % RECENT));
    let place = |kind| Operation::Place { side, quantity, kind };
    match random.between(0, 99) {
        0..=54 => place(OrderKind::Limit { price }),
        55..=59 => place(OrderKind::PostOnly { price }),
        60..=64 => place(OrderKind::ImmediateOrCancel { price }),
        65..=67 => place(OrderKind::FillOrKill { price }),
        68..=69 => place(OrderKind::Market),
        _ if placed == 0 => place(OrderKind::Limit { price }),
        70..=91 => Operation::Cancel { order },
        _ => Operation::Replace { order, quantity, price },
    }
}

/// A request by an owner of its own, so that nobody meets themselves.
pub(crate) fn request(number: u64, side: Side, quantity: u64, kind: OrderKind) -> OrderRequest {
    let mut owner = [0; 32];
    owner[..8].copy_from_slice(&number.to_le_bytes());
    OrderRequest {
        owner: Did(Digest(owner)),
        side,
        quantity,
        kind,
        self_trade: SelfTrade::CancelNewest,
        expires: Timestamp(u64::MAX),
    }
}
