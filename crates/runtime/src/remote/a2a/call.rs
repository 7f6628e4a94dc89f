//! One task of an agent, from the message that begins it to its artifacts.
use std::sync::Arc;
use std::time::Duration;

use a2a::{
    Message, Part, Role, SendMessageConfiguration, SendMessageRequest, SendMessageResponse, Task,
    TaskState,
};
use ainur_primitives::{FailureReason, TraceContext};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::cards::{Cards, Place};
use crate::failure::Failure;
use crate::limits::{
    A2A_POLL_MS_MAX, A2A_POLL_MS_MIN, A2A_TASK_ID_BYTES_MAX, REMOTE_CANCEL_MS_MAX,
};
use crate::remote::budget::{Account, Output};
use crate::remote::program::{A2aProgram, AgentPeer};
use crate::remote::trace::Call;

/// What a job asks a skill for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    text: Option<String>,
    data: Option<serde_json::Map<String, Value>>,
}

/// Has the skill behind a capability used and gives the result. Dropping the future tells the agent
/// that the task was cancelled.
pub(in crate::remote) async fn call(
    cards: &Cards,
    program: &A2aProgram,
    asked: &Call<'_>,
) -> Result<Output, Failure> {
    let Call { capability, parameters, trace } = asked;
    let tool = program
        .tools
        .get(*capability)
        .ok_or_else(|| declined(format!("this agent has no skill for {capability}")))?;
    let place = cards.get(&program.peer).await?;
    let permit = place.calls.acquire().await;
    let _permit = permit.expect("the semaphore is never closed");
    if place.skills.get(&tool.name) != Some(&tool.digest) {
        return Err(declined(format!(
            "the skill {} changed since this agent was added: look at it, and accept it with \
             'ainur agent accept NAME'",
            tool.name
        )));
    }
    let request = request(&tool.name, parameters, place.tenant.clone())?;
    let answer = place.send(&program.peer, &request, trace.as_ref()).await?;
    match answer {
        SendMessageResponse::Message(message) => {
            write(&place.account, &json!({ "message": message }))
        }
        SendMessageResponse::Task(task) => {
            let place = Arc::clone(&place);
            let (peer, trace) = (program.peer.clone(), trace.clone());
            follow(Begun { place, peer, trace, id: None }, task).await
        }
    }
}

fn request(
    skill: &str,
    parameters: &str,
    tenant: Option<String>,
) -> Result<SendMessageRequest, Failure> {
    let parameters: Parameters = serde_json::from_str(parameters)
        .map_err(|_| declined("a skill's parameters are an object with 'text' or 'data'"))?;
    let text = parameters.text.map(Part::text);
    let data = parameters.data.map(|data| Part::data(Value::Object(data)));
    let parts: Vec<Part> = text.into_iter().chain(data).collect();
    if parts.is_empty() {
        return Err(declined("a skill is given 'text' or 'data'"));
    }
    let mut message = Message::new(Role::User, parts);
    // The protocol leaves it to the agent which skill a message is for; this is a hint.
    message.metadata = Some([("skillId".to_owned(), json!(skill))].into());
    Ok(SendMessageRequest {
        message,
        configuration: Some(SendMessageConfiguration {
            accepted_output_modes: None,
            task_push_notification_config: None,
            history_length: Some(0),
            return_immediately: Some(true),
        }),
        metadata: None,
        tenant,
    })
}

/// Asks how far a task is until it is over. Between two questions nothing is kept of it.
async fn follow(mut begun: Begun, mut task: Task) -> Result<Output, Failure> {
    if task.id.len() > A2A_TASK_ID_BYTES_MAX {
        let detail = format!("a task has a name of at most {A2A_TASK_ID_BYTES_MAX} bytes");
        return Err(Failure::crashed(detail));
    }
    let id = std::mem::take(&mut task.id);
    let place = Arc::clone(&begun.place);
    begun.id = Some(id.clone());
    let mut pause_ms = A2A_POLL_MS_MIN;
    while matches!(
        task.status.state,
        TaskState::Submitted | TaskState::Working | TaskState::Unspecified
    ) {
        drop(task);
        sleep(Duration::from_millis(pause_ms)).await;
        pause_ms = (2 * pause_ms).min(A2A_POLL_MS_MAX);
        task = place.task(&begun.peer, &id, begun.trace.as_ref()).await?;
    }
    if task.status.state.is_terminal() {
        begun.finish();
    }
    let said = task.status.message.as_ref().and_then(Message::text).map(str::to_owned);
    let or = |otherwise: &str| said.clone().unwrap_or_else(|| otherwise.to_owned());
    match task.status.state {
        TaskState::Completed => match (task.artifacts, task.status.message) {
            (Some(artifacts), _) => write(&place.account, &json!({ "artifacts": artifacts })),
            (None, Some(message)) => write(&place.account, &json!({ "message": message })),
            (None, None) => write(&place.account, &json!({ "artifacts": [] })),
        },
        TaskState::Rejected => Err(declined(or("the agent rejected the task"))),
        TaskState::InputRequired | TaskState::AuthRequired => {
            Err(declined(or("the agent asks for more input, which nobody can give")))
        }
        TaskState::Canceled => Err(Failure::crashed(or("the agent cancelled the task"))),
        _ => Err(Failure::crashed(or("the task failed"))),
    }
}

/// A task whose agent is told when nobody waits for it any more.
struct Begun {
    place: Arc<Place>,
    peer: AgentPeer,
    trace: Option<TraceContext>,
    id: Option<String>,
}

impl Begun {
    fn finish(mut self) {
        self.id = None;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        // None when the pool stops: then nobody is told anything any more.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (place, peer) = (Arc::clone(&self.place), self.peer.clone());
        let trace = self.trace.take();
        drop(runtime.spawn(async move {
            let telling = place.cancel(&peer, &id, trace.as_ref());
            let patience = Duration::from_millis(REMOTE_CANCEL_MS_MAX);
            if !matches!(timeout(patience, telling).await, Ok(Ok(_))) {
                tracing::debug!("an agent could not be told that a task was cancelled");
            }
        }));
    }
}

fn declined(detail: impl Into<String>) -> Failure {
    Failure::new(FailureReason::Declined, detail)
}

fn write(account: &Account, output: &Value) -> Result<Output, Failure> {
    let bytes = serde_json::to_vec(output)
        .map_err(|error| Failure::crashed(format!("the output cannot be written: {error}")))?;
    let held = account.take(bytes.capacity() as u64)?;
    Ok(Output::new(bytes, held))
}
