//! A coalition in the auction of a task graph: it wins where it is cheaper than single bids, loses
//! where it is not, and divides what it is paid.
use ainur_market::auction::{Auction, CommitTerms, SealedBid, commitment};
use ainur_market::coalition::{CoalitionTerms, graph_digest};
use ainur_market::combinatorial::{
    Allocation, Bundle, BundleBidTerms, CombinatorialTerms, Method, SubtaskTerms, award,
};
use ainur_primitives::{
    Amount, Did, Digest, Ppm, QualityLevel, SelectionRule, TaskGraph, Timestamp,
};

use crate::world::{did, graph, limits, member, terms_of};

const SALT: [u8; 32] = [1; 32];

fn call(job: &TaskGraph, coalition: &CoalitionTerms) -> CombinatorialTerms {
    let subtask = |subtask: &ainur_primitives::Subtask| SubtaskTerms {
        reserve: subtask.reserve,
        loss: Amount(0),
        duration_ms_max: subtask.duration_ms_max,
    };
    CombinatorialTerms {
        task: coalition.task,
        graph: graph_digest(job),
        subtasks: job.subtasks.iter().map(subtask).collect(),
        budget: Amount(1_000),
        selection: SelectionRule::Cheapest,
        deadline: Timestamp(5_000),
        opened: Timestamp(1),
        commit_until: Timestamp(5),
        reveal_until: Timestamp(10),
        bid_bond: Amount(3),
    }
}

/// A bid for one subtask by somebody in no coalition.
fn single(coalition: &BundleBidTerms, agent: u8, subtask: usize, price: u128) -> BundleBidTerms {
    let subtasks = [subtask].into_iter().collect();
    let bundle = Bundle { subtasks, price: Amount(price), ..coalition.bundles[0] };
    BundleBidTerms { bidder: did(agent), bundles: vec![bundle], ..coalition.clone() }
}

fn allocate(call: CombinatorialTerms, bids: &[BundleBidTerms]) -> Allocation {
    let mut auction = Auction::open(call.clone()).expect("a good call");
    for bid in bids {
        let commit = CommitTerms {
            task: bid.task(),
            bidder: bid.bidder(),
            commitment: commitment(bid, &SALT),
            bid_bond: bid.bid_bond,
            reveal_until: call.reveal_until,
        };
        auction.commit(Timestamp(1), commit, Ppm(0)).expect("a good commitment");
    }
    for bid in bids {
        auction.reveal(Timestamp(5), bid.clone(), SALT).expect("as committed");
    }
    let transcript = auction.close(Timestamp(10), Digest([7; 32])).expect("time to close");
    let allocation = award(&transcript, &[]).expect("a good transcript");
    assert_eq!(allocation.method, Method::Exact);
    allocation
}

fn winners(allocation: &Allocation) -> Vec<(Did, u128)> {
    allocation.assignments.iter().map(|won| (won.bidder, won.payment.0)).collect()
}

#[test]
fn a_coalition_wins_where_it_is_cheaper_and_is_paid_what_the_others_ask() {
    let job = graph(&[&[], &[], &[0, 1]]);
    // Together parts 0 and 1 cost 70 instead of 40 + 45; part 2 is somebody else's.
    let coalition = terms_of(&job, vec![member(1, 0, 32), member(2, 1, 38)], &[32, 38]);
    coalition.validate(&job, &limits()).expect("good terms");
    let bid = coalition.bid(Amount(3), Ppm(900_000), QualityLevel::Standard);
    assert_eq!((bid.bidder, bid.card), (coalition.lead, coalition.digest()));
    let rivals = [single(&bid, 3, 0, 40), single(&bid, 4, 1, 45), single(&bid, 5, 2, 50)];
    let bids = [&[bid.clone()][..], &rivals].concat();
    let allocation = allocate(call(&job, &coalition), &bids);
    assert_eq!(winners(&allocation), [(did(1), 85), (did(5), 100)]);

    let paid = coalition.at_price(Amount(85)).expect("at least what it asks");
    // 15 more, divided as 32 to 38.
    assert_eq!(paid.sharing.member_shares, [Amount(39), Amount(46)]);
    assert_eq!(paid.validate(&job, &limits()), Ok(()));
}

#[test]
fn a_coalition_loses_where_single_bids_are_cheaper() {
    let job = graph(&[&[], &[], &[0, 1]]);
    let coalition = terms_of(&job, vec![member(1, 0, 32), member(2, 1, 38)], &[32, 38]);
    let bid = coalition.bid(Amount(3), Ppm(900_000), QualityLevel::Standard);
    let rivals = [single(&bid, 3, 0, 29), single(&bid, 4, 1, 40)];
    let bids = [&[bid][..], &rivals].concat();
    let allocation = allocate(call(&job, &coalition), &bids);
    // Either could be dearer by one before the coalition wins.
    assert_eq!(winners(&allocation), [(did(3), 30), (did(4), 41)]);
}
