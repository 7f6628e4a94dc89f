//! `ainur node …`.
use std::process::ExitCode;

use ainur_api::a2a::Desk;
use ainur_api::view::{NodeStatus, TraceExport};
use ainur_api::{Operation, Reply};

use super::{Outcome, ask};
use crate::arguments::{Node, Tls};
use crate::connect::{Certificate, Place, Serving};
use crate::output::{Column, Output};

pub(super) fn run(verb: Node, place: &Place, output: &Output) -> Outcome {
    match verb {
        Node::Start { listen, public_url, tls, tls_chain, tls_key, conformance } => {
            let desk = if conformance { Desk::Conformance } else { Desk::Market };
            let certificate = match (tls, tls_chain, tls_key) {
                (Some(Tls::SelfSigned), _, _) => Certificate::SelfSigned,
                (None, Some(chain), Some(key)) => Certificate::Files { chain, key },
                (None, _, _) => Certificate::None,
            };
            let scheme = certificate.scheme();
            let serving = Serving { listen, public_url, desk, certificate };
            place.serve(serving, |address| {
                if output.is_json() {
                    output.json(&serde_json::json!({ "listening": address.to_string() }));
                } else {
                    output.line(format!("listening on {scheme}://{address}; Ctrl-C stops"));
                }
            })?;
        }
        Node::Status => {
            let status = ask(&*place.connect()?, Operation::NodeStatus, |reply| match reply {
                Reply::NodeStatus(status) => Some(status),
                _ => None,
            })?;
            show(&status, output);
        }
        Node::Limits => {
            let limits = ask(&*place.connect()?, Operation::NodeLimits, |reply| match reply {
                Reply::Limits(limits) => Some(limits),
                _ => None,
            })?;
            if output.is_json() {
                output.json(&limits);
            } else {
                let rows = limits
                    .into_iter()
                    .map(|limit| vec![limit.area, limit.name, limit.value.to_string(), limit.unit]);
                let columns = [
                    Column("area", false),
                    Column("limit", false),
                    Column("value", true),
                    Column("unit", false),
                ];
                output.table(&columns, rows.collect());
            }
        }
        Node::Stop => {
            place.connect_running()?.perform(Operation::NodeStop)?;
            if output.is_json() {
                output.json(&serde_json::json!({ "stopping": true }));
            } else {
                output.line("stopping");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where traces go, and whether they arrive.
fn traces(status: &NodeStatus) -> String {
    status.traces.as_ref().map_or_else(
        || "nowhere".into(),
        |traces| {
            let TraceExport { collector, exported, dropped } = traces;
            format!("to {collector}, {exported} spans taken, {dropped} lost")
        },
    )
}

fn show(status: &NodeStatus, output: &Output) {
    if output.is_json() {
        return output.json(status);
    }
    output.facts(&[
        ("identity", status.did.to_string()),
        ("ledger", format!("{} at height {}", status.chain_id, status.height)),
        ("data directory", status.data_dir.clone()),
        ("listening on", status.listen.clone().unwrap_or_else(|| "nothing (not started)".into())),
        ("agents", status.agents.to_string()),
        ("tasks", format!("{} open, {} in all", status.tasks_open, status.tasks_total)),
        ("network of programs", status.command_network.clone()),
        ("traces", traces(status)),
        ("version", status.version.clone()),
    ]);
    if !status.workers.is_empty() {
        let rows = status.workers.iter().map(|worker| {
            vec![worker.id.to_string(), worker.pid.to_string(), worker.jobs.to_string()]
        });
        let columns = [Column("worker", true), Column("process", true), Column("jobs", true)];
        output.table(&columns, rows.collect());
    }
}
