//! A tool call as a task: announce, follow, deliver.
use ainur_primitives::{Amount, ContentId, DurationMs, SelectionRule};
use data_encoding::{BASE64, BASE64_NOPAD};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ContentBlock, JsonObject, MetaObject, RequestMetaObject,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::tool::{self, INPUT, INPUT_BASE64};
use super::{Terms, refused, resource};
use crate::operation::{Operation, Reply, TaskRequest};
use crate::problem::{Code, Problem};
use crate::service::Service;
use crate::view::{TaskPhase, TaskView};

/// The price limit of one call, in AINU, as a string; never above the server's own.
const RESERVE_META: &str = "ainur/reserve";
/// The same key never buys twice.
const KEY_META: &str = "ainur/idempotency-key";
/// How often a cancelled call is noticed.
const WAIT: DurationMs = DurationMs(500);

/// A call to be bought.
pub(super) struct Purchase {
    pub(super) terms: Terms,
    pub(super) request: CallToolRequestParams,
    pub(super) meta: RequestMetaObject,
    /// Whether the client has given up.
    pub(super) cancelled: Box<dyn Fn() -> bool + Send>,
    /// What happens to the task: a number that rises, and a line for people.
    pub(super) news: Sender<(u32, String)>,
}

impl Purchase {
    /// Buys it and waits for its end.
    pub(super) fn make(self, service: &dyn Service) -> Result<CallToolResult, ErrorData> {
        let request = self.task_request(service)?;
        let task = match service.perform(Operation::TaskRun(request)) {
            Ok(Reply::TaskAnnounced { task }) => task.to_string(),
            Ok(Reply::Task(task)) => task.id.to_string(),
            Ok(other) => return Err(ErrorData::internal_error(format!("{other:?}"), None)),
            Err(problem) => return declined(&problem),
        };
        match self.follow(service, &task) {
            Ok(ended) => self.result(service, &ended),
            Err(problem) => Err(refused(&problem)),
        }
    }

    fn task_request(&self, service: &dyn Service) -> Result<TaskRequest, ErrorData> {
        let contract = tool::contract(service, &self.request.name)?;
        let mut parameters = self.request.arguments.clone().unwrap_or_default();
        let input = match contract.input_media_type {
            Some(_) => take_input(service, &mut parameters)?,
            None => None,
        };
        let invalid = |what: &str| ErrorData::invalid_params(what.to_owned(), None);
        let asked = match self.meta.0.0.get(RESERVE_META) {
            None => self.terms.reserve,
            Some(stated) => stated
                .as_str()
                .and_then(|text| Amount::from_ainu(text).ok())
                .ok_or_else(|| invalid("_meta ainur/reserve is an amount such as \"0.5\""))?,
        };
        let key = match self.meta.0.0.get(KEY_META) {
            None => None,
            Some(Value::String(key)) => Some(key.clone()),
            Some(_) => return Err(invalid("_meta ainur/idempotency-key is a string")),
        };
        Ok(TaskRequest {
            capability: contract.name,
            parameters: Value::Object(parameters),
            input,
            reserve: asked.min(self.terms.reserve),
            loss: None,
            budget: Some(self.terms.budget),
            selection: SelectionRule::Scored,
            check: None,
            deadline_ms: self.terms.deadline,
            limits: None,
            only: None,
            idempotency_key: key,
            context: None,
            wait: false,
        })
    }

    /// Passes on what happens until the task has ended; a cancelled call cancels it.
    fn follow(&self, service: &dyn Service, task: &str) -> Result<TaskView, Problem> {
        let (mut after, mut told) = (0, false);
        loop {
            if !told && (self.cancelled)() {
                told = true;
                // Too late to cancel is no harm: it ends by itself.
                drop(service.perform(Operation::TaskCancel { task: task.to_owned() }));
            }
            let events = Operation::TaskEvents { task: task.to_owned(), after, wait_ms: WAIT };
            if let Reply::TaskEvents(events) = service.perform(events)? {
                for event in events {
                    after = event.number;
                    let line = format!("{} {}", event.kind, event.detail);
                    // A full channel means a slow client; it needs the newest, not all.
                    drop(self.news.try_send((event.number, line.trim_end().to_owned())));
                }
            }
            let show = Operation::TaskShow { task: task.to_owned() };
            if let Reply::Task(view) = service.perform(show)?
                && view.phase.is_final()
            {
                return Ok(*view);
            }
        }
    }

    fn result(&self, service: &dyn Service, task: &TaskView) -> Result<CallToolResult, ErrorData> {
        let mut result = match (task.phase, task.output) {
            (TaskPhase::Settled, Some(output)) => delivered(service, task, output)?,
            _ => CallToolResult::error(vec![ContentBlock::text(format!(
                "not done, and nothing was paid: {}",
                if task.detail.is_empty() { "no agent delivered" } else { &task.detail }
            ))]),
        };
        let paid = match task.phase {
            TaskPhase::Settled => task.price.unwrap_or_default(),
            _ => Amount::ZERO,
        };
        let mut meta = JsonObject::new();
        meta.insert("ainur/task".into(), json!(task.id));
        meta.insert("ainur/paid".into(), json!(paid.to_ainu()));
        meta.insert("ainur/seller".into(), json!(task.seller));
        result.meta = Some(MetaObject(meta));
        Ok(result)
    }
}

/// Takes the input stream out of the arguments and stores it.
fn take_input(
    service: &dyn Service,
    arguments: &mut JsonObject,
) -> Result<Option<ContentId>, ErrorData> {
    let invalid = |what: String| ErrorData::invalid_params(what, None);
    let bytes = match (arguments.remove(INPUT), arguments.remove(INPUT_BASE64)) {
        (None, None) => return Ok(None),
        (Some(Value::String(text)), None) => text.into_bytes(),
        (None, Some(Value::String(text))) => BASE64
            .decode(text.as_bytes())
            .or_else(|_| BASE64_NOPAD.decode(text.as_bytes()))
            .map_err(|error| invalid(format!("{INPUT_BASE64} is no base64: {error}")))?,
        _ => return Err(invalid(format!("give {INPUT} or {INPUT_BASE64}, as a string"))),
    };
    let stored = service.put_blob(&mut &*bytes).map_err(|problem| refused(&problem))?;
    Ok(Some(stored.0))
}

/// Why nothing was bought, for the model when it can act on it.
fn declined(problem: &Problem) -> Result<CallToolResult, ErrorData> {
    match problem.code {
        Code::InsufficientFunds | Code::BudgetExceeded | Code::LimitReached | Code::Busy => {
            let text = format!("not bought: {}", problem.message);
            Ok(CallToolResult::error(vec![ContentBlock::text(text)]))
        }
        _ => Err(refused(problem)),
    }
}

/// The output: as text where it is text, as structured content where it is a JSON object, as a
/// resource otherwise.
fn delivered(
    service: &dyn Service,
    task: &TaskView,
    output: ContentId,
) -> Result<CallToolResult, ErrorData> {
    if task.output_bytes > resource::EMBEDDED_BYTES_MAX {
        let link = resource::link(task, output);
        return Ok(CallToolResult::success(vec![ContentBlock::resource_link(link)]));
    }
    let bytes = resource::fetch(service, output)?;
    match String::from_utf8(bytes) {
        Ok(text) => {
            let structured = serde_json::from_str::<Value>(&text).ok().filter(Value::is_object);
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = structured;
            Ok(result)
        }
        Err(error) => {
            let content = resource::blob(output, error.as_bytes());
            Ok(CallToolResult::success(vec![ContentBlock::resource(content)]))
        }
    }
}
