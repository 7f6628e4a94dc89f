//! Dividing a price among members: by one of four rules, exactly the price, and to nobody less
//! than its own bid.
//!
//! | rule | wanted share of member i |
//! |---|---|
//! | equal | `b_i + (P − Σ b) / n` |
//! | contribution | `P · φ_i / Σ φ`, with φ the Shapley value (1953), negative values as zero |
//! | auction | `P · p_i / Σ p`, with p what the auction of each subtask alone pays |
//! | Nash | `d_i + α_i (P − Σ d) / Σ α`, with d what each gets without agreement (Nash 1950) |
//!
//! Two roundings make it whole base units. [`apportion`] divides in proportion; [`correct`] moves
//! what was wanted to the nearest division (in the sum of squares) in which nobody is below its
//! bid.
use alloc::vec;
use alloc::vec::Vec;

use ainur_primitives::Amount;

use super::error::Error;
use super::shapley::ShapleyValues;
use super::{COALITION_MEMBERS_MAX, SHARED_AMOUNT_MAX};

/// What a rule divides by; one entry for each member.
#[derive(Clone, Copy, Debug)]
pub enum SharingBasis<'a> {
    /// Nothing else.
    Equal,
    /// What each adds to the others.
    Contribution(&'a ShapleyValues),
    /// What the auction of each subtask alone pays.
    Auction(&'a [Amount]),
    /// What each brings to the table.
    Nash {
        /// What each gets without agreement.
        disagreement: &'a [Amount],
        /// How strong each is; all zero means equally.
        powers: &'a [u32],
    },
}

/// Divides the price among members with these bids.
///
/// ```
/// use ainur_market::coalition::{SharingBasis, share};
/// use ainur_primitives::Amount;
/// let bids = [Amount(30), Amount(80), Amount(50)];
/// let shares = share(Amount(170), &bids, SharingBasis::Equal).unwrap();
/// assert_eq!(shares, [Amount(34), Amount(83), Amount(53)]);
/// ```
///
/// # Errors
/// When the bids are above the price, there is not one entry for each member, the members would
/// get more apart, or an amount is too large.
pub fn share(
    price: Amount,
    bids: &[Amount],
    basis: SharingBasis<'_>,
) -> Result<Vec<Amount>, Error> {
    let surplus = surplus(price, bids)?;
    let counted = |found: usize| {
        let expected = bids.len();
        if found == expected { Ok(()) } else { Err(Error::ShareCount { expected, found }) }
    };
    let wanted = match basis {
        SharingBasis::Equal => added(bids, &apportion(surplus, &vec![1; bids.len()])),
        SharingBasis::Contribution(values) => {
            counted(values.numerators().len())?;
            let positive = |numerator: &i128| u128::try_from(*numerator).unwrap_or(0);
            let weights: Vec<u128> = values.numerators().iter().map(positive).collect();
            apportion(price, &weights)
        }
        SharingBasis::Auction(payments) => {
            counted(payments.len())?;
            within_limit(payments)?;
            apportion(price, &units(payments))
        }
        SharingBasis::Nash { disagreement, powers } => {
            counted(disagreement.len())?;
            counted(powers.len())?;
            within_limit(disagreement)?;
            let apart: Amount = disagreement.iter().copied().sum();
            let gain = price
                .checked_sub(apart)
                .ok_or(Error::Disagreement { disagreement: apart, price })?;
            let weights: Vec<u128> = powers.iter().map(|power| u128::from(*power)).collect();
            added(disagreement, &apportion(gain, &weights))
        }
    };
    correct(price, bids, &wanted)
}

/// The division of the price nearest to the wanted one (in the sum of squares) in which nobody
/// gets less than its bid: everybody's wanted share is moved by the same amount, and whoever would
/// fall below its bid gets its bid. Units that do not divide go one each to the first members
/// above their bid. (Projection onto a simplex: Held, Wolfe & Crowder 1974.)
///
/// ```
/// use ainur_market::coalition::correct;
/// use ainur_primitives::Amount;
/// let bids = [Amount(30), Amount(80), Amount(50)];
/// // 30 % of 180 each for the first and the last leaves the second below its bid.
/// let wanted = [Amount(54), Amount(72), Amount(54)];
/// let shares = correct(Amount(180), &bids, &wanted).unwrap();
/// assert_eq!(shares, [Amount(50), Amount(80), Amount(50)]);
/// ```
///
/// # Errors
/// When the bids are above the price, there is not one share for each bid, or an amount is too
/// large.
pub fn correct(price: Amount, bids: &[Amount], wanted: &[Amount]) -> Result<Vec<Amount>, Error> {
    let surplus = surplus(price, bids)?.0 as i128;
    if wanted.len() != bids.len() {
        return Err(Error::ShareCount { expected: bids.len(), found: wanted.len() });
    }
    within_limit(wanted)?;
    let above: Vec<i128> =
        wanted.iter().zip(bids).map(|(wanted, bid)| wanted.0 as i128 - bid.0 as i128).collect();
    let mut descending = above.clone();
    descending.sort_unstable_by(|one, other| other.cmp(one));
    // The first k get something when the k-th is above the level at which they share the surplus.
    let (mut sum, mut sharers, mut sharers_sum) = (0_i128, 0_i128, 0_i128);
    for (count, value) in (1_i128..).zip(&descending) {
        sum += value;
        if count * value > sum - surplus {
            (sharers, sharers_sum) = (count, sum);
        }
    }
    let mut shares = bids.to_vec();
    let mut left = surplus;
    let mut receiving = Vec::new();
    for (place, value) in above.iter().enumerate() {
        // (value − level) × sharers, where level = (their sum − surplus) / sharers.
        let scaled = sharers * value - sharers_sum + surplus;
        if sharers > 0 && scaled > 0 {
            let units = scaled / sharers;
            left -= units;
            shares[place].0 += units as u128;
            receiving.push(place);
        }
    }
    for place in receiving.into_iter().take(left as usize) {
        shares[place].0 += 1;
    }
    Ok(shares)
}

/// Divides a total in proportion to weights, to exactly the total: everybody gets the whole units
/// of its part, and the units left over go one each to the largest fractions, the earlier member
/// first among equals (Hamilton 1792). Weights that are all zero count as equal.
///
/// Weights together are below 2¹²⁶.
pub fn apportion(total: Amount, weights: &[u128]) -> Vec<Amount> {
    let sum: u128 = weights.iter().fold(0, |sum, weight| sum.saturating_add(*weight));
    if sum == 0 {
        return if weights.is_empty() {
            Vec::new()
        } else {
            apportion(total, &vec![1; weights.len()])
        };
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut fractions: Vec<(u128, usize)> = Vec::with_capacity(weights.len());
    let mut left = total.0;
    for (place, weight) in weights.iter().enumerate() {
        let (units, rest) = multiply_divide(total.0, *weight, sum);
        left = left.saturating_sub(units);
        parts.push(Amount(units));
        fractions.push((rest, place));
    }
    fractions.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    for (_, place) in fractions.into_iter().take(left as usize) {
        parts[place].0 += 1;
    }
    parts
}

/// `a × b / c` and what remains, with a product of any size; needs `b ≤ c < 2¹²⁶`.
fn multiply_divide(a: u128, b: u128, c: u128) -> (u128, u128) {
    if let Some(product) = a.checked_mul(b) {
        return (product / c, product % c);
    }
    // Schoolbook, bit by bit from the top: the result is kept as quotient and remainder, so
    // nothing exceeds twice the divisor.
    let (whole, part) = (b / c, b % c);
    let (mut quotient, mut remainder) = (0_u128, 0_u128);
    for place in (0..u128::BITS - a.leading_zeros()).rev() {
        quotient <<= 1;
        remainder <<= 1;
        if a >> place & 1 == 1 {
            quotient += whole;
            remainder += part;
        }
        // Below three times the divisor: two subtractions.
        while remainder >= c {
            remainder -= c;
            quotient += 1;
        }
    }
    (quotient, remainder)
}

/// What there is above the bids.
fn surplus(price: Amount, bids: &[Amount]) -> Result<Amount, Error> {
    if !(1..=COALITION_MEMBERS_MAX).contains(&bids.len()) {
        return Err(Error::Members(bids.len()));
    }
    within_limit(&[price])?;
    within_limit(bids)?;
    let all: Amount = bids.iter().copied().sum();
    price.checked_sub(all).ok_or(Error::BidsAbovePrice { bids: all, price })
}

pub(super) fn within_limit(amounts: &[Amount]) -> Result<(), Error> {
    if amounts.iter().any(|amount| *amount > SHARED_AMOUNT_MAX) {
        return Err(Error::AmountTooLarge);
    }
    Ok(())
}

fn added(one: &[Amount], other: &[Amount]) -> Vec<Amount> {
    one.iter().zip(other).map(|(one, other)| one.saturating_add(*other)).collect()
}

fn units(amounts: &[Amount]) -> Vec<u128> {
    amounts.iter().map(|amount| amount.0).collect()
}
