//! Tools that become tasks (`io.modelcontextprotocol/tasks`): the client gets a task in hand, asks
//! how it is, and gives what the task asks for meanwhile.
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock,
    CreateTaskResult, DetailedTask, InputRequiredResult, InputResponses, JsonObject,
};
use rmcp::service::RequestContext;
use rmcp::task_manager::{TaskContext, TaskExit, TaskFuture, TaskManager, TaskOptions};
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::ask::{declared, stated, user_request};
use super::input::{requests, text_request, told};
use super::limits::{POLL_MS, TASK_MS_MAX, TASKS_MAX};
use super::tools::{said, text};

/// Every task there is.
pub(super) struct Jobs {
    manager: TaskManager,
    /// When the tasks began that the manager may still keep.
    begun: Mutex<VecDeque<Instant>>,
}

impl Jobs {
    pub(super) fn new() -> Self {
        Self { manager: TaskManager::new(), begun: Mutex::default() }
    }

    /// How a task is.
    pub(super) fn get(&self, task: &str) -> Result<DetailedTask, ErrorData> {
        self.manager.get_task(task)
    }

    /// Gives a task what it has asked for.
    pub(super) fn update(&self, task: &str, given: InputResponses) -> Result<(), ErrorData> {
        self.manager.update_task(task, given)
    }

    /// Asks a task to end.
    pub(super) fn cancel(&self, task: &str) -> Result<(), ErrorData> {
        self.manager.cancel_task(task)
    }

    /// Calls a tool that becomes a task when the client understands those.
    pub(super) async fn call(
        &self,
        request: &CallToolRequestParams,
        arguments: &JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let client = declared(context);
        match &*request.name {
            "slow_compute" => {
                let seconds = arguments.get("seconds").and_then(Value::as_u64).unwrap_or_default();
                let wait = Duration::from_secs(seconds).min(Duration::from_millis(TASK_MS_MAX / 2));
                if wait.is_zero() || !client.supports_tasks() {
                    sleep(wait).await;
                    return Ok(said("42").into());
                }
                self.begin(&client, move |task| Box::pin(compute(task, wait)))
            }
            "failing_job" => self.begin(&client, |_| {
                Box::pin(async {
                    Ok(CallToolResult::error(vec![ContentBlock::text("It failed.")]))
                })
            }),
            "protocol_error_job" => self.begin(&client, |_| {
                Box::pin(async { Err(ErrorData::internal_error("it broke", None).into()) })
            }),
            "confirm_delete" => {
                let file = text(arguments, "filename")?.to_owned();
                self.begin(&client, move |task| Box::pin(confirm(task, file)))
            }
            "multi_input" => self.begin(&client, |task| Box::pin(ask_twice_at_once(task))),
            _ => {
                let given = request.input_responses.clone().unwrap_or_default();
                let Some(name) = told(&given, "user_name", "name")? else {
                    let wanted = [("user_name", text_request("What is your name?", "name"))];
                    let requests = requests(&client, wanted)?;
                    return Ok(InputRequiredResult::from_input_requests(requests).into());
                };
                self.begin(&client, move |_| {
                    Box::pin(async move { Ok(said(&format!("Done for {name}."))) })
                })
            }
        }
    }

    /// Begins a task, and hands it out.
    fn begin(
        &self,
        client: &ClientCapabilities,
        work: impl FnOnce(TaskContext) -> TaskFuture,
    ) -> Result<CallToolResponse, ErrorData> {
        if !client.supports_tasks() {
            let required = ClientCapabilities::builder().enable_tasks().build();
            return Err(ErrorData::missing_required_client_capability(required));
        }
        self.make_room()?;
        let options = TaskOptions::new().with_ttl_ms(TASK_MS_MAX).with_poll_interval_ms(POLL_MS);
        Ok(CreateTaskResult::new(self.manager.spawn(options, work)).into())
    }

    /// Refuses a task too many. A task lives for its time at the most, and as long again for those
    /// who ask what came of it.
    fn make_room(&self) -> Result<(), ErrorData> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = Duration::from_millis(2 * TASK_MS_MAX);
        while begun.front().is_some_and(|begun| begun.elapsed() > kept) {
            begun.pop_front();
        }
        if begun.len() >= TASKS_MAX {
            return Err(ErrorData::internal_error("too many tasks: come back later", None));
        }
        begun.push_back(Instant::now());
        Ok(())
    }
}

/// Takes its time, unless it is cancelled.
async fn compute(task: TaskContext, wait: Duration) -> Result<CallToolResult, TaskExit> {
    tokio::select! {
        () = sleep(wait) => Ok(said("42")),
        () = task.cancelled() => Err(TaskExit::Cancelled),
    }
}

async fn confirm(task: TaskContext, file: String) -> Result<CallToolResult, TaskExit> {
    let confirmed = ask(&task, "confirm", &format!("Delete {file}?")).await?;
    Ok(said(&if confirmed { format!("{file} is deleted.") } else { format!("{file} is kept.") }))
}

async fn ask_twice_at_once(task: TaskContext) -> Result<CallToolResult, TaskExit> {
    let (first, second) =
        tokio::join!(ask(&task, "first", "The first?"), ask(&task, "second", "The second?"));
    Ok(said(&format!("The first: {}. The second: {}.", first?, second?)))
}

/// Whether the user confirms.
async fn ask(task: &TaskContext, name: &str, question: &str) -> Result<bool, TaskExit> {
    let properties = json!({ "confirm": { "type": "boolean" } });
    let schema = json!({ "type": "object", "properties": properties, "required": ["confirm"] });
    let request = stated(user_request(question, schema))?;
    let answer = task.request_input(name, request).await?;
    Ok(answer["content"]["confirm"] == json!(true))
}
