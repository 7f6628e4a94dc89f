//! The one trait behind every way in.
use std::io::{Read, Write};

use ainur_primitives::ContentId;

use crate::operation::{Operation, Reply};
use crate::problem::Problem;

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

    /// Writes a blob's verified bytes; returns how many.
    ///
    /// # Errors
    /// When there is no such blob, it is damaged, or `sink` fails.
    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem>;
}
