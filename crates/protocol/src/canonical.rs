//! Canonical JSON without a detour: types that declare their fields in the order of RFC 8785 are
//! written straight away.
//!
//! RFC 8785 asks for sorted member names, no spaces, short escapes and numbers as ECMAScript
//! writes them. `serde_json` writes everything but the order, and integers below 2⁵³ as asked; so
//! for types whose fields are declared in ascending order and hold no other numbers its output is
//! canonical. Tests compare with the general canonicalizer. Values of unknown shape
//! ([`crate::Extensions`]) take the general way.
use ainur_crypto::Proof;
use ainur_primitives::{
    AcceptanceCheck, Amount, CapabilityName, Digest, DurationMs, ExecutionLimits, Subtask,
    TaskGraph,
};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A usual message with its proof fits; longer ones grow the buffer.
const CAPACITY_BYTES: usize = 1024;

/// Writes a value whose fields are declared in canonical order; `general` when part of it is not.
pub(crate) fn write<T: Serialize>(value: &T, general: bool) -> Result<Vec<u8>, Error> {
    if general {
        return serde_json_canonicalizer::to_vec(value).map_err(Error::Shape);
    }
    let mut bytes = Vec::with_capacity(CAPACITY_BYTES);
    serde_json::to_writer(&mut bytes, value).map_err(Error::Shape)?;
    Ok(bytes)
}

/// [`Proof`] with its fields in canonical order.
pub(crate) fn proof<S: Serializer>(
    proof: &Option<&Proof>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    proof.map(SortedProof).serialize(serializer)
}

/// Many of them.
pub(crate) fn proofs<S: Serializer>(proofs: &[Proof], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(proofs.iter().map(SortedProof))
}

struct SortedProof<'a>(&'a Proof);

impl Serialize for SortedProof<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Inclusion<'a> {
            index: u64,
            path: &'a [Digest],
            size: u64,
        }
        let Proof { signer, key_version, inclusion, signature } = self.0;
        let inclusion =
            Inclusion { index: inclusion.index, path: &inclusion.path, size: inclusion.size };
        let mut object = serializer.serialize_struct("Proof", 4)?;
        object.serialize_field("inclusion", &inclusion)?;
        object.serialize_field("key_version", key_version)?;
        object.serialize_field("signature", signature)?;
        object.serialize_field("signer", signer)?;
        object.end()
    }
}

/// [`ExecutionLimits`] with its fields in canonical order.
pub(crate) fn limits<S: Serializer>(
    limits: &ExecutionLimits,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let ExecutionLimits { fuel_max, memory_bytes_max, duration_ms_max, output_bytes_max } = limits;
    let mut object = serializer.serialize_struct("ExecutionLimits", 4)?;
    object.serialize_field("duration_ms_max", duration_ms_max)?;
    object.serialize_field("fuel_max", fuel_max)?;
    object.serialize_field("memory_bytes_max", memory_bytes_max)?;
    object.serialize_field("output_bytes_max", output_bytes_max)?;
    object.end()
}

/// [`AcceptanceCheck`] with its fields in canonical order.
pub(crate) fn check<S: Serializer>(
    check: &AcceptanceCheck,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    SortedCheck(check).serialize(serializer)
}

struct SortedCheck<'a>(&'a AcceptanceCheck);

impl Serialize for SortedCheck<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("AcceptanceCheck", 2)?;
        match self.0 {
            AcceptanceCheck::Schema => object.serialize_field("kind", "schema")?,
            AcceptanceCheck::Digest { expected } => {
                object.serialize_field("expected", expected)?;
                object.serialize_field("kind", "digest")?;
            }
            AcceptanceCheck::Verifier { component } => {
                object.serialize_field("component", component)?;
                object.serialize_field("kind", "verifier")?;
            }
            AcceptanceCheck::Reexecution => object.serialize_field("kind", "reexecution")?,
            AcceptanceCheck::BuyerWord { window_ms } => {
                object.serialize_field("kind", "buyer-word")?;
                object.serialize_field("window_ms", window_ms)?;
            }
            AcceptanceCheck::All { checks } => {
                let checks: Vec<SortedCheck<'_>> = checks.iter().map(SortedCheck).collect();
                object.serialize_field("checks", &checks)?;
                object.serialize_field("kind", "all")?;
            }
        }
        object.end()
    }
}

/// [`TaskGraph`] with its fields in canonical order.
pub(crate) fn graph<S: Serializer>(
    graph: &Option<TaskGraph>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Graph<'a> {
        subtasks: Vec<Part<'a>>,
    }
    #[derive(Serialize)]
    struct Part<'a> {
        capability: &'a CapabilityName,
        duration_ms_max: DurationMs,
        name: &'a str,
        needs: &'a [u16],
        parameters: &'a str,
        reserve: Amount,
    }
    fn sorted(subtask: &Subtask) -> Part<'_> {
        let Subtask { name, capability, parameters, reserve, duration_ms_max, needs } = subtask;
        let (duration_ms_max, reserve) = (*duration_ms_max, *reserve);
        Part { capability, duration_ms_max, name, needs, parameters, reserve }
    }
    let graph = graph.as_ref().map(|graph| graph.subtasks.iter().map(sorted).collect());
    graph.map(|subtasks| Graph { subtasks }).serialize(serializer)
}

/// Reads JSON of a known shape; what is left over after the value is refused.
pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(Error::Shape)
}

/// Where two spellings part, when they do.
pub(crate) fn difference(ours: &[u8], theirs: &[u8]) -> Option<usize> {
    if ours == theirs {
        return None;
    }
    let place = ours.iter().zip(theirs).position(|(one, other)| one != other);
    Some(place.unwrap_or(ours.len().min(theirs.len())))
}
