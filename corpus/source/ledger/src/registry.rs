//! The register of agents: which card and which capabilities a party stands for.
//!
//! Every version is kept for good and names the one before it, so that an agreement about a card
//! can be checked long after the card was replaced.
mod action;
mod error;
mod event;
mod execute;
pub mod query;
mod state;

pub use action::Action;
pub use error::Error;
pub use event::Event;
pub use state::{AgentRegistration, CardVersion};

pub(crate) use execute::execute;

/// How many capabilities one card can list.
pub const CAPABILITIES_MAX: usize = 64;

/// How many versions of its card one agent can register.
pub const CARD_VERSIONS_MAX: u32 = 1_024;
