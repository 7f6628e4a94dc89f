//! Work that is delivered, accepted and paid piece by piece: its input as an ordered list.
use alloc::vec::Vec;

use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::digest::ContentId;
use crate::probability::Ppm;

/// The fewest chunks: one is work in one piece.
pub const WORK_CHUNKS_MIN: usize = 2;
/// The most chunks of one task: a schedule of payment has no more milestones.
pub const WORK_CHUNKS_MAX: usize = 32;

/// A piece of work that is delivered, accepted and paid by itself, after those before it.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct WorkChunk {
    /// What is worked on.
    pub input: ContentId,
    /// Length of that in bytes.
    pub input_bytes: u64,
    /// Its share of the price; all chunks say theirs, or none does and they are equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ppm>,
}

/// Why a list of chunks cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkChunkError {
    /// Too few or too many.
    #[error("work in chunks has {WORK_CHUNKS_MIN} to {WORK_CHUNKS_MAX} of them, not {0}")]
    Count(usize),
    /// Some chunks say their share and some do not.
    #[error("either every chunk says its share of the price, or none does")]
    SomeShares,
    /// A chunk worth nothing, or shares that are not the whole.
    #[error("the chunks' shares are each above zero and together 1000000, not {0}")]
    Shares(u64),
}

/// Checks a list of chunks; none at all is work in one piece.
///
/// # Errors
/// The first thing that is wrong.
pub fn validate_chunks(chunks: &[WorkChunk]) -> Result<(), WorkChunkError> {
    if chunks.is_empty() {
        return Ok(());
    }
    if !(WORK_CHUNKS_MIN..=WORK_CHUNKS_MAX).contains(&chunks.len()) {
        return Err(WorkChunkError::Count(chunks.len()));
    }
    let said: Vec<Ppm> = chunks.iter().filter_map(|chunk| chunk.share).collect();
    if !said.is_empty() && said.len() != chunks.len() {
        return Err(WorkChunkError::SomeShares);
    }
    let whole: u64 = said.iter().map(|share| u64::from(share.0)).sum();
    let are_whole = whole == u64::from(Ppm::ONE.0) && !said.contains(&Ppm::ZERO);
    if said.is_empty() || are_whole { Ok(()) } else { Err(WorkChunkError::Shares(whole)) }
}

/// The share of each chunk; equal ones are rounded down, and the last takes the rest.
pub fn shares_of_chunks(chunks: &[WorkChunk]) -> Vec<Ppm> {
    let count = u32::try_from(chunks.len().max(1)).unwrap_or(u32::MAX);
    let equal = Ppm::ONE.0 / count;
    let rest = Ppm(Ppm::ONE.0 - equal * (count - 1));
    let last = chunks.len().saturating_sub(1);
    let share = |(index, chunk): (usize, &WorkChunk)| {
        chunk.share.unwrap_or(if index == last { rest } else { Ppm(equal) })
    };
    chunks.iter().enumerate().map(share).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::digest::Digest;

    fn chunk(share: Option<u32>) -> WorkChunk {
        let input = ContentId(Digest([7; 32]));
        WorkChunk { input, input_bytes: 1, share: share.map(Ppm) }
    }

    #[test]
    fn equal_shares_are_the_whole_and_the_last_takes_the_rest() {
        for count in WORK_CHUNKS_MIN..=WORK_CHUNKS_MAX {
            let shares = shares_of_chunks(&vec![chunk(None); count]);
            assert_eq!(shares.iter().map(|share| share.0).sum::<u32>(), 1_000_000, "{count}");
        }
        assert_eq!(shares_of_chunks(&[chunk(None); 3])[2], Ppm(333_334));
    }

    #[test]
    fn lists_that_are_no_division_of_the_work_are_refused() {
        assert_eq!(validate_chunks(&[]), Ok(()));
        assert_eq!(validate_chunks(&[chunk(None)]), Err(WorkChunkError::Count(1)));
        assert_eq!(validate_chunks(&[chunk(None); 33]), Err(WorkChunkError::Count(33)));
        let some = [chunk(Some(1)), chunk(None)];
        assert_eq!(validate_chunks(&some), Err(WorkChunkError::SomeShares));
        let less = [chunk(Some(400_000)), chunk(Some(599_999))];
        assert_eq!(validate_chunks(&less), Err(WorkChunkError::Shares(999_999)));
        let nothing = [chunk(Some(1_000_000)), chunk(Some(0))];
        assert_eq!(validate_chunks(&nothing), Err(WorkChunkError::Shares(1_000_000)));
        assert_eq!(validate_chunks(&[chunk(Some(400_000)), chunk(Some(600_000))]), Ok(()));
    }
}
