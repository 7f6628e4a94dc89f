//! The one trait behind every way in.
use std::io::{Read, Write};
use std::sync::Arc;

use ainur_primitives::ContentId;

use crate::access::Client;
use crate::http::Token;
use crate::operation::{Operation, Reply};
use crate::problem::Problem;
use crate::view::TaskNews;

/// Something that performs operations: a node in this process, or one reached over HTTP.
pub trait Service: Send + Sync {
    /// Performs one operation and answers when its effects are durable.
    ///
    /// # Errors
    /// A [`Problem`] says what was refused or went wrong, and what to do next.
    fn perform(&self, operation: Operation) -> Result<Reply, Problem>;

    /// Stores a stream of bytes under its content id.
    ///
    /// # Errors
    /// When reading fails, the limit on blob size is passed, or the disk refuses.
    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem>;

    /// Has `told` called once there is news of a task after event number `after`, or the task has
    /// ended; at once when that is so already. Nothing waits here, and `told` must not: it runs on
    /// the thread that works on all tasks.
    ///
    /// # Errors
    /// When there is no such task, or too many wait for it.
    fn watch(&self, task: &str, after: u32, told: Told) -> Result<Waiting, Problem>;

    /// Whom a client's token stands for; nobody when it is unknown, over or taken back.
    fn client(&self, token: &Token) -> Option<Client>;

    /// Writes a blob's verified bytes; returns how many.
    ///
    /// # Errors
    /// When there is no such blob, it is damaged, or `sink` fails.
    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem>;
}

/// Told once what came of a task, or why nothing will be heard of it.
pub type Told = Box<dyn FnOnce(Result<TaskNews, Problem>) + Send>;

/// Somebody waits for as long as this is kept.
#[must_use = "dropping it ends the wait"]
#[derive(Debug)]
pub struct Waiting(pub Arc<()>);
