//! That the events are of the ledger: its name, its validators' signatures, its event trees.
use std::collections::BTreeSet;

use ainur_crypto::HybridVerifier;
use ainur_ledger::Header;

use super::{Checked, Examination, Finding, because};
use crate::receipt::keys::KeyRing;
use crate::receipt::{LedgerEvent, TrustedLedger};

impl Examination<'_> {
    /// Every header names the ledger, and events follow each other.
    pub(super) fn chain(&self) -> Checked {
        let mut places = BTreeSet::new();
        let mut last = None;
        for (what, event) in self.events() {
            let header = &event.proof.header;
            if header.chain_id != self.body.chain_id {
                return Err(format!(
                    "the {what} is of ledger {}, the receipt of {}",
                    header.chain_id, self.body.chain_id
                ));
            }
            let at = (event.proof.record.height, event.proof.record.index);
            if !places.insert(at) {
                return Err(format!("the {what} is an event that is told twice"));
            }
            if self.job.is_none() && last.is_some_and(|last| last >= at) {
                return Err(format!("the {what} is not after the event before it"));
            }
            last = Some(at);
        }
        if let Some(job) = &self.job {
            job.events_in_order()?;
        }
        Ok(format!("{} events of ledger {}", places.len(), self.body.chain_id.short()))
    }

    pub(super) fn event_inclusion(&self) -> Checked {
        let mut count = 0;
        for (what, event) in self.events() {
            event.proof.verify().map_err(|error| format!("{what}: {}", because(&error)))?;
            count += 1;
        }
        Ok(format!("{count} events under their headers"))
    }

    pub(super) fn header_signatures(&self) -> Finding {
        let Some(ledger) = self.ledger else {
            return Finding::Unchecked("no trusted keys for this ledger".into());
        };
        let mut verified: Vec<&LedgerEvent> = Vec::new();
        for (what, event) in self.events() {
            // Events of one block come with the same header and signatures.
            let known = verified.iter().any(|known| {
                known.proof.header == event.proof.header && known.signatures == event.signatures
            });
            if known {
                continue;
            }
            if let Err(reason) = signed_by_quorum(&self.keys, ledger, event) {
                return Finding::Failed(format!("{what}: {reason}"));
            }
            verified.push(event);
        }
        Finding::Ok(format!(
            "{} of {} validators signed each of {} headers, Ed25519 and ML-DSA-65",
            ledger.quorum(),
            ledger.validators.len(),
            verified.len()
        ))
    }
}

/// Enough of the ledger's validators have signed the header of the event's block.
pub(in crate::receipt) fn signed_by_quorum(
    keys: &KeyRing,
    ledger: &TrustedLedger,
    event: &LedgerEvent,
) -> Result<(), String> {
    let header: &Header = &event.proof.header;
    let digest = header.digest();
    let mut signers = BTreeSet::new();
    for signed in &event.signatures {
        let validator = signed.validator;
        if !ledger.validators.contains(&validator) {
            return Err(format!("{validator} is not a validator of this ledger"));
        }
        let signer = keys
            .get(validator, signed.key_version)
            .ok_or_else(|| format!("no key of version {} of {validator}", signed.key_version))?;
        signed
            .verify(digest, signer, &HybridVerifier)
            .map_err(|error| format!("block {} by {validator}: {error}", header.height))?;
        if !signers.insert(validator) {
            return Err(format!("{validator} signed block {} twice", header.height));
        }
    }
    let quorum = ledger.quorum();
    if ledger.validators.is_empty() || signers.len() < quorum {
        return Err(format!(
            "{} validators signed block {}, {quorum} of {} must",
            signers.len(),
            header.height,
            ledger.validators.len()
        ));
    }
    Ok(())
}
