//! Agents that keep their own keys: what they sign is prepared here, checked here, and signed
//! elsewhere.
//!
//! The second half of this module is for whoever has the key: the command line signs with it and
//! the node sees signatures alone.
use std::sync::PoisonError;

use ainur_api::operation::{AgentAdd, OwnKey, Reply, SignedPapers};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::JoinPapers;
use ainur_crypto::batch::sign_batch;
use ainur_crypto::signature::HybridVerifier;
use ainur_identity::{AgentCard, KeyMaterial, SignedAgentCard};
use ainur_ledger::{
    Action, AuthorizedTransaction, Submission, Transaction, escrow, identity, registry, reputation,
};
use ainur_market::offer::OfferTerms;
use ainur_primitives::canonical_json::to_canonical_json;
use ainur_primitives::{Amount, Did, Digest, DurationMs, Timestamp};
use ainur_runtime::Manifest;
use ainur_storage::clock::{Clock, SystemClock};
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use scale::{Decode, Encode};

use crate::agents::AgentProgram;
use crate::join::Joining;
use crate::keys::KeyPair;
use crate::node::Node;
use crate::problem::with_causes;

pub mod speech;

/// Transactions that are handed in at once.
pub const SIGNED_TRANSACTIONS_MAX: usize = 16;
/// How much of them is read, in bytes of SCALE.
pub const SIGNED_BYTES_MAX: usize = 256 << 10;
/// How long a signed transaction may wait.
const WAIT_MS: DurationMs = DurationMs::seconds(600);

/// Papers that are in order.
pub(crate) struct CheckedPapers {
    card: SignedAgentCard,
    lacking: Amount,
    submission: Submission,
}

impl Node {
    /// What an agent that keeps its own key has to sign; changes nothing.
    pub(crate) fn join_papers(&self, add: AgentAdd) -> Result<JoinPapers, Problem> {
        let own = add.own_key.as_ref().ok_or_else(|| {
            let message = "papers are made out for the public half of a key";
            Problem::new(Code::InvalidRequest, message).next("send it in own_key.material")
        })?;
        let material = read_material(&own.material)?;
        let (name, offer) = self.offered(&add)?;
        self.check_place(&name)?;
        self.check_stranger(material.did(), &name)?;
        let stake = add.stake.unwrap_or_else(|| self.config.agent_stake());
        let card = self.card(material.did(), &name, &offer.manifest, &offer.program)?;
        let Joining { nonce, actions, .. } = self.joining(&material, &card, stake)?;
        let fee = self.parameters().fee_min;
        let transactions = self.unsigned(material.did(), nonce, actions, fee);
        Ok(JoinPapers {
            did: material.did(),
            card: canonical(&card)?,
            transactions: transactions.iter().map(|one| HEX.encode(&one.encode())).collect(),
        })
    }

    /// Checks what an agent signed to join: that it is what was prepared, as things are now.
    pub(crate) fn check_papers(
        &self,
        own: &OwnKey,
        name: &str,
        manifest: &Manifest,
        program: &AgentProgram,
        stake: Amount,
    ) -> Result<CheckedPapers, Problem> {
        let invalid = |message: String| {
            Problem::new(Code::InvalidAgent, message)
                .next("have the papers made out again and sign those: POST /v1/agents/papers")
        };
        let material = read_material(&own.material)?;
        self.check_stranger(material.did(), name)?;
        let signed = own.signed.as_ref().ok_or_else(|| invalid("nothing is signed".into()))?;
        let card = SignedAgentCard::from_json(signed.card.as_bytes());
        let card = card.map_err(|error| invalid(with_causes(&error)))?;
        let expected = AgentCard {
            created: card.card.created,
            ..self.card(material.did(), name, manifest, program)?
        };
        if card.card != expected || card.card.created > SystemClock.now().plus(WAIT_MS) {
            return Err(invalid("the card is not the one that was prepared".into()));
        }
        let verified = card.verify(&material.signing, &HybridVerifier);
        verified.map_err(|error| invalid(with_causes(&error)))?;
        let Joining { nonce, lacking, actions } = self.joining(&material, &card.card, stake)?;
        let submission = read_submission(&signed.submission)?;
        let sent = submission.transactions.iter().map(|signed| &signed.transaction);
        let sent: Vec<(u64, &Action)> = sent.map(|one| (one.nonce, &one.action)).collect();
        if sent != (nonce..).zip(&actions).collect::<Vec<_>>() {
            return Err(invalid("the transactions are not those that were prepared".into()));
        }
        self.check_signed(&submission, &material)?;
        Ok(CheckedPapers { card, lacking, submission })
    }

    /// Gives an agent what it lacks and hands the ledger what it signed.
    pub(crate) fn join_signed(&self, papers: CheckedPapers) -> Result<SignedAgentCard, Problem> {
        self.fund(papers.card.card.did, papers.lacking)?;
        self.submit(papers.submission)?;
        Ok(papers.card)
    }

    /// Hands the ledger what an agent of this node has signed that keeps its own key.
    pub(crate) fn submit_signed(&self, submission: &str) -> Result<Reply, Problem> {
        let submission = read_submission(submission)?;
        let sender = submission.transactions.first().map(|signed| signed.transaction.sender);
        let sender = sender.ok_or_else(|| unsigned("there is no transaction in it"))?;
        let agent = self.agent(&sender.to_string())?;
        if !agent.own_key {
            return Err(unsigned("the node keeps this agent's key and signs for it"));
        }
        let known = self.read(|state| identity::query::identity(state, &sender));
        let known = known.ok_or_else(|| unsigned("the ledger does not know its sender"))?;
        let _joining = self.join_lock();
        self.check_signed(&submission, &known.identity.material)?;
        let is_unbond = |signed: &AuthorizedTransaction| {
            let action = &signed.transaction.action;
            matches!(action, Action::Reputation(reputation::Action::Unbond { .. }))
        };
        let held = self.mailbox.call(move |broker| Ok(broker.bonds_held(sender)))?;
        if !held.is_zero() && submission.transactions.iter().any(is_unbond) {
            let text = format!("{} AINU of its stake stand behind sealed bids", held.to_ainu());
            return Err(Problem::new(Code::Conflict, text)
                .next("open them, or wait until their calls are over"));
        }
        self.submit(submission)?;
        Ok(Reply::Done)
    }

    /// Every transaction is of one sender, for this ledger, and signed by it.
    fn check_signed(&self, submission: &Submission, keys: &KeyMaterial) -> Result<(), Problem> {
        let [signature] = submission.signatures.as_slice() else {
            return Err(unsigned("one signature covers all transactions"));
        };
        if signature.verify(&keys.signing, &HybridVerifier).is_err() {
            return Err(unsigned("the signature is not of the sender's key"));
        }
        for AuthorizedTransaction { transaction, proof } in &submission.transactions {
            if (transaction.chain_id, transaction.sender) != (self.chain_id, signature.signer) {
                return Err(unsigned("a transaction is of another sender or for another ledger"));
            }
            if signature.includes(proof, transaction.digest()).is_err() {
                return Err(unsigned("a transaction is not among what was signed"));
            }
        }
        Ok(())
    }

    /// An identity that is no party here yet, or was this very agent before.
    fn check_stranger(&self, did: Did, name: &str) -> Result<(), Problem> {
        let known = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let taken = known.values().find(|agent| agent.did == did && agent.name != name);
        let whose = match taken {
            Some(agent) => agent.name.clone(),
            None if did == self.did => "the node itself".to_owned(),
            None => return Ok(()),
        };
        Err(Problem::new(Code::Conflict, format!("this key is that of {whose}"))
            .next("make another one: ainur aacl key FILE"))
    }
}

fn unsigned(why: &str) -> Problem {
    Problem::new(Code::InvalidRequest, format!("the submission: {why}"))
        .next("see docs/market/own-keys.md")
}

fn read_material(text: &str) -> Result<KeyMaterial, Problem> {
    let bytes = HEX.decode(text.as_bytes()).ok();
    let material = bytes.and_then(|bytes| KeyMaterial::decode(&mut &bytes[..]).ok());
    material.ok_or_else(|| {
        Problem::new(Code::InvalidRequest, "own_key.material is no key material")
            .next("send it as SCALE in hexadecimal digits")
    })
}

fn read_submission(text: &str) -> Result<Submission, Problem> {
    if text.len() > 2 * SIGNED_BYTES_MAX {
        return Err(unsigned("it is too large (SIGNED_BYTES_MAX)"));
    }
    let bytes = HEX.decode(text.as_bytes()).map_err(|_| unsigned("it is not hexadecimal"))?;
    let submission =
        Submission::decode(&mut &bytes[..]).map_err(|_| unsigned("it is not SCALE"))?;
    if submission.transactions.len() > SIGNED_TRANSACTIONS_MAX {
        return Err(unsigned("it has too many transactions (SIGNED_TRANSACTIONS_MAX)"));
    }
    Ok(submission)
}

fn canonical(card: &AgentCard) -> Result<String, Problem> {
    let bytes = to_canonical_json(card);
    let bytes = bytes.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

/// Signs transactions, with one signature.
pub(crate) fn sign(keys: &KeyPair, transactions: Vec<Transaction>) -> Submission {
    let digests: Vec<_> = transactions.iter().map(Transaction::digest).collect();
    let (signature, proofs) = sign_batch(&keys.signing, keys.did(), 0, &digests);
    let transactions = transactions
        .into_iter()
        .zip(proofs)
        .map(|(transaction, proof)| AuthorizedTransaction { transaction, proof })
        .collect();
    Submission { transactions, signatures: vec![signature] }
}

/// The public half of a key, as a node takes it.
pub fn material_of(keys: &KeyPair) -> OwnKey {
    OwnKey { material: HEX.encode(&keys.material().encode()), signed: None }
}

/// The stake that is signed for when nobody said how much at most.
const STAKE_SIGNED_MAX: Amount = Amount::ainu(1_000);
/// The most that is signed for as the fee of one transaction, in base units: a thousandth AINU.
const FEE_SIGNED_MAX: Amount = Amount(Amount::ainu(1).0 / 1_000);

/// Signs what a node prepared for an agent to join this ledger, if it is that and no more: its card,
/// and once each its identity, a stake of at most `stake_max` (1 000 AINU when nobody says), and the
/// card's registration, for fees of at most 0.001 AINU each.
///
/// # Errors
/// When the papers are of another party or would have something else signed.
pub fn sign_papers(
    keys: &KeyPair,
    papers: &JoinPapers,
    (chain_id, stake_max): (Digest, Option<Amount>),
) -> Result<SignedPapers, Problem> {
    let foreign = |why: &str| {
        Problem::new(Code::InvalidAgent, format!("the node asks for another signature: {why}"))
            .next("nothing was signed; use a node that you trust")
    };
    let card: AgentCard =
        serde_json::from_str(&papers.card).map_err(|_| foreign("that is no agent card"))?;
    let digest = card.digest().map_err(|error| foreign(&with_causes(&error)))?;
    let mut transactions = Vec::new();
    for text in papers.transactions.iter().take(SIGNED_TRANSACTIONS_MAX) {
        let bytes = HEX.decode(text.as_bytes()).map_err(|_| foreign("that is not hexadecimal"))?;
        let transaction = Transaction::decode(&mut &bytes[..]);
        transactions.push(transaction.map_err(|_| foreign("that is no transaction"))?);
    }
    let own = |transaction: &Transaction| match &transaction.action {
        Action::Identity(identity::Action::Create { material }) => **material == keys.material(),
        Action::Reputation(reputation::Action::Bond { amount }) => {
            *amount <= stake_max.unwrap_or(STAKE_SIGNED_MAX)
        }
        Action::Registry(registry::Action::Register { card, .. }) => *card == digest,
        _ => false,
    };
    let of_key = |transaction: &Transaction| {
        transaction.sender == keys.did()
            && transaction.chain_id == chain_id
            && transaction.fee <= FEE_SIGNED_MAX
            && own(transaction)
    };
    let kind = |transaction: &Transaction| std::mem::discriminant(&transaction.action);
    let each_once = (1..transactions.len())
        .all(|place| transactions[..place].iter().all(|it| kind(it) != kind(&transactions[place])));
    if card.did != keys.did() || !each_once || !transactions.iter().all(of_key) {
        return Err(foreign("it is not the joining of this agent"));
    }
    let card = crate::join::signed_card(card, keys)?;
    let card = card.to_json().map_err(|error| Problem::new(Code::Internal, with_causes(&error)))?;
    let card = String::from_utf8(card);
    let card = card.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(SignedPapers { card, submission: HEX.encode(&sign(keys, transactions).encode()) })
}

/// What the holder of a key has to know of the ledger to send it something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerStanding {
    /// Which ledger.
    pub chain_id: Digest,
    /// The number of the next transaction.
    pub nonce: u64,
    /// What each transaction pays.
    pub fee: Amount,
    /// The time.
    pub now: Timestamp,
}

impl LedgerStanding {
    /// Takes an agent's card back, and what is free of its stake: as a node takes it.
    pub fn leave(&self, keys: &KeyPair, free_stake: Amount) -> String {
        let mut actions: Vec<Action> = vec![registry::Action::Withdraw.into()];
        if !free_stake.is_zero() {
            actions.push(reputation::Action::Unbond { amount: free_stake }.into());
        }
        self.signed(keys, actions)
    }

    /// Takes a standing offer back on the ledger: as a node takes it.
    pub fn revoke(&self, keys: &KeyPair, offer: OfferTerms) -> String {
        self.signed(keys, vec![escrow::Action::RevokeOffer { offer }.into()])
    }

    fn signed(&self, keys: &KeyPair, actions: Vec<Action>) -> String {
        let (sender, expires) = (keys.did(), self.now.plus(WAIT_MS));
        let (chain_id, fee) = (self.chain_id, self.fee);
        let transaction =
            |(nonce, action)| Transaction { chain_id, sender, nonce, expires, fee, action };
        let transactions = (self.nonce..).zip(actions).map(transaction).collect();
        HEX.encode(&sign(keys, transactions).encode())
    }
}
