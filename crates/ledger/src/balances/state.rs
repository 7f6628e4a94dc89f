//! Accounts and totals as they are stored, and the one function that moves money.
use ainur_primitives::{Amount, Did};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::state::{Overlay, key};

/// What a party holds and how many transactions it has sent.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Money it can spend.
    pub free: Amount,
    /// The number its next transaction must carry.
    pub nonce: u64,
    /// What it still has to get or give elsewhere: escrows it pays for that are open, open claims
    /// it is a party to, classes in which it owes, and orders that rest. An identity that has any
    /// is not given up.
    pub positions: u32,
}

/// All money there is, by where it is.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Everything ever issued.
    pub issued: Amount,
    /// Everything ever destroyed.
    pub burned: Amount,
    /// On accounts.
    pub free: Amount,
    /// Bonded as stake, including the part locked for running agreements.
    pub staked: Amount,
    /// In escrow.
    pub escrowed: Amount,
    /// Deposited for identities.
    pub deposits: Amount,
    /// Locked on the exchange: behind buy orders, credits and claims.
    pub exchange: Amount,
    /// In the pools of the exchange.
    pub pools: Amount,
    /// Locked for rentals.
    #[serde(default)]
    pub rentals: Amount,
    /// Fees taken.
    pub treasury: Amount,
}

impl Totals {
    /// True when nothing was created or lost between the pots.
    pub fn conserved(&self) -> bool {
        let pots = [
            self.free,
            self.staked,
            self.escrowed,
            self.deposits,
            self.exchange,
            self.pools,
            self.rentals,
            self.treasury,
        ];
        let held = pots.into_iter().try_fold(Amount::ZERO, Amount::checked_add);
        held.is_some() && held == self.issued.checked_sub(self.burned)
    }
}

/// Where money is or goes. The owner of staked, escrowed and deposited money is recorded by the
/// module that keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pot {
    /// An account.
    Free(Did),
    /// Stake.
    Staked,
    /// Escrow.
    Escrowed,
    /// Identity deposits.
    Deposits,
    /// Locked on the exchange.
    Exchange,
    /// Pools of the exchange.
    Pools,
    /// Locked for rentals.
    Rentals,
    /// The treasury.
    Treasury,
    /// Nowhere: only as a destination.
    Burned,
}

impl Pot {
    fn total(self, totals: &mut Totals) -> &mut Amount {
        match self {
            Self::Free(_) => &mut totals.free,
            Self::Staked => &mut totals.staked,
            Self::Escrowed => &mut totals.escrowed,
            Self::Deposits => &mut totals.deposits,
            Self::Exchange => &mut totals.exchange,
            Self::Pools => &mut totals.pools,
            Self::Rentals => &mut totals.rentals,
            Self::Treasury => &mut totals.treasury,
            Self::Burned => &mut totals.burned,
        }
    }
}

pub(crate) fn account(state: &Overlay<'_>, did: &Did) -> Account {
    state.read(&key::account(did)).unwrap_or_default()
}

pub(crate) fn write_account(state: &mut Overlay<'_>, did: &Did, account: &Account) {
    state.write(key::account(did), account);
}

/// Notes that a party has something more to get or give.
pub(crate) fn open_position(state: &mut Overlay<'_>, did: &Did) {
    let mut account = account(state, did);
    account.positions =
        account.positions.checked_add(1).expect("each is a record of its own, and all fit");
    write_account(state, did, &account);
}

/// Notes that something a party had to get or give has ended.
pub(crate) fn close_position(state: &mut Overlay<'_>, did: &Did) {
    let mut account = account(state, did);
    account.positions =
        account.positions.checked_sub(1).expect("what ends was counted when it began");
    write_account(state, did, &account);
}

/// Moves money from one pot to another; nothing happens for an amount of zero.
pub(crate) fn move_money(
    state: &mut Overlay<'_>,
    from: Pot,
    to: Pot,
    amount: Amount,
) -> Result<(), Error> {
    if amount.is_zero() {
        return Ok(());
    }
    if let Pot::Free(did) = from {
        let mut account = account(state, &did);
        account.free = account.free.checked_sub(amount).ok_or_else(|| Error::Insufficient {
            account: did,
            missing: amount.saturating_sub(account.free),
        })?;
        write_account(state, &did, &account);
    }
    if let Pot::Free(did) = to {
        let mut account = account(state, &did);
        account.free = account.free.checked_add(amount).ok_or(Error::Overflow)?;
        write_account(state, &did, &account);
    }
    let mut totals: Totals = state.read(&key::totals()).unwrap_or_default();
    let source = from.total(&mut totals);
    *source = source.checked_sub(amount).expect("a total covers what is recorded of it");
    let destination = to.total(&mut totals);
    *destination = destination.checked_add(amount).ok_or(Error::Overflow)?;
    state.write(key::totals(), &totals);
    Ok(())
}
