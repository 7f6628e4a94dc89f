//! Our end of a connection: what a server may tell us, and that it may ask us for nothing.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::ErrorData;
use rmcp::handler::client::ClientHandler;
use rmcp::model::{
    ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ErrorCode, Implementation,
    ProgressNotificationParam, ProgressToken,
};
use rmcp::service::{NotificationContext, RequestContext, RoleClient};
use tokio::sync::watch;

/// How far a call is, by the server's account: so much is done, of this if it said.
pub(super) type Progress = (f64, Option<f64>);

/// See the module. Clones share everything.
#[derive(Clone, Default)]
pub(super) struct Client {
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Counts how often the server said that its tools changed.
    tools_changed: AtomicU64,
    /// Calls under way, which are as many as there may be calls.
    calls: Mutex<HashMap<ProgressToken, watch::Sender<Progress>>>,
}

impl Client {
    /// A number that is another one when the tools may have changed.
    pub(super) fn tools_generation(&self) -> u64 {
        self.state.tools_changed.load(Ordering::Acquire)
    }

    /// The tools may have changed.
    pub(super) fn change_tools(&self) {
        self.state.tools_changed.fetch_add(1, Ordering::AcqRel);
    }

    /// Listens to the progress of a call until the returned value is dropped.
    pub(super) fn follow(&self, token: ProgressToken) -> Following {
        let (sender, progress) = watch::channel((0.0, None));
        self.calls().insert(token.clone(), sender);
        Following { client: self.clone(), token, progress }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<ProgressToken, watch::Sender<Progress>>> {
        self.state.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The progress of one call.
pub(super) struct Following {
    client: Client,
    token: ProgressToken,
    pub(super) progress: watch::Receiver<Progress>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.client.calls().remove(&self.token);
    }
}

fn refused(what: &str) -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("this client offers no {what}"), None)
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let this = Implementation::new("ainur", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), this)
    }

    // Sampling is refused by the default implementation; these two are not.
    #[expect(deprecated, reason = "roots are, and still have to be refused")]
    async fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> Result<rmcp::model::ListRootsResult, ErrorData> {
        Err(refused("roots"))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Err(refused("elicitation"))
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        if let Some(call) = self.calls().get(&progress.progress_token) {
            call.send_replace((progress.progress, progress.total));
        }
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.change_tools();
    }
}
