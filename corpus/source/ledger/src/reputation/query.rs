//! Reading reputation, and what follows from it for the next agreement.
use ainur_primitives::{Amount, Did, Ppm, Timestamp};

use super::{Params, Reputation};
use crate::state::{ReadState, key, read};

/// A party's stake and reputation; a newcomer's when it has none.
pub fn reputation(state: &(impl ReadState + ?Sized), did: &Did) -> Reputation {
    read(state, &key::reputation(did)).unwrap_or_default()
}

/// How likely the next attempt fails: the mean of the Beta posterior over decayed outcomes.
pub fn failure_probability(reputation: &Reputation, now: Timestamp, params: &Params) -> Ppm {
    let (successes, failures) = reputation.weights(now, params);
    let failures = u128::from(failures) + u128::from(params.prior_failure);
    let all = failures + u128::from(successes) + u128::from(params.prior_success);
    Ppm::ratio(failures, all)
}

/// What a seller locks for an agreement at this price: the better its reputation, the less.
pub fn required_bond(
    price: Amount,
    reputation: &Reputation,
    now: Timestamp,
    params: &Params,
) -> Amount {
    let probability = failure_probability(reputation, now, params);
    let share = Ppm(probability.0.saturating_mul(params.bond_factor));
    price.share_ceil(share.clamp(params.bond_share_min, Ppm::ONE)).max(params.bond_min)
}

/// The average rating in millionths; `None` without a rating that counts.
pub fn rating_average(reputation: &Reputation) -> Option<u64> {
    let sum = u128::from(reputation.rating_sum) * 1_000_000;
    u64::try_from(sum.checked_div(u128::from(reputation.rating_count))?).ok()
}
