//! The shapes of 0.3 and of 1.0, one into the other.
use serde_json::{Map, Value, json};

use super::super::error::Error;

/// The parameters of `message/send`.
pub(super) fn send_in(mut params: Map<String, Value>) -> Result<Value, Error> {
    let message = params.remove("message").unwrap_or_default();
    let mut request = Map::from_iter([("message".to_owned(), message_in(message)?)]);
    if let Some(metadata @ Value::Object(_)) = params.remove("metadata") {
        request.insert("metadata".into(), metadata);
    }
    if let Some(Value::Object(configuration)) = params.remove("configuration") {
        request.insert("configuration".into(), configuration_in(configuration)?);
    }
    Ok(Value::Object(request))
}

pub(super) fn configuration_in(mut stated: Map<String, Value>) -> Result<Value, Error> {
    if let Some(Value::Bool(blocking)) = stated.remove("blocking") {
        stated.insert("returnImmediately".into(), json!(!blocking));
    }
    // Nought meant everything.
    if stated.get("historyLength") == Some(&json!(0)) {
        stated.remove("historyLength");
    }
    if let Some(config @ Value::Object(_)) = stated.remove("pushNotificationConfig") {
        stated.insert("taskPushNotificationConfig".into(), push_in(config)?);
    }
    Ok(Value::Object(stated))
}

/// A message of 0.3.
fn message_in(message: Value) -> Result<Value, Error> {
    let Value::Object(mut message) = message else {
        return Err(Error::invalid("message is an object"));
    };
    message.remove("kind");
    let role = match message.get("role").and_then(Value::as_str) {
        Some("user") => "ROLE_USER",
        Some("agent") => "ROLE_AGENT",
        _ => return Err(Error::invalid("message.role is \"user\"")),
    };
    message.insert("role".into(), json!(role));
    let Some(Value::Array(parts)) = message.remove("parts") else {
        return Err(Error::invalid("message.parts is an array"));
    };
    let parts: Result<Vec<_>, _> = parts.into_iter().map(part_in).collect();
    message.insert("parts".into(), Value::Array(parts?));
    Ok(Value::Object(message))
}

/// A part of 0.3.
fn part_in(part: Value) -> Result<Value, Error> {
    let mut part = match part {
        Value::Object(part) => part,
        _ => return Err(Error::invalid("a part is an object")),
    };
    let kind = part.remove("kind");
    let Some(Value::Object(mut file)) = part.remove("file") else {
        return match kind.as_ref().and_then(Value::as_str) {
            Some("text" | "data") | None => Ok(Value::Object(part)),
            _ => Err(Error::invalid("a part's kind is text, file or data")),
        };
    };
    for (old, new) in
        [("bytes", "raw"), ("uri", "url"), ("mimeType", "mediaType"), ("name", "filename")]
    {
        if let Some(value) = file.remove(old) {
            part.insert(new.into(), value);
        }
    }
    Ok(Value::Object(part))
}

/// A configuration of notifications of 0.3, as 1.0 has it.
pub(super) fn push_in(config: Value) -> Result<Value, Error> {
    let Value::Object(mut config) = config else {
        return Err(Error::invalid("pushNotificationConfig is an object"));
    };
    if let Some(Value::Object(mut authentication)) = config.remove("authentication") {
        let schemes = authentication.remove("schemes").unwrap_or_default();
        let scheme = schemes.get(0).cloned().unwrap_or_else(|| json!(""));
        authentication.insert("scheme".into(), scheme);
        config.insert("authentication".into(), Value::Object(authentication));
    }
    Ok(Value::Object(config))
}

/// The same, as 0.3 has it.
pub(super) fn push_out(config: Value) -> Value {
    let Value::Object(mut config) = config else { return config };
    config.remove("taskId");
    config.remove("tenant");
    if let Some(Value::Object(mut authentication)) = config.remove("authentication") {
        let scheme = authentication.remove("scheme").unwrap_or_default();
        authentication.insert("schemes".into(), json!([scheme]));
        config.insert("authentication".into(), Value::Object(authentication));
    }
    Value::Object(config)
}

/// A configuration together with the task it is for.
pub(super) fn push_with_task(config: Value) -> Value {
    let task = config.get("taskId").cloned();
    json!({ "taskId": task, "pushNotificationConfig": push_out(config) })
}

/// A task of 1.0.
pub(in super::super) fn task(task: Value) -> Value {
    let Value::Object(mut task) = task else { return task };
    task.insert("kind".into(), json!("task"));
    change(&mut task, "status", status_out);
    change_each(&mut task, "history", message_out);
    change_each(&mut task, "artifacts", artifact_out);
    Value::Object(task)
}

pub(super) fn message_out(message: Value) -> Value {
    let Value::Object(mut message) = message else { return message };
    message.insert("kind".into(), json!("message"));
    change(&mut message, "role", |role| match role.as_str() {
        Some("ROLE_USER") => json!("user"),
        _ => json!("agent"),
    });
    change_each(&mut message, "parts", part_out);
    Value::Object(message)
}

/// A part of 1.0.
pub(super) fn part_out(part: Value) -> Value {
    let Value::Object(mut part) = part else { return part };
    let (media_type, name) = (part.remove("mediaType"), part.remove("filename"));
    for (new, old) in [("raw", "bytes"), ("url", "uri")] {
        if let Some(content) = part.remove(new) {
            let mut file = Map::from_iter([(old.to_owned(), content)]);
            file.extend(media_type.map(|value| ("mimeType".to_owned(), value)));
            file.extend(name.map(|value| ("name".to_owned(), value)));
            part.insert("kind".into(), json!("file"));
            part.insert("file".into(), Value::Object(file));
            return Value::Object(part);
        }
    }
    let kind = if part.contains_key("text") { "text" } else { "data" };
    part.insert("kind".into(), json!(kind));
    // Data was always an object.
    change(&mut part, "data", |data| match data {
        Value::Object(_) => data,
        other => json!({ "value": other }),
    });
    Value::Object(part)
}

fn artifact_out(artifact: Value) -> Value {
    let Value::Object(mut artifact) = artifact else { return artifact };
    change_each(&mut artifact, "parts", part_out);
    Value::Object(artifact)
}

fn status_out(status: Value) -> Value {
    let Value::Object(mut status) = status else { return status };
    change(&mut status, "state", |state| json!(state_out(state.as_str().unwrap_or_default())));
    change(&mut status, "message", message_out);
    Value::Object(status)
}

/// A state's name in 0.3.
fn state_out(state: &str) -> String {
    match state.strip_prefix("TASK_STATE_") {
        None | Some("UNSPECIFIED") => "unknown".into(),
        Some(name) => name.to_ascii_lowercase().replace('_', "-"),
    }
}

pub(super) fn status_update(update: Value) -> Value {
    let Value::Object(mut update) = update else { return update };
    update.insert("kind".into(), json!("status-update"));
    change(&mut update, "status", status_out);
    let state = update.get("status").and_then(|status| status.get("state"));
    let last = ["completed", "failed", "canceled", "rejected"];
    let is_last = state.and_then(Value::as_str).is_some_and(|state| last.contains(&state));
    update.insert("final".into(), json!(is_last));
    Value::Object(update)
}

pub(super) fn artifact_update(update: Value) -> Value {
    let Value::Object(mut update) = update else { return update };
    update.insert("kind".into(), json!("artifact-update"));
    change(&mut update, "artifact", artifact_out);
    Value::Object(update)
}

pub(super) fn change(
    object: &mut Map<String, Value>,
    key: &str,
    change: impl FnOnce(Value) -> Value,
) {
    if let Some(value) = object.get_mut(key) {
        *value = change(value.take());
    }
}

pub(super) fn change_each(
    object: &mut Map<String, Value>,
    key: &str,
    change: impl Fn(Value) -> Value,
) {
    if let Some(Value::Array(values)) = object.get_mut(key) {
        for value in values {
            *value = change(value.take());
        }
    }
}
