//! Probabilities and shares in parts per million, so that no result depends on a float.
use core::fmt;

use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

/// Parts per million; `1_000_000` is certainty, or the whole.
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
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Ppm(pub u32);

impl Ppm {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const ONE: Self = Self(1_000_000);

    /// `numerator / denominator`, rounded down, at most one; zero when there is no denominator.
    pub const fn ratio(numerator: u128, denominator: u128) -> Self {
        if denominator == 0 {
            return Self::ZERO;
        }
        if numerator >= denominator {
            return Self::ONE;
        }
        match numerator.checked_mul(1_000_000) {
            Some(scaled) => Self((scaled / denominator) as u32),
            None => Self((numerator / (denominator / 1_000_000)) as u32),
        }
    }

    /// What is missing to the whole.
    pub const fn complement(self) -> Self {
        Self(1_000_000u32.saturating_sub(self.0))
    }
}

impl fmt::Display for Ppm {
    /// As a percentage with one decimal: `12.3%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0 / 1_000;
        write!(f, "{}.{}%", tenths / 10, tenths % 10)
    }
}
