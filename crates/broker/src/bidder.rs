//! How an agent bids: the strategy that makes its price from its cost, what it has learned, and how
//! its bids and its work went.
//!
//! Nothing here moves money: a price goes through reserve, bond and auction as anybody's. What is
//! learned may therefore be lost in a crash, and is stored by whoever keeps the agents, now and then
//! ([`BidderMemory`]). A bid that is open at that moment is in it, so that its outcome still counts.
use std::collections::BTreeMap;

use ainur_learning::Strategist;
use ainur_market::strategy::{
    BidOutcome, BidStrategy, BidderState, Opportunity, PaymentRule, StrategyChoice,
};
use ainur_primitives::{Amount, CapabilityName, DurationMs, TaskId, Timestamp};
use scale::{Decode, Encode};

/// Calls an agent takes at once for its strategy's purposes, when its contract names no limit.
pub const UNDECLARED_CAPACITY: u32 = 16;
/// Bids of one agent whose outcome is waited for; the oldest is forgotten.
pub const OPEN_ASKS_MAX: usize = 1_024;
/// For how many capabilities an agent remembers how many it competed with.
const COMPETITORS_MAX: usize = ainur_market::strategy::bidder::CAPABILITY_STATS_MAX;

/// All a bidder remembers, as it is stored.
#[derive(Clone, PartialEq, Debug, Default, Encode, Decode)]
pub struct BidderMemory {
    /// What makes its prices, with all it learned; without one it asks its cost.
    strategist: Option<Strategist>,
    /// How its bids and its work went.
    state: BidderState,
    /// How many others bid when it last did, by capability.
    competitors: BTreeMap<CapabilityName, u32>,
    /// Bids whose outcome is not known.
    asks: BTreeMap<AskKey, Ask>,
}

/// What a price was asked for: the number of a task on this node, and which part of it when it was
/// asked for a part in a call for the whole.
pub type AskKey = (u64, Option<u16>);

/// A price that was asked.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Ask {
    task: TaskId,
    capability: CapabilityName,
    cost: Amount,
    price: Amount,
    /// The strategist was told what became of it.
    learned: bool,
    /// When it was awarded, if it was.
    awarded: Option<Timestamp>,
}

/// A call as a bidder sees it.
pub struct BiddingCall<'a> {
    /// What is called for.
    pub key: AskKey,
    /// The task, or the one that the part would be by itself.
    pub task: TaskId,
    /// What is wanted.
    pub capability: &'a CapabilityName,
    /// The most that is paid.
    pub reserve: Amount,
    /// What a winner is paid.
    pub rule: PaymentRule,
    /// What the work costs the bidder.
    pub cost: Amount,
    /// Attempts the bidder is running.
    pub active: u32,
    /// Attempts it runs at once at most.
    pub capacity: u32,
    /// When.
    pub now: Timestamp,
    /// A number all of whose values are equally likely.
    pub draw: u64,
}

/// An agent's way to bid.
#[derive(Clone, Debug, Default)]
pub struct Bidder {
    memory: BidderMemory,
    /// It was changed since it was last taken to be stored.
    changed: bool,
}

impl Bidder {
    /// A bidder with a strategy, or one that asks its cost, and with what it remembers: all of it
    /// when it remembers the same strategy, else only how its bids went.
    pub fn new(choice: Option<StrategyChoice>, memory: Option<BidderMemory>) -> Self {
        let mut memory = memory.unwrap_or_default();
        if memory.strategist.as_ref().and_then(Strategist::choice) != choice {
            memory.strategist = choice.map(Strategist::new);
        }
        Self { memory, changed: false }
    }

    /// How its bids and its work went.
    pub fn state(&self) -> &BidderState {
        &self.memory.state
    }

    /// What it remembers, if that changed since this was last asked.
    pub fn take_changed(&mut self) -> Option<&BidderMemory> {
        std::mem::take(&mut self.changed).then_some(&self.memory)
    }

    /// Keeps what an earlier self has learned, when it bids by the same strategy.
    pub(crate) fn succeed(&mut self, earlier: Self) {
        let of = |bidder: &Self| bidder.memory.strategist.as_ref().and_then(Strategist::choice);
        if of(self) == of(&earlier) {
            *self = earlier;
        }
    }

    /// What to ask, or `None` to stay out: by the strategy, never below the cost, never above the
    /// reserve.
    pub(crate) fn price(&mut self, call: &BiddingCall<'_>) -> Option<Amount> {
        let memory = &mut self.memory;
        memory.state.active_tasks = call.active;
        memory.state.capacity = call.capacity;
        let price = match &mut memory.strategist {
            None => call.cost,
            Some(strategist) => {
                let opportunity = Opportunity {
                    task: call.task,
                    capability: call.capability,
                    cost: call.cost,
                    ceiling: Some(call.reserve),
                    rule: call.rule,
                    competitors: memory.competitors.get(call.capability).copied().unwrap_or(0),
                    now: call.now,
                    draw: call.draw,
                };
                strategist.quote(&opportunity, &memory.state)?.max(call.cost)
            }
        };
        if price > call.reserve {
            return None;
        }
        memory.state.asked(call.capability, call.cost, price);
        if memory.asks.len() >= OPEN_ASKS_MAX {
            memory.asks.pop_first();
        }
        let ask = Ask {
            task: call.task,
            capability: call.capability.clone(),
            cost: call.cost,
            price,
            learned: false,
            awarded: None,
        };
        memory.asks.insert(call.key, ask);
        self.changed = true;
        Some(price)
    }

    /// It won: what it will be paid, and what the most is that would have won, where the auction
    /// has told the winner so by what it pays.
    pub(crate) fn awarded(
        &mut self,
        key: AskKey,
        (paid, critical): (Amount, Option<Amount>),
        now: Timestamp,
    ) {
        let memory = &mut self.memory;
        let Some(ask) = memory.asks.get_mut(&key) else { return };
        ask.win(&mut memory.state, now);
        ask.learn(memory.strategist.as_mut(), Some(paid), critical);
        self.changed = true;
    }

    /// A coalition that it is of, or stands by for, got it the work. That says nothing of its own
    /// bid, which neither won nor lost.
    pub(crate) fn allied(&mut self, key: AskKey, now: Timestamp) {
        let memory = &mut self.memory;
        let Some(ask) = memory.asks.get_mut(&key) else { return };
        ask.win(&mut memory.state, now);
        ask.learned = true;
        self.changed = true;
    }

    /// An attempt at a task it won ended; `paid` is `None` when it failed.
    pub(crate) fn attempted(&mut self, key: AskKey, paid: Option<Amount>, now: Timestamp) {
        let memory = &mut self.memory;
        let Some(ask) = memory.asks.get(&key) else { return };
        let took = ask.awarded.map_or(DurationMs(0), |awarded| now.since(awarded));
        memory.state.finished(&ask.capability, paid, ask.cost, took);
        self.changed = true;
    }

    /// What it bid for is over; so many others bid for it.
    pub(crate) fn ended(&mut self, key: AskKey, competitors: u32) {
        let memory = &mut self.memory;
        let Some(mut ask) = memory.asks.remove(&key) else { return };
        ask.learn(memory.strategist.as_mut(), None, None);
        let known = memory.competitors.contains_key(&ask.capability);
        if known || memory.competitors.len() < COMPETITORS_MAX {
            memory.competitors.insert(ask.capability, competitors);
        }
        self.changed = true;
    }

    /// Forgets bids for tasks that are over: a crash hid how they ended.
    pub(crate) fn forget_asks(&mut self, is_open: impl Fn(u64) -> bool) {
        self.memory.asks.retain(|(number, _), _| is_open(*number));
    }
}

impl Ask {
    /// Counts the award once.
    fn win(&mut self, state: &mut BidderState, now: Timestamp) {
        if self.awarded.is_none() {
            self.awarded = Some(now);
            state.won(&self.capability);
        }
    }

    /// Tells the strategist once. Which price would just have won it is told to a winner whose
    /// payment is that price, and to nobody else: on a node whose sellers are rivals, one's
    /// transcripts are not the other's to learn from.
    fn learn(
        &mut self,
        strategist: Option<&mut Strategist>,
        paid: Option<Amount>,
        critical: Option<Amount>,
    ) {
        if std::mem::replace(&mut self.learned, true) {
            return;
        }
        let Some(strategist) = strategist else { return };
        let (task, cost, asked) = (self.task, self.cost, self.price);
        strategist.learn(&BidOutcome { task, cost, asked, paid, critical });
    }
}

#[cfg(test)]
mod tests {
    use ainur_primitives::Digest;

    use super::*;

    /// A call in the hour of the day that its number names.
    fn call(capability: &CapabilityName, number: u64, cost: u128) -> BiddingCall<'_> {
        BiddingCall {
            key: (number, None),
            task: TaskId(Digest([number as u8; 32])),
            capability,
            reserve: Amount(200),
            rule: PaymentRule::SecondPrice,
            cost: Amount(cost),
            active: 0,
            capacity: 4,
            now: Timestamp(number / 1_000 % 24 * 3_600_000),
            draw: number,
        }
    }

    /// Bids for work that costs 100 beside somebody who asks `rival`; what it asked.
    fn compete(bidder: &mut Bidder, number: u64, rival: u128) -> Amount {
        let capability = "text.echo".parse().expect("a name");
        let asked = bidder.price(&call(&capability, number, 100)).expect("it may bid");
        if asked.0 < rival {
            bidder.awarded((number, None), (Amount(rival), None), Timestamp(1));
            bidder.attempted((number, None), Some(Amount(rival)), Timestamp(2));
        }
        bidder.ended((number, None), 1);
        asked
    }

    #[test]
    fn a_bandit_finds_the_margins_that_win_and_remembers_them_when_it_is_stored() {
        let mut bidder = Bidder::default();
        for hour in 0..24u64 {
            bidder = Bidder::new(Some(StrategyChoice::Bandit), None);
            let mut ask = |number| compete(&mut bidder, hour * 1_000 + number, 105).0;
            let asks: Vec<u128> = (0..48u64).map(&mut ask).collect();
            let lost = |asks: &[u128]| asks.iter().filter(|asked| **asked >= 105).count();
            assert!(lost(&asks[..12]) >= 6, "it tries margins that lose: {asks:?}");
            assert!(lost(&asks[24..]) <= 7, "it does not find its cost: {asks:?}");
            assert!(asks.iter().all(|asked| (100..=200).contains(asked)), "{asks:?}");
        }

        let stored = bidder.take_changed().expect("it learned").encode();
        assert_eq!(bidder.take_changed(), None);
        let memory = BidderMemory::decode(&mut &stored[..]).expect("its own bytes");
        let mut other = Bidder::new(Some(StrategyChoice::Bandit), Some(memory));
        let next = |bidder: &mut Bidder| compete(bidder, 23_999, 105);
        assert_eq!(next(&mut other), next(&mut bidder));
        let stats = other.state().stats(&"text.echo".parse().expect("a name"));
        assert_eq!((stats.bids, stats.failed), (49, 0));
        assert_eq!(stats.wins, stats.accepted);
    }

    #[test]
    fn another_strategy_learns_anew_and_keeps_the_figures() {
        let mut bidder = Bidder::new(Some(StrategyChoice::Bandit), None);
        compete(&mut bidder, 1, 105);
        let memory = bidder.take_changed().cloned();
        let floor = Bidder::new(Some(StrategyChoice::StaticFloor), memory.clone());
        assert_eq!(floor.state(), bidder.state());
        assert_ne!(floor.memory, memory.expect("it learned"));
    }

    #[test]
    fn nobody_asks_less_than_the_cost_or_more_than_the_reserve() {
        let capability: CapabilityName = "text.echo".parse().expect("a name");
        for choice in StrategyChoice::ALL.map(Some).into_iter().chain([None]) {
            let mut bidder = Bidder::new(choice, None);
            for number in 0..2 * OPEN_ASKS_MAX as u64 {
                let cost = 1 + u128::from(number) % 250;
                let asked = bidder.price(&call(&capability, number, cost));
                assert_eq!(asked.is_some(), cost <= 200, "{choice:?} at {cost}");
                assert!(asked.is_none_or(|asked| (cost..=200).contains(&asked.0)), "{choice:?}");
            }
            assert_eq!(bidder.memory.asks.len(), OPEN_ASKS_MAX);
            bidder.forget_asks(|number| number == 1_000);
            assert_eq!(bidder.memory.asks.len(), 1);
        }
    }
}
