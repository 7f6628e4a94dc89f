//! `ainur mcp`: for MCP clients that start their servers themselves.
use std::process::ExitCode;
use std::sync::Arc;

use ainur_api::mcp::{McpServer, Terms};
use ainur_api::{Operation, Reply, Service};
use ainur_primitives::DurationMs;

use super::{Outcome, ask};
use crate::arguments::Mcp;
use crate::connect::Place;

pub(super) fn run(arguments: &Mcp, place: &Place) -> Outcome {
    let service: Arc<dyn Service> = Arc::from(place.connect()?);
    let open =
        Operation::BudgetOpen { limit: arguments.limit, period_ms: None, parent: arguments.budget };
    let budget = ask(&*service, open, |reply| match reply {
        Reply::Budget(budget) => Some(budget.id),
        _ => None,
    })?;
    let terms = Terms {
        reserve: arguments.reserve,
        budget: Some(budget),
        deadline: arguments.deadline.map(DurationMs::seconds),
    };
    McpServer::new(service, terms).serve_stdio()?;
    Ok(ExitCode::SUCCESS)
}
