//! The ledger of a market: real blocks of signed transactions, executed in memory.
use std::collections::BTreeMap;

use ainur_crypto::agreement::AgreementPublicKeys;
use ainur_crypto::batch::sign_batch;
use ainur_crypto::{BatchProof, HybridVerifier, RootSignature, SigningKey};
use ainur_identity::KeyMaterial;
use ainur_ledger::{
    Action, AuthorizedTransaction, EventRecord, Genesis, Header, Ledger, MemoryState, Outcome,
    Parameters, Submission, Transaction, balances, invariants, reputation,
};
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, Timestamp};

use super::Error;
use super::chance::Chance;

/// After so many blocks every record is checked against every other.
const BLOCKS_PER_CHECK: u64 = 32;
const TRANSACTION_VALID_MS: DurationMs = DurationMs::seconds(3_600);

/// A party that signs.
pub(super) struct Keys {
    pub(super) material: KeyMaterial,
    key: SigningKey,
}

impl Keys {
    pub(super) fn draw(chance: &mut Chance) -> Result<Self, Error> {
        let key = SigningKey::from_seed(&chance.digest().0)?;
        // Nothing is sealed here, so these are no more than unique.
        let mut ml_kem_768 = Box::new([0; 1184]);
        ml_kem_768[..32].copy_from_slice(&chance.digest().0);
        let agreement = AgreementPublicKeys { x25519: chance.digest().0, ml_kem_768 };
        Ok(Self { material: KeyMaterial::hybrid(key.public(), agreement), key })
    }

    pub(super) fn did(&self) -> Did {
        self.material.did()
    }
}

/// What one transaction of a block did.
pub(super) struct Done {
    /// Why it did not do what it asked for; `None` when it did.
    pub(super) refused: Option<String>,
}

/// A ledger and the keys of everyone on it.
pub(super) struct Settlement {
    ledger: Ledger,
    keys: BTreeMap<Did, SigningKey>,
    parameters: Parameters,
    /// Signatures over consents that go along with the next block.
    consents: Vec<RootSignature>,
}

impl Settlement {
    /// A ledger on which these parties have so much each; the first keeps it.
    pub(super) fn found(
        name: &str,
        now: Timestamp,
        parties: Vec<(Keys, Amount)>,
    ) -> Result<Self, Error> {
        let operator = parties.first().map(|(keys, _)| keys.did()).ok_or(Error::Nobody)?;
        let genesis = Genesis {
            name: name.into(),
            timestamp: now,
            parameters: Parameters::with_authority(operator),
            identities: parties.iter().map(|(keys, _)| keys.material.clone()).collect(),
            allocations: parties.iter().map(|(keys, amount)| (keys.did(), *amount)).collect(),
            validators: vec![operator],
        };
        Ok(Self {
            ledger: Ledger::begin(&genesis)?,
            keys: parties.into_iter().map(|(keys, _)| (keys.did(), keys.key)).collect(),
            parameters: genesis.parameters,
            consents: Vec::new(),
        })
    }

    /// From now on this party signs, too.
    pub(super) fn admit(&mut self, keys: Keys) {
        self.keys.insert(keys.did(), keys.key);
    }

    pub(super) fn head(&self) -> &Header {
        self.ledger.head()
    }

    pub(super) fn state(&self) -> &MemoryState {
        self.ledger.state()
    }

    pub(super) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// How likely a party is to fail, by its reputation.
    pub(super) fn failure_probability(&self, party: &Did, now: Timestamp) -> Ppm {
        let record = reputation::query::reputation(self.state(), party);
        reputation::query::failure_probability(&record, now, &self.parameters.reputation)
    }

    /// True when the party can lock the bond of an agreement at this price beside what it locks.
    pub(super) fn can_bond(&self, party: &Did, price: Amount, now: Timestamp) -> bool {
        let record = reputation::query::reputation(self.state(), party);
        let params = &self.parameters.reputation;
        let bond = reputation::query::required_bond(price, &record, now, params);
        !record.barred && record.staked >= params.stake_min && bond <= record.available()
    }

    /// True when the party can write credits.
    pub(super) fn may_issue(&self, party: &Did) -> bool {
        !reputation::query::reputation(self.state(), party).barred
    }

    /// One party's signature over several consents, in one batch.
    pub(super) fn sign(&mut self, signer: Did, items: &[Digest]) -> Result<Vec<BatchProof>, Error> {
        let key = self.keys.get(&signer).ok_or(Error::Nobody)?;
        let (root, proofs) = sign_batch(key, signer, 0, items);
        self.consents.push(root);
        Ok(proofs)
    }

    /// Executes a block of these calls, in order, and commits it.
    pub(super) fn block(
        &mut self,
        now: Timestamp,
        calls: Vec<(Did, Action)>,
    ) -> Result<(Vec<Done>, Vec<EventRecord>), Error> {
        let submission = self.submission(now, calls)?;
        let executed = self.ledger.execute(now, &[submission], &HybridVerifier)?;
        let mut done = Vec::with_capacity(executed.outcomes.len());
        for (_, outcome) in &executed.outcomes {
            done.push(Done {
                refused: match outcome {
                    Outcome::Applied { .. } => None,
                    Outcome::Failed { error, .. } => Some(error.to_string()),
                    Outcome::Rejected(rejection) => {
                        return Err(Error::Rejected(rejection.to_string()));
                    }
                },
            });
        }
        let events = executed.events.clone();
        self.ledger.commit(executed)?;
        if self.head().height.0.is_multiple_of(BLOCKS_PER_CHECK) {
            self.check()?;
        }
        Ok((done, events))
    }

    /// Checks every promise of the ledger over all of its records.
    pub(super) fn check(&self) -> Result<(), Error> {
        invariants::check(self.state()).map_err(|violation| Error::Invariant(violation.to_string()))
    }

    /// Signs what each sender asks for in one batch.
    fn submission(
        &mut self,
        now: Timestamp,
        calls: Vec<(Did, Action)>,
    ) -> Result<Submission, Error> {
        let mut nonces: BTreeMap<Did, u64> = BTreeMap::new();
        let mut of_sender: BTreeMap<Did, Vec<usize>> = BTreeMap::new();
        let mut transactions = Vec::with_capacity(calls.len());
        for (sender, action) in calls {
            let first = balances::query::account(self.ledger.state(), &sender).nonce;
            let nonce = nonces.entry(sender).or_insert(first);
            of_sender.entry(sender).or_default().push(transactions.len());
            transactions.push(Transaction {
                chain_id: self.ledger.chain_id(),
                sender,
                nonce: *nonce,
                expires: now.plus(TRANSACTION_VALID_MS),
                fee: self.parameters.fee_min,
                action,
            });
            *nonce += 1;
        }
        let mut signatures = std::mem::take(&mut self.consents);
        let mut proofs: Vec<Option<BatchProof>> = vec![None; transactions.len()];
        for (sender, places) in of_sender {
            let key = self.keys.get(&sender).ok_or(Error::Nobody)?;
            let items: Vec<Digest> =
                places.iter().map(|place| transactions[*place].digest()).collect();
            let (root, signed) = sign_batch(key, sender, 0, &items);
            signatures.push(root);
            for (place, proof) in places.into_iter().zip(signed) {
                proofs[place] = Some(proof);
            }
        }
        let transactions = transactions
            .into_iter()
            .zip(proofs)
            .map(|(transaction, proof)| {
                let proof = proof.expect("every transaction has a sender, who signed it");
                AuthorizedTransaction { transaction, proof }
            })
            .collect();
        Ok(Submission { transactions, signatures })
    }
}
