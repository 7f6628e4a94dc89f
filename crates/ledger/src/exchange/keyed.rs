//! Calls that are carried out once, however often they are sent: whoever does not know whether a call
//! arrived sends it again under the same key.
use ainur_primitives::Digest;
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{Action, Error};
use crate::block::Height;
use crate::execution::Context;
use crate::state::key;

/// A call under a key of its sender's.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct KeyedAction {
    /// The sender's own name for what it asks.
    pub key: Digest,
    /// The digest of what it asks, as far as that must be the same when it is sent again.
    pub request: Digest,
    /// The call.
    pub action: Action,
}

/// What is remembered of a call under a key, for as long as of a closed claim.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct KeyedOutcome {
    /// The digest of what was asked.
    pub request: Digest,
    /// The block in which it was carried out.
    pub height: Height,
    /// The first of its events in that block.
    pub events_first: u32,
    /// The first event that is not its own any more.
    pub events_end: u32,
}

/// Carries out a call, unless one under its key was. One that is refused leaves its key free.
pub(crate) fn execute_keyed(context: &mut Context<'_>, keyed: &KeyedAction) -> Result<(), Error> {
    let at = key::keyed(&context.sender, &keyed.key);
    if let Some(KeyedOutcome { request, height, .. }) = context.state.read(&at) {
        return Err(if request == keyed.request {
            Error::DoneBefore(height)
        } else {
            Error::KeyTaken(height)
        });
    }
    let events_first = context.next_event();
    super::execute(context, &keyed.action)?;
    let events_end = context.next_event();
    let (request, height) = (keyed.request, context.height);
    let forgotten = context.now.plus(context.parameters.exchange.retention_ms);
    context.remove_at(forgotten, &at);
    context.state.write(at, &KeyedOutcome { request, height, events_first, events_end });
    Ok(())
}
