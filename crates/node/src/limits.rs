//! Every named limit, for `ainur node limits`.
use ainur_api::a2a::limits as a2a;
use ainur_api::http::bounds;
use ainur_api::rest;
use ainur_api::view::Limit;
use ainur_audit::{entry, receipt};
use ainur_broker::bidder;
use ainur_crypto::agreement;
use ainur_identity::{card, key_document};
use ainur_ledger::{block, transaction};
use ainur_market::{auction, combinatorial, exchange, negotiation, offer, payment};
use ainur_primitives::chunks;
use ainur_protocol::limits as protocol;
use ainur_storage::{blob, log, store};
use ainur_verification::{acceptance, schema, verdict};

use crate::aacl::{parties, thread};
use crate::exchange as trading;
use crate::telemetry::{export, settings, spans};
use crate::{agents, driver, health, remote, serve, strategies, tokens};

/// Names each constant by its last word.
macro_rules! listed {
    ($($area:literal: $($value:expr => $unit:literal),+;)+) => {
        vec![$($(($area, stringify!($value), $value as u128, $unit)),+),+]
    };
}

/// Area, path of the constant, value and unit.
type Named = (&'static str, &'static str, u128, &'static str);

fn named() -> Vec<Named> {
    listed! {
        "ledger": block::BLOCK_TRANSACTIONS_MAX => "transactions",
            block::BLOCK_BYTES_MAX => "bytes",
            transaction::TRANSACTION_BYTES_MAX => "bytes";
        "market": auction::ENTRANTS_MAX => "bidders",
            combinatorial::SUBTASKS_MAX => "subtasks",
            offer::board::OFFERS_MAX => "offers",
            offer::board::OFFERS_PER_SELLER_MAX => "offers",
            offer::terms::OFFER_CAPABILITIES_MAX => "capabilities",
            offer::terms::VOLUME_DISCOUNTS_MAX => "steps",
            offer::terms::PREMIUM_HOURS_MAX => "spans",
            payment::MILESTONES_MAX => "milestones",
            chunks::WORK_CHUNKS_MAX => "chunks",
            negotiation::terms::ROUNDS_MAX => "rounds",
            negotiation::preferences::PACKAGES_MAX => "packages",
            exchange::PRICE_MAX.0 => "base units",
            exchange::QUANTITY_MAX => "credits",
            exchange::book::ORDERS_MAX => "orders",
            exchange::book::LEVELS_MAX => "prices";
        "node": agents::AGENTS_MAX => "agents",
            driver::MESSAGES_MAX => "messages",
            serve::UPLOAD_BYTES_MAX => "bytes",
            serve::LIST_MAX => "tasks",
            trading::OWN_ORDERS_MAX => "orders",
            tokens::TOKENS_MAX => "tokens",
            parties::PARTIES_MAX => "parties",
            parties::PARTIES_PER_TOKEN_MAX => "parties",
            thread::LISTED_MESSAGES_MAX => "messages",
            thread::SIGNATURES_KEPT_MAX => "signatures",
            remote::CREDENTIAL_BYTES_MAX => "bytes",
            strategies::BIDDERS_BATCH_MAX => "agents",
            bidder::OPEN_ASKS_MAX => "bids",
            bidder::UNDECLARED_CAPACITY => "attempts",
            health::ANSWER_MS_MAX => "ms",
            health::CHECKS_MAX => "agents",
            export::SPANS_QUEUED_MAX => "spans",
            export::BATCH_SPANS => "spans",
            export::BATCH_MS => "ms",
            export::EXPORT_TRIES_MAX => "tries",
            export::EXPORT_RETRY_MS => "ms",
            export::EXPORT_STOP_MS_MAX => "ms",
            export::COMPLAINT_MS => "ms",
            spans::MOMENTS_MAX => "events",
            settings::PAIRS_MAX => "pairs";
        "audit": entry::ENTRY_BYTES_MAX => "bytes",
            entry::SUMMARY_BYTES_MAX => "bytes",
            receipt::RECEIPT_BYTES_MAX => "bytes",
            receipt::ATTEMPTS_MAX => "attempts",
            receipt::PARTIES_MAX => "parties",
            receipt::BIDS_MAX => "bids",
            receipt::VALIDATORS_MAX => "validators";
        "storage": blob::BLOB_BYTES_MAX => "bytes",
            log::RECORD_BYTES_MAX => "bytes",
            log::SEGMENT_BYTES_MAX => "bytes",
            store::KEY_BYTES_MAX => "bytes",
            store::VALUE_BYTES_MAX => "bytes";
        "crypto": agreement::SEALED_PLAINTEXT_BYTES_MAX => "bytes";
        "identity": key_document::KEY_DOCUMENT_BYTES_MAX => "bytes",
            card::AGENT_CARD_BYTES_MAX => "bytes",
            card::NAME_BYTES_MAX => "bytes",
            card::DESCRIPTION_BYTES_MAX => "bytes",
            card::CAPABILITIES_MAX => "capabilities",
            card::SCHEMA_BYTES_MAX => "bytes",
            card::ARGUMENTS_MAX => "arguments",
            card::ARGUMENT_BYTES_MAX => "bytes";
        "verification": schema::SCHEMAS_MAX => "schemas",
            schema::SCHEMA_BYTES_MAX => "bytes",
            schema::PARAMETERS_BYTES_MAX => "bytes",
            schema::OUTPUT_BYTES_MAX => "bytes",
            schema::EVALUATIONS_MAX => "evaluations",
            schema::EVALUATION_DEPTH_MAX => "levels",
            acceptance::DEPTH_MAX => "levels",
            acceptance::WINDOW_MS_MAX.0 => "ms",
            verdict::DETAIL_BYTES_MAX => "bytes";
        "protocol": protocol::MESSAGE_BYTES_MAX => "bytes",
            protocol::RECIPIENTS_MAX => "recipients",
            protocol::EXTENSIONS_MAX => "extensions",
            protocol::LIFETIME_MS_MAX.0 => "ms",
            protocol::CLOCK_DIFFERENCE_MS_MAX.0 => "ms",
            protocol::REPLAY_IDS_MAX => "messages";
    }
}

/// What callers over the network run into.
fn served() -> Vec<Named> {
    listed! {
        "api": bounds::OPERATION_BYTES_MAX => "bytes",
            bounds::REPLY_BYTES_MAX => "bytes",
            bounds::BLOB_BYTES_MAX => "bytes",
            bounds::HEADER_BYTES_MAX => "bytes",
            bounds::HEADERS_MAX => "headers",
            bounds::JSON_DEPTH_MAX => "levels",
            bounds::CONNECTIONS_MAX => "connections",
            bounds::STREAMS_MAX => "streams",
            bounds::STREAMS_PER_CONNECTION_MAX => "streams",
            bounds::HTTP2_REQUESTS_MAX => "requests",
            bounds::PUBLIC_CALLS_MAX => "calls",
            bounds::HELD_BYTES_MAX => "bytes",
            bounds::PUBLIC_BODY_BYTES_MAX => "bytes",
            bounds::KEPT_BYTES_PER_DAY_MAX => "bytes",
            bounds::BUDGETS_PER_DAY_MAX => "budgets",
            bounds::TOKEN_CHECK_MS => "ms",
            bounds::HANDSHAKE_MS_MAX => "ms",
            bounds::KEEP_ALIVE_MS => "ms",
            bounds::PROMPT_CALLS_MAX => "calls",
            bounds::WAITING_CALLS_MAX => "calls",
            bounds::BLOB_CALLS_MAX => "calls",
            bounds::HEADER_MS_MAX => "ms",
            bounds::OPERATION_MS_MAX => "ms",
            bounds::STALL_MS_MAX => "ms",
            bounds::WAIT_MS_MAX => "ms",
            bounds::STOP_MS_MAX => "ms";
        "rest": rest::BODY_BYTES_MAX => "bytes",
            rest::WAIT_SECONDS_MAX => "s",
            rest::PAGE_TASKS_MAX => "tasks",
            rest::BOOK_LEVELS_MAX => "prices",
            rest::QUERY_PARAMETERS_MAX => "parameters",
            rest::IDEMPOTENCY_KEY_BYTES_MAX => "bytes";
        "a2a": a2a::BODY_BYTES_MAX => "bytes",
            a2a::PARTS_MAX => "parts",
            a2a::MESSAGE_ID_BYTES_MAX => "bytes",
            a2a::CONTEXT_ID_BYTES_MAX => "bytes",
            a2a::HISTORY_MAX => "messages",
            a2a::EMBEDDED_BYTES_MAX => "bytes",
            a2a::STREAMS_MAX => "streams",
            a2a::BLOCKING_MS_MAX => "ms",
            a2a::PAGE_SIZE_MAX => "tasks",
            a2a::SKILLS_MAX => "skills",
            a2a::REJECTED_BYTES_MAX => "bytes",
            a2a::PUSH_CONFIGS_PER_TASK_MAX => "configurations",
            a2a::PUSH_TASKS_MAX => "tasks",
            a2a::PUSH_TASKS_PER_CLIENT_MAX => "tasks",
            a2a::PUSH_SENDING_MAX => "notifications",
            a2a::PUSH_RESUMING_MAX => "tasks",
            a2a::PUSH_TRIES_MAX => "tries",
            a2a::GRPC_DEADLINE_MS_MAX => "ms";
    }
}

/// The limits of all parts, by area.
pub fn all() -> Vec<Limit> {
    let broker = ainur_broker::limits::ALL;
    let broker = broker.map(|(name, value, unit)| ("broker", name.to_owned(), value, unit));
    let runtime = ainur_runtime::limits::LISTED.iter();
    let runtime = runtime
        .map(|(name, value, unit)| ("runtime", name.to_uppercase(), u128::from(*value), *unit));
    let named = named().into_iter().chain(served()).map(|(area, path, value, unit)| {
        let path = path.trim_end_matches(".0");
        (area, path.rsplit("::").next().unwrap_or(path).trim().to_owned(), value, unit)
    });
    broker
        .into_iter()
        .chain(runtime)
        .chain(named)
        .map(|(area, name, value, unit)| Limit {
            area: area.into(),
            name,
            value,
            unit: unit.into(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_limit_is_named_once_in_its_area_by_its_constant() {
        let all = super::all();
        let mut names: Vec<_> = all.iter().map(|limit| (&limit.area, &limit.name)).collect();
        let constant =
            |name: &str| name.chars().all(|c| c.is_ascii_uppercase() || "_0123456789".contains(c));
        assert!(names.iter().all(|(_, name)| constant(name)), "{names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }
}
