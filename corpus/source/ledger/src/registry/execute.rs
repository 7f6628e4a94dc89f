//! Carrying out calls to this module.
use ainur_primitives::{CapabilityName, Digest};

use super::{
    Action, AgentRegistration, CAPABILITIES_MAX, CARD_VERSIONS_MAX, CardVersion, Error, Event,
};
use crate::execution::Context;
use crate::state::key;

/// Carries out a call.
pub(crate) fn execute(context: &mut Context<'_>, action: &Action) -> Result<(), Error> {
    let agent = context.sender;
    let current: Option<AgentRegistration> = context.state.read(&key::agent(&agent));
    match action {
        Action::Register { card, version, previous, capabilities } => {
            ensure_next(current.as_ref(), *version, *previous)?;
            ensure_capabilities(capabilities)?;
            let newest = AgentRegistration { version: *version, card: *card, withdrawn: false };
            let kept = CardVersion {
                card: *card,
                previous: *previous,
                capabilities: capabilities.clone(),
                registered: context.now,
            };
            context.state.write(key::agent(&agent), &newest);
            context.state.write(key::card_version(&agent, *version), &kept);
            context.emit(Event::Registered { agent, version: *version, card: *card });
        }
        Action::Withdraw => {
            let mut newest =
                current.filter(|newest| !newest.withdrawn).ok_or(Error::NotRegistered)?;
            newest.withdrawn = true;
            context.state.write(key::agent(&agent), &newest);
            context.emit(Event::Withdrawn { agent, version: newest.version });
        }
    }
    Ok(())
}

fn ensure_next(
    current: Option<&AgentRegistration>,
    version: u32,
    previous: Option<Digest>,
) -> Result<(), Error> {
    let expected = current.map_or(1, |newest| newest.version + 1);
    if expected > CARD_VERSIONS_MAX {
        return Err(Error::TooManyVersions);
    }
    if version != expected {
        return Err(Error::NotNextVersion { expected, found: version });
    }
    let expected = current.map(|newest| newest.card);
    if previous == expected { Ok(()) } else { Err(Error::NotLinked { expected }) }
}

fn ensure_capabilities(capabilities: &[CapabilityName]) -> Result<(), Error> {
    if capabilities.is_empty() || capabilities.len() > CAPABILITIES_MAX {
        return Err(Error::CapabilityCount(u32::try_from(capabilities.len()).unwrap_or(u32::MAX)));
    }
    // A name that was decoded, not parsed, has not been checked yet.
    let well_formed = capabilities.iter().all(|name| name.as_str().parse().as_ref() == Ok(name));
    let ascending = capabilities.windows(2).all(|pair| pair[0] < pair[1]);
    if well_formed && ascending { Ok(()) } else { Err(Error::CapabilityList) }
}
