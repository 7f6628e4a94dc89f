//! Push notifications: what is asked for is kept for each task, and every update of the task is
//! posted to those who asked.
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_types::{StreamResponse, TaskPushNotificationConfig, error_code};
use axum::http::Uri;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::desk::{Cursor, Visit, Wanted};
use super::error::Error;
use super::handler::{Handler, brief};
use super::limits::{EMBEDDED_BYTES_MAX, PUSH_FIELD_BYTES_MAX, PUSH_RESUMING_MAX, PUSH_RETRY_MS};
use super::market::owner;
use super::version::Version;
use super::{legacy, wire};
use crate::access::Caller;
use crate::http::server::{Calls, Held};
use crate::problem::{Code, Problem};

mod post;
mod store;

use post::Post;
use store::{Kept, Store};

/// A notification to be posted.
#[derive(Clone, PartialEq, Eq)]
pub struct PushDelivery {
    /// Where to: an `https` address that a client gave. Whether it may be reached from here is for
    /// the sender to check.
    pub url: String,
    /// Names and values of headers.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

impl fmt::Debug for PushDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers hold secrets of whoever asked.
        let body = String::from_utf8_lossy(&self.body);
        f.debug_struct("PushDelivery")
            .field("url", &self.url)
            .field("body", &body)
            .finish_non_exhaustive()
    }
}

/// Why a notification was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushFailure {
    /// Trying again may help: no connection, no answer in time, a status of 408, 429 or 5xx.
    #[error("not delivered now")]
    Temporary,
    /// Trying again will not help: an address that may not be reached, another status.
    #[error("not deliverable")]
    Permanent,
}

/// A delivery on its way.
pub type Delivery = Pin<Box<dyn Future<Output = Result<(), PushFailure>> + Send>>;

/// Posts one notification, once. It must end in bounded time and must not block.
pub type Deliver = Arc<dyn Fn(PushDelivery) -> Delivery + Send + Sync>;

/// Who wants to be told, and who tells.
#[derive(Clone)]
pub(super) struct Pushes {
    calls: Arc<Calls>,
    post: Post,
    kept: Arc<Mutex<State>>,
    /// Whose turn it is to write.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct State {
    store: Store,
    followed: BTreeSet<String>,
}

impl Pushes {
    /// Reads what was asked for before.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub(super) fn open(
        calls: Arc<Calls>,
        deliver: Deliver,
        file: Option<PathBuf>,
    ) -> io::Result<Self> {
        let state = State { store: Store::open(file)?, followed: BTreeSet::new() };
        let (post, kept) = (Post::new(deliver), Arc::new(Mutex::new(state)));
        Ok(Self { calls, post, kept, turn: Arc::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is kept, in memory and then on disk, one change after the other.
    async fn change<T>(
        &self,
        change: impl FnOnce(&mut Store) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let turn = self.turn.lock().await;
        let (changed, draft) = {
            let mut state = self.state();
            let changed = change(&mut state.store)?;
            (changed, state.store.draft())
        };
        let failed = |why: String| Error::from(Problem::new(Code::Storage, why));
        if let Some(draft) = draft {
            let written = spawn_blocking(move || draft.write()).await;
            let written = written.map_err(|error| failed(error.to_string()))?;
            written.map_err(|error| failed(format!("not kept: {error}")))?;
        }
        drop(turn);
        Ok(changed)
    }

    /// Refuses what could not be delivered.
    pub(super) fn check(&self, config: &TaskPushNotificationConfig) -> Result<(), Error> {
        let authentication = config.authentication.as_ref();
        let fields = [
            Some(config.url.as_str()),
            config.id.as_deref(),
            config.token.as_deref(),
            authentication.map(|it| it.scheme.as_str()),
            authentication.and_then(|it| it.credentials.as_deref()),
        ];
        for field in fields.into_iter().flatten() {
            if field.len() > PUSH_FIELD_BYTES_MAX || field.chars().any(char::is_control) {
                let message = format!(
                    "a field of the configuration has at most {PUSH_FIELD_BYTES_MAX} printable bytes"
                );
                return Err(Error::invalid(message));
            }
        }
        let uri: Option<Uri> = config.url.parse().ok();
        let authority = uri.as_ref().filter(|uri| uri.scheme_str() == Some("https"));
        let authority = authority.and_then(Uri::authority);
        if authority.is_none_or(|authority| authority.as_str().contains('@')) {
            return Err(Error::invalid("url is an https address without a password"));
        }
        Ok(())
    }

    pub(super) async fn create(
        &self,
        visit: &Visit,
        version: Version,
        task: &str,
        mut config: TaskPushNotificationConfig,
    ) -> Result<TaskPushNotificationConfig, Error> {
        self.check(&config)?;
        task.clone_into(&mut config.task_id);
        config.tenant = None;
        if config.id.as_deref().is_none_or(str::is_empty) {
            config.id = Some(task.to_owned());
        }
        let (base, owner) = (visit.base.clone(), owner(&visit.caller));
        let kept = Kept { config: config.clone(), version, base, owner };
        self.change(move |store| store.put(kept)).await?;
        Ok(config)
    }

    pub(super) fn find(&self, task: &str, id: &str) -> Result<TaskPushNotificationConfig, Error> {
        let id = if id.is_empty() { task } else { id };
        self.list(task)
            .into_iter()
            .find(|config| config.id.as_deref() == Some(id))
            .ok_or_else(|| no_config(id))
    }

    pub(super) fn list(&self, task: &str) -> Vec<TaskPushNotificationConfig> {
        self.kept_for(task).into_iter().map(|kept| kept.config).collect()
    }

    /// Deleting again does nothing.
    pub(super) async fn delete(&self, task: &str, id: &str) -> Result<(), Error> {
        let (task, id) = (task.to_owned(), id.to_owned());
        self.change(move |store| {
            store.delete(&task, &id);
            Ok(())
        })
        .await
    }

    fn kept_for(&self, task: &str) -> Vec<Kept> {
        self.state().store.of(task).to_vec()
    }

    /// Tells of a task from here on, unless that is done already.
    pub(super) fn follow(
        &self,
        handler: &Arc<Handler>,
        visit: &Visit,
        task: &str,
        mut cursor: Cursor,
    ) {
        let (pushes, handler) = (self.clone(), Arc::clone(handler));
        let (visit, task) = (visit.clone(), task.to_owned());
        if cursor.ended {
            tokio::spawn(async move { pushes.end(task).await });
            return;
        }
        if !self.state().followed.insert(task.clone()) {
            return;
        }
        tokio::spawn(async move {
            let told = pushes.tell(&handler, &visit, &task, &mut cursor).await;
            pushes.state().followed.remove(&task);
            let is_over = told.is_ok() || told.is_err_and(|error| error.is_no_task());
            if is_over {
                pushes.end(task).await;
            }
        });
    }

    /// Nothing more is told of a task.
    async fn end(&self, task: String) {
        let ended = self.change(move |store| {
            store.end(&task);
            Ok(())
        });
        // What cannot be written now is found to be over after the next start.
        drop(ended.await);
    }

    /// Goes on where the last process stopped: with every task, but not with all of them at once.
    pub(super) fn resume(&self, handler: &Arc<Handler>) {
        let open = self.state().store.open_tasks();
        let (pushes, handler) = (self.clone(), Arc::clone(handler));
        let places = Arc::new(Semaphore::new(PUSH_RESUMING_MAX));
        tokio::spawn(async move {
            for (task, base) in open {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (pushes, handler) = (pushes.clone(), Arc::clone(&handler));
                tokio::spawn(async move {
                    pushes.take_up(&handler, task, base).await;
                    drop(place);
                });
            }
        });
    }

    async fn take_up(&self, handler: &Arc<Handler>, task: String, base: String) {
        let visit = Visit { caller: Caller::Owner, base };
        loop {
            match handler.clerk.show(&visit, &task, brief()).await {
                // An end that came while nobody told is told now.
                Ok((_, cursor)) => {
                    let cursor = Cursor { ended: false, ..cursor };
                    return self.follow(handler, &visit, &task, cursor);
                }
                Err(error) if error.is_no_task() => return self.end(task).await,
                Err(error) if error.is_passing() && !self.calls.stop.is_stopped() => pause().await,
                // The next start tries again.
                Err(error) => {
                    return tracing::warn!(task, %error, "a task's notifications are not taken up");
                }
            }
        }
    }

    async fn tell(
        &self,
        handler: &Handler,
        visit: &Visit,
        task: &str,
        cursor: &mut Cursor,
    ) -> Result<(), Error> {
        while !cursor.ended {
            let mut heard = cursor.clone();
            let letters = match self.letters(handler, visit, task, &mut heard).await {
                Ok(letters) => letters,
                Err(error) if error.is_passing() && !self.calls.stop.is_stopped() => {
                    pause().await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Rather than to keep what cannot be sent yet, it is asked for again.
            let held: Option<Vec<Held>> = letters.iter().map(|letter| self.weigh(letter)).collect();
            let Some(held) = held else {
                drop(letters);
                pause().await;
                continue;
            };
            *cursor = heard;
            for (kept, bodies) in letters {
                for body in bodies {
                    self.post.send(&kept.holder(), &kept.config, body).await;
                }
            }
            drop(held);
        }
        Ok(())
    }

    /// Waits for news, and writes to everyone who asked for them.
    async fn letters(
        &self,
        handler: &Handler,
        visit: &Visit,
        task: &str,
        cursor: &mut Cursor,
    ) -> Result<Vec<Letter>, Error> {
        let news = handler.clerk.next(visit, task, cursor).await?;
        let mut letters = Vec::new();
        for kept in self.kept_for(task) {
            let bodies = bodies(handler, visit, task, &kept, &news).await?;
            letters.push((kept, bodies));
        }
        Ok(letters)
    }

    /// Takes places for bytes: each body is copied for a try.
    fn weigh(&self, (kept, bodies): &Letter) -> Option<Held> {
        let bytes: usize = bodies.iter().map(Vec::len).sum();
        self.calls.bytes.take(&kept.holder(), 2 * bytes as u64)
    }
}

/// What is posted to whom.
type Letter = (Kept, Vec<Vec<u8>>);

/// Until the node may be less busy.
async fn pause() {
    sleep(Duration::from_millis(PUSH_RETRY_MS)).await;
}

/// What is posted: every update in 1.0; the task as it is then in 0.3.
async fn bodies(
    handler: &Handler,
    visit: &Visit,
    task: &str,
    kept: &Kept,
    news: &[StreamResponse],
) -> Result<Vec<Vec<u8>>, Error> {
    match kept.version {
        Version::Current => {
            Ok(news.iter().map(|update| wire::news(update).to_string().into_bytes()).collect())
        }
        Version::Legacy if news.is_empty() => Ok(Vec::new()),
        Version::Legacy => {
            let wanted = Wanted { history: 0, artifact_bytes: Some(EMBEDDED_BYTES_MAX) };
            let (task, _) = handler.clerk.show(visit, task, wanted).await?;
            Ok(vec![legacy::task(wire::value(&task)).to_string().into_bytes()])
        }
    }
}

fn no_config(id: &str) -> Error {
    Error::new(error_code::TASK_NOT_FOUND, format!("there is no configuration '{id}'"))
}
