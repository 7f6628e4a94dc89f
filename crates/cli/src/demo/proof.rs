//! What remains: an archive that restores, findings, an index, receipts, and a balanced ledger.
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use ainur_api::operation::{Operation, Reply};
use ainur_api::problem::Problem;
use ainur_node::Node;
use ainur_primitives::{AcceptanceCheck, ContentId};

use super::hire::{Wish, hire};
use super::narrate::Narrator;
use super::save;
use super::summary::Summary;
use super::workflow::{Round, accepted};
use crate::command::ask;
use crate::output::io_problem;

/// The words looked for.
const QUERY: &str = "budget";

/// Restores the archive and compares it, byte for byte by its content id, with what went in.
pub(super) fn restore(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
    last: &Round,
) -> Result<(), Problem> {
    narrator.scene("Restore", "the archive must give back every byte");
    let Some(archive) = last.archive else { return Ok(()) };
    // The expected output is known, so the check is its digest.
    let expected = summary.last_compressed_input.unwrap_or(summary.input);
    let digest = |expected| AcceptanceCheck::Digest { expected };
    let wish = Wish::new("archive.restore", archive, digest(expected));
    let unique = hire(node, narrator, summary, wish)?;
    let Some(unique) = accepted(&unique) else { return Ok(()) };
    let wish = Wish::new("archive.reassemble", unique, digest(summary.input));
    let whole = hire(node, narrator, summary, wish)?;
    summary.archive_verified = accepted(&whole) == Some(summary.input);
    if summary.archive_verified {
        narrator.good("restored", "every byte is the same");
    } else {
        narrator.bad("restored", "THE BYTES DIFFER");
    }
    Ok(())
}

/// Hires a search in the index that was built.
pub(super) fn search(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
    last: &Round,
) -> Result<(), Problem> {
    narrator.scene("Search", &format!("the index that was bought answers '{QUERY}'"));
    let Some(index) = last.index else { return Ok(()) };
    summary.index = Some(index);
    find(node, narrator, summary, index, QUERY)
}

/// On a terminal, lets whoever sits there search the index that was bought, one task a question.
pub(super) fn prompt(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
) -> Result<(), Problem> {
    let Some(index) = summary.index else { return Ok(()) };
    let somebody = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if narrator.output().is_json() || !somebody {
        return Ok(());
    }
    narrator.scene("Search", "words to look for; each answer is bought; an empty line ends it");
    loop {
        print!("search> ");
        std::io::stdout().flush().map_err(|error| io_problem("write the prompt", &error))?;
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map_err(|error| io_problem("read the question", &error))?;
        let words = line.trim();
        if words.is_empty() {
            return Ok(());
        }
        if let Err(problem) = find(node, narrator, summary, index, words) {
            narrator.output().problem(&problem);
        }
    }
}

/// Hires one search and shows what it found.
fn find(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
    index: ContentId,
    words: &str,
) -> Result<(), Problem> {
    let mut wish = Wish::new("index.search", index, AcceptanceCheck::Schema);
    wish.parameters = serde_json::json!({ "query": words, "limit": 3 });
    let found = hire(node, narrator, summary, wish)?;
    let Some(output) = accepted(&found) else { return Ok(()) };
    let mut bytes = Vec::new();
    ainur_api::Service::get_blob(node, output, &mut bytes)?;
    let hits: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let hits = hits["hits"].as_array().cloned().unwrap_or_default();
    if hits.is_empty() {
        narrator.fact("nothing", &format!("no file has '{words}'"));
    }
    for hit in hits {
        narrator.fact(
            hit["path"].as_str().unwrap_or_default(),
            &format!(
                "line {}: {}",
                hit["line"],
                hit["snippet"].as_str().unwrap_or_default().trim()
            ),
        );
    }
    Ok(())
}

/// Writes what was bought where a person can use it.
pub(super) fn write_results(
    node: &Node,
    narrator: &Narrator<'_>,
    last: &Round,
    folder: &Path,
) -> Result<(), Problem> {
    narrator.scene("Results", &folder.display().to_string());
    let files = [
        (last.findings, "findings.sarif", "secrets found, as SARIF 2.1.0"),
        (last.inventory, "inventory.json", "every file with size, digest and type"),
        (last.archive, "archive", "deduplicated and compressed"),
        (last.index, "index", "search index"),
    ];
    for (content, name, about) in files {
        if let Some(content) = content {
            save(node, content, &folder.join(name))?;
            narrator.fact(name, about);
        }
    }
    Ok(())
}

/// Fetches the receipt of every task that has one, checks it, and writes it down.
pub(super) fn receipts(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
    folder: &Path,
) -> Result<(), Problem> {
    let folder = folder.join("receipts");
    std::fs::create_dir_all(&folder)
        .map_err(|error| io_problem(&format!("make {}", folder.display()), &error))?;
    let trust = ainur_node::trust::of_directory(node.directory())?;
    let mut good = 0;
    for task in summary.receipts.clone() {
        let operation = Operation::ReceiptShow { task: task.to_string() };
        let receipt = ask(node, operation, |reply| match reply {
            Reply::Receipt { receipt } => Some(receipt),
            _ => None,
        })?;
        let verification = ainur_node::trust::verify(receipt.as_bytes(), &trust);
        if verification.ok {
            good += 1;
        } else {
            let wrong = verification.checks.iter().find(|check| !check.ok);
            let detail = wrong.map(|c| format!("{}: {}", c.name, c.detail)).unwrap_or_default();
            narrator.bad("receipt", &format!("{} does not verify: {detail}", task.short()));
        }
        let path = folder.join(format!("{}.json", task.short()));
        std::fs::write(&path, receipt)
            .map_err(|error| io_problem(&format!("write {}", path.display()), &error))?;
        summary.example_receipt = Some(path);
    }
    summary.receipts_good = good == summary.receipts.len();
    narrator.fact("receipts", &format!("{good} of {} verify offline", summary.receipts.len()));
    Ok(())
}

/// Audits everything: money, blocks, logs, blobs.
pub(super) fn ledger(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
) -> Result<(), Problem> {
    narrator.scene("Audit", "everything is computed again and compared");
    let report = ask(node, Operation::LedgerAudit, |reply| match reply {
        Reply::Audit(report) => Some(report),
        _ => None,
    })?;
    for check in &report.checks {
        if check.ok {
            narrator.good(&check.name, &check.detail);
        } else {
            narrator.bad(&check.name, &check.detail);
        }
    }
    let status = ask(node, Operation::LedgerStatus, |reply| match reply {
        Reply::Ledger(ledger) => Some(ledger),
        _ => None,
    })?;
    summary.ledger_balanced = status.balanced && report.ok;
    Ok(())
}
