//! Where each kind of record is kept. The first byte says the kind, the rest says which one, so a
//! proof about a key is a proof about one named record.
use alloc::vec::Vec;

use ainur_primitives::{BudgetId, Did, Digest, TaskId, Timestamp};

use super::Key;

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
