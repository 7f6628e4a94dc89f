//! Who answers messages: the market, or the fixtures of the conformance tests.
//!
//! Both do the same few things; every protocol version and binding stands on these.
use a2a_types::{
    ListTasksRequest, ListTasksResponse, Message, SendMessageRequest, StreamResponse, Task,
};

use super::conformance::Fixtures;
use super::error::Error;
use super::market::Market;
use crate::access::Caller;

/// Who answers messages, chosen when the server starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Desk {
    /// A message becomes a task that is bought on the market.
    #[default]
    Market,
    /// The id of a message says how it is answered, as the A2A conformance tests ask for.
    Conformance,
}

/// Who asks, and under which address the server was reached.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) caller: Caller,
    /// Scheme and authority, such as `http://localhost:7117`.
    pub(super) base: String,
}

/// How much of a task is to be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The newest so many messages.
    pub(super) history: usize,
    /// Outputs, up to so many bytes in place.
    pub(super) artifact_bytes: Option<u64>,
}

/// What came of a message.
#[derive(Debug)]
pub(super) enum Opened {
    /// A task, and where its news begin.
    Task(Box<Task>, Cursor),
    /// An answer without a task.
    Message(Message),
}

/// How far a task has been told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The context of the task.
    pub(super) context: String,
    /// Events up to this number are known.
    pub(super) after: u32,
    /// Work has been agreed on.
    pub(super) working: bool,
    /// Nothing follows.
    pub(super) ended: bool,
}

impl Cursor {
    /// For a task that has nothing more to tell.
    pub(super) fn at_end(task: &Task) -> Self {
        Self { context: task.context_id.clone(), after: 0, working: false, ended: true }
    }
}

/// The one who answers.
pub(super) enum Clerk {
    Market(Market),
    Fixtures(Fixtures),
}

impl Clerk {
    /// Takes a message: a new task, or word on an old one.
    pub(super) async fn take(
        &self,
        visit: &Visit,
        request: SendMessageRequest,
        wanted: Wanted,
    ) -> Result<Opened, Error> {
        match self {
            Self::Market(market) => market.take(visit, request, wanted).await,
            Self::Fixtures(fixtures) => fixtures.take(visit, &request, wanted),
        }
    }

    /// A task as it is, and where its news begin.
    pub(super) async fn show(
        &self,
        visit: &Visit,
        task: &str,
        wanted: Wanted,
    ) -> Result<(Task, Cursor), Error> {
        match self {
            Self::Market(market) => market.show(visit, task, wanted).await,
            Self::Fixtures(fixtures) => fixtures.show(visit, task, wanted),
        }
    }

    /// The same for whoever has just paid and waited.
    pub(super) async fn show_bought(
        &self,
        visit: &Visit,
        task: &str,
        wanted: Wanted,
    ) -> Result<Task, Error> {
        match self {
            Self::Market(market) => {
                market.show_bought(visit, task, wanted).await.map(|(task, _)| task)
            }
            Self::Fixtures(fixtures) => fixtures.show(visit, task, wanted).map(|(task, _)| task),
        }
    }

    /// Waits for the next news of a task.
    pub(super) async fn next(
        &self,
        visit: &Visit,
        task: &str,
        cursor: &mut Cursor,
    ) -> Result<Vec<StreamResponse>, Error> {
        match self {
            Self::Market(market) => market.next(visit, task, cursor).await,
            Self::Fixtures(fixtures) => fixtures.next(visit, task, cursor).await,
        }
    }

    /// Tasks of this caller, newest first.
    pub(super) async fn list(
        &self,
        visit: &Visit,
        request: ListTasksRequest,
    ) -> Result<ListTasksResponse, Error> {
        match self {
            Self::Market(market) => market.list(visit, request).await,
            Self::Fixtures(fixtures) => fixtures.list(visit, &request),
        }
    }

    /// Cancels a task and shows it.
    pub(super) async fn cancel(
        &self,
        visit: &Visit,
        task: &str,
        wanted: Wanted,
    ) -> Result<Task, Error> {
        match self {
            Self::Market(market) => market.cancel(visit, task, wanted).await,
            Self::Fixtures(fixtures) => fixtures.cancel(visit, task, wanted),
        }
    }
}
