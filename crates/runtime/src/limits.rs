//! Every limit of this crate, by name and with its unit last.

/// Bytes of input or output that may travel inside a job; more goes through files.
pub const INLINE_BYTES_MAX: u64 = 8 << 20;
/// Pieces one input may consist of.
pub const INPUT_PIECES_MAX: usize = 65_536;
/// Bytes a guest may emit at once, and so the largest chunk.
pub const CHUNK_BYTES_MAX: usize = 4 << 20;
/// Bytes of a chunk cut from the output of a command.
pub const COMMAND_CHUNK_BYTES: usize = 1 << 20;
/// Chunks of one attempt that may wait for acknowledgement before the guest has to.
pub const CHUNKS_UNACKNOWLEDGED_MAX: u32 = 8;
/// How long an attempt waits for an acknowledgement in total before it is given up, without blame.
pub const ACKNOWLEDGE_WAIT_MS_MAX: u64 = 30_000;
/// Bytes a guest may read from its input with one call.
pub const READ_BYTES_MAX: u32 = 1 << 20;
/// Bytes of one frame between node and worker.
pub const FRAME_BYTES_MAX: usize = 24 << 20;
/// Bytes of a component.
pub const COMPONENT_BYTES_MAX: u64 = 64 << 20;
/// Compiled components one worker keeps in memory.
pub const COMPONENTS_CACHED_MAX: usize = 64;
/// How long a component may take to compile.
pub const COMPILE_MS_MAX: u64 = 120_000;
/// Jobs given to the pool and not finished.
pub const JOBS_MAX: usize = 65_536;
/// Bytes of input and output inside jobs given to the pool and not finished.
pub const JOBS_INLINE_BYTES_MAX: u64 = 256 << 20;
/// Worker processes of one pool.
pub const WORKERS_MAX: usize = 64;
/// Threads of one lane of one worker.
pub const THREADS_MAX: usize = 64;
/// Short calls (describe, quote) one worker holds, running or waiting.
pub const SHORT_JOBS_PER_WORKER_MAX: usize = 256;
/// Executions and verifications one worker holds beyond its threads.
pub const LONG_JOBS_WAITING_PER_WORKER_MAX: usize = 16;
/// Workers started again within [`RESTART_WINDOW_MS`], per seat; more wait.
pub const RESTARTS_MAX: usize = 16;
/// See [`RESTARTS_MAX`].
pub const RESTART_WINDOW_MS: u64 = 10_000;
/// A worker that says nothing for this long is killed.
pub const WORKER_SILENCE_MS_MAX: u64 = 10_000;
/// How often a worker says that it lives.
pub const HEARTBEAT_MS: u64 = 500;
/// What an attempt may take beyond its time limit before its whole worker is killed.
pub const WEDGE_GRACE_MS: u64 = 2_000;
/// How often running guests are interrupted to look at the clock.
pub const EPOCH_MS: u64 = 5;
/// Wall-clock time of `describe`.
pub const DESCRIBE_MS_MAX: u64 = 10_000;
/// Fuel of `describe`.
pub const DESCRIBE_FUEL_MAX: u64 = 20_000_000_000;
/// Memory of `describe`.
pub const DESCRIBE_MEMORY_BYTES_MAX: u64 = 256 << 20;
/// Wall-clock time of `quote`.
pub const QUOTE_MS_MAX: u64 = 250;
/// Fuel of `quote`.
pub const QUOTE_FUEL_MAX: u64 = 1_000_000_000;
/// Memory of `quote`.
pub const QUOTE_MEMORY_BYTES_MAX: u64 = 256 << 20;
/// Memory any sandbox may be given, whatever the agreement says.
pub const MEMORY_BYTES_MAX: u64 = 4 << 30;
/// Elements of one table of a component.
pub const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Core instances, memories and tables of one component.
pub const CORE_INSTANCES_MAX: u32 = 64;
/// See [`CORE_INSTANCES_MAX`].
pub const MEMORIES_MAX: u32 = 4;
/// See [`CORE_INSTANCES_MAX`].
pub const TABLES_MAX: u32 = 24;
/// Stack of a guest.
pub const STACK_BYTES_MAX: usize = 1 << 20;
/// Handles to resources a component may hold.
pub const HANDLES_MAX: usize = 4_096;
/// Bytes of strings and lists a guest may pass in one call beside a chunk.
pub const TRANSFER_SLACK_BYTES: usize = 64 << 10;
/// Least time between two progress reports of one attempt.
pub const PROGRESS_INTERVAL_MS: u64 = 100;
/// Bytes of a manifest.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// Capabilities of one manifest.
pub const CAPABILITIES_MAX: usize = 64;
/// Bytes of an agent's name or version, and of a media type.
pub const NAME_BYTES_MAX: usize = 128;
/// Bytes of a description.
pub const DESCRIPTION_BYTES_MAX: usize = 2_048;
/// Bytes of one contract schema.
pub const SCHEMA_BYTES_MAX: usize = 64 << 10;
/// Bytes of what a failure or a verdict says to people.
pub const DETAIL_BYTES_MAX: usize = 512;
/// Bytes at the end of a command's error output that are kept.
pub const COMMAND_STDERR_BYTES_MAX: usize = 8 << 10;
/// Words of a command line.
pub const COMMAND_WORDS_MAX: usize = 256;
/// Bytes of parameters, which a command receives as one word.
pub const PARAMETERS_BYTES_MAX: usize = 96 << 10;
/// Open files of a command.
pub const COMMAND_FILES_MAX: u64 = 256;
/// Processes of a command's user, where the system can count them.
pub const COMMAND_PROCESSES_MAX: u64 = 128;
/// Connections to remote agents that are kept.
pub const REMOTE_CONNECTIONS_MAX: usize = 64;
/// Calls of one remote agent that are under way at once; more wait, on its time.
pub const REMOTE_CALLS_PER_SERVER_MAX: usize = 256;
/// How long a connection to a remote agent may take until it can be called, start included.
pub const REMOTE_CONNECT_MS_MAX: u64 = 60_000;
/// How long a connection to a remote agent is waited for even if another agent finds no place.
pub const REMOTE_CONNECT_SURE_MS: u64 = 10_000;
/// How long asking a remote agent what it offers may take, connecting included.
pub const REMOTE_DESCRIBE_MS_MAX: u64 = 90_000;
/// Remote agents that are asked at once what they offer; more wait, on the time of whoever asks.
pub const REMOTE_DESCRIBES_MAX: usize = 256;
/// A connection that was not used for this long is closed.
pub const REMOTE_IDLE_MS_MAX: u64 = 600_000;
/// How often connections are looked at.
pub const REMOTE_SWEEP_MS: u64 = 5_000;
/// How long the pool of remote agents waits for its own threads when it stops.
pub const REMOTE_STOP_MS_MAX: u64 = 500;
/// Bytes of memory that all a pool holds of remote agents may take: messages as they arrive and once
/// they are read, outputs that were not delivered yet, and what is remembered of what they offer.
pub const REMOTE_HELD_BYTES_MAX: u64 = 768 << 20;
/// The same, of one remote agent: others go on when one of them sends too much. Outputs of remote
/// agents are smaller than this, whatever a task allows.
pub const REMOTE_HELD_BYTES_PER_AGENT_MAX: u64 = 192 << 20;
/// Bytes of one message of a remote agent.
pub const REMOTE_MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Bytes of memory one message of a remote agent may take once it is read, by a careful estimate:
/// JSON of many small values takes a multiple of its length.
pub const REMOTE_PARSED_BYTES_MAX: u64 = 128 << 20;
/// Messages one remote agent may send in a second that are no answers.
pub const REMOTE_MESSAGES_PER_SECOND_MAX: u32 = 2_000;
/// Bytes one remote agent may send in a second that belong to no answer.
pub const REMOTE_UNASKED_BYTES_PER_SECOND_MAX: u64 = 4 << 20;
/// Messages one remote agent may send between two answers: during one call, that is.
pub const REMOTE_UNASKED_MESSAGES_MAX: u64 = 1_000_000;
/// Bytes one remote agent may send between two answers that belong to none.
pub const REMOTE_UNASKED_BYTES_MAX: u64 = 256 << 20;
/// Bytes of the name a remote agent gives a place in its stream of events; longer ones are ignored.
pub const EVENT_ID_BYTES_MAX: usize = 1 << 10;
/// Streams of events of one connection that are taken up again between two answers.
pub const EVENT_STREAMS_MAX: u32 = 16;
/// The first pause before a stream of events is taken up again; doubled each time.
pub const EVENT_STREAM_PAUSE_MS_MIN: u64 = 50;
/// The longest pause before a stream of events is taken up again, also if the server wants more.
pub const EVENT_STREAM_PAUSE_MS_MAX: u64 = 10_000;
/// Bytes of an answer over HTTP that says why there is none.
pub const HTTP_ERROR_BYTES_MAX: usize = 64 << 10;
/// Requests of a remote agent that were not answered yet.
pub const REMOTE_REQUESTS_MAX: usize = 64;
/// How long a server that is a command may leave a message unread.
pub const REMOTE_SEND_MS_MAX: u64 = 30_000;
/// How long telling a remote agent that a call was cancelled may take.
pub const REMOTE_CANCEL_MS_MAX: u64 = 2_000;
/// Time until a connection over HTTP is there.
pub const HTTP_CONNECT_MS_MAX: u64 = 10_000;
/// How long an unused connection over HTTP is kept.
pub const HTTP_IDLE_MS_MAX: u64 = 90_000;
/// Unused connections over HTTP that are kept for one host.
pub const HTTP_IDLE_CONNECTIONS_MAX: usize = 16;
/// How long posting a notification may take.
pub const POST_MS_MAX: u64 = 10_000;
/// Tools of a server that are looked at; those after them are as if they were not there.
pub const TOOLS_MAX: usize = 1_024;
/// Pages a server may spread its tools over.
pub const TOOL_PAGES_MAX: usize = 64;
/// Bytes of all tools of a server together, as they are described.
pub const TOOLS_BYTES_MAX: u64 = 8 << 20;
/// Bytes of the name of a tool; those with longer ones are left out.
pub const TOOL_NAME_BYTES_MAX: usize = 256;
/// Bytes of memory the tools may take that a server had one after the other on one connection; then
/// another one is opened.
pub const TOOLS_CHANGED_BYTES_MAX: u64 = 64 << 20;
/// How long listing the tools of a server may take.
pub const TOOLS_LIST_MS_MAX: u64 = 15_000;
/// How long a list of tools is believed when the server does not say that it changed.
pub const TOOLS_AGE_MS_MAX: u64 = 300_000;
/// Remarks about what could not be taken over from a server.
pub const NOTES_MAX: usize = 32;
/// Cards of A2A agents that are kept.
pub const CARDS_MAX: usize = 256;
/// Bytes of a card.
pub const CARD_BYTES_MAX: usize = 1 << 20;
/// Bytes of the name of a task of an A2A agent.
pub const A2A_TASK_ID_BYTES_MAX: usize = 1 << 10;
/// How long an A2A agent may take to answer one request: they answer at once, and are asked again.
pub const A2A_REQUEST_MS_MAX: u64 = 60_000;
/// The first pause before an A2A agent is asked how far it is; doubled up to [`A2A_POLL_MS_MAX`].
pub const A2A_POLL_MS_MIN: u64 = 50;
/// See [`A2A_POLL_MS_MIN`].
pub const A2A_POLL_MS_MAX: u64 = 2_000;
/// Documents of HTTP services that are kept.
pub const API_DOCUMENTS_MAX: usize = 256;
/// Bytes of the document of an HTTP service.
pub const API_DOCUMENT_BYTES_MAX: usize = 8 << 20;
/// How long the document of an HTTP service may take to arrive.
pub const API_DOCUMENT_MS_MAX: u64 = 30_000;
/// Bytes of memory such a document may take once it is read, by a careful estimate.
pub const API_DOCUMENT_PARSED_BYTES_MAX: u64 = 192 << 20;
/// Documents that are read at once; more wait.
pub const API_READERS_MAX: usize = 2;
/// Bytes of one reference in such a document; longer ones lead nowhere.
pub const API_REFERENCE_BYTES_MAX: usize = 1 << 10;
/// Bytes of references that operations of one document lead to, each counted for each of them.
pub const API_REFERENCES_BYTES_MAX: usize = 96 << 20;
/// Places in such a document that are looked at to find its operations.
pub const API_STEPS_MAX: u64 = 2_000_000;
/// Places in such a document that are looked at to resolve the schemas of its operations; what is
/// beyond them accepts anything.
pub const API_SCHEMA_STEPS_MAX: u64 = 8_000_000;
/// Bytes of memory that the operations of one document may take which are remembered.
pub const API_OPERATIONS_BYTES_MAX: usize = 1 << 20;
/// Bytes of the path of an operation, and of what it is called.
pub const API_PATH_BYTES_MAX: usize = 4 << 10;
/// Different references an operation of an HTTP service may lead to, directly and indirectly.
pub const API_REFERENCES_MAX: usize = 2_048;
/// References that lead to references, one after the other.
pub const API_REFERENCE_HOPS_MAX: usize = 8;
/// Bytes of operations, and of what they refer to, that are read in one document.
pub const API_READ_BYTES_MAX: usize = 32 << 20;
/// Parameters of one operation.
pub const API_PARAMETERS_MAX: usize = 64;
/// Schemas inside each other, references resolved; deeper ones accept anything.
pub const API_SCHEMA_DEPTH_MAX: usize = 24;
/// Bytes, roughly, of the schemas of one operation, references resolved; what is beyond them
/// accepts anything.
pub const API_SCHEMAS_BYTES_MAX: usize = 32 << 10;
/// Bytes, roughly, of the schemas of one operation that are there for it whatever others need.
pub const API_SCHEMAS_BYTES_MIN: usize = 2 << 10;
/// Bytes of the URL of one request to an HTTP service.
pub const API_URL_BYTES_MAX: usize = 64 << 10;
/// Bytes of an answer that are read to find out why a request was refused.
pub const API_PROBLEM_BYTES_MAX: usize = 16 << 10;
/// How long finding that out may take.
pub const API_PROBLEM_MS_MAX: u64 = 2_000;
/// Characters of it that are told.
pub const API_PROBLEM_CHARACTERS_MAX: usize = 200;
/// Memory of each process of a server that is a command.
pub const SERVER_MEMORY_BYTES_MAX: u64 = 2 << 30;
/// Bytes of one file a server that is a command writes, and of its temporary folder.
pub const SERVER_FILE_BYTES_MAX: u64 = 256 << 20;
/// Bytes of error output of a server that is a command that are read in a second; it waits with more.
pub const SERVER_STDERR_BYTES_PER_SECOND_MAX: usize = 4 << 20;
/// Variables in the environment of a server that is a command.
pub const SERVER_ENVIRONMENT_MAX: usize = 64;

/// The limits a person may run into, for `ainur node limits`: name, value, unit.
pub const LISTED: &[(&str, u64, &str)] = &[
    ("inline_bytes_max", INLINE_BYTES_MAX, "bytes"),
    ("chunk_bytes_max", CHUNK_BYTES_MAX as u64, "bytes"),
    ("chunks_unacknowledged_max", CHUNKS_UNACKNOWLEDGED_MAX as u64, "chunks"),
    ("component_bytes_max", COMPONENT_BYTES_MAX, "bytes"),
    ("compile_ms_max", COMPILE_MS_MAX, "ms"),
    ("jobs_max", JOBS_MAX as u64, "jobs"),
    ("jobs_inline_bytes_max", JOBS_INLINE_BYTES_MAX, "bytes"),
    ("workers_max", WORKERS_MAX as u64, "processes"),
    ("restarts_max", RESTARTS_MAX as u64, "restarts per seat and window"),
    ("restart_window_ms", RESTART_WINDOW_MS, "ms"),
    ("describe_ms_max", DESCRIBE_MS_MAX, "ms"),
    ("quote_ms_max", QUOTE_MS_MAX, "ms"),
    ("quote_fuel_max", QUOTE_FUEL_MAX, "fuel"),
    ("memory_bytes_max", MEMORY_BYTES_MAX, "bytes"),
    ("manifest_bytes_max", MANIFEST_BYTES_MAX as u64, "bytes"),
    ("capabilities_max", CAPABILITIES_MAX as u64, "capabilities"),
    ("parameters_bytes_max", PARAMETERS_BYTES_MAX as u64, "bytes"),
    ("command_files_max", COMMAND_FILES_MAX, "files"),
    ("command_processes_max", COMMAND_PROCESSES_MAX, "processes"),
    ("remote_connections_max", REMOTE_CONNECTIONS_MAX as u64, "connections"),
    ("remote_calls_per_server_max", REMOTE_CALLS_PER_SERVER_MAX as u64, "calls"),
    ("remote_connect_ms_max", REMOTE_CONNECT_MS_MAX, "ms"),
    ("remote_idle_ms_max", REMOTE_IDLE_MS_MAX, "ms"),
    ("remote_message_bytes_max", REMOTE_MESSAGE_BYTES_MAX as u64, "bytes"),
    ("remote_messages_per_second_max", REMOTE_MESSAGES_PER_SECOND_MAX as u64, "messages"),
    ("remote_unasked_bytes_per_second_max", REMOTE_UNASKED_BYTES_PER_SECOND_MAX, "bytes"),
    ("remote_held_bytes_max", REMOTE_HELD_BYTES_MAX, "bytes"),
    ("remote_held_bytes_per_agent_max", REMOTE_HELD_BYTES_PER_AGENT_MAX, "bytes"),
    ("tools_bytes_max", TOOLS_BYTES_MAX, "bytes"),
    ("server_memory_bytes_max", SERVER_MEMORY_BYTES_MAX, "bytes"),
    ("server_file_bytes_max", SERVER_FILE_BYTES_MAX, "bytes"),
];
