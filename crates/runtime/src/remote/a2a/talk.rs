//! What an agent is asked, in the version it speaks.
use a2a::{
    CancelTaskRequest, GetTaskRequest, SendMessageRequest, SendMessageResponse, Task, VERSION,
    methods,
};
use ainur_primitives::TraceContext;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::cards::Place;
use super::{old, wire};
use crate::failure::Failure;
use crate::remote::program::AgentPeer;

/// Where what is asked belongs in a trace.
type Trace<'a> = Option<&'a TraceContext>;

impl Place {
    /// Begins a task, or has it answered at once.
    pub(super) async fn send(
        &self,
        peer: &AgentPeer,
        request: &SendMessageRequest,
        trace: Trace<'_>,
    ) -> Result<SendMessageResponse, Failure> {
        if self.is_old {
            let params = old::send_params(&request.message);
            return old::read_answer(self.call(peer, "message/send", &params, trace).await?);
        }
        self.call(peer, methods::SEND_MESSAGE, request, trace).await
    }

    /// Asks how far a task is.
    pub(super) async fn task(
        &self,
        peer: &AgentPeer,
        id: &str,
        trace: Trace<'_>,
    ) -> Result<Task, Failure> {
        if self.is_old {
            let params = json!({ "id": id, "historyLength": 0 });
            return old::read_task(self.call(peer, "tasks/get", &params, trace).await?);
        }
        let tenant = self.tenant.clone();
        let request = GetTaskRequest { id: id.into(), history_length: Some(0), tenant };
        self.call(peer, methods::GET_TASK, &request, trace).await
    }

    /// Says that nobody waits for a task any more.
    pub(super) async fn cancel(
        &self,
        peer: &AgentPeer,
        id: &str,
        trace: Trace<'_>,
    ) -> Result<(), Failure> {
        if self.is_old {
            let task: Result<Value, _> =
                self.call(peer, "tasks/cancel", &json!({ "id": id }), trace).await;
            return task.map(drop);
        }
        let tenant = self.tenant.clone();
        let request = CancelTaskRequest { id: id.into(), metadata: None, tenant };
        let task: Result<Task, _> = self.call(peer, methods::CANCEL_TASK, &request, trace).await;
        task.map(drop)
    }

    async fn call<A: DeserializeOwned>(
        &self,
        peer: &AgentPeer,
        method: &str,
        params: &impl Serialize,
        trace: Trace<'_>,
    ) -> Result<A, Failure> {
        let version = if self.is_old { old::VERSION } else { VERSION };
        let (url, account) = (&self.url, &self.account);
        let to = wire::To { url, is_trusted: self.is_trusted, version, account, trace };
        wire::call(&self.client, peer, to, method, params).await
    }
}
