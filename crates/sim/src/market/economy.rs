//! A market while it runs: turns, in which work ends, wishes arrive, and a block is made of it all.
use std::collections::BTreeMap;

use ainur_learning::Strategist;
use ainur_ledger::{Action, escrow, registry, reputation};
use ainur_market::offer::OfferBoard;
use ainur_market::strategy::StrategyChoice;
use ainur_primitives::{Amount, CapabilityName, Did, Digest, DurationMs, TaskId, Timestamp};

use super::Error;
use super::book::Writing;
use super::chance::Chance;
use super::demand::{Wish, next_wish};
use super::report::Tally;
use super::scenario::Scenario;
use super::seller::Seller;
use super::settlement::{Keys, Settlement};
use super::turn::{Deal, Effect};
use super::venue::Venue;
use super::work::{Job, Work};

pub(super) const BEGINNING: Timestamp = Timestamp(1_795_000_000_000);
/// A block is made so often.
const TURN_MS: DurationMs = DurationMs::seconds(2);
const WEALTH: Amount = Amount::ainu(100_000_000);
/// What a seller has at stake in the beginning.
pub(super) const STAKE: Amount = Amount::ainu(20_000);
/// What a seller has beside its stake.
const FLOAT: Amount = Amount::ainu(25_000);

/// A market while it runs.
pub(super) struct Economy<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) settlement: Settlement,
    pub(super) operator: Did,
    pub(super) buyers: Vec<Buyer>,
    pub(super) sellers: Vec<Seller>,
    /// By capability.
    pub(super) venues: Vec<Venue>,
    pub(super) board: OfferBoard,
    pub(super) jobs: BTreeMap<TaskId, Job>,
    pub(super) works: BTreeMap<(Timestamp, TaskId), Work>,
    /// Agreements made in this turn.
    pub(super) deals: Vec<Deal>,
    /// Calls made in this turn, and what they mean here.
    pub(super) calls: Vec<(Did, Action, Effect)>,
    pub(super) now: Timestamp,
    pub(super) conduct: Chance,
    pub(super) tally: Tally,
}

/// Who pays.
pub(super) struct Buyer {
    pub(super) did: Did,
    /// The seller that served it last and well, by capability.
    pub(super) served_by: BTreeMap<usize, usize>,
}

impl<'a> Economy<'a> {
    /// Founds the ledger, registers and bonds the sellers.
    pub(super) fn found(
        scenario: &'a Scenario,
        seed: u64,
        cast: &dyn Fn(StrategyChoice) -> Strategist,
    ) -> Result<Self, Error> {
        let mut keys = Chance::new(seed, "keys");
        let mut supply = Chance::new(seed, "supply");
        let counts = &scenario.supply;
        let seller_count = (counts.capabilities * counts.sellers_per_capability) as usize;
        let parties = 1 + scenario.buyers as usize + seller_count;
        let keys: Vec<Keys> =
            (0..parties).map(|_| Keys::draw(&mut keys)).collect::<Result<_, _>>()?;
        let dids: Vec<Did> = keys.iter().map(Keys::did).collect();
        let (operator, others) = dids.split_first().ok_or(Error::Nobody)?;
        let (buyers, sellers) = others.split_at(scenario.buyers as usize);
        let wealth =
            |place: usize| if place <= buyers.len() { WEALTH } else { STAKE.saturating_add(FLOAT) };
        let parties = keys.into_iter().enumerate().map(|(place, keys)| (keys, wealth(place)));
        let name = format!("market {}", scenario.name);
        let settlement = Settlement::found(&name, BEGINNING, parties.collect())?;
        let sellers = sellers.iter().enumerate();
        let sellers =
            sellers.map(|(number, did)| Seller::draw(scenario, (number, *did), cast, &mut supply));
        let mut sellers: Vec<Seller> = sellers.collect();
        let mut credits = Chance::new(seed, "credits");
        for seller in &mut sellers {
            let writes = credits.happens(scenario.supply.writing) && seller.conduct.works();
            seller.writing = writes.then(Writing::default);
        }
        let mut economy = Self {
            scenario,
            settlement,
            operator: *operator,
            buyers: buyers
                .iter()
                .map(|did| Buyer { did: *did, served_by: BTreeMap::new() })
                .collect(),
            sellers,
            venues: (0..counts.capabilities).map(Venue::new).collect(),
            board: OfferBoard::new(),
            jobs: BTreeMap::new(),
            works: BTreeMap::new(),
            deals: Vec::new(),
            calls: Vec::new(),
            now: BEGINNING,
            conduct: Chance::new(seed, "conduct"),
            tally: Tally::default(),
        };
        economy.open()?;
        Ok(economy)
    }

    fn open(&mut self) -> Result<(), Error> {
        let calls = self.sellers.iter().flat_map(|seller| {
            let register = registry::Action::Register {
                card: seller.card(),
                version: 1,
                previous: None,
                capabilities: vec![self.venues[seller.capability].capability.clone()],
            };
            let bond = reputation::Action::Bond { amount: STAKE };
            [(seller.did, register.into()), (seller.did, bond.into())]
        });
        let mut calls: Vec<(Did, Action)> = calls.collect();
        calls.extend(self.open_classes());
        let (done, _) = self.settlement.block(self.now, calls)?;
        done.into_iter()
            .find_map(|done| done.refused)
            .map_or(Ok(()), |why| Err(Error::Rejected(why)))
    }

    /// Runs until every task has ended.
    pub(super) fn run(
        &mut self,
        seed: u64,
        progress: &mut dyn FnMut(u32, u32),
    ) -> Result<(), Error> {
        let mut demand = Chance::new(seed, "demand");
        let mut arrived = 0;
        let mut next = next_wish(self.scenario, self.now, &mut demand);
        let all = self.scenario.warm_up + self.scenario.tasks;
        while arrived < all || !self.works.is_empty() {
            self.now = self.now.plus(TURN_MS);
            self.end_works()?;
            self.whitewash()?;
            self.post_offers()?;
            self.post_orders()?;
            while arrived < all && next.arrives <= self.now {
                let following = next_wish(self.scenario, next.arrives, &mut demand);
                let wish = std::mem::replace(&mut next, following);
                if arrived == self.scenario.warm_up {
                    self.begin_counting();
                }
                arrived += 1;
                self.serve(wish)?;
            }
            self.close_turn()?;
            progress(arrived, all);
        }
        self.settlement.check()
    }

    /// What happened so far was warm-up; what ends from now on counts if it also began.
    fn begin_counting(&mut self) {
        self.tally = Tally::default();
        self.jobs.values_mut().for_each(|job| job.counted = false);
        for seller in &mut self.sellers {
            seller.profit = 0;
            seller.settled = 0;
        }
    }

    /// A buyer goes the way a node would: a credit or a standing offer, whichever is cheaper and no
    /// dearer than auctions have been, else the seller it knows, else an auction.
    fn serve(&mut self, mut wish: Wish) -> Result<(), Error> {
        wish.task = self.name(&wish, wish.serial);
        if let Some(plan) = &mut wish.graph {
            plan.task = wish.task;
        }
        if let Some(plan) = wish.graph.clone() {
            let best = self.best_graph_welfare(&wish, &plan)?;
            self.tally.arrived(best);
            return self.call_graph(wish, &plan);
        }
        self.tally.arrived(self.best_welfare(&wish));
        let Some(wish) = self.buy_credit(wish)? else { return Ok(()) };
        let Some(wish) = self.take_offer(wish)? else { return Ok(()) };
        let Some(wish) = self.negotiate(wish)? else { return Ok(()) };
        self.auction(wish)
    }

    /// What the ledger calls a buyer's task of this number.
    pub(super) fn name(&self, wish: &Wish, serial: u64) -> TaskId {
        let parties = (&self.buyers[wish.buyer].did, &self.operator);
        escrow::task_id(&self.settlement.head().chain_id, parties, &Digest::ZERO, serial)
    }

    /// What the whole market could gain at most from a task now, were all costs known.
    fn best_welfare(&self, wish: &Wish) -> Amount {
        let able = self.sellers.iter().filter(|seller| {
            seller.capability == wish.capability
                && seller.conduct.works()
                && seller.done_in_ms(self.now) <= wish.duration_ms_max
        });
        let cheapest = able.map(|seller| seller.cost).min();
        cheapest.map_or(Amount::ZERO, |cost| wish.value.saturating_sub(cost))
    }

    pub(super) fn capability_of(&self, seller: usize) -> CapabilityName {
        self.venues[self.sellers[seller].capability].capability.clone()
    }
}
