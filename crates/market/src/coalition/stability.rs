//! Whether a division holds: nobody could leave with others and do better (the core, Gillies 1959).
use ainur_primitives::Amount;

use super::error::Error;

/// Up to how many members every subset is looked at.
pub const CORE_MEMBERS_MAX: usize = 20;

/// Members who would gain by leaving together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// Who, as bits.
    pub members: u64,
    /// What they could get on their own.
    pub worth: Amount,
    /// What they get as it is.
    pub gain: Amount,
}

/// The members who would gain most by leaving, when each now gains `gains` and a set of them on its
/// own could gain `worth`; `None` when the division is in the core. Among equals it is the set
/// with the lowest bits.
///
/// ```
/// use ainur_market::coalition::blocking;
/// use ainur_primitives::Amount;
/// // Any two of three could have 6 for themselves, so no division of 6 holds.
/// let two = |set: u64| Amount(if set.count_ones() >= 2 { 6 } else { 0 });
/// let blocked = blocking(&[Amount(2); 3], two).unwrap().unwrap();
/// assert_eq!((blocked.members, blocked.worth, blocked.gain), (0b011, Amount(6), Amount(4)));
/// ```
///
/// # Errors
/// For more than [`CORE_MEMBERS_MAX`] members.
pub fn blocking(
    gains: &[Amount],
    mut worth: impl FnMut(u64) -> Amount,
) -> Result<Option<Blocking>, Error> {
    if gains.len() > CORE_MEMBERS_MAX {
        return Err(Error::TooManyToCheck(gains.len()));
    }
    let mut most: Option<(Amount, Blocking)> = None;
    for members in 1..1_u64 << gains.len() {
        let gain: Amount = chosen(gains, members).sum();
        let worth = worth(members);
        let lacks = worth.saturating_sub(gain);
        if !lacks.is_zero() && most.is_none_or(|(before, _)| lacks > before) {
            most = Some((lacks, Blocking { members, worth, gain }));
        }
    }
    Ok(most.map(|(_, blocking)| blocking))
}

fn chosen(gains: &[Amount], members: u64) -> impl Iterator<Item = Amount> {
    let each = gains.iter().enumerate();
    each.filter(move |(place, _)| members >> place & 1 == 1).map(|(_, gain)| *gain)
}
