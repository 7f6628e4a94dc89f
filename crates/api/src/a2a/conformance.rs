//! Fixtures of the A2A conformance tests: the beginning of a message's id says how it is answered.
//!
//! Nothing is bought. Tasks live in memory, and every caller sees its own.
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use a2a_types::{
    Artifact, ListTasksRequest, ListTasksResponse, Message, Part, PartContent, Role,
    SendMessageRequest, StreamResponse, Task, TaskArtifactUpdateEvent, TaskState, TaskStatus,
    TaskStatusUpdateEvent, error_code,
};
use chrono::DateTime;
use data_encoding::HEXLOWER;
use tokio::sync::watch;
use tokio::time::sleep;

use super::desk::{Cursor, Opened, Visit, Wanted};
use super::error::Error;
use super::limits::{
    FIXTURE_MESSAGE_BYTES_MAX, FIXTURE_MESSAGES_MAX, FIXTURE_UPDATES_MAX, FIXTURES_MAX,
};
use super::market::order;
use super::paging::{history_of, page_size};
use crate::access::Caller;

mod script;

use script::{Answer, Step};

/// Media types that a part may say it has.
const MEDIA_TYPES: [&str; 4] = ["", "text/plain", "application/json", "application/octet-stream"];

/// Every task that was opened.
#[derive(Clone, Default)]
pub(super) struct Fixtures {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    entries: BTreeMap<String, Entry>,
    oldest_first: VecDeque<String>,
}

struct Entry {
    owner: Caller,
    number: usize,
    task: Task,
    updates: Vec<StreamResponse>,
    /// How many updates there are.
    told: watch::Sender<usize>,
}

impl Fixtures {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(
        &self,
        visit: &Visit,
        request: &SendMessageRequest,
        wanted: Wanted,
    ) -> Result<Opened, Error> {
        let message = &request.message;
        order::check(message)?;
        let bytes = serde_json::to_vec(message).map_or(0, |json| json.len());
        if bytes > FIXTURE_MESSAGE_BYTES_MAX {
            let message = format!("a message here has at most {FIXTURE_MESSAGE_BYTES_MAX} bytes");
            return Err(Error::invalid(message));
        }
        let foreign = message.parts.iter().find(|part| !is_supported(part));
        if let Some(part) = foreign {
            let media_type = part.media_type.as_deref().unwrap_or_default();
            return Err(Error::content_type(format!("{media_type} is not supported")));
        }
        let known = message.task_id.clone().filter(|task| !task.is_empty());
        if let Some(id) = &known {
            let (task, _) = self.show(visit, id, wanted)?;
            let given = message.context_id.as_deref().filter(|context| !context.is_empty());
            if given.is_some_and(|context| context != task.context_id) {
                return Err(Error::invalid("message.contextId is not that of the task"));
            }
            if task.status.state.is_terminal() {
                return Err(Error::unsupported(format!("the task '{id}' has ended")));
            }
            if self.with(visit, id, |entry| entry.updates.len())? > FIXTURE_UPDATES_MAX {
                return Err(Error::unsupported(format!("the task '{id}' has gone on for long")));
            }
        }
        let steps = match script::answer(&message.message_id) {
            Answer::Message(text) => return Ok(Opened::Message(reply(message, text)?)),
            Answer::Steps(steps) => steps,
        };
        let id = match known {
            Some(id) => {
                self.with(visit, &id, |entry| entry.hear(message))?;
                id
            }
            None => self.kept().open(visit, message)?,
        };
        let opened = self.show(visit, &id, wanted)?;
        let (fixtures, played) = (self.clone(), id);
        tokio::spawn(async move { fixtures.play(&played, steps).await });
        Ok(Opened::Task(Box::new(opened.0), opened.1))
    }

    async fn play(&self, id: &str, steps: Vec<Step>) {
        for step in steps {
            if let Step::Wait(ms) = step {
                sleep(Duration::from_millis(ms)).await;
                continue;
            }
            if let Some(entry) = self.kept().entries.get_mut(id) {
                entry.apply(step);
            }
        }
    }

    fn with<T>(
        &self,
        visit: &Visit,
        id: &str,
        look: impl FnOnce(&mut Entry) -> T,
    ) -> Result<T, Error> {
        let mut kept = self.kept();
        let entry = kept.entries.get_mut(id).filter(|entry| entry.owner == visit.caller);
        entry.map(look).ok_or_else(|| Error::no_task(id))
    }

    pub(super) fn show(
        &self,
        visit: &Visit,
        id: &str,
        wanted: Wanted,
    ) -> Result<(Task, Cursor), Error> {
        self.with(visit, id, |entry| {
            let cursor = Cursor {
                context: entry.task.context_id.clone(),
                after: u32::try_from(entry.updates.len()).unwrap_or(u32::MAX),
                working: true,
                ended: entry.task.status.state.is_terminal(),
            };
            (cut(entry.task.clone(), wanted), cursor)
        })
    }

    pub(super) async fn next(
        &self,
        visit: &Visit,
        id: &str,
        cursor: &mut Cursor,
    ) -> Result<Vec<StreamResponse>, Error> {
        let known = cursor.after as usize;
        let mut told = self.with(visit, id, |entry| entry.told.subscribe())?;
        told.wait_for(|count| *count > known).await.map_err(|_| Error::no_task(id))?;
        self.with(visit, id, |entry| {
            let news = entry.updates.get(known..).unwrap_or_default().to_vec();
            cursor.after = u32::try_from(entry.updates.len()).unwrap_or(u32::MAX);
            cursor.ended = entry.task.status.state.is_terminal();
            news
        })
    }

    pub(super) fn cancel(&self, visit: &Visit, id: &str, wanted: Wanted) -> Result<Task, Error> {
        self.with(visit, id, |entry| {
            let state = &entry.task.status.state;
            if state.is_terminal() && *state != TaskState::Canceled {
                let message = format!("the task '{id}' cannot be cancelled any more");
                return Err(Error::new(error_code::TASK_NOT_CANCELABLE, message));
            }
            entry.apply(Step::Cancel);
            Ok(cut(entry.task.clone(), wanted))
        })?
    }

    pub(super) fn list(
        &self,
        visit: &Visit,
        request: &ListTasksRequest,
    ) -> Result<ListTasksResponse, Error> {
        let size = page_size(request.page_size)?;
        let skipped: usize = match request.page_token.as_deref() {
            None | Some("") => 0,
            Some(token) => {
                token.parse().map_err(|_| Error::invalid("pageToken is none of ours"))?
            }
        };
        let history = match request.history_length {
            None => 0,
            some => history_of(some)?,
        };
        let artifacts = request.include_artifacts.unwrap_or(false);
        let wanted = Wanted { history, artifact_bytes: artifacts.then_some(u64::MAX) };
        let kept = self.kept();
        let mut found: Vec<_> = kept
            .entries
            .values()
            .filter(|entry| entry.owner == visit.caller && fits(&entry.task, request))
            .collect();
        found.sort_by_key(|entry| std::cmp::Reverse((entry.task.status.timestamp, entry.number)));
        let on_page = usize::try_from(size).unwrap_or_default();
        let next = skipped.saturating_add(on_page);
        let page = found.iter().skip(skipped).take(on_page);
        Ok(ListTasksResponse {
            tasks: page.map(|entry| cut(entry.task.clone(), wanted)).collect(),
            next_page_token: if next < found.len() { next.to_string() } else { String::new() },
            page_size: size,
            total_size: i32::try_from(found.len()).unwrap_or(i32::MAX),
        })
    }
}

impl Kept {
    fn open(&mut self, visit: &Visit, message: &Message) -> Result<String, Error> {
        let id = new_id()?;
        let context = message.context_id.clone().filter(|context| !context.is_empty());
        let context_id = context.unwrap_or_else(|| id.clone());
        let mut asked = message.clone();
        asked.task_id = Some(id.clone());
        asked.context_id = Some(context_id.clone());
        let task = Task {
            id: id.clone(),
            context_id,
            status: status(TaskState::Submitted, None),
            artifacts: None,
            history: Some(vec![asked]),
            metadata: None,
        };
        let number = self.entries.len();
        let told = watch::Sender::new(0);
        let entry = Entry { owner: visit.caller.clone(), number, task, updates: Vec::new(), told };
        self.entries.insert(id.clone(), entry);
        self.oldest_first.push_back(id.clone());
        if self.oldest_first.len() > FIXTURES_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.entries.remove(&oldest);
        }
        Ok(id)
    }
}

impl Entry {
    /// Takes a further message: the task goes on.
    fn hear(&mut self, message: &Message) {
        let mut heard = message.clone();
        heard.task_id = Some(self.task.id.clone());
        heard.context_id = Some(self.task.context_id.clone());
        let history = self.task.history.get_or_insert_default();
        history.push(heard);
        if history.len() > FIXTURE_MESSAGES_MAX {
            history.remove(0);
        }
        self.apply(Step::Working);
    }

    fn apply(&mut self, step: Step) {
        if self.task.status.state.is_terminal() {
            return;
        }
        let (task_id, context_id) = (self.task.id.clone(), self.task.context_id.clone());
        let update = match step {
            Step::Wait(_) => return,
            Step::Artifact { part, append, last } => {
                let artifact = Artifact {
                    artifact_id: "artifact-1".into(),
                    name: None,
                    description: None,
                    parts: vec![part],
                    metadata: None,
                    extensions: None,
                };
                let artifacts = self.task.artifacts.get_or_insert_default();
                match artifacts.first_mut() {
                    Some(begun) => begun.parts.extend(artifact.parts.clone()),
                    None => artifacts.push(artifact.clone()),
                }
                StreamResponse::ArtifactUpdate(TaskArtifactUpdateEvent {
                    task_id,
                    context_id,
                    artifact,
                    append: Some(append).filter(|append| *append),
                    last_chunk: Some(last),
                    metadata: None,
                })
            }
            step => {
                let (state, text) = step.status();
                let message = text.map(|text| {
                    let name = format!("{task_id}/{}", self.updates.len() + 1);
                    agent_message(name, &context_id, Some(&task_id), text)
                });
                if let (Some(message), Some(history)) = (&message, &mut self.task.history) {
                    history.push(message.clone());
                }
                self.task.status = status(state, message);
                StreamResponse::StatusUpdate(TaskStatusUpdateEvent {
                    task_id,
                    context_id,
                    status: self.task.status.clone(),
                    metadata: None,
                })
            }
        };
        self.updates.push(update);
        self.told.send_replace(self.updates.len());
    }
}

fn is_supported(part: &Part) -> bool {
    let media_type = part.media_type.as_deref().unwrap_or_default();
    let is_file = matches!(part.content, PartContent::Raw(_) | PartContent::Url(_));
    !is_file || MEDIA_TYPES.contains(&media_type)
}

fn fits(task: &Task, request: &ListTasksRequest) -> bool {
    let context = request.context_id.as_deref().filter(|context| !context.is_empty());
    let state = request.status.as_ref().filter(|state| **state != TaskState::Unspecified);
    context.is_none_or(|context| context == task.context_id)
        && state.is_none_or(|state| *state == task.status.state)
        && request
            .status_timestamp_after
            .is_none_or(|since| task.status.timestamp.is_some_and(|changed| changed >= since))
}

fn cut(mut task: Task, wanted: Wanted) -> Task {
    if let Some(history) = &mut task.history {
        history.drain(..history.len().saturating_sub(wanted.history));
    }
    task.history = task.history.filter(|history| !history.is_empty());
    task.artifacts = task.artifacts.filter(|_| wanted.artifact_bytes.is_some());
    task
}

fn status(state: TaskState, message: Option<Message>) -> TaskStatus {
    // Whole milliseconds, as JSON shows them.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    TaskStatus { state, message, timestamp: DateTime::from_timestamp_millis(ms) }
}

fn reply(message: &Message, text: &str) -> Result<Message, Error> {
    let id = new_id()?;
    let context = message.context_id.clone().filter(|context| !context.is_empty());
    let context = context.unwrap_or_else(|| id.clone());
    Ok(agent_message(id, &context, None, text.into()))
}

fn agent_message(id: String, context: &str, task: Option<&str>, text: String) -> Message {
    Message {
        message_id: id,
        context_id: Some(context.to_owned()),
        task_id: task.map(str::to_owned),
        role: Role::Agent,
        parts: vec![Part::text(text)],
        metadata: None,
        extensions: None,
        reference_task_ids: None,
    }
}

fn new_id() -> Result<String, Error> {
    let bytes: [u8; 16] = ainur_crypto::entropy::random_bytes()
        .map_err(|error| Error::new(error_code::INTERNAL_ERROR, error.to_string()))?;
    Ok(HEXLOWER.encode(&bytes))
}
