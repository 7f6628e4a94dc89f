//! A task of the market as A2A shows it: its state, its messages, its output.
use std::collections::HashMap;
use std::io;

use a2a_types::{
    Artifact, Message, Part, Role, StreamResponse, Task, TaskArtifactUpdateEvent, TaskState,
    TaskStatus, TaskStatusUpdateEvent,
};
use ainur_primitives::{ContentId, TaskId, Timestamp};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::desk::{Cursor, Visit, Wanted};
use super::super::error::unexpected;
use super::super::limits::EMBEDDED_BYTES_MAX;
use super::order::CAPABILITY;
use crate::http::BLOBS_PATH;
use crate::operation::{Operation, Reply};
use crate::problem::{Code, Problem};
use crate::service::Service;
use crate::view::{TaskEvent, TaskPhase, TaskView};

/// From this event on there is work.
const AGREED: &str = "agreed";
/// These events are told by the last status.
const LAST_WORDS: [&str; 3] = ["settled", "refunded", "receipt"];

/// A task as it is, and where its news begin.
pub(super) fn look(
    service: &dyn Service,
    task: TaskId,
    visit: &Visit,
    wanted: Wanted,
) -> Result<(Task, Cursor), Problem> {
    // Events first: what happens in between is told again rather than left out.
    let events = events(service, task)?;
    let view = view(service, task)?;
    let cursor = Cursor {
        context: context(&view),
        after: events.last().map_or(0, |event| event.number),
        working: state(&view) != TaskState::Submitted,
        ended: view.phase.is_final(),
    };
    Ok((paint(service, &view, &events, visit, wanted)?, cursor))
}

/// The task's view.
pub(super) fn view(service: &dyn Service, task: TaskId) -> Result<TaskView, Problem> {
    match service.perform(Operation::TaskShow { task: task.to_string() })? {
        Reply::Task(view) => Ok(*view),
        _ => Err(unexpected()),
    }
}

fn events(service: &dyn Service, task: TaskId) -> Result<Vec<TaskEvent>, Problem> {
    let wait_ms = ainur_primitives::DurationMs(0);
    match service.perform(Operation::TaskEvents { task: task.to_string(), after: 0, wait_ms })? {
        Reply::TaskEvents(events) => Ok(events),
        _ => Err(unexpected()),
    }
}

/// A task of which the events are known, or not asked for.
pub(super) fn paint(
    service: &dyn Service,
    view: &TaskView,
    events: &[TaskEvent],
    visit: &Visit,
    wanted: Wanted,
) -> Result<Task, Problem> {
    let artifacts = match (wanted.artifact_bytes, view.output) {
        (Some(bytes_max), Some(output)) if view.phase == TaskPhase::Settled => {
            Some(vec![artifact(service, view, output, visit, bytes_max)?])
        }
        _ => None,
    };
    Ok(Task {
        id: view.id.to_string(),
        context_id: context(view),
        status: status(view, events.last()),
        artifacts,
        history: Some(history(view, events, wanted.history)).filter(|it| !it.is_empty()),
        metadata: Some(metadata(view)),
    })
}

/// The context a task was announced in; a task without one is a context of its own, so that a
/// repeated message finds the same.
pub(super) fn context(view: &TaskView) -> String {
    view.context.clone().unwrap_or_else(|| view.id.to_string())
}

pub(super) fn state(view: &TaskView) -> TaskState {
    match view.phase {
        TaskPhase::Announced | TaskPhase::Agreed => TaskState::Submitted,
        TaskPhase::Running | TaskPhase::Verifying | TaskPhase::Accepted | TaskPhase::Failing => {
            TaskState::Working
        }
        TaskPhase::Settled => TaskState::Completed,
        TaskPhase::Refunded | TaskPhase::Unfunded if view.cancelled => TaskState::Canceled,
        TaskPhase::Refunded | TaskPhase::Unfunded => TaskState::Failed,
    }
}

/// The phases that a state may stand for.
pub(super) fn phases(state: &TaskState) -> Option<Vec<TaskPhase>> {
    match state {
        TaskState::Submitted => Some(vec![TaskPhase::Announced, TaskPhase::Agreed]),
        TaskState::Working => Some(vec![
            TaskPhase::Running,
            TaskPhase::Verifying,
            TaskPhase::Accepted,
            TaskPhase::Failing,
        ]),
        TaskState::Completed => Some(vec![TaskPhase::Settled]),
        TaskState::Failed | TaskState::Canceled => {
            Some(vec![TaskPhase::Refunded, TaskPhase::Unfunded])
        }
        TaskState::Unspecified
        | TaskState::InputRequired
        | TaskState::Rejected
        | TaskState::AuthRequired => None,
    }
}

/// The status; `newest` is what happened last, when that is known.
fn status(view: &TaskView, newest: Option<&TaskEvent>) -> TaskStatus {
    let at = view.ended.or(newest.map(|event| event.at)).unwrap_or(view.opened);
    let line = match view.phase {
        TaskPhase::Settled => Some(format!("paid {} AINU", paid(view))),
        TaskPhase::Refunded | TaskPhase::Unfunded => Some(match view.detail.as_str() {
            "" => "nothing was delivered, and nothing was paid".to_owned(),
            detail => format!("nothing was paid: {detail}"),
        }),
        _ => newest.map(line),
    };
    let number = newest.map_or(0, |event| event.number);
    let message = line.map(|line| {
        let name = if view.phase.is_final() { "end".into() } else { number.to_string() };
        agent_message(view.id, &context(view), &name, line)
    });
    TaskStatus { state: state(view), message, timestamp: timestamp(at) }
}

fn line(event: &TaskEvent) -> String {
    format!("{} {}", event.kind, event.detail).trim_end().to_owned()
}

fn agent_message(task: TaskId, context: &str, name: &str, text: String) -> Message {
    Message {
        message_id: format!("{task}/{name}"),
        context_id: Some(context.to_owned()),
        task_id: Some(task.to_string()),
        role: Role::Agent,
        parts: vec![Part::text(text)],
        metadata: None,
        extensions: None,
        reference_task_ids: None,
    }
}

pub(super) fn timestamp(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(at.0).ok()?)
}

/// What was asked for, and then what happened: the newest `count` of these.
fn history(view: &TaskView, events: &[TaskEvent], count: usize) -> Vec<Message> {
    if count == 0 {
        return Vec::new();
    }
    let context = context(view);
    let skip = (events.len() + 1).saturating_sub(count);
    let asked = (skip == 0).then(|| {
        let parameters: Value = serde_json::from_str(&view.parameters).unwrap_or_default();
        let mut asked = agent_message(view.id, &context, "request", String::new());
        asked.role = Role::User;
        asked.parts =
            vec![Part::data(json!({ "capability": view.capability, "parameters": parameters }))];
        asked
    });
    let told = events.iter().skip(skip.saturating_sub(1));
    let told =
        told.map(|event| agent_message(view.id, &context, &event.number.to_string(), line(event)));
    asked.into_iter().chain(told).collect()
}

fn paid(view: &TaskView) -> String {
    match view.phase {
        TaskPhase::Settled => view.price.unwrap_or_default().to_ainu(),
        _ => "0".into(),
    }
}

fn metadata(view: &TaskView) -> HashMap<String, Value> {
    let mut metadata = HashMap::from([
        (CAPABILITY.to_owned(), json!(view.capability)),
        ("ainur/reserve".to_owned(), json!(view.reserve.to_ainu())),
        ("ainur/paid".to_owned(), json!(paid(view))),
    ]);
    if let Some(seller) = &view.seller {
        metadata.insert("ainur/seller".into(), json!(seller));
    }
    if view.has_receipt {
        metadata.insert(
            "ainur/receipt".into(),
            json!(format!(
                "POST /v1/operations {{\"operation\":\"receipt-show\",\"task\":\"{}\"}}",
                view.id
            )),
        );
    }
    metadata
}

/// The output: an object as data, text as text, anything else as bytes, or by its address when it
/// is large.
fn artifact(
    service: &dyn Service,
    view: &TaskView,
    output: ContentId,
    visit: &Visit,
    bytes_max: u64,
) -> Result<Artifact, Problem> {
    let part = if view.output_bytes > bytes_max {
        Part::url(format!("{}{BLOBS_PATH}/{output}", visit.base))
            .with_media_type("application/octet-stream")
    } else {
        part(fetch(service, output)?)
    };
    Ok(Artifact {
        artifact_id: output.to_string(),
        name: Some(view.capability.to_string()),
        description: None,
        parts: vec![part],
        metadata: None,
        extensions: None,
    })
}

fn part(bytes: Vec<u8>) -> Part {
    if let Ok(object @ Value::Object(_)) = serde_json::from_slice(&bytes) {
        return Part::data(object).with_media_type("application/json");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Part::text(text).with_media_type("text/plain"),
        Err(error) => Part::raw(error.into_bytes()).with_media_type("application/octet-stream"),
    }
}

fn fetch(service: &dyn Service, output: ContentId) -> Result<Vec<u8>, Problem> {
    let mut bytes = Bounded(Vec::new());
    service.get_blob(output, &mut bytes)?;
    Ok(bytes.0)
}

/// A buffer that grows no larger than what is shown in place.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() as u64 + bytes.len() as u64 > EMBEDDED_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One event as an update; nothing for those that the last update tells.
pub(super) fn update(
    task: TaskId,
    event: &TaskEvent,
    cursor: &mut Cursor,
) -> Option<StreamResponse> {
    cursor.after = cursor.after.max(event.number);
    cursor.working |= event.kind == AGREED;
    if LAST_WORDS.contains(&event.kind.as_str()) {
        return None;
    }
    let state = if cursor.working { TaskState::Working } else { TaskState::Submitted };
    let message = agent_message(task, &cursor.context, &event.number.to_string(), line(event));
    let status = TaskStatus { state, message: Some(message), timestamp: timestamp(event.at) };
    Some(StreamResponse::StatusUpdate(TaskStatusUpdateEvent {
        task_id: task.to_string(),
        context_id: cursor.context.clone(),
        status,
        metadata: None,
    }))
}

/// The last updates of a task that has ended: its output, and its state.
pub(super) fn last_updates(task: Task) -> Vec<StreamResponse> {
    let artifacts = task.artifacts.into_iter().flatten().map(|artifact| {
        StreamResponse::ArtifactUpdate(TaskArtifactUpdateEvent {
            task_id: task.id.clone(),
            context_id: task.context_id.clone(),
            artifact,
            append: None,
            last_chunk: Some(true),
            metadata: None,
        })
    });
    let mut updates: Vec<_> = artifacts.collect();
    updates.push(StreamResponse::StatusUpdate(TaskStatusUpdateEvent {
        task_id: task.id,
        context_id: task.context_id,
        status: task.status,
        metadata: task.metadata,
    }));
    updates
}

/// A message that bought nothing, as a task.
pub(super) fn rejection(id: String, asked: &Message, why: String) -> Task {
    let context = asked.context_id.clone().unwrap_or_else(|| id.clone());
    let message = Message {
        message_id: format!("{id}/end"),
        context_id: Some(context.clone()),
        task_id: Some(id.clone()),
        role: Role::Agent,
        parts: vec![Part::text(why)],
        metadata: None,
        extensions: None,
        reference_task_ids: None,
    };
    let status = TaskStatus {
        state: TaskState::Rejected,
        message: Some(message),
        timestamp: Some(DateTime::from(std::time::SystemTime::now())),
    };
    let history = Some(vec![asked.clone()]);
    Task { id, context_id: context, status, artifacts: None, history, metadata: None }
}

/// Whether a problem means that nothing was bought, rather than that something is wrong.
pub(super) fn is_rejection(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::InsufficientFunds | Code::BudgetExceeded | Code::NoBidder | Code::UnknownCapability
    )
}
