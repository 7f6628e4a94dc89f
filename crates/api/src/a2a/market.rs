//! Messages as orders: each becomes a task that is bought under its sender's budget.
//!
//! Nothing waits on a thread: the service is asked to tell when there is news, and a message that
//! was sent twice finds the task of the first.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use a2a_types::{
    ListTasksRequest, ListTasksResponse, Message, SendMessageRequest, StreamResponse, Task,
    error_code,
};
use ainur_crypto::hash;
use ainur_primitives::TaskId;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::desk::{Cursor, Opened, Visit, Wanted};
use super::error::{Error, unexpected};
use super::limits::{BUSY_RETRIES_MAX, BUSY_RETRY_MS, CANCEL_MS_MAX};
use super::offers::offers;
use crate::access::Caller;
use crate::http::server::{Calls, Lane};
use crate::operation::{Operation, Reply};
use crate::problem::{Code, Problem};
use crate::service::Service;
use crate::view::TaskNews;

mod list;
pub(super) mod order;
mod picture;
mod rejected;

use order::{Identity, Input, Metadata, Order, Unread};
use rejected::Rejected;

/// The market as A2A sees it.
pub(super) struct Market {
    calls: Arc<Calls>,
    rejected: Mutex<Rejected>,
}

/// What came of an order.
enum Bought {
    Task(TaskId),
    Rejected(String),
}

impl Market {
    pub(super) fn new(calls: Arc<Calls>) -> Self {
        Self { calls, rejected: Mutex::default() }
    }

    /// Runs a call of the service; the problem it ends with becomes an error.
    async fn run<T: Send + 'static>(
        &self,
        visit: &Visit,
        lane: Lane,
        call: impl FnOnce(&dyn Service) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Error> {
        Ok(self.calls.run(&visit.caller, lane, call).await??)
    }

    pub(super) async fn take(
        &self,
        visit: &Visit,
        request: SendMessageRequest,
        wanted: Wanted,
    ) -> Result<Opened, Error> {
        order::check(&request.message)?;
        if let Some(task) = request.message.task_id.clone().filter(|task| !task.is_empty()) {
            let (task, cursor) = self.hear(visit, &task, &request.message, wanted).await?;
            return Ok(Opened::Task(Box::new(task), cursor));
        }
        let message = request.message.clone();
        let per_task = visit.caller.per_task();
        let bought = self.calls.run(&visit.caller, Lane::Blob, move |service| {
            let around = request.metadata.as_ref();
            if let Some(task) = bought_before(service, &request.message, around)? {
                return Ok(Bought::Task(task));
            }
            let offers = offers(service)?;
            match Order::read(&request.message, around, &offers, per_task) {
                Ok(order) => buy(service, order),
                Err(Unread::Rejected(why)) => Ok(Bought::Rejected(why)),
                Err(Unread::Malformed(error)) => Err(error),
            }
        });
        match bought.await?? {
            Bought::Task(task) => {
                let (task, cursor) = self.show_bought(visit, &task.to_string(), wanted).await?;
                Ok(Opened::Task(Box::new(task), cursor))
            }
            Bought::Rejected(why) => {
                let task = picture::rejection(rejection_id(visit, &message), &message, why);
                let (caller, kept) = (&visit.caller, task.clone());
                self.rejected().keep(&caller.holder(), owner(caller), kept);
                let cursor = Cursor::at_end(&task);
                Ok(Opened::Task(Box::new(task), cursor))
            }
        }
    }

    /// Takes the buyer's word on a task that waits for it; other messages have nowhere to go.
    async fn hear(
        &self,
        visit: &Visit,
        text: &str,
        message: &Message,
        wanted: Wanted,
    ) -> Result<(Task, Cursor), Error> {
        let (task, _) = self.show(visit, text, wanted).await?;
        let given = message.context_id.as_deref().filter(|context| !context.is_empty());
        if given.is_some_and(|context| context != task.context_id) {
            return Err(Error::invalid("message.contextId is not that of the task"));
        }
        if task.status.state.is_terminal() {
            return Err(Error::unsupported(format!("the task '{text}' has ended")));
        }
        let Some((accept, reason)) = order::word(message) else {
            return Err(Error::unsupported(
                "a running task takes no further messages but the buyer's word on its result, a \
                 data part {\"accept\": true}",
            ));
        };
        let decide = Operation::TaskDecide { task: text.to_owned(), accept, reason };
        self.run(visit, Lane::Prompt, move |service| service.perform(decide).map(drop))
            .await
            .map_err(|error| match error.code {
                error_code::INVALID_PARAMS => Error::unsupported(error.to_string()),
                _ => error,
            })?;
        self.show(visit, text, wanted).await
    }

    pub(super) async fn show(
        &self,
        visit: &Visit,
        text: &str,
        wanted: Wanted,
    ) -> Result<(Task, Cursor), Error> {
        if let Some(mut task) = self.rejected().find(&owner(&visit.caller), text) {
            if wanted.history == 0 {
                task.history = None;
            }
            let cursor = Cursor::at_end(&task);
            return Ok((task, cursor));
        }
        let task: TaskId = text.parse().map_err(|_| Error::no_task(text))?;
        let visit_there = visit.clone();
        self.run(visit, Lane::Prompt, move |service| {
            picture::look(service, task, &visit_there, wanted)
        })
        .await
        .map_err(|error| if error.is_no_task() { Error::no_task(text) } else { error })
    }

    /// The same for whoever has just paid: a busy node is no reason to lose sight of the task.
    pub(super) async fn show_bought(
        &self,
        visit: &Visit,
        text: &str,
        wanted: Wanted,
    ) -> Result<(Task, Cursor), Error> {
        self.patiently(|| self.show(visit, text, wanted)).await
    }

    pub(super) async fn next(
        &self,
        visit: &Visit,
        text: &str,
        cursor: &mut Cursor,
    ) -> Result<Vec<StreamResponse>, Error> {
        let task: TaskId = text.parse().map_err(|_| Error::no_task(text))?;
        let news = self.hear_news(visit, task, cursor.after).await?;
        let wanted = Wanted { history: 0, artifact_bytes: Some(super::limits::EMBEDDED_BYTES_MAX) };
        let mut updates: Vec<_> =
            news.events.iter().filter_map(|event| picture::update(task, event, cursor)).collect();
        if news.phase.is_final() {
            let (ended, _) = self.show_bought(visit, text, wanted).await?;
            cursor.ended = true;
            updates.extend(picture::last_updates(ended));
        }
        Ok(updates)
    }

    /// Waits until the service tells of something.
    async fn hear_news(&self, visit: &Visit, task: TaskId, after: u32) -> Result<TaskNews, Error> {
        let (told, waiting) = self
            .patiently(|| {
                let (tell, told) = oneshot::channel();
                let watching = self.run(visit, Lane::Prompt, move |service| {
                    // Who does not listen any more misses nothing.
                    let tell = Box::new(move |news| drop(tell.send(news)));
                    service.watch(&task.to_string(), after, tell)
                });
                async move { Ok((told, watching.await?)) }
            })
            .await?;
        let stopping = || Error::from(Problem::new(Code::Busy, "the node is stopping"));
        let news = tokio::select! {
            news = told => news.map_err(|_| stopping())?,
            () = self.calls.stop.stopped() => return Err(stopping()),
        };
        drop(waiting);
        Ok(news?)
    }

    /// Does something again while the node is busy: a stream that is open already has no better
    /// answer to that.
    async fn patiently<T, F: Future<Output = Result<T, Error>>>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let mut tries_left = BUSY_RETRIES_MAX;
        loop {
            match call().await {
                Err(error)
                    if error.is_busy() && tries_left > 0 && !self.calls.stop.is_stopped() =>
                {
                    tries_left -= 1;
                    sleep(Duration::from_millis(BUSY_RETRY_MS)).await;
                }
                result => return result,
            }
        }
    }

    pub(super) async fn cancel(
        &self,
        visit: &Visit,
        text: &str,
        wanted: Wanted,
    ) -> Result<Task, Error> {
        use a2a_types::TaskState;
        let (task, mut cursor) = self.show(visit, text, wanted).await?;
        let too_late = || {
            let message = format!("the task '{text}' cannot be cancelled any more");
            Error::new(error_code::TASK_NOT_CANCELABLE, message)
        };
        match task.status.state {
            // Cancelling again has the same effect as cancelling once.
            TaskState::Canceled => return Ok(task),
            state if state.is_terminal() => return Err(too_late()),
            _ => {}
        }
        let cancel = Operation::TaskCancel { task: text.to_owned() };
        let cancelled = self
            .calls
            .run(&visit.caller, Lane::Prompt, move |service| service.perform(cancel).map(drop));
        match cancelled.await? {
            Ok(()) => {}
            Err(problem) if matches!(problem.code, Code::Conflict | Code::InvalidRequest) => {
                return Err(too_late());
            }
            Err(problem) => return Err(problem.into()),
        }
        let ended = async {
            while !cursor.ended {
                self.next(visit, text, &mut cursor).await?;
            }
            Ok::<(), Error>(())
        };
        // A task whose money is still on its way back is shown as it is.
        if let Ok(ended) = timeout(Duration::from_millis(CANCEL_MS_MAX), ended).await {
            ended?;
        }
        Ok(self.show(visit, text, wanted).await?.0)
    }

    pub(super) async fn list(
        &self,
        visit: &Visit,
        request: ListTasksRequest,
    ) -> Result<ListTasksResponse, Error> {
        let query = list::Query::read(request)?;
        let visit_there = visit.clone();
        self.run(visit, Lane::Prompt, move |service| query.answer(service, &visit_there)).await
    }

    fn rejected(&self) -> std::sync::MutexGuard<'_, Rejected> {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores the input and announces the task.
/// What the same message bought before. What is on offer by now does not matter.
fn bought_before(
    service: &dyn Service,
    message: &Message,
    around: Option<&Metadata>,
) -> Result<Option<TaskId>, Error> {
    let Identity { key, digest } = Identity::read(message, around)?;
    let find = Operation::TaskFind { idempotency_key: key, request_digest: digest };
    match service.perform(find)? {
        Reply::TaskFound { task } => Ok(task),
        _ => Err(unexpected().into()),
    }
}

fn buy(service: &dyn Service, mut order: Order) -> Result<Bought, Error> {
    let input = match order.input.take() {
        None => None,
        Some(Input::Stored(content)) => Some(content),
        Some(Input::Bytes(bytes)) => Some(service.put_blob(&mut bytes.as_slice())?.0),
    };
    match service.perform(Operation::TaskRun(order.into_request(input))) {
        Ok(Reply::TaskAnnounced { task }) => Ok(Bought::Task(task)),
        Ok(Reply::Task(task)) => Ok(Bought::Task(task.id)),
        Ok(_) => Err(unexpected().into()),
        Err(problem) if picture::is_rejection(&problem) => {
            let advice = match problem.next_step.as_str() {
                "" => String::new(),
                next => format!("; {next}"),
            };
            Ok(Bought::Rejected(format!("not bought: {}{advice}", problem.message)))
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Whose a rejected message is: the name of a token, or nobody's for the operator.
pub(super) fn owner(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Owner => None,
        Caller::Client { client, .. } => Some(client.name.clone()),
    }
}

/// The same message is rejected under the same id.
fn rejection_id(visit: &Visit, message: &Message) -> String {
    let owner = owner(&visit.caller).unwrap_or_default();
    let parts = [owner.as_bytes(), message.message_id.as_bytes()];
    hash::tagged("ainur/a2a/rejected/v1", &parts).to_string()
}
