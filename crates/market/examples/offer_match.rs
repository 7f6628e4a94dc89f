//! How long it takes to find the best standing offer, beside looking at every offer.
//!
//! `cargo run --release -p ainur-market --example offer_match` prints one JSON object a line.
//! Offers: skewed base prices around 100 AINU, a tenth at exactly 100; failure probabilities from a
//! tenth of a per cent to a half, most of them low; a third with premium hours that are on, a tenth
//! with volume discounts, a fifth with a minimum budget; half of all at work. Requests: reserves
//! around the median price, losses from nothing to nine times the reserve, a quarter from buyers
//! with a history. `one-capability` has every offer on one shelf, `spread` has twenty shelves. A
//! task is taken for every match and the oldest one given back, so that the index changes as it
//! would.
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU16;
use std::time::Instant;

use ainur_market::offer::{
    OfferBoard, OfferCapacity, OfferPricing, OfferRequest, OfferTerms, PremiumHours, VolumeDiscount,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, TaskId,
    Timestamp,
};

use figure::Figure;

#[path = "../../../benches/figure.rs"]
mod figure;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const MATCHES: usize = 50_000;
const MIDDLE: u128 = 100 * 1_000_000_000_000;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// A product of twelve factors from 0.76 to 1.26: skewed as prices are.
    fn price(&mut self) -> Amount {
        let factor = |numbers: &mut Self| u128::from(760 + numbers.below(500));
        Amount((0..12).fold(MIDDLE, |price, _| price * factor(self) / 1_000))
    }
}

fn digest(number: u64) -> Digest {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Digest(bytes)
}

fn capability(number: u64) -> CapabilityName {
    format!("work.kind-{number}").parse().expect("a name")
}

fn terms(numbers: &mut Numbers, seller: u64, kinds: u64) -> OfferTerms {
    let quality = [QualityLevel::Standard, QualityLevel::Premium, QualityLevel::Enterprise];
    let flat = numbers.below(10) == 0;
    let base_price = if flat { Amount(MIDDLE) } else { numbers.price() };
    let premium = PremiumHours {
        weekdays: 127,
        from_minute: 0,
        until_minute: 1_440,
        surcharge: Ppm(numbers.below(500_000) as u32),
    };
    let discount = VolumeDiscount { tasks_min: 5, discount: Ppm(numbers.below(400_000) as u32) };
    OfferTerms {
        seller: Did(digest(seller)),
        serial: seller,
        card: Digest([1; 32]),
        capabilities: vec![capability(numbers.below(kinds))],
        quality_level: quality[numbers.below(3) as usize],
        estimated_duration_ms: DurationMs(1_000 + numbers.below(9_000)),
        pricing: OfferPricing {
            base_price,
            volume_discount: if numbers.below(10) == 0 { vec![discount] } else { vec![] },
            premium_hours: if numbers.below(3) == 0 { vec![premium] } else { vec![] },
        },
        capacity: OfferCapacity {
            concurrent_tasks: 1 + numbers.below(4) as u32,
            queue_size: numbers.below(8) as u32,
            estimated_wait_ms: DurationMs(2_000),
        },
        minimum_budget: if numbers.below(5) == 0 { Amount(MIDDLE / 2) } else { Amount::ZERO },
        payment: PaymentTerms::Completion,
        cancellation: CancellationPolicy::default(),
        valid_from: Timestamp(0),
        valid_until: Timestamp(u64::MAX),
    }
}

/// A board, and the tasks under it, oldest first.
struct World {
    numbers: Numbers,
    board: OfferBoard,
    digests: Vec<Digest>,
    held: VecDeque<TaskId>,
    tasks: u64,
    kinds: u64,
}

impl World {
    fn new(offers: u64, kinds: u64) -> Self {
        let mut numbers = Numbers(offers + kinds);
        let mut board = OfferBoard::new();
        let mut digests = vec![];
        for seller in 0..offers {
            let failure = 1_000 + numbers.below(500_000) * numbers.below(1_000) / 1_000;
            let offered = terms(&mut numbers, seller, kinds);
            digests.push(board.post(offered, Ppm(failure as u32), NOW).expect("good terms"));
        }
        let mut world = Self { numbers, board, digests, held: VecDeque::new(), tasks: 0, kinds };
        for at in (0..world.digests.len()).step_by(2) {
            world.take(world.digests[at]);
        }
        world
    }

    fn take(&mut self, offer: Digest) {
        self.tasks += 1;
        let (task, buyer) = (TaskId(digest(self.tasks)), Did(digest((1 << 40) + self.tasks % 50)));
        self.board.take(&offer, task, buyer, NonZeroU16::MIN, NOW).expect("a place");
        self.held.push_back(task);
    }

    /// Nanoseconds of the index and, when asked for, of looking at every offer.
    fn measure(&mut self, both: bool) -> (u64, Option<u64>) {
        let wanted = capability(self.numbers.below(self.kinds));
        let mut bought = BTreeMap::new();
        if self.numbers.below(4) == 0 {
            let count = self.digests.len() as u64;
            bought.extend((0..8).map(|_| (self.digests[self.numbers.below(count) as usize], 6)));
        }
        let reserve = self.numbers.price();
        let request = OfferRequest {
            buyer: Did(digest(u64::MAX)),
            capability: &wanted,
            quality_min: [QualityLevel::Standard, QualityLevel::Premium]
                [self.numbers.below(2) as usize],
            reserve,
            loss: Amount(reserve.0 * u128::from(self.numbers.below(10))),
            selection: SelectionRule::Scored,
            failure_probability_max: Ppm(400_000),
            now: NOW,
            deadline: NOW.plus(DurationMs(20_000)),
            bought: &bought,
            excluded: &[],
            chunks: &[],
        };
        let started = Instant::now();
        let best = self.board.best(&request);
        let indexed = started.elapsed().as_nanos() as u64;
        let looked_at_all = both.then(|| {
            let started = Instant::now();
            let ranking = self.board.ranking(&request);
            let nanoseconds = started.elapsed().as_nanos() as u64;
            let first = ranking.first().filter(|entry| entry.refusal.is_none());
            assert_eq!(best, first.map(|entry| entry.terms), "both find the same");
            nanoseconds
        });
        if let Some(best) = best {
            self.take(best.offer);
            let oldest = self.held.pop_front().expect("one was taken");
            self.board.release(&oldest).expect("it has a place");
        }
        (indexed, looked_at_all)
    }
}

fn percentile(sorted: &[u64], per_cent: usize) -> f64 {
    sorted[(sorted.len() - 1) * per_cent / 100] as f64
}

fn main() {
    for (name, offers, kinds) in
        [("one-capability", 100, 1), ("one-capability", 10_000, 1), ("spread", 10_000, 20)]
    {
        let mut world = World::new(offers, kinds);
        let before = world.tasks;
        let measured: Vec<_> = (0..MATCHES).map(|round| world.measure(round % 500 == 0)).collect();
        let mut indexed: Vec<u64> = measured.iter().map(|(indexed, _)| *indexed).collect();
        let mut looked_at_all: Vec<u64> = measured.iter().filter_map(|(_, all)| *all).collect();
        indexed.sort_unstable();
        looked_at_all.sort_unstable();
        for per_cent in [50, 99] {
            let peer = ("look at every offer", percentile(&looked_at_all, per_cent));
            Figure {
                bench: "offer_match",
                metric: &format!("{name}_{offers}_p{per_cent}"),
                value: percentile(&indexed, per_cent),
                unit: "ns",
                peer: Some(peer),
            }
            .print();
        }
        let share = (world.tasks - before) * 100 / MATCHES as u64;
        eprintln!("{name}, {offers} offers: {share}% of {MATCHES} requests matched");
    }
}
