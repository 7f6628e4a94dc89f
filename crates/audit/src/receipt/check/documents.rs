//! That the log holds the receipt, and that the issuer signed it.
use ainur_crypto::HybridVerifier;

use super::{Checked, Examination, Finding, because, same};
use crate::checkpoint::{Checkpoint, CheckpointError, LogKey};
use crate::entry::EntryKind;
use crate::receipt::{Receipt, signed_digest};

impl Examination<'_> {
    pub(super) fn checkpoint(&self) -> Finding {
        if self.trust.logs().is_empty() {
            return Finding::Unchecked("no log is trusted".into());
        }
        match &self.checkpoint {
            Ok(checkpoint) => Finding::Ok(format!(
                "log '{}' at size {}, signed {}, Ed25519 and ML-DSA-65",
                checkpoint.origin, checkpoint.size, checkpoint.at
            )),
            Err(error) => Finding::Failed(because(error)),
        }
    }

    /// The entry is about this story and under the checkpoint, which [`Self::checkpoint`] reports.
    pub(super) fn audit_inclusion(&self) -> Checked {
        let audit = &self.receipt.audit;
        if audit.entry.kind != EntryKind::Receipt {
            return Err("the entry is not about a receipt".into());
        }
        same("digest of the story", &self.body.story().digest(), &audit.entry.subject)?;
        same("issuer", &self.body.issuer, &audit.entry.actor)?;
        let checkpoint = self
            .checkpoint
            .as_ref()
            .map_err(|_| "there is no trusted checkpoint to be under".to_owned())?;
        match audit.is_under(checkpoint) {
            Ok(true) => Ok(format!("entry {} of {}", audit.inclusion.index, checkpoint.size)),
            Ok(false) => Err("the entry is not under the checkpoint's root".into()),
            Err(error) => Err(because(&error)),
        }
    }

    pub(super) fn issuer_signature(&self) -> Checked {
        let proof = &self.receipt.proof;
        same("issuer", &self.body.issuer, &proof.signer)?;
        let keys = self
            .keys
            .get(proof.signer, proof.key_version)
            .ok_or_else(|| format!("no key of version {} of the issuer", proof.key_version))?;
        let Receipt { kind, audit, .. } = self.receipt;
        let digest = signed_digest(*kind, self.body_digest.clone()?, audit)
            .map_err(|error| because(&error))?;
        proof.verify(digest, keys, &HybridVerifier).map_err(|error| because(&error))?;
        Ok(format!("{}, Ed25519 and ML-DSA-65", proof.signer.short()))
    }
}

/// The checkpoint under whichever trusted log signed it; else the complaint of the log of that
/// name, or of the last one tried.
pub(super) fn verify_checkpoint(
    logs: &[LogKey],
    note: &str,
) -> Result<Checkpoint, CheckpointError> {
    let mut complaint = CheckpointError::Text;
    for log in logs {
        match log.verify(note) {
            Ok(checkpoint) => return Ok(checkpoint),
            Err(error @ CheckpointError::Origin { .. }) => {
                if complaint == CheckpointError::Text {
                    complaint = error;
                }
            }
            Err(error) => complaint = error,
        }
    }
    Err(complaint)
}
