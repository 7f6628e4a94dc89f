//! Sessions of clients of versions before 2026-07-28: in memory, so many at once and no more.
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use rmcp::model::{ClientJsonRpcMessage, GetExtensions, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::ServerSseMessage;
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionHandle, LocalSessionManager, LocalSessionManagerError, SessionConfig,
};
use rmcp::transport::streamable_http_server::{SessionId, SessionManager};
use tokio::sync::mpsc;

use super::limits::{
    MESSAGES_AHEAD_MAX, REPLAY_MS_MAX, RETRY_MS, SESSION_BEGIN_MS_MAX, SESSION_IDLE_MS_MAX,
    SESSIONS_MAX,
};

/// Every session there is; the oldest ends when there would be too many.
pub(super) struct Sessions {
    local: LocalSessionManager,
    oldest_first: Mutex<VecDeque<SessionId>>,
}

/// The stream on which a request of a session is answered; its handler finds it among the
/// request's extensions.
#[derive(Clone)]
pub(super) struct ReplyStream {
    session: LocalSessionHandle,
    number: u64,
}

impl ReplyStream {
    /// Closes the stream, as a server does that answers much later: the client is told when to
    /// come back, and finds there what it has missed. Nothing when it has gone by itself.
    pub(super) async fn close(&self) {
        let retry = Some(Duration::from_millis(RETRY_MS));
        drop(self.session.close_sse_stream(self.number, retry).await);
    }
}

/// What comes out of a session, as a stream.
struct Messages(mpsc::Receiver<ServerSseMessage>);

impl Stream for Messages {
    type Item = ServerSseMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

impl Sessions {
    pub(super) fn new() -> Self {
        let mut bounds = SessionConfig::default();
        bounds.channel_capacity = MESSAGES_AHEAD_MAX;
        bounds.keep_alive = Some(Duration::from_millis(SESSION_IDLE_MS_MAX));
        bounds.init_timeout = Some(Duration::from_millis(SESSION_BEGIN_MS_MAX));
        bounds.completed_cache_ttl = Duration::from_millis(REPLAY_MS_MAX);
        bounds.sse_retry = Some(Duration::from_millis(RETRY_MS));
        let mut local = LocalSessionManager::default();
        local.session_config = bounds;
        Self { local, oldest_first: Mutex::default() }
    }

    fn oldest_first(&self) -> MutexGuard<'_, VecDeque<SessionId>> {
        self.oldest_first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a new session in; the one that has to go for it, if one has to.
    fn take_in(&self, id: &SessionId) -> Option<SessionId> {
        let mut known = self.oldest_first();
        known.push_back(id.clone());
        if known.len() > SESSIONS_MAX { known.pop_front() } else { None }
    }
}

impl SessionManager for Sessions {
    type Error = LocalSessionManagerError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let (id, transport) = self.local.create_session().await?;
        if let Some(oldest) = self.take_in(&id) {
            self.local.close_session(&oldest).await?;
        }
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        self.local.initialize_session(id, message).await
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        self.local.has_session(id).await
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.oldest_first().retain(|known| known != id);
        self.local.close_session(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        mut message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let session = self.local.sessions.read().await.get(id).cloned();
        let session =
            session.ok_or_else(|| LocalSessionManagerError::SessionNotFound(id.clone()))?;
        let stream = session.establish_request_wise_channel().await?;
        if let (ClientJsonRpcMessage::Request(request), Some(number)) =
            (&mut message, stream.http_request_id)
        {
            let reply = ReplyStream { session: session.clone(), number };
            request.request.extensions_mut().insert(reply);
        }
        session.push_message(message, stream.http_request_id).await?;
        Ok(Messages(stream.inner))
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), Self::Error> {
        self.local.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.create_standalone_stream(id).await
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.resume(id, last_event_id).await
    }
}
