//! 0.3 over HTTP+JSON, which wrote its messages as protocol buffers do: `content` for parts, names
//! in either case, and a result that says in its key what it is.
use a2a_types::error_code;
use serde_json::{Map, Value, json};

use super::super::error::Error;
use super::super::handler::Answer;
use super::super::rpc;
use super::super::wire::value;
use super::shape;

/// The body of `message:send`.
pub(in super::super) fn send_in(body: Value) -> Result<Value, Error> {
    let mut body = camel(body);
    let message = match body.remove("request").or_else(|| body.remove("message")) {
        Some(message) => message_in(message)?,
        None => return Err(Error::invalid("request holds the message")),
    };
    let mut request = Map::from_iter([("message".to_owned(), message)]);
    if let Some(metadata) = body.remove("metadata") {
        request.insert("metadata".into(), metadata);
    }
    if let Some(stated) = body.remove("configuration") {
        let mut stated = camel(stated);
        // What is false is left out, and the other binding takes silence for true.
        let blocking = stated.remove("blocking").unwrap_or(json!(false));
        stated.insert("blocking".into(), blocking);
        // Protocol buffers write null for what is not there.
        let push = stated.remove("pushNotification").filter(|config| !config.is_null());
        if let Some(config) = push {
            stated.insert("pushNotificationConfig".into(), Value::Object(camel(config)));
        }
        request.insert("configuration".into(), shape::configuration_in(stated)?);
    }
    Ok(Value::Object(request))
}

fn message_in(message: Value) -> Result<Value, Error> {
    let mut message = camel(message);
    let Some(Value::Array(content)) = message.remove("content") else {
        return Err(Error::invalid("request.content is an array of parts"));
    };
    message.insert("parts".into(), content.into_iter().map(part_in).collect());
    Ok(Value::Object(message))
}

fn part_in(part: Value) -> Value {
    let mut part = camel(part);
    if let Some(file) = part.remove("file") {
        let mut file = camel(file);
        for (old, new) in [
            ("fileWithBytes", "raw"),
            ("fileWithUri", "url"),
            ("mimeType", "mediaType"),
            ("name", "filename"),
        ] {
            if let Some(value) = file.remove(old) {
                part.insert(new.into(), value);
            }
        }
    }
    if let Some(Value::Object(mut data)) = part.remove("data") {
        part.insert("data".into(), data.remove("data").unwrap_or_else(|| json!({})));
    }
    Value::Object(part)
}

/// A configuration of notifications, out of the request to make it.
pub(in super::super) fn push_in(body: Value) -> Result<Value, Error> {
    let mut body = camel(body);
    let id = body.remove("configId");
    let mut config = camel(body.remove("config").unwrap_or_default());
    let config = camel(config.remove("pushNotificationConfig").unwrap_or_default());
    let mut config = shape::push_in(Value::Object(config))?;
    if let Some(id) = id
        && config.get("id").is_none()
    {
        config["id"] = id;
    }
    Ok(config)
}

/// An answer as 0.3 writes it here.
pub(in super::super) fn answer(answer: &Answer) -> Value {
    match answer {
        Answer::Sent(sent) => news(value(sent)),
        Answer::Task(_) => task(rpc::result(answer)),
        Answer::Push(config) => push(value(config)),
        Answer::Pushes(list) => {
            let configs: Vec<_> = list.configs.iter().map(|config| push(value(config))).collect();
            json!({ "configs": configs })
        }
        Answer::Card(_) => super::card(rpc::result(answer)),
        Answer::Tasks(_) | Answer::Done | Answer::Stream(_) => rpc::result(answer),
    }
}

/// News, or what came of a message.
pub(in super::super) fn news(news: Value) -> Value {
    let Value::Object(news) = news else { return news };
    let Some((kind, inner)) = news.into_iter().next() else { return json!({}) };
    match kind.as_str() {
        "task" => json!({ "task": task(inner) }),
        "message" => json!({ "msg": message(inner) }),
        "statusUpdate" => {
            let mut update = inner;
            let ended = update["status"]["state"].as_str().is_some_and(|state| {
                ["COMPLETED", "FAILED", "CANCELED", "REJECTED"]
                    .iter()
                    .any(|end| state.ends_with(end))
            });
            update["status"] = status(update["status"].take());
            update["final"] = json!(ended);
            json!({ "statusUpdate": update })
        }
        _ => {
            let mut update = inner;
            update["artifact"] = artifact(update["artifact"].take());
            json!({ "artifactUpdate": update })
        }
    }
}

fn task(task: Value) -> Value {
    let Value::Object(mut task) = task else { return task };
    shape::change(&mut task, "status", status);
    shape::change_each(&mut task, "history", message);
    shape::change_each(&mut task, "artifacts", artifact);
    Value::Object(task)
}

fn status(status: Value) -> Value {
    let Value::Object(mut status) = status else { return status };
    shape::change(&mut status, "state", |state| match state.as_str() {
        Some("TASK_STATE_CANCELED") => json!("TASK_STATE_CANCELLED"),
        _ => state,
    });
    shape::change(&mut status, "message", message);
    Value::Object(status)
}

fn message(message: Value) -> Value {
    let Value::Object(mut message) = message else { return message };
    let parts = message.remove("parts").unwrap_or_default();
    message.insert("content".into(), each(parts));
    message.remove("referenceTaskIds");
    Value::Object(message)
}

fn artifact(artifact: Value) -> Value {
    let Value::Object(mut artifact) = artifact else { return artifact };
    shape::change(&mut artifact, "parts", each);
    Value::Object(artifact)
}

fn each(parts: Value) -> Value {
    match parts {
        Value::Array(parts) => parts.into_iter().map(part_out).collect(),
        other => other,
    }
}

fn part_out(part: Value) -> Value {
    // First as the other binding has it; there the names are nearly these.
    let Value::Object(mut part) = shape::part_out(part) else { return Value::Null };
    part.remove("kind");
    if let Some(Value::Object(file)) = part.get_mut("file") {
        for (old, new) in [("bytes", "fileWithBytes"), ("uri", "fileWithUri")] {
            if let Some(value) = file.remove(old) {
                file.insert(new.into(), value);
            }
        }
    }
    shape::change(&mut part, "data", |data| json!({ "data": data }));
    Value::Object(part)
}

fn push(config: Value) -> Value {
    let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = format!("tasks/{}/pushNotificationConfigs/{}", text("taskId"), text("id"));
    json!({ "name": name, "pushNotificationConfig": shape::push_out(config) })
}

/// An error as 1.0 tells it, by the name 0.3 knows it under (which the SDK for Python reads), and
/// by its number (which the one for Node reads).
pub(in super::super) fn error(error: &Error) -> Value {
    let mut body = error.rest();
    body["type"] = json!(match error.code {
        error_code::TASK_NOT_FOUND => "TaskNotFoundError",
        error_code::TASK_NOT_CANCELABLE => "TaskNotCancelableError",
        error_code::PUSH_NOTIFICATION_NOT_SUPPORTED => "PushNotificationNotSupportedError",
        error_code::UNSUPPORTED_OPERATION => "UnsupportedOperationError",
        error_code::CONTENT_TYPE_NOT_SUPPORTED => "ContentTypeNotSupportedError",
        error_code::INVALID_PARAMS => "InvalidParamsError",
        error_code::METHOD_NOT_FOUND => "MethodNotFoundError",
        error_code::INTERNAL_ERROR => "InternalError",
        _ => "InvalidRequestError",
    });
    body["code"] = json!(error.code);
    body["message"] = json!(error.to_string());
    body
}

/// An object with its names in camel case, as deep as this level.
fn camel(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { return Map::new() };
    object.into_iter().map(|(name, value)| (camel_name(&name), value)).collect()
}

fn camel_name(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
