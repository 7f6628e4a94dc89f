//! A small ledger with a buyer, sellers, a verifier and an authority, and shorthand for using it.
use std::cell::Cell;

use ainur_crypto::batch::ROOT_DOMAIN;
use ainur_crypto::hash::tagged;
use ainur_crypto::merkle::{inclusion_proofs_all, leaf_hash};
use ainur_crypto::{
    AgreementPublicKeys, BatchProof, HybridSignature, PublicKeys, RootSignature, SignatureError,
    Verifier,
};
use ainur_identity::KeyMaterial;
use ainur_ledger::escrow::{self, Consent, SignedAward};
use ainur_ledger::{
    Action, AuthorizedTransaction, Event, Executed, Genesis, Ledger, Outcome, Parameters,
    Rejection, Signatures, Submission, Transaction, TransactionError, invariants, reputation,
};
use ainur_market::auction::BidTerms;
use ainur_primitives::{
    Amount, ContentId, Did, Digest, DurationMs, FailureReason, Ppm, TaskId, Timestamp,
};

pub(crate) const BUYER: u8 = 1;
pub(crate) const SELLER: u8 = 2;
pub(crate) const RIVAL: u8 = 3;
pub(crate) const VERIFIER: u8 = 4;
pub(crate) const AUTHORITY: u8 = 5;
/// Has money but no identity.
pub(crate) const NEWCOMER: u8 = 6;
/// Has an identity but no money.
pub(crate) const PAUPER: u8 = 7;
/// Have identity and money, and nothing to do but in large agreements.
pub(crate) const MEMBERS: [u8; 5] = [20, 21, 22, 23, 24];
pub(crate) const PARTIES: [u8; 5] = [BUYER, SELLER, RIVAL, VERIFIER, AUTHORITY];

pub(crate) const FEE: Amount = Amount(1_000_000);
pub(crate) const ALLOCATION: Amount = Amount::ainu(1_000);
pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);
pub(crate) const HOUR: DurationMs = DurationMs(3_600_000);
pub(crate) const DAY: DurationMs = DurationMs(86_400_000);

/// Public keys that [`ToyVerifier`] understands; `version` tells rotated keys apart.
pub(crate) fn keys(party: u8, version: u8) -> PublicKeys {
    let mut ed25519 = [party; 32];
    ed25519[31] = version;
    PublicKeys { ed25519, ml_dsa_65: Box::new([version; 1952]) }
}

pub(crate) fn material(party: u8, version: u8) -> KeyMaterial {
    let agreement = AgreementPublicKeys { x25519: [party; 32], ml_kem_768: Box::new([0; 1184]) };
    KeyMaterial::hybrid(keys(party, version), agreement)
}

pub(crate) fn did(party: u8) -> Did {
    material(party, 0).did()
}

pub(crate) fn toy_sign(keys: &PublicKeys, domain: &str, message: &[u8]) -> HybridSignature {
    let digest = tagged("toy", &[&keys.ed25519, domain.as_bytes(), message]);
    let mut ed25519 = [0; 64];
    ed25519[..32].copy_from_slice(&digest.0);
    HybridSignature { ed25519, ml_dsa_65: Box::new([0; 3309]) }
}

/// Accepts what [`toy_sign`] made, for these keys, domain and message only.
pub(crate) struct ToyVerifier;

impl Verifier for ToyVerifier {
    fn verify(
        &self,
        keys: &PublicKeys,
        domain: &str,
        message: &[u8],
        signature: &HybridSignature,
    ) -> Result<(), SignatureError> {
        let good = toy_sign(keys, domain, message) == *signature;
        if good { Ok(()) } else { Err(SignatureError::Ed25519) }
    }
}

/// Signs items in one batch with one version of a party's keys.
pub(crate) fn sign(party: u8, version: u8, items: &[Digest]) -> (RootSignature, Vec<BatchProof>) {
    let leaves: Vec<Digest> = items.iter().map(|item| leaf_hash(&item.0)).collect();
    let (root, inclusions) = inclusion_proofs_all(&leaves);
    let (signer, key_version, size) = (did(party), u32::from(version), items.len() as u64);
    let message = RootSignature::message(signer, key_version, root, size);
    let signature = toy_sign(&keys(party, version), ROOT_DOMAIN, &message);
    let proofs = inclusions
        .into_iter()
        .map(|inclusion| BatchProof { signer, key_version, inclusion })
        .collect();
    (RootSignature { signer, key_version, root, size, signature }, proofs)
}

/// What the buyers of this ledger call for.
pub(crate) const CALL: Digest = Digest([10; 32]);

thread_local! {
    /// The ledger of the world begun last in this test; tasks are named after it.
    static CHAIN: Cell<Digest> = const { Cell::new(Digest::ZERO) };
}

/// A task of [`BUYER`], decided by [`VERIFIER`].
pub(crate) fn task(number: u8) -> TaskId {
    task_of(BUYER, number)
}

/// A task of somebody, decided by [`VERIFIER`].
pub(crate) fn task_of(buyer: u8, number: u8) -> TaskId {
    let parties = (&did(buyer), &did(VERIFIER));
    escrow::task_id(&CHAIN.get(), parties, &CALL, number.into())
}

pub(crate) fn genesis() -> Genesis {
    let allocated = PARTIES.into_iter().chain(MEMBERS).chain([NEWCOMER]);
    let identities = PARTIES.into_iter().chain([PAUPER]).chain(MEMBERS);
    Genesis {
        name: "test".into(),
        timestamp: START,
        parameters: Parameters::with_authority(did(AUTHORITY)),
        identities: identities.map(|party| material(party, 0)).collect(),
        allocations: allocated.map(|party| (did(party), ALLOCATION)).collect(),
        validators: vec![did(AUTHORITY)],
    }
}

/// A change to something that was good.
pub(crate) type Edit<T> = Box<dyn Fn(&mut T)>;

pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) now: Timestamp,
    /// Signatures that go along with the next submission.
    pub(crate) signatures: Vec<RootSignature>,
}

impl World {
    /// Sellers have 100 AINU at stake each.
    pub(crate) fn new() -> Self {
        Self::with(&genesis())
    }

    pub(crate) fn with(genesis: &Genesis) -> Self {
        let ledger = Ledger::begin(genesis).unwrap();
        CHAIN.set(ledger.chain_id());
        let mut world = Self { ledger, now: START, signatures: Vec::new() };
        for party in [SELLER, RIVAL] {
            world.ok(party, reputation::Action::Bond { amount: Amount::ainu(100) });
        }
        world
    }

    pub(crate) fn transaction(&self, party: u8, action: impl Into<Action>) -> Transaction {
        let nonce = self.account(party).nonce;
        Transaction {
            chain_id: self.ledger.chain_id(),
            sender: did(party),
            nonce,
            expires: self.now.plus(HOUR),
            fee: FEE,
            action: action.into(),
        }
    }

    /// A submission of transactions, each party's signed in one batch with its first keys.
    pub(crate) fn submission(&mut self, transactions: Vec<Transaction>) -> Submission {
        let mut signatures = std::mem::take(&mut self.signatures);
        let mut proofs = vec![None; transactions.len()];
        for party in PARTIES.into_iter().chain([NEWCOMER, PAUPER]).chain(MEMBERS) {
            let own: Vec<usize> = (0..transactions.len())
                .filter(|index| transactions[*index].sender == did(party))
                .collect();
            let items: Vec<Digest> = own.iter().map(|i| transactions[*i].digest()).collect();
            if items.is_empty() {
                continue;
            }
            let (root, signed) = sign(party, 0, &items);
            signatures.push(root);
            own.into_iter().zip(signed).for_each(|(index, proof)| proofs[index] = Some(proof));
        }
        let transactions = transactions
            .into_iter()
            .zip(proofs)
            .map(|(transaction, proof)| AuthorizedTransaction {
                transaction,
                proof: proof.unwrap(),
            })
            .collect();
        Submission { transactions, signatures }
    }

    /// Executes a block, checks everything that must hold for any block, and commits it.
    pub(crate) fn commit(&mut self, submissions: &[Submission]) -> Executed {
        let executed = self.ledger.execute(self.now, submissions, &ToyVerifier).unwrap();
        for signatures in [Signatures::Check(&ToyVerifier), Signatures::Trusted] {
            let replayed = self.ledger.replay(&executed.block, signatures).unwrap();
            assert_eq!(replayed.block, executed.block);
            assert_eq!(replayed.events, executed.events);
            assert_eq!(replayed.changes, executed.changes);
        }
        self.ledger.commit(executed.clone()).unwrap();
        invariants::check(self.ledger.state()).unwrap();
        executed
    }

    /// One transaction in one block; the proof given replaces the one made here.
    pub(crate) fn submit(&mut self, party: u8, action: impl Into<Action>) -> (Outcome, Vec<Event>) {
        let transaction = self.transaction(party, action);
        let submission = self.submission(vec![transaction]);
        let mut executed = self.commit(&[submission]);
        let events = executed.events.into_iter().map(|record| record.event).collect();
        (executed.outcomes.remove(0).1, events)
    }

    /// An action that must succeed.
    pub(crate) fn ok(&mut self, party: u8, action: impl Into<Action>) -> Vec<Event> {
        let (outcome, events) = self.submit(party, action);
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        events
    }

    /// An action that must be taken in and fail; only fee and nonce change.
    pub(crate) fn fails(&mut self, party: u8, action: impl Into<Action>) -> TransactionError {
        let (before, others) = (self.account(party), self.rest(party));
        let (outcome, events) = self.submit(party, action);
        let after = self.account(party);
        assert_eq!(after.nonce, before.nonce + 1);
        assert_eq!(after.free, before.free.checked_sub(FEE).unwrap());
        assert_eq!(self.rest(party), others, "a failed transaction changed something");
        match outcome {
            Outcome::Failed { error, event: 0 } => {
                assert_eq!(events, [Event::Failed(error.clone())]);
                error
            }
            other => panic!("expected a failure, not {other:?}"),
        }
    }

    /// All records but a party's account and the totals, which fees change. Due removals are the
    /// block's, not the transaction's.
    fn rest(&self, party: u8) -> Vec<(Vec<u8>, Vec<u8>)> {
        use ainur_ledger::state::key;
        let fees = [key::account(&did(party)), key::totals()];
        let all = self.ledger.state().iter();
        all.filter(|(key, _)| !fees.contains(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    pub(crate) fn rejected(&mut self, transaction: Transaction) -> Rejection {
        let root = self.ledger.head().state_root;
        let submission = self.submission(vec![transaction]);
        let executed = self.commit(&[submission]);
        assert_eq!(self.ledger.head().state_root, root);
        match executed.outcomes.into_iter().next().unwrap().1 {
            Outcome::Rejected(rejection) => rejection,
            other => panic!("expected a rejection, not {other:?}"),
        }
    }

    pub(crate) fn account(&self, party: u8) -> ainur_ledger::balances::Account {
        ainur_ledger::balances::query::account(self.ledger.state(), &did(party))
    }

    pub(crate) fn free(&self, party: u8) -> Amount {
        self.account(party).free
    }

    pub(crate) fn reputation(&self, party: u8) -> reputation::Reputation {
        reputation::query::reputation(self.ledger.state(), &did(party))
    }

    pub(crate) fn escrow(&self, number: u8) -> Option<escrow::Escrow> {
        escrow::query::escrow(self.ledger.state(), &task(number))
    }

    pub(crate) fn totals(&self) -> ainur_ledger::balances::Totals {
        ainur_ledger::balances::query::totals(self.ledger.state())
    }

    pub(crate) fn later(&mut self, span: DurationMs) {
        self.now = self.now.plus(span);
    }

    /// A bid of 5 AINU.
    pub(crate) fn bid(&self, number: u8, seller: u8) -> BidTerms {
        BidTerms {
            task: task(number),
            bidder: did(seller),
            price: Amount::ainu(5),
            bid_bond: Amount::ainu(1),
            estimated_duration_ms: DurationMs(1_000),
            confidence: Ppm(900_000),
            quality_level: Default::default(),
            card: Digest([8; 32]),
            valid_until: self.now.plus(HOUR),
            payment: ainur_market::payment::PaymentTerms::Completion,
        }
    }

    /// An award at 6 AINU on a bid of 5, signed by the seller.
    pub(crate) fn award(&mut self, number: u8, seller: u8) -> SignedAward {
        let bid = self.bid(number, seller);
        self.award_of(bid, seller)
    }

    pub(crate) fn award_of(&mut self, bid: BidTerms, signer: u8) -> SignedAward {
        let (root, proofs) = sign(signer, 0, &[bid.digest()]);
        self.signatures.push(root);
        SignedAward {
            price: Amount::ainu(6),
            consent: Consent::Bid { bid, transcript: Digest([9; 32]) },
            proofs,
        }
    }

    /// An agreement on a reserve of 10 AINU with an hour's deadline.
    pub(crate) fn agreement(&mut self, number: u8, seller: u8) -> escrow::Action {
        escrow::Action::Agree {
            task: task(number),
            verifier: did(VERIFIER),
            reserve: Amount::ainu(10),
            awards: vec![self.award(number, seller)],
            service: None,
            budget: None,
            call: CALL,
            serial: number.into(),
            check: Digest([11; 32]),
            deadline: self.now.plus(HOUR),
        }
    }

    pub(crate) fn agree(&mut self, number: u8) -> Vec<Event> {
        let action = self.agreement(number, SELLER);
        self.ok(BUYER, action)
    }
}

/// Replaces the awards of an agreement.
pub(crate) fn with_awards(mut action: escrow::Action, given: Vec<SignedAward>) -> escrow::Action {
    if let escrow::Action::Agree { awards, .. } = &mut action {
        *awards = given;
    }
    action
}

/// The open escrow of a task.
pub(crate) fn opened(world: &World, number: u8) -> escrow::Agreement {
    match world.escrow(number) {
        Some(escrow::Escrow::Open(agreement)) => agreement,
        other => panic!("not open: {other:?}"),
    }
}

/// What is left of an escrow.
pub(crate) fn closed(world: &World, number: u8) -> escrow::Tombstone {
    match world.escrow(number) {
        Some(escrow::Escrow::Closed(tombstone)) => tombstone,
        other => panic!("not closed: {other:?}"),
    }
}

pub(crate) fn settle_part(number: u8, part: u32, delivered: Timestamp) -> escrow::Action {
    let (task, output, verdict) = (task(number), ContentId(Digest([12; 32])), Digest([13; 32]));
    escrow::Action::SettlePart { task, attempt: 1, part, delivered, output, verdict }
}

pub(crate) fn fail_part(number: u8, part: u32, reason: FailureReason) -> escrow::Action {
    let (task, evidence) = (task(number), Digest([14; 32]));
    escrow::Action::FailPart { task, attempt: 1, part, reason, evidence }
}

pub(crate) fn settle(number: u8, attempt: u32) -> escrow::Action {
    let output = ContentId(Digest([12; 32]));
    let (task, verdict) = (task(number), Digest([13; 32]));
    escrow::Action::Settle { task, attempt, delivered: START, output, verdict }
}

pub(crate) fn fail(number: u8, attempt: u32, reason: FailureReason) -> escrow::Action {
    escrow::Action::Fail { task: task(number), attempt, reason, evidence: Digest([14; 32]) }
}
