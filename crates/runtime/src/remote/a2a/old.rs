//! Version 0.3 of the protocol, which most agents still speak: the same things under other names.
use a2a::{AgentSkill, Message, PartContent, SendMessageResponse, Task};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// The value of `A2A-Version` that asks for it.
pub(super) const VERSION: &str = "0.3";

/// What is read of a card of this version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OldCard {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) version: String,
    url: String,
    preferred_transport: Option<String>,
    #[serde(default)]
    additional_interfaces: Vec<OldInterface>,
    #[serde(default)]
    skills: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct OldInterface {
    url: String,
    transport: String,
}

impl OldCard {
    /// Where it is asked over JSON-RPC.
    pub(super) fn json_rpc_url(&self) -> Option<&str> {
        if self.preferred_transport.as_deref().is_none_or(|transport| transport == "JSONRPC") {
            return Some(&self.url);
        }
        let other = self.additional_interfaces.iter().find(|other| other.transport == "JSONRPC")?;
        Some(&other.url)
    }

    /// Its skills as the newer version has them; what is none is left out.
    pub(super) fn skills(&self) -> Vec<AgentSkill> {
        let skill = |skill: &Map<String, Value>| {
            let mut skill = skill.clone();
            // Says who may use it, in another form, and nothing about what it does.
            skill.remove("security");
            serde_json::from_value(Value::Object(skill)).ok()
        };
        self.skills.iter().filter_map(skill).collect()
    }
}

/// The parameters of `message/send`.
pub(super) fn send_params(message: &Message) -> Value {
    let part = |part: &a2a::Part| match &part.content {
        PartContent::Text(text) => Some(json!({"kind": "text", "text": text})),
        PartContent::Data(data) => Some(json!({"kind": "data", "data": data})),
        // Jobs hold no files.
        PartContent::Raw(_) | PartContent::Url(_) => None,
    };
    json!({
        "message": {
            "kind": "message",
            "messageId": message.message_id,
            "role": "user",
            "parts": message.parts.iter().filter_map(part).collect::<Vec<_>>(),
            "metadata": message.metadata,
        },
        "configuration": { "blocking": false, "historyLength": 0 },
    })
}

/// The answer to `message/send`.
pub(super) fn read_answer(answer: Value) -> Result<SendMessageResponse, Failure> {
    if answer["kind"] == "message" {
        return Ok(SendMessageResponse::Message(read(message(answer))?));
    }
    Ok(SendMessageResponse::Task(read_task(answer)?))
}

/// The answer to `tasks/get`.
pub(super) fn read_task(mut task: Value) -> Result<Task, Failure> {
    // Looked for rather than indexed: what is no object cannot be.
    if let Some(state) = task.pointer_mut("/status/state")
        && let Some(old) = state.as_str()
    {
        *state = format!("TASK_STATE_{}", old.replace('-', "_").to_ascii_uppercase()).into();
    }
    if let Some(said) = task.pointer_mut("/status/message").filter(|said| said.is_object()) {
        *said = message(said.take());
    }
    let artifacts = task.get_mut("artifacts").and_then(Value::as_array_mut);
    for artifact in artifacts.into_iter().flatten() {
        parts(artifact);
    }
    if let Some(task) = task.as_object_mut() {
        task.remove("history");
    }
    read(task)
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Failure::crashed(format!("the agent broke the protocol: {error}")))
}

fn message(mut message: Value) -> Value {
    let role = if message["role"] == "user" { "ROLE_USER" } else { "ROLE_AGENT" };
    if let Some(message) = message.as_object_mut() {
        message.insert("role".into(), role.into());
    }
    parts(&mut message);
    message
}

fn parts(of: &mut Value) {
    let parts = of.get_mut("parts").and_then(Value::as_array_mut);
    for part in parts.into_iter().flatten() {
        let Some(fields) = part.as_object_mut() else { continue };
        fields.remove("kind");
        let Some(mut file) = fields.remove("file") else { continue };
        let renamed =
            [("bytes", "raw"), ("uri", "url"), ("name", "filename"), ("mimeType", "mediaType")];
        for (old, new) in renamed {
            if let Some(value) = file.get_mut(old).filter(|value| !value.is_null()) {
                fields.insert(new.into(), value.take());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use a2a::{Part, Role, TaskState};

    use super::*;

    #[test]
    fn old_task_is_read_as_a_new_one() {
        let task = read_task(json!({
            "kind": "task", "id": "t", "contextId": "c",
            "status": {"state": "input-required", "message": {
                "kind": "message", "messageId": "m", "role": "agent",
                "parts": [{"kind": "text", "text": "what?"}],
            }},
            "artifacts": [{"artifactId": "a", "parts": [
                {"kind": "data", "data": {"x": 1}},
                {"kind": "file", "file": {"bytes": "aGk=", "name": "n", "mimeType": "text/plain"}},
                {"kind": "file", "file": {"uri": "https://x/y"}},
            ]}],
            "history": [{"something": "else"}],
        }))
        .unwrap();
        assert_eq!(task.status.state, TaskState::InputRequired);
        let said = task.status.message.unwrap();
        assert_eq!((said.role.clone(), said.text()), (Role::Agent, Some("what?")));
        let parts = &task.artifacts.unwrap()[0].parts;
        assert_eq!(parts[0].content, PartContent::Data(json!({"x": 1})));
        assert_eq!(parts[1].content, PartContent::Raw(b"hi".to_vec()));
        assert_eq!(parts[1].filename.as_deref(), Some("n"));
        assert_eq!(parts[2].content, PartContent::Url("https://x/y".into()));
    }

    #[test]
    fn what_is_no_task_is_an_error_and_no_panic() {
        for wrong in [json!("x"), json!([1]), json!(null), json!({"artifacts": ["x"]})] {
            assert!(read_task(wrong.clone()).is_err(), "{wrong}");
            assert!(read_answer(wrong.clone()).is_err(), "{wrong}");
            let task = json!({"status": {"state": "working", "message": {"parts": wrong}}});
            assert!(read_task(task).is_err());
            let status = json!({"state": 1, "message": wrong});
            assert!(
                read_task(json!({ "status": status, "artifacts": [{"parts": wrong}] })).is_err()
            );
        }
    }

    #[test]
    fn message_is_written_in_the_old_form() {
        let message =
            Message::new(Role::User, vec![Part::text("do it"), Part::data(json!({"a": 1}))]);
        let params = send_params(&message);
        assert_eq!(params["message"]["parts"][0], json!({"kind": "text", "text": "do it"}));
        assert_eq!(params["message"]["parts"][1], json!({"kind": "data", "data": {"a": 1}}));
        assert_eq!(params["configuration"]["blocking"], false);
    }
}
