//! Where each kind of record is kept. The first byte says the kind, the rest says which one, so a
//! proof about a key is a proof about one named record.
use alloc::vec::Vec;

use ainur_market::exchange::{OrderId, Side};
use ainur_primitives::{Amount, BudgetId, Did, Digest, TaskId, Timestamp};

use super::Key;
use crate::exchange::CreditClassId;

/// The kind of a record: the first byte of its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Space {
    /// The governed [`crate::Parameters`].
    Parameters = 0,
    /// The [`crate::balances::Totals`].
    Totals = 1,
    /// The validators named in genesis.
    Validators = 2,
    /// Accounts, by owner.
    Account = 3,
    /// Identities, by DID.
    Identity = 4,
    /// The newest registration of each agent.
    Agent = 5,
    /// Every registered version of each agent's card.
    CardVersion = 6,
    /// Budgets.
    Budget = 7,
    /// Escrows and their tombstones, by task.
    Escrow = 8,
    /// Bid bonds that were forfeited, by task and bidder.
    Forfeit = 9,
    /// What is removed when its time has come, by time.
    Expiry = 10,
    /// Stake and reputation, by DID.
    Reputation = 11,
    /// How often a buyer has agreed under an offer, by offer and buyer.
    OfferUse = 20,
    /// Offers their sellers have taken back, by offer.
    OfferRevoked = 21,
    /// Classes of credits.
    CreditClass = 32,
    /// Credits, by class and owner.
    Credits = 33,
    /// What issuers owe, by class and issuer.
    Obligation = 34,
    /// Who owes, by class and place in line.
    Turn = 35,
    /// Claims and what is remembered of them, by task.
    Claim = 36,
    /// Resting orders, by class and side in the order in which they trade.
    Order = 37,
    /// Where the resting orders of each owner are, by owner, class and number.
    OpenOrder = 38,
    /// Pools, by class.
    Pool = 39,
    /// Shares of pools, by class and owner.
    PoolShares = 40,
    /// What is remembered of calls to the exchange under keys, by sender and key.
    Keyed = 41,
    /// Rentals, by the digest of their terms.
    Rental = 48,
    /// What each buyer rents, by buyer and rental.
    RentalOf = 49,
    /// Uses of rentals, by task.
    RentalUse = 50,
    /// What the periods of rentals came to, by rental and period.
    RentalStatement = 51,
    /// Terms of rentals their sellers have taken back.
    RentalWithdrawn = 52,
}

impl Space {
    /// The prefix of all keys of this kind.
    pub const fn prefix(self) -> [u8; 1] {
        [self as u8]
    }

    fn key(self, parts: &[&[u8]]) -> Key {
        let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
        key.push(self as u8);
        parts.iter().for_each(|part| key.extend_from_slice(part));
        key
    }
}

/// The governed parameters.
pub fn parameters() -> Key {
    Space::Parameters.key(&[])
}

/// The totals of all money.
pub fn totals() -> Key {
    Space::Totals.key(&[])
}

/// The validators.
pub fn validators() -> Key {
    Space::Validators.key(&[])
}

/// An account.
pub fn account(did: &Did) -> Key {
    Space::Account.key(&[&did.0.0])
}

/// An identity.
pub fn identity(did: &Did) -> Key {
    Space::Identity.key(&[&did.0.0])
}

/// The newest registration of an agent.
pub fn agent(did: &Did) -> Key {
    Space::Agent.key(&[&did.0.0])
}

/// One version of an agent's card.
pub fn card_version(did: &Did, version: u32) -> Key {
    Space::CardVersion.key(&[&did.0.0, &version.to_be_bytes()])
}

/// A budget.
pub fn budget(budget: &BudgetId) -> Key {
    Space::Budget.key(&[&budget.0.0])
}

/// An escrow, or what is left of it.
pub fn escrow(task: &TaskId) -> Key {
    Space::Escrow.key(&[&task.0.0])
}

/// A forfeited bid bond.
pub fn forfeit(task: &TaskId, bidder: &Did) -> Key {
    Space::Forfeit.key(&[&task.0.0, &bidder.0.0])
}

/// The removal of a record at a time. The record's own key is the rest of this one.
pub(crate) fn expiry(at: Timestamp, record: &[u8]) -> Key {
    Space::Expiry.key(&[&at.0.to_be_bytes(), record])
}

/// When a removal is due and of what, from its key.
pub(crate) fn read_expiry(key: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (at, record) = key.strip_prefix(&Space::Expiry.prefix())?.split_first_chunk::<8>()?;
    Some((Timestamp(u64::from_be_bytes(*at)), record))
}

/// Stake and reputation of a party.
pub fn reputation(did: &Did) -> Key {
    Space::Reputation.key(&[&did.0.0])
}

/// How often a buyer has agreed under an offer, given by its digest.
pub fn offer_use(offer: &Digest, buyer: &Did) -> Key {
    Space::OfferUse.key(&[&offer.0, &buyer.0.0])
}

/// That an offer, given by its digest, was taken back.
pub fn offer_revoked(offer: &Digest) -> Key {
    Space::OfferRevoked.key(&[&offer.0])
}

/// A class of credits.
pub fn credit_class(class: &CreditClassId) -> Key {
    Space::CreditClass.key(&[&class.0.0])
}

/// An owner's credits.
pub fn credits(class: &CreditClassId, owner: &Did) -> Key {
    Space::Credits.key(&[&class.0.0, &owner.0.0])
}

/// The prefix of what all issuers of a class owe.
pub fn obligations(class: &CreditClassId) -> Key {
    Space::Obligation.key(&[&class.0.0])
}

/// What an issuer owes.
pub fn obligation(class: &CreditClassId, issuer: &Did) -> Key {
    Space::Obligation.key(&[&class.0.0, &issuer.0.0])
}

/// The prefix of the line of issuers.
pub fn turns(class: &CreditClassId) -> Key {
    Space::Turn.key(&[&class.0.0])
}

/// A place in the line of issuers.
pub fn turn(class: &CreditClassId, turn: u64) -> Key {
    Space::Turn.key(&[&class.0.0, &turn.to_be_bytes()])
}

/// What is remembered of a call under a key.
pub fn keyed(sender: &Did, key: &Digest) -> Key {
    Space::Keyed.key(&[&sender.0.0, &key.0])
}

/// A claim, or what is left of it.
pub fn claim(task: &TaskId) -> Key {
    Space::Claim.key(&[&task.0.0])
}

/// A rental.
pub fn rental(rental: &Digest) -> Key {
    Space::Rental.key(&[&rental.0])
}

/// The prefix of what a buyer rents.
pub fn rentals_of(buyer: &Did) -> Key {
    Space::RentalOf.key(&[&buyer.0.0])
}

/// That a buyer rents something.
pub fn rental_of(buyer: &Did, rental: &Digest) -> Key {
    Space::RentalOf.key(&[&buyer.0.0, &rental.0])
}

/// A use of a rental.
pub fn rental_use(task: &TaskId) -> Key {
    Space::RentalUse.key(&[&task.0.0])
}

/// The prefix of what the periods of a rental came to.
pub fn rental_statements(rental: &Digest) -> Key {
    Space::RentalStatement.key(&[&rental.0])
}

/// What a period of a rental came to.
pub fn rental_statement(rental: &Digest, period: u32) -> Key {
    Space::RentalStatement.key(&[&rental.0, &period.to_be_bytes()])
}

/// That the terms of a rental were taken back.
pub fn rental_withdrawn(rental: &Digest) -> Key {
    Space::RentalWithdrawn.key(&[&rental.0])
}

/// The prefix of the orders of one side of a class.
pub fn orders(class: &CreditClassId, side: Side) -> Key {
    Space::Order.key(&[&class.0.0, &[side as u8]])
}

/// A resting order; ascending keys are the order in which orders trade.
pub fn order(class: &CreditClassId, side: Side, price: Amount, order: OrderId) -> Key {
    let turn = match side {
        Side::Buy => !price.0,
        Side::Sell => price.0,
    };
    let (turn, number) = (turn.to_be_bytes(), order.0.to_be_bytes());
    Space::Order.key(&[&class.0.0, &[side as u8], &turn, &number])
}

/// The prefix of where an owner's resting orders are.
pub fn open_orders(owner: &Did) -> Key {
    Space::OpenOrder.key(&[&owner.0.0])
}

/// Where a resting order is.
pub fn open_order(owner: &Did, class: &CreditClassId, order: OrderId) -> Key {
    Space::OpenOrder.key(&[&owner.0.0, &class.0.0, &order.0.to_be_bytes()])
}

/// A pool.
pub fn pool(class: &CreditClassId) -> Key {
    Space::Pool.key(&[&class.0.0])
}

/// The prefix of all shares of a pool.
pub fn pool_holders(class: &CreditClassId) -> Key {
    Space::PoolShares.key(&[&class.0.0])
}

/// An owner's shares of a pool.
pub fn pool_shares(class: &CreditClassId, owner: &Did) -> Key {
    Space::PoolShares.key(&[&class.0.0, &owner.0.0])
}
