//! Deciding a closed auction again.
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ainur_api::problem::{Code, Problem};
use ainur_market::auction::Award;
use ainur_market::combinatorial::{Allocation, Method};
use ainur_market::replay::{Replayed, TranscriptDocument, replay};
use ainur_primitives::{Amount, Did};
use serde_json::Value;

use crate::output::{Column, Output, ainu, io_problem};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 16 << 20;

pub(super) fn run(file: &Path, without: &[Did], output: &Output) -> Result<(), Problem> {
    let document = read(file)?;
    let replayed = replay(&document, without).map_err(|error| {
        Problem::new(Code::InvalidRequest, format!("the transcript gives no award: {error}"))
            .next("compare it with the one in the receipt: ainur receipt show TASK")
    })?;
    if output.is_json() {
        output.json(&replayed);
        return Ok(());
    }
    output.facts(&[("transcript", document.digest().to_string())]);
    match &replayed {
        Replayed::Single(award) => single(award, output),
        Replayed::Combinatorial(allocation) => combinatorial(allocation, output),
    }
    Ok(())
}

fn read(file: &Path) -> Result<TranscriptDocument, Problem> {
    let doing = format!("read {}", file.display());
    let problem = |error: std::io::Error| io_problem(&doing, &error);
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(problem)?;
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(problem)?;
    let wrong = |why: String| {
        Problem::new(Code::InvalidRequest, format!("{} holds no transcript: {why}", file.display()))
            .next("give a transcript or a receipt: ainur receipt show TASK --output receipt.json")
    };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(wrong(format!("longer than {FILE_BYTES_MAX} bytes")));
    }
    let mut value: Value =
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let held = value.pointer_mut("/body/transcript").map(Value::take);
    if held == Some(Value::Null) {
        return Err(wrong("no auction was held for this task".into()));
    }
    serde_json::from_value(held.unwrap_or(value)).map_err(|error| wrong(error.to_string()))
}

fn single(award: &Award, output: &Output) {
    let columns = [
        Column("rank", true),
        Column("bidder", false),
        Column("bid AINU", true),
        Column("fails", true),
        Column("score AINU", true),
        Column("standing", false),
    ];
    let rows = award.ranking.iter().map(|row| {
        vec![
            row.rank.to_string(),
            row.bidder.short(),
            row.price.to_ainu(),
            row.failure_probability.to_string(),
            row.score.to_ainu(),
            row.ineligible.map_or_else(|| "eligible".into(), |why| why.to_string()),
        ]
    });
    output.table(&columns, rows.collect());
    let mut facts = vec![
        ("winner", award.winner.to_string()),
        ("bid", ainu(award.bid.price)),
        ("is paid", ainu(award.payment)),
    ];
    facts.extend(award.runner_up.map(|runner_up| ("runner-up", runner_up.to_string())));
    facts.extend(unrevealed(&award.unrevealed));
    output.facts(&facts);
}

fn combinatorial(allocation: &Allocation, output: &Output) {
    let columns = [
        Column("bidder", false),
        Column("subtasks", false),
        Column("asks AINU", true),
        Column("is paid AINU", true),
        Column("reserve AINU", true),
    ];
    let rows = allocation.assignments.iter().map(|part| {
        let subtasks: Vec<String> =
            part.bundle.subtasks.indices().map(|at| at.to_string()).collect();
        vec![
            part.bidder.short(),
            subtasks.join(", "),
            part.bundle.price.to_ainu(),
            part.payment.to_ainu(),
            part.reserve.to_ainu(),
        ]
    });
    output.table(&columns, rows.collect());
    let asked: Amount = allocation.assignments.iter().map(|part| part.bundle.price).sum();
    let left: Vec<String> = allocation.unassigned.indices().map(|at| at.to_string()).collect();
    let mut facts = vec![
        ("asked", ainu(asked)),
        ("is paid", ainu(allocation.payment)),
        ("reserve", ainu(allocation.reserve)),
        (
            "winners",
            match allocation.method {
                Method::Exact => "the best of all selections".into(),
                Method::GreedyCritical => "greedily: there was too much to solve exactly".into(),
            },
        ),
    ];
    if !left.is_empty() {
        facts.push(("nobody does", left.join(", ")));
    }
    facts.extend(unrevealed(&allocation.unrevealed));
    output.facts(&facts);
}

fn unrevealed(bidders: &[Did]) -> Option<(&'static str, String)> {
    let shown: Vec<String> = bidders.iter().map(Did::short).collect();
    (!shown.is_empty()).then(|| ("did not reveal", shown.join(", ")))
}
