//! Trains the policy that agents pick by the name of `policy`, and writes its table.
//!
//! `cargo run --release -p ainur-sim --example train_policy > crates/learning/data/policy.json`
use std::error::Error;

use ainur_sim::market::train;

/// How the table is made again.
const COMMAND: &str =
    "cargo run --release -p ainur-sim --example train_policy > crates/learning/data/policy.json";

fn main() -> Result<(), Box<dyn Error>> {
    let policy = train(COMMAND, &mut |done, all| eprintln!("market {done} of {all}"))?;
    println!("{}", serde_json::to_string(&policy)?);
    Ok(())
}
