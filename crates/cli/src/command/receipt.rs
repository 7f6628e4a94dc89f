//! `ainur receipt …`.
use std::path::Path;
use std::process::ExitCode;

use ainur_api::problem::{Code, Problem};
use ainur_api::{Operation, Reply};

use super::ledger::{exit_code, show_checks};
use super::{Outcome, ask};
use crate::arguments::Receipt;
use crate::connect::Place;
use crate::output::{Output, io_problem};

/// The largest receipt that is read.
const RECEIPT_BYTES_MAX: u64 = 16 << 20;

pub(super) fn run(verb: Receipt, place: &Place, output: &Output) -> Outcome {
    match verb {
        Receipt::Show { task, output: file } => {
            let service = place.connect()?;
            let receipt =
                ask(&*service, Operation::ReceiptShow { task: task.task }, |reply| match reply {
                    Reply::Receipt { receipt } => Some(receipt),
                    _ => None,
                })?;
            hand_out(&receipt, file.as_deref(), output)?;
            Ok(ExitCode::SUCCESS)
        }
        Receipt::Verify { file, trust } => {
            let receipt = read(&file)?;
            let verification = place.verify_receipt(&receipt, trust.as_deref())?;
            if output.is_json() {
                output.json(&verification);
            } else {
                let facts: Vec<(&str, String)> = verification
                    .facts
                    .iter()
                    .map(|(label, value)| (label.as_str(), value.clone()))
                    .collect();
                output.facts(&facts);
                show_checks(&verification.checks, output);
                output.line(if verification.ok {
                    output.good("the receipt is good")
                } else {
                    output.bad("THE RECEIPT IS NOT GOOD")
                });
            }
            Ok(exit_code(verification.ok))
        }
    }
}

/// Writes a receipt into a file, or shows it. Its bytes are exactly its canonical form: no newline is
/// added in a file.
pub(super) fn hand_out(receipt: &str, file: Option<&Path>, output: &Output) -> Result<(), Problem> {
    let Some(path) = file else {
        output.line(receipt);
        return Ok(());
    };
    std::fs::write(path, receipt)
        .map_err(|error| io_problem(&format!("write {}", path.display()), &error))?;
    if !output.is_json() {
        output.line(format!("written to {}", path.display()));
        output.line(format!("next: ainur receipt verify {}", path.display()));
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    let describe = |error| io_problem(&format!("read {}", file.display()), &error);
    let length = std::fs::metadata(file).map_err(describe)?.len();
    if length > RECEIPT_BYTES_MAX {
        return Err(Problem::new(
            Code::LimitReached,
            format!(
                "{} has {length} bytes; a receipt has at most {RECEIPT_BYTES_MAX}",
                file.display()
            ),
        ));
    }
    let mut bytes = std::fs::read(file).map_err(describe)?;
    // What a shell's redirection of `receipt show` adds.
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(bytes)
}
