//! Measures orders through the ledger on one thread, with signatures taken for granted: limit orders
//! around a middle price, a third of which trade, each matched on records inside a block that is
//! executed and committed; beside the same orders on the book in memory.
//!
//! `cargo run --release -p ainur-ledger --example exchange_throughput -- [FOLDER] [SECONDS]`
use std::error::Error;
use std::time::{Duration, Instant};

use ainur_crypto::merkle::{inclusion_proofs_all, leaf_hash};
use ainur_crypto::{
    AgreementPublicKeys, BatchProof, HybridSignature, PublicKeys, RootSignature, SignatureError,
    Verifier,
};
use ainur_identity::KeyMaterial;
use ainur_ledger::exchange::{self, CreditClassId};
use ainur_ledger::{
    Action, AuthorizedTransaction, Genesis, Ledger, Outcome, Parameters, Signatures, Submission,
    Transaction, registry,
};
use ainur_market::exchange::{Book, OrderKind, OrderRequest, SelfTrade, Side};
use ainur_primitives::{Amount, CapabilityName, Did, Digest, DurationMs, QualityLevel, Timestamp};

use figure::Figure;

#[path = "../../../benches/figure.rs"]
mod figure;

const TRADERS: usize = 40;
const ORDERS_PER_TRADER: usize = 50;
/// Blocks for each second asked for.
const BLOCKS_PER_SECOND: usize = 5;
const START: Timestamp = Timestamp(1_800_000_000_000);
const EXPIRES: Timestamp = Timestamp(START.0 + 86_400_000);

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
        let identities: Vec<KeyMaterial> = (0..TRADERS as u8)
            .map(|party| {
                let signing = PublicKeys { ed25519: [party; 32], ml_dsa_65: Box::new([0; 1952]) };
                let agreement =
                    AgreementPublicKeys { x25519: [0; 32], ml_kem_768: Box::new([0; 1184]) };
                KeyMaterial::hybrid(signing, agreement)
            })
            .collect();
        let dids: Vec<Did> = identities.iter().map(KeyMaterial::did).collect();
        let genesis = Genesis {
            name: "exchange".into(),
            timestamp: START,
            parameters: Parameters::with_authority(dids[0]),
            allocations: dids.iter().map(|did| (*did, Amount::ainu(1 << 40))).collect(),
            identities,
            validators: vec![dids[0]],
        };
        let nonces = vec![0; dids.len()];
        Ok(Self { ledger: Ledger::begin(&genesis)?, dids, nonces })
    }

    /// One submission of a party's actions, signed in one batch.
    fn submission(&mut self, party: usize, actions: Vec<Action>) -> Submission {
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
        let leaves: Vec<Digest> =
            transactions.iter().map(|transaction| leaf_hash(&transaction.digest().0)).collect();
        let (root, inclusions) = inclusion_proofs_all(&leaves);
        let (signer, size) = (self.dids[party], leaves.len() as u64);
        let signature = HybridSignature { ed25519: [0; 64], ml_dsa_65: Box::new([0; 3309]) };
        let transactions = transactions
            .into_iter()
            .zip(inclusions)
            .map(|(transaction, inclusion)| AuthorizedTransaction {
                transaction,
                proof: BatchProof { signer, key_version: 0, inclusion },
            })
            .collect();
        let signatures = vec![RootSignature { signer, key_version: 0, root, size, signature }];
        Submission { transactions, signatures }
    }

    /// Every trader offers the capability and has credits of the class.
    fn begin(&mut self, capability: &CapabilityName) -> Result<(), Box<dyn Error>> {
        let class = CreditClassId::of(capability, QualityLevel::Standard);
        let (quality, collateral) = (QualityLevel::Standard, Amount::ainu(1));
        let capability = capability.clone();
        let mut submissions = Vec::new();
        for trader in 0..TRADERS {
            let (card, capabilities) = (Digest::ZERO, vec![capability.clone()]);
            let previous = None;
            let register = registry::Action::Register { card, version: 1, previous, capabilities };
            let mut actions: Vec<Action> = vec![register.into()];
            if trader == 0 {
                let capability = capability.clone();
                let open = exchange::Action::OpenClass { capability, quality, collateral };
                actions.push(open.into());
            }
            actions.push(exchange::Action::Issue { class, quantity: 1 << 30 }.into());
            submissions.push(self.submission(trader, actions));
        }
        let executed = self.ledger.execute(START, &submissions, &Accepting)?;
        self.ledger.commit(executed)?;
        Ok(())
    }
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A trader's next order.
fn order(state: &mut u64, owner: Did) -> OrderRequest {
    let side = if random(state).is_multiple_of(2) { Side::Buy } else { Side::Sell };
    let away = random(state) % 60;
    let price = match side {
        Side::Buy => 10_020 - away,
        Side::Sell => 9_980 + away,
    };
    let kind = OrderKind::Limit { price: Amount(u128::from(price) * 1_000_000) };
    let (quantity, self_trade) = (1 + random(state) % 20, SelfTrade::CancelOldest);
    OrderRequest { owner, side, quantity, kind, self_trade, expires: EXPIRES }
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds: usize = std::env::args().nth(2).map_or(Ok(4), |text| text.parse())?;
    let capability: CapabilityName = "archive.compress".parse()?;
    let class = CreditClassId::of(&capability, QualityLevel::Standard);
    let mut driver = Driver::new()?;
    driver.begin(&capability)?;
    let (mut executing, mut replaying) = (Duration::ZERO, Duration::ZERO);
    let (mut applied, mut all, mut state) = (0, Vec::new(), 7);
    for block in 0..seconds * BLOCKS_PER_SECOND {
        let now = START.plus(DurationMs(block as u64 * 1_000));
        let mut submissions = Vec::new();
        for trader in 0..TRADERS {
            let orders: Vec<OrderRequest> =
                (0..ORDERS_PER_TRADER).map(|_| order(&mut state, driver.dids[trader])).collect();
            let actions = orders.iter().map(|order| {
                let OrderRequest { side, quantity, kind, self_trade, expires, .. } = *order;
                let place =
                    exchange::Action::Place { class, side, quantity, kind, self_trade, expires };
                place.into()
            });
            let actions = actions.collect();
            submissions.push(driver.submission(trader, actions));
            all.extend(orders);
        }
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
    assert_eq!(applied, all.len(), "every order is applied");
    let (mut book, mut feed) = (Book::new(Amount(1_000_000)), Vec::new());
    let begun = Instant::now();
    for order in &all {
        feed.clear();
        book.place(START, order, &mut feed)?;
    }
    let in_memory = per_second(all.len(), begun.elapsed());
    let ours = exchange::query::depth(driver.ledger.state(), &class, usize::MAX);
    assert_eq!(ours, Some(book.depth(usize::MAX)), "both books are the same");
    let peer = Some(("the book in memory", in_memory));
    let figure = |metric, value| {
        Figure { bench: "exchange", metric, value, unit: "orders/s", peer }.print();
    };
    figure("orders through the ledger, executed and committed", per_second(applied, executing));
    figure("orders through the ledger, replayed", per_second(applied, replaying));
    Ok(())
}

fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
