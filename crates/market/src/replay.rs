//! Anyone can recompute an award from a transcript, whichever kind of auction it was.
use ainur_primitives::{Did, Digest};
use serde::{Deserialize, Serialize};

use crate::auction::{self, Award, NoAward, Transcript};
use crate::combinatorial::{self, Allocation, CombinatorialTranscript};

/// A transcript of either kind; in JSON the transcript itself, told apart by its fields.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TranscriptDocument {
    /// Of an auction of one task.
    Single(Transcript),
    /// Of an auction of a task graph.
    Combinatorial(CombinatorialTranscript),
}

impl TranscriptDocument {
    /// The digest an agreement names.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Single(transcript) => transcript.digest(),
            Self::Combinatorial(transcript) => transcript.digest(),
        }
    }
}

/// What follows from a transcript; in JSON under `kind`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Replayed {
    /// Who does the task.
    Single(Award),
    /// Who does which of its subtasks.
    Combinatorial(Allocation),
}

/// Decides a closed auction again, without the `excluded` bidders.
///
/// # Errors
/// When the transcript is not valid, or nobody can win a single task.
pub fn replay(document: &TranscriptDocument, excluded: &[Did]) -> Result<Replayed, NoAward> {
    match document {
        TranscriptDocument::Single(transcript) => {
            auction::award(transcript, excluded).map(Replayed::Single)
        }
        TranscriptDocument::Combinatorial(transcript) => {
            let allocation = combinatorial::award(transcript, excluded);
            allocation.map(Replayed::Combinatorial).map_err(NoAward::Invalid)
        }
    }
}
