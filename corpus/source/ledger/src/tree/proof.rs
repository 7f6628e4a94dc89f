//! The proof that one record has a value, or does not exist, under a state root.
use alloc::vec::Vec;

use ainur_primitives::Digest;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{DEPTH_MAX, bit, branch_digest, leaf_digest, path_of, value_digest};
use crate::hexadecimal;
use crate::state::{Key, Value};

/// That a record has a value, or does not exist, under a state root.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct RecordProof {
    /// The record's key.
    #[serde(with = "hexadecimal")]
    pub key: Key,
    /// Its value; `None` says that there is no such record.
    #[serde(with = "hexadecimal::option")]
    pub value: Option<Value>,
    /// Digests beside the way from the root to the record, from the root down.
    pub siblings: Vec<Digest>,
    /// For a record that does not exist: the record found at the end of its way, if any.
    pub neighbour: Option<Neighbour>,
}

/// A record other than the one looked for.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// The digest of its key.
    pub path: Digest,
    /// The digest of its value.
    pub value: Digest,
}

/// Why a record proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Longer than any way through the tree.
    #[error("the proof is longer than the tree is deep")]
    TooLong,
    /// The neighbour does not show that the record is missing.
    #[error("the record shown in place of the missing one does not stand in its place")]
    NeighbourElsewhere,
    /// It leads to another root.
    #[error("the proof leads to state root {found}, not to {expected}")]
    RootDiffers {
        /// The root of the header.
        expected: Digest,
        /// Where the proof leads.
        found: Digest,
    },
}

impl RecordProof {
    /// Checks the proof against the state root of a header.
    ///
    /// # Errors
    /// When it proves nothing about that root.
    pub fn verify(&self, state_root: &Digest) -> Result<(), ProofError> {
        if self.siblings.len() > DEPTH_MAX {
            return Err(ProofError::TooLong);
        }
        let path = path_of(&self.key);
        let terminal = match (&self.value, &self.neighbour) {
            (Some(value), None) => leaf_digest(&path, &value_digest(value)),
            (None, None) => Digest::ZERO,
            (None, Some(neighbour)) => {
                let other = &neighbour.path.0;
                let in_place = *other != path
                    && (0..self.siblings.len()).all(|depth| bit(other, depth) == bit(&path, depth));
                if !in_place {
                    return Err(ProofError::NeighbourElsewhere);
                }
                leaf_digest(other, &neighbour.value)
            }
            (Some(_), Some(_)) => return Err(ProofError::NeighbourElsewhere),
        };
        let found = self.siblings.iter().enumerate().rev().fold(
            terminal,
            |below, (depth, beside)| match bit(&path, depth) {
                0 => branch_digest(&below, beside),
                _ => branch_digest(beside, &below),
            },
        );
        if found == *state_root {
            Ok(())
        } else {
            Err(ProofError::RootDiffers { expected: *state_root, found })
        }
    }
}
