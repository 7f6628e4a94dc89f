//! What an agent is asked, in the version it speaks.
use a2a::{
    CancelTaskRequest, GetTaskRequest, SendMessageRequest, SendMessageResponse, Task, VERSION,
    methods,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::cards::Place;
use super::{old, wire};
use crate::failure::Failure;
use crate::remote::program::AgentPeer;

impl Place {
    /// Begins a task, or has it answered at once.
    pub(super) async fn send(
        &self,
        peer: &AgentPeer,
        request: &SendMessageRequest,
    ) -> Result<SendMessageResponse, Failure> {
        if self.is_old {
            let params = old::send_params(&request.message);
            return old::read_answer(self.call(peer, "message/send", &params).await?);
        }
        self.call(peer, methods::SEND_MESSAGE, request).await
    }

    /// Asks how far a task is.
    pub(super) async fn task(&self, peer: &AgentPeer, id: &str) -> Result<Task, Failure> {
        if self.is_old {
            let params = json!({ "id": id, "historyLength": 0 });
            return old::read_task(self.call(peer, "tasks/get", &params).await?);
        }
        let tenant = self.tenant.clone();
        let request = GetTaskRequest { id: id.into(), history_length: Some(0), tenant };
        self.call(peer, methods::GET_TASK, &request).await
    }

    /// Says that nobody waits for a task any more.
    pub(super) async fn cancel(&self, peer: &AgentPeer, id: &str) -> Result<(), Failure> {
        if self.is_old {
            let task: Result<Value, _> =
                self.call(peer, "tasks/cancel", &json!({ "id": id })).await;
            return task.map(drop);
        }
        let tenant = self.tenant.clone();
        let request = CancelTaskRequest { id: id.into(), metadata: None, tenant };
        let task: Result<Task, _> = self.call(peer, methods::CANCEL_TASK, &request).await;
        task.map(drop)
    }

    async fn call<A: DeserializeOwned>(
        &self,
        peer: &AgentPeer,
        method: &str,
        params: &impl Serialize,
    ) -> Result<A, Failure> {
        let version = if self.is_old { old::VERSION } else { VERSION };
        let (url, account) = (&self.url, &self.account);
        let to = wire::To { url, is_trusted: self.is_trusted, version, account };
        wire::call(&self.client, peer, to, method, params).await
    }
}
