//! A market while it runs: turns, in which work ends, wishes arrive, and a block is made of it all.
use std::collections::BTreeMap;

use ainur_ledger::escrow::{self, Consent, SignedAward};
use ainur_ledger::{Action, Event, EventRecord, registry, reputation};
use ainur_market::auction::Transcript;
use ainur_market::offer::OfferBoard;
use ainur_primitives::{
    Amount, CapabilityName, ContentId, Did, Digest, DurationMs, FailureReason, TaskId, Timestamp,
};

use super::Error;
use super::chance::Chance;
use super::demand::{Wish, next_wish};
use super::report::{Route, Tally};
use super::scenario::Scenario;
use super::seller::Seller;
use super::settlement::{Keys, Settlement};
use super::venue::Venue;

pub(super) const BEGINNING: Timestamp = Timestamp(1_795_000_000_000);
/// A block is made so often.
const TURN_MS: DurationMs = DurationMs::seconds(2);
/// How often a task is awarded before its buyer gives up.
const ATTEMPTS_MAX: u32 = 4;
/// The escrow's deadline, as a multiple of the time one attempt may take.
const DEADLINE_FACTOR: u64 = 10;
const WEALTH: Amount = Amount::ainu(100_000_000);
const STAKE: Amount = Amount::ainu(20_000);
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
    works: BTreeMap<(Timestamp, TaskId), Work>,
    /// Agreements made in this turn.
    deals: Vec<Deal>,
    /// Calls made in this turn, and what they mean here.
    calls: Vec<(Did, Action, Effect)>,
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

/// A task from its agreement to its end.
pub(super) struct Job {
    pub(super) wish: Wish,
    pub(super) route: Route,
    /// What a re-award replays.
    pub(super) transcript: Option<Transcript>,
    /// Sellers who failed.
    pub(super) failed: Vec<Did>,
    deadline: Timestamp,
    attempt: u32,
    /// What attempts cost their sellers so far.
    spent: Amount,
}

/// An attempt under way.
struct Work {
    seller: usize,
    price: Amount,
    delivers: bool,
    began: Timestamp,
}

struct Deal {
    task: TaskId,
    seller: usize,
    price: Amount,
    consent: Consent,
}

/// What a call means here once it is in a block.
enum Effect {
    Begun(TaskId, Work),
    Settled,
    Failed,
    Refunded,
}

impl<'a> Economy<'a> {
    /// Founds the ledger, registers and bonds the sellers.
    pub(super) fn found(scenario: &'a Scenario, seed: u64) -> Result<Self, Error> {
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
            sellers.map(|(number, did)| Seller::draw(scenario, number, *did, &mut supply));
        let mut economy = Self {
            scenario,
            settlement,
            operator: *operator,
            buyers: buyers
                .iter()
                .map(|did| Buyer { did: *did, served_by: BTreeMap::new() })
                .collect(),
            sellers: sellers.collect(),
            venues: (0..counts.capabilities).map(|number| Venue::new(number)).collect(),
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
        let calls: Vec<(Did, Action)> = calls.collect();
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
        while arrived < self.scenario.tasks || !self.works.is_empty() {
            self.now = self.now.plus(TURN_MS);
            self.end_works()?;
            self.post_offers()?;
            while arrived < self.scenario.tasks && next.arrives <= self.now {
                let following = next_wish(self.scenario, next.arrives, &mut demand);
                let wish = std::mem::replace(&mut next, following);
                arrived += 1;
                self.serve(wish)?;
            }
            self.close_turn()?;
            progress(arrived, self.scenario.tasks);
        }
        self.settlement.check()
    }

    /// A buyer goes the way a node would: a standing offer that is no dearer than auctions have
    /// been, else the seller it knows, else an auction.
    fn serve(&mut self, wish: Wish) -> Result<(), Error> {
        self.tally.arrived(&wish, self.best_welfare(&wish));
        let Some(wish) = self.take_offer(wish)? else { return Ok(()) };
        self.auction(wish)
    }

    /// What the whole market could gain at most from a task now, were all costs known.
    fn best_welfare(&self, wish: &Wish) -> Amount {
        let able = self.sellers.iter().filter(|seller| {
            seller.capability == wish.capability
                && seller.conduct.works()
                && seller.state.free_capacity() > 0
                && seller.duration_ms <= wish.duration_ms_max
        });
        let cheapest = able.map(|seller| seller.cost).min();
        cheapest.map_or(Amount::ZERO, |cost| wish.value.saturating_sub(cost))
    }

    /// A buyer and a seller have agreed; the ledger hears of it at the end of the turn.
    pub(super) fn agree(
        &mut self,
        (wish, route): (Wish, Route),
        seller: usize,
        (price, consent): (Amount, Consent),
        transcript: Option<Transcript>,
    ) {
        let capability = self.venues[wish.capability].capability.clone();
        self.sellers[seller].state.won(&capability);
        let task = wish.task;
        let job = self.jobs.entry(task).or_insert_with(|| Job {
            deadline: self.now.plus(DurationMs(wish.duration_ms_max.0 * DEADLINE_FACTOR)),
            wish,
            route,
            transcript: None,
            failed: Vec::new(),
            attempt: 0,
            spent: Amount::ZERO,
        });
        job.attempt += 1;
        job.transcript = transcript.or(job.transcript.take());
        self.deals.push(Deal { task, seller, price, consent });
    }

    fn end_works(&mut self) -> Result<(), Error> {
        while let Some(entry) = self.works.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let ((ended, task), work) = entry.remove_entry();
            let capability = self.capability_of(work.seller);
            let seller = &mut self.sellers[work.seller];
            let cost = if seller.conduct.works() { seller.cost } else { Amount::ZERO };
            if self.board.offer_of(&task).is_some() {
                self.board.release(&task)?;
            }
            let paid = work.delivers.then_some(work.price);
            seller.state.finished(&capability, paid, cost, ended.since(work.began));
            seller.profit -= cost.0 as i128;
            let job = self.jobs.get_mut(&task).ok_or(Error::Nobody)?;
            job.spent = job.spent.saturating_add(cost);
            if work.delivers {
                self.settle(task, &work);
            } else {
                self.fail(task, work.seller)?;
            }
        }
        Ok(())
    }

    fn settle(&mut self, task: TaskId, work: &Work) {
        let Some(job) = self.jobs.remove(&task) else { return };
        let seller = &mut self.sellers[work.seller];
        seller.profit += work.price.0 as i128;
        seller.settled += 1;
        seller.failed = 0;
        self.buyers[job.wish.buyer].served_by.insert(job.wish.capability, work.seller);
        self.tally.settled(&job.wish, job.route, work.price, job.spent);
        let (output, verdict) = (ContentId(task.0), Digest::ZERO);
        let action = escrow::Action::Settle { task, attempt: job.attempt, output, verdict };
        self.calls.push((self.operator, action.into(), Effect::Settled));
    }

    /// An attempt failed: the next one of the transcript, or of a new auction, or nobody.
    fn fail(&mut self, task: TaskId, seller: usize) -> Result<(), Error> {
        let conduct = self.sellers[seller].conduct;
        self.sellers[seller].failed += 1;
        self.tally.failed();
        let reason =
            if conduct.works() { FailureReason::Crashed } else { FailureReason::CheckFailed };
        let Some(job) = self.jobs.get_mut(&task) else { return Ok(()) };
        job.failed.push(self.sellers[seller].did);
        let (attempt, late) = (job.attempt, self.now >= job.deadline);
        let action = escrow::Action::Fail { task, attempt, reason, evidence: Digest::ZERO };
        self.calls.push((self.operator, action.into(), Effect::Failed));
        let again = attempt < ATTEMPTS_MAX && !late && self.award_again(task)?;
        if !again {
            self.give_up(task);
        }
        Ok(())
    }

    fn give_up(&mut self, task: TaskId) {
        let Some(job) = self.jobs.remove(&task) else { return };
        self.tally.refunded(&job.wish, job.spent);
        let action = escrow::Action::Refund { task };
        self.calls.push((self.operator, action.into(), Effect::Refunded));
    }

    /// Makes a block of what happened in this turn.
    fn close_turn(&mut self) -> Result<(), Error> {
        self.sign_deals()?;
        if self.calls.is_empty() {
            return Ok(());
        }
        let (calls, effects): (Vec<_>, Vec<_>) = std::mem::take(&mut self.calls)
            .into_iter()
            .map(|(sender, action, effect)| ((sender, action), effect))
            .unzip();
        let (done, events) = self.settlement.block(self.now, calls)?;
        for (done, effect) in done.into_iter().zip(effects) {
            self.apply(done.refused, effect)?;
        }
        self.watch(&events);
        Ok(())
    }

    /// Turns agreements into calls: each seller signs all of its consents in one batch.
    fn sign_deals(&mut self) -> Result<(), Error> {
        let deals = std::mem::take(&mut self.deals);
        let mut of_seller: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, deal) in deals.iter().enumerate() {
            of_seller.entry(deal.seller).or_default().push(place);
        }
        let mut proofs = vec![None; deals.len()];
        for (seller, places) in of_seller {
            let items: Vec<Digest> =
                places.iter().map(|place| deals[*place].consent.digest()).collect();
            let signed = self.settlement.sign(self.sellers[seller].did, &items)?;
            places.into_iter().zip(signed).for_each(|(place, proof)| proofs[place] = Some(proof));
        }
        for (deal, proof) in deals.into_iter().zip(proofs) {
            let Deal { task, seller, price, consent } = deal;
            let proof = proof.ok_or(Error::Nobody)?;
            let Some(job) = self.jobs.get(&task) else { continue };
            let award = SignedAward { price, consent, proof };
            let action = if job.attempt > 1 {
                escrow::Action::Reaward { task, award }
            } else {
                escrow::Action::Agree {
                    task,
                    verifier: self.operator,
                    reserve: job.wish.value,
                    award,
                    budget: None,
                    call: task.0,
                    check: Digest::ZERO,
                    deadline: job.deadline,
                }
            };
            let works = self.sellers[seller].conduct.works();
            let failure = self.scenario.supply.failure;
            let delivers = works && !self.conduct.happens(failure);
            let buyer = self.buyers[job.wish.buyer].did;
            let work = Work { seller, price, delivers, began: self.now };
            self.calls.push((buyer, action.into(), Effect::Begun(task, work)));
        }
        Ok(())
    }

    fn apply(&mut self, refused: Option<String>, effect: Effect) -> Result<(), Error> {
        match (refused, effect) {
            (None, Effect::Begun(task, work)) => {
                let ends = self.now.plus(self.sellers[work.seller].duration_ms);
                self.works.insert((ends, task), work);
            }
            (Some(_), Effect::Begun(task, work)) => {
                let state = &mut self.sellers[work.seller].state;
                state.active_tasks = state.active_tasks.saturating_sub(1);
                if self.board.offer_of(&task).is_some() {
                    self.board.release(&task)?;
                }
                let job = self.jobs.remove(&task).ok_or(Error::Nobody)?;
                self.tally.refused(&job.wish, job.spent);
                if job.attempt > 1 {
                    let action = escrow::Action::Refund { task };
                    self.calls.push((self.operator, action.into(), Effect::Refunded));
                }
            }
            (None, _) => {}
            (Some(why), _) => return Err(Error::Rejected(why)),
        }
        Ok(())
    }

    /// Stake that was lost is a loss.
    fn watch(&mut self, events: &[EventRecord]) {
        for record in events {
            let Event::Reputation(reputation::Event::Slashed { did, amount, .. }) = &record.event
            else {
                continue;
            };
            if let Some(seller) = self.sellers.iter_mut().find(|seller| seller.did == *did) {
                seller.profit -= amount.0 as i128;
            }
        }
    }

    pub(super) fn capability_of(&self, seller: usize) -> CapabilityName {
        self.venues[self.sellers[seller].capability].capability.clone()
    }
}
