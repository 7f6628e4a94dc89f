//! ainur as an MCP server: what agents on the market can do, as tools for a model.
//!
//! Every capability is a tool. A call becomes a task that is bought on the market under [`Terms`]:
//! the call's own price limit, and a budget the ledger enforces for all calls together. The answer
//! comes when the work was accepted and paid, or when the money is back; a client that understands
//! tasks (`io.modelcontextprotocol/tasks`) gets the task in hand when that takes longer. Outputs of
//! tasks are resources. Versions 2026-07-28 (stateless) and those before (with `initialize`) are
//! served alike by the official SDK, over standard input and output ([`McpServer::serve_stdio`]) or
//! streamable HTTP (`/mcp` of a running node, where the token's budget sets the terms).
use std::sync::Arc;

use ainur_primitives::{Amount, BudgetId, DurationMs, TraceContext};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, GetTaskParams, GetTaskResult,
    Implementation, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};

use crate::access::Caller;
use crate::http::server::{Calls, Held, Lane};
use crate::problem::{Code, Problem};
use crate::service::Service;
use crate::trace;

pub mod conformance;
pub(crate) mod http;
mod purchase;
mod resource;
mod task;
mod tool;

use purchase::Purchase;

/// What a client may spend.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The most one call may cost; a call may lower it by `_meta["ainur/reserve"]`.
    pub reserve: Amount,
    /// What all calls draw on; the node's account alone when absent.
    pub budget: Option<BudgetId>,
    /// How long a call may take; the node's default when absent.
    pub deadline: Option<DurationMs>,
}

/// One MCP server over a node.
#[derive(Clone)]
pub struct McpServer {
    way: Way,
    terms: Terms,
    /// Where calls belong in a trace that do not say so themselves.
    trace: Option<TraceContext>,
}

/// How the node is reached.
#[derive(Clone)]
enum Way {
    /// By one client alone.
    Alone(Arc<dyn Service>),
    /// Among others, who have places too.
    Among(Arc<Calls>, Caller),
}

impl McpServer {
    /// A server that buys under these terms.
    pub fn new(service: Arc<dyn Service>, terms: Terms) -> Self {
        Self { way: Way::Alone(service), terms, trace: None }
    }

    /// The same for one caller of a server, while its request is answered.
    fn among(calls: Arc<Calls>, caller: Caller, terms: Terms) -> Self {
        Self { way: Way::Among(calls, caller), terms, trace: trace::current() }
    }

    /// Serves one client on standard input and output until it hangs up.
    ///
    /// # Errors
    /// When the client does not speak MCP, or the system gives no threads.
    pub fn serve_stdio(self) -> Result<(), Problem> {
        let failed =
            |error: &dyn std::error::Error| Problem::new(Code::Internal, error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        runtime.block_on(async {
            let running = self
                .serve(rmcp::transport::stdio())
                .await
                .map_err(|error| Problem::new(Code::InvalidRequest, error.to_string()))?;
            running.waiting().await.map(drop).map_err(|error| failed(&error))
        })
    }

    /// Runs what blocks on a thread of its own, in a place of its kind where there are others.
    async fn blocking<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&dyn Service) -> Result<T, ErrorData> + Send + 'static,
    ) -> Result<T, ErrorData> {
        match &self.way {
            Way::Alone(service) => {
                let service = Arc::clone(service);
                tokio::task::spawn_blocking(move || work(&*service))
                    .await
                    .map_err(|error| ErrorData::internal_error(error.to_string(), None))?
            }
            Way::Among(calls, caller) => calls
                .run(caller, lane, work)
                .await
                .map_err(|refusal| refused(&refusal.into_problem()))?,
        }
    }

    /// The same, tried again while there is no place: for what was paid for.
    async fn patiently<T: Send + 'static, W>(&self, work: impl Fn() -> W) -> Result<T, ErrorData>
    where
        W: FnOnce(&dyn Service) -> Result<T, ErrorData> + Send + 'static,
    {
        match &self.way {
            Way::Alone(_) => self.blocking(Lane::Prompt, work()).await,
            Way::Among(calls, caller) => calls
                .patiently(|| calls.run(caller, Lane::Prompt, work()))
                .await
                .map_err(|refusal| refused(&refusal.into_problem()))?,
        }
    }

    /// A place for a call that is followed to its end.
    fn place(&self) -> Result<Option<Held>, Problem> {
        let Way::Among(calls, caller) = &self.way else { return Ok(None) };
        calls.streams.take(&caller.holder(), 1).map(Some).ok_or_else(|| {
            let message = "too many calls and streams are followed (STREAMS_MAX)";
            Problem::new(Code::LimitReached, message).next("try again when some have ended")
        })
    }

    /// Why nothing more is told: the node stops, or the caller's token is not good any more.
    async fn over(&self) -> Problem {
        let Way::Among(calls, caller) = &self.way else { return std::future::pending().await };
        tokio::select! {
            () = calls.stop.stopped() => Problem::new(Code::Busy, "the node is stopping"),
            lapsed = calls.lapsed(caller) => lapsed,
        }
    }
}

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_resources().enable_tasks().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("ainur", env!("CARGO_PKG_VERSION")))
            .with_instructions(format!(
                "Each tool is a capability that independent agents compete to provide. A call is \
                 bought for at most {} AINU; it is paid only when the result is accepted, and \
                 refunded otherwise. Large or binary results are resources.",
                self.terms.reserve.to_ainu()
            ))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.blocking(Lane::Prompt, tool::all).await?;
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Purchase { server: self, request, context: &context }.make().await
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.blocking(Lane::Prompt, move |service| task::get(service, &request.task_id)).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.blocking(Lane::Prompt, move |service| task::cancel(service, &request.task_id)).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        self.blocking(Lane::Prompt, move |service| resource::list(service, cursor.as_deref())).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let found =
            self.blocking(Lane::Blob, move |service| resource::read(service, &request.uri)).await?;
        Ok(found.into())
    }
}

/// A problem that is the protocol's business rather than a tool's: nothing was bought.
fn refused(problem: &Problem) -> ErrorData {
    let message = match problem.next_step.as_str() {
        "" => problem.message.clone(),
        next => format!("{}; {next}", problem.message),
    };
    match problem.code {
        Code::InvalidRequest | Code::UnknownCapability | Code::NotFound | Code::InvalidAgent => {
            ErrorData::invalid_params(message, None)
        }
        Code::Unauthorized
        | Code::Forbidden
        | Code::Conflict
        | Code::NoBidder
        | Code::InsufficientFunds
        | Code::BudgetExceeded
        | Code::LimitReached => ErrorData::invalid_request(message, None),
        Code::Busy | Code::Corrupted | Code::Storage | Code::Internal => {
            ErrorData::internal_error(message, None)
        }
    }
}
