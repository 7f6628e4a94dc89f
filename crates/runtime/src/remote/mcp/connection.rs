//! One warm connection to a server, shared by the calls under way.
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
use rmcp::transport::streamable_http_client::StreamableHttpError;
use rmcp::transport::{DynamicTransportError, Transport};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::time::{Instant, timeout};

use super::catalog;
use super::client::Client;
use super::guard::{Guarded, Verdict};
use super::judge::Judge;
use super::lines::Lines;
use super::meter::Meter;
use super::process::{self, Process};
use super::web;
use crate::failure::Failure;
use crate::limits::{
    REMOTE_CALLS_PER_SERVER_MAX, REMOTE_CONNECT_MS_MAX, REMOTE_SEND_MS_MAX, TOOL_NAME_BYTES_MAX,
    TOOL_PAGES_MAX, TOOLS_AGE_MS_MAX, TOOLS_BYTES_MAX, TOOLS_CHANGED_BYTES_MAX, TOOLS_LIST_MS_MAX,
    TOOLS_MAX,
};
use crate::remote::budget::{Account, Held};
use crate::remote::http::{self, Clients};
use crate::remote::program::{ServerEndpoint, ToolServer};
use crate::remote::{Config, weight};

/// See the module. Dropping the last reference closes it and ends the server if it is a command.
pub(in crate::remote) struct Connection {
    service: RunningService<RoleClient, Client>,
    verdict: Verdict,
    process: Option<Mutex<Process>>,
    tools: AsyncMutex<Option<Arc<Tools>>>,
    subscribed: Arc<AtomicBool>,
    /// Who pays for what the server sends.
    pub(super) account: Account,
    /// Pays for all tools the server had, one after the other: the library keeps what it needs of
    /// them as long as there is the connection.
    changed: Mutex<(u64, Held)>,
    /// As many calls as may be under way at once.
    pub(super) calls: Semaphore,
}

/// What the server offers, as it said when it was asked last.
pub(super) struct Tools {
    generation: u64,
    listed: Instant,
    known: HashMap<String, KnownTool>,
}

/// All tools of a server as it describes them, and what pays for them.
pub(super) type Listed = (Vec<Tool>, Held);

/// What is remembered of a tool.
#[derive(PartialEq, Eq)]
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
    account: Account,
    server: &ToolServer,
) -> Result<Connection, Failure> {
    let automatic = ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
    };
    let started = Instant::now();
    let first = match open_as(config, clients, &account, server, automatic).await {
        Err(Trouble::MayBeOld(failure)) => failure,
        other => return other.map_err(Trouble::into_failure),
    };
    // Some old servers end when the first message is not `initialize`, and slow ones answer it late.
    let left = Duration::from_millis(REMOTE_CONNECT_MS_MAX).saturating_sub(started.elapsed());
    if left.is_zero() {
        return Err(first);
    }
    match open_as(config, clients, &account, server, ClientLifecycleMode::Initialize).await {
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
    account: &Account,
    server: &ToolServer,
    lifecycle: ClientLifecycleMode,
) -> Result<Connection, Trouble> {
    let (verdict, meter, account) = (Verdict::default(), Meter::default(), account.clone());
    match &server.endpoint {
        ServerEndpoint::Command { .. } => {
            let (process, pipes) =
                process::start(config, &server.endpoint).map_err(Trouble::Final)?;
            let (from, to, held) = (pipes.from, pipes.to, account.open());
            let transport = Lines::new(from, to, verdict.clone(), meter.clone(), held);
            let send_max = Duration::from_millis(REMOTE_SEND_MS_MAX);
            let transport = Guarded::new(transport, verdict.clone(), meter, Some(send_max));
            serve(transport, verdict, account, Some(Mutex::new(process)), lifecycle).await
        }
        ServerEndpoint::Url { url, allow_private } => {
            let judge = Judge::new(verdict.clone(), meter.clone(), account.clone());
            let transport = web::transport(clients, server, url, *allow_private, judge)
                .map_err(Trouble::Final)?;
            let transport = Guarded::new(transport, verdict.clone(), meter, None);
            serve(transport, verdict, account, None, lifecycle).await
        }
    }
}

async fn serve(
    transport: impl Transport<RoleClient> + 'static,
    verdict: Verdict,
    account: Account,
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
            changed: Mutex::new((0, account.open())),
            account,
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
        self.service.peer().is_transport_closed() || self.service.is_closed() || self.is_worn()
    }

    /// Its tools changed so often that what is kept of them is too much.
    fn is_worn(&self) -> bool {
        let changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.0 > TOOLS_CHANGED_BYTES_MAX
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
        let (new, _) = self.list_anew(tools.as_deref()).await?;
        *tools = Some(Arc::clone(&new));
        Ok(new)
    }

    /// Asks for all tools, whatever is known of them, and remembers the answer.
    pub(super) async fn describe(&self) -> Result<Listed, Failure> {
        let mut tools = self.tools.lock().await;
        let (new, listed) = self.list_anew(tools.as_deref()).await?;
        *tools = Some(new);
        Ok(listed)
    }

    async fn list_anew(&self, before: Option<&Tools>) -> Result<(Arc<Tools>, Listed), Failure> {
        // First, so that no change is missed.
        self.subscribe().await;
        let generation = self.client().tools_generation();
        let (listed, held, weight) = self.list().await?;
        let known = listed.iter().filter_map(|tool| {
            if tool.name.len() > TOOL_NAME_BYTES_MAX {
                return None;
            }
            let digest = catalog::digest(tool)?;
            let is_structured = tool.output_schema.is_some();
            Some((tool.name.clone().into_owned(), KnownTool { digest, is_structured }))
        });
        let known = known.collect();
        if before.is_none_or(|before| before.known != known) {
            let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
            changed.0 += weight;
            changed.1.grow(weight)?;
        }
        let tools = Tools { generation, listed: Instant::now(), known };
        Ok((Arc::new(tools), (listed, held)))
    }

    /// Asks for all tools, and says what they take in memory.
    async fn list(&self) -> Result<(Vec<Tool>, Held, u64), Failure> {
        let patience = Duration::from_millis(TOOLS_LIST_MS_MAX);
        timeout(patience, self.list_pages()).await.unwrap_or_else(|_| {
            let detail = format!("it did not list its tools within {TOOLS_LIST_MS_MAX} ms");
            Err(Failure::crashed(detail))
        })
    }

    async fn list_pages(&self) -> Result<(Vec<Tool>, Held, u64), Failure> {
        let mut tools = Vec::new();
        let (mut held, mut bytes, mut weight) = (self.account.open(), 0, 0);
        let mut cursor = None;
        for _ in 0..TOOL_PAGES_MAX {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let request = ClientRequest::ListToolsRequest(ListToolsRequest::with_param(page));
            // Not through the library's cache: it believes the server about how long.
            let answer = match self.peer().send_request(request).await {
                Ok(ServerResult::ListToolsResult(page)) => page,
                Ok(_) => return Err(self.trouble(&ServiceError::UnexpectedResponse).await),
                Err(error) => return Err(self.trouble(&error).await),
            };
            let (page_bytes, page_weight) =
                weight::of_value(&(&answer.tools, answer.next_cursor.as_deref()));
            (bytes, weight) = (bytes + page_bytes, weight + page_weight);
            if bytes > TOOLS_BYTES_MAX {
                let detail = format!("its tools take more than {TOOLS_BYTES_MAX} bytes together");
                return Err(Failure::limit(detail));
            }
            held.grow(page_weight)?;
            tools.extend(answer.tools);
            if tools.len() >= TOOLS_MAX {
                tools.truncate(TOOLS_MAX);
                break;
            }
            match answer.next_cursor {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        Ok((tools, held, weight))
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
