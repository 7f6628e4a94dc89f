//! Exponential decay in integers: a weight halves in a half-life, in 1,024 equal steps.
//!
//! Steps are counted from the beginning of time, not from the last update, so a record that is
//! updated every millisecond ages exactly as one that is left alone, up to rounding down.
use ainur_primitives::{DurationMs, Timestamp};

/// The weight of one outcome.
pub(super) const WEIGHT_ONE: u64 = 1_000_000;

const STEPS_PER_HALF_LIFE_LOG2: u32 = 10;

/// `2^(-2^k / 1024)` as a fraction of 2⁶⁴, rounded down.
const FRACTIONS: [u64; STEPS_PER_HALF_LIFE_LOG2 as usize] = [
    0xffd3_a751_c0f7_e10b,
    0xffa7_5652_1c8d_aed1,
    0xff4e_cb59_511e_c8a5,
    0xfe9e_115c_7b8f_884b,
    0xfd3e_0c0c_f486_c174,
    0xfa83_b2db_722a_033a,
    0xf525_7d15_2486_cc2c,
    0xeac0_c6e7_dd24_392e,
    0xd744_fcca_d69d_6af4,
    0xb504_f333_f9de_6484,
];

/// The step an instant falls in.
pub(super) fn step_of(now: Timestamp, half_life_ms: DurationMs) -> u64 {
    let steps = (u128::from(now.0) << STEPS_PER_HALF_LIFE_LOG2) / u128::from(half_life_ms.0.max(1));
    u64::try_from(steps).unwrap_or(u64::MAX)
}

/// What is left of a weight after some steps.
pub(super) fn decayed(weight: u64, steps: u64) -> u64 {
    let half_lives = u32::try_from(steps >> STEPS_PER_HALF_LIFE_LOG2).unwrap_or(u32::MAX);
    let halved = weight.checked_shr(half_lives).unwrap_or(0);
    FRACTIONS
        .iter()
        .enumerate()
        .filter(|(bit, _)| steps >> bit & 1 == 1)
        .fold(halved, |left, (_, fraction)| {
            ((u128::from(left) * u128::from(*fraction)) >> 64) as u64
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn a_weight_halves_in_a_half_life_and_vanishes_in_the_end() {
        assert_eq!(decayed(8 * WEIGHT_ONE, 1_024), 4 * WEIGHT_ONE);
        assert_eq!(decayed(8 * WEIGHT_ONE, 3_072), WEIGHT_ONE);
        assert_eq!(decayed(WEIGHT_ONE, 512), 707_106);
        assert_eq!(decayed(u64::MAX, 64 << 10), 0);
        assert_eq!(decayed(u64::MAX, u64::MAX), 0);
    }

    #[test]
    fn many_small_steps_decay_like_one_large_step() {
        let mut weight = 1_000 * WEIGHT_ONE;
        for _ in 0..1_024 {
            weight = decayed(weight, 1);
        }
        let expected = 500 * WEIGHT_ONE;
        assert!(weight <= expected && expected - weight <= 1_024, "{weight}");
    }

    #[test]
    fn busy_records_age_too() {
        let half_life = DurationMs(30 * DAY_MS);
        let (mut step, mut weight) = (0, WEIGHT_ONE);
        for now in (0..=30 * DAY_MS).step_by(60_000) {
            let next = step_of(Timestamp(now), half_life);
            (step, weight) = (next, decayed(weight, next - step));
        }
        assert!((WEIGHT_ONE / 2 - 1_024..=WEIGHT_ONE / 2).contains(&weight), "{weight}");
    }
}
