//! How much the fixtures keep for their callers, and how long they wait for them.

/// Sessions at once; one more ends the oldest.
pub const SESSIONS_MAX: usize = 64;
/// Silence after which a session ends, in milliseconds.
pub const SESSION_IDLE_MS_MAX: u64 = 120_000;
/// Time for a new session to be initialized, in milliseconds.
pub const SESSION_BEGIN_MS_MAX: u64 = 10_000;
/// How long the answers of a request are kept for who comes back for them, in milliseconds.
pub const REPLAY_MS_MAX: u64 = 30_000;
/// Messages of one stream that wait for a slow caller.
pub const MESSAGES_AHEAD_MAX: usize = 16;
/// Resources that one session subscribes to.
pub const SUBSCRIPTIONS_MAX: usize = 64;
/// Changes that wait for a slow listener; the oldest are dropped.
pub const CHANGES_AHEAD_MAX: usize = 16;
/// The longest a tool waits for the client's model or user, in milliseconds.
pub const CLIENT_ANSWER_MS_MAX: u64 = 30_000;
/// How long the state of an unfinished call may be handed back, in milliseconds.
pub const REQUEST_STATE_MS_MAX: u64 = 600_000;
/// Tasks that are kept at once.
pub const TASKS_MAX: usize = 256;
/// How long a task may take, in milliseconds; it is kept as long again.
pub const TASK_MS_MAX: u64 = 120_000;
/// How often a client should ask how its task is, in milliseconds.
pub const POLL_MS: u64 = 200;
/// The pause between the steps of a tool that has some, in milliseconds.
pub const STEP_MS: u64 = 50;
/// How soon a client whose stream was closed is asked to come back, in milliseconds.
pub const RETRY_MS: u64 = 200;
/// How long after closing its stream a tool answers, in milliseconds.
pub const AWAY_MS: u64 = 600;
