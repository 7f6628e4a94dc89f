//! Tasks in chunks while the node is killed: each chunk that was accepted is released once, in order,
//! and the releases of a settled task are its price.
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::Place;
use crate::workspace;

/// The inputs of a task in chunks, and their content ids.
const INPUTS: [(&str, &str); 3] = [
    ("first", "bafkr4ibcrfv4xq6ry5vaxegeynjd3pvfgkwwgglpv7n5klgo2urabu624q"),
    ("second", "bafkr4ignqvrxmupmpjkxxxowdro52hpsdlmlxoxwypajqsblh3i4cakjmq"),
    ("third", "bafkr4icc6hikfbnoxpwidqu3tyzuvkrsf5xsjld5l4kmhoe2uufjxr5s2e"),
];

/// Stores the inputs.
pub(super) fn prepare(place: &Place) -> anyhow::Result<()> {
    for (text, cid) in INPUTS {
        let path = place.folder.join(text);
        std::fs::write(&path, text).context("writing an input")?;
        let stored =
            workspace::output(&mut place.command(&["blob", "put", &path.to_string_lossy()]))?;
        ensure!(stored.contains(cid), "'{text}' was stored as {stored}");
    }
    Ok(())
}

/// As a task names them.
pub(super) fn inputs() -> Value {
    INPUTS.iter().map(|(_, cid)| json!({ "input": cid })).collect()
}

/// What the blocks tell of one attempt at a task in chunks.
#[derive(Default)]
struct Released {
    price: u128,
    /// By part, how often and how much.
    parts: BTreeMap<u64, (u32, u128)>,
    settled: bool,
}

/// Every part was released at most once, none before those before it, and all of them when the task
/// was settled.
pub(super) fn judge(blocks: &Path) -> anyhow::Result<()> {
    let attempts = read(blocks)?;
    let (mut whole, mut broken) = (0, 0);
    for ((task, attempt), released) in &attempts {
        for (number, (part, (times, _))) in released.parts.iter().enumerate() {
            ensure!(*times == 1, "chunk {part} of task {task} was released {times} times");
            ensure!(*part == number as u64, "chunk {part} of task {task} was released too early");
        }
        let (count, paid) = (released.parts.len(), released.parts.values().map(|it| it.1).sum());
        if released.settled && attempt_is_last(&attempts, task, *attempt) {
            let price = released.price;
            ensure!(count == INPUTS.len(), "task {task} was settled after {count} chunks");
            ensure!(price == paid, "task {task} of {price} released {paid} units");
            whole += 1;
        } else {
            broken += 1;
        }
    }
    ensure!(whole > 0, "no task in chunks was settled");
    println!("{whole} tasks in chunks released each once, {broken} attempts ended before");
    Ok(())
}

fn attempt_is_last(attempts: &BTreeMap<(String, u64), Released>, task: &str, attempt: u64) -> bool {
    !attempts.contains_key(&(task.to_owned(), attempt + 1))
}

fn read(blocks: &Path) -> anyhow::Result<BTreeMap<(String, u64), Released>> {
    let text = std::fs::read_to_string(blocks).context("reading the exported blocks")?;
    let mut attempts: BTreeMap<(String, u64), Released> = BTreeMap::new();
    for line in text.lines() {
        let block: Value = serde_json::from_str(line)?;
        for record in block["events"].as_array().into_iter().flatten() {
            let escrow = &record["event"]["escrow"];
            let task = |event: &Value| event["task"].as_str().unwrap_or_default().to_owned();
            for kind in ["agreed", "reawarded"] {
                let event = &escrow[kind];
                // One seller who is paid several times does a task in chunks.
                if let [hire] = event["sellers"].as_array().map_or(&[][..], Vec::as_slice)
                    && hire["parts"].as_u64() == Some(INPUTS.len() as u64)
                {
                    let attempt = event["attempt"].as_u64().unwrap_or(1);
                    let known = attempts.entry((task(event), attempt)).or_default();
                    known.price = units(&hire["price"])?;
                }
            }
            let event = &escrow["part-settled"];
            let attempt = event["attempt"].as_u64().unwrap_or_default();
            if let Some(known) = attempts.get_mut(&(task(event), attempt)) {
                let part = event["part"].as_u64().context("a part has a number")?;
                let released = known.parts.entry(part).or_default();
                released.0 += 1;
                released.1 += units(&event["price"])?;
            }
            let event = &escrow["settled"];
            let attempt = event["attempt"].as_u64().unwrap_or_default();
            if let Some(known) = attempts.get_mut(&(task(event), attempt)) {
                known.settled = true;
            }
        }
    }
    Ok(attempts)
}

fn units(amount: &Value) -> anyhow::Result<u128> {
    let text = amount.as_str().context("an amount is a text")?;
    text.parse().with_context(|| format!("{text} is no amount"))
}
