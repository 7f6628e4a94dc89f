//! `ainur budget …`.
use std::process::ExitCode;

use ainur_api::{Operation, Reply};
use ainur_primitives::DurationMs;

use super::{Outcome, ask};
use crate::arguments::Budget;
use crate::connect::Place;
use crate::output::{Output, ainu};

pub(super) fn run(verb: Budget, place: &Place, output: &Output) -> Outcome {
    let service = place.connect()?;
    let operation = match verb {
        Budget::Open { limit, period, parent } => {
            Operation::BudgetOpen { limit, period_ms: period.map(DurationMs::seconds), parent }
        }
        Budget::Show { budget } => Operation::BudgetShow { budget },
    };
    let budget = ask(&*service, operation, |reply| match reply {
        Reply::Budget(budget) => Some(budget),
        _ => None,
    })?;
    if output.is_json() {
        output.json(&budget);
    } else {
        let mut facts = vec![("budget", budget.id.to_string())];
        facts.extend(budget.parent.map(|parent| ("inside", parent.to_string())));
        let limit = match budget.period_ms {
            None => ainu(budget.limit),
            Some(period) => format!("{} each {} s", ainu(budget.limit), period.0 / 1_000),
        };
        facts.extend([
            ("limit", limit),
            ("reserved", ainu(budget.reserved)),
            ("spent", ainu(budget.spent)),
        ]);
        output.facts(&facts);
    }
    Ok(ExitCode::SUCCESS)
}
