//! Pricing models: what some use of a capability costs.
//!
//! Fixed, per use, or a subscription, each a pure function of the units used; or an auction, and
//! then nobody knows before it is over. Parts add up: what comes later costs the difference, so a
//! use counted in ten steps costs what it costs in one. A [`rental`] is a subscription to so many
//! slots of one seller, with a promised level of service.
use ainur_primitives::{Amount, DurationMs};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

pub mod rental;

pub use rental::{RentalMeter, RentalTerms};

/// How a seller asks to be paid.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PricingModel {
    /// So much, whatever is used.
    Fixed {
        /// The price.
        price: Amount,
    },
    /// So much for every unit.
    PerUse {
        /// What one unit costs.
        unit_price: Amount,
        /// No more than this, however much is used.
        price_max: Option<Amount>,
    },
    /// So much a period, with some units included.
    Subscription(Subscription),
    /// What an auction finds ([`crate::auction`]).
    Auction,
}

/// So much a period, with some units included.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// How long a period is.
    pub period_ms: DurationMs,
    /// What a period costs.
    pub price: Amount,
    /// The quota: units that the price covers, each period anew.
    pub included_units: u64,
    /// What one unit beyond the quota costs; without it there is none.
    pub overage_price: Option<Amount>,
}

/// Why a price cannot be, or cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing to pay.
    #[error("a price is above zero")]
    PriceZero,
    /// A period without length.
    #[error("a period takes time")]
    PeriodEmpty,
    /// More than the quota, where more cannot be bought.
    #[error("the quota of {quota} units is exhausted: {units} are asked for")]
    QuotaExhausted {
        /// Units included.
        quota: u64,
        /// Units used and asked for.
        units: u64,
    },
    /// More than the largest amount.
    #[error("so much use costs more than the largest amount")]
    TooLarge,
}

impl PricingModel {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// For a price of nothing, or a period without length.
    pub fn validate(&self) -> Result<(), Error> {
        match self {
            Self::Fixed { price } => above_zero(*price),
            Self::PerUse { unit_price, price_max } => {
                above_zero(*unit_price)?;
                above_zero(price_max.unwrap_or(*unit_price))
            }
            Self::Subscription(subscription) => subscription.validate(),
            Self::Auction => Ok(()),
        }
    }

    /// What this many units cost, in one agreement or in one period of a subscription; `None` when
    /// only an auction can tell. Never less for more units, so what the most units cost is enough
    /// to lock in advance.
    ///
    /// ```
    /// use ainur_market::pricing::PricingModel;
    /// use ainur_primitives::Amount;
    /// let metered = PricingModel::PerUse { unit_price: Amount(3), price_max: Some(Amount(100)) };
    /// assert_eq!(metered.charge(7), Ok(Some(Amount(21))));
    /// assert_eq!(metered.charge(50), Ok(Some(Amount(100))));
    /// assert_eq!(metered.charge_more(30, 20), Ok(Some(Amount(10))));
    /// ```
    ///
    /// # Errors
    /// Beyond a quota, when more cannot be bought, and beyond the largest amount.
    pub fn charge(&self, units: u64) -> Result<Option<Amount>, Error> {
        Ok(Some(match self {
            Self::Fixed { price } => *price,
            Self::PerUse { unit_price, price_max: None } => times(*unit_price, units)?,
            Self::PerUse { unit_price, price_max: Some(price_max) } => {
                // A product that is too large is above any cap.
                times(*unit_price, units).unwrap_or(*price_max).min(*price_max)
            }
            Self::Subscription(subscription) => subscription.charge(units)?,
            Self::Auction => return Ok(None),
        }))
    }

    /// What `units` more cost after `before` of the same agreement or period: the difference.
    ///
    /// # Errors
    /// As [`PricingModel::charge`] for all of them together.
    pub fn charge_more(&self, before: u64, units: u64) -> Result<Option<Amount>, Error> {
        let after = before.checked_add(units).ok_or(Error::TooLarge)?;
        let (Some(before), Some(after)) = (self.charge(before)?, self.charge(after)?) else {
            return Ok(None);
        };
        Ok(Some(after.saturating_sub(before)))
    }
}

impl Subscription {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// For a price of nothing, or a period without length.
    pub fn validate(&self) -> Result<(), Error> {
        if self.period_ms.0 == 0 {
            return Err(Error::PeriodEmpty);
        }
        above_zero(self.price)?;
        above_zero(self.overage_price.unwrap_or(self.price))
    }

    /// What a period costs in which so many units are used.
    ///
    /// # Errors
    /// Beyond the quota, when more cannot be bought, and beyond the largest amount.
    pub fn charge(&self, units: u64) -> Result<Amount, Error> {
        let quota = self.included_units;
        match (units.checked_sub(quota), self.overage_price) {
            (None | Some(0), _) => Ok(self.price),
            (Some(_), None) => Err(Error::QuotaExhausted { quota, units }),
            (Some(beyond), Some(price)) => {
                self.price.checked_add(times(price, beyond)?).ok_or(Error::TooLarge)
            }
        }
    }
}

fn above_zero(price: Amount) -> Result<(), Error> {
    if price.is_zero() { Err(Error::PriceZero) } else { Ok(()) }
}

fn times(price: Amount, units: u64) -> Result<Amount, Error> {
    price.0.checked_mul(u128::from(units)).map(Amount).ok_or(Error::TooLarge)
}
