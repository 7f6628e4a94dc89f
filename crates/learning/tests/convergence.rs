//! Learned strategies converge towards cost where the price is the second one, and keep a margin
//! where the winner is paid what it asked. Costs are drawn from the reference distribution; the
//! second price is that of the production rule, which decides real auctions.
use std::collections::BTreeMap;

use ainur_crypto::draw::Draw;
use ainur_crypto::hash::tagged;
use ainur_learning::{MarginLearner, Strategist};
use ainur_market::auction::mechanism::{Contender, decide};
use ainur_market::strategy::{
    BidOutcome, BidStrategy, BidderState, Opportunity, PaymentRule, StrategyChoice,
};
use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, Ppm, SelectionRule, TaskId, Timestamp,
};

const BIDDERS: u8 = 6;
const RESERVE: Amount = Amount(250_000_000);

/// A market of bidders with the same strategy, in which nothing but the price decides.
struct Market {
    bidders: Vec<(Strategist, BidderState)>,
    draw: Draw,
    capability: CapabilityName,
    rounds: u64,
}

impl Market {
    fn new(strategist: &Strategist, seed: u8) -> Self {
        let bidder = (strategist.clone(), BidderState::new(1));
        Self {
            bidders: vec![bidder; usize::from(BIDDERS)],
            draw: Draw::new(Digest([seed; 32]), "convergence"),
            capability: "text.digest".parse().expect("a name"),
            rounds: 0,
        }
    }

    /// A cost around 100, about lognormal with σ = 0.5: the product of twelve small steps.
    fn cost(&mut self) -> Amount {
        let mut cost = 100e6;
        for _ in 0..12 {
            let step = self.draw.next_below(1_000_001) as f64 / 1e6 - 0.5;
            cost *= 1.0 + 0.5 * step + 0.125 * step * step;
        }
        Amount(cost as u128)
    }

    /// One call; returns the margin each bidder asked, in parts per million of its cost. The
    /// outcome tells the critical price only when `transcript` says that it is published.
    fn round(&mut self, rule: PaymentRule, transcript: bool) -> Vec<u64> {
        self.rounds += 1;
        let task = TaskId(tagged("round", &[&self.rounds.to_le_bytes()]));
        let costs: Vec<Amount> = (0..BIDDERS).map(|_| self.cost()).collect();
        let mut contenders = Vec::new();
        for (number, (strategist, state)) in self.bidders.iter_mut().enumerate() {
            let draw = self.draw.next_u64();
            let opportunity = Opportunity {
                task,
                capability: &self.capability,
                cost: costs[number],
                ceiling: None,
                rule,
                competitors: u32::from(BIDDERS) - 1,
                now: Timestamp(self.rounds * 60_000),
                draw,
            };
            let price = strategist.quote(&opportunity, state).expect("an idle bidder bids");
            state.asked(&self.capability, costs[number], price);
            contenders.push(contender(number as u8, price));
        }
        let asked: Vec<Amount> = contenders.iter().map(|contender| contender.price).collect();
        let critical: Vec<Amount> = (0..contenders.len())
            .map(|number| {
                let others = contenders.iter().filter(|other| other.bidder != did(number as u8));
                others.map(|other| other.price).min().expect("there are others").min(RESERVE)
            })
            .collect();
        contenders.retain(|contender| contender.price <= RESERVE);
        let decided = decide(SelectionRule::Cheapest, RESERVE, Amount::ZERO, &mut contenders);
        for (number, (strategist, state)) in self.bidders.iter_mut().enumerate() {
            let won = contenders.first().is_some_and(|first| first.bidder == did(number as u8));
            let paid = decided.filter(|_| won).map(|(payment, _)| match rule {
                PaymentRule::SecondPrice => payment,
                PaymentRule::OwnPrice => asked[number],
            });
            strategist.learn(&BidOutcome {
                task,
                cost: costs[number],
                asked: asked[number],
                paid,
                critical: transcript.then_some(critical[number]),
            });
            if paid.is_some() {
                state.won(&self.capability);
                state.finished(&self.capability, paid, costs[number], DurationMs(1));
            }
        }
        let margin =
            |(asked, cost): (&Amount, &Amount)| ((asked.0 - cost.0) * 1_000_000 / cost.0) as u64;
        asked.iter().zip(&costs).map(margin).collect()
    }

    /// The median margin over the last `counted` of so many rounds.
    fn median(
        &mut self,
        rule: PaymentRule,
        rounds: usize,
        counted: usize,
        transcript: bool,
    ) -> u64 {
        let mut margins = Vec::new();
        for round in 0..rounds {
            let asked = self.round(rule, transcript);
            if round >= rounds - counted {
                margins.extend(asked);
            }
        }
        margins.sort_unstable();
        margins[margins.len() / 2]
    }
}

fn did(number: u8) -> Did {
    Did(Digest([number; 32]))
}

fn contender(number: u8, price: Amount) -> Contender {
    Contender {
        bidder: did(number),
        price,
        estimated_duration_ms: DurationMs(1),
        failure_probability: Ppm::ZERO,
        lot: Digest([number; 32]),
    }
}

/// Everything in full with `AINUR_TEST_LONG=1`; otherwise what a build without optimisation does in
/// seconds.
fn is_long() -> bool {
    std::env::var_os("AINUR_TEST_LONG").is_some()
}

/// By seed, the median margin at the end of so many rounds, a quarter of them unless in full.
fn medians(
    strategist: &Strategist,
    rule: PaymentRule,
    rounds: usize,
    transcript: bool,
) -> Vec<u64> {
    let (seeds, rounds) = if is_long() { (1..=3, rounds) } else { (1..=1, rounds / 4) };
    let of = |seed| Market::new(strategist, seed).median(rule, rounds, rounds / 5, transcript);
    seeds.map(of).collect()
}

#[test]
fn a_bandit_converges_to_cost_under_a_second_price_and_not_when_paid_its_own() {
    let bandit = Strategist::new(StrategyChoice::Bandit);
    let second = medians(&bandit, PaymentRule::SecondPrice, 1_000, true);
    let own = medians(&bandit, PaymentRule::OwnPrice, 1_000, true);
    println!("bandit, transcripts: second price {second:?} ppm, own price {own:?} ppm");
    assert!(second.iter().all(|margin| *margin <= 20_000), "{second:?}");
    assert!(own.iter().all(|margin| *margin >= 70_000), "{own:?}");
}

#[test]
fn a_bandit_that_sees_no_transcript_keeps_a_smaller_margin_under_a_second_price() {
    let bandit = Strategist::new(StrategyChoice::Bandit);
    let second = medians(&bandit, PaymentRule::SecondPrice, 3_000, false);
    let own = medians(&bandit, PaymentRule::OwnPrice, 3_000, false);
    println!("bandit, own outcomes only: second price {second:?} ppm, own price {own:?} ppm");
    assert!(second.iter().zip(&own).all(|(second, own)| second < own), "{second:?} {own:?}");
}

#[test]
fn a_trained_policy_asks_about_its_cost_under_a_second_price_and_more_when_paid_its_own() {
    let policy = Strategist::new(StrategyChoice::Policy);
    let second = medians(&policy, PaymentRule::SecondPrice, 400, true);
    let own = medians(&policy, PaymentRule::OwnPrice, 400, true);
    println!("policy: second price {second:?} ppm, own price {own:?} ppm");
    assert!(second.iter().all(|margin| *margin <= 40_000), "{second:?}");
    assert!(own.iter().all(|margin| *margin >= 70_000), "{own:?}");
}

#[test]
fn a_learner_finds_that_a_margin_pays_only_when_it_is_paid_its_own_price() {
    let learner = Strategist::Learner(Box::<MarginLearner>::default());
    let mut margins = BTreeMap::new();
    for rule in [PaymentRule::SecondPrice, PaymentRule::OwnPrice] {
        let mut market = Market::new(&learner, 9);
        margins.insert(rule == PaymentRule::OwnPrice, market.median(rule, 1_000, 200, true));
    }
    println!("learner: own price? {margins:?} ppm");
    assert!(margins[&false] < margins[&true], "{margins:?}");
}

#[test]
fn the_same_draws_give_the_same_prices_and_a_stored_memory_goes_on_the_same() {
    let bandit = Strategist::new(StrategyChoice::Bandit);
    let run = |stored: bool| {
        let mut market = Market::new(&bandit, 4);
        let mut prices = Vec::new();
        for round in 0..120 {
            if stored && round == 60 {
                for (strategist, _) in &mut market.bidders {
                    let bytes = scale::Encode::encode(strategist);
                    *strategist = scale::Decode::decode(&mut &bytes[..]).expect("what was stored");
                }
            }
            prices.push(market.round(PaymentRule::OwnPrice, round % 2 == 0));
        }
        prices
    };
    assert_eq!(run(false), run(true));
}
