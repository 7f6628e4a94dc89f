//! A pool of credits and money with a constant product (Uniswap v2, Adams et al. 2020): anyone
//! trades with it at a price that follows from what it holds, and whoever added to it shares its
//! fees.
//!
//! Every division rounds for the pool, so that the product of its reserves never falls by a trade
//! and a share is never worth less after a deposit or withdrawal of another. The first
//! [`SHARES_LOCKED`] shares belong to nobody: a pool is never empty.
use ainur_primitives::Amount;
use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::wide::{divide_ceil, divide_floor, square_root};

/// The highest fee, in basis points.
pub const FEE_BPS_MAX: u16 = 1_000;

/// The largest reserve of money, in base units.
pub const RESERVE_MAX: u128 = 1 << 112;

/// Shares nobody owns.
pub const SHARES_LOCKED: u128 = 1_000;

const BPS: u128 = 10_000;

/// A fraction of a credit is told in so many bits.
const FRACTION_BITS: u32 = 32;
const FRACTION_ONE: u128 = 1 << FRACTION_BITS;

/// What a pool holds.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct LiquidityPool {
    /// Credits.
    pub credits: u64,
    /// Money.
    pub money: Amount,
    /// All shares, the locked ones included.
    #[serde(with = "decimal")]
    pub shares: u128,
    /// What a trader pays the pool, in basis points of what it puts in.
    pub fee_bps: u16,
}

impl LiquidityPool {
    /// A pool that begins with this, and the shares of whoever gave it:
    /// `⌊√(credits × money)⌋` less the locked ones.
    ///
    /// # Errors
    /// For a fee or a reserve out of range, and when no share would be left.
    pub fn begin(fee_bps: u16, credits: u64, money: Amount) -> Result<(Self, u128), Error> {
        if fee_bps > FEE_BPS_MAX {
            return Err(Error::FeeOutOfRange);
        }
        if money.0 > RESERVE_MAX {
            return Err(Error::ReserveTooLarge);
        }
        let shares = square_root(u128::from(credits), money.0);
        let minted = shares.checked_sub(SHARES_LOCKED).filter(|minted| *minted > 0);
        let minted = minted.ok_or(Error::TooLittleLiquidity)?;
        Ok((Self { credits, money, shares, fee_bps }, minted))
    }

    fn kept_bps(&self) -> u128 {
        BPS.saturating_sub(u128::from(self.fee_bps))
    }

    /// What these credits cost: `⌈money × credits × 10⁴ ∕ ((reserve − credits)(10⁴ − fee))⌉`.
    ///
    /// # Errors
    /// For no credits, or more than the pool can give and keep one.
    pub fn cost(&self, credits: u64) -> Result<Amount, Error> {
        if credits == 0 {
            return Err(Error::NothingMoved);
        }
        let left = self.credits.checked_sub(credits).filter(|left| *left > 0);
        let left = u128::from(left.ok_or(Error::PoolExhausted)?);
        let cost = divide_ceil(self.money.0, u128::from(credits) * BPS, left * self.kept_bps());
        cost.map(Amount).ok_or(Error::ReserveTooLarge)
    }

    /// What these credits fetch:
    /// `⌊money × credits(10⁴ − fee) ∕ (reserve × 10⁴ + credits(10⁴ − fee))⌋`.
    ///
    /// # Errors
    /// For no credits, or so few that they fetch nothing.
    pub fn proceeds(&self, credits: u64) -> Result<Amount, Error> {
        let kept = u128::from(credits) * self.kept_bps();
        let divisor = u128::from(self.credits) * BPS + kept;
        match divide_floor(self.money.0, kept, divisor) {
            Some(proceeds) if proceeds > 0 => Ok(Amount(proceeds)),
            _ => Err(Error::NothingMoved),
        }
    }

    /// Takes credits out for money, and says how much money.
    ///
    /// # Errors
    /// See [`Self::cost`]; and when the reserve of money would grow too large.
    pub fn buy(&mut self, credits: u64) -> Result<Amount, Error> {
        let cost = self.cost(credits)?;
        self.money = grown(self.money, cost)?;
        self.credits -= credits;
        Ok(cost)
    }

    /// Puts credits in for money, and says how much money.
    ///
    /// # Errors
    /// See [`Self::proceeds`]; and when the reserve of credits would grow too large.
    pub fn sell(&mut self, credits: u64) -> Result<Amount, Error> {
        let proceeds = self.proceeds(credits)?;
        self.credits = self.credits.checked_add(credits).ok_or(Error::ReserveTooLarge)?;
        // Never all of it: the divisor is larger than what the money is multiplied with.
        self.money = self.money.saturating_sub(proceeds);
        Ok(proceeds)
    }

    /// Adds credits, and money in proportion; returns the money it takes, rounded up, and the
    /// shares it gives, rounded down.
    ///
    /// # Errors
    /// When it would give no share, or a reserve would grow too large.
    pub fn add(&mut self, credits: u64) -> Result<(Amount, u128), Error> {
        let (added, reserve) = (u128::from(credits), u128::from(self.credits));
        let money = divide_ceil(self.money.0, added, reserve).ok_or(Error::ReserveTooLarge)?;
        let shares = divide_floor(self.shares, added, reserve).ok_or(Error::ReserveTooLarge)?;
        if shares == 0 {
            return Err(Error::NothingMoved);
        }
        let after = Self {
            credits: self.credits.checked_add(credits).ok_or(Error::ReserveTooLarge)?,
            money: grown(self.money, Amount(money))?,
            shares: self.shares.checked_add(shares).ok_or(Error::ReserveTooLarge)?,
            fee_bps: self.fee_bps,
        };
        *self = after;
        Ok((Amount(money), shares))
    }

    /// Gives shares back for their part of the reserves: whole credits, and money for the rest of a
    /// credit, as which it is sold to what stays in the pool, fee and all. Rounded down.
    ///
    /// # Errors
    /// When nothing would come out, or the locked shares would be touched.
    pub fn remove(&mut self, shares: u128) -> Result<(u64, Amount), Error> {
        let left = self.shares.checked_sub(shares).filter(|left| *left >= SHARES_LOCKED);
        let left = left.ok_or(Error::PoolExhausted)?;
        let part = |reserve, of| divide_floor(reserve, of, self.shares).unwrap_or(0);
        let reserve = u128::from(self.credits) << FRACTION_BITS;
        let credits = part(reserve, shares);
        let (whole, fraction) = (credits >> FRACTION_BITS, credits & (FRACTION_ONE - 1));
        // What stays is rounded, and so is the fraction, so that it is sold for less than it is.
        let kept = fraction * self.kept_bps();
        let divisor = (reserve - credits) * BPS + kept;
        let rest = divide_floor(part(self.money.0, left), kept, divisor).unwrap_or(0);
        let money = Amount(part(self.money.0, shares)).saturating_add(Amount(rest));
        let credits = u64::try_from(whole).unwrap_or(0);
        if credits == 0 && money.is_zero() {
            return Err(Error::NothingMoved);
        }
        self.credits -= credits;
        self.money = self.money.saturating_sub(money);
        self.shares = left;
        Ok((credits, money))
    }
}

/// A reserve of money with more in it.
fn grown(reserve: Amount, by: Amount) -> Result<Amount, Error> {
    reserve.checked_add(by).filter(|sum| sum.0 <= RESERVE_MAX).ok_or(Error::ReserveTooLarge)
}

/// Shares in JSON: a decimal string, for JSON numbers are doubles.
mod decimal {
    use ainur_primitives::Amount;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(shares: &u128, to: S) -> Result<S::Ok, S::Error> {
        Amount(*shares).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        Amount::deserialize(from).map(|Amount(shares)| shares)
    }
}
