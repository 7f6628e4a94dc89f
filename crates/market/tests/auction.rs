//! One auction from opening to award, and everything it refuses on the way.
use ainur_market::auction::mechanism::PriceSetBy;
use ainur_market::auction::{
    Auction, AuctionTerms, BidTerms, CommitTerms, ENTRANTS_MAX, Error, NoAward, Reason, Transcript,
    award, commitment,
};
use ainur_market::payment::PaymentTerms;
use ainur_primitives::canonical_json::{from_canonical_json, to_canonical_json};
use ainur_primitives::{
    Amount, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, TaskId, Timestamp,
};
use scale::{Decode, Encode};

const COMMITTING: Timestamp = Timestamp(1_000);
const REVEALING: Timestamp = Timestamp(2_000);
const CLOSING: Timestamp = Timestamp(3_000);
const BEACON: Digest = Digest([0xbe; 32]);

fn terms() -> AuctionTerms {
    AuctionTerms {
        task: TaskId(Digest([7; 32])),
        reserve: Amount(200),
        loss: Amount(500),
        selection: SelectionRule::Scored,
        duration_ms_max: DurationMs(60_000),
        opened: Timestamp(1_000),
        commit_until: Timestamp(2_000),
        reveal_until: Timestamp(3_000),
        bid_bond: Amount(2),
        payment: PaymentTerms::Completion,
    }
}

fn bidder(number: u8) -> Did {
    Did(Digest([number; 32]))
}

fn bid(number: u8, price: u128) -> BidTerms {
    BidTerms {
        task: terms().task,
        bidder: bidder(number),
        price: Amount(price),
        bid_bond: Amount(2),
        estimated_duration_ms: DurationMs(1_000),
        confidence: Ppm(900_000),
        quality_level: QualityLevel::Standard,
        card: Digest([number; 32]),
        valid_until: Timestamp(10_000),
        payment: PaymentTerms::Completion,
    }
}

fn salt(bid: &BidTerms) -> [u8; 32] {
    [bid.bidder.0.0[0] ^ 0x55; 32]
}

fn sealed(bid: &BidTerms) -> CommitTerms {
    CommitTerms {
        task: bid.task,
        bidder: bid.bidder,
        commitment: commitment(bid, &salt(bid)),
        bid_bond: bid.bid_bond,
        reveal_until: terms().reveal_until,
    }
}

/// An auction in which all have committed and revealed.
fn held(terms: AuctionTerms, bids: &[(BidTerms, Ppm)]) -> Transcript {
    let mut auction = Auction::open(terms).expect("valid terms");
    for (bid, failure_probability) in bids {
        auction.commit(COMMITTING, sealed(bid), *failure_probability).expect("a good commitment");
    }
    for (bid, _) in bids {
        auction.reveal(REVEALING, bid.clone(), salt(bid)).expect("what was committed");
    }
    auction.close(CLOSING, BEACON).expect("time to close")
}

/// Bids 100, 90 and 120; failure probabilities 2%, 10% and 0: scores 110, 140 and 120.
fn three() -> Vec<(BidTerms, Ppm)> {
    vec![(bid(1, 100), Ppm(20_000)), (bid(2, 90), Ppm(100_000)), (bid(3, 120), Ppm(0))]
}

#[test]
fn lowest_score_wins_and_is_paid_the_bid_that_ties_the_runner_up() {
    let transcript = held(terms(), &three());
    let award = award(&transcript, &[]).unwrap();
    assert_eq!(award.winner, bidder(1));
    assert_eq!(award.payment, Amount(110), "at 110 it would score 120, as the runner-up");
    assert_eq!(award.price_set_by, PriceSetBy::RunnerUp);
    assert_eq!(award.runner_up, Some(bidder(3)));
    let scores: Vec<_> = award.ranking.iter().map(|ranked| (ranked.rank, ranked.score.0)).collect();
    assert_eq!(scores, [(1, 110), (2, 120), (3, 140)]);
    assert_eq!(award.transcript, transcript.digest());
    assert_eq!(award.bid, bid(1, 100));
}

#[test]
fn cheapest_ignores_reputation_and_pays_the_second_price() {
    let cheapest = AuctionTerms { selection: SelectionRule::Cheapest, ..terms() };
    let award = award(&held(cheapest, &three()), &[]).unwrap();
    assert_eq!((award.winner, award.payment), (bidder(2), Amount(100)));
}

#[test]
fn fastest_and_best_reputation_pay_the_bid() {
    let mut bids = three();
    bids[2].0.estimated_duration_ms = DurationMs(10);
    let fastest = AuctionTerms { selection: SelectionRule::Fastest, ..terms() };
    let outcome = award(&held(fastest, &bids), &[]).unwrap();
    assert_eq!((outcome.winner, outcome.payment), (bidder(3), Amount(120)));
    assert_eq!(outcome.price_set_by, PriceSetBy::OwnBid);
    assert_eq!(outcome.runner_up, Some(bidder(2)), "equally slow, but cheaper");
    let trusted = AuctionTerms { selection: SelectionRule::BestReputation, ..terms() };
    let outcome = award(&held(trusted, &bids), &[]).unwrap();
    let order: Vec<_> = outcome.ranking.iter().map(|ranked| ranked.bidder).collect();
    assert_eq!(order, [bidder(3), bidder(1), bidder(2)]);
    assert_eq!(outcome.payment, Amount(120));
}

#[test]
fn a_lone_bidder_gets_the_reserve() {
    let award = award(&held(terms(), &three()[..1]), &[]).unwrap();
    assert_eq!((award.payment, award.price_set_by), (Amount(200), PriceSetBy::Reserve));
    assert_eq!(award.runner_up, None);
}

#[test]
fn the_reserve_caps_what_the_runner_up_would_allow() {
    let bids = [(bid(1, 50), Ppm(0)), (bid(2, 190), Ppm(400_000))];
    let award = award(&held(terms(), &bids), &[]).unwrap();
    assert_eq!((award.payment, award.price_set_by), (Amount(200), PriceSetBy::Reserve));
}

#[test]
fn a_bid_of_exactly_the_reserve_wins_and_one_unit_more_does_not() {
    let award_of = |price| award(&held(terms(), &[(bid(1, price), Ppm(0))]), &[]);
    assert_eq!(award_of(200).unwrap().payment, Amount(200));
    let Err(NoAward::NoneEligible(ranking)) = award_of(201) else { panic!("201 won") };
    assert_eq!(ranking[0].ineligible, Some(Reason::AboveReserve));
}

#[test]
fn bids_that_cannot_win_say_why() {
    let mut slow = bid(1, 10);
    slow.estimated_duration_ms = DurationMs(60_001);
    let mut short = bid(2, 10);
    short.valid_until = Timestamp(2_999);
    let none = Ppm(0);
    let bids = [(slow, none), (short, none), (bid(3, 10), none), (bid(4, 150), none)];
    let award = award(&held(terms(), &bids), &[bidder(3)]).unwrap();
    assert_eq!((award.winner, award.payment), (bidder(4), Amount(200)));
    let why: Vec<_> = award.ranking.iter().map(|ranked| ranked.ineligible).collect();
    assert_eq!(why, [None, Some(Reason::TooSlow), Some(Reason::Expired), Some(Reason::Excluded)]);
}

#[test]
fn who_does_not_reveal_is_named_and_cannot_win() {
    let mut auction = Auction::open(terms()).unwrap();
    for (bid, failure_probability) in &three() {
        auction.commit(COMMITTING, sealed(bid), *failure_probability).unwrap();
    }
    let late = auction.close(CLOSING, BEACON).unwrap();
    assert_eq!(award(&late, &[]), Err(NoAward::NoBid));
    assert_eq!(late.unrevealed(), [bidder(1), bidder(2), bidder(3)]);
    let third = bid(3, 120);
    auction.reveal(REVEALING, third.clone(), salt(&third)).unwrap();
    let award = award(&auction.close(CLOSING, BEACON).unwrap(), &[]).unwrap();
    assert_eq!(award.winner, bidder(3));
    assert_eq!(award.unrevealed, [bidder(1), bidder(2)]);
}

#[test]
fn a_re_award_replays_the_same_transcript_without_the_failed() {
    let transcript = held(terms(), &three());
    let first = award(&transcript, &[]).unwrap();
    let second = award(&transcript, &[first.winner]).unwrap();
    assert_eq!(Some(second.winner), first.runner_up);
    assert_eq!(second.transcript, first.transcript);
    assert_eq!(second.payment, Amount(140), "tie with the last one's score");
    let third = award(&transcript, &[second.winner, first.winner]).unwrap();
    assert_eq!(third, award(&transcript, &[first.winner, second.winner]).unwrap());
    assert_eq!((third.winner, third.payment), (bidder(2), Amount(200)));
    let all = [bidder(1), bidder(2), bidder(3)];
    assert!(matches!(award(&transcript, &all), Err(NoAward::NoneEligible(_))));
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut bids = three();
    let transcript = held(terms(), &bids);
    bids.reverse();
    assert_eq!(held(terms(), &bids), transcript);
    bids.rotate_left(1);
    assert_eq!(held(terms(), &bids), transcript);
}

#[test]
fn ties_follow_the_beacon_and_nothing_else() {
    let bids: Vec<_> = (1..=8).map(|number| (bid(number, 100), Ppm(0))).collect();
    let mut transcript = held(terms(), &bids);
    let mut winners = std::collections::BTreeSet::new();
    for number in 0..64 {
        transcript.beacon = Digest([number; 32]);
        let outcome = award(&transcript, &[]).unwrap();
        assert_eq!(outcome.payment, Amount(100), "a tie leaves no rent");
        winners.insert(outcome.winner);
        // Excluding a loser does not shuffle the others.
        let loser = outcome.ranking[5].bidder;
        let again = award(&transcript, &[loser]).unwrap();
        assert_eq!(again.winner, outcome.winner);
    }
    assert!(winners.len() >= 6, "64 beacons should favour most of 8 bidders, not {winners:?}");
}

#[test]
fn commitments_are_refused_for_what_is_wrong_with_them() {
    let mut auction = Auction::open(terms()).unwrap();
    let good = sealed(&bid(1, 100));
    let mut refused = |now, commit: CommitTerms, probability| {
        auction.commit(now, commit, Ppm(probability)).unwrap_err()
    };
    assert!(matches!(refused(Timestamp(999), good.clone(), 0), Error::NotCommitting { .. }));
    assert!(matches!(refused(REVEALING, good.clone(), 0), Error::NotCommitting { .. }));
    let other = TaskId(Digest([8; 32]));
    assert_eq!(
        refused(COMMITTING, CommitTerms { task: other, ..good.clone() }, 0),
        Error::OtherTask { expected: terms().task, found: other }
    );
    assert_eq!(
        refused(COMMITTING, CommitTerms { bid_bond: Amount(1), ..good.clone() }, 0),
        Error::Bond { expected: Amount(2), found: Amount(1) }
    );
    let early = CommitTerms { reveal_until: Timestamp(2_500), ..good.clone() };
    assert!(matches!(refused(COMMITTING, early, 0), Error::RevealUntil { .. }));
    assert_eq!(
        refused(COMMITTING, good.clone(), 1_000_001),
        Error::NotAProbability(Ppm(1_000_001))
    );
    auction.commit(COMMITTING, good.clone(), Ppm(0)).unwrap();
    assert_eq!(auction.commit(COMMITTING, good, Ppm(0)), Err(Error::AlreadyCommitted(bidder(1))));
}

#[test]
fn reveals_are_refused_for_what_is_wrong_with_them() {
    let good = bid(1, 100);
    let mut auction = Auction::open(terms()).unwrap();
    auction.commit(COMMITTING, sealed(&good), Ppm(0)).unwrap();
    let mut refused = |now, bid: BidTerms| auction.reveal(now, bid, salt(&good)).unwrap_err();
    assert!(matches!(refused(COMMITTING, good.clone()), Error::NotRevealing { .. }));
    assert!(matches!(refused(CLOSING, good.clone()), Error::NotRevealing { .. }));
    assert_eq!(refused(REVEALING, bid(2, 100)), Error::UnknownBidder(bidder(2)));
    assert!(matches!(refused(REVEALING, bid(1, 99)), Error::CommitmentMismatch { .. }));
    assert!(matches!(
        auction.reveal(REVEALING, good.clone(), [0; 32]),
        Err(Error::CommitmentMismatch { .. })
    ));
    auction.reveal(REVEALING, good.clone(), salt(&good)).unwrap();
    assert_eq!(
        auction.reveal(REVEALING, good.clone(), salt(&good)),
        Err(Error::AlreadyRevealed(bidder(1)))
    );
}

#[test]
fn a_bid_committed_to_with_wrong_contents_is_refused_when_revealed() {
    let refused = |bid: BidTerms, bond| {
        let mut auction = Auction::open(terms()).unwrap();
        let commit = CommitTerms { bid_bond: Amount(bond), task: terms().task, ..sealed(&bid) };
        auction.commit(COMMITTING, commit, Ppm(0)).unwrap();
        auction.reveal(REVEALING, bid.clone(), salt(&bid)).unwrap_err()
    };
    let sure = BidTerms { confidence: Ppm(1_000_001), ..bid(1, 5) };
    assert_eq!(refused(sure, 2), Error::NotAProbability(Ppm(1_000_001)));
    assert_eq!(refused(bid(1, 5), 3), Error::Bond { expected: Amount(3), found: Amount(2) });
    let upfront = BidTerms { payment: PaymentTerms::Upfront, ..bid(1, 5) };
    assert_eq!(refused(upfront, 2), Error::OtherPayment(bidder(1)));
    let elsewhere = BidTerms { task: TaskId(Digest([8; 32])), ..bid(1, 5) };
    assert!(matches!(refused(elsewhere, 2), Error::OtherTask { .. }));
}

#[test]
fn closing_waits_for_reveals_but_not_longer_than_needed() {
    let mut auction = Auction::open(terms()).unwrap();
    let only = bid(1, 100);
    auction.commit(COMMITTING, sealed(&only), Ppm(0)).unwrap();
    let from = terms().reveal_until;
    assert_eq!(auction.close(REVEALING, BEACON), Err(Error::NotClosing { now: REVEALING, from }));
    auction.reveal(REVEALING, only.clone(), salt(&only)).unwrap();
    assert!(auction.close(Timestamp(1_999), BEACON).is_err());
    assert!(auction.close(REVEALING, BEACON).is_ok());
}

#[test]
fn commitments_of_a_closed_circle_can_end_early() {
    let only = bid(1, 100);
    let mut auction = Auction::open(terms()).unwrap();
    assert!(matches!(auction.close_commitments(Timestamp(999)), Err(Error::NotCommitting { .. })));
    auction.commit(COMMITTING, sealed(&only), Ppm(0)).unwrap();
    auction.close_commitments(Timestamp(1_200)).unwrap();
    auction.close_commitments(Timestamp(1_300)).unwrap();
    assert_eq!(auction.commitments_end(), Timestamp(1_200), "the first end counts");
    let late = sealed(&bid(2, 90));
    for now in [COMMITTING, Timestamp(1_200), Timestamp(1_250)] {
        let refused = auction.commit(now, late.clone(), Ppm(0));
        assert!(matches!(refused, Err(Error::NotCommitting { .. })), "{refused:?}");
    }
    let early = auction.reveal(Timestamp(1_199), only.clone(), salt(&only));
    assert!(matches!(early, Err(Error::NotRevealing { .. })), "{early:?}");
    assert_eq!(auction.closes_at(), terms().reveal_until);
    auction.reveal(Timestamp(1_200), only.clone(), salt(&only)).unwrap();
    assert_eq!(auction.closes_at(), Timestamp(1_200));
    let decoded = Auction::decode(&mut auction.encode().as_slice()).unwrap();
    assert_eq!(decoded, auction);
    assert!(auction.close(Timestamp(1_200), BEACON).is_ok());
}

#[test]
fn expected_loss_is_rounded_up() {
    let outcome = award(&held(terms(), &[(bid(1, 100), Ppm(1))]), &[]).unwrap();
    assert_eq!(outcome.ranking[0].expected_loss, Amount(1), "500 units at one in a million");
    let outcome = award(&held(terms(), &[(bid(1, 100), Ppm(4_000))]), &[]).unwrap();
    assert_eq!(outcome.ranking[0].expected_loss, Amount(2), "exact stays exact");
}

#[test]
fn an_auction_takes_so_many_bidders_and_no_more() {
    let mut auction = Auction::open(terms()).unwrap();
    for number in 0..ENTRANTS_MAX as u8 {
        auction.commit(COMMITTING, sealed(&bid(number, 100)), Ppm(0)).unwrap();
    }
    let one_more = sealed(&bid(200, 100));
    assert_eq!(auction.commit(COMMITTING, one_more, Ppm(0)), Err(Error::Full));
}

#[test]
fn terms_that_cannot_work_are_refused() {
    let refused = |terms| Auction::open(terms).unwrap_err();
    assert_eq!(refused(AuctionTerms { reserve: Amount(0), ..terms() }), Error::ReserveZero);
    let huge = Amount(u128::MAX / 4 + 1);
    assert_eq!(refused(AuctionTerms { reserve: huge, ..terms() }), Error::AmountTooLarge);
    assert_eq!(refused(AuctionTerms { loss: huge, ..terms() }), Error::AmountTooLarge);
    let never = AuctionTerms { commit_until: terms().opened, ..terms() };
    assert_eq!(refused(never), Error::PhaseEmpty);
    let no_reveal = AuctionTerms { reveal_until: terms().commit_until, ..terms() };
    assert_eq!(refused(no_reveal), Error::PhaseEmpty);
}

#[test]
fn a_transcript_survives_both_encodings_and_no_tampering() {
    let transcript = held(terms(), &three());
    let json = to_canonical_json(&transcript).unwrap();
    assert_eq!(from_canonical_json::<Transcript>(&json).unwrap(), transcript);
    let decoded = Transcript::decode(&mut transcript.encode().as_slice()).unwrap();
    assert_eq!(decoded, transcript);
    let outcome = award(&transcript, &[]).unwrap();
    let again = from_canonical_json(&to_canonical_json(&outcome).unwrap()).unwrap();
    assert_eq!(outcome, again);

    let refused = |change: fn(&mut Transcript)| {
        let mut changed = transcript.clone();
        change(&mut changed);
        assert_ne!(changed.digest(), transcript.digest());
        match award(&changed, &[]) {
            Err(NoAward::Invalid(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let price = refused(|t| t.entrants[0].reveal.as_mut().unwrap().terms.price = Amount(1));
    assert!(matches!(price, Error::CommitmentMismatch { .. }));
    assert_eq!(refused(|t| t.entrants.swap(0, 1)), Error::Unordered(bidder(1)));
    assert_eq!(refused(|t| t.entrants[1] = t.entrants[0].clone()), Error::Unordered(bidder(1)));
    assert!(matches!(refused(|t| t.terms.bid_bond = Amount(3)), Error::Bond { .. }));
    assert_eq!(refused(|t| t.terms.reserve = Amount(0)), Error::ReserveZero);
    let foreign = refused(|t| t.entrants[0].reveal.as_mut().unwrap().terms.bidder = bidder(9));
    assert_eq!(foreign, Error::UnknownBidder(bidder(9)));
    let crowd = refused(|t| t.entrants = vec![t.entrants[0].clone(); ENTRANTS_MAX + 1]);
    assert_eq!(crowd, Error::Full);
}

#[test]
fn digests_of_the_signed_terms_are_stable() {
    // Signed on ledgers and in receipts: a change here breaks every one of them.
    let bid = bid(1, 100);
    let digests = [
        bid.digest(),
        sealed(&bid).digest(),
        sealed(&bid).commitment,
        terms().digest(),
        held(terms(), &three()).digest(),
    ];
    let short: Vec<_> = digests.iter().map(Digest::short).collect();
    assert_eq!(short, ["558506bb", "2d091c4f", "4f9a424f", "fb95b05e", "14f8745a"]);
}
