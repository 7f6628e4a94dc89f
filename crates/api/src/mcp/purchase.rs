//! A tool call as a task: announce, follow, deliver.
use std::time::Duration;

use ainur_primitives::{Amount, ContentId, Digest, SelectionRule, TraceContext};
use data_encoding::{BASE64, BASE64_NOPAD};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CreateTaskResult,
    JsonObject, MetaObject, ProgressNotificationParam, RequestMetaObject,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::tool::{self, INPUT, INPUT_BASE64};
use super::{McpServer, Terms, refused, resource, task};
use crate::http::server::Lane;
use crate::operation::{Operation, Reply, TaskRequest, request_digest};
use crate::problem::{Code, Problem};
use crate::rest::ask::unexpected;
use crate::service::Service;
use crate::view::{TaskEvent, TaskPhase, TaskView};

/// The price limit of one call, in AINU, as a string; never above the server's own.
const RESERVE_META: &str = "ainur/reserve";
/// The same key never buys twice.
const KEY_META: &str = "ainur/idempotency-key";
/// What is told at once of what happened; the newest matter.
const NEWS_MAX: usize = 16;
/// How long a client that understands tasks waits for a result in place of a task.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How the output schema of an MCP server's tool is known that delivers content blocks.
const MCP_CONTENT: &str = "urn:ainur:mcp-content";

/// A call to be bought.
pub(super) struct Purchase<'a> {
    pub(super) server: &'a McpServer,
    pub(super) request: CallToolRequestParams,
    pub(super) context: &'a RequestContext<RoleServer>,
}

impl Purchase<'_> {
    /// Buys it. Answers when it has ended; or sooner, with the task in hand, when that takes long
    /// and the client understands tasks.
    pub(super) async fn make(self) -> Result<CallToolResponse, ErrorData> {
        let (terms, meta) = (self.server.terms, self.context.meta.clone());
        let around = self.server.trace.clone();
        let asked = self.request.clone();
        let place = match self.server.place() {
            Ok(place) => place,
            Err(problem) => return declined(&problem).map(Into::into),
        };
        let announced = self.server.blocking(Lane::Blob, move |service| {
            let identity = Identity::read(&asked, &meta)?;
            if let Some(task) = identity.as_ref().and_then(|known| known.find(service)) {
                return Ok(task);
            }
            let mut request = task_request(service, &terms, asked, &meta)?;
            // What a message says of itself is nearer than what brought it here.
            request.trace = request.trace.or(around.map(Box::new));
            Ok(announce(service, with_identity(request, identity)))
        });
        let task = match announced.await? {
            Ok(task) => task,
            Err(problem) => return declined(&problem).map(Into::into),
        };
        let takes_tasks =
            self.context.client_capabilities().is_some_and(|client| client.supports_tasks());
        let ended = self.follow(&task);
        if !takes_tasks {
            ended.await?;
        } else if let Ok(ended) = timeout(ANSWER_WAIT, ended).await {
            ended?;
        }
        drop(place);
        self.server
            .patiently(|| {
                let task = task.clone();
                move |service: &dyn Service| {
                    let view = task::view(service, &task)?;
                    if view.phase.is_final() {
                        result(service, &view).map(Into::into)
                    } else {
                        Ok(CallToolResponse::Task(CreateTaskResult::new(task::described(&view))))
                    }
                }
            })
            .await
    }

    /// Passes on what happens until the task has ended; a cancelled call cancels it.
    async fn follow(&self, task: &str) -> Result<(), ErrorData> {
        let (mut after, mut told) = (0, false);
        loop {
            let (_waiting, heard) = self
                .server
                .patiently(|| {
                    let named = task.to_owned();
                    move |service: &dyn Service| {
                        let (tell, heard) = oneshot::channel();
                        let told = Box::new(move |news| drop(tell.send(news)));
                        let waiting = service.watch(&named, after, told);
                        waiting.map(|waiting| (waiting, heard)).map_err(|problem| refused(&problem))
                    }
                })
                .await?;
            let news = tokio::select! {
                news = heard => news,
                problem = self.server.over() => {
                    let message = format!("{}; the task {task} goes on", problem.message);
                    return Err(ErrorData::internal_error(message, None));
                }
                () = self.context.ct.cancelled(), if !told => {
                    told = true;
                    let cancel = Operation::TaskCancel { task: task.to_owned() };
                    // Too late to cancel is no harm: it ends by itself.
                    drop(self.server.patiently(|| perform(&cancel)).await);
                    continue;
                }
            };
            let stopping = || ErrorData::internal_error("the node is stopping", None);
            let news = news.map_err(|_| stopping())?.map_err(|problem| refused(&problem))?;
            after = news.events.last().map_or(after, |newest| newest.number);
            let older = news.events.len().saturating_sub(NEWS_MAX);
            for event in &news.events[older..] {
                self.tell(event).await;
            }
            if news.phase.is_final() {
                return Ok(());
            }
        }
    }

    async fn tell(&self, event: &TaskEvent) {
        let Some(token) = self.context.meta.get_progress_token() else { return };
        let line = format!("{} {}", event.kind, event.detail);
        let progress = ProgressNotificationParam::new(token, f64::from(event.number));
        let progress = progress.with_message(line.trim_end().to_owned());
        // A client that does not listen any more misses only this.
        drop(self.context.peer.notify_progress(progress).await);
    }
}

/// What tells a call that is made again from another one.
struct Identity {
    key: String,
    /// The digest of what was sent that is acted on.
    digest: Digest,
}

impl Identity {
    fn read(
        asked: &CallToolRequestParams,
        meta: &RequestMetaObject,
    ) -> Result<Option<Self>, ErrorData> {
        let key = match meta.0.0.get(KEY_META) {
            None => return Ok(None),
            Some(Value::String(key)) => key.clone(),
            Some(_) => {
                let message = "_meta ainur/idempotency-key is a string";
                return Err(ErrorData::invalid_params(message, None));
            }
        };
        let sent = (&asked.name, &asked.arguments, meta.0.0.get(RESERVE_META));
        let digest = request_digest(&sent).map_err(|problem| refused(&problem))?;
        Ok(Some(Self { key, digest }))
    }

    /// The task that the same call bought before. What is on offer by now does not matter.
    fn find(&self, service: &dyn Service) -> Option<Result<String, Problem>> {
        let (idempotency_key, request_digest) = (self.key.clone(), self.digest);
        match service.perform(Operation::TaskFind { idempotency_key, request_digest }) {
            Ok(Reply::TaskFound { task }) => task.map(|task| Ok(task.to_string())),
            Ok(other) => Some(Err(unexpected(&other))),
            Err(problem) => Some(Err(problem)),
        }
    }
}

fn with_identity(request: TaskRequest, identity: Option<Identity>) -> TaskRequest {
    let Some(Identity { key, digest }) = identity else { return request };
    TaskRequest { idempotency_key: Some(key), request_digest: Some(digest), ..request }
}

/// Does something, whatever comes of it.
fn perform(
    operation: &Operation,
) -> impl FnOnce(&dyn Service) -> Result<(), ErrorData> + Send + use<> {
    let operation = operation.clone();
    move |service| {
        drop(service.perform(operation));
        Ok(())
    }
}

fn announce(service: &dyn Service, request: TaskRequest) -> Result<String, Problem> {
    match service.perform(Operation::TaskRun(request))? {
        Reply::TaskAnnounced { task } => Ok(task.to_string()),
        Reply::Task(task) => Ok(task.id.to_string()),
        other => Err(unexpected(&other)),
    }
}

fn task_request(
    service: &dyn Service,
    terms: &Terms,
    asked: CallToolRequestParams,
    meta: &RequestMetaObject,
) -> Result<TaskRequest, ErrorData> {
    let contract = tool::contract(service, &asked.name)?;
    let mut parameters = asked.arguments.unwrap_or_default();
    let input = match contract.input_media_type {
        Some(_) => take_input(service, &mut parameters)?,
        None => None,
    };
    let invalid = |what: &str| ErrorData::invalid_params(what.to_owned(), None);
    let reserve = match meta.0.0.get(RESERVE_META) {
        None => terms.reserve,
        Some(stated) => stated
            .as_str()
            .and_then(|text| Amount::from_ainu(text).ok())
            .ok_or_else(|| invalid("_meta ainur/reserve is an amount such as \"0.5\""))?,
    };
    Ok(TaskRequest {
        capability: contract.name,
        parameters: Value::Object(parameters),
        input,
        reserve: reserve.min(terms.reserve),
        loss: None,
        budget: terms.budget,
        selection: SelectionRule::Scored,
        check: None,
        deadline_ms: terms.deadline,
        limits: None,
        graph: None,
        chunks: Vec::new(),
        only: None,
        venue: Default::default(),
        rental: None,
        service: None,
        negotiation: None,
        bidding_ms: None,
        idempotency_key: None,
        request_digest: None,
        context: None,
        wait: false,
        trace: meta
            .get_traceparent()
            .and_then(|parent| TraceContext::read(parent, meta.get_tracestate()))
            .map(Box::new),
    })
}

/// What a call answers whose task has ended.
pub(super) fn result(service: &dyn Service, task: &TaskView) -> Result<CallToolResult, ErrorData> {
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
            if let Some(blocks) = content_blocks(service, task, &text) {
                return Ok(CallToolResult::success(blocks));
            }
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

/// What the tool of another MCP server said, as it said it.
fn content_blocks(
    service: &dyn Service,
    task: &TaskView,
    output: &str,
) -> Option<Vec<ContentBlock>> {
    #[derive(Deserialize)]
    struct Said {
        content: Vec<ContentBlock>,
    }
    let contract = tool::contract(service, task.capability.as_str()).ok()?;
    if !contract.output_schema.contains(MCP_CONTENT) {
        return None;
    }
    serde_json::from_str::<Said>(output).ok().map(|said| said.content)
}
