//! The distributions a market is drawn from.
//!
//! Logarithm and exponential are computed here from the four operations, which are exact by the
//! standard, so that a seed gives the same market on every machine.
use ainur_crypto::hash::tagged;
use ainur_primitives::{Digest, Ppm};

use crate::random::Random;

/// Draws for one purpose, so that a change in one part of a market does not shuffle the others.
#[derive(Debug, Clone)]
pub(super) struct Chance(Random);

impl Chance {
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        let digest =
            tagged("ainur/simulated-market/v1", &[&seed.to_le_bytes(), purpose.as_bytes()]);
        let mut first = [0; 8];
        first.copy_from_slice(&digest.0[..8]);
        Self(Random::new(u64::from_le_bytes(first)))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0.next()
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0.below(limit as u64) as usize
    }

    pub(super) fn digest(&mut self) -> Digest {
        Digest(self.0.bytes())
    }

    /// Above zero and below one.
    fn unit(&mut self) -> f64 {
        ((self.0.next() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    pub(super) fn happens(&mut self, share: Ppm) -> bool {
        self.0.below(1_000_000) < u64::from(share.0)
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * ln(self.unit())
    }

    /// `median × exp(σ z)` with `z` standard normal.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }

    /// Marsaglia's polar method (1964), one of its two numbers.
    fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }
}

const LN_2: f64 = std::f64::consts::LN_2;

/// The natural logarithm of a positive, normal number: `ln(m 2ᵏ) = k ln 2 + 2 artanh((m−1)/(m+1))`.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 1023 << 52);
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = (0..20).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    exponent as f64 * LN_2 + 2.0 * ratio * series
}

/// The exponential of a moderate number: Taylor's series of `x / 2⁸`, squared eight times.
fn exp(x: f64) -> f64 {
    let small = x / 256.0;
    let mut power = (1..16).rev().fold(1.0, |sum, k| 1.0 + sum * small / f64::from(k));
    for _ in 0..8 {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_exponential_are_those_of_the_library_within_rounding() {
        for x in [1e-9, 0.1, 0.5, 0.999, 1.0, 1.5, 7.0, 1e6] {
            assert!((ln(x) - x.ln()).abs() < 1e-12 * x.ln().abs().max(1.0), "{x}");
        }
        for x in [-6.0, -0.5, 0.0, 0.3, 1.0, 4.0] {
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn draws_have_the_mean_and_the_median_they_are_asked_for() {
        let mut chance = Chance::new(1, "test");
        let mut costs: Vec<f64> = (0..20_001).map(|_| chance.lognormal(100.0, 0.5)).collect();
        costs.sort_by(f64::total_cmp);
        assert!((costs[10_000] - 100.0).abs() < 2.0, "{}", costs[10_000]);
        let deviation = ln(costs[16_827] / costs[10_000]);
        assert!((deviation - 0.5).abs() < 0.02, "one deviation up is σ: {deviation}");
        let mean = (0..20_000).map(|_| chance.exponential(60.0)).sum::<f64>() / 20_000.0;
        assert!((mean - 60.0).abs() < 1.5, "{mean}");
    }
}
