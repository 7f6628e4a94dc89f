//! Five members, one fails: the work goes on, nobody is below its bid, and nothing is lost.
use ainur_market::coalition::substitution::penalty;
use ainur_market::coalition::{
    CoalitionTerms, Error, PenaltyPayee, PenaltySplit, Substitution, substitute,
};
use ainur_primitives::{Amount, PenaltyBeneficiary, PenaltyCause};

use crate::world::{Numbers, clause, did, five, five_graph, graph, limits, member, terms_of};

fn check(terms: &CoalitionTerms, done: u64, after: &Substitution) {
    let paid: Amount = after.terms.sharing.member_shares.iter().copied().sum();
    assert_eq!(paid, terms.total, "the split is still the whole");
    assert_eq!(after.terms.total, terms.total);
    assert_eq!(after.terms.shortfalls(), [], "nobody is below its bid");
    let bond = terms.members.iter().find(|member| member.subtask == after.subtask);
    assert_eq!(whole(&after.penalty), bond.expect("a member").bond);
    for (place, member) in terms.members.iter().enumerate() {
        let (before, now) =
            (terms.sharing.member_shares[place], after.terms.sharing.member_shares[place]);
        if member.subtask == after.subtask {
            assert_eq!(now, after.payment);
        } else if done >> member.subtask & 1 == 1 {
            assert_eq!(now, before, "what is done is paid as agreed");
        } else {
            assert!(now <= before);
        }
    }
    let left = terms.failure.insurance_pool.checked_sub(after.pooled).expect("within the pool");
    assert!(after.terms.failure.insurance_pool <= left);
}

fn whole(penalty: &PenaltySplit) -> Amount {
    penalty
        .payouts
        .iter()
        .map(|payout| payout.amount)
        .sum::<Amount>()
        .saturating_add(penalty.returned)
}

#[test]
fn one_of_five_is_killed_and_its_backup_takes_over_for_its_share_and_the_pool() {
    let terms = five();
    let after = substitute(&terms, 2, 0b1, &[]).unwrap();
    check(&terms, 0b1, &after);
    // The second backup asks 54 and the share is 55: it takes over for the share.
    assert_eq!((after.failed, after.backup.agent, after.payment), (did(3), did(7), Amount(55)));
    assert_eq!(after.pooled, Amount::ZERO);
    assert_eq!(after.terms.sharing.member_shares, terms.sharing.member_shares);
    assert_eq!(after.terms.validate(&five_graph(), &limits()), Ok(()));
    // Of the bond of 40 the buyer gets half, the backup 15 %, the members 25 % by their shares of
    // 34, 90, 21 and 60, and 10 % goes back.
    let payouts: Vec<(PenaltyPayee, u128)> =
        after.penalty.payouts.iter().map(|payout| (payout.payee, payout.amount.0)).collect();
    let agent = |number| PenaltyPayee::Agent(did(number));
    assert_eq!(
        payouts,
        [
            (PenaltyPayee::Buyer, 20),
            (agent(7), 6),
            (agent(1), 2),
            (agent(2), 4),
            (agent(4), 1),
            (agent(5), 3),
        ]
    );
    assert_eq!(after.penalty.returned, Amount(4));
}

#[test]
fn a_dearer_backup_is_paid_from_the_pool_by_those_whose_work_is_not_done() {
    let terms = five();
    // Agent 7 is gone, too; agent 6 asks 3 more than the share. Members 1 and 4 are done; member 5
    // has nothing above its bid; so member 2 gives all of it.
    let after = substitute(&terms, 2, 0b1001, &[did(7)]).unwrap();
    check(&terms, 0b1001, &after);
    assert_eq!((after.backup.agent, after.payment, after.pooled), (did(6), Amount(58), Amount(3)));
    assert_eq!(after.terms.sharing.member_shares, [34, 87, 58, 21, 60].map(Amount));
    assert_eq!(after.terms.failure.insurance_pool, Amount(9));
    // And when that backup fails, nobody is left.
    assert_eq!(substitute(&after.terms, 2, 0b1001, &[did(7)]), Err(Error::NoBackup(2)));
    // The backup of part 4 asks 15 more than its share, and the pool is 12.
    assert_eq!(substitute(&terms, 4, 0b1111, &[]), Err(Error::NoBackup(4)));
    assert_eq!(substitute(&terms, 4, 0, &[]), Err(Error::NoBackup(4)));
}

#[test]
fn what_is_done_or_unknown_cannot_fail() {
    let terms = five();
    assert_eq!(substitute(&terms, 2, 0b100, &[]), Err(Error::Done(2)));
    assert_eq!(substitute(&terms, 7, 0, &[]), Err(Error::WithoutMember(7)));
    assert_eq!(substitute(&terms, 0, 0, &[]), Err(Error::NoBackup(0)));
}

#[test]
fn a_backup_that_is_busy_at_the_time_is_passed_over_and_a_failed_lead_is_followed() {
    let mut terms = five();
    terms.failure.backups = vec![member(4, 1, 70), member(5, 1, 90)];
    assert_eq!(terms.validate(&five_graph(), &limits()), Ok(()));
    // Member 4 does part 3 at the same time, member 5 comes later; once part 3 is done, 4 is free.
    assert_eq!(substitute(&terms, 1, 0b1, &[]).unwrap().backup.agent, did(5));
    assert_eq!(substitute(&terms, 1, 0b1001, &[]).unwrap().backup.agent, did(4));
    terms.lead = did(2);
    let after = substitute(&terms, 1, 0b1, &[]).unwrap();
    assert_eq!(after.terms.lead, did(1));
    assert_eq!(after.terms.validate(&five_graph(), &limits()), Ok(()));
    assert_eq!(substitute(&five(), 2, 0, &[]).unwrap().terms.lead, did(1));
}

#[test]
fn penalties_without_backup_or_other_members_go_to_the_buyer() {
    let job = graph(&[&[]]);
    let mut terms = terms_of(&job, vec![member(1, 0, 10)], &[10]);
    let cause = PenaltyCause::Late;
    terms.failure.penalty_clauses = vec![
        clause(cause, 333_333, PenaltyBeneficiary::Backup),
        clause(PenaltyCause::Failed, 500_000, PenaltyBeneficiary::Buyer),
        clause(cause, 333_333, PenaltyBeneficiary::Members),
    ];
    assert_eq!(terms.validate(&job, &limits()), Ok(()));
    let split = penalty(&terms, 0, cause, None).unwrap();
    assert!(split.payouts.iter().all(|payout| payout.payee == PenaltyPayee::Buyer));
    assert_eq!(split.payouts.len(), 2);
    assert_eq!((whole(&split), split.returned), (Amount(40), Amount(14)), "rounded down");
}

#[test]
fn random_failures_one_after_another_conserve_everything() {
    let seed = 23;
    let mut numbers = Numbers(seed);
    let (mut substituted, mut pooled) = (0, 0);
    for trial in 0..20_000 {
        let mut terms = five();
        let mut surplus = 0;
        for place in 0..5 {
            let bid = terms.members[place].bid;
            let above = u128::from(numbers.below(20));
            surplus += above;
            terms.sharing.member_shares[place] = Amount(bid.0 + above);
            terms.members[place].bond = Amount(u128::from(numbers.below(1_000)));
        }
        terms.total = terms.sharing.member_shares.iter().copied().sum();
        terms.failure.insurance_pool = Amount(u128::from(numbers.next()) % (surplus + 1));
        terms.failure.backups.clear();
        for subtask in 0..5_u16 {
            for agent in 6..9 {
                let bid = terms.members[usize::from(subtask)].bid.0 + u128::from(numbers.below(40));
                terms.failure.backups.push(member(agent + 3 * subtask as u8, subtask, bid));
            }
        }
        assert_eq!(terms.validate(&five_graph(), &limits()), Ok(()), "seed {seed}, trial {trial}");
        let mut done = 0;
        for _ in 0..6 {
            let failed = numbers.below(5) as u16;
            match substitute(&terms, failed, done, &[]) {
                Ok(after) => {
                    check(&terms, done, &after);
                    substituted += 1;
                    pooled += usize::from(!after.pooled.is_zero());
                    terms = after.terms;
                }
                Err(Error::Done(_) | Error::NoBackup(_)) => done |= 1 << numbers.below(5),
                Err(other) => panic!("seed {seed}, trial {trial}: {other}"),
            }
        }
    }
    assert!(substituted > 20_000 && pooled > 5_000, "{substituted} {pooled}");
}
