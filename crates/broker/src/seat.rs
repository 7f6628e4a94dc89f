//! The agents this node keeps a seat for, and which of them offer a capability.
use std::collections::{BTreeMap, BTreeSet};

use ainur_crypto::signature::SigningKey;
use ainur_market::negotiation::TacticName;
use ainur_primitives::{
    Amount, CapabilityContract, CapabilityName, Did, Digest, PenaltyClause, Ppm, SharingMethod,
};
use ainur_runtime::Program;
use serde::{Deserialize, Serialize};

use crate::bidder::Bidder;

/// An agent on this node: what it offers, what runs, and the key it signs with, if the node has it.
pub struct Seat {
    /// Its identity.
    pub did: Did,
    /// Its name on this node.
    pub name: String,
    /// Version of the key below.
    pub key_version: u32,
    /// It signs its bids with this; the node keeps it for the agent. An agent without one keeps its
    /// key itself: nothing is signed for it here, and it speaks by messages that it has signed.
    pub key: Option<SigningKey>,
    /// Digest of its card.
    pub card: Digest,
    /// What runs.
    pub program: Program,
    /// What it offers.
    pub contracts: Vec<CapabilityContract>,
    /// Its price for everything, when the program does not quote.
    pub price: Option<Amount>,
    /// Prices of single capabilities, where they differ.
    pub prices: BTreeMap<CapabilityName, Amount>,
    /// What it saves in company, when it is ready to bid together with others.
    pub team: Option<TeamTerms>,
    /// How it concedes in a negotiation.
    pub tactic: TacticName,
    /// Capabilities it is not asked for: they are not what they were when it was added.
    pub withheld: BTreeSet<CapabilityName>,
    /// It can be reached, as far as is known.
    pub reachable: bool,
    /// Attempts it is running.
    pub active: u32,
    /// How it makes its bids from its costs.
    pub bidder: Bidder,
}

/// What an agent saves when it works together with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamTerms {
    /// With whom, ascending; nobody named means with anybody.
    pub partners: Vec<Did>,
    /// This share of its price, on every part of a task in whose stage a partner works, too.
    pub saving: Ppm,
    /// How a coalition that it leads divides what it is paid above its members' prices.
    #[serde(default)]
    pub sharing: SharingMethod,
    /// What members of a coalition that it leads pay one another, the buyer and who takes over
    /// when they fail or are late.
    #[serde(default)]
    pub penalties: Vec<PenaltyClause>,
    /// What is withheld at most, of what members of a coalition that it leads are paid above their
    /// prices, to pay for backups that ask more than whom they follow.
    #[serde(default)]
    pub insurance: Amount,
    /// The most it pledges to a coalition for its clauses, as a share of its bond for a part; it
    /// stays out of coalitions whose clauses could cost it more.
    #[serde(default = "TeamTerms::pledge_max_default")]
    pub pledge_max: Ppm,
}

impl TeamTerms {
    /// What an agent that says nothing of it pledges at most: half as much as the bond that it may
    /// lose anyway.
    pub const fn pledge_max_default() -> Ppm {
        Ppm(500_000)
    }
}

impl Seat {
    /// Its contract for a capability.
    pub fn contract(&self, capability: &CapabilityName) -> Option<&CapabilityContract> {
        self.contracts.iter().find(|contract| contract.name == *capability)
    }

    /// Its fixed price for a capability.
    pub fn price_of(&self, capability: &CapabilityName) -> Option<Amount> {
        self.prices.get(capability).copied().or(self.price)
    }

    /// The node signs for it; without its key it is asked for no price.
    pub fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// It can be asked for a capability now.
    pub fn may_bid(&self, capability: &CapabilityName) -> bool {
        self.reachable && !self.withheld.contains(capability)
    }
}

/// All seats, found by identity or by capability.
#[derive(Default)]
pub struct Seats {
    by_did: BTreeMap<Did, Seat>,
    by_capability: BTreeMap<CapabilityName, Vec<Did>>,
}

impl Seats {
    /// Adds or replaces an agent; one that is replaced keeps what it learned.
    pub fn insert(&mut self, mut seat: Seat) {
        if let Some(earlier) = self.remove(seat.did) {
            seat.bidder.succeed(earlier.bidder);
        }
        for contract in &seat.contracts {
            let offering = self.by_capability.entry(contract.name.clone()).or_default();
            if let Err(place) = offering.binary_search(&seat.did) {
                offering.insert(place, seat.did);
            }
        }
        self.by_did.insert(seat.did, seat);
    }

    /// Removes an agent: it is not asked again. Attempts it runs go on.
    pub fn remove(&mut self, did: Did) -> Option<Seat> {
        let seat = self.by_did.remove(&did)?;
        self.by_capability.retain(|_, offering| {
            offering.retain(|other| *other != did);
            !offering.is_empty()
        });
        Some(seat)
    }

    /// One agent.
    pub fn get(&self, did: Did) -> Option<&Seat> {
        self.by_did.get(&did)
    }

    /// One agent, to change how many attempts it runs.
    pub fn get_mut(&mut self, did: Did) -> Option<&mut Seat> {
        self.by_did.get_mut(&did)
    }

    /// Who offers a capability, ascending by identity.
    pub fn offering(&self, capability: &CapabilityName) -> &[Did] {
        self.by_capability.get(capability).map_or(&[], Vec::as_slice)
    }

    /// Every capability on offer.
    pub fn capabilities(&self) -> impl Iterator<Item = &CapabilityName> {
        self.by_capability.keys()
    }

    /// Every agent, to change how it bids; ascending by identity.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Seat> {
        self.by_did.values_mut()
    }

    /// Every agent, ascending by identity.
    pub fn iter(&self) -> impl Iterator<Item = &Seat> {
        self.by_did.values()
    }
}
