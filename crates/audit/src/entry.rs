//! What the log records: who did what to which thing, and when, in one canonical JSON line.
//!
//! An entry names its subject by digest and never carries it, so that the log can be published
//! without the work it is about.
use ainur_primitives::canonical_json::{self, CanonicalJsonError};
use ainur_primitives::{Did, Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// One entry of the log; its fields are in the order in which canonical JSON writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Who caused it.
    pub actor: Did,
    /// When it happened, by the node's clock.
    pub at: Timestamp,
    /// What was recorded.
    pub kind: EntryKind,
    /// Digest of what it is about; `kind` says of what.
    pub subject: Digest,
    /// One line for people, at most [`SUMMARY_BYTES_MAX`].
    pub summary: String,
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// An operation executed on the node; the subject is the digest of its canonical request.
    Command,
    /// An operation that was refused; the subject is the digest of its canonical request.
    Refusal,
    /// A receipt was issued; the subject is the digest of its story.
    Receipt,
    /// A ledger block was committed; the subject is the hash of its header.
    Block,
    /// The log of this name was opened; the subject is the digest of its public key.
    Opened,
}

/// The longest summary, in bytes.
pub const SUMMARY_BYTES_MAX: usize = 1_024;
/// The longest entry, in bytes: what the length prefix of a C2SP entry bundle can say.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// An entry that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The summary is over its limit, or not one line.
    #[error("a summary is one line of at most {SUMMARY_BYTES_MAX} bytes")]
    Summary,
    /// The entry is over its limit.
    #[error("the entry has {0} bytes, at most {ENTRY_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// Not an entry in canonical form.
    #[error("not a log entry")]
    Json(#[source] CanonicalJsonError),
}

impl Entry {
    /// The bytes the log stores and hashes.
    ///
    /// # Errors
    /// When the summary is too long or has control characters.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        self.check_summary()?;
        canonical_json::to_sorted_json(self).map_err(EntryError::Json)
    }

    /// Reads an entry and refuses every spelling but the canonical one.
    ///
    /// # Errors
    /// When the bytes are not an entry within its limits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLong(bytes.len()));
        }
        let entry: Self = canonical_json::from_canonical_json(bytes).map_err(EntryError::Json)?;
        entry.check_summary()?;
        Ok(entry)
    }

    fn check_summary(&self) -> Result<(), EntryError> {
        let one_line = !self.summary.chars().any(char::is_control);
        if one_line && self.summary.len() <= SUMMARY_BYTES_MAX {
            Ok(())
        } else {
            Err(EntryError::Summary)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(summary: &str) -> Entry {
        Entry {
            kind: EntryKind::Command,
            at: Timestamp(1_795_254_600_123),
            actor: Did(Digest([1; 32])),
            subject: Digest([2; 32]),
            summary: summary.into(),
        }
    }

    #[test]
    fn entry_reads_back_what_it_wrote() {
        let entry = entry("task run archive.compress");
        let bytes = entry.to_bytes().unwrap();
        assert!(bytes.starts_with(br#"{"actor":"did:ainur:"#));
        assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry);
    }

    #[test]
    fn long_and_many_line_summaries_are_refused() {
        assert!(entry(&"a".repeat(SUMMARY_BYTES_MAX)).to_bytes().is_ok());
        let long = entry(&"a".repeat(SUMMARY_BYTES_MAX + 1));
        assert!(matches!(long.to_bytes(), Err(EntryError::Summary)));
        assert!(matches!(entry("one\ntwo").to_bytes(), Err(EntryError::Summary)));
        let smuggled = canonical_json::to_canonical_json(&long).unwrap();
        assert!(matches!(Entry::from_bytes(&smuggled), Err(EntryError::Summary)));
    }

    #[test]
    fn another_spelling_is_refused() {
        let bytes = entry("x").to_bytes().unwrap();
        let spaced = String::from_utf8(bytes).unwrap().replace(":\"x\"", ": \"x\"");
        assert!(matches!(Entry::from_bytes(spaced.as_bytes()), Err(EntryError::Json(_))));
    }
}
