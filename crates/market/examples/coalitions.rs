//! How often coalitions win complex tasks, where they are cheaper and where they are not.
//!
//! `cargo run --example coalitions -- [TASKS] [SEED]` prints one JSON object per line.
//!
//! The task graphs are those of the reference scenario `complex`: 3 to 8 subtasks, private costs
//! lognormal(ln 100, 0.5), a reserve of 100 × U(1, 2.5) and a longest duration of U(1, 4) median
//! durations for each subtask; half of the graphs have no synergy, in the others each seller saves
//! U(0, 30) % on a stage that it shares with other members of its team. Each subtask needs each
//! earlier one with probability 1/4; durations are lognormal like costs. `thin` has 3 sellers per
//! subtask, `mature` 50.
//!
//! Three leads each know every seller with the given probability and form a team of whom they
//! know; they do not know what others bid, so the members of each stage bid as a coalition of their
//! own. All sellers bid for themselves, too. The auction is [`combinatorial`], which is truthful:
//! everybody asks its cost. A coalition *is cheaper* where the best team of all sellers together asks less than the
//! lowest single bids, and *enters cheaper* where one of those that bid does.
//!
//! [`combinatorial`]: ainur_market::combinatorial
use ainur_market::coalition::{
    Coverage, Formation, ShapleyValues, SharingBasis, SubtaskBid, SynergyTerms, Team, blocking,
    share,
};
use ainur_market::combinatorial::mechanism::{Contender, LOT_BITS, decide};
use ainur_market::combinatorial::{Method, SubtaskSet};
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, Subtask, TaskGraph, TaskId};

const LEADS: usize = 3;
const UNITS: f64 = 1e6;

/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between zero and one.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Lognormal with this median and σ = 0.5, by Box and Muller.
    fn lognormal(&mut self, median: f64) -> f64 {
        let (one, other) = (1.0 - self.unit(), self.unit());
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        median * (0.5 * normal).exp()
    }
}

struct Job {
    graph: TaskGraph,
    bids: Vec<SubtaskBid>,
    synergies: Vec<SynergyTerms>,
}

#[derive(Default)]
struct Tally {
    tasks: u64,
    cheaper: u64,
    won_where_cheaper: u64,
    entered: u64,
    entered_cheaper: u64,
    won_where_entered_cheaper: u64,
    won_where_dearer: u64,
    won: u64,
    below_bid: u64,
    in_core: u64,
    cost_single: u128,
    cost_with_coalitions: u128,
    cost_best: u128,
    divided: u64,
}

fn did(number: u64) -> Did {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Did(Digest(bytes))
}

fn job(numbers: &mut Numbers, sellers: u64) -> Job {
    let count = 3 + (numbers.next() % 6) as u16;
    let mut graph = TaskGraph::default();
    for index in 0..count {
        graph.subtasks.push(Subtask {
            name: format!("part-{index}"),
            capability: format!("work.part-{index}").parse().expect("a name"),
            parameters: "{}".into(),
            reserve: Amount((100.0 * UNITS * numbers.between(1.0, 2.5)) as u128),
            duration_ms_max: DurationMs((1_000.0 * numbers.between(1.0, 4.0)) as u64),
            needs: (0..index).filter(|_| numbers.next().is_multiple_of(4)).collect(),
        });
    }
    let has_synergy = numbers.next().is_multiple_of(2);
    let (mut bids, mut synergies) = (Vec::new(), Vec::new());
    for subtask in 0..count {
        for seller in 0..sellers {
            let agent = did(u64::from(subtask) * 1_000 + seller + 1);
            bids.push(SubtaskBid {
                agent,
                card: Digest::ZERO,
                subtask,
                price: Amount((numbers.lognormal(100.0) * UNITS) as u128),
                estimated_duration_ms: DurationMs(numbers.lognormal(1_000.0) as u64),
                bond: Amount(0),
            });
            let saving = Ppm((300_000.0 * numbers.unit()) as u32);
            if has_synergy {
                let task = TaskId(Digest::ZERO);
                synergies.push(SynergyTerms { task, agent, partners: Vec::new(), saving });
            }
        }
    }
    Job { graph, bids, synergies }
}

/// A bid for all subtasks of a team or for one, by a bidder of its own.
fn contender(bidder: usize, subtasks: SubtaskSet, price: Amount) -> Contender {
    let lot = (Numbers(bidder as u64).next() >> (64 - LOT_BITS)) as u32;
    Contender { bidder: bidder as u32, subtasks, price, expected_loss: Amount::ZERO, lot }
}

/// The two lowest bids for each subtask: no other single bid can win or set a price.
fn lowest(graph: &TaskGraph, bids: &[SubtaskBid]) -> Vec<SubtaskBid> {
    let mut lowest = Vec::new();
    for (subtask, wanted) in (0_u16..).zip(&graph.subtasks) {
        let in_time = |bid: &&SubtaskBid| {
            bid.subtask == subtask && bid.estimated_duration_ms <= wanted.duration_ms_max
        };
        let mut here: Vec<&SubtaskBid> = bids.iter().filter(in_time).collect();
        here.sort_by_key(|bid| bid.price);
        lowest.extend(here.into_iter().take(2).cloned());
    }
    lowest
}

fn run(numbers: &mut Numbers, sellers: u64, acquaintance: f64, tally: &mut Tally) {
    let Job { graph, bids, synergies } = job(numbers, sellers);
    let form = |bids: Vec<SubtaskBid>| {
        Formation::new(&graph, bids, synergies.clone()).expect("a good job")
    };
    let everybody = form(bids.clone());
    let single: u128 = everybody.alternatives().iter().map(|price| price.0).sum();
    let best_team = everybody.team(Coverage::Profitable);
    let mut coalitions: Vec<Team> = Vec::new();
    for _ in 0..LEADS {
        let known = bids.iter().filter(|_| numbers.unit() < acquaintance).cloned().collect();
        let team = form(known).team(Coverage::Profitable);
        coalitions.extend(team.iter().flat_map(Team::by_stage));
    }
    let mut contenders: Vec<Contender> = Vec::new();
    for team in &coalitions {
        let subtasks = team.members.iter().map(|member| usize::from(member.bid.subtask));
        contenders.push(contender(contenders.len(), subtasks.collect(), team.price));
    }
    for bid in lowest(&graph, &bids) {
        let subtasks = [usize::from(bid.subtask)].into_iter().collect();
        contenders.push(contender(contenders.len(), subtasks, bid.price));
    }
    let reserves: Vec<Amount> = graph.subtasks.iter().map(|subtask| subtask.reserve).collect();
    let decision = decide(&reserves, &contenders);
    assert_eq!(decision.method, Method::Exact);
    let gains = decision.wins.iter().filter_map(|win| contenders[win.place].gain(&reserves));
    let cost = reserves.iter().copied().sum::<Amount>().0 - gains.sum::<Amount>().0;

    let rivals = |team: &Team| -> Amount {
        let each = team.members.iter().map(|member| usize::from(member.bid.subtask));
        each.map(|subtask| everybody.alternatives()[subtask]).sum()
    };
    let wins = decision.wins.iter().any(|win| win.place < coalitions.len());
    let entered_cheaper = coalitions.iter().any(|team| team.price < rivals(team));
    tally.tasks += 1;
    tally.cheaper += u64::from(best_team.is_some());
    tally.won += u64::from(wins);
    tally.won_where_cheaper += u64::from(best_team.is_some() && wins);
    tally.entered += u64::from(!coalitions.is_empty());
    tally.entered_cheaper += u64::from(entered_cheaper);
    tally.won_where_entered_cheaper += u64::from(entered_cheaper && wins);
    tally.won_where_dearer += u64::from(!entered_cheaper && wins);
    tally.cost_single += single;
    tally.cost_with_coalitions += cost;
    tally.cost_best += single - best_team.map_or(0, |team| team.saving().0);
    for win in &decision.wins {
        if let Some(team) = coalitions.get(win.place) {
            divide(&everybody, team, win.payment, tally);
        }
    }
}

/// Divides what a winning team is paid by what each member contributes. What part of the team could
/// gain alone is what it asks less than the lowest single bids, in the proportion in which the
/// whole team is paid what it could gain.
fn divide(everybody: &Formation, team: &Team, payment: Amount, tally: &mut Tally) {
    let mut team = team.clone();
    for member in &mut team.members {
        member.alternative = everybody.alternatives()[usize::from(member.bid.subtask)];
    }
    let asked: Vec<Amount> = team.members.iter().map(|member| member.price).collect();
    let bids: u128 = asked.iter().map(|price| price.0).sum();
    let (all, paid) = (everybody.worth(&team, (1 << asked.len()) - 1).0, payment.0 - bids);
    let own = |set: u64| everybody.worth(&team, set).0 * paid / all.max(1);
    let worth = |set: u64| {
        let members = asked.iter().enumerate();
        let here = members.filter(|(place, _)| set >> place & 1 == 1);
        Amount(here.map(|(_, price)| price.0).sum::<u128>() + own(set))
    };
    let values = ShapleyValues::exact(asked.len(), worth).expect("a small team");
    let shares =
        share(payment, &asked, SharingBasis::Contribution(&values)).expect("above the bids");
    assert_eq!(shares.iter().copied().sum::<Amount>(), payment);
    tally.below_bid += shares.iter().zip(&asked).filter(|(share, bid)| share < bid).count() as u64;
    let gains: Vec<Amount> =
        shares.iter().zip(&asked).map(|(share, bid)| share.saturating_sub(*bid)).collect();
    let blocked = blocking(&gains, |set| Amount(own(set))).expect("a small team");
    // One unit each is rounding.
    let rounding = asked.len() as u128;
    let holds = blocked.is_none_or(|blocked| blocked.worth.0 - blocked.gain.0 <= rounding);
    tally.divided += 1;
    tally.in_core += u64::from(holds);
}

fn line(scenario: &str, metric: &str, value: f64, unit: &str, peer: &str, peer_value: f64) {
    let ratio = if peer_value == 0.0 { 1.0 } else { value / peer_value };
    println!(
        "{{\"bench\":\"coalitions/{scenario}\",\"metric\":\"{metric}\",\"value\":{value:.4},\
         \"unit\":\"{unit}\",\"peer\":\"{peer}\",\"peer_value\":{peer_value:.4},\
         \"ratio\":{ratio:.4}}}"
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut argument = |default| match arguments.next() {
        None => default,
        Some(number) => number.expect("whole numbers"),
    };
    let (tasks, seed) = (argument(1_000), argument(1));
    for (scenario, sellers) in [("thin", 3), ("mature", 50)] {
        for acquaintance in [0.25, 0.5, 1.0] {
            let mut numbers = Numbers(seed);
            let mut tally = Tally::default();
            for _ in 0..tasks {
                run(&mut numbers, sellers, acquaintance, &mut tally);
            }
            let name = format!("{scenario}-{}", (acquaintance * 100.0) as u32);
            let part = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
            let cheaper = part(tally.cheaper, tally.tasks);
            line(&name, "coalition_is_cheaper", cheaper, "share of tasks", "all tasks", 1.0);
            let rate = part(tally.won_where_cheaper, tally.cheaper);
            line(&name, "win_rate_where_cheaper", rate, "share of tasks", "required", 0.4);
            let rate = part(tally.won_where_entered_cheaper, tally.entered_cheaper);
            line(&name, "win_rate_where_entered_cheaper", rate, "share of tasks", "exact", 1.0);
            let wrong = tally.won_where_dearer as f64;
            line(&name, "wins_where_dearer", wrong, "tasks", "required", 0.0);
            let lost = part(tally.entered - tally.won, tally.entered);
            line(&name, "lost_where_entered", lost, "share of tasks", "all entered", 1.0);
            let cost = tally.cost_with_coalitions as f64 / tally.cost_single as f64;
            let best = tally.cost_best as f64 / tally.cost_single as f64;
            line(&name, "cost_against_single_bids", cost, "ratio", "best team of all", best);
            let below = tally.below_bid as f64;
            line(&name, "shares_below_bid", below, "members", "required", 0.0);
            let stable = part(tally.in_core, tally.divided);
            line(&name, "divisions_in_core", stable, "share of wins", "all wins", 1.0);
        }
    }
}
