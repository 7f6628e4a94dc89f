//! What a bidder locks while it bids, and loses when it commits without revealing.
use ainur_primitives::{Amount, Ppm};
use scale::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

/// How large the bond of one bid has to be; a parameter of the market, set by governance.
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
pub struct BondRule {
    /// The share of the call's reserve.
    pub share: Ppm,
    /// At least this much, whatever the reserve.
    pub bond_min: Amount,
}

impl Default for BondRule {
    /// One per cent of the reserve, no minimum.
    fn default() -> Self {
        Self { share: Ppm(10_000), bond_min: Amount::ZERO }
    }
}

impl BondRule {
    /// The bond a bid on a call with this reserve needs, rounded up.
    ///
    /// ```
    /// use ainur_market::bond::BondRule;
    /// use ainur_primitives::{Amount, Ppm};
    /// let rule = BondRule { share: Ppm(10_000), bond_min: Amount(5) };
    /// assert_eq!(rule.required(Amount(1_001)), Amount(11));
    /// assert_eq!(rule.required(Amount(10)), Amount(5));
    /// ```
    pub fn required(&self, reserve: Amount) -> Amount {
        reserve.share_ceil(self.share).max(self.bond_min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bond_is_rounded_up_and_never_below_the_minimum() {
        let rule = BondRule { share: Ppm(1), bond_min: Amount::ZERO };
        assert_eq!(rule.required(Amount(1)), Amount(1));
        assert_eq!(rule.required(Amount(1_000_001)), Amount(2));
        assert_eq!(rule.required(Amount::ZERO), Amount::ZERO);
        let floor = BondRule { share: Ppm::ZERO, bond_min: Amount(7) };
        assert_eq!(floor.required(Amount::MAX), Amount(7));
    }
}
