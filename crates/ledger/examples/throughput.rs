//! Measures the state machine alone, on one thread: agreements and settlements per second with
//! signatures taken for granted, replay of the same blocks, and updates of a large state tree.
//!
//! `cargo run --release -p ainur-ledger --example throughput -- [FOLDER] [SECONDS]`
use std::error::Error;
use std::time::{Duration, Instant};

use ainur_crypto::merkle::{inclusion_proofs_all, leaf_hash};
use ainur_crypto::{
    AgreementPublicKeys, BatchProof, HybridSignature, PublicKeys, RootSignature, SignatureError,
    Verifier,
};
use ainur_identity::KeyMaterial;
use ainur_ledger::escrow::{self, Consent, SignedAward};
use ainur_ledger::{
    Action, AuthorizedTransaction, Genesis, Ledger, Outcome, Parameters, Signatures, StateTree,
    Submission, Transaction, reputation,
};
use ainur_market::auction::BidTerms;
use ainur_primitives::{
    Amount, ContentId, Did, Digest, DurationMs, Ppm, QualityLevel, TaskId, Timestamp,
};

use figure::Figure;

#[path = "../../../benches/figure.rs"]
mod figure;

const BUYERS: u8 = 40;
const SELLERS: u8 = 40;
const PAIRS_PER_BLOCK: usize = 2_000;
/// Blocks for each second asked for.
const BLOCKS_PER_SECOND: usize = 5;
const TREE_RECORDS: u32 = 1_000_000;
const TREE_BATCH: u32 = 50_000;
const START: Timestamp = Timestamp(1_800_000_000_000);

/// Takes every signature for good: the verifier is measured elsewhere.
struct Accepting;

impl Verifier for Accepting {
    fn verify(
        &self,
        _: &PublicKeys,
        _: &str,
        _: &[u8],
        _: &HybridSignature,
    ) -> Result<(), SignatureError> {
        Ok(())
    }
}

struct Driver {
    ledger: Ledger,
    dids: Vec<Did>,
    nonces: Vec<u64>,
}

impl Driver {
    fn new() -> Result<Self, Box<dyn Error>> {
        let parties = 1 + BUYERS + SELLERS;
        let identities: Vec<KeyMaterial> = (0..parties)
            .map(|party| {
                let signing = PublicKeys { ed25519: [party; 32], ml_dsa_65: Box::new([0; 1952]) };
                let agreement =
                    AgreementPublicKeys { x25519: [0; 32], ml_kem_768: Box::new([0; 1184]) };
                KeyMaterial::hybrid(signing, agreement)
            })
            .collect();
        let dids: Vec<Did> = identities.iter().map(KeyMaterial::did).collect();
        let genesis = Genesis {
            name: "throughput".into(),
            timestamp: START,
            parameters: Parameters::with_authority(dids[0]),
            allocations: dids.iter().map(|did| (*did, Amount::ainu(1 << 40))).collect(),
            identities,
            validators: vec![dids[0]],
        };
        let nonces = vec![0; dids.len()];
        Ok(Self { ledger: Ledger::begin(&genesis)?, dids, nonces })
    }

    fn sign(&self, party: usize, items: &[Digest]) -> (RootSignature, Vec<BatchProof>) {
        let leaves: Vec<Digest> = items.iter().map(|item| leaf_hash(&item.0)).collect();
        let (root, inclusions) = inclusion_proofs_all(&leaves);
        let (signer, size) = (self.dids[party], items.len() as u64);
        let signature = HybridSignature { ed25519: [0; 64], ml_dsa_65: Box::new([0; 3309]) };
        let proof = |inclusion| BatchProof { signer, key_version: 0, inclusion };
        let proofs = inclusions.into_iter().map(proof).collect();
        (RootSignature { signer, key_version: 0, root, size, signature }, proofs)
    }

    /// One submission of each party's actions, signed in one batch.
    fn submission(
        &mut self,
        party: usize,
        actions: Vec<Action>,
        mut signatures: Vec<RootSignature>,
    ) -> Submission {
        let chain_id = self.ledger.chain_id();
        let transactions: Vec<Transaction> = actions
            .into_iter()
            .map(|action| {
                let nonce = self.nonces[party];
                self.nonces[party] += 1;
                let expires = START.plus(DurationMs(1 << 40));
                let (sender, fee) = (self.dids[party], Amount(1_000_000));
                Transaction { chain_id, sender, nonce, expires, fee, action }
            })
            .collect();
        let items: Vec<Digest> = transactions.iter().map(Transaction::digest).collect();
        let (root, proofs) = self.sign(party, &items);
        signatures.push(root);
        let authorized = transactions.into_iter().zip(proofs);
        let transactions = authorized
            .map(|(transaction, proof)| AuthorizedTransaction { transaction, proof })
            .collect();
        Submission { transactions, signatures }
    }

    /// Agreements of every buyer with every seller in turn, and the verifier's settlements.
    fn pairs(&mut self, block: usize, now: Timestamp) -> Vec<Submission> {
        let per_buyer = PAIRS_PER_BLOCK / usize::from(BUYERS);
        let mut submissions = Vec::new();
        let mut settlements = Vec::new();
        for buyer in 0..usize::from(BUYERS) {
            let seller = 1 + usize::from(BUYERS) + (buyer + block) % usize::from(SELLERS);
            let bids: Vec<(u64, BidTerms)> = (0..per_buyer)
                .map(|n| {
                    let label = (block * PAIRS_PER_BLOCK + buyer * per_buyer + n) as u64;
                    let parties = (&self.dids[1 + buyer], &self.dids[0]);
                    let chain = self.ledger.chain_id();
                    let task = escrow::task_id(&chain, parties, &Digest::ZERO, label);
                    (label, bid(task, self.dids[seller], now))
                })
                .collect();
            let items: Vec<Digest> = bids.iter().map(|(_, bid)| bid.digest()).collect();
            let (root, proofs) = self.sign(seller, &items);
            let mut agreements = Vec::new();
            for ((serial, bid), proof) in bids.into_iter().zip(proofs) {
                settlements.push(settle(bid.task, now).into());
                agreements.push(agree((serial, bid), vec![proof], self.dids[0], now).into());
            }
            submissions.push(self.submission(1 + buyer, agreements, vec![root]));
        }
        submissions.push(self.submission(0, settlements, Vec::new()));
        submissions
    }
}

fn bid(task: TaskId, bidder: Did, now: Timestamp) -> BidTerms {
    BidTerms {
        task,
        bidder,
        price: Amount::ainu(1),
        bid_bond: Amount::ZERO,
        estimated_duration_ms: DurationMs(1_000),
        confidence: Ppm(900_000),
        quality_level: QualityLevel::Standard,
        card: Digest::ZERO,
        valid_until: now.plus(DurationMs(60_000)),
        payment: ainur_market::payment::PaymentTerms::Completion,
    }
}

fn agree(
    (serial, bid): (u64, BidTerms),
    proofs: Vec<BatchProof>,
    verifier: Did,
    now: Timestamp,
) -> escrow::Action {
    let (task, price, transcript) = (bid.task, bid.price, Digest::ZERO);
    escrow::Action::Agree {
        task,
        verifier,
        reserve: Amount::ainu(2),
        awards: vec![SignedAward { price, consent: Consent::Bid { bid, transcript }, proofs }],
        service: None,
        budget: None,
        call: Digest::ZERO,
        serial,
        check: Digest::ZERO,
        deadline: now.plus(DurationMs(3_600_000)),
    }
}

fn settle(task: TaskId, delivered: Timestamp) -> escrow::Action {
    let (output, verdict) = (ContentId(Digest::ZERO), Digest::ZERO);
    escrow::Action::Settle { task, attempt: 1, delivered, output, verdict }
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds: usize = std::env::args().nth(2).map_or(Ok(4), |text| text.parse())?;
    let blocks = seconds * BLOCKS_PER_SECOND;
    let mut driver = Driver::new()?;
    let bond = || reputation::Action::Bond { amount: Amount::ainu(1 << 30) }.into();
    let bonds: Vec<Submission> = (0..usize::from(SELLERS))
        .map(|seller| driver.submission(1 + usize::from(BUYERS) + seller, vec![bond()], vec![]))
        .collect();
    let executed = driver.ledger.execute(START, &bonds, &Accepting)?;
    driver.ledger.commit(executed)?;
    let (mut executing, mut replaying) = (Duration::ZERO, Duration::ZERO);
    let mut applied = 0;
    for block in 0..blocks {
        let now = START.plus(DurationMs(block as u64 * 1_000));
        let submissions = driver.pairs(block, now);
        let begun = Instant::now();
        let executed = driver.ledger.execute(now, &submissions, &Accepting)?;
        executing += begun.elapsed();
        let outcomes = executed.outcomes.iter();
        applied += outcomes.filter(|(_, o)| matches!(o, Outcome::Applied { .. })).count();
        let begun = Instant::now();
        driver.ledger.replay(&executed.block, Signatures::Trusted)?;
        replaying += begun.elapsed();
        let begun = Instant::now();
        driver.ledger.commit(executed)?;
        executing += begun.elapsed();
    }
    assert_eq!(applied, 2 * PAIRS_PER_BLOCK * blocks, "every transaction is applied");
    let per_second = |count: usize, time: Duration| count as f64 / time.as_secs_f64();
    let (executed, replayed) = (per_second(applied, executing), per_second(applied, replaying));
    figure("executed and committed", executed, "transactions/s");
    figure("replayed", replayed, "transactions/s");
    measure_tree();
    Ok(())
}

fn figure(metric: &str, value: f64, unit: &str) {
    Figure { bench: "ledger", metric, value, unit, peer: None }.print();
}

fn measure_tree() {
    let record = |n: u32, version: u8| (n.to_le_bytes().to_vec(), Some(vec![version; 100]));
    let mut tree = StateTree::default();
    let all: Vec<_> = (0..TREE_RECORDS).map(|n| record(n, 0)).collect();
    let per_second =
        |records: u32, begun: Instant| f64::from(records) / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    tree.update(&all);
    let built = per_second(TREE_RECORDS, begun);
    let step = TREE_RECORDS / TREE_BATCH;
    let some: Vec<_> = (0..TREE_BATCH).map(|n| record(n * step, 1)).collect();
    let kept = tree.clone();
    let begun = Instant::now();
    tree.update(&some);
    let updated = per_second(TREE_BATCH, begun);
    let metric = format!("state tree of {TREE_RECORDS}, updates in batches of {TREE_BATCH}");
    figure(&metric, updated, "records/s");
    figure(&format!("state tree of {TREE_RECORDS}, built"), built, "records/s");
    assert_ne!(kept.root(), tree.root(), "the earlier tree is unchanged");
}
