//! One combinatorial auction from opening to allocation and replay, and everything it refuses.
use ainur_market::auction::mechanism::PriceSetBy;
use ainur_market::auction::{
    Auction, AuctionTerms, BidTerms, CommitTerms, Error, NoAward, Reason, SealedCall, Transcript,
    commitment,
};
use ainur_market::combinatorial::packing::EXACT_CANDIDATES_MAX;
use ainur_market::combinatorial::{
    Allocation, BUNDLES_MAX, Bundle, BundleBidTerms, CALL_AMOUNT_MAX, CombinatorialTerms,
    CombinatorialTranscript, Method, SubtaskSet, SubtaskTerms, award, award_part,
};
use ainur_market::replay::{Replayed, TranscriptDocument, replay};
use ainur_primitives::canonical_json::{from_canonical_json, to_canonical_json};
use ainur_primitives::{
    Amount, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, TaskId, Timestamp,
};
use scale::{Decode, Encode};

const COMMITTING: Timestamp = Timestamp(1_000);
const REVEALING: Timestamp = Timestamp(2_000);
const CLOSING: Timestamp = Timestamp(3_000);
const BEACON: Digest = Digest([0xbe; 32]);
const NEVER: Ppm = Ppm(0);

/// Three subtasks worth 100 each.
fn terms() -> CombinatorialTerms {
    let subtask = SubtaskTerms {
        reserve: Amount(100),
        loss: Amount(200),
        duration_ms_max: DurationMs(60_000),
    };
    CombinatorialTerms {
        task: TaskId(Digest([7; 32])),
        graph: Digest([8; 32]),
        subtasks: vec![subtask; 3],
        budget: Amount(310),
        selection: SelectionRule::Scored,
        deadline: Timestamp(103_000),
        opened: Timestamp(1_000),
        commit_until: Timestamp(2_000),
        reveal_until: Timestamp(3_000),
        bid_bond: Amount(3),
    }
}

fn bidder(number: u8) -> Did {
    Did(Digest([number; 32]))
}

fn bundle(subtasks: &[usize], price: u128) -> Bundle {
    Bundle {
        subtasks: subtasks.iter().copied().collect(),
        price: Amount(price),
        estimated_duration_ms: DurationMs(1_000),
    }
}

fn bid(number: u8, bundles: &[Bundle]) -> BundleBidTerms {
    BundleBidTerms {
        task: terms().task,
        bidder: bidder(number),
        bundles: bundles.to_vec(),
        bid_bond: Amount(3),
        confidence: Ppm(900_000),
        quality_level: QualityLevel::Standard,
        card: Digest([number; 32]),
        valid_until: Timestamp(10_000),
    }
}

fn sealed(bid: &BundleBidTerms) -> CommitTerms {
    CommitTerms {
        task: bid.task,
        bidder: bid.bidder,
        commitment: commitment(bid, &[1; 32]),
        bid_bond: bid.bid_bond,
        reveal_until: terms().reveal_until,
    }
}

/// An auction in which all have committed and revealed.
fn held(terms: CombinatorialTerms, bids: &[(BundleBidTerms, Ppm)]) -> CombinatorialTranscript {
    let mut auction = Auction::open(terms).expect("valid terms");
    for (bid, failure_probability) in bids {
        auction.commit(COMMITTING, sealed(bid), *failure_probability).expect("a good commitment");
    }
    for (bid, _) in bids {
        auction.reveal(REVEALING, bid.clone(), [1; 32]).expect("what was committed");
    }
    auction.close(CLOSING, BEACON).expect("time to close")
}

/// Bidder 1 does the first two for 110 or the first for 70, bidder 2 the second for 60 or the
/// third for 80, bidder 3, who fails one time in ten, everything for 210.
fn three() -> Vec<(BundleBidTerms, Ppm)> {
    vec![
        (bid(1, &[bundle(&[0, 1], 110), bundle(&[0], 70)]), NEVER),
        (bid(2, &[bundle(&[1], 60), bundle(&[2], 80)]), NEVER),
        (bid(3, &[bundle(&[0, 1, 2], 210)]), Ppm(100_000)),
    ]
}

/// Who does what for which payment.
fn paid(allocation: &Allocation) -> Vec<(Did, Vec<usize>, u128)> {
    let row = |one: &ainur_market::combinatorial::Assignment| {
        (one.bidder, one.bundle.subtasks.indices().collect(), one.payment.0)
    };
    allocation.assignments.iter().map(row).collect()
}

#[test]
fn the_cheapest_disjoint_bundles_win_and_are_paid_what_others_would_cost() {
    let transcript = held(terms(), &three());
    let allocation = award(&transcript, &[]).unwrap();
    // 110 + 80 = 190. Without bidder 1: 60 + 200 in reserves, or 210 + 60 by bidder 3: 260 saves
    // 40 of 300. Without bidder 2: bidder 1 and a reserve, 210.
    assert_eq!(
        paid(&allocation),
        [(bidder(1), vec![0, 1], 180), (bidder(2), vec![2], 100)],
        "260 − 80 and 210 − 110"
    );
    let [first, second] = &allocation.assignments[..] else { panic!("two win") };
    assert_eq!(first.price_set_by, PriceSetBy::RunnerUp);
    let instead: Vec<_> =
        first.displaced.iter().map(|other| (other.bidder, other.bundle)).collect();
    assert_eq!(instead, [(bidder(2), bundle(&[1], 60))]);
    assert_eq!((second.price_set_by, second.displaced.len()), (PriceSetBy::Reserve, 0));
    assert_eq!((allocation.gain, allocation.payment), (Amount(110), Amount(280)));
    assert_eq!((allocation.reserve, allocation.method), (Amount(300), Method::Exact));
    assert!(allocation.unassigned.is_empty() && allocation.refused.is_empty());
    assert_eq!(allocation.transcript, transcript.digest());
}

#[test]
fn reputation_weighs_for_each_subtask_and_cheapest_ignores_it() {
    let mut bids = three();
    bids[2].0.bundles[0].price = Amount(180);
    let scored = award(&held(terms(), &bids), &[]).unwrap();
    assert_eq!(scored.assignments.len(), 2, "180 + 3 × 20 is more than 190");
    let cheapest = CombinatorialTerms { selection: SelectionRule::Cheapest, ..terms() };
    let allocation = award(&held(cheapest, &bids), &[]).unwrap();
    assert_eq!(paid(&allocation), [(bidder(3), vec![0, 1, 2], 190)]);
    assert_eq!(allocation.assignments[0].displaced.len(), 2);
    bids[2].1 = Ppm(1);
    let allocation = award(&held(terms(), &bids), &[]).unwrap();
    assert_eq!(allocation.assignments[0].expected_loss, Amount(3), "each rounded up");
    assert_eq!(allocation.assignments[0].payment, Amount(187), "the score ties the others'");
}

#[test]
fn bundles_that_cannot_win_say_why_and_nobody_need_win() {
    let mut slow = bundle(&[0], 10);
    slow.estimated_duration_ms = DurationMs(60_001);
    let mut late = bundle(&[0], 10);
    late.estimated_duration_ms = DurationMs(50_000);
    let mut short = bid(2, &[bundle(&[1], 10)]);
    short.valid_until = Timestamp(2_999);
    let bids = [
        (bid(1, &[slow, late, bundle(&[1, 2], 201)]), NEVER),
        (short, NEVER),
        (bid(3, &[bundle(&[2], 10)]), NEVER),
        (bid(4, &[bundle(&[2], 81)]), Ppm(100_000)),
    ];
    let soon = CombinatorialTerms { deadline: Timestamp(52_999), ..terms() };
    let allocation = award(&held(soon, &bids), &[bidder(3)]).unwrap();
    let why: Vec<_> = allocation.refused.iter().map(|one| (one.bidder, one.reason)).collect();
    let expected = [
        (bidder(1), Reason::TooSlow),
        (bidder(1), Reason::TooSlow),
        (bidder(1), Reason::AboveReserve),
        (bidder(2), Reason::Expired),
        (bidder(3), Reason::Excluded),
        (bidder(4), Reason::AboveReserve),
    ];
    assert_eq!(why, expected, "81 and an expected loss of 20 are above the reserve");
    assert_eq!(allocation.unassigned, SubtaskSet::first(3));
    assert_eq!((allocation.payment, allocation.assignments.len()), (Amount::ZERO, 0));
    assert_eq!(award(&held(terms(), &bids), &[]).unwrap().assignments.len(), 2, "in time");
}

#[test]
fn who_does_not_reveal_is_named_and_cannot_win() {
    let bids = three();
    let mut auction = Auction::open(terms()).unwrap();
    for (bid, failure_probability) in &bids {
        auction.commit(COMMITTING, sealed(bid), *failure_probability).unwrap();
    }
    auction.reveal(REVEALING, bids[2].0.clone(), [1; 32]).unwrap();
    let allocation = award(&auction.close(CLOSING, BEACON).unwrap(), &[]).unwrap();
    assert_eq!(allocation.unrevealed, [bidder(1), bidder(2)]);
    assert_eq!(paid(&allocation), [(bidder(3), vec![0, 1, 2], 240)], "300 less 3 × 20");
}

#[test]
fn a_re_award_replays_the_same_transcript_without_the_failed() {
    let transcript = held(terms(), &three());
    let again = award(&transcript, &[bidder(1)]).unwrap();
    assert_eq!(again.transcript, transcript.digest());
    assert_eq!(paid(&again), [(bidder(2), vec![1], 70)], "60 + 200 against 210 + 60");
    assert_eq!(again.unassigned.indices().collect::<Vec<_>>(), [0, 2]);
    let two = award(&transcript, &[bidder(2), bidder(1)]).unwrap();
    assert_eq!(two, award(&transcript, &[bidder(1), bidder(2)]).unwrap());
    assert_eq!(two.assignments[0].bidder, bidder(3));
}

#[test]
fn what_a_failed_bidder_left_is_awarded_alone() {
    let mut bids = three();
    bids.push((bid(4, &[bundle(&[0], 80), bundle(&[0, 2], 90)]), NEVER));
    bids.push((bid(5, &[bundle(&[1], 90)]), NEVER));
    let transcript = held(terms(), &bids);
    let first = award(&transcript, &[]).unwrap();
    let winners: Vec<Did> = first.assignments.iter().map(|one| one.bidder).collect();
    assert_eq!(winners, [bidder(2), bidder(4)], "60 + 90");
    // Bidder 4 fails while bidder 2 is at work.
    let rest: SubtaskSet = [0, 2].into_iter().collect();
    let second = award_part(&transcript, &winners, &rest).unwrap();
    assert_eq!(paid(&second), [(bidder(1), vec![0], 100)]);
    assert_eq!(second.unassigned.indices().collect::<Vec<_>>(), [2]);
    assert_eq!((second.reserve, second.transcript), (Amount(200), first.transcript));
    let why: Vec<_> = second.refused.iter().map(|one| (one.bidder, one.reason)).collect();
    assert_eq!(why[0], (bidder(1), Reason::Underway));
    assert!(why.contains(&(bidder(2), Reason::Excluded)));
    let whole = SubtaskSet::first(3);
    assert_eq!(award_part(&transcript, &[], &whole).unwrap(), first);
}

#[test]
fn ties_follow_the_beacon_and_excluding_a_loser_does_not_shuffle() {
    let bids: Vec<_> = (1..=6)
        .map(|number| (bid(number, &[bundle(&[0], 50), bundle(&[1], 50), bundle(&[2], 50)]), NEVER))
        .collect();
    let mut transcript = held(terms(), &bids);
    let mut outcomes = std::collections::BTreeSet::new();
    for number in 0..64 {
        transcript.beacon = Digest([number; 32]);
        let outcome = award(&transcript, &[]).unwrap();
        assert_eq!(outcome.payment, Amount(150), "ties leave no rent");
        let winners: Vec<Did> = outcome.assignments.iter().map(|one| one.bidder).collect();
        let loser = bids.iter().map(|(bid, _)| bid.bidder).find(|one| !winners.contains(one));
        let again = award(&transcript, &[loser.unwrap()]).unwrap();
        assert_eq!(again.assignments.len(), 3);
        assert_eq!(paid(&again), paid(&outcome));
        outcomes.insert(paid(&outcome));
    }
    assert!(outcomes.len() > 30, "120 ways to share, 64 beacons: {}", outcomes.len());
}

#[test]
fn a_bundle_that_costs_the_reserve_is_better_than_none() {
    let exactly = award(&held(terms(), &[(bid(1, &[bundle(&[0, 2], 200)]), NEVER)]), &[]).unwrap();
    assert_eq!(paid(&exactly), [(bidder(1), vec![0, 2], 200)]);
    let above = award(&held(terms(), &[(bid(1, &[bundle(&[0, 2], 201)]), NEVER)]), &[]).unwrap();
    assert_eq!(paid(&above), []);
}

/// 64 subtasks and bidders, each with its own bundles of one subtask.
fn crowd(bundles: usize) -> CombinatorialTranscript {
    let mut call = terms();
    call.subtasks = vec![call.subtasks[0]; 64];
    call.budget = Amount(6_400);
    let bids: Vec<_> = (0..64u8)
        .map(|number| {
            let price = |place: usize| 10 + ((usize::from(number) * 7 + place * 13) % 50) as u128;
            let subtask = |place: usize| (usize::from(number) + place * 3) % 64;
            let one = |place| bundle(&[subtask(place)], price(place));
            (bid(number, &(0..bundles).map(one).collect::<Vec<_>>()), NEVER)
        })
        .collect();
    held(call, &bids)
}

#[test]
fn an_auction_too_large_to_be_solved_says_that_it_was_not() {
    let count = EXACT_CANDIDATES_MAX / 64 + 1;
    let allocation = award(&crowd(count), &[]).unwrap();
    assert_eq!(allocation.method, Method::GreedyCritical);
    assert!(allocation.assignments.len() > 50 && allocation.payment <= allocation.reserve);
    for one in &allocation.assignments {
        assert!(one.payment >= one.bundle.price && one.payment <= one.reserve);
    }
}

#[test]
fn terms_that_cannot_work_are_refused() {
    let refused = |terms| Auction::open(terms).unwrap_err();
    let with = |change: fn(&mut CombinatorialTerms)| {
        let mut terms = terms();
        change(&mut terms);
        terms
    };
    assert_eq!(refused(with(|t| t.subtasks.clear())), Error::SubtaskCount(0));
    let many = with(|t| t.subtasks = vec![t.subtasks[0]; 257]);
    assert_eq!(refused(many), Error::SubtaskCount(257));
    assert_eq!(refused(with(|t| t.subtasks[1].reserve = Amount(0))), Error::ReserveZero);
    let (reserves, budget) = (Amount(300), Amount(299));
    assert_eq!(refused(with(|t| t.budget = Amount(299))), Error::OverBudget { reserves, budget });
    let huge = Amount(CALL_AMOUNT_MAX.0 + 1);
    assert_eq!(refused(CombinatorialTerms { budget: huge, ..terms() }), Error::CallTooLarge);
    let feared = with(|t| t.subtasks[2].loss = Amount(CALL_AMOUNT_MAX.0 + 1));
    assert_eq!(refused(feared), Error::CallTooLarge);
    let fastest = SelectionRule::Fastest;
    assert_eq!(
        refused(CombinatorialTerms { selection: fastest, ..terms() }),
        Error::SelectionForOne(fastest)
    );
    assert_eq!(refused(with(|t| t.deadline = t.reveal_until)), Error::DeadlineTooEarly);
    assert_eq!(refused(with(|t| t.reveal_until = t.commit_until)), Error::PhaseEmpty);
    assert_eq!(with(|t| t.budget = Amount(300)).validate(), Ok(()));
}

#[test]
fn bids_that_the_call_does_not_take_are_refused_when_revealed() {
    let refused = |bundles: &[Bundle]| {
        let bid = bid(1, bundles);
        let mut auction = Auction::open(terms()).unwrap();
        auction.commit(COMMITTING, sealed(&bid), NEVER).unwrap();
        let other = auction.reveal(REVEALING, bid.clone(), [2; 32]);
        assert!(matches!(other, Err(Error::CommitmentMismatch { .. })));
        auction.reveal(REVEALING, bid, [1; 32]).unwrap_err()
    };
    let bidder = bidder(1);
    assert_eq!(refused(&[]), Error::BundleCount { bidder, count: 0 });
    let count = BUNDLES_MAX + 1;
    assert_eq!(refused(&vec![bundle(&[0], 5); count]), Error::BundleCount { bidder, count });
    let other = [bundle(&[0], 5), bundle(&[3], 5)];
    assert_eq!(refused(&other), Error::OtherSubtasks { bidder, index: 1 });
    assert_eq!(refused(&[bundle(&[], 5)]), Error::OtherSubtasks { bidder, index: 0 });
}

#[test]
fn a_transcript_survives_both_encodings_and_no_tampering() {
    let transcript = held(terms(), &three());
    let json = to_canonical_json(&transcript).unwrap();
    assert_eq!(from_canonical_json::<CombinatorialTranscript>(&json).unwrap(), transcript);
    let decoded = CombinatorialTranscript::decode(&mut transcript.encode().as_slice()).unwrap();
    assert_eq!(decoded, transcript);
    let outcome = award(&transcript, &[]).unwrap();
    let again: Allocation = from_canonical_json(&to_canonical_json(&outcome).unwrap()).unwrap();
    assert_eq!((&again, again.digest()), (&outcome, outcome.digest()));

    let refused = |change: fn(&mut CombinatorialTranscript)| {
        let mut changed = transcript.clone();
        change(&mut changed);
        assert_ne!(changed.digest(), transcript.digest());
        award(&changed, &[]).unwrap_err()
    };
    let price = refused(|t| t.entrants[0].reveal.as_mut().unwrap().terms.bundles[0].price.0 -= 1);
    assert!(matches!(price, Error::CommitmentMismatch { .. }));
    assert_eq!(refused(|t| t.entrants.swap(0, 1)), Error::Unordered(bidder(1)));
    let fewer = refused(|t| t.terms.subtasks.truncate(2));
    assert_eq!(fewer, Error::OtherSubtasks { bidder: bidder(2), index: 1 });
    assert_eq!(refused(|t| t.terms.budget = Amount(1)).to_string().matches("budget").count(), 1);
}

/// An auction of one task, with one bidder.
fn single() -> Transcript {
    let CombinatorialTerms { task, opened, commit_until, reveal_until, bid_bond, .. } = terms();
    let mut auction = Auction::open(AuctionTerms {
        task,
        reserve: Amount(100),
        loss: Amount(0),
        selection: SelectionRule::Cheapest,
        duration_ms_max: DurationMs(60_000),
        opened,
        commit_until,
        reveal_until,
        bid_bond,
        payment: ainur_market::payment::PaymentTerms::Completion,
    })
    .expect("valid terms");
    let bid = BidTerms {
        task,
        bidder: bidder(1),
        price: Amount(60),
        bid_bond,
        estimated_duration_ms: DurationMs(1_000),
        confidence: Ppm(900_000),
        quality_level: QualityLevel::Standard,
        card: Digest([1; 32]),
        valid_until: Timestamp(10_000),
        payment: ainur_market::payment::PaymentTerms::Completion,
    };
    let commitment = commitment(&bid, &[1; 32]);
    let commit = CommitTerms { task, bidder: bid.bidder, commitment, bid_bond, reveal_until };
    auction.commit(COMMITTING, commit, NEVER).expect("a good commitment");
    auction.reveal(REVEALING, bid, [1; 32]).expect("what was committed");
    auction.close(CLOSING, BEACON).expect("time to close")
}

#[test]
fn either_kind_of_transcript_is_read_and_replayed() {
    let transcript = held(terms(), &three());
    let json = to_canonical_json(&transcript).unwrap();
    let document: TranscriptDocument = from_canonical_json(&json).unwrap();
    assert_eq!(document.digest(), transcript.digest());
    let excluded = [bidder(1)];
    let replayed = replay(&document, &excluded).unwrap();
    assert_eq!(replayed, Replayed::Combinatorial(award(&transcript, &excluded).unwrap()));
    let printed = String::from_utf8(to_canonical_json(&replayed).unwrap()).unwrap();
    assert!(printed.contains("\"kind\":\"combinatorial\""), "{printed}");
    let single = single();
    let json = to_canonical_json(&single).unwrap();
    let document: TranscriptDocument = from_canonical_json(&json).unwrap();
    assert_eq!(document, TranscriptDocument::Single(single.clone()));
    let outcome = ainur_market::auction::award(&single, &[]).unwrap();
    assert_eq!(replay(&document, &[]), Ok(Replayed::Single(outcome)));
    assert!(matches!(replay(&document, &excluded), Err(NoAward::NoneEligible(_))));

    let mut changed = transcript;
    changed.entrants.swap(0, 1);
    let refused = replay(&TranscriptDocument::Combinatorial(changed), &[]);
    assert_eq!(refused, Err(NoAward::Invalid(Error::Unordered(bidder(1)))));
}

#[test]
fn digests_of_the_signed_terms_are_stable() {
    // Signed on ledgers and in receipts: a change here breaks every one of them.
    let bid = bid(1, &[bundle(&[0, 1], 110), bundle(&[0], 70)]);
    let transcript = held(terms(), &three());
    let digests = [
        bid.digest(),
        terms().digest(),
        transcript.digest(),
        award(&transcript, &[]).unwrap().digest(),
    ];
    let short: Vec<_> = digests.iter().map(Digest::short).collect();
    assert_eq!(short, ["23088fe4", "0d73db65", "79f725c6", "b3908667"]);
}
