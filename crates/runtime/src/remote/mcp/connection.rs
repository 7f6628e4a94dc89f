//! One warm connection to a server, shared by the calls under way.
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ainur_primitives::Digest;
use rmcp::model::{
    ClientRequest, ListToolsRequest, PaginatedRequestParams, ProtocolVersion, ServerPeerInfo,
    ServerResult, SubscriptionFilter, Tool,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt, Peer, RoleClient, RunningService,
    ServiceError,
};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use rmcp::transport::{DynamicTransportError, Transport};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::time::{Instant, timeout};

use super::catalog;
use super::client::Client;
use super::guard::{Guarded, Lines, Verdict};
use super::process::{self, Process};
use super::web;
use crate::failure::Failure;
use crate::limits::{
    REMOTE_CALLS_PER_SERVER_MAX, REMOTE_CONNECT_MS_MAX, REMOTE_MESSAGE_BYTES_MAX,
    REMOTE_SEND_MS_MAX, TOOL_PAGES_MAX, TOOLS_AGE_MS_MAX, TOOLS_LIST_MS_MAX, TOOLS_MAX,
};
use crate::remote::Config;
use crate::remote::http::{self, Clients};
use crate::remote::program::{ServerEndpoint, ToolServer};

/// See the module. Dropping the last reference closes it and ends the server if it is a command.
pub(in crate::remote) struct Connection {
    service: RunningService<RoleClient, Client>,
    verdict: Verdict,
    process: Option<Mutex<Process>>,
    tools: AsyncMutex<Option<Arc<Tools>>>,
    subscribed: Arc<AtomicBool>,
    /// As many calls as may be under way at once.
    pub(super) calls: Semaphore,
}

/// What the server offers, as it said when it was asked last.
pub(super) struct Tools {
    generation: u64,
    listed: Instant,
    known: HashMap<String, KnownTool>,
}

/// What is remembered of a tool.
pub(super) struct KnownTool {
    pub(super) digest: Digest,
    /// It has an output schema.
    pub(super) is_structured: bool,
}

impl Tools {
    pub(super) fn get(&self, name: &str) -> Option<&KnownTool> {
        self.known.get(name)
    }
}

/// Connects, in the newest way the server understands.
pub(super) async fn open(
    config: &Config,
    clients: &Clients,
    server: &ToolServer,
) -> Result<Connection, Failure> {
    let automatic = ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
    };
    let started = Instant::now();
    let first = match open_as(config, clients, server, automatic).await {
        Err(Trouble::MayBeOld(failure)) => failure,
        other => return other.map_err(Trouble::into_failure),
    };
    // Some old servers end when the first message is not `initialize`, and slow ones answer it late.
    let left = Duration::from_millis(REMOTE_CONNECT_MS_MAX).saturating_sub(started.elapsed());
    if left.is_zero() {
        return Err(first);
    }
    match open_as(config, clients, server, ClientLifecycleMode::Initialize).await {
        Ok(connection) => Ok(connection),
        Err(_) => Err(first),
    }
}

/// Why there is no connection.
enum Trouble {
    /// Another way of connecting may help.
    MayBeOld(Failure),
    Final(Failure),
}

impl Trouble {
    fn into_failure(self) -> Failure {
        match self {
            Self::MayBeOld(failure) | Self::Final(failure) => failure,
        }
    }
}

async fn open_as(
    config: &Config,
    clients: &Clients,
    server: &ToolServer,
    lifecycle: ClientLifecycleMode,
) -> Result<Connection, Trouble> {
    let verdict = Verdict::default();
    match &server.endpoint {
        ServerEndpoint::Command { .. } => {
            let (process, pipes) =
                process::start(config, &server.endpoint).map_err(Trouble::Final)?;
            let lines = Lines::new(pipes.from, verdict.clone());
            let transport = AsyncRwTransport::new_client(lines, pipes.to)
                .with_max_line_length(REMOTE_MESSAGE_BYTES_MAX + 1);
            let send_max = Duration::from_millis(REMOTE_SEND_MS_MAX);
            let transport = Guarded::new(transport, verdict.clone(), Some(send_max));
            serve(transport, verdict, Some(Mutex::new(process)), lifecycle).await
        }
        ServerEndpoint::Url { url, allow_private } => {
            let transport = web::transport(clients, server, url, *allow_private, verdict.clone())
                .map_err(Trouble::Final)?;
            let transport = Guarded::new(transport, verdict.clone(), None);
            serve(transport, verdict, None, lifecycle).await
        }
    }
}

async fn serve(
    transport: impl Transport<RoleClient> + 'static,
    verdict: Verdict,
    process: Option<Mutex<Process>>,
    lifecycle: ClientLifecycleMode,
) -> Result<Connection, Trouble> {
    let patience = Duration::from_millis(REMOTE_CONNECT_MS_MAX);
    let connecting = Client::default().serve_with_lifecycle(transport, lifecycle);
    match timeout(patience, connecting).await {
        Ok(Ok(service)) => Ok(Connection {
            service,
            verdict,
            process,
            tools: AsyncMutex::default(),
            subscribed: Arc::default(),
            calls: Semaphore::new(REMOTE_CALLS_PER_SERVER_MAX),
        }),
        Ok(Err(error)) => Err(refusal(&error, &verdict, process.as_ref()).await),
        Err(_) => {
            let detail = format!("it did not answer within {REMOTE_CONNECT_MS_MAX} ms");
            Err(Trouble::Final(Failure::crashed(detail)))
        }
    }
}

async fn refusal(
    error: &ClientInitializeError,
    verdict: &Verdict,
    process: Option<&Mutex<Process>>,
) -> Trouble {
    if let Some(failure) = verdict.failure() {
        return Trouble::Final(failure);
    }
    if error.is_authorization_required() {
        let detail = "the server wants a credential, or another one";
        return Trouble::Final(Failure::crashed(detail));
    }
    let failure = match (error, process) {
        (
            ClientInitializeError::ConnectionClosed(_)
            | ClientInitializeError::TransportError { .. },
            Some(process),
        ) => process::obituary(process).await,
        (ClientInitializeError::TransportError { error, .. }, None) => transport_failure(error),
        _ => Failure::crashed(format!("cannot connect: {error}")),
    };
    match error {
        ClientInitializeError::ConnectionClosed(_)
        | ClientInitializeError::NoCompatibleProtocolVersion { .. }
        | ClientInitializeError::TransportError { .. }
        | ClientInitializeError::UncorrelatedErrorResponse { .. }
        | ClientInitializeError::ConflictInitResponseId(..)
        | ClientInitializeError::ExpectedInitResult(_) => Trouble::MayBeOld(failure),
        _ => Trouble::Final(failure),
    }
}

/// What was wrong with a transport.
fn transport_failure(error: &DynamicTransportError) -> Failure {
    let error = error.error.as_ref();
    match error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        Some(StreamableHttpError::Client(error)) => Failure::crashed(http::why_unreachable(error)),
        _ => Failure::crashed(error.to_string()),
    }
}

impl Connection {
    /// The connection is of no use any more.
    pub(super) fn is_closed(&self) -> bool {
        self.service.peer().is_transport_closed() || self.service.is_closed()
    }

    /// Nobody uses it now.
    pub(super) fn is_idle(&self) -> bool {
        self.calls.available_permits() == REMOTE_CALLS_PER_SERVER_MAX
    }

    pub(super) fn peer(&self) -> &Peer<RoleClient> {
        self.service.peer()
    }

    pub(super) fn client(&self) -> &Client {
        self.service.service()
    }

    /// What the server said about itself.
    pub(super) fn information(&self) -> Option<Arc<ServerPeerInfo>> {
        self.service.peer().peer_info()
    }

    /// Why the connection ended, for people.
    pub(super) async fn obituary(&self) -> Failure {
        match (self.verdict.failure(), &self.process) {
            (Some(failure), _) => failure,
            (None, Some(process)) => process::obituary(process).await,
            (None, None) => Failure::crashed("the server closed the connection"),
        }
    }

    /// What a request came to when it got no answer.
    pub(super) async fn trouble(&self, error: &ServiceError) -> Failure {
        match error {
            ServiceError::TransportClosed | ServiceError::Cancelled { .. } => self.obituary().await,
            ServiceError::McpError(error) => {
                Failure::crashed(format!("the server said: {}", error.message))
            }
            ServiceError::TransportSend(error) => match self.verdict.failure() {
                Some(failure) => failure,
                None if self.process.is_some() => self.obituary().await,
                None => transport_failure(error),
            },
            other => Failure::crashed(format!("the server broke the protocol: {other}")),
        }
    }

    /// The tools as they are now: asked for on the first call of a connection, when the server says
    /// that they changed, and when that was long ago.
    pub(super) async fn tools(&self) -> Result<Arc<Tools>, Failure> {
        let mut tools = self.tools.lock().await;
        let generation = self.client().tools_generation();
        if let Some(tools) = &*tools
            && tools.generation == generation
            && tools.listed.elapsed() < Duration::from_millis(TOOLS_AGE_MS_MAX)
        {
            return Ok(Arc::clone(tools));
        }
        let (new, _) = self.list_anew().await?;
        *tools = Some(Arc::clone(&new));
        Ok(new)
    }

    /// Asks for all tools, whatever is known of them, and remembers the answer.
    pub(super) async fn describe(&self) -> Result<Vec<Tool>, Failure> {
        let mut tools = self.tools.lock().await;
        let (new, listed) = self.list_anew().await?;
        *tools = Some(new);
        Ok(listed)
    }

    async fn list_anew(&self) -> Result<(Arc<Tools>, Vec<Tool>), Failure> {
        // First, so that no change is missed.
        self.subscribe().await;
        let generation = self.client().tools_generation();
        let listed = self.list().await?;
        let known = listed.iter().filter_map(|tool| {
            let digest = catalog::digest(tool)?;
            let is_structured = tool.output_schema.is_some();
            Some((tool.name.clone().into_owned(), KnownTool { digest, is_structured }))
        });
        let known = known.collect();
        Ok((Arc::new(Tools { generation, listed: Instant::now(), known }), listed))
    }

    /// Asks for all tools.
    async fn list(&self) -> Result<Vec<Tool>, Failure> {
        let patience = Duration::from_millis(TOOLS_LIST_MS_MAX);
        match timeout(patience, self.list_pages()).await {
            Ok(Ok(tools)) => Ok(tools),
            Ok(Err(error)) => Err(self.trouble(&error).await),
            Err(_) => {
                let detail = format!("it did not list its tools within {TOOLS_LIST_MS_MAX} ms");
                Err(Failure::crashed(detail))
            }
        }
    }

    async fn list_pages(&self) -> Result<Vec<Tool>, ServiceError> {
        let mut tools = Vec::new();
        let mut cursor = None;
        for _ in 0..TOOL_PAGES_MAX {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let request = ClientRequest::ListToolsRequest(ListToolsRequest::with_param(page));
            // Not through the library's cache: it believes the server about how long.
            let answer = self.peer().send_request(request).await?;
            let ServerResult::ListToolsResult(page) = answer else {
                return Err(ServiceError::UnexpectedResponse);
            };
            tools.extend(page.tools);
            if tools.len() >= TOOLS_MAX {
                tools.truncate(TOOLS_MAX);
                break;
            }
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        Ok(tools)
    }

    /// Listens to changes, where that has to be asked for. A server that does not grant it is asked
    /// for its tools [again after a while](TOOLS_AGE_MS_MAX).
    async fn subscribe(&self) {
        let wanted = self.information().is_some_and(|information| {
            !information.protocol_version.has_initialize()
                && information.capabilities.tools.as_ref().and_then(|tools| tools.list_changed)
                    == Some(true)
        });
        if !wanted || self.subscribed.swap(true, Ordering::Relaxed) {
            return;
        }
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        let patience = Duration::from_millis(TOOLS_LIST_MS_MAX);
        let listening = self.peer().listen(filter);
        let Ok(Ok(mut subscription)) = timeout(patience, listening).await else {
            self.subscribed.store(false, Ordering::Relaxed);
            return;
        };
        let (client, subscribed) = (self.client().clone(), Arc::clone(&self.subscribed));
        drop(tokio::spawn(async move {
            while let Ok(Some(_)) = subscription.next().await {
                client.change_tools();
            }
            // What was missed since is not known.
            subscribed.store(false, Ordering::Relaxed);
            client.change_tools();
        }));
    }
}
