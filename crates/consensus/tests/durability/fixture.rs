//! A small ledger for the tests: one validator, a few rich parties, and transfers they sign.
use std::collections::BTreeMap;

use ainur_consensus::{Chain, Error, ValidatorKey};
use ainur_crypto::{AgreementPublicKeys, SigningKey, batch};
use ainur_identity::KeyMaterial;
use ainur_ledger::balances::{self, query};
use ainur_ledger::{
    AuthorizedTransaction, Genesis, Parameters, ReadState, Submission, Transaction,
};
use ainur_primitives::{Amount, Did, Timestamp};
use ainur_storage::Disk;

/// When the ledger begins.
pub(crate) const BEGINNING: Timestamp = Timestamp(1_700_000_000_000);
/// What each party has in the beginning.
pub(crate) const RICH: Amount = Amount::ainu(1_000_000);

pub(crate) struct Party {
    pub(crate) did: Did,
    pub(crate) key: SigningKey,
    material: KeyMaterial,
}

impl Party {
    fn new(seed: u8) -> Self {
        let key = SigningKey::from_seed(&[seed; 32]).expect("any seed gives a key");
        // Nobody seals anything for these parties, so any bytes do.
        let agreement =
            AgreementPublicKeys { x25519: [seed; 32], ml_kem_768: Box::new([seed; 1184]) };
        let material = KeyMaterial::hybrid(key.public(), agreement);
        Self { did: material.did(), key, material }
    }
}

pub(crate) struct Fixture {
    pub(crate) genesis: Genesis,
    pub(crate) parties: Vec<Party>,
}

impl Fixture {
    /// A ledger whose validator is party 0.
    pub(crate) fn new(parties: u8) -> Self {
        let parties: Vec<Party> = (1..=parties).map(Party::new).collect();
        let genesis = Genesis {
            name: "tests".into(),
            timestamp: BEGINNING,
            parameters: Parameters::with_authority(parties[0].did),
            identities: parties.iter().map(|party| party.material.clone()).collect(),
            allocations: parties.iter().map(|party| (party.did, RICH)).collect(),
            validators: vec![parties[0].did],
        };
        Self { genesis, parties }
    }

    pub(crate) fn validator(&self) -> Option<ValidatorKey> {
        let party = Party::new(1);
        Some(ValidatorKey { did: party.did, key_version: 0, key: party.key })
    }

    pub(crate) fn open<D: Disk>(&self, disk: &D) -> Result<Chain<D>, Error> {
        Chain::open(disk.clone(), "chain", &self.genesis, self.validator())
    }

    /// Transfers of one party, signed as one batch; `nonces` remembers each party's next number.
    pub(crate) fn transfers(
        &self,
        from: usize,
        amounts: &[(usize, u128)],
        nonces: &mut BTreeMap<usize, u64>,
    ) -> Submission {
        let party = &self.parties[from];
        let nonce = nonces.entry(from).or_default();
        let transactions: Vec<Transaction> = amounts
            .iter()
            .map(|(to, amount)| {
                let to = self.parties[*to].did;
                let transfer = balances::Action::Transfer { to, amount: Amount(*amount) };
                let transaction = Transaction {
                    chain_id: self.genesis.chain_id(),
                    sender: party.did,
                    nonce: *nonce,
                    expires: Timestamp(u64::MAX),
                    fee: self.genesis.parameters.fee_min,
                    action: transfer.into(),
                };
                *nonce += 1;
                transaction
            })
            .collect();
        let digests: Vec<_> = transactions.iter().map(Transaction::digest).collect();
        let (signature, proofs) = batch::sign_batch(&party.key, party.did, 0, &digests);
        let authorized = transactions.into_iter().zip(proofs);
        Submission {
            transactions: authorized
                .map(|(transaction, proof)| AuthorizedTransaction { transaction, proof })
                .collect(),
            signatures: vec![signature],
        }
    }

    /// The next number of each party by the ledger's state.
    pub(crate) fn nonces(&self, state: &impl ReadState) -> BTreeMap<usize, u64> {
        let nonce = |party: &Party| query::account(state, &party.did).nonce;
        self.parties.iter().map(nonce).enumerate().collect()
    }
}
