//! Every limit the broker enforces, by name.
use ainur_primitives::DurationMs;

/// Tasks that have not ended, at once.
pub const TASKS_OPEN_MAX: usize = 20_000;
/// Agents asked for one task.
pub const INVITED_MAX: usize = ainur_market::auction::ENTRANTS_MAX;
/// Issuers of credits that are looked through, those who have owed for longest first.
pub const ISSUERS_MAX: usize = 256;
/// Rentals of the buyer's that are looked through and followed.
pub const RENTALS_MAX: usize = 256;
/// Rentals on offer by one agent.
pub const RENTALS_OFFERED_MAX: usize = 256;
/// Tasks that wait for the slots of one rental, or the places at one agent.
pub const PLACE_WAITING_MAX: usize = TASKS_OPEN_MAX;
/// Agents negotiated with for one task: the most reliable of those that can be asked.
pub const NEGOTIATED_MAX: usize = 16;
/// How long what is proposed in a negotiation can be answered.
pub const NEGOTIATION_MS: DurationMs = DurationMs(30_000);
/// How long after that what was agreed can be brought to the ledger.
pub const NEGOTIATED_VALID_MS: DurationMs = DurationMs(60_000);
/// How long a buyer outside may negotiate by messages of its own.
pub const SPOKEN_MS_MAX: DurationMs = DurationMs::seconds(600);
/// Everything said in one negotiation with a buyer outside.
pub const SPOKEN_BYTES_MAX: usize = 512 << 10;
/// Negotiations with buyers outside at once.
pub const SPOKEN_MAX: usize = 256;
/// Of them, those that draw on one budget.
pub const SPOKEN_BUDGET_MAX: usize = 16;
/// How long agents may think about a bid.
pub const COMMIT_MS: DurationMs = DurationMs(30_000);
/// How long bids may take to be opened after that.
pub const REVEAL_MS: DurationMs = DurationMs(60_000);
/// The shortest time a call is held open for bids.
pub const BIDDING_MS_MIN: DurationMs = DurationMs(1_000);
/// A chunk up to this size lives in the journal; a larger one is a blob.
pub const CHUNK_INLINE_BYTES_MAX: usize = 4 << 10;
/// All inline chunks of one attempt.
pub const TASK_INLINE_BYTES_MAX: usize = 64 << 10;
/// Chunks of one attempt.
pub const CHUNKS_MAX: usize = 65_536;
/// How often an attempt may lose its worker before it is given up.
pub const RESUMES_MAX: u32 = 5;
/// How often one task is awarded.
pub const ATTEMPTS_MAX: u32 = 8;
/// The longest a task may take: bids are valid for at most a day.
pub const DEADLINE_MS_MAX: DurationMs = DurationMs::seconds(23 * 3_600);
/// The shortest time a task may take.
pub const DEADLINE_MS_MIN: DurationMs = DurationMs(1_000);
/// How long a transaction may wait for its block.
pub const TRANSACTION_MS: DurationMs = DurationMs::seconds(600);
/// How long a step the ledger refused waits before it is tried again; doubled each time.
pub const RETRY_MS: DurationMs = DurationMs(50);
/// How often that wait is doubled.
pub const RETRY_DOUBLINGS_MAX: u32 = 8;
/// Parameters of a task, as canonical JSON.
pub const PARAMETERS_BYTES_MAX: usize = 64 << 10;
/// Idempotency keys, with the name of whose they are.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 320;
/// What tasks that belong together have in common.
pub const CONTEXT_BYTES_MAX: usize = 128;
/// Tasks looked at for one page of a list.
pub const SCANNED_MAX: u64 = 2_000;
/// A JSON output that is checked against a schema.
pub const SCHEMA_OUTPUT_BYTES_MAX: u64 = 32 << 20;
/// Ended tasks kept in memory before they are archived.
pub const ENDED_TASKS_MAX: usize = 4_096;
/// Journal entries between snapshots.
pub const SNAPSHOT_ENTRIES: u64 = 200_000;
/// How long an executor that is full is left alone.
pub const BUSY_RETRY_MS: DurationMs = DurationMs(20);
/// Callers that wait for news of one task.
pub const WATCHERS_MAX: usize = 64;
/// Explanations and reasons kept with a task.
pub const DETAIL_BYTES_MAX: usize = 500;

/// Name, value and unit of each.
pub const ALL: [(&str, u128, &str); 36] = [
    ("TASKS_OPEN_MAX", TASKS_OPEN_MAX as u128, "tasks"),
    ("INVITED_MAX", INVITED_MAX as u128, "agents"),
    ("NEGOTIATED_MAX", NEGOTIATED_MAX as u128, "agents"),
    ("NEGOTIATION_MS", NEGOTIATION_MS.0 as u128, "ms"),
    ("NEGOTIATED_VALID_MS", NEGOTIATED_VALID_MS.0 as u128, "ms"),
    ("SPOKEN_MS_MAX", SPOKEN_MS_MAX.0 as u128, "ms"),
    ("SPOKEN_BYTES_MAX", SPOKEN_BYTES_MAX as u128, "bytes"),
    ("SPOKEN_MAX", SPOKEN_MAX as u128, "negotiations"),
    ("SPOKEN_BUDGET_MAX", SPOKEN_BUDGET_MAX as u128, "negotiations"),
    ("COMMIT_MS", COMMIT_MS.0 as u128, "ms"),
    ("REVEAL_MS", REVEAL_MS.0 as u128, "ms"),
    ("BIDDING_MS_MIN", BIDDING_MS_MIN.0 as u128, "ms"),
    ("CHUNK_INLINE_BYTES_MAX", CHUNK_INLINE_BYTES_MAX as u128, "bytes"),
    ("TASK_INLINE_BYTES_MAX", TASK_INLINE_BYTES_MAX as u128, "bytes"),
    ("CHUNKS_MAX", CHUNKS_MAX as u128, "chunks"),
    ("ISSUERS_MAX", ISSUERS_MAX as u128, "issuers"),
    ("RENTALS_MAX", RENTALS_MAX as u128, "rentals"),
    ("RENTALS_OFFERED_MAX", RENTALS_OFFERED_MAX as u128, "rentals"),
    ("PLACE_WAITING_MAX", PLACE_WAITING_MAX as u128, "tasks"),
    ("RESUMES_MAX", RESUMES_MAX as u128, "workers"),
    ("ATTEMPTS_MAX", ATTEMPTS_MAX as u128, "attempts"),
    ("DEADLINE_MS_MAX", DEADLINE_MS_MAX.0 as u128, "ms"),
    ("DEADLINE_MS_MIN", DEADLINE_MS_MIN.0 as u128, "ms"),
    ("TRANSACTION_MS", TRANSACTION_MS.0 as u128, "ms"),
    ("RETRY_MS", RETRY_MS.0 as u128, "ms"),
    ("RETRY_DOUBLINGS_MAX", RETRY_DOUBLINGS_MAX as u128, "times"),
    ("PARAMETERS_BYTES_MAX", PARAMETERS_BYTES_MAX as u128, "bytes"),
    ("IDEMPOTENCY_KEY_BYTES_MAX", IDEMPOTENCY_KEY_BYTES_MAX as u128, "bytes"),
    ("CONTEXT_BYTES_MAX", CONTEXT_BYTES_MAX as u128, "bytes"),
    ("SCANNED_MAX", SCANNED_MAX as u128, "tasks"),
    ("SCHEMA_OUTPUT_BYTES_MAX", SCHEMA_OUTPUT_BYTES_MAX as u128, "bytes"),
    ("ENDED_TASKS_MAX", ENDED_TASKS_MAX as u128, "tasks"),
    ("SNAPSHOT_ENTRIES", SNAPSHOT_ENTRIES as u128, "entries"),
    ("BUSY_RETRY_MS", BUSY_RETRY_MS.0 as u128, "ms"),
    ("WATCHERS_MAX", WATCHERS_MAX as u128, "callers"),
    ("DETAIL_BYTES_MAX", DETAIL_BYTES_MAX as u128, "bytes"),
];

/// Where the broker can be made to die, to prove that nothing is lost.
pub const CRASH_POINTS: [&str; 17] = [
    "broker.negotiated",
    "broker.spoken",
    "broker.appended",
    "broker.synced",
    "broker.executing",
    "broker.part",
    "broker.recall",
    "broker.chunk",
    "broker.committed",
    "broker.revealed",
    "broker.bond",
    "broker.bond-taken",
    "broker.checking",
    "broker.submitting",
    "broker.stating",
    "broker.receipts",
    "broker.snapshot",
];
