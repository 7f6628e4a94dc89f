//! `ainur init`.
use std::process::ExitCode;

use super::Outcome;
use crate::connect::Place;
use crate::output::Output;

pub(super) fn run(place: &Place, output: &Output) -> Outcome {
    let made = place.init()?;
    if output.is_json() {
        output.json(&serde_json::json!({
            "data_dir": made.data_dir,
            "did": made.did,
            "chain_id": made.chain_id,
            "created": made.created,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let what = if made.created { "made" } else { "already there" };
    output.facts(&[
        ("data directory", format!("{} ({what})", made.data_dir.display())),
        ("identity", made.did.to_string()),
        ("ledger", made.chain_id.to_string()),
    ]);
    output.line("next: ainur agent add ./your-component.wasm   or   ainur demo");
    Ok(ExitCode::SUCCESS)
}
