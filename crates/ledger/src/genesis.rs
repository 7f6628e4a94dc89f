//! Genesis: the document a ledger begins with, whose digest is the ledger's name.
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use ainur_crypto::hash::tagged;
use ainur_crypto::merkle::empty_root;
use ainur_identity::{IdentityRecord, KeyMaterial};
use ainur_primitives::{Amount, Did, Digest, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::balances::{Account, Totals, write_account};
use crate::block::{Header, Height};
use crate::error::Error;
use crate::identity::Registered;
use crate::parameters::Parameters;
use crate::state::{MemoryState, Overlay, WriteState, key};
use crate::tree::StateTree;

/// What a ledger begins with.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// A name for people.
    pub name: String,
    /// When the ledger begins.
    pub timestamp: Timestamp,
    /// The governed parameters.
    pub parameters: Parameters,
    /// Identities that exist from the beginning, without deposit.
    pub identities: Vec<KeyMaterial>,
    /// All money there is in the beginning, by owner.
    pub allocations: Vec<(Did, Amount)>,
    /// Who keeps the ledger.
    pub validators: Vec<Did>,
}

/// How many identities, allocations and validators a genesis lists, each.
pub const GENESIS_ENTRIES_MAX: usize = 100_000;

/// How long the name of a ledger is, in bytes.
pub const GENESIS_NAME_BYTES_MAX: usize = 128;

const GENESIS_TAG: &str = "ainur/genesis/v1";

impl Genesis {
    /// The name of the ledger that begins so.
    pub fn chain_id(&self) -> Digest {
        tagged(GENESIS_TAG, &[&self.encode()])
    }

    /// The state, its tree, and the header of block zero.
    ///
    /// # Errors
    /// When an entry is listed twice or malformed, a list is too long, parameters contradict each
    /// other, or there is more money than can be counted.
    pub fn begin(&self) -> Result<(MemoryState, StateTree, Header), Error> {
        self.check()?;
        let empty = MemoryState::default();
        let mut state = Overlay::new(&empty);
        let mut issued = Amount::ZERO;
        for (did, free) in &self.allocations {
            issued = issued.checked_add(*free).ok_or(Error::Genesis("too much money"))?;
            write_account(&mut state, did, &Account { free: *free, ..Account::default() });
        }
        for material in &self.identities {
            let identity = IdentityRecord::create(material.clone())
                .map_err(|_| Error::Genesis("an identity does not require hybrid signatures"))?;
            let did = identity.did;
            let registered = Registered { identity, deposit: Amount::ZERO };
            state.write(key::identity(&did), &registered);
        }
        state.write(key::parameters(), &self.parameters);
        state.write(key::validators(), &self.validators);
        state.write(key::totals(), &Totals { issued, free: issued, ..Totals::default() });
        state.keep();
        let changes = state.into_changes();
        let mut state = MemoryState::default();
        state.write(&changes);
        let mut tree = StateTree::default();
        let header = Header {
            chain_id: self.chain_id(),
            height: Height(0),
            parent: Digest::ZERO,
            timestamp: self.timestamp,
            transactions_root: empty_root(),
            events_root: empty_root(),
            state_root: tree.update(&changes),
        };
        Ok((state, tree, header))
    }

    fn check(&self) -> Result<(), Error> {
        let lengths = [self.identities.len(), self.allocations.len(), self.validators.len()];
        if self.name.len() > GENESIS_NAME_BYTES_MAX
            || lengths.iter().any(|length| *length > GENESIS_ENTRIES_MAX)
        {
            return Err(Error::Genesis("a name or list is too long"));
        }
        if !self.parameters.valid() {
            return Err(Error::Genesis("the parameters contradict each other"));
        }
        let distinct = distinct(self.identities.iter().map(KeyMaterial::did))
            && distinct(self.allocations.iter().map(|(did, _)| *did))
            && distinct(self.validators.iter().copied());
        if distinct { Ok(()) } else { Err(Error::Genesis("an entry is listed twice")) }
    }
}

fn distinct(mut dids: impl Iterator<Item = Did>) -> bool {
    let mut seen = BTreeSet::new();
    dids.all(|did| seen.insert(did))
}
