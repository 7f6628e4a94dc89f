//! 0.3 over JSON-RPC, as the 1.0 it means: methods with slashes, parts with a `kind`, states and
//! roles in lower case, results without a wrapper.
use a2a_types::{JsonRpcError, error_code};
use serde_json::{Map, Value, json};

use super::error::Error;
use super::handler::{Answer, Ask};
use super::rpc;
use super::wire::{read, value};

mod card;
pub(super) mod rest;
mod shape;

pub(super) use card::card;
use shape::push_in;
pub(super) use shape::task;

/// The methods of 0.3.
pub(super) const METHODS: [&str; 10] = [
    "message/send",
    "message/stream",
    "tasks/get",
    "tasks/cancel",
    "tasks/resubscribe",
    "tasks/pushNotificationConfig/set",
    "tasks/pushNotificationConfig/get",
    "tasks/pushNotificationConfig/list",
    "tasks/pushNotificationConfig/delete",
    "agent/getAuthenticatedExtendedCard",
];

/// A question of 0.3.
pub(super) fn ask(method: &str, params: Value) -> Result<Ask, Error> {
    let Value::Object(mut params) = params else {
        return Err(Error::invalid("params is an object"));
    };
    let config_id = |params: &Map<String, Value>| {
        // Who set one configuration without naming it gets it under the task's id.
        params.get("pushNotificationConfigId").or_else(|| params.get("id")).cloned()
    };
    Ok(match method {
        "message/send" => Ask::Send(read(shape::send_in(params)?)?),
        "message/stream" => Ask::SendStreaming(read(shape::send_in(params)?)?),
        "tasks/get" => {
            // Nought meant everything.
            if params.get("historyLength") == Some(&json!(0)) {
                params.remove("historyLength");
            }
            Ask::Get(read(Value::Object(params))?)
        }
        "tasks/cancel" => Ask::Cancel(read(Value::Object(params))?),
        "tasks/resubscribe" => Ask::Subscribe(read(Value::Object(params))?),
        "tasks/pushNotificationConfig/set" => {
            let config = params.remove("pushNotificationConfig").unwrap_or_default();
            let mut config = push_in(config)?;
            config["taskId"] = params.remove("taskId").unwrap_or_default();
            Ask::CreatePush(read(config)?)
        }
        "tasks/pushNotificationConfig/get" => {
            Ask::GetPush(read(json!({ "taskId": params.get("id"), "id": config_id(&params) }))?)
        }
        "tasks/pushNotificationConfig/list" => {
            Ask::ListPushes(read(json!({ "taskId": params.get("id") }))?)
        }
        "tasks/pushNotificationConfig/delete" => {
            Ask::DeletePush(read(json!({ "taskId": params.get("id"), "id": config_id(&params) }))?)
        }
        "agent/getAuthenticatedExtendedCard" => Ask::ExtendedCard,
        unknown => {
            let message = format!("there is no method '{unknown}'");
            return Err(Error::new(error_code::METHOD_NOT_FOUND, message));
        }
    })
}

/// An answer as 0.3 writes it.
pub(super) fn answer(answer: &Answer) -> Value {
    match answer {
        Answer::Sent(sent) => news(value(sent)),
        Answer::Task(_) => task(rpc::result(answer)),
        Answer::Push(config) => shape::push_with_task(value(config)),
        Answer::Pushes(list) => {
            list.configs.iter().map(|config| shape::push_with_task(value(config))).collect()
        }
        Answer::Card(_) => card(rpc::result(answer)),
        Answer::Tasks(_) => rpc::result(answer),
        Answer::Done | Answer::Stream(_) => Value::Null,
    }
}

/// News, or what came of a message: the thing itself, which says what it is.
pub(super) fn news(news: Value) -> Value {
    let Value::Object(news) = news else { return news };
    let Some((kind, inner)) = news.into_iter().next() else { return Value::Null };
    match kind.as_str() {
        "task" => task(inner),
        "message" => shape::message_out(inner),
        "statusUpdate" => shape::status_update(inner),
        _ => shape::artifact_update(inner),
    }
}

/// An error as 0.3 knows it.
pub(super) fn error(mut error: JsonRpcError) -> JsonRpcError {
    if matches!(
        error.code,
        error_code::EXTENSION_SUPPORT_REQUIRED | error_code::VERSION_NOT_SUPPORTED
    ) {
        error.code = error_code::INTERNAL_ERROR;
    }
    error
}
