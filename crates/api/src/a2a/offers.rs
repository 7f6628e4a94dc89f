//! What is on offer: the capabilities of agents that may bid, and who has them.
use std::collections::BTreeMap;

use ainur_primitives::{Amount, CapabilityContract};

use super::error::unexpected;
use crate::operation::{Operation, Reply};
use crate::problem::Problem;
use crate::service::Service;

/// One capability.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) contract: CapabilityContract,
    /// Names of the agents that have it.
    pub(super) agents: Vec<String>,
    /// The lowest price that an agent which does not quote states.
    pub(super) price: Option<Amount>,
}

/// By capability name.
pub(super) type Offers = BTreeMap<String, Offer>;

/// What is on offer now.
pub(super) fn offers(service: &dyn Service) -> Result<Offers, Problem> {
    let Reply::Agents(agents) = service.perform(Operation::AgentList)? else {
        return Err(unexpected());
    };
    let mut offers = Offers::new();
    for agent in &agents {
        for (contract, price) in agent.on_offer() {
            let offer = offers.entry(contract.name.to_string()).or_insert_with(|| Offer {
                contract: contract.clone(),
                agents: Vec::new(),
                price: None,
            });
            offer.agents.push(agent.name.clone());
            offer.price = [offer.price, price].into_iter().flatten().min();
        }
    }
    Ok(offers)
}

impl Offer {
    /// Whether the input stream can be text.
    pub(super) fn takes_text(&self) -> bool {
        let media_type = self.contract.input_media_type.as_deref();
        media_type.is_some_and(|it| takes(it, "text/plain"))
    }
}

/// Whether an input stream of `wanted` may be given as `given`.
pub(super) fn takes(wanted: &str, given: &str) -> bool {
    let (wanted, given) = (essence(wanted), essence(given));
    let text = |media_type: &str| media_type.starts_with("text/");
    matches!(wanted.as_str(), "*/*" | "application/octet-stream")
        || given == "application/octet-stream"
        || wanted == given
        || (text(&wanted) && text(&given))
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
