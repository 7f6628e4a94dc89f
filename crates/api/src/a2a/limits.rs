//! How much the A2A server takes from its callers, keeps for them and hands out at once.

/// Bytes in a request, as JSON.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes in an answer over gRPC, and in each event of a stream.
pub const GRPC_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of what a refusal over gRPC says.
pub const STATUS_MESSAGE_BYTES_MAX: usize = 1024;
/// Parts in a message.
pub const PARTS_MAX: usize = 64;
/// Bytes in a message id.
pub const MESSAGE_ID_BYTES_MAX: usize = 128;
/// Bytes in a context id.
pub const CONTEXT_ID_BYTES_MAX: usize = 128;
/// Messages in the history of a task that is shown; the newest are kept.
pub const HISTORY_MAX: usize = 100;
/// Bytes of an output that are part of a task; a larger one is given by its address.
pub const EMBEDDED_BYTES_MAX: u64 = 1024 * 1024;
/// The same for each task of a list.
pub const LISTED_BYTES_MAX: u64 = 16 * 1024;

/// Streams at once; a client has a quarter at most.
pub const STREAMS_MAX: usize = 1_024;
/// Events of one stream that wait for a slow caller.
pub const EVENTS_AHEAD_MAX: usize = 16;
/// Silence on a stream after which a comment is sent, in milliseconds.
pub const KEEP_ALIVE_MS: u64 = 15_000;
/// The longest a message waits for its task to end, in milliseconds; then the task is shown as it
/// is.
pub const BLOCKING_MS_MAX: u64 = 600_000;
/// The latest deadline of a call over gRPC, in milliseconds; a later one is brought forward.
pub const GRPC_DEADLINE_MS_MAX: u64 = 24 * 3_600_000;
/// The longest a cancellation waits for its task to end, in milliseconds.
pub const CANCEL_MS_MAX: u64 = 5_000;
/// Times a stream asks again when the node is busy.
pub const BUSY_RETRIES_MAX: u32 = 100;
/// Time between two of these, in milliseconds.
pub const BUSY_RETRY_MS: u64 = 50;

/// Tasks on a page when the caller does not say.
pub const PAGE_SIZE_DEFAULT: i32 = 50;
/// Tasks on a page.
pub const PAGE_SIZE_MAX: i32 = 100;
/// Tasks that are counted for the total of a list; more are not told apart.
pub const COUNT_MAX: usize = 1_000;

/// Bytes of rejected messages that are remembered as tasks; a client has a quarter at most, and its
/// newest are kept.
pub const REJECTED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that each of them is counted with at least.
pub const REJECTED_BYTES_MIN: u64 = 64 * 1024;
/// Capabilities that a rejection names.
pub const NAMED_MAX: usize = 10;
/// Skills on a card.
pub const SKILLS_MAX: usize = 1_000;
/// How long what is on offer is remembered for the card, in milliseconds.
pub const OFFERS_MS_MAX: u64 = 2_000;

/// Tasks that conformance fixtures are kept for; the newest are kept.
pub const FIXTURES_MAX: usize = 1_024;
/// Messages of one such task; the newest are kept.
pub const FIXTURE_MESSAGES_MAX: usize = 16;
/// Updates of such a task, after which it takes no further message.
pub const FIXTURE_UPDATES_MAX: usize = 64;
/// Bytes of a message to a fixture, as JSON.
pub const FIXTURE_MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Push notification configurations of one task.
pub const PUSH_CONFIGS_PER_TASK_MAX: usize = 8;
/// Tasks with such configurations.
pub const PUSH_TASKS_MAX: usize = 1_024;
/// The same of one client.
pub const PUSH_TASKS_PER_CLIENT_MAX: usize = PUSH_TASKS_MAX / 4;
/// Bytes of the address, the id, the token or the credentials of one.
pub const PUSH_FIELD_BYTES_MAX: usize = 2_048;
/// Bytes of the file that keeps them.
pub const PUSH_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Times a notification is sent before it is given up.
pub const PUSH_TRIES_MAX: u32 = 4;
/// Time before the first repetition, in milliseconds; each later one waits four times as long.
pub const PUSH_RETRY_MS: u64 = 1_000;
/// Notifications on their way at once; those of one client are a quarter at most.
pub const PUSH_SENDING_MAX: u64 = 16;
/// Tasks that are taken up again at once after a start.
pub const PUSH_RESUMING_MAX: usize = 16;
/// Time between two lines in the log about notifications that were not delivered, in milliseconds.
pub const PUSH_WARNING_MS: u64 = 10_000;
