//! Following a task until it ends.
use ainur_api::view::{TaskEvent, TaskPhase, TaskView};
use ainur_api::{Operation, Problem, Reply, Service};
use ainur_primitives::DurationMs;

use super::fetch;
use crate::command::ask;
use crate::output::Output;

/// How long one question for news may wait.
const NEWS_WAIT_MS: DurationMs = DurationMs(1_000);

/// Prints what happens (for people) until the task has ended and its receipt is there.
pub(super) fn until_end(
    service: &dyn Service,
    task: &str,
    output: &Output,
) -> Result<TaskView, Problem> {
    let mut after = 0;
    loop {
        for event in news(service, task, after)? {
            after = event.number;
            if !output.is_json() && event.kind != "chunk" {
                output.line(format!(
                    "{}  {:<10} {}",
                    output.faint(&event.at.to_string()[11..23]),
                    event.kind,
                    event.detail
                ));
            }
        }
        let view = fetch(service, task)?;
        let ended = match view.phase {
            TaskPhase::Settled | TaskPhase::Refunded => view.has_receipt,
            TaskPhase::Unfunded => true,
            _ => false,
        };
        if ended {
            return Ok(view);
        }
    }
}

fn news(service: &dyn Service, task: &str, after: u32) -> Result<Vec<TaskEvent>, Problem> {
    let operation = Operation::TaskEvents { task: task.into(), after, wait_ms: NEWS_WAIT_MS };
    ask(service, operation, |reply| match reply {
        Reply::TaskEvents(events) => Some(events),
        _ => None,
    })
}
