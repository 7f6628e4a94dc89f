//! Powers with rational exponents, in integers: the shape of a concession over time.
use ainur_primitives::Ppm;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

/// The largest numerator and denominator of a [`ConcessionRate`].
pub const RATE_TERM_MAX: u8 = 6;

/// Fixed point with 62 binary digits after the point, so that products fit.
const FRACTION_BITS: u32 = 62;
const ONE: u128 = 1 << FRACTION_BITS;

/// Faratin's β as a fraction: below one a side concedes late (Boulware), above one early
/// (conceder).
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ConcessionRate {
    /// Above the line; 1 to [`RATE_TERM_MAX`].
    pub numerator: u8,
    /// Below the line; 1 to [`RATE_TERM_MAX`].
    pub denominator: u8,
}

impl ConcessionRate {
    /// β = 0.2: holds out until the deadline is near.
    pub const BOULWARE: Self = Self { numerator: 1, denominator: 5 };
    /// β = 1: the same step every time.
    pub const LINEAR: Self = Self { numerator: 1, denominator: 1 };
    /// β = 2: gives most at the beginning.
    pub const CONCEDER: Self = Self { numerator: 2, denominator: 1 };

    /// True when both terms are within their limits.
    pub const fn is_valid(self) -> bool {
        self.numerator > 0
            && self.denominator > 0
            && self.numerator <= RATE_TERM_MAX
            && self.denominator <= RATE_TERM_MAX
    }

    /// `progress^(1/β)`: how much of the way is conceded when so much of the time is used. Rises
    /// with `progress`; exact where the result is exact in parts per million, and otherwise within
    /// a thousandth.
    ///
    /// ```
    /// use ainur_market::negotiation::power::ConcessionRate;
    /// use ainur_primitives::Ppm;
    /// assert_eq!(ConcessionRate::BOULWARE.conceded(Ppm(500_000)), Ppm(31_250));
    /// assert_eq!(ConcessionRate::CONCEDER.conceded(Ppm(250_000)), Ppm(500_000));
    /// ```
    pub fn conceded(self, progress: Ppm) -> Ppm {
        if progress == Ppm::ZERO {
            return Ppm::ZERO;
        }
        // y = x^(d/n) is the largest y with y^n ≤ x^d.
        let reached = power_ceil(progress.min(Ppm::ONE), self.denominator);
        let (mut low, mut high) = (0, Ppm::ONE.0);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if power_floor(Ppm(middle), self.numerator) <= reached {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ppm(low)
    }
}

/// `base` to an integer power in fixed point, rounded up; zero only of zero.
fn power_ceil(base: Ppm, exponent: u8) -> u128 {
    let base = (u128::from(base.0) << FRACTION_BITS).div_ceil(1_000_000);
    (0..exponent).fold(ONE, |product, _| (product * base).div_ceil(ONE))
}

/// `base` to an integer power in fixed point, rounded down, so that an exact root is not missed.
fn power_floor(base: Ppm, exponent: u8) -> u128 {
    let base = (u128::from(base.0) << FRACTION_BITS) / 1_000_000;
    (0..exponent).fold(ONE, |product, _| product * base / ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_agree_with_floating_point_to_a_thousandth_and_rise() {
        for numerator in 1..=RATE_TERM_MAX {
            for denominator in 1..=RATE_TERM_MAX {
                let rate = ConcessionRate { numerator, denominator };
                let exponent = f64::from(denominator) / f64::from(numerator);
                let mut before = Ppm::ZERO;
                for progress in (0..=1_000_000).step_by(12_500) {
                    let conceded = rate.conceded(Ppm(progress));
                    let expected = (f64::from(progress) / 1e6).powf(exponent);
                    let error = f64::from(conceded.0) / 1e6 - expected;
                    assert!(error.abs() < 1e-3, "{rate:?} at {progress}: {conceded:?}");
                    assert!(conceded >= before);
                    before = conceded;
                }
                assert_eq!(rate.conceded(Ppm::ZERO), Ppm::ZERO);
                assert_eq!(rate.conceded(Ppm::ONE), Ppm::ONE);
            }
        }
    }

    #[test]
    fn rates_have_terms_within_limits() {
        assert!(ConcessionRate::BOULWARE.is_valid() && ConcessionRate::CONCEDER.is_valid());
        for (numerator, denominator) in [(0, 1), (1, 0), (7, 1), (1, 7)] {
            assert!(!ConcessionRate { numerator, denominator }.is_valid());
        }
    }
}
