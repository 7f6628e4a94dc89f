//! Standing offers on a board: the best is the best of all, places are given and given back.
use std::collections::BTreeMap;
use std::num::NonZeroU16;

use ainur_market::offer::{
    Error, OfferBoard, OfferCapacity, OfferPlace, OfferPricing, OfferRefusal, OfferRequest,
    OfferTerms, PremiumHours, VolumeDiscount,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{
    Amount, CapabilityName, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, TaskId,
    Timestamp,
};

const NOW: Timestamp = Timestamp(1_000_000_000);
const BUYER: Did = Did(Digest([200; 32]));

fn name(text: &str) -> CapabilityName {
    text.parse().expect("a name")
}

fn did(number: u64) -> Did {
    Did(digest(number))
}

fn task(number: u64) -> TaskId {
    TaskId(digest(number))
}

fn digest(number: u64) -> Digest {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Digest(bytes)
}

fn terms(seller: u64, price: u128) -> OfferTerms {
    OfferTerms {
        seller: did(seller),
        serial: 0,
        card: Digest([1; 32]),
        capabilities: vec![name("text.translate")],
        quality_level: QualityLevel::Standard,
        estimated_duration_ms: DurationMs(1_000),
        pricing: OfferPricing {
            base_price: Amount(price),
            volume_discount: vec![],
            premium_hours: vec![],
        },
        capacity: OfferCapacity {
            concurrent_tasks: 1,
            queue_size: 1,
            estimated_wait_ms: DurationMs(1_000),
        },
        minimum_budget: Amount::ZERO,
        payment: PaymentTerms::Completion,
        cancellation: CancellationPolicy::default(),
        valid_from: Timestamp(0),
        valid_until: NOW.plus(DurationMs(100_000)),
    }
}

struct Wish {
    capability: CapabilityName,
    bought: BTreeMap<Digest, u32>,
    excluded: Vec<Did>,
}

fn wish() -> Wish {
    Wish { capability: name("text.translate"), bought: BTreeMap::new(), excluded: vec![] }
}

impl Wish {
    fn request(&self) -> OfferRequest<'_> {
        OfferRequest {
            buyer: BUYER,
            capability: &self.capability,
            quality_min: QualityLevel::Standard,
            reserve: Amount(1_000),
            loss: Amount::ZERO,
            selection: SelectionRule::Scored,
            failure_probability_max: Ppm::ONE,
            now: NOW,
            deadline: NOW.plus(DurationMs(10_000)),
            bought: &self.bought,
            excluded: &self.excluded,
            chunks: &[],
        }
    }
}

fn take(board: &mut OfferBoard, offer: &Digest, number: u64) -> Result<OfferPlace, Error> {
    board.take(offer, task(number), BUYER, NonZeroU16::MIN, NOW)
}

fn why(board: &OfferBoard, request: &OfferRequest<'_>) -> Option<OfferRefusal> {
    assert_eq!(board.best(request), None);
    board.ranking(request).first().expect("an offer").refusal
}

#[test]
fn the_cheapest_offer_wins_until_failures_cost_more_than_it_saves() {
    let mut board = OfferBoard::new();
    let cheap = board.post(terms(1, 100), Ppm(500_000), NOW).unwrap();
    let sure = board.post(terms(2, 120), Ppm(10_000), NOW).unwrap();
    let wish = wish();
    assert_eq!(board.best(&wish.request()).unwrap().offer, cheap);
    let careful = OfferRequest { loss: Amount(100), ..wish.request() };
    let found = board.best(&careful).unwrap();
    assert_eq!((found.offer, found.price, found.score), (sure, Amount(120), Amount(121)));
    let heedless = OfferRequest { selection: SelectionRule::Cheapest, ..careful };
    assert_eq!(board.best(&heedless).unwrap().offer, cheap);
    board.rate(&did(1), Ppm(0)).unwrap();
    assert_eq!(board.best(&careful).unwrap().offer, cheap, "reputation counts as it is now");
}

#[test]
fn every_reason_why_an_offer_is_not_taken_is_told() {
    use OfferRefusal as R;
    let mut board = OfferBoard::new();
    let mut picky = terms(1, 100);
    picky.minimum_budget = Amount(500);
    picky.valid_from = Timestamp(NOW.0 - 10);
    let offer = board.post(picky, Ppm(200_000), NOW).unwrap();
    let mut wish = wish();
    let reason = |change: fn(&mut OfferRequest<'_>)| {
        let mut request = wish.request();
        change(&mut request);
        why(&board, &request)
    };
    assert_eq!(reason(|request| request.buyer = did(1)), Some(R::OwnOffer));
    assert_eq!(reason(|request| request.now = Timestamp(NOW.0 - 11)), Some(R::NotYetValid));
    assert_eq!(reason(|request| request.now = NOW.plus(DurationMs(100_000))), Some(R::Expired));
    assert_eq!(reason(|r| r.quality_min = QualityLevel::Premium), Some(R::LowQuality));
    assert_eq!(reason(|r| r.failure_probability_max = Ppm(199_999)), Some(R::Unreliable));
    assert_eq!(reason(|request| request.reserve = Amount(99)), Some(R::AboveReserve));
    assert_eq!(reason(|request| request.reserve = Amount(499)), Some(R::BelowMinimumBudget));
    assert_eq!(reason(|request| request.deadline = Timestamp(NOW.0 + 999)), Some(R::TooSlow));
    wish.excluded = vec![did(1)];
    assert_eq!(why(&board, &wish.request()), Some(R::Excluded));
    wish.excluded = vec![];
    take(&mut board, &offer, 1).unwrap();
    let late = OfferRequest { deadline: NOW.plus(DurationMs(1_999)), ..wish.request() };
    assert_eq!(why(&board, &late), Some(R::TooSlow), "the wait counts");
    let found = board.best(&wish.request()).unwrap();
    assert_eq!(found.wait_ms, DurationMs(1_000));
    take(&mut board, &offer, 2).unwrap();
    assert_eq!(why(&board, &wish.request()), Some(R::Full));
    assert_eq!(take(&mut board, &offer, 3), Err(Error::NoPlace(offer)));
}

#[test]
fn what_can_begin_now_goes_before_what_is_cheaper_but_waits() {
    let mut board = OfferBoard::new();
    let cheap = board.post(terms(1, 100), Ppm(0), NOW).unwrap();
    let dear = board.post(terms(2, 200), Ppm(0), NOW).unwrap();
    let wish = wish();
    assert_eq!(take(&mut board, &cheap, 1), Ok(OfferPlace::Running));
    assert_eq!(board.best(&wish.request()).unwrap().offer, dear);
    assert_eq!(take(&mut board, &dear, 2), Ok(OfferPlace::Running));
    assert_eq!(board.best(&wish.request()).unwrap().offer, cheap);
    assert_eq!(take(&mut board, &cheap, 3), Ok(OfferPlace::Waiting(DurationMs(1_000))));
    assert_eq!(board.release(&task(1)), Ok(Some(task(3))), "the next in the queue goes on");
    assert_eq!(board.release(&task(3)), Ok(None));
    assert_eq!(board.best(&wish.request()).unwrap().offer, cheap);
    assert_eq!(board.release(&task(3)), Err(Error::UnknownTask(task(3))));
}

#[test]
fn among_equals_the_one_that_has_stood_longest_is_taken() {
    let mut board = OfferBoard::new();
    let later = NOW.plus(DurationMs(1));
    let second = board.post(terms(1, 100), Ppm(5), later).unwrap();
    let first = board.post(terms(2, 100), Ppm(5), NOW).unwrap();
    let wish = wish();
    assert_eq!(board.best(&wish.request()).unwrap().offer, first);
    board.take(&first, task(1), BUYER, NonZeroU16::MIN, NOW.plus(DurationMs(2))).unwrap();
    board.release(&task(1)).unwrap();
    assert_eq!(board.best(&wish.request()).unwrap().offer, second, "each gets its turn");
}

#[test]
fn volume_discounts_are_for_those_who_bought_and_found_for_them() {
    let mut board = OfferBoard::new();
    let mut loyal = terms(1, 200);
    loyal.pricing.volume_discount = vec![VolumeDiscount { tasks_min: 3, discount: Ppm(600_000) }];
    let loyal = board.post(loyal, Ppm(0), NOW).unwrap();
    let plain = board.post(terms(2, 100), Ppm(0), NOW).unwrap();
    let mut wish = wish();
    assert_eq!(board.best(&wish.request()).unwrap().offer, plain);
    wish.bought.insert(loyal, 2);
    assert_eq!(board.best(&wish.request()).unwrap().offer, plain);
    wish.bought.insert(loyal, 3);
    let found = board.best(&wish.request()).unwrap();
    assert_eq!((found.offer, found.price), (loyal, Amount(80)));
}

#[test]
fn withdrawn_and_expired_offers_finish_what_is_under_way() {
    let mut board = OfferBoard::new();
    let offer = board.post(terms(1, 100), Ppm(0), NOW).unwrap();
    take(&mut board, &offer, 1).unwrap();
    take(&mut board, &offer, 2).unwrap();
    board.withdraw(&offer).unwrap();
    assert_eq!(board.withdraw(&offer), Err(Error::UnknownOffer(offer)));
    assert_eq!(board.best(&wish().request()), None);
    assert_eq!(take(&mut board, &offer, 3), Err(Error::UnknownOffer(offer)));
    assert_eq!((board.iter().count(), board.len()), (0, 1));
    assert_eq!(board.post(terms(1, 100), Ppm(0), NOW), Err(Error::AlreadyPosted(offer)));
    assert_eq!(board.release(&task(1)), Ok(Some(task(2))));
    assert_eq!((board.running(&offer), board.waiting(&offer)), (vec![task(2)], vec![]));
    assert_eq!(board.release(&task(2)), Ok(None));
    assert!(board.is_empty());
    let again = board.post(terms(1, 100), Ppm(0), NOW).unwrap();
    let until = NOW.plus(DurationMs(100_000));
    assert_eq!(board.expire(Timestamp(until.0 - 1)), []);
    assert_eq!(board.expire(until), [again]);
    assert!(board.is_empty());
    assert!(matches!(board.post(terms(1, 100), Ppm(0), until), Err(Error::NotValid { .. })));
}

#[test]
fn what_cannot_be_posted_or_taken_is_refused() {
    let mut board = OfferBoard::new();
    assert!(matches!(board.post(terms(1, 0), Ppm(0), NOW), Err(Error::Terms(_))));
    let sure = Ppm(1_000_001);
    assert_eq!(board.post(terms(1, 1), sure, NOW), Err(Error::Probability(sure)));
    let offer = board.post(terms(1, 1), Ppm(0), NOW).unwrap();
    assert_eq!(board.post(terms(1, 1), Ppm(0), NOW), Err(Error::AlreadyPosted(offer)));
    assert_eq!(board.rate(&did(1), sure), Err(Error::Probability(sure)));
    take(&mut board, &offer, 1).unwrap();
    assert_eq!(take(&mut board, &offer, 1), Err(Error::AlreadyTaken(task(1))));
    let over = NOW.plus(DurationMs(100_000));
    let late = board.take(&offer, task(2), BUYER, NonZeroU16::MIN, over);
    assert!(matches!(late, Err(Error::NotValid { .. })));
    for serial in 1..256 {
        board.post(OfferTerms { serial, ..terms(1, 1) }, Ppm(0), NOW).unwrap();
    }
    let one_more = board.post(OfferTerms { serial: 256, ..terms(1, 1) }, Ppm(0), NOW);
    assert_eq!(one_more, Err(Error::SellerFull(did(1))));
}

#[test]
fn a_queue_is_shared_by_weight_among_buyers() {
    let mut board = OfferBoard::new();
    let mut busy = terms(1, 100);
    busy.capacity.queue_size = 100;
    let offer = board.post(busy, Ppm(0), NOW).unwrap();
    take(&mut board, &offer, 0).unwrap();
    let (small, large) = (did(50), did(51));
    for number in 1..=30 {
        board.take(&offer, task(number), small, NonZeroU16::MIN, NOW).unwrap();
    }
    for number in 101..=130 {
        board.take(&offer, task(number), large, NonZeroU16::new(3).unwrap(), NOW).unwrap();
    }
    let mut ended = task(0);
    let mut of_large = 0;
    for _ in 0..20 {
        ended = board.release(&ended).unwrap().unwrap();
        of_large += u32::from(ended >= task(101));
    }
    assert_eq!(of_large, 15, "three of four, though it came last");
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn any_terms(numbers: &mut Numbers, serial: u64) -> OfferTerms {
    let names = [name("a.a"), name("b.b"), name("c.c")];
    let quality = [QualityLevel::Standard, QualityLevel::Premium, QualityLevel::Enterprise];
    let from = numbers.below(3) as usize;
    let mut offered = OfferTerms {
        serial,
        capabilities: names[from..(from + 1 + numbers.below(2) as usize).min(3)].to_vec(),
        quality_level: quality[numbers.below(3) as usize],
        estimated_duration_ms: DurationMs(numbers.below(5_000)),
        capacity: OfferCapacity {
            concurrent_tasks: 1 + numbers.below(2) as u32,
            queue_size: numbers.below(3) as u32,
            estimated_wait_ms: DurationMs(numbers.below(2_000)),
        },
        minimum_budget: Amount(u128::from(numbers.below(60))),
        valid_from: Timestamp(NOW.0 - 50 + numbers.below(100)),
        valid_until: Timestamp(NOW.0 + 60 + numbers.below(100)),
        ..terms(numbers.below(8), 1 + u128::from(numbers.below(40)))
    };
    if numbers.below(3) == 0 {
        let discount = Ppm(numbers.below(1_000_000) as u32);
        offered.pricing.volume_discount = vec![VolumeDiscount { tasks_min: 1, discount }];
    }
    if numbers.below(3) == 0 {
        offered.pricing.premium_hours = vec![PremiumHours {
            weekdays: 127,
            from_minute: 0,
            until_minute: 1_440,
            surcharge: Ppm(numbers.below(2_000_000) as u32),
        }];
    }
    offered
}

/// A task that has begun or waits, and its buyer.
type Held = (u64, Did, bool);

/// What the board should know, kept without any index.
#[derive(Default)]
struct Plain {
    offers: Vec<(Digest, OfferTerms, Timestamp, Vec<Held>)>,
    failure_probability: BTreeMap<Did, Ppm>,
}

impl Plain {
    fn score(&self, request: &OfferRequest<'_>, at: usize) -> Option<[u128; 4]> {
        let (offer, terms, since, held) = &self.offers[at];
        let probability = self.failure_probability[&terms.seller];
        let bought = request.bought.get(offer).copied().unwrap_or(0);
        let price = terms.pricing.price(bought, request.now).0;
        let running = held.iter().filter(|(_, _, begun)| *begun).count() as u32;
        let waiting = held.len() as u32 - running;
        let free = running < terms.capacity.concurrent_tasks;
        let wait = terms.capacity.estimated_wait_ms.0 * u64::from(waiting + 1);
        let needs = terms.estimated_duration_ms.0 + if free { 0 } else { wait };
        let good = terms.is_valid_at(request.now)
            && terms.offers(request.capability)
            && terms.seller != request.buyer
            && !request.excluded.contains(&terms.seller)
            && terms.quality_level >= request.quality_min
            && probability <= request.failure_probability_max
            && price <= request.reserve.0
            && request.reserve >= terms.minimum_budget
            && (free || waiting < terms.capacity.queue_size)
            && request.now.0 + needs <= request.deadline.0;
        let loss = (request.loss.0 * u128::from(probability.0)).div_ceil(1_000_000);
        let (first, score) = match request.selection {
            SelectionRule::Scored => (0, price + loss),
            SelectionRule::Cheapest => (0, price),
            SelectionRule::Fastest => (u128::from(needs), price),
            SelectionRule::BestReputation => (u128::from(probability.0), price),
        };
        good.then_some([u128::from(!free), first, score, u128::from(since.0)])
    }

    fn best(&self, request: &OfferRequest<'_>) -> Option<Digest> {
        let scored = (0..self.offers.len())
            .filter_map(|at| Some((self.score(request, at)?, self.offers[at].0)));
        scored.min().map(|(_, offer)| offer)
    }
}

/// `AINUR_TEST_LONG=1` runs a hundred times as many worlds.
#[test]
fn the_index_finds_what_looking_at_every_offer_finds() {
    let worlds = if std::env::var_os("AINUR_TEST_LONG").is_some() { 10_000 } else { 100 };
    let (mut found, mut none) = (0, 0);
    for seed in 0..worlds {
        println!("seed {seed}");
        let mut numbers = Numbers(seed);
        let (mut board, mut plain) = (OfferBoard::new(), Plain::default());
        for step in 0..120 {
            one_step(&mut numbers, &mut board, &mut plain, step);
            let wanted = any_wish(&mut numbers, &plain);
            let request = any_request(&mut numbers, &wanted);
            let best = board.best(&request).map(|best| best.offer);
            assert_eq!(best, plain.best(&request), "seed {seed}, step {step}");
            let ranking = board.ranking(&request);
            let first = ranking.first().filter(|entry| entry.refusal.is_none());
            assert_eq!(best, first.map(|entry| entry.terms.offer), "seed {seed}, step {step}");
            if best.is_some() { found += 1 } else { none += 1 }
        }
    }
    assert!(found > worlds * 20 && none > worlds * 20, "{found} found, {none} not");
}

#[test]
fn a_board_is_rebuilt_from_its_offers_and_the_tasks_under_them() {
    for seed in 0..50 {
        println!("seed {seed}");
        let mut numbers = Numbers(1_000 + seed);
        let (mut board, mut plain) = (OfferBoard::new(), Plain::default());
        for step in 0..150 {
            one_step(&mut numbers, &mut board, &mut plain, step);
        }
        let mut rebuilt = OfferBoard::new();
        for (offer, terms, since, held) in &plain.offers {
            let probability = plain.failure_probability[&terms.seller];
            assert_eq!(rebuilt.post(terms.clone(), probability, *since).as_ref(), Ok(offer));
            for working in [true, false] {
                for (number, buyer, _) in held.iter().filter(|(_, _, begun)| *begun == working) {
                    let taken = rebuilt.take(offer, task(*number), *buyer, NonZeroU16::MIN, *since);
                    assert_eq!(taken.expect("room") == OfferPlace::Running, working);
                }
            }
            assert_eq!(rebuilt.load(offer), board.load(offer));
            assert_eq!(rebuilt.running(offer), board.running(offer));
            assert_eq!(rebuilt.waiting(offer), board.waiting(offer));
        }
        for _ in 0..50 {
            let wanted = any_wish(&mut numbers, &plain);
            let request = any_request(&mut numbers, &wanted);
            assert_eq!(rebuilt.best(&request), board.best(&request));
        }
    }
}

fn any_wish(numbers: &mut Numbers, plain: &Plain) -> Wish {
    let mut wish = wish();
    wish.capability = [name("a.a"), name("b.b"), name("c.c")][numbers.below(3) as usize].clone();
    for (offer, ..) in &plain.offers {
        if numbers.below(5) == 0 {
            wish.bought.insert(*offer, numbers.below(2) as u32);
        }
    }
    if numbers.below(3) == 0 {
        wish.excluded = vec![did(numbers.below(8))];
    }
    wish
}

fn any_request<'a>(numbers: &mut Numbers, wish: &'a Wish) -> OfferRequest<'a> {
    OfferRequest {
        buyer: did(numbers.below(20)),
        quality_min: [QualityLevel::Standard, QualityLevel::Premium][numbers.below(2) as usize],
        reserve: Amount(u128::from(numbers.below(100))),
        loss: Amount(u128::from(numbers.below(80))),
        selection: [
            SelectionRule::Scored,
            SelectionRule::Cheapest,
            SelectionRule::Fastest,
            SelectionRule::BestReputation,
        ][numbers.below(4) as usize],
        failure_probability_max: Ppm(400_000 + numbers.below(700_000) as u32),
        now: Timestamp(NOW.0 + numbers.below(60)),
        deadline: Timestamp(NOW.0 + numbers.below(8_000)),
        ..wish.request()
    }
}

fn one_step(numbers: &mut Numbers, board: &mut OfferBoard, plain: &mut Plain, step: u64) {
    let now = Timestamp(NOW.0 + step / 3);
    let count = plain.offers.len() as u64;
    match numbers.below(8) {
        0..=2 => {
            let offered = any_terms(numbers, step);
            let probability = Ppm(numbers.below(1_000_001) as u32);
            plain.failure_probability.insert(offered.seller, probability);
            let offer = board.post(offered.clone(), probability, now).expect("good terms");
            plain.offers.push((offer, offered, now, vec![]));
        }
        3..=4 if count > 0 => {
            let (offer, terms, since, held) = &mut plain.offers[numbers.below(count) as usize];
            let buyer = did(100 + numbers.below(3));
            let taken = board.take(offer, task(step), buyer, NonZeroU16::MIN, now);
            let running = held.iter().filter(|(_, _, begun)| *begun).count() as u32;
            let room = terms.capacity.concurrent_tasks + terms.capacity.queue_size;
            if !terms.is_valid_at(now) || held.len() as u32 >= room {
                assert!(taken.is_err());
                return;
            }
            let begun = running < terms.capacity.concurrent_tasks;
            assert_eq!(taken.expect("room") == OfferPlace::Running, begun);
            *since = now;
            held.push((step, buyer, begun));
        }
        5 if count > 0 => {
            let (.., held) = &mut plain.offers[numbers.below(count) as usize];
            if held.is_empty() {
                return;
            }
            let (number, _, begun) = held.remove(numbers.below(held.len() as u64) as usize);
            let next = board.release(&task(number)).expect("it has a place");
            let waits = held.iter_mut().find(|(number, _, _)| next == Some(task(*number)));
            assert_eq!(waits.is_some(), begun && next.is_some());
            if let Some((_, _, begun)) = waits {
                assert!(!*begun);
                *begun = true;
            } else {
                assert!(!begun || held.iter().all(|(_, _, begun)| *begun), "work conserving");
            }
        }
        6 if count > 0 => {
            let at = numbers.below(count) as usize;
            let (offer, _, _, held) = plain.offers.swap_remove(at);
            board.withdraw(&offer).expect("it is there");
            for (number, ..) in held {
                board.release(&task(number)).expect("it has a place");
            }
        }
        7 if count > 0 => {
            let seller = plain.offers[numbers.below(count) as usize].1.seller;
            let probability = Ppm(numbers.below(1_000_001) as u32);
            board.rate(&seller, probability).expect("a probability");
            plain.failure_probability.insert(seller, probability);
        }
        _ => {}
    }
}
