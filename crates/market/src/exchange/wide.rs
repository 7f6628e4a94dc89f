//! Products of two 128-bit integers in 256 bits, divided and compared without loss.

/// A product as its upper and lower 128 bits; compares like the number it is.
pub(super) type Product = (u128, u128);

const LOW: u128 = u64::MAX as u128;

/// `a × b`.
pub(super) const fn product(a: u128, b: u128) -> Product {
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let low = a_low * b_low;
    let one = a_high * b_low;
    let other = a_low * b_high;
    let middle = (low >> 64) + (one & LOW) + (other & LOW);
    let high = a_high * b_high + (one >> 64) + (other >> 64) + (middle >> 64);
    (high, (middle << 64) | (low & LOW))
}

/// `⌊a × b / divisor⌋` and the remainder; `None` when the quotient needs more than 128 bits or the
/// divisor is zero.
pub(super) const fn multiply_divide(a: u128, b: u128, divisor: u128) -> Option<(u128, u128)> {
    let (mut remainder, low) = product(a, b);
    if divisor <= remainder {
        return None;
    }
    if remainder == 0 {
        return Some((low / divisor, low % divisor));
    }
    // Long division, bit by bit: the remainder stays below the divisor, and the bit it loses to
    // the left says that it was larger.
    let mut quotient = 0;
    let mut bit = 128;
    while bit > 0 {
        bit -= 1;
        let carry = remainder >> 127;
        remainder = remainder << 1 | low >> bit & 1;
        quotient <<= 1;
        if carry == 1 || remainder >= divisor {
            remainder = remainder.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    Some((quotient, remainder))
}

/// `⌊a × b / divisor⌋`.
pub(super) fn divide_floor(a: u128, b: u128, divisor: u128) -> Option<u128> {
    multiply_divide(a, b, divisor).map(|(quotient, _)| quotient)
}

/// `⌈a × b / divisor⌉`.
pub(super) fn divide_ceil(a: u128, b: u128, divisor: u128) -> Option<u128> {
    let (quotient, remainder) = multiply_divide(a, b, divisor)?;
    quotient.checked_add(u128::from(remainder > 0))
}

/// `⌊√(a × b)⌋`.
pub(super) fn square_root(a: u128, b: u128) -> u128 {
    let square = product(a, b);
    let mut root = 0u128;
    for bit in (0..128).rev() {
        let candidate = root | 1 << bit;
        if product(candidate, candidate) <= square {
            root = candidate;
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_quotients_are_exact_beyond_128_bits() {
        assert_eq!(product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(product(1 << 127, 6), (3, 0));
        assert_eq!(multiply_divide(u128::MAX, u128::MAX, u128::MAX), Some((u128::MAX, 0)));
        assert_eq!(multiply_divide(u128::MAX, 10, 11), Some((u128::MAX / 11 * 10 + 1, 9)));
        assert_eq!(multiply_divide(1 << 127, 2, 1), None);
        assert_eq!(multiply_divide(1, 1, 0), None);
        assert_eq!(divide_ceil(7, 3, 2), Some(11));
        assert_eq!(divide_floor(7, 3, 2), Some(10));
    }

    #[test]
    fn quotient_times_divisor_plus_remainder_is_the_product() {
        let mut seed = 0x9e37_79b9_7f4a_7c15u128;
        let mut next = || {
            seed = seed.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
            seed >> (seed >> 121)
        };
        for _ in 0..20_000 {
            let (a, b, divisor) = (next(), next(), next() | 1);
            let Some((quotient, remainder)) = multiply_divide(a, b, divisor) else { continue };
            let (high, low) = product(quotient, divisor);
            let (low, carry) = low.overflowing_add(remainder);
            assert!(remainder < divisor);
            assert_eq!((high + u128::from(carry), low), product(a, b), "{a} × {b} / {divisor}");
        }
    }

    #[test]
    fn square_roots_are_rounded_down() {
        assert_eq!(square_root(u128::MAX, u128::MAX), u128::MAX);
        assert_eq!(square_root(u128::MAX, 1), u128::from(u64::MAX));
        assert_eq!(square_root(1 << 100, (1 << 28) - 1), (1 << 64) - (1 << 35) - 33);
        assert_eq!(square_root(0, 5), 0);
    }
}
