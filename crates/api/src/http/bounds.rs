//! How much a server takes from its callers, and how long it waits for them.
use std::time::Duration;

/// Bytes in an operation, as JSON.
pub const OPERATION_BYTES_MAX: usize = 1024 * 1024;
/// Bytes in a reply or a problem, as JSON; a client reads no more.
pub const REPLY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes in a blob.
pub const BLOB_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes in the first line and the headers of a request.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Headers in a request.
pub const HEADERS_MAX: usize = 64;
/// Nesting of arrays and objects in an operation, enforced by `serde_json`.
pub const JSON_DEPTH_MAX: usize = 127;

/// Connections at once; more are turned away. Never more than half of the open files the system
/// allows, so that callers cannot keep the node from opening its own. Half of them at most come
/// from one address, other than this machine's.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Open files that are asked of the system; fewer are taken when it allows no more.
pub const OPEN_FILES_WANTED: u64 = 16_384;
/// Operations at once that are expected to answer soon. Of these and the other calls, a client
/// has half at most.
pub const PROMPT_CALLS_MAX: usize = 64;
/// Operations at once that were asked to wait for news. Counted apart, so that a house full of
/// waiting callers does not keep anyone from asking for a stop.
pub const WAITING_CALLS_MAX: usize = 192;
/// Blobs at once, in either direction.
pub const BLOB_CALLS_MAX: usize = 32;
/// Calls at once for callers without a token: so that they never take the places of others.
pub const PUBLIC_CALLS_MAX: usize = 16;
/// Streams of events at once; a client has a quarter at most.
pub const STREAMS_MAX: usize = 4_096;

/// Bytes held at once, of bodies that are being read and of answers that were not taken yet beyond
/// their first [`PIECE_BYTES`]; of notifications on their way too. Anyone but the operator holds a
/// quarter of them at most. What is made of the bytes while a request is worked on is bounded by
/// the calls at once.
pub const HELD_BYTES_MAX: u64 = 384 * 1024 * 1024;
/// Bytes in the body of a request from callers without a token.
pub const PUBLIC_BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes that one client may make the node keep on one day (UTC), in blobs and tasks.
pub const KEPT_BYTES_PER_DAY_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// Budgets that one client may open on one day (UTC).
pub const BUDGETS_PER_DAY_MAX: u32 = 256;
/// Time between two looks whether the token of a caller who listens or waits is still good.
pub const TOKEN_CHECK_MS: u64 = 1_000;
/// Clients of whom it is remembered for half of that time whether their token is good.
pub(crate) const TOKENS_SEEN_MAX: usize = 1_024;

/// Requests over HTTP/2 at once, on all connections together; more are answered that the server is
/// busy. A client has a quarter at most, and so have all callers without a token together.
pub const HTTP2_REQUESTS_MAX: usize = 1_024;
/// Requests over HTTP/2 at once on one connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 128;
/// Requests over HTTP/2 that were taken back before the server looked at them; a connection with
/// more is closed.
pub const PENDING_RESETS_MAX: usize = 20;
/// Requests over HTTP/2 that the server had to refuse for breaking the protocol; a connection with
/// more is closed.
pub const LOCAL_RESETS_MAX: usize = 128;
/// Bytes of a body that a caller may send over HTTP/2 before they are read.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// The same for all bodies of one connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of an answer over HTTP/2 that wait to be sent.
pub const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Time for agreeing on keys, with TLS.
pub const HANDSHAKE_MS_MAX: u64 = 10_000;
/// Time for the headers of a request to arrive, and for the next request on a kept connection.
pub const HEADER_MS_MAX: u64 = 10_000;
/// Time for the whole body of an operation to arrive.
pub const OPERATION_MS_MAX: u64 = 30_000;
/// Time without a byte going either way while a body is transferred.
pub const STALL_MS_MAX: u64 = 10_000;
/// The longest a caller may ask to wait for news of a task.
pub const WAIT_MS_MAX: u64 = 600_000;
/// Time after which a stream that has nothing to say says so.
pub const KEEP_ALIVE_MS: u64 = 15_000;
/// Time for a caller to confirm that a connection of HTTP/2 ends, when nothing runs on it.
pub const GOODBYE_MS_MAX: u64 = 1_000;
/// Time for running calls to end after a stop was asked for.
pub const STOP_MS_MAX: u64 = 10_000;

/// Bytes read and thrown away after an upload was refused, so that the caller reads the answer
/// instead of seeing a broken pipe.
pub const DRAIN_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The same for callers without a token.
pub const STRANGER_DRAIN_BYTES_MAX: u64 = 64 * 1024;
/// Time spent throwing bytes away.
pub const DRAIN_MS_MAX: u64 = 2_000;

/// Blob bytes gathered into one piece of an answer.
pub const PIECE_BYTES: usize = 64 * 1024;
/// Pieces of a blob read ahead of a slow caller.
pub(crate) const PIECES_AHEAD_MAX: usize = 4;

/// The bounds that one server may set otherwise than by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at once; by default [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// Bytes in a blob; by default [`BLOB_BYTES_MAX`].
    pub blob_bytes_max: u64,
    /// Prompt operations at once; by default [`PROMPT_CALLS_MAX`].
    pub prompt_calls_max: usize,
    /// Waiting operations at once; by default [`WAITING_CALLS_MAX`].
    pub waiting_calls_max: usize,
    /// Blobs at once; by default [`BLOB_CALLS_MAX`].
    pub blob_calls_max: usize,
    /// Streams of events at once; by default [`STREAMS_MAX`].
    pub streams_max: usize,
    /// Time after which a silent stream says that it is there; by default [`KEEP_ALIVE_MS`].
    pub keep_alive_ms: u64,
    /// Bytes of bodies and answers at once; by default [`HELD_BYTES_MAX`].
    pub held_bytes_max: u64,
    /// Requests over HTTP/2 at once on all connections; by default [`HTTP2_REQUESTS_MAX`].
    pub http2_requests_max: usize,
    /// Time for agreeing on keys; by default [`HANDSHAKE_MS_MAX`].
    pub handshake_ms_max: u64,
    /// Time for headers to arrive; by default [`HEADER_MS_MAX`].
    pub header_ms_max: u64,
    /// Time for the body of an operation to arrive; by default [`OPERATION_MS_MAX`].
    pub operation_ms_max: u64,
    /// Time without a byte going either way; by default [`STALL_MS_MAX`].
    pub stall_ms_max: u64,
    /// Time for running calls to end after a stop; by default [`STOP_MS_MAX`].
    pub stop_ms_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            blob_bytes_max: BLOB_BYTES_MAX,
            prompt_calls_max: PROMPT_CALLS_MAX,
            waiting_calls_max: WAITING_CALLS_MAX,
            blob_calls_max: BLOB_CALLS_MAX,
            streams_max: STREAMS_MAX,
            keep_alive_ms: KEEP_ALIVE_MS,
            held_bytes_max: HELD_BYTES_MAX,
            http2_requests_max: HTTP2_REQUESTS_MAX,
            handshake_ms_max: HANDSHAKE_MS_MAX,
            header_ms_max: HEADER_MS_MAX,
            operation_ms_max: OPERATION_MS_MAX,
            stall_ms_max: STALL_MS_MAX,
            stop_ms_max: STOP_MS_MAX,
        }
    }
}

impl Bounds {
    pub(crate) const fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms_max)
    }
}
