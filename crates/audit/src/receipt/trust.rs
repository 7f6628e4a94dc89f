//! What whoever verifies a receipt trusts: ledgers by their genesis, logs by their key.
use ainur_identity::KeyMaterial;
use ainur_ledger::Genesis;
use ainur_primitives::{Did, Digest};

use crate::checkpoint::LogKey;

/// Whose word counts. Everything else in a receipt follows from it.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    ledgers: Vec<TrustedLedger>,
    logs: Vec<LogKey>,
}

/// A ledger that is trusted.
#[derive(Debug, Clone)]
pub struct TrustedLedger {
    /// The digest of its genesis.
    pub chain_id: Digest,
    /// Its name, for people.
    pub name: String,
    /// Who keeps it.
    pub validators: Vec<Did>,
    /// The validators' keys that genesis lists.
    pub(super) identities: Vec<KeyMaterial>,
}

impl Trust {
    /// Trusts a ledger as its genesis describes it.
    #[must_use]
    pub fn with_ledger(mut self, genesis: &Genesis) -> Self {
        let listed = genesis.identities.iter();
        let identities = listed.filter(|keys| genesis.validators.contains(&keys.did()));
        self.ledgers.push(TrustedLedger {
            chain_id: genesis.chain_id(),
            name: genesis.name.clone(),
            validators: genesis.validators.clone(),
            identities: identities.cloned().collect(),
        });
        self
    }

    /// Trusts a transparency log.
    #[must_use]
    pub fn with_log(mut self, log: LogKey) -> Self {
        self.logs.push(log);
        self
    }

    /// The trusted ledger of this name.
    pub fn ledger(&self, chain_id: Digest) -> Option<&TrustedLedger> {
        self.ledgers.iter().find(|ledger| ledger.chain_id == chain_id)
    }

    /// The trusted logs.
    pub fn logs(&self) -> &[LogKey] {
        &self.logs
    }
}

impl TrustedLedger {
    /// How many validators must sign: all but the less than a third that may be faulty.
    pub fn quorum(&self) -> usize {
        let validators = self.validators.len();
        validators - validators.saturating_sub(1) / 3
    }
}
