//! The connections that are kept, by server.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::connection::{self, Connection};
use crate::failure::Failure;
use crate::limits::{REMOTE_CONNECT_SURE_MS, REMOTE_CONNECTIONS_MAX};
use crate::remote::Config;
use crate::remote::budget::{Account, Budget};
use crate::remote::http::Clients;
use crate::remote::program::ToolServer;

/// See the module.
pub(in crate::remote) struct Connections {
    shared: Arc<Shared>,
    slots: Mutex<HashMap<ToolServer, Slot>>,
}

struct Shared {
    config: Config,
    clients: Arc<Clients>,
    budget: Budget,
    /// A server's account outlives its connections: one that breaks them gets no more by it.
    accounts: Mutex<HashMap<ToolServer, Account>>,
}

impl Shared {
    fn account(&self, server: &ToolServer) -> Account {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|other, account| other == server || !account.is_empty());
        accounts.entry(server.clone()).or_insert_with(|| self.budget.account()).clone()
    }
}

type Outcome = Option<Result<Arc<Connection>, Failure>>;

struct Slot {
    outcome: watch::Receiver<Outcome>,
    connecting: AbortHandle,
    begun: Instant,
    last_used: Instant,
}

impl Slot {
    /// It is there or on its way.
    fn is_good(&self) -> bool {
        match &*self.outcome.borrow() {
            None => self.outcome.has_changed().is_ok(),
            Some(Ok(connection)) => !connection.is_closed(),
            Some(Err(_)) => false,
        }
    }

    fn is_idle(&self) -> bool {
        match &*self.outcome.borrow() {
            None => false,
            Some(Ok(connection)) => connection.is_idle(),
            Some(Err(_)) => true,
        }
    }

    /// It has been on its way for long: whoever hangs must not keep others out.
    fn is_late(&self) -> bool {
        self.outcome.borrow().is_none()
            && self.begun.elapsed() >= Duration::from_millis(REMOTE_CONNECT_SURE_MS)
    }
}

impl Connections {
    pub(in crate::remote) fn new(config: Config, clients: Arc<Clients>, budget: Budget) -> Self {
        let shared = Arc::new(Shared { config, clients, budget, accounts: Mutex::default() });
        Self { shared, slots: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ToolServer, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to a server, made if there is none. Whoever asks meanwhile waits for the same.
    pub(super) async fn get(&self, server: &ToolServer) -> Result<Arc<Connection>, Failure> {
        let mut outcome = self.slot(server)?;
        let outcome = outcome.wait_for(Option::is_some).await;
        match outcome.as_deref() {
            Ok(Some(result)) => result.clone(),
            Ok(None) | Err(_) => Err(Failure::infrastructure("connecting was given up")),
        }
    }

    fn slot(&self, server: &ToolServer) -> Result<watch::Receiver<Outcome>, Failure> {
        let mut slots = self.lock();
        if let Some(slot) = slots.get_mut(server).filter(|slot| slot.is_good()) {
            slot.last_used = Instant::now();
            return Ok(slot.outcome.clone());
        }
        drop(slots.remove(server));
        if slots.len() >= REMOTE_CONNECTIONS_MAX {
            let idle = slots.iter().filter(|(_, slot)| slot.is_idle());
            let late = slots.iter().filter(|(_, slot)| slot.is_late());
            let longest_idle = idle.min_by_key(|(_, slot)| slot.last_used);
            let given_up = longest_idle.or_else(|| late.min_by_key(|(_, slot)| slot.begun));
            let Some(given_up) = given_up.map(|(server, _)| server.clone()) else {
                let most = REMOTE_CONNECTIONS_MAX;
                let detail = format!("{most} remote agents are busy: no more at once");
                return Err(Failure::infrastructure(detail));
            };
            if let Some(slot) = slots.remove(&given_up) {
                slot.connecting.abort();
            }
        }
        let (sender, outcome) = watch::channel(None);
        let (shared, wanted) = (Arc::clone(&self.shared), server.clone());
        // A task of its own: whoever asked first may lose interest before the others do.
        let connecting = tokio::spawn(async move {
            let Shared { config, clients, .. } = &*shared;
            let account = shared.account(&wanted);
            let opened = connection::open(config, clients, account, &wanted).await;
            // Nobody may wait any more; then it ends here.
            drop(sender.send(Some(opened.map(Arc::new))));
        });
        let slot = Slot {
            outcome: outcome.clone(),
            connecting: connecting.abort_handle(),
            begun: Instant::now(),
            last_used: Instant::now(),
        };
        slots.insert(server.clone(), slot);
        Ok(outcome)
    }

    /// Does not use this connection again.
    pub(super) fn forget(&self, server: &ToolServer, connection: &Arc<Connection>) {
        let mut slots = self.lock();
        let is_same = slots.get(server).is_some_and(|slot| {
            matches!(&*slot.outcome.borrow(), Some(Ok(kept)) if Arc::ptr_eq(kept, connection))
        });
        if is_same {
            slots.remove(server);
        }
    }

    /// Closes what broke, and what was not used for a while.
    pub(in crate::remote) fn sweep(&self) {
        let now = Instant::now();
        let idle_max = Duration::from_millis(self.shared.config.idle_ms_max);
        self.lock().retain(|_, slot| {
            if !slot.is_idle() {
                slot.last_used = now;
            }
            slot.is_good() && now.duration_since(slot.last_used) < idle_max
        });
    }

    /// Closes everything.
    pub(in crate::remote) fn close(&self) {
        for (_, slot) in self.lock().drain() {
            slot.connecting.abort();
        }
    }
}
