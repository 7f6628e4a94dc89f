//! The receipt of work in chunks: what was delivered, accepted and released, chunk after chunk.
//!
//! The ledger proves what each chunk delivered, on which verdict, and what was released for it and
//! when. That the outputs one after another are the task's output, and how long they are, is the
//! issuer's word.
use ainur_primitives::Amount;
use ainur_primitives::acceptance::Verdict;
use scale::Encode;
use serde::{Deserialize, Serialize};

use super::{AcceptedOutput, EventPlace, LedgerEvent};

/// A chunk that was accepted and paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkRecord {
    /// What was delivered.
    pub output: AcceptedOutput,
    /// How its check ended.
    pub verdict: Verdict,
    /// What its seller got.
    pub paid: Amount,
    /// The ledger's event that released it; none when it is not known where the event is.
    pub settled: Option<LedgerEvent>,
}

/// A chunk as the story tells it.
#[derive(Debug, Encode)]
pub struct StoryChunk<'a> {
    /// What was delivered.
    pub output: AcceptedOutput,
    /// How its check ended.
    pub verdict: &'a Verdict,
    /// What its seller got.
    pub paid: Amount,
    /// The event that released it.
    pub settled: Option<EventPlace>,
}

impl ChunkRecord {
    /// What it says.
    pub fn told(&self) -> StoryChunk<'_> {
        StoryChunk {
            output: self.output,
            verdict: &self.verdict,
            paid: self.paid,
            settled: self.settled.as_ref().map(LedgerEvent::place),
        }
    }
}
