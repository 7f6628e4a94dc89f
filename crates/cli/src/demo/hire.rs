//! Hiring: one task of the demo, told as it happens.
use ainur_api::operation::{Operation, Reply, TaskRequest};
use ainur_api::problem::Problem;
use ainur_api::view::{TaskEvent, TaskPhase, TaskView};
use ainur_node::Node;
use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, ContentId, Did, DurationMs, SelectionRule, Venue,
};

use super::cast;
use super::narrate::Narrator;
use super::summary::Summary;
use crate::command::ask;
use crate::output::{ainu, bytes};

/// How long one look for news waits.
const NEWS_MS: DurationMs = DurationMs(200);

/// What is wanted.
pub(super) struct Wish<'a> {
    pub(super) capability: &'a str,
    pub(super) parameters: serde_json::Value,
    pub(super) input: Option<ContentId>,
    pub(super) reserve: Amount,
    pub(super) check: AcceptanceCheck,
    pub(super) budget: Option<BudgetId>,
    pub(super) selection: SelectionRule,
    pub(super) only: Option<Did>,
    /// Kill the worker once an honest attempt has delivered a chunk.
    pub(super) kill_worker: bool,
}

impl<'a> Wish<'a> {
    /// An ordinary wish.
    pub(super) fn new(capability: &'a str, input: ContentId, check: AcceptanceCheck) -> Self {
        Self { input: Some(input), ..Self::without_input(capability, check) }
    }

    /// One that is told by its parameters alone.
    pub(super) fn without_input(capability: &'a str, check: AcceptanceCheck) -> Self {
        Self {
            capability,
            parameters: serde_json::json!({}),
            input: None,
            reserve: Amount::ainu(2),
            check,
            budget: None,
            selection: SelectionRule::Scored,
            only: None,
            kill_worker: false,
        }
    }
}

/// Announces a task, follows it to its end, and counts it.
pub(super) fn hire(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
    wish: Wish<'_>,
) -> Result<TaskView, Problem> {
    let capability = wish.capability.to_owned();
    let mut kill = wish.kill_worker;
    let request = TaskRequest {
        capability: capability.parse().expect("the demo names capabilities well"),
        parameters: wish.parameters,
        input: wish.input,
        reserve: wish.reserve,
        loss: None,
        budget: wish.budget,
        selection: wish.selection,
        check: Some(wish.check),
        deadline_ms: None,
        limits: None,
        graph: None,
        chunks: Vec::new(),
        only: wish.only,
        venue: Venue::default(),
        rental: None,
        service: None,
        negotiation: None,
        bidding_ms: None,
        idempotency_key: None,
        request_digest: None,
        context: None,
        wait: false,
        trace: None,
    };
    let task = ask(node, Operation::TaskRun(request), |reply| match reply {
        Reply::TaskAnnounced { task } => Some(task.to_string()),
        _ => None,
    })?;
    let bar = narrator.work(&capability);
    let mut after = 0;
    // Chunks of the attempt that runs now: there must be something to resume after.
    let mut chunks = 0;
    let view = loop {
        for event in news(node, &task, after)? {
            after = event.number;
            match event.kind.as_str() {
                "agreed" => chunks = 0,
                "chunk" => chunks += 1,
                _ => {}
            }
            bar.set_message(format!("{capability}: {} {}", event.kind, event.detail));
            if kill && event.kind == "chunk" && chunks > 0 {
                kill = !kill_a_worker(node, narrator, &task, &bar)?;
            }
        }
        let view = show(node, &task)?;
        let ended = match view.phase {
            TaskPhase::Settled | TaskPhase::Refunded => view.has_receipt,
            TaskPhase::Unfunded => true,
            _ => false,
        };
        if ended {
            break view;
        }
    };
    bar.finish_and_clear();
    tell(narrator, &view);
    summary.count(&view);
    Ok(view)
}

fn news(node: &Node, task: &str, after: u32) -> Result<Vec<TaskEvent>, Problem> {
    let operation = Operation::TaskEvents { task: task.into(), after, wait_ms: NEWS_MS };
    ask(node, operation, |reply| match reply {
        Reply::TaskEvents(events) => Some(events),
        _ => None,
    })
}

/// A task as it stands.
pub(super) fn show(node: &Node, task: &str) -> Result<TaskView, Problem> {
    ask(node, Operation::TaskShow { task: task.into() }, |reply| match reply {
        Reply::Task(task) => Some(*task),
        _ => None,
    })
}

/// Sends SIGKILL to the worker that holds the task, once the attempt is by neither cheat nor
/// crasher, whose attempts end badly anyway.
fn kill_a_worker(
    node: &Node,
    narrator: &Narrator<'_>,
    task: &str,
    bar: &indicatif::ProgressBar,
) -> Result<bool, Problem> {
    let view = show(node, task)?;
    let seller = view.seller_name.unwrap_or_default();
    if view.phase != TaskPhase::Running || [cast::CHEAT, "crasher"].contains(&seller.as_str()) {
        return Ok(false);
    }
    let busy = node.pool().workers().into_iter().find(|worker| worker.jobs > 0);
    let Some(worker) = busy else { return Ok(false) };
    let killed = node.pool().kill(worker.id);
    if killed {
        let process = worker.pid.map_or_else(|| "?".into(), |pid| pid.to_string());
        bar.suspend(|| {
            narrator.bad(
                "SIGKILL",
                &format!("worker process {process} dies in the middle of {seller}'s work"),
            );
        });
    }
    Ok(killed)
}

fn tell(narrator: &Narrator<'_>, view: &TaskView) {
    for attempt in &view.attempts {
        if let Some(failure) = attempt.failure {
            narrator.bad(
                &attempt.seller_name,
                &format!(
                    "{failure}: {}; not paid, {} of its stake slashed",
                    attempt.detail,
                    ainu(attempt.slashed)
                ),
            );
        } else if attempt.resumed > 0 {
            narrator.fact(
                &attempt.seller_name,
                &format!("resumed by another worker after chunk {}", attempt.resumed_at_chunk),
            );
        }
    }
    let seller = view.seller_name.clone().unwrap_or_default();
    match (view.phase, view.price) {
        (TaskPhase::Settled, Some(price)) => narrator.good(
            view.capability.as_str(),
            &format!(
                "{seller} delivered {}, accepted, paid {} (of at most {})",
                bytes(view.output_bytes),
                ainu(price),
                ainu(view.reserve)
            ),
        ),
        _ => narrator.bad(
            view.capability.as_str(),
            &format!("not done ({}); {} back with the buyer", view.detail, ainu(view.reserve)),
        ),
    }
}

/// Hires only the cheat: there is nobody to award the task to after it failed, so everything goes
/// back.
pub(super) fn the_cheat_alone(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
) -> Result<(), Problem> {
    narrator.scene("Only the cheat may bid", "nobody else is left after it fails: a full refund");
    let before = cast::agent(node, cast::CHEAT)?;
    if before.barred {
        narrator.fact(cast::CHEAT, "is barred by now: its stake is below the minimum");
    }
    let check = AcceptanceCheck::Verifier { component: cast::component(node, cast::VERIFIER)? };
    let mut wish = Wish::new("archive.compress", summary.input, check);
    wish.only = Some(before.did);
    hire(node, narrator, summary, wish).map(|_| ())
}
