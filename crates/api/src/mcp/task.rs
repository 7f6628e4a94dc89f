//! Tasks of the market as tasks of the protocol (`io.modelcontextprotocol/tasks`): what a client
//! polls is the durable task itself, so it is found again after a crash of either side.
use rmcp::ErrorData;
use rmcp::model::{DetailedTask, GetTaskResult, JsonObject, Task, TaskPayload, TaskStatus};
use serde_json::Value;

use super::{purchase, refused};
use crate::operation::{Operation, Reply};
use crate::service::Service;
use crate::view::{TaskPhase, TaskView};

/// How often a client should ask.
const POLL_MS: u64 = 1_000;

/// A task, and what came of it when it has ended.
pub(super) fn get(service: &dyn Service, task: &str) -> Result<GetTaskResult, ErrorData> {
    let view = view(service, task)?;
    let payload = if !view.phase.is_final() {
        TaskPayload::Working
    } else if is_cancelled(&view) {
        TaskPayload::Cancelled
    } else {
        let result = serde_json::to_value(purchase::result(service, &view)?)
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let result = match result {
            Value::Object(result) => result,
            _ => JsonObject::new(),
        };
        TaskPayload::Completed { result }
    };
    Ok(GetTaskResult::new(DetailedTask::new(described(&view), payload)))
}

/// Cancels a task; one that is too far to be cancelled ends by itself.
pub(super) fn cancel(service: &dyn Service, task: &str) -> Result<(), ErrorData> {
    let id = view(service, task)?.id.to_string();
    // What cannot be cancelled any more is acknowledged all the same, as the extension wants it.
    drop(service.perform(Operation::TaskCancel { task: id }));
    Ok(())
}

/// A task of the market by its full id.
pub(super) fn view(service: &dyn Service, task: &str) -> Result<TaskView, ErrorData> {
    match service.perform(Operation::TaskShow { task: task.to_owned() }) {
        Ok(Reply::Task(view)) if view.id.to_string() == task => Ok(*view),
        Ok(_) => Err(ErrorData::invalid_params(format!("there is no task {task}"), None)),
        Err(problem) => Err(refused(&problem)),
    }
}

/// What is told of a task at every time.
pub(super) fn described(view: &TaskView) -> Task {
    let status = match view.phase {
        phase if !phase.is_final() => TaskStatus::Working,
        TaskPhase::Settled => TaskStatus::Completed,
        _ if is_cancelled(view) => TaskStatus::Cancelled,
        _ => TaskStatus::Completed,
    };
    let updated = view.ended.unwrap_or(view.opened).to_string();
    let task = Task::new(view.id.to_string(), status, view.opened.to_string(), updated);
    let task = task.with_poll_interval_ms(POLL_MS);
    if view.detail.is_empty() { task } else { task.with_status_message(view.detail.clone()) }
}

fn is_cancelled(view: &TaskView) -> bool {
    view.cancelled && view.phase != TaskPhase::Settled
}
