//! What a message may be at most.
use ainur_primitives::DurationMs;

/// The largest message, in bytes of JSON with its proof. Larger things travel by content id.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// How many parties one message addresses by name; more are reached by a topic.
pub const RECIPIENTS_MAX: usize = 64;
/// The longest topic name, in bytes.
pub const TOPIC_BYTES_MAX: usize = 160;
/// How many `x-` fields one object carries.
pub const EXTENSIONS_MAX: usize = 16;
/// The longest `x-` field name, in bytes.
pub const EXTENSION_NAME_BYTES_MAX: usize = 64;
/// The longest sentence for people in a message, in bytes.
pub const DETAIL_BYTES_MAX: usize = 1024;
/// The longest time from `created` to `expires`: a day.
pub const LIFETIME_MS_MAX: DurationMs = DurationMs::seconds(24 * 3600);
/// The largest integer that every JSON reader keeps exactly.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;
/// How many bidders one conversation keeps.
pub const BIDDERS_MAX: usize = 64;
/// How far `created` may be from the reader's clock, either way.
pub const CLOCK_DIFFERENCE_MS_MAX: DurationMs = DurationMs::seconds(5 * 60);
/// How many message ids a replay window remembers.
pub const REPLAY_IDS_MAX: usize = 1 << 20;
/// How many messages one negotiation has at most.
pub const NEGOTIATION_MESSAGES_MAX: usize = 128;
/// How many payments one schedule has at most.
pub const SCHEDULED_PAYMENTS_MAX: usize = 32;
/// The longest name of a milestone, in bytes.
pub const MILESTONE_NAME_BYTES_MAX: usize = 48;
/// How many requirements one counter-proposal relaxes at most.
pub const RELAXATIONS_MAX: usize = 3;
/// How many members, and how many backups, a coalition bid names. As each consents with a signature
/// of its own, [`MESSAGE_BYTES_MAX`] is reached with about 50 different agents.
pub const COALITION_AGENTS_MAX: usize = 64;
/// How many penalty clauses a coalition bid has.
pub const COALITION_CLAUSES_MAX: usize = 16;
/// How many capabilities a standing offer names.
pub const OFFERED_CAPABILITIES_MAX: usize = 64;
/// How many volume discounts, and how many spans of premium hours, a standing offer has.
pub const OFFER_ITEMS_MAX: usize = 16;
/// How many acceptances of one standing offer a conversation keeps.
pub const OFFER_ACCEPTANCES_MAX: usize = 1_024;
/// How many bundles one bid on a task of several parts has at most.
pub const BID_BUNDLES_MAX: usize = 64;
/// How many parts one bundle names at most.
pub const BUNDLE_SUBTASKS_MAX: usize = 256;
