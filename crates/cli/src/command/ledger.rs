//! `ainur ledger …`.
use std::process::ExitCode;

use ainur_api::problem::{Code, Problem};
use ainur_api::view::Check;
use ainur_api::{Operation, Reply};

use super::{Outcome, ask};
use crate::arguments::Ledger;
use crate::connect::Place;
use crate::output::{Column, Output, io_problem};

pub(super) fn run(verb: Ledger, place: &Place, output: &Output) -> Outcome {
    let service = place.connect()?;
    match verb {
        Ledger::Status => {
            let ledger = ask(&*service, Operation::LedgerStatus, |reply| match reply {
                Reply::Ledger(ledger) => Some(ledger),
                _ => None,
            })?;
            if output.is_json() {
                output.json(&ledger);
            } else {
                output.facts(&[
                    ("ledger", ledger.chain_id.to_string()),
                    ("height", ledger.height.to_string()),
                    ("state root", ledger.state_root.to_string()),
                    ("last block", ledger.timestamp.to_string()),
                    ("log entries", ledger.audit_entries.to_string()),
                ]);
                let rows = ledger
                    .totals
                    .iter()
                    .map(|(place, amount)| vec![place.clone(), amount.to_ainu()]);
                output.table(&[Column("where", false), Column("AINU", true)], rows.collect());
                output.line(if ledger.balanced {
                    output.good("balanced")
                } else {
                    output.bad("NOT BALANCED")
                });
            }
            Ok(exit_code(ledger.balanced))
        }
        Ledger::Audit => {
            let report = ask(&*service, Operation::LedgerAudit, |reply| match reply {
                Reply::Audit(report) => Some(report),
                _ => None,
            })?;
            if output.is_json() {
                output.json(&report);
            } else {
                show_checks(&report.checks, output);
            }
            Ok(exit_code(report.ok))
        }
        Ledger::Export { folder } => {
            let folder = std::path::absolute(&folder)
                .map_err(|error| io_problem("find the folder", &error))?;
            let text = folder.to_str().ok_or_else(|| {
                Problem::new(Code::InvalidRequest, "the folder's path is not valid UTF-8")
            })?;
            service.perform(Operation::LedgerExport { folder: text.into() })?;
            if output.is_json() {
                output.json(&serde_json::json!({ "folder": text }));
            } else {
                output.line(format!("written to {text}"));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Checks as a table.
pub(super) fn show_checks(checks: &[Check], output: &Output) {
    let rows = checks.iter().map(|check| {
        let mark = if check.ok { output.good("ok") } else { output.bad("FAILED") };
        vec![mark, check.name.clone(), check.detail.clone()]
    });
    let columns = [Column("", false), Column("check", false), Column("found", false)];
    output.table(&columns, rows.collect());
}

/// Success, or 1.
pub(super) fn exit_code(ok: bool) -> ExitCode {
    if ok { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
