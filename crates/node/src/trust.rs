//! Whose receipts are trusted, and what checking one found.
use ainur_api::problem::{Code, Problem};
use ainur_api::view::{Check, Verification};
use ainur_audit::checkpoint::LogKey;
use ainur_audit::receipt::{self, Finding, StatementReceipt, Trust};
use ainur_ledger::Genesis;

use crate::directory::DataDirectory;
use crate::founding::read_genesis;
use crate::node::{Node, log_origin};

/// Trusts the node's own ledger and log.
pub(crate) fn of_node(node: &Node) -> Trust {
    of_genesis(&node.genesis)
}

/// Trusts the ledger that begins so, and the logs of its validators.
pub fn of_genesis(genesis: &Genesis) -> Trust {
    let mut trust = Trust::default().with_ledger(genesis);
    for material in &genesis.identities {
        let did = material.did();
        if genesis.validators.contains(&did) {
            let keys = material.signing.clone();
            trust = trust.with_log(LogKey { origin: log_origin(did), keys });
        }
    }
    trust
}

/// The trust of a data directory's own node, without bringing it to life: checking a receipt needs
/// no running node and no lock.
///
/// # Errors
/// When there is no node there.
pub fn of_directory(directory: &DataDirectory) -> Result<Trust, Problem> {
    let genesis = directory.read("genesis.json")?.ok_or_else(|| {
        Problem::new(Code::NotFound, format!("there is no node in {}", directory.root().display()))
            .next("name the genesis you trust with --trust genesis.json")
    })?;
    Ok(of_genesis(&read_genesis(&genesis)?))
}

/// Checks a receipt offline.
pub fn verify(bytes: &[u8], trust: &Trust) -> Verification {
    if let Some(statement) = StatementReceipt::read(bytes) {
        return of_statement(&statement, trust);
    }
    let report = receipt::verify(bytes, trust);
    let checks = report
        .checks
        .iter()
        .map(|check| {
            let (ok, detail) = match &check.finding {
                Finding::Ok(seen) => (true, seen.clone()),
                Finding::Failed(why) => (false, why.clone()),
                Finding::Unchecked(why) => (false, format!("not checked: {why}")),
            };
            Check { name: check.name.to_string(), ok, detail }
        })
        .collect();
    let facts = report
        .receipt
        .as_ref()
        .map(|receipt| receipt::rows(receipt).into_iter().map(|row| (row.label, row.value)))
        .into_iter()
        .flatten()
        .collect();
    Verification { checks, ok: report.ok(), facts }
}

fn of_statement(statement: &StatementReceipt, trust: &Trust) -> Verification {
    let seen = |(name, found): (&str, Result<String, String>)| {
        let (ok, detail) = match found {
            Ok(seen) => (true, seen),
            Err(why) => (false, why),
        };
        Check { name: name.to_owned(), ok, detail }
    };
    let checks: Vec<Check> = statement.verify(trust).into_iter().map(seen).collect();
    let ok = checks.iter().all(|check| check.ok);
    let facts = statement.rows().into_iter().map(|row| (row.label, row.value)).collect();
    Verification { checks, ok, facts }
}
