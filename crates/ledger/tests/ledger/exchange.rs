//! The exchange: credits, claims, orders and pools. The world has a class of credits with 2 AINU of
//! collateral each, which the seller opened; seller and rival offer its capability.
use ainur_ledger::exchange::{Action, CreditClassId, query};
use ainur_ledger::{Event, registry};
use ainur_market::exchange::{Ending, OrderId, OrderKind, Placed, SelfTrade, Side};
use ainur_primitives::{Amount, CapabilityName, Digest, QualityLevel};

use crate::world::*;

mod claims;
mod credits;
mod keyed;
mod orders;
mod pools;
mod random;

const COLLATERAL: Amount = Amount::ainu(2);
/// Of a thousandth.
const TAKER_FEE_DIVISOR: u128 = 1_000;

fn capability() -> CapabilityName {
    "archive.compress".parse().unwrap()
}

fn class() -> CreditClassId {
    CreditClassId::of(&capability(), QualityLevel::Standard)
}

fn open_class() -> Action {
    let quality = QualityLevel::Standard;
    Action::OpenClass { capability: capability(), quality, collateral: COLLATERAL }
}

fn register(world: &mut World, party: u8) {
    let (card, capabilities) = (Digest([party; 32]), vec![capability()]);
    let register = registry::Action::Register { card, version: 1, previous: None, capabilities };
    world.ok(party, register);
}

fn issue(quantity: u64) -> Action {
    Action::Issue { class: class(), quantity }
}

fn limit(side: Side, quantity: u64, price: u64) -> Action {
    place(side, quantity, OrderKind::Limit { price: Amount::ainu(price) })
}

fn place(side: Side, quantity: u64, kind: OrderKind) -> Action {
    let expires = START.plus(DAY);
    let self_trade = SelfTrade::CancelNewest;
    Action::Place { class: class(), side, quantity, kind, self_trade, expires }
}

impl World {
    /// The class is open, seller and rival are registered, and nothing is issued.
    fn with_class() -> Self {
        let mut world = Self::new();
        register(&mut world, SELLER);
        register(&mut world, RIVAL);
        world.ok(SELLER, open_class());
        world
    }

    /// The seller has issued 10 credits, then the rival 5.
    fn with_credits() -> Self {
        let mut world = Self::with_class();
        world.ok(SELLER, issue(10));
        world.ok(RIVAL, issue(5));
        world
    }

    /// Like [`Self::with_credits`], and the buyer holds 4 of the seller's, bought at 3 AINU each.
    fn with_holder() -> Self {
        let mut world = Self::with_credits();
        world.ok(SELLER, limit(Side::Sell, 4, 3));
        world.ok(BUYER, limit(Side::Buy, 4, 3));
        world
    }

    fn credits(&self, party: u8) -> u64 {
        query::credits(self.ledger.state(), &class(), &did(party))
    }

    fn owed(&self, party: u8) -> u64 {
        let owed = query::obligation(self.ledger.state(), &class(), &did(party));
        owed.map_or(0, |owed| owed.outstanding)
    }

    /// Places an order and says what became of it, and what the fee was.
    fn order(&mut self, party: u8, action: Action) -> (Placed, Amount) {
        let events = self.ok(party, action);
        let placed = events.iter().find_map(|event| match event {
            Event::Exchange(ainur_ledger::exchange::Event::Placed { placed, fee, .. }) => {
                Some((*placed, *fee))
            }
            _ => None,
        });
        placed.unwrap()
    }

    /// Places an order that rests and returns its number.
    fn resting(&mut self, party: u8, action: Action) -> OrderId {
        let (placed, _) = self.order(party, action);
        assert_eq!(placed.ending, Ending::Resting);
        placed.order
    }

    /// What a party has more, fees of transactions aside, than before so many transactions.
    fn gained(&self, party: u8, before: Amount, transactions: u64) -> i128 {
        let fees = i128::try_from(FEE.0 * u128::from(transactions)).unwrap();
        self.free(party).0 as i128 - before.0 as i128 + fees
    }
}

/// AINU as a signed number of base units.
fn ainu(whole: i64) -> i128 {
    i128::from(whole) * 1_000_000_000_000
}
