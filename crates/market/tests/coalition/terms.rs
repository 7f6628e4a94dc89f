//! The worked example, and everything that does not add up.
use ainur_market::coalition::{
    CoalitionLimits, CoalitionMember, CoalitionTerms, Error, ExecutionPlan, correct,
};
use ainur_market::combinatorial::SubtaskSet;
use ainur_primitives::{
    Amount, Did, Digest, DurationMs, GraphError, PenaltyBeneficiary, PenaltyCause, Ppm,
    QualityLevel, TaskGraph, Timestamp,
};
use scale::{Decode, Encode};

use crate::world::{clause, did, five, five_graph, graph, limits, member, terms_of};

fn refused(change: impl Fn(&mut CoalitionTerms)) -> Error {
    refused_within(&limits(), change)
}

fn refused_within(limits: &CoalitionLimits, change: impl Fn(&mut CoalitionTerms)) -> Error {
    let mut terms = five();
    change(&mut terms);
    terms.validate(&five_graph(), limits).expect_err("to be refused")
}

#[test]
fn design_code_ml_and_devops_for_180_names_the_three_who_would_be_below_their_bids() {
    let job = graph(&[&[], &[0], &[0], &[1, 2]]);
    let members = vec![member(1, 0, 30), member(2, 1, 80), member(3, 2, 50), member(4, 3, 20)];
    let bids: Vec<Amount> = members.iter().map(|member| member.bid).collect();
    let total = Amount(180);
    // 15 %, 60 %, 20 % and 5 %.
    let stated: Vec<u128> =
        [150_000, 600_000, 200_000, 50_000].map(|share| total.share_floor(Ppm(share)).0).to_vec();
    assert_eq!(stated, [27, 108, 36, 9]);
    let mut terms = terms_of(&job, members, &stated);
    let Err(Error::BelowBid(short)) = terms.validate(&job, &limits()) else {
        panic!("the stated split is refused")
    };
    let named: Vec<(Did, u128, u128)> =
        short.iter().map(|short| (short.agent, short.bid.0, short.share.0)).collect();
    assert_eq!(named, [(did(1), 30, 27), (did(3), 50, 36), (did(4), 20, 9)]);

    let wanted: Vec<Amount> = stated.into_iter().map(Amount).collect();
    let corrected = correct(total, &bids, &wanted).unwrap();
    assert_eq!(corrected, bids, "180 is all they ask, so it is the only split");
    terms.sharing.member_shares = corrected;
    assert_eq!(terms.validate(&job, &limits()), Ok(()));

    // With 10 more to share, what was stated decides who gets them: the one it favoured.
    let corrected = correct(Amount(190), &bids, &wanted).unwrap();
    assert_eq!(corrected, [30, 90, 50, 20].map(Amount));
}

#[test]
fn terms_that_add_up_are_taken_and_have_one_digest() {
    let terms = five();
    assert_eq!(terms.validate(&five_graph(), &limits()), Ok(()));
    assert_eq!(CoalitionTerms::decode(&mut terms.encode().as_slice()), Ok(terms.clone()));
    let mut other = terms.clone();
    other.failure.backups[0].bid = Amount(59);
    assert_ne!(other.digest(), terms.digest(), "backups are signed for, too");
    assert_eq!(terms.signers(), (1..=8).map(did).collect::<Vec<_>>());
    let bid = terms.bid(Amount(3), Ppm(900_000), QualityLevel::Standard);
    assert_eq!((bid.bidder, bid.card, bid.bundles.len()), (did(1), terms.digest(), 1));
    let bundle = bid.bundles[0];
    assert_eq!((bundle.subtasks, bundle.price), (SubtaskSet::first(5), Amount(260)));
    assert_eq!(bundle.estimated_duration_ms, DurationMs(500));
    assert_eq!(terms.plan.estimated_completion_ms, DurationMs(1_500));
}

#[test]
fn what_is_paid_above_the_total_is_divided_in_proportion_to_the_shares() {
    let terms = five();
    assert_eq!(terms.at_price(Amount(259)), None);
    assert_eq!(terms.at_price(Amount(260)), Some(terms.clone()));
    let paid = terms.at_price(Amount(287)).unwrap();
    // 27 times 34, 90, 55, 21 and 60 of 260: 3.53, 9.35, 5.71, 2.18, 6.23.
    assert_eq!(paid.sharing.member_shares, [38, 99, 61, 23, 66].map(Amount));
    assert_eq!(paid.total, Amount(287));
    assert_eq!(paid.validate(&five_graph(), &limits()), Ok(()));
}

#[test]
fn members_have_to_fit_their_subtasks() {
    assert_eq!(refused(|terms| terms.members.clear()), Error::Members(0));
    let unknown = |terms: &mut CoalitionTerms| terms.members[4].subtask = 9;
    assert_eq!(refused(unknown), Error::UnknownSubtask(9));
    let twice = |terms: &mut CoalitionTerms| terms.members[3] = member(9, 2, 20);
    assert_eq!(refused(twice), Error::MembersUnordered(2));
    let other = |terms: &mut CoalitionTerms| {
        terms.members[1].capability = "work.other".parse().expect("a name");
    };
    assert!(
        matches!(refused(other), Error::Capability { subtask: 1, agent, .. } if agent == did(2))
    );
    let slow =
        |terms: &mut CoalitionTerms| terms.members[1].estimated_duration_ms = DurationMs(1_001);
    assert!(matches!(refused(slow), Error::TooSlow { subtask: 1, limit: DurationMs(1_000), .. }));
    assert_eq!(refused(|terms| terms.lead = did(6)), Error::LeadNotMember(did(6)));
    let at_once = |terms: &mut CoalitionTerms| terms.members[2].agent = did(2);
    assert_eq!(refused(at_once), Error::TwiceInStage { agent: did(2), stage: 1 });
    let mut one_after_other = five();
    one_after_other.members[4].agent = did(1);
    assert_eq!(one_after_other.validate(&five_graph(), &limits()), Ok(()));
    assert_eq!(refused(|terms| terms.plan.graph = Digest::ZERO), {
        let expected = ainur_market::coalition::graph_digest(&five_graph());
        Error::OtherGraph { expected, found: Digest::ZERO }
    });
    let none = five().validate(&TaskGraph::default(), &limits());
    assert_eq!(none, Err(Error::Graph(GraphError::Empty)));
}

#[test]
fn a_plan_has_to_follow_the_graph_and_meet_the_deadline() {
    let plan = |stages: &[&[u16]]| {
        refused(|terms| {
            terms.plan.stages = stages.iter().map(|stage| stage.to_vec()).collect();
        })
    };
    assert_eq!(plan(&[&[0], &[1, 2, 3]]), Error::Unplanned(4));
    assert_eq!(plan(&[&[0], &[1, 2, 3], &[], &[4]]), Error::StageEmpty(2));
    assert_eq!(plan(&[&[0], &[1, 2, 3], &[4], &[1]]), Error::PlannedTwice(1));
    assert_eq!(plan(&[&[0], &[1, 1]]), Error::PlannedTwice(1));
    assert_eq!(plan(&[&[0], &[1, 5]]), Error::WithoutMember(5));
    assert_eq!(plan(&[&[0, 1]]), Error::StageOrder { subtask: 1, needs: 0 });
    assert_eq!(plan(&[&[0], &[1, 2], &[4], &[3]]), Error::StageOrder { subtask: 4, needs: 3 });
    let mut slower = five();
    slower.plan.stages = vec![vec![0], vec![2], vec![3, 1], vec![4]];
    assert_eq!(slower.validate(&five_graph(), &limits()), Ok(()), "later than needed is allowed");
    let early = |terms: &mut CoalitionTerms| {
        terms.plan.estimated_completion_ms = DurationMs(1_499);
    };
    let limit = DurationMs(1_500);
    assert_eq!(refused(early), Error::CompletionTooEarly { limit, found: DurationMs(1_499) });
    let late = |terms: &mut CoalitionTerms| {
        terms.plan.estimated_completion_ms = DurationMs(5_001);
    };
    let limit = DurationMs(5_000);
    assert_eq!(refused(late), Error::CompletionTooLate { limit, found: DurationMs(5_001) });
}

#[test]
fn a_coalition_for_part_of_a_job_waits_for_what_others_do() {
    let job = five_graph();
    let members = vec![member(2, 1, 10), member(5, 4, 10)];
    let terms = terms_of(&job, members.clone(), &[10, 10]);
    assert_eq!(terms.validate(&job, &limits()), Ok(()));
    assert_eq!(terms.plan.stages, [vec![1], vec![4]]);
    // Parts 0 and 2 or 3 take up to a second each before part 4 can begin.
    assert_eq!(terms.plan.estimated_completion_ms, DurationMs(2_500));
    // Part 0 is needed by part 4 although nobody in the coalition does what lies between.
    let mut together = terms_of(&job, vec![member(1, 0, 10), member(5, 4, 10)], &[10, 10]);
    together.plan.stages = vec![vec![0, 4]];
    let error = together.validate(&job, &limits());
    assert_eq!(error, Err(Error::StageOrder { subtask: 4, needs: 0 }));
    let first = ExecutionPlan::earliest(&job, &[member(1, 0, 10)]);
    assert_eq!(first.estimated_completion_ms, DurationMs(500), "nobody waits for what comes after");
}

#[test]
fn money_has_to_add_up_within_reserve_and_budget() {
    let sum = refused(|terms| terms.sharing.member_shares[1] = Amount(91));
    assert_eq!(sum, Error::SharesSum { expected: Amount(260), found: Amount(261) });
    let count = refused(|terms| terms.sharing.member_shares.truncate(4));
    assert_eq!(count, Error::ShareCount { expected: 5, found: 4 });
    let total = Amount(260);
    let of = |reserve, budget| {
        let limits =
            CoalitionLimits { reserve: Amount(reserve), budget: Amount(budget), ..limits() };
        refused_within(&limits, |_| ())
    };
    assert_eq!(of(259, 1_000), Error::AboveReserve { total, reserve: Amount(259) });
    assert_eq!(of(1_000, 259), Error::AboveBudget { total, budget: Amount(259) });
    let mut frugal = five_graph();
    for subtask in &mut frugal.subtasks {
        subtask.reserve = Amount(51);
    }
    let mut terms = five();
    terms.plan.graph = ainur_market::coalition::graph_digest(&frugal);
    let error = terms.validate(&frugal, &limits());
    assert_eq!(error, Err(Error::AboveSubtaskReserves { total, reserves: Amount(255) }));
    let huge = refused(|terms| terms.members[0].bond = Amount(1 << 88));
    assert_eq!(huge, Error::AmountTooLarge);
    let later = CoalitionLimits { valid_until: Timestamp(11), ..limits() };
    let error = refused_within(&later, |_| ());
    assert_eq!(error, Error::Expired { needed: Timestamp(11), found: Timestamp(10) });
}

#[test]
fn backups_pool_and_penalties_have_to_be_possible() {
    let with =
        |backup: CoalitionMember| refused(move |terms| terms.failure.backups.push(backup.clone()));
    assert_eq!(with(member(9, 3, 10)), Error::BackupsUnordered(3));
    assert_eq!(with(member(5, 4, 10)), Error::BackupTwice { agent: did(5), subtask: 4 });
    assert_eq!(with(member(8, 4, 10)), Error::BackupTwice { agent: did(8), subtask: 4 });
    assert_eq!(with(member(9, 5, 10)), Error::UnknownSubtask(5));
    let partial = terms_of(&five_graph(), vec![member(1, 0, 10)], &[10]);
    let mut partial = partial;
    partial.failure.backups = vec![member(9, 1, 10)];
    assert_eq!(partial.validate(&five_graph(), &limits()), Err(Error::WithoutMember(1)));
    let many = refused(|terms| terms.failure.backups = vec![member(9, 4, 1); 65]);
    assert_eq!(many, Error::Backups(65));
    // All reserves of 100 above all bids.
    let pool = refused(|terms| terms.failure.insurance_pool = Amount(261));
    assert_eq!(pool, Error::InsurancePool { limit: Amount(260), found: Amount(261) });
    let (failed, buyer) = (PenaltyCause::Failed, PenaltyBeneficiary::Buyer);
    let penalties = |penalty| {
        refused(move |terms| {
            terms.failure.penalty_clauses.push(clause(failed, penalty, buyer));
        })
    };
    assert_eq!(penalties(100_001), Error::Penalties { cause: failed });
    assert_eq!(penalties(0), Error::Penalties { cause: failed });
    let many = refused(|terms| {
        terms.failure.penalty_clauses = vec![clause(failed, 1, buyer); 17];
    });
    assert_eq!(many, Error::PenaltyClauses(17));
}

#[test]
fn insurance_withholds_in_proportion_to_what_is_above_bids_and_nothing_of_them() {
    let mut terms = five();
    // Above bids are 4, 10, 5, 1 and 0.
    for (pool, withheld) in [
        (0, [0, 0, 0, 0, 0]),
        (1, [0, 1, 0, 0, 0]),
        (12, [2, 6, 3, 1, 0]),
        (20, [4, 10, 5, 1, 0]),
        (260, [4, 10, 5, 1, 0]),
    ] {
        terms.failure.insurance_pool = Amount(pool);
        assert_eq!(terms.withheld(), withheld.map(Amount), "{pool}");
    }
    terms.sharing.member_shares = terms.bids();
    assert_eq!(terms.withheld(), [Amount::ZERO; 5]);
}
