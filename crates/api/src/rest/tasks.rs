//! `/v1/tasks`: buy, look, cancel, decide, rate.
use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ainur_primitives::Timestamp;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{Ask, reply, unexpected};
use super::follow::until_ended;
use super::query::encoded;
use super::route::{Access, Gives, JSON, Method, Parameter, Route, TASK, Takes};
use super::{IDEMPOTENCY_KEY_BYTES_MAX, PAGE_TASKS_DEFAULT, PAGE_TASKS_MAX, WAIT_SECONDS_MAX};
use crate::http::document::Refusal;
use crate::operation::{Operation, Reply, TaskQuery, TaskRequest};
use crate::schema;
use crate::view::{Explanation, TaskPage, TaskPhase, TaskView};

const TASK_VIEW: Gives = Gives {
    status: 200,
    description: "The task as it is now",
    content: &[(JSON, SchemaGenerator::subschema_for::<TaskView>)],
    headers: &[],
};

/// Phases that a list may be asked for: as many as there are.
const PHASES_MAX: usize = 9;

/// The table.
pub(super) static ROUTES: [Route; 8] = [
    Route {
        method: Method::Post,
        path: "/v1/tasks",
        name: "create_task",
        summary: "Announce a task: agents bid, the winner works, and only accepted work is paid",
        access: Access::Spend,
        parameters: &[
            Parameter::header(
                "Idempotency-Key",
                |_| json!({ "type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$", "maxLength": IDEMPOTENCY_KEY_BYTES_MAX }),
                "The same key never makes two tasks",
            ),
            Parameter::query(
                "wait",
                |_| json!({ "type": "integer", "minimum": 0, "maximum": WAIT_SECONDS_MAX }),
                "Answer when the task has ended or so many seconds are over",
            ),
        ],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<TaskCreate>)),
        gives: &[
            Gives {
                status: 201,
                description: "The task was announced",
                content: &[(JSON, SchemaGenerator::subschema_for::<TaskView>)],
                headers: &[("Location", "Where the task is")],
            },
            Gives {
                status: 200,
                description: "The key had made this task before",
                content: &[(JSON, SchemaGenerator::subschema_for::<TaskView>)],
                headers: &[("Location", "Where the task is")],
            },
        ],
        refusals: &[402, 404, 409, 422],
        handler: Some(|ask| Box::pin(create(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/tasks",
        name: "list_tasks",
        summary: "Tasks, newest first",
        access: Access::Read,
        parameters: &[
            Parameter::query(
                "limit",
                |_| json!({ "type": "integer", "minimum": 1, "maximum": PAGE_TASKS_MAX, "default": PAGE_TASKS_DEFAULT }),
                "At most this many",
            ),
            Parameter::query(
                "before",
                |_| json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
                "Only tasks with a smaller number",
            ),
            Parameter::query("context", |_| json!({ "type": "string" }), "Only tasks of it"),
            Parameter::query(
                "phase",
                |generator| json!({ "type": "array", "maxItems": PHASES_MAX, "items": generator.subschema_for::<TaskPhase>() }),
                "Only tasks in one of these",
            )
            .repeated(),
            Parameter::query(
                "budget",
                |generator| json!(generator.subschema_for::<schema::Digest>()),
                "Only tasks that draw on this budget itself",
            ),
        ],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "A page of tasks",
            content: &[(JSON, SchemaGenerator::subschema_for::<TaskPage>)],
            headers: &[("Link", "The next page, as rel=\"next\", when there is one")],
        }],
        refusals: &[404],
        handler: Some(|ask| Box::pin(list(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/tasks/{id}",
        name: "get_task",
        summary: "One task",
        access: Access::Read,
        parameters: &[TASK],
        takes: None,
        gives: &[TASK_VIEW],
        refusals: &[404],
        handler: Some(|ask| Box::pin(async move { reply(StatusCode::OK, &[], &ask.task().await?) })),
    },
    Route {
        method: Method::Post,
        path: "/v1/tasks/{id}/cancel",
        name: "cancel_task",
        summary: "Cancel a task that has no accepted result; the buyer is refunded",
        access: Access::Spend,
        parameters: &[TASK],
        takes: None,
        gives: &[TASK_VIEW],
        refusals: &[402, 404, 409],
        handler: Some(|ask| {
            Box::pin(async move { change(&ask, |task| Operation::TaskCancel { task }).await })
        }),
    },
    Route {
        method: Method::Post,
        path: "/v1/tasks/{id}/decision",
        name: "decide_task",
        summary: "The buyer's word on a delivered result",
        access: Access::Spend,
        parameters: &[TASK],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<Decision>)),
        gives: &[TASK_VIEW],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(decide(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/tasks/{id}/rating",
        name: "rate_task",
        summary: "Rate a settled task; only work that was paid can be rated",
        access: Access::Spend,
        parameters: &[TASK],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<Rating>)),
        gives: &[TASK_VIEW],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(rate(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/tasks/{id}/explanation",
        name: "explain_task",
        summary: "Bids, payment, runner-up and why: the replayed transcript",
        access: Access::Read,
        parameters: &[TASK],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "Why the winner won",
            content: &[(JSON, SchemaGenerator::subschema_for::<Explanation>)],
            headers: &[],
        }],
        refusals: &[404, 409],
        handler: Some(|ask| Box::pin(explain(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/tasks/{id}/receipt",
        name: "get_receipt",
        summary: "What proves the task: canonical JSON that can be verified offline",
        access: Access::Read,
        parameters: &[TASK],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "The receipt, byte for byte",
            content: &[(JSON, any_object)],
            headers: &[],
        }],
        refusals: &[404, 409],
        handler: Some(|ask| Box::pin(receipt(ask))),
    },
];

/// The buyer's word.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// Accept or refuse.
    accept: bool,
    /// Why, one line.
    #[serde(default)]
    reason: String,
}

/// How well a task was done.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rating {
    /// 1 (worst) to 5.
    #[schemars(range(min = 1, max = 5))]
    rating: u8,
}

/// The shape of a [`TaskRequest`] without what a header and the query say instead.
enum TaskCreate {}

impl JsonSchema for TaskCreate {
    fn schema_name() -> Cow<'static, str> {
        "TaskCreate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = TaskRequest::json_schema(generator);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.remove("wait");
            properties.remove("idempotency_key");
            properties.remove("request_digest");
            properties.remove("trace");
        }
        schema
    }
}

/// Any JSON object.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object" })
}

async fn create(ask: Ask) -> Result<Response, Refusal> {
    let mut request: TaskRequest = ask.json()?;
    request.idempotency_key = idempotency_key(&ask)?;
    if request.idempotency_key.is_some() {
        // Before the token's own budget is filled in.
        request.request_digest = Some(request.identity()?);
    }
    let wait = ask.parameter("wait")?.unwrap_or(0);
    if wait > WAIT_SECONDS_MAX {
        let message = format!("the query parameter `wait` is {WAIT_SECONDS_MAX} seconds at most");
        return Err(Refusal::invalid(message));
    }
    let (is_keyed, asked) = (request.idempotency_key.is_some(), now());
    // Well said, but nothing that could be bought.
    let announced = ask.perform(Operation::TaskRun(request)).await;
    let task = match announced.map_err(Refusal::unprocessable)? {
        Reply::TaskAnnounced { task } => task.to_string(),
        Reply::Task(task) => task.id.to_string(),
        other => return Err(unexpected(&other).into()),
    };
    let view = match wait {
        0 => ask.show(task.clone()).await?,
        seconds => until_ended(&ask, &task, Duration::from_secs(seconds)).await?,
    };
    let is_older = is_keyed && view.opened < asked;
    let status = if is_older { StatusCode::OK } else { StatusCode::CREATED };
    reply(status, &[(header::LOCATION, &format!("/v1/tasks/{task}"))], &view)
}

fn idempotency_key(ask: &Ask) -> Result<Option<String>, Refusal> {
    let Some(key) = ask.header("Idempotency-Key")? else { return Ok(None) };
    let is_visible = key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX || !is_visible {
        let message = format!(
            "the header Idempotency-Key holds 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible characters"
        );
        return Err(Refusal::invalid(message));
    }
    Ok(Some(key.to_owned()))
}

/// The node stamps tasks with the same clock, so an older task is one that was there before.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

async fn list(ask: Ask) -> Result<Response, Refusal> {
    let limit = ask.parameter("limit")?.unwrap_or(PAGE_TASKS_DEFAULT);
    if !(1..=PAGE_TASKS_MAX).contains(&limit) {
        let message = format!("the query parameter `limit` is 1 to {PAGE_TASKS_MAX}");
        return Err(Refusal::invalid(message));
    }
    if ask.query.all("phase").count() > PHASES_MAX {
        let message = format!("the query parameter `phase` occurs {PHASES_MAX} times at most");
        return Err(Refusal::invalid(message));
    }
    let phases: Result<_, _> = ask.query.all("phase").map(phase).collect();
    let query = TaskQuery {
        limit,
        before: ask.parameter("before")?,
        budget: ask.parameter("budget")?,
        context: ask.parameter("context")?,
        phases: phases?,
    };
    let page = match ask.perform(Operation::TaskList(query)).await? {
        Reply::Tasks(page) => page,
        other => return Err(unexpected(&other).into()),
    };
    let link = page.next.map(|next| {
        format!("</v1/tasks?{}>; rel=\"next\"", ask.query.with("before", &next.to_string()))
    });
    let link = link.as_deref().map(|link| (header::LINK, link));
    reply(StatusCode::OK, link.as_slice(), &page)
}

fn phase(text: &str) -> Result<TaskPhase, Refusal> {
    serde_json::from_value(Value::String(text.to_owned()))
        .map_err(|error| Refusal::invalid(format!("the query parameter `phase`: {error}")))
}

async fn decide(ask: Ask) -> Result<Response, Refusal> {
    let Decision { accept, reason } = ask.json()?;
    change(&ask, |task| Operation::TaskDecide { task, accept, reason }).await
}

async fn rate(ask: Ask) -> Result<Response, Refusal> {
    let Rating { rating } = ask.json()?;
    if !(1..=5).contains(&rating) {
        return Err(Refusal::invalid("the field `rating` is 1 to 5"));
    }
    change(&ask, |task| Operation::TaskRate { task, rating }).await
}

/// Changes the task and shows it as it is then.
async fn change(
    ask: &Ask,
    operation: impl FnOnce(String) -> Operation,
) -> Result<Response, Refusal> {
    let task = match ask.perform(operation(ask.task_id()?)).await? {
        Reply::Task(task) => *task,
        Reply::Done => ask.task().await?,
        other => return Err(unexpected(&other).into()),
    };
    reply(StatusCode::OK, &[], &task)
}

async fn explain(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::TaskExplain { task: ask.task_id()? }).await? {
        Reply::Explanation(explanation) => reply(StatusCode::OK, &[], &explanation),
        other => Err(unexpected(&other).into()),
    }
}

async fn receipt(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::ReceiptShow { task: ask.task_id()? }).await? {
        Reply::Receipt { receipt } => Ok(([(header::CONTENT_TYPE, JSON)], receipt).into_response()),
        other => Err(unexpected(&other).into()),
    }
}

/// Where something with a name is.
pub(super) fn location(folder: &str, name: &str) -> String {
    format!("{folder}/{}", encoded(name))
}
