//! How the negotiation strategies do against each other, as one JSON object a line.
//!
//! `cargo run --release -p ainur-market --example negotiation_table -- [NEGOTIATIONS]`: first the
//! reference scenario (half Boulware, half conceder) for five seeds and several numbers of rounds,
//! then every pair of strategies, over price alone and over four issues. Floats are used to draw
//! the scenario and to print, never to negotiate.
use ainur_market::negotiation::bargain::{NegotiationGrid, Worth};
use ainur_market::negotiation::strategy::negotiate;
use ainur_market::negotiation::terms::ROUNDS_DEFAULT;
use ainur_market::negotiation::{
    IssueWeights, Negotiation, NegotiationRules, NegotiationSide, Negotiator, Package, Preferences,
    Tactic,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{
    Amount, Did, Digest, DisputeResolution, DurationMs, Ppm, QualityLevel, TaskId, Timestamp,
};

const TACTICS: [(&str, Tactic); 5] = [
    ("boulware", Tactic::BOULWARE),
    ("conceder", Tactic::CONCEDER),
    ("tit-for-tat", Tactic::TitForTat),
    ("micro", Tactic::MICRO),
    ("learned", Tactic::LearnedReservation),
];
/// Prices of the grid by which Nash's point is found.
const GRID_STEPS: u32 = 400;
const HOUR: u64 = 3_600_000;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        let (one, other) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }

    fn chance(&mut self, share: f64) -> bool {
        self.uniform() < share
    }
}

fn ainu(value: f64) -> Amount {
    Amount((value * 1e12) as u128)
}

/// Cost and value as the reference scenarios draw them.
fn reservations(numbers: &mut Numbers) -> (Amount, Amount) {
    let cost = (100f64.ln() + 0.5 * numbers.normal()).exp();
    let value = 100.0 * (1.0 + 1.5 * numbers.uniform());
    (ainu(cost), ainu(value))
}

fn package(hours: u64, quality_level: QualityLevel, payment: PaymentTerms) -> Package {
    Package {
        timeline_ms: DurationMs(hours * HOUR),
        quality_level,
        payment,
        dispute_resolution: DisputeResolution::Chain,
    }
}

fn price_only(side: NegotiationSide, limit: Amount) -> Preferences {
    let package = package(1, QualityLevel::Standard, PaymentTerms::Completion);
    Preferences::price_only(side, side.ideal_price(limit), limit, package)
}

/// Price counts 40 to 70%, the rest is divided by chance; no agreement is worth half of what is
/// not price.
fn four_issues(side: NegotiationSide, limit: Amount, numbers: &mut Numbers) -> Preferences {
    let price = 400_000 + (300_000.0 * numbers.uniform()) as u32;
    let rest = 1_000_000 - price;
    let timeline = (f64::from(rest) * numbers.uniform()) as u32;
    let quality = (f64::from(rest - timeline) * numbers.uniform()) as u32;
    let schedule = rest - timeline - quality;
    let (ideal, worst, worths) = match side {
        NegotiationSide::Buyer => (1, 4, [300_000, 1_000_000]),
        NegotiationSide::Seller => (4, 1, [1_000_000, 200_000]),
    };
    let mut packages = Vec::new();
    for hours in [1, 2, 4] {
        for level in [QualityLevel::Standard, QualityLevel::Premium] {
            packages.push(package(hours, level, PaymentTerms::Completion));
            packages.push(package(hours, level, PaymentTerms::Upfront));
        }
    }
    let mut preferences = Preferences {
        weights: IssueWeights {
            price: Ppm(price),
            timeline: Ppm(timeline),
            quality: Ppm(quality),
            schedule: Ppm(schedule),
        },
        timeline_ideal_ms: DurationMs(ideal * HOUR),
        timeline_limit_ms: DurationMs(worst * HOUR),
        quality: [Some(Ppm(worths[0])), Some(Ppm(worths[1])), None],
        ..price_only(side, limit)
    };
    packages.sort_by_key(|package| preferences.utility(&package.at(preferences.price_ideal)));
    packages.reverse();
    preferences.packages = packages;
    preferences.utility_min = Ppm(rest / 2);
    preferences.validate().expect("good preferences");
    preferences
}

fn rules(task: u64, rounds_max: u32) -> NegotiationRules {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&task.to_be_bytes());
    let opened = Timestamp(1_000_000);
    NegotiationRules {
        task: TaskId(Digest(bytes)),
        buyer: Did(Digest([1; 32])),
        seller: Did(Digest([2; 32])),
        card: Digest([3; 32]),
        cancellation: CancellationPolicy::default(),
        opened,
        deadline: opened.plus(DurationMs::seconds(600)),
        rounds_max,
        valid_until: opened.plus(DurationMs::seconds(1_200)),
    }
}

/// What came of many negotiations.
#[derive(Default)]
struct Tally {
    all: u32,
    zone: u32,
    /// Rounds of each that settled.
    rounds: Vec<u32>,
    nash: Vec<u32>,
    pareto: Vec<u32>,
    /// From what both sides have without an agreement to Nash's point.
    apart: Vec<u32>,
}

impl Tally {
    fn run(&mut self, rounds_max: u32, tactics: [Tactic; 2], sides: [Preferences; 2]) {
        self.all += 1;
        let [buyer, seller] = &sides;
        let (low, high) =
            (seller.price_limit.min(buyer.price_limit), seller.price_limit.max(buyer.price_limit));
        let grid = NegotiationGrid::new(low, high, GRID_STEPS, buyer.packages.clone());
        let Some(nash) = grid.nash_point(buyer, seller) else { return };
        self.zone += 1;
        let seed = Digest([9; 32]);
        let [mut one, mut other] = [0, 1].map(|index| {
            let preferences: &Preferences = &sides[index];
            Negotiator::new(preferences.clone(), tactics[index].strategy(preferences, seed))
        });
        let rules = rules(u64::from(self.all), rounds_max);
        let session = negotiate(rules, &mut one, &mut other, DurationMs::seconds(1));
        let session: Negotiation = session.expect("good rules and messages");
        let Some(terms) = session.agreed() else { return };
        let worth = Worth::of(&terms.agreed, buyer, seller).expect("nobody agrees to a loss");
        self.rounds.push(session.round());
        self.nash.push(worth.distance(nash.worth));
        let nothing = Worth { buyer: buyer.utility_min, seller: seller.utility_min };
        self.apart.push(nothing.distance(nash.worth));
        self.pareto.push(grid.pareto_distance(buyer, seller, worth));
    }

    fn within(&self, rounds: u32) -> f64 {
        let settled = self.rounds.iter().filter(|took| **took <= rounds).count();
        settled as f64 / f64::from(self.zone.max(1))
    }
}

fn quantile(values: &mut [u32], share: f64) -> u32 {
    values.sort_unstable();
    let place = (values.len() as f64 * share).ceil() as usize;
    values.get(place.max(1) - 1).copied().unwrap_or(0)
}

fn mean(values: &[u32]) -> f64 {
    values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len().max(1) as f64 / 1e6
}

/// A ratio above one is good: shares are better large, rounds and distances small.
fn line(metric: &str, value: f64, unit: &str, peer: &str, peer_value: f64) {
    let ratio = if unit == "share" { value / peer_value } else { peer_value / value };
    println!(
        "{{\"bench\":\"negotiation\",\"metric\":\"{metric}\",\"value\":{value:.4},\"unit\":\"{unit}\",\
         \"peer\":\"{peer}\",\"peer_value\":{peer_value:.4},\"ratio\":{:.4}}}",
        if ratio.is_finite() { ratio } else { 0.0 }
    );
}

fn reference(seed: u64, count: u32, rounds_max: u32) -> Tally {
    let mut numbers = Numbers(seed);
    let mut tally = Tally::default();
    for _ in 0..count {
        let (cost, value) = reservations(&mut numbers);
        let tactics =
            [0; 2].map(|_| if numbers.chance(0.5) { Tactic::BOULWARE } else { Tactic::CONCEDER });
        let sides =
            [price_only(NegotiationSide::Buyer, value), price_only(NegotiationSide::Seller, cost)];
        tally.run(rounds_max, tactics, sides);
    }
    tally
}

fn pair(tactics: [Tactic; 2], count: u32, rounds_max: u32, four: bool) -> Tally {
    let mut numbers = Numbers(1);
    let mut tally = Tally::default();
    for _ in 0..count {
        let (cost, value) = reservations(&mut numbers);
        let sides = [(NegotiationSide::Buyer, value), (NegotiationSide::Seller, cost)];
        let sides = sides.map(|(side, limit)| {
            if four { four_issues(side, limit, &mut numbers) } else { price_only(side, limit) }
        });
        tally.run(rounds_max, tactics, sides);
    }
    tally
}

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(500);
    for rounds_max in [ROUNDS_DEFAULT, 4, 5, 10] {
        for seed in 1..=5 {
            let tally = reference(seed, count, rounds_max);
            let name = format!("reference.rounds{rounds_max}.seed{seed}");
            let zone = f64::from(tally.zone) / f64::from(tally.all);
            line(&format!("{name}.zone"), zone, "share", "all", 1.0);
            line(&format!("{name}.settled"), tally.within(u32::MAX), "share", "with a zone", 1.0);
            line(&format!("{name}.in3"), tally.within(3), "share", "target", 0.8);
        }
    }
    for (domain, four) in [("price", false), ("four", true)] {
        for rounds_max in [ROUNDS_DEFAULT, 10] {
            for (one, buyer) in TACTICS {
                for (other, seller) in TACTICS {
                    let mut tally = pair([buyer, seller], count, rounds_max, four);
                    let name = format!("{domain}.rounds{rounds_max}.{one}/{other}");
                    line(&format!("{name}.settled"), tally.within(u32::MAX), "share", "zone", 1.0);
                    for (part, share) in [("p50", 0.5), ("p80", 0.8)] {
                        let rounds = f64::from(quantile(&mut tally.rounds, share));
                        line(
                            &format!("{name}.{part}"),
                            rounds,
                            "rounds",
                            "limit",
                            rounds_max.into(),
                        );
                    }
                    let apart = mean(&tally.apart);
                    for (part, values) in [("nash", &tally.nash), ("pareto", &tally.pareto)] {
                        let peer = "no agreement to the Nash point";
                        line(&format!("{name}.{part}"), mean(values), "utility", peer, apart);
                    }
                }
            }
        }
    }
}
