//! Money: unsigned base units of the token AINU, with checked arithmetic only.
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::iter::Sum;
use core::str::FromStr;

use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::probability::Ppm;

/// An amount of money in base units; 1 AINU is 10¹² of them.
///
/// In JSON it is a decimal string of base units, because JSON numbers are doubles. To a person it
/// is shown in AINU by [`Amount::to_ainu`] and read by [`Amount::from_ainu`].
///
/// ```
/// use ainur_primitives::Amount;
/// let price = Amount::from_ainu("2.5").unwrap();
/// assert_eq!(price.to_string(), "2500000000000");
/// assert_eq!(price.to_ainu(), "2.5");
/// assert_eq!(price.checked_sub(Amount::from_ainu("3").unwrap()), None);
/// ```
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
)]
pub struct Amount(pub u128);

/// Base units in one AINU.
pub const BASE_UNITS_PER_AINU: u128 = 1_000_000_000_000;
const DECIMALS: usize = 12;

/// An amount that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a plain decimal number.
    #[error("an amount is a decimal number such as 2.5, without sign, exponent or separators")]
    NotANumber,
    /// Not a whole number of base units.
    #[error(
        "an amount here is a whole number of base units in quotes, without leading zeros; \
         \"1000000000000\" is one AINU"
    )]
    NotBaseUnits,
    /// More than twelve digits after the point.
    #[error("an amount has at most {DECIMALS} digits after the point")]
    TooPrecise,
    /// Larger than the largest amount there can be.
    #[error("the amount is too large")]
    TooLarge,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that can be written.
    pub const MAX: Self = Self(u128::MAX);

    /// Whole AINU.
    pub const fn ainu(whole: u64) -> Self {
        Self(whole as u128 * BASE_UNITS_PER_AINU)
    }

    /// The sum, or `None` past the largest amount.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` below zero.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The difference, or zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The sum, or the largest amount.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `self × share`, rounded down, without overflow for any amount.
    pub const fn share_floor(self, share: Ppm) -> Self {
        let per_million = share.0 as u128;
        let whole = (self.0 / 1_000_000).saturating_mul(per_million);
        Self(whole.saturating_add(self.0 % 1_000_000 * per_million / 1_000_000))
    }

    /// `self × share`, rounded up.
    pub const fn share_ceil(self, share: Ppm) -> Self {
        let per_million = share.0 as u128;
        let whole = (self.0 / 1_000_000).saturating_mul(per_million);
        Self(whole.saturating_add((self.0 % 1_000_000 * per_million).div_ceil(1_000_000)))
    }

    /// True for nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The amount in AINU, as short as it can be written exactly: `2.5`.
    pub fn to_ainu(self) -> String {
        let whole = self.0 / BASE_UNITS_PER_AINU;
        let fraction = self.0 % BASE_UNITS_PER_AINU;
        if fraction == 0 {
            return format!("{whole}");
        }
        let digits = format!("{fraction:012}");
        format!("{whole}.{}", digits.trim_end_matches('0'))
    }

    /// Reads an amount in AINU, such as `2.5`.
    ///
    /// # Errors
    /// When the text is not a plain decimal number of at most twelve decimals that fits.
    pub fn from_ainu(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(AmountError::NotANumber);
        }
        if fraction.len() > DECIMALS {
            return Err(AmountError::TooPrecise);
        }
        let whole: u128 = whole.parse().map_err(|_| AmountError::TooLarge)?;
        let fraction: u128 =
            format!("{fraction:0<12}").parse().map_err(|_| AmountError::NotANumber)?;
        whole
            .checked_mul(BASE_UNITS_PER_AINU)
            .and_then(|units| units.checked_add(fraction))
            .map(Self)
            .ok_or(AmountError::TooLarge)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads base units; one spelling only (no sign, no leading zero).
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !plain || (text.len() > 1 && text.starts_with('0')) {
            return Err(AmountError::NotBaseUnits);
        }
        text.parse().map(Self).map_err(|_| AmountError::TooLarge)
    }
}

/// Saturates: a sum past the largest amount compares as the largest amount.
impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

crate::digest::serde_as_text!(Amount);

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn shares_round_against_the_caller() {
        let ten = Amount(10);
        assert_eq!(ten.share_floor(Ppm(333_333)), Amount(3));
        assert_eq!(ten.share_ceil(Ppm(333_333)), Amount(4));
        assert_eq!(Amount::MAX.share_floor(Ppm::ONE), Amount::MAX);
    }

    #[test]
    fn unclear_amounts_are_refused() {
        for text in ["", "-1", "1e3", "1,000", ".5", "1.", " 1", "+1", "0x1"] {
            assert_eq!(Amount::from_ainu(text), Err(AmountError::NotANumber), "{text:?}");
        }
        assert_eq!(Amount::from_ainu("0.0000000000001"), Err(AmountError::TooPrecise));
        for text in ["01", "", "-1", "2.5"] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::NotBaseUnits), "{text:?}");
        }
        assert_eq!(Amount::from_ainu(&u128::MAX.to_string()), Err(AmountError::TooLarge));
    }
}
