//! The workflow: five steps on one budget, a few rounds.
use ainur_api::operation::{Operation, Reply};
use ainur_api::problem::Problem;
use ainur_api::view::{TaskPhase, TaskView};
use ainur_node::Node;
use ainur_primitives::{AcceptanceCheck, Amount, BudgetId, ContentId};

use super::cast;
use super::hire::{Wish, hire};
use super::narrate::Narrator;
use super::summary::Summary;
use crate::command::ask;
use crate::output::ainu;

/// What one round gave.
pub(super) struct Round {
    pub(super) findings: Option<ContentId>,
    pub(super) archive: Option<ContentId>,
    pub(super) index: Option<ContentId>,
    pub(super) inventory: Option<ContentId>,
    /// Bytes before and after compression.
    pub(super) compressed: Option<(u64, u64)>,
}

/// The most each round may cost. The reserves of the steps together stay below it.
const BUDGET: Amount = Amount::ainu(20);

/// Runs all rounds and gives the last one's results.
pub(super) fn run(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
    rounds: u32,
) -> Result<Round, Problem> {
    let mut last =
        Round { findings: None, archive: None, index: None, inventory: None, compressed: None };
    for round in 1..=rounds {
        let about = match round {
            1 => "everybody is new; the cheapest bid wins, for now",
            _ => "reputation counts: bid plus expected loss decides",
        };
        narrator.scene(&format!("Round {round} of {rounds}"), about);
        let budget = open_budget(node)?;
        last = one_round(node, narrator, summary, budget, round == 1)?;
        let spent = ask(node, Operation::BudgetShow { budget }, |reply| match reply {
            Reply::Budget(budget) => Some(budget),
            _ => None,
        })?;
        narrator.fact("budget", &format!("{} spent of {}", ainu(spent.spent), ainu(spent.limit)));
    }
    Ok(last)
}

fn open_budget(node: &Node) -> Result<BudgetId, Problem> {
    ask(node, Operation::BudgetOpen { limit: BUDGET, period_ms: None, parent: None }, |reply| {
        match reply {
            Reply::Budget(budget) => Some(budget.id),
            _ => None,
        }
    })
}

fn one_round(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
    budget: BudgetId,
    first: bool,
) -> Result<Round, Problem> {
    let input = summary.input;
    let mut step = |capability: &str, input, check, kill_worker| {
        let mut wish = Wish::new(capability, input, check);
        wish.budget = Some(budget);
        wish.kill_worker = kill_worker && summary.wants_a_kill();
        hire(node, narrator, summary, wish)
    };
    let inventory = step("files.inventory", input, AcceptanceCheck::Schema, false)?;
    let findings = step("secrets.scan", input, AcceptanceCheck::Schema, false)?;
    let verifier = |name| -> Result<AcceptanceCheck, Problem> {
        Ok(AcceptanceCheck::Verifier { component: cast::component(node, name)? })
    };
    let unique = step("archive.deduplicate", input, verifier(cast::DEDUPLICATOR)?, false)?;
    let archive = match accepted(&unique) {
        Some(unique) => Some(step("archive.compress", unique, verifier(cast::VERIFIER)?, true)?),
        None => None,
    };
    let index = step("index.build", input, AcceptanceCheck::Reexecution, false)?;
    if first {
        let word = AcceptanceCheck::BuyerWord { window_ms: ainur_primitives::DurationMs(1) };
        step("files.line-count", input, word, false)?;
    }
    if let Some(archive) = &archive {
        summary.compressed(archive);
    }
    Ok(Round {
        inventory: accepted(&inventory),
        findings: accepted(&findings),
        archive: archive.as_ref().and_then(accepted),
        index: accepted(&index),
        compressed: archive
            .as_ref()
            .filter(|view| accepted(view).is_some())
            .map(|view| (view.input_bytes, view.output_bytes)),
    })
}

/// The output, when it was paid for.
pub(super) fn accepted(view: &TaskView) -> Option<ContentId> {
    view.output.filter(|_| view.phase == TaskPhase::Settled)
}
