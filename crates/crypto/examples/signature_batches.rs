//! What a signature costs alone and in a batch: `cargo run --release -p ainur-crypto --example
//! signature_batches -- [FOLDER] [SECONDS]`. Both halves (Ed25519 and ML-DSA-65) are made and checked.
use std::time::{Duration, Instant};

use ainur_crypto::{HybridVerifier, SigningKey, batch, hash};
use ainur_primitives::{Did, Digest};

use figure::Figure;

#[path = "../../../benches/figure.rs"]
mod figure;

const SIGNER: Did = Did(Digest::ZERO);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(2).map_or(Ok(4), |text| text.parse::<u64>())?;
    let span = Duration::from_secs(seconds) / 10;
    let key = SigningKey::generate()?;
    let keys = key.public();
    let mut alone = None;
    for size in [1u64, 16, 256, 4_096] {
        let items: Vec<Digest> = (0..size).map(|n| hash::sha256(&[&n.to_le_bytes()])).collect();
        let signed = per_second(span, size, || drop(batch::sign_batch(&key, SIGNER, 0, &items)));
        let (root, proofs) = batch::sign_batch(&key, SIGNER, 0, &items);
        let verified = per_second(span, size, || {
            root.verify(&keys, &HybridVerifier).expect("a good signature");
            for (proof, item) in proofs.iter().zip(&items) {
                root.includes(proof, *item).expect("an item of the batch");
            }
        });
        let (sign_alone, verify_alone) = *alone.get_or_insert((signed, verified));
        let rows = [("signed", signed, sign_alone), ("verified", verified, verify_alone)];
        for (what, value, peer_value) in rows {
            Figure {
                bench: "signatures",
                metric: &format!("{what}, batches of {size}"),
                value,
                unit: "items/s",
                peer: Some(("each item signed alone", peer_value)),
            }
            .print();
        }
    }
    Ok(())
}

fn per_second(span: Duration, items: u64, mut work: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut rounds = 0;
    while begin.elapsed() < span {
        work();
        rounds += 1;
    }
    (rounds * items) as f64 / begin.elapsed().as_secs_f64()
}
