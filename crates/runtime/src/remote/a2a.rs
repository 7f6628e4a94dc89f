//! Agents of the Agent2Agent protocol, versions 1.0 and 0.3 over JSON-RPC: each of their skills is a
//! capability.
//!
//! A task is begun without waiting for its end and then asked about, so that it can always be
//! cancelled. A skill is used only as long as the card says about it what it said when the agent
//! was added.
use super::Description;
use super::program::AgentPeer;
use crate::failure::Failure;

pub(super) mod call;
mod card;
pub(super) mod cards;
mod old;
mod talk;
mod wire;

/// Asks an agent what it offers now.
pub(super) async fn describe(
    cards: &cards::Cards,
    peer: &AgentPeer,
) -> Result<Description, Failure> {
    let (place, card) = cards.fetch(peer).await?;
    card::describe(&place, &card, peer)
}
