//! Keys against doing something on the exchange twice: the ledger remembers what was done under one,
//! and the node tells it again.
use ainur_api::operation::request_digest;
use ainur_api::problem::{Code, Problem};
use ainur_broker::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use ainur_consensus::ReplicatedLog;
use ainur_crypto::hash;
use ainur_ledger::Event as LedgerEvent;
use ainur_ledger::exchange::{Error, Event, query};
use ainur_primitives::Digest;
use serde::Serialize;

use super::Trader;
use crate::node::Node;
use crate::problem::{of_transaction, with_causes};

/// What makes a request one that is carried out once.
#[derive(Clone, Copy)]
pub(super) struct Keyed {
    pub(super) key: Digest,
    pub(super) request: Digest,
}

impl Keyed {
    /// The key of a request, when it has one.
    pub(super) fn of(key: Option<&str>, sent: &impl Serialize) -> Result<Option<Self>, Problem> {
        let Some(key) = key else { return Ok(None) };
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            let message = format!("an idempotency key has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes");
            return Err(Problem::new(Code::InvalidRequest, message).next("choose a shorter key"));
        }
        let request = request_digest(sent)?;
        let key = hash::tagged("ainur/exchange-key/v1", &[key.as_bytes()]);
        Ok(Some(Self { key, request }))
    }
}

/// What happened on the exchange, if it did.
pub(super) fn of_exchange(event: LedgerEvent) -> Option<Event> {
    match event {
        LedgerEvent::Exchange(event) => Some(event),
        _ => None,
    }
}

impl Node {
    /// What happened when something was done under this key, if it was.
    pub(super) fn done_before(
        &self,
        trader: &Trader,
        keyed: Option<&Keyed>,
    ) -> Result<Option<Vec<Event>>, Problem> {
        let Some(Keyed { key, request }) = keyed else { return Ok(None) };
        let Some(done) = self.read(|state| query::keyed(state, &trader.did, key)) else {
            return Ok(None);
        };
        if done.request != *request {
            let taken = Error::KeyTaken(done.height);
            return Err(of_transaction(&taken.into()));
        }
        let block = self.log.block(done.height);
        let block = block.map_err(|error| Problem::new(Code::Storage, with_causes(&error)))?;
        let events = block.map(|block| block.events).unwrap_or_default();
        let own = done.events_first..done.events_end;
        let own = events.into_iter().filter(|record| own.contains(&record.index));
        Ok(Some(own.filter_map(|record| of_exchange(record.event)).collect()))
    }
}
