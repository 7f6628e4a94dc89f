//! Penalty clauses of coalitions: what members pledge, who gets it when one fails or is late, and
//! that each clause is carried out once and to the last unit, whatever happens in which order.
use std::collections::BTreeMap;

use ainur_ledger::budget;
use ainur_ledger::escrow::{
    Action, Consent, Error, Event, HeldPenalty, Payout, Penalty, SignedAward,
};
use ainur_ledger::reputation::{self, ViolationReason};
use ainur_market::auction::BidTerms;
use ainur_market::coalition::{CoalitionTerms, part_task_id};
use ainur_primitives::{
    Amount, BudgetId, Digest, DurationMs, FailureReason, PenaltyBeneficiary, PenaltyCause,
    PenaltyClause, Ppm,
};
use proptest::prelude::*;

use crate::consents::{TEAM, bid_together, coalition, staked};
use crate::world::*;

fn ainu(text: &str) -> Amount {
    Amount::from_ainu(text).unwrap()
}

fn clause(cause: PenaltyCause, beneficiary: PenaltyBeneficiary, penalty: u32) -> PenaltyClause {
    PenaltyClause { beneficiary, cause, penalty: Ppm(penalty) }
}

/// The coalition of five parts, with bonds of 2 AINU: who fails pays 0.2 to the buyer, 0.4 to the
/// others and 0.3 to whoever takes over, who is late 0.1 to the buyer and 0.7 to the others. Each
/// pledges 0.9.
fn with_clauses(world: &World) -> CoalitionTerms {
    let mut terms = coalition(world);
    for member in terms.members.iter_mut().chain(&mut terms.failure.backups) {
        member.bond = Amount::ainu(2);
    }
    terms.failure.penalty_clauses = vec![
        clause(PenaltyCause::Failed, PenaltyBeneficiary::Buyer, 100_000),
        clause(PenaltyCause::Failed, PenaltyBeneficiary::Members, 200_000),
        clause(PenaltyCause::Failed, PenaltyBeneficiary::Backup, 150_000),
        clause(PenaltyCause::Late, PenaltyBeneficiary::Buyer, 50_000),
        clause(PenaltyCause::Late, PenaltyBeneficiary::Members, 350_000),
    ];
    terms
}

fn agree_with(world: &mut World, terms: &CoalitionTerms) -> Action {
    let award = bid_together(world, terms.clone(), &TEAM);
    with_awards(world.agreement(1, SELLER), vec![award])
}

/// The coalition at work.
fn at_work() -> (World, CoalitionTerms) {
    let mut world = staked();
    let terms = with_clauses(&world);
    let action = agree_with(&mut world, &terms);
    world.ok(BUYER, action);
    (world, terms)
}

fn stand_in(world: &mut World, terms: &CoalitionTerms, backup: u16) -> SignedAward {
    let chosen = &terms.failure.backups[usize::from(backup)];
    let signer = if chosen.agent == did(RIVAL) { RIVAL } else { MEMBERS[4] };
    let (root, proofs) = sign(signer, 0, &[terms.digest()]);
    world.signatures.push(root);
    let consent = Consent::Backup { terms: terms.clone(), backup };
    SignedAward { price: chosen.bid, consent, proofs }
}

fn take_over(part: u32, award: SignedAward) -> Action {
    Action::Substitute { task: task(1), part, award }
}

/// What events say of clauses.
fn told(events: &[ainur_ledger::Event]) -> (Vec<Penalty>, Vec<HeldPenalty>) {
    let (mut penalties, mut held) = (Vec::new(), Vec::new());
    for event in events {
        if let ainur_ledger::Event::Escrow(event) = event {
            penalties.extend_from_slice(event.penalties().0);
            held.extend_from_slice(event.penalties().1);
        }
    }
    (penalties, held)
}

fn gained(world: &World, party: u8, before: Amount) -> Amount {
    world.free(party).checked_sub(before).unwrap()
}

#[test]
fn who_fails_pays_buyer_and_members_at_once_and_who_takes_over_then() {
    let (mut world, terms) = at_work();
    let agreed = opened(&world, 1);
    assert!(agreed.engagements.iter().all(|engaged| engaged.pledge == ainu("0.9")));
    let bonds: Amount = agreed.engagements.iter().map(|it| it.parts[0].bond).sum();
    let locked: Amount = TEAM.iter().map(|party| world.reputation(*party).locked).sum();
    assert_eq!(locked, bonds.checked_add(ainu("4.5")).unwrap());

    let parties = [BUYER, MEMBERS[0], MEMBERS[1], MEMBERS[3], MEMBERS[4]];
    let before = parties.map(|party| world.free(party));
    let stake = world.reputation(MEMBERS[2]).staked;
    let events = world.ok(VERIFIER, fail_part(1, 2, FailureReason::Crashed));
    let (penalties, held) = told(&events);
    assert!(held.is_empty());
    let [penalty] = penalties.as_slice() else { panic!("{penalties:?}") };
    assert_eq!((penalty.seller, penalty.subtask), (did(MEMBERS[2]), 2));
    assert_eq!((penalty.cause, penalty.held), (PenaltyCause::Failed, ainu("0.3")));
    assert_eq!((penalty.paid(), penalty.returned), (ainu("0.6"), Amount::ZERO));
    // 0.4 by the shares of those at work: 1.2 and 2.2 of 6.8, 1.2, 2.2.
    let exact = [ainu("0.2").0, 200_000_000_000, 70_588_235_294, 129_411_764_706, 0];
    for (party, (before, exact)) in parties.into_iter().zip(before.into_iter().zip(exact)) {
        let slashed = if party == BUYER { bought(&events) } else { Amount::ZERO };
        let got = gained(&world, party, before).checked_sub(slashed).unwrap();
        assert!(got.0.abs_diff(exact) <= 2, "party {party}: {got:?}");
    }
    // Bond and pledge are two things: the ledger's own slash is what it was.
    let lost = stake.checked_sub(world.reputation(MEMBERS[2]).staked).unwrap();
    assert_eq!(lost, slashed(&events).checked_add(ainu("0.6")).unwrap());
    assert_eq!(world.reputation(MEMBERS[2]).locked, ainu("0.3"), "what waits stays locked");
    let reasons = world.reputation(MEMBERS[2]).violations;
    let last = reasons.last().unwrap();
    let why = ViolationReason::Penalty { task: task(1), cause: PenaltyCause::Failed };
    assert_eq!((last.amount, &last.reason), (ainu("0.6"), &why));

    // Whoever else is bound does not get it; who takes over that part does, and pledges.
    let free = world.free(MEMBERS[4]);
    let award = stand_in(&mut world, &terms, 0);
    let events = world.ok(BUYER, take_over(2, award));
    let paid = HeldPenalty {
        coalition: terms.digest(),
        subtask: 2,
        seller: did(MEMBERS[2]),
        payee: did(MEMBERS[4]),
        amount: ainu("0.3"),
    };
    assert_eq!(told(&events), (Vec::new(), vec![paid]));
    assert_eq!(gained(&world, MEMBERS[4], free), ainu("0.3"));
    assert_eq!(world.reputation(MEMBERS[2]).locked, Amount::ZERO);
    assert_eq!(opened(&world, 1).engagements[5].pledge, ainu("0.9"));
    let events = world.ok(VERIFIER, settle(1, 1));
    assert_eq!(told(&events), (Vec::new(), Vec::new()));
    let tombstone = closed(&world, 1);
    assert_eq!(tombstone.paid().checked_add(tombstone.refunded), Some(Amount::ainu(10)));
    for party in MEMBERS {
        assert_eq!(world.reputation(party).locked, Amount::ZERO);
    }
}

/// What the buyer got of slashed bonds.
fn bought(events: &[ainur_ledger::Event]) -> Amount {
    let slashes = events.iter().filter_map(|event| match event {
        ainur_ledger::Event::Reputation(reputation::Event::Slashed { to_victim, .. }) => {
            Some(*to_victim)
        }
        _ => None,
    });
    slashes.sum()
}

fn slashed(events: &[ainur_ledger::Event]) -> Amount {
    let slashes = events.iter().filter_map(|event| match event {
        ainur_ledger::Event::Reputation(reputation::Event::Slashed { amount, .. }) => Some(*amount),
        _ => None,
    });
    slashes.sum()
}

#[test]
fn nobody_pays_for_infrastructure_and_a_backup_that_fails_pays_like_a_member() {
    let (mut world, terms) = at_work();
    let stake = world.reputation(MEMBERS[3]).staked;
    let events = world.ok(VERIFIER, fail_part(1, 3, FailureReason::Infrastructure));
    assert_eq!(told(&events), (Vec::new(), Vec::new()));
    assert_eq!(world.reputation(MEMBERS[3]).staked, stake);
    assert_eq!(world.reputation(MEMBERS[3]).locked, Amount::ZERO);
    let award = stand_in(&mut world, &terms, 1);
    assert_eq!(told(&world.ok(BUYER, take_over(3, award))), (Vec::new(), Vec::new()));
    let events = world.ok(VERIFIER, fail_part(1, 5, FailureReason::CheckFailed));
    let (penalties, _) = told(&events);
    assert_eq!((penalties[0].seller, penalties[0].subtask), (did(RIVAL), 3));
    assert_eq!(penalties[0].held, ainu("0.3"));
    // Who failed before it has no share in what it pays.
    let payees =
        |penalty: &Penalty| penalty.payouts.iter().map(|payout| payout.payee).collect::<Vec<_>>();
    assert!(!payees(&penalties[0]).contains(&did(MEMBERS[3])), "{penalties:?}");
    assert_eq!(penalties[0].payouts[0], Payout { payee: did(BUYER), amount: ainu("0.2") });
}

#[test]
fn what_waits_goes_to_whoever_takes_over_by_another_word_or_to_the_buyer_at_the_end() {
    // By a bid in a call for the part alone.
    let (mut world, _) = at_work();
    world.ok(VERIFIER, fail_part(1, 2, FailureReason::Crashed));
    let called = part_task_id(task(1), 2);
    let bid = BidTerms { task: called, price: Amount::ainu(1), ..world.bid(1, SELLER) };
    let award = SignedAward { price: Amount::ainu(1), ..world.award_of(bid, SELLER) };
    let events = world.ok(BUYER, take_over(2, award));
    let (_, held) = told(&events);
    assert_eq!((held[0].payee, held[0].amount), (did(SELLER), ainu("0.3")));
    assert_eq!(opened(&world, 1).engagements[5].pledge, Amount::ZERO, "it is no member");
    world.ok(VERIFIER, settle(1, 1));

    // Each way an escrow ends, or is awarded again.
    let rewarded = |world: &mut World| {
        let award = world.award(1, SELLER);
        (BUYER, Action::Reaward { task: task(1), awards: vec![award] })
    };
    let refunded = |_: &mut World| (BUYER, Action::Refund { task: task(1) });
    let expired = |world: &mut World| {
        world.later(HOUR);
        (BUYER, Action::Expire { task: task(1) })
    };
    let settled = |_: &mut World| (VERIFIER, settle(1, 1));
    type End = fn(&mut World) -> (u8, Action);
    let ends: [(bool, End); 4] =
        [(true, rewarded), (true, refunded), (false, expired), (false, settled)];
    for (alone, end) in ends {
        let (mut world, _) = at_work();
        world.ok(VERIFIER, fail_part(1, 2, FailureReason::Crashed));
        if alone {
            world.ok(VERIFIER, fail(1, 1, FailureReason::Infrastructure));
        }
        let (party, action) = end(&mut world);
        let events = world.ok(party, action);
        let held = told(&events).1;
        let of_part = held.iter().filter(|held| held.subtask == 2);
        let paid: Vec<_> = of_part.map(|held| (held.payee, held.amount)).collect();
        assert_eq!(paid, [(did(BUYER), ainu("0.3"))], "{events:?}");
        assert_eq!(world.reputation(MEMBERS[2]).locked, Amount::ZERO);
    }
}

#[test]
fn who_run_out_of_time_together_pay_the_buyer_and_who_was_accepted_and_not_one_another() {
    let (mut world, _) = at_work();
    world.ok(VERIFIER, settle_part(1, 1, START));
    let accepted = world.free(MEMBERS[1]);
    world.later(HOUR);
    let events = world.ok(BUYER, Action::Expire { task: task(1) });
    let (penalties, held) = told(&events);
    assert_eq!((penalties.len(), held.len()), (4, 4));
    for penalty in &penalties {
        let others: Vec<_> = penalty.payouts[1..].to_vec();
        let all = Payout { payee: did(MEMBERS[1]), amount: ainu("0.4") };
        assert_eq!(others, [all], "{penalty:?}");
    }
    assert!(held.iter().all(|held| held.payee == did(BUYER)));
    assert_eq!(gained(&world, MEMBERS[1], accepted), ainu("1.6"));
}

#[test]
fn who_is_late_pays_and_not_for_those_it_waited_for() {
    let (mut world, _) = at_work();
    // A second was promised; the first is late, the second part of its stage is not.
    world.later(DurationMs(1_500));
    let now = world.now;
    let events = world.ok(VERIFIER, settle_part(1, 0, START.plus(DurationMs(1_001))));
    let (penalties, _) = told(&events);
    let [late] = penalties.as_slice() else { panic!("{events:?}") };
    assert_eq!((late.cause, late.subtask), (PenaltyCause::Late, 0));
    assert_eq!((late.paid(), late.returned), (ainu("0.8"), ainu("0.1")));
    assert_eq!(late.payouts[0], Payout { payee: did(BUYER), amount: ainu("0.1") });
    let own = |payout: &Payout| payout.payee == did(MEMBERS[0]);
    assert!(!late.payouts.iter().any(own), "who does two subtasks does not pay itself");
    for part in [1, 2] {
        let events = world.ok(VERIFIER, settle_part(1, part, START.plus(DurationMs(1_000))));
        assert_eq!(told(&events), (Vec::new(), Vec::new()));
    }
    // The second stage could begin when the first was accepted.
    let events = world.ok(VERIFIER, settle_part(1, 3, now.plus(DurationMs(1_000))));
    assert_eq!(told(&events), (Vec::new(), Vec::new()));
    let events = world.ok(VERIFIER, settle_part(1, 4, now.plus(DurationMs(1_001))));
    let (penalties, held) = told(&events);
    assert_eq!((penalties.len(), held.len()), (1, 0));
    assert_eq!(penalties[0].subtask, 4);
}

#[test]
fn pledges_are_refused_without_the_stake_and_clauses_that_cannot_be_carried_out() {
    let mut world = staked();
    let terms = with_clauses(&world);
    // Enough for the bond of its part, and not for the pledge beside it.
    world.ok(MEMBERS[3], reputation::Action::Unbond { amount: ainu("10") });
    let staked_now = world.reputation(MEMBERS[3]).staked;
    let mut dear = terms.clone();
    dear.members[3].bond = staked_now;
    dear.failure.penalty_clauses[0].penalty = Ppm(650_000);
    let action = agree_with(&mut world, &dear);
    let refused = world.fails(BUYER, action);
    assert!(
        matches!(
            refused,
            ainur_ledger::TransactionError::Escrow(Error::Reputation(
                reputation::Error::StakeUnavailable { .. }
            ))
        ),
        "{refused:?}"
    );
    let mut too_dear = terms.clone();
    too_dear.failure.penalty_clauses[0].penalty = Ppm(650_001);
    let mut free_of_charge = terms.clone();
    free_of_charge.failure.penalty_clauses[0].penalty = Ppm(0);
    let mut many = terms.clone();
    many.failure.penalty_clauses =
        vec![clause(PenaltyCause::Failed, PenaltyBeneficiary::Buyer, 1); 17];
    let mut unordered = terms.clone();
    unordered.members.swap(0, 1);
    unordered.sharing.member_shares.swap(0, 1);
    let mut huge = terms.clone();
    huge.failure.backups[0].bond = Amount(u128::MAX);
    for terms in [too_dear, free_of_charge, many, unordered, huge] {
        let action = agree_with(&mut world, &terms);
        assert_eq!(world.fails(BUYER, action), Error::TermsInvalid(terms.digest()).into());
    }
    // Without clauses nothing is pledged.
    let plain = coalition(&world);
    let action = agree_with(&mut world, &plain);
    world.ok(BUYER, action);
    assert!(opened(&world, 1).engagements.iter().all(|it| it.pledge.is_zero()));
    assert!(opened(&world, 1).pacts.is_empty());
}

/// What is known of clauses from events alone.
#[derive(Default)]
struct Model {
    /// What waits, by attempt, subtask and seller.
    held: BTreeMap<(u32, u16, ainur_primitives::Did), Amount>,
    /// Who paid for what.
    paid: Vec<(u32, u16, ainur_primitives::Did)>,
    attempt: u32,
}

impl Model {
    /// Takes events in, and returns what stake they cost.
    fn take(&mut self, events: &[ainur_ledger::Event]) -> Amount {
        let (penalties, released) = told(events);
        let mut cost = slashed(events);
        for penalty in penalties {
            let place = (self.attempt, penalty.subtask, penalty.seller);
            assert!(!self.paid.contains(&place), "a second time: {penalty:?}");
            self.paid.push(place);
            assert!(self.held.values().all(|held| !held.is_zero()));
            if !penalty.held.is_zero() {
                self.held.insert(place, penalty.held);
            }
            let all = penalty.paid().checked_add(penalty.held).unwrap();
            assert_eq!(all.checked_add(penalty.returned), Some(ainu("0.9")));
            cost = cost.checked_add(penalty.paid()).unwrap();
        }
        for held in released {
            let waited = self.held.remove(&(self.attempt, held.subtask, held.seller));
            assert_eq!(waited, Some(held.amount), "{held:?}");
            cost = cost.checked_add(held.amount).unwrap();
        }
        let reawarded = |event: &&ainur_ledger::Event| {
            matches!(event, ainur_ledger::Event::Escrow(Event::Reawarded { .. }))
        };
        self.attempt += events.iter().filter(reawarded).count() as u32;
        cost
    }
}

const ALL: [u8; 9] =
    [BUYER, SELLER, RIVAL, VERIFIER, MEMBERS[0], MEMBERS[1], MEMBERS[2], MEMBERS[3], MEMBERS[4]];

fn staked_by_all(world: &World) -> Amount {
    ALL.iter().map(|party| world.reputation(*party).staked).sum()
}

/// What may be asked of a coalition at work.
fn step(world: &mut World, terms: &CoalitionTerms, (kind, small): (u8, u8)) -> (u8, Action) {
    let part = u32::from(small % 8);
    let attempt = u32::from(small % 2) + 1;
    let reasons = [FailureReason::Crashed, FailureReason::TimedOut, FailureReason::Infrastructure];
    let reason = reasons[usize::from(small) % 3];
    match kind {
        0..=3 => {
            let late = DurationMs(u64::from(small) * 100);
            let delivered = world.now.plus(late);
            (VERIFIER, settle_part(1, part, delivered))
        }
        4..=6 => (VERIFIER, fail_part(1, part, reason)),
        7..=8 => {
            let backup = u16::from(small % 2);
            let award = stand_in(world, terms, backup);
            (BUYER, take_over(u32::from(2 + backup), award))
        }
        9 => {
            let called = part_task_id(task(1), u16::from(small % 5));
            let bid = BidTerms { task: called, price: Amount(1), ..world.bid(1, SELLER) };
            let award = SignedAward { price: Amount::ainu(1), ..world.award_of(bid, SELLER) };
            (BUYER, take_over(part, award))
        }
        10 => (VERIFIER, settle(1, attempt)),
        11 => (VERIFIER, fail(1, attempt, reason)),
        12 => (BUYER, Action::Refund { task: task(1) }),
        13 => (BUYER, Action::Cancel { task: task(1) }),
        14 => {
            let award = world.award(1, SELLER);
            (BUYER, Action::Reaward { task: task(1), awards: vec![award] })
        }
        _ => {
            let again = CoalitionTerms {
                id: ainur_primitives::CoalitionId(Digest([small; 32])),
                ..terms.clone()
            };
            let award = bid_together(world, again, &TEAM);
            (BUYER, Action::Reaward { task: task(1), awards: vec![award] })
        }
    }
}

/// The coalition with clauses, and 0.6 of the AINU that its shares are above bids withheld: 0.12 of
/// each. The backup for the fourth part asks 2.5 AINU where the member gets 2.08.
fn insured_at_work() -> (World, CoalitionTerms) {
    insured_with_backup("2.5")
}

/// The same, with another price of that backup.
fn insured_with_backup(asks: &str) -> (World, CoalitionTerms) {
    let mut world = staked();
    let mut terms = with_clauses(&world);
    terms.failure.insurance_pool = ainu("0.6");
    terms.failure.backups[1].bid = ainu(asks);
    let budget = BudgetId(Digest([3; 32]));
    let (limit, expires) = (Amount::ainu(10), world.now.plus(DAY));
    let open = budget::Action::Open { budget, parent: None, limit, period: None, expires };
    world.ok(BUYER, open);
    let mut action = agree_with(&mut world, &terms);
    if let Action::Agree { budget: from, .. } = &mut action {
        *from = Some(budget);
    }
    world.ok(BUYER, action);
    (world, terms)
}

/// Who got how much back of what was withheld.
fn given_back(events: &[ainur_ledger::Event]) -> Vec<Payout> {
    let told = events.iter().filter_map(|event| match event {
        ainur_ledger::Event::Escrow(event) => Some(event.insurance()),
        _ => None,
    });
    told.flatten().copied().collect()
}

fn back(parties: &[u8], amount: &str) -> Vec<Payout> {
    let to = |party: &u8| Payout { payee: did(*party), amount: ainu(amount) };
    parties.iter().map(to).collect()
}

#[test]
fn what_is_withheld_is_given_back_when_nobody_fails() {
    let (mut world, _) = insured_at_work();
    let prices: Vec<Amount> =
        opened(&world, 1).engagements.iter().map(|it| it.price_open()).collect();
    let wanted = ["1.08", "1.08", "1.08", "2.08", "2.08"].map(ainu);
    assert_eq!(prices, wanted);
    let events = world.ok(VERIFIER, settle(1, 1));
    let all = [MEMBERS[0], MEMBERS[1], MEMBERS[2], MEMBERS[3], MEMBERS[0]];
    assert_eq!(given_back(&events), back(&all, "0.12"));
    let tombstone = closed(&world, 1);
    assert_eq!((tombstone.paid(), tombstone.refunded), (Amount::ainu(8), Amount::ainu(2)));
}

#[test]
fn a_dearer_backup_is_paid_out_of_the_pool_and_not_by_the_buyer() {
    let (mut world, terms) = insured_at_work();
    world.ok(VERIFIER, fail_part(1, 3, FailureReason::Crashed));
    let award = stand_in(&mut world, &terms, 1);
    // 2.08 and all of the pool, though the buyer has 2 AINU more that are promised to nobody.
    let proofs = award.proofs.clone();
    let signed = world.signatures.clone();
    let dear = SignedAward { price: ainu("2.680000000001"), proofs, ..award.clone() };
    let most = Error::PriceOutOfRange { asked: ainu("2.5"), reserve: ainu("2.68") };
    assert_eq!(world.fails(BUYER, take_over(3, dear)), most.into());
    world.signatures = signed;
    world.ok(BUYER, take_over(3, award));
    assert_eq!(opened(&world, 1).pacts[0].pool, ainu("0.18"));
    let events = world.ok(VERIFIER, settle(1, 1));
    // What is left of 0.48 that the others gave.
    let others = [MEMBERS[0], MEMBERS[1], MEMBERS[2], MEMBERS[0]];
    assert_eq!(given_back(&events), back(&others, "0.045"));
    let tombstone = closed(&world, 1);
    assert_eq!((tombstone.paid(), tombstone.refunded), (Amount::ainu(8), Amount::ainu(2)));
}

/// Somebody's bid in a call for a part alone, at a price.
fn called_for(world: &mut World, part: u16, seller: u8, price: &str) -> SignedAward {
    let called = part_task_id(task(1), part);
    let bid = BidTerms { task: called, price: Amount(1), ..world.bid(1, seller) };
    SignedAward { price: ainu(price), ..world.award_of(bid, seller) }
}

#[test]
fn a_pool_adds_nothing_to_what_is_not_there() {
    let (mut world, terms) = insured_with_backup("1");
    // A backup does the fourth part for less, and what that frees goes to who does the third.
    world.ok(VERIFIER, fail_part(1, 3, FailureReason::Crashed));
    let cheap = stand_in(&mut world, &terms, 1);
    world.ok(BUYER, take_over(3, cheap));
    world.ok(VERIFIER, fail_part(1, 2, FailureReason::Crashed));
    let dear = called_for(&mut world, 2, RIVAL, "4.16");
    world.ok(BUYER, take_over(2, dear));
    world.ok(VERIFIER, fail_part(1, 5, FailureReason::Infrastructure));
    // Of the 2.08 that the member was to get, 1 AINU is left for the backup.
    let award = SignedAward { price: ainu("1.5"), ..stand_in(&mut world, &terms, 1) };
    let most = Error::PriceOutOfRange { asked: ainu("1"), reserve: ainu("1") };
    assert_eq!(world.fails(BUYER, take_over(5, award)), most.into());
    let agreement = opened(&world, 1);
    assert!(agreement.promised() <= agreement.unpaid());
}

#[test]
fn what_a_failed_backup_was_to_get_is_in_the_pool_again_and_each_end_pays_who_was_accepted() {
    type End = fn(&mut World) -> (u8, Action);
    let ends: [End; 3] = [
        |_| (BUYER, Action::Refund { task: task(1) }),
        |world| {
            world.later(HOUR);
            (BUYER, Action::Expire { task: task(1) })
        },
        |world| {
            let award = world.award(1, SELLER);
            (BUYER, Action::Reaward { task: task(1), awards: vec![award] })
        },
    ];
    for end in ends {
        let (mut world, terms) = insured_at_work();
        world.ok(VERIFIER, settle_part(1, 1, START));
        world.ok(VERIFIER, fail_part(1, 3, FailureReason::Crashed));
        let award = stand_in(&mut world, &terms, 1);
        world.ok(BUYER, take_over(3, award));
        world.ok(VERIFIER, fail_part(1, 5, FailureReason::Infrastructure));
        assert_eq!(opened(&world, 1).pacts[0].pool, ainu("0.6"));
        world.ok(VERIFIER, fail(1, 1, FailureReason::Infrastructure));
        let before = world.free(MEMBERS[1]);
        let (party, action) = end(&mut world);
        let events = world.ok(party, action);
        assert_eq!(given_back(&events), back(&[MEMBERS[1]], "0.12"));
        assert_eq!(gained(&world, MEMBERS[1], before), ainu("0.12"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_clause_is_carried_out_once_and_nothing_is_lost(
        insured in any::<bool>(),
        steps in prop::collection::vec((0u8..16, 0u8..32, 0u64..1_200), 1..20)
    ) {
        let (mut world, terms) = if insured { insured_at_work() } else { at_work() };
        let mut model = Model::default();
        let mut before = staked_by_all(&world);
        let mut take = |world: &World, events: &[ainur_ledger::Event]| {
            let cost = model.take(events);
            let after = staked_by_all(world);
            assert_eq!(before.checked_sub(after), Some(cost), "{events:?}");
            before = after;
            model.held.len()
        };
        for (kind, small, later) in steps {
            world.later(DurationMs(later));
            let (party, action) = step(&mut world, &terms, (kind, small));
            let (_, events) = world.submit(party, action);
            take(&world, &events);
            for event in &events {
                // Whoever is accepted in time gets its bid.
                if let ainur_ledger::Event::Escrow(Event::PartSettled { seller, price, .. }) = event
                {
                    let bids = terms.members.iter().chain(&terms.failure.backups);
                    let least = bids.filter(|it| it.agent == *seller).map(|it| it.bid).min();
                    prop_assert!(least.is_none_or(|least| *price >= least));
                }
            }
        }
        world.later(HOUR);
        let (_, events) = world.submit(BUYER, Action::Expire { task: task(1) });
        prop_assert_eq!(take(&world, &events), 0, "something waits for ever");
        for party in ALL {
            prop_assert_eq!(world.reputation(party).locked, Amount::ZERO);
        }
        let tombstone = closed(&world, 1);
        prop_assert_eq!(tombstone.paid().checked_add(tombstone.refunded), Some(Amount::ainu(10)));
    }
}
