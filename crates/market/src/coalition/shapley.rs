//! The Shapley value: what each member adds to the others, averaged over all orders in which they
//! could have come together (Shapley 1953).
//!
//! Up to [`SHAPLEY_EXACT_MAX`] players it is exact: one pass over all subsets, grouped by size, gives
//! `φ_i = 1/n · Σ_k 1/C(n−1, k) · Σ_{|S| = k, i ∉ S} (v(S ∪ i) − v(S))` as a fraction over
//! `lcm(1..n)`. Above, it is the mean over random orders that everybody can repeat from a beacon;
//! by Hoeffding's inequality (1963) `m ≥ r² / (2ε²) · ln(2/δ)` of them are within ε of each
//! player's value with probability 1 − δ, where r is the range of what a player can add
//! (Castro, Gómez & Tejada 2009).
use alloc::vec;
use alloc::vec::Vec;

use ainur_crypto::draw::Draw;
use ainur_primitives::{Amount, Digest, Ppm};

use super::error::Error;
use super::sharing::within_limit;
use super::{COALITION_MEMBERS_MAX, SHARED_AMOUNT_MAX};

/// Up to how many players the value is exact.
pub const SHAPLEY_EXACT_MAX: usize = 20;
/// How many orders are drawn at most.
pub const SAMPLES_MAX: u64 = 1 << 20;

/// One value for each player, as fractions with one denominator. What a player adds can be
/// negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapleyValues {
    numerators: Vec<i128>,
    denominator: u64,
}

/// How good an estimate has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplingAccuracy {
    /// How far apart the least and the most are that a player can add: r.
    pub range: Amount,
    /// How far off a player's estimate may be: ε.
    pub error: Amount,
    /// How often it may be further off: δ.
    pub failure_probability: Ppm,
}

impl ShapleyValues {
    /// The exact value of the game in which a set of players (bits) is worth `worth`; nobody is
    /// worth nothing. `worth` is asked once for each set.
    ///
    /// ```
    /// use ainur_market::coalition::ShapleyValues;
    /// use ainur_primitives::Amount;
    /// // A left glove and two right ones; a pair is worth 6.
    /// let pair = |set: u64| Amount(if set & 1 == 1 && set != 1 { 6 } else { 0 });
    /// let values = ShapleyValues::exact(3, pair).unwrap();
    /// assert_eq!(values.floor(), [4, 1, 1]);
    /// ```
    ///
    /// # Errors
    /// For no player, more than [`SHAPLEY_EXACT_MAX`], or a worth that is too large.
    pub fn exact(players: usize, mut worth: impl FnMut(u64) -> Amount) -> Result<Self, Error> {
        if !(1..=SHAPLEY_EXACT_MAX).contains(&players) {
            return Err(Error::ShapleyPlayers(players));
        }
        // By size: the worth of all sets, and of those that contain a player.
        let mut all = vec![0_i128; players + 1];
        let mut with = vec![vec![0_i128; players + 1]; players];
        for set in 1..1_u64 << players {
            let size = set.count_ones() as usize;
            let worth = checked(worth(set))?;
            all[size] += worth;
            let mut rest = set;
            while rest != 0 {
                with[rest.trailing_zeros() as usize][size] += worth;
                rest &= rest - 1;
            }
        }
        let denominator = lcm_to(players as u64);
        let numerator = |with: &Vec<i128>| {
            (0..players).fold(0, |sum, size| {
                // What the player adds to all sets of this size without it.
                let added = with[size + 1] - (all[size] - with[size]);
                let weight = denominator / (players as u64 * binomial(players as u64 - 1, size));
                sum + added * i128::from(weight)
            })
        };
        Ok(Self { numerators: with.iter().map(numerator).collect(), denominator })
    }

    /// An estimate of the value, from as many orders as the accuracy asks for; the same from the
    /// same beacon. All values together are exact. `worth` is asked once for each player of each
    /// order.
    ///
    /// # Errors
    /// For no player or more than [`COALITION_MEMBERS_MAX`], an accuracy that takes more than
    /// [`SAMPLES_MAX`] orders, or a worth that is too large.
    pub fn sampled(
        players: usize,
        mut worth: impl FnMut(u64) -> Amount,
        accuracy: SamplingAccuracy,
        beacon: Digest,
    ) -> Result<Self, Error> {
        if !(1..=COALITION_MEMBERS_MAX).contains(&players) {
            return Err(Error::Members(players));
        }
        let samples = accuracy.samples().ok_or(Error::Accuracy)?;
        let mut draw = Draw::new(beacon, "ainur/coalition-shapley");
        let mut order: Vec<usize> = (0..players).collect();
        let mut numerators = vec![0_i128; players];
        for _ in 0..samples {
            draw.shuffle(&mut order);
            let (mut set, mut before) = (0_u64, 0_i128);
            for player in &order {
                set |= 1 << player;
                let after = checked(worth(set))?;
                numerators[*player] += after - before;
                before = after;
            }
        }
        Ok(Self { numerators, denominator: samples })
    }

    /// The numerators, in the order of players.
    pub fn numerators(&self) -> &[i128] {
        &self.numerators
    }

    /// The denominator of all of them.
    pub fn denominator(&self) -> u64 {
        self.denominator
    }

    /// The values in whole base units, rounded down.
    pub fn floor(&self) -> Vec<i128> {
        let denominator = i128::from(self.denominator);
        self.numerators.iter().map(|numerator| numerator.div_euclid(denominator)).collect()
    }
}

impl SamplingAccuracy {
    /// How many orders it takes, at least one; `None` when that is more than [`SAMPLES_MAX`] or
    /// cannot be had at all.
    ///
    /// The logarithm and the quotient are rounded up, so it is never fewer than the formula says.
    pub fn samples(&self) -> Option<u64> {
        let chance = u128::from(self.failure_probability.0);
        if self.error.is_zero() || chance == 0 || self.failure_probability > Ppm::ONE {
            return None;
        }
        if self.range > SHARED_AMOUNT_MAX {
            return None;
        }
        // r/ε in thousandths.
        let quotient = (self.range.0 * 1_000).div_ceil(self.error.0);
        let doublings = (2_000_000_u128).div_ceil(chance).next_power_of_two().trailing_zeros();
        // ln 2 in millionths, rounded up.
        let logarithm = u128::from(doublings) * 693_148;
        let scaled = quotient.checked_mul(quotient)?.checked_mul(logarithm)?;
        let samples = u64::try_from(scaled.div_ceil(2 * 1_000_000 * 1_000_000)).ok()?.max(1);
        (samples <= SAMPLES_MAX).then_some(samples)
    }
}

fn checked(worth: Amount) -> Result<i128, Error> {
    within_limit(&[worth])?;
    Ok(worth.0 as i128)
}

/// The least common multiple of 1 to n; for n ≤ 20 at most 232,792,560. Every
/// `n · C(n−1, k)` divides it.
fn lcm_to(n: u64) -> u64 {
    (2..=n).fold(1, |multiple, number| multiple / gcd(multiple, number) * number)
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { gcd(other, one % other) }
}

fn binomial(n: u64, k: usize) -> u64 {
    (0..k as u64).fold(1, |product, place| product * (n - place) / (place + 1))
}
