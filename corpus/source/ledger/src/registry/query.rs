//! Reading registrations.
use ainur_primitives::Did;

use super::{AgentRegistration, CardVersion};
use crate::state::{ReadState, key, read};

/// The newest registration of an agent.
pub fn agent(state: &(impl ReadState + ?Sized), did: &Did) -> Option<AgentRegistration> {
    read(state, &key::agent(did))
}

/// One version of an agent's card.
pub fn card_version(
    state: &(impl ReadState + ?Sized),
    did: &Did,
    version: u32,
) -> Option<CardVersion> {
    read(state, &key::card_version(did, version))
}
