//! What is owed to whom, by what was awarded and what the events say.
use std::collections::BTreeMap;

use ainur_ledger::escrow::{Event, Hire, Payout};
use ainur_ledger::reputation;
use ainur_market::payment::PaymentTerms;
use ainur_primitives::{Amount, Did, Digest, Ppm, TaskId};

use super::TASKS;
use crate::world::*;

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Open,
    Paid,
    Failed,
    Replaced,
}

/// What the model knows of one seller's share.
#[derive(Clone, Debug)]
struct Share {
    seller: Did,
    asked: Amount,
    price: Amount,
    parts: Vec<(Amount, State)>,
}

/// What the model knows of one task.
#[derive(Clone, Debug, Default)]
pub(super) struct Deal {
    reserve: Amount,
    shares: Vec<Share>,
    /// What each seller is owed for good.
    owed: BTreeMap<Did, Amount>,
    pub(super) closed: bool,
}

/// What was awarded, by the digest of the consent: what it asks and how it is paid.
pub(super) type Terms = BTreeMap<Digest, (Amount, PaymentTerms)>;

pub(super) fn add(to: &mut Amount, amount: Amount) {
    *to = to.checked_add(amount).unwrap();
}

impl Deal {
    fn hire(&mut self, terms: &Terms, sellers: &[Hire]) {
        for hire in sellers {
            let (asked, payment) = &terms[&hire.bid];
            let parts = payment.parts(hire.price);
            assert_eq!(parts.len(), hire.parts as usize);
            assert!(hire.price >= *asked, "nobody works for less than it asks");
            let upfront = *payment == PaymentTerms::Upfront;
            assert_eq!(hire.advanced, if upfront { hire.price } else { Amount::ZERO });
            self.shares.push(Share {
                seller: hire.seller,
                asked: *asked,
                price: hire.price,
                parts: parts.into_iter().map(|amount| (amount, State::Open)).collect(),
            });
        }
    }

    fn share_of(&mut self, part: u32) -> (&mut Share, usize) {
        let mut within = part as usize;
        for share in &mut self.shares {
            if within < share.parts.len() {
                return (share, within);
            }
            within -= share.parts.len();
        }
        panic!("no part {part}");
    }

    fn owe(&mut self, seller: Did, amount: Amount) {
        add(self.owed.entry(seller).or_default(), amount);
    }

    /// The escrow has ended: payouts are what is owed, and the rest went back.
    fn end(&mut self, payouts: &[Payout], refunded: Amount) {
        assert!(!self.closed, "closed twice");
        self.closed = true;
        self.owed.retain(|_, amount| !amount.is_zero());
        let told: BTreeMap<Did, Amount> =
            payouts.iter().map(|payout| (payout.payee, payout.amount)).collect();
        assert_eq!(told.len(), payouts.len(), "one entry for each payee");
        assert_eq!(told, self.owed);
        let paid: Amount = told.values().copied().sum();
        assert_eq!(paid.checked_add(refunded), Some(self.reserve), "paid + refunded = reserve");
    }
}

/// The model, and what everyone must have when all tasks are closed.
pub(super) struct Model {
    pub(super) terms: Terms,
    pub(super) deals: BTreeMap<TaskId, Deal>,
    /// The numbers of the tasks at work.
    pub(super) tasks: [u8; TASKS],
    pub(super) service: Ppm,
    /// Gains and losses of wealth (money and stake), fees aside.
    pub(super) gained: BTreeMap<Did, Amount>,
    pub(super) lost: BTreeMap<Did, Amount>,
}

impl Model {
    pub(super) fn apply(&mut self, event: &ainur_ledger::Event) {
        let event = match event {
            ainur_ledger::Event::Escrow(event) => event,
            ainur_ledger::Event::Reputation(reputation::Event::Slashed { did, amount, .. }) => {
                return add(self.lost.entry(*did).or_default(), *amount);
            }
            _ => return,
        };
        match event {
            Event::Agreed { task, reserve, sellers, .. } => {
                let mut deal = Deal { reserve: *reserve, ..Deal::default() };
                deal.hire(&self.terms, sellers);
                self.deals.insert(*task, deal);
            }
            Event::Reawarded { task, sellers, .. } => {
                let deal = self.deals.get_mut(task).unwrap();
                deal.shares.clear();
                deal.hire(&self.terms, sellers);
            }
            Event::Substituted { task, part, first, sellers, .. } => {
                let deal = self.deals.get_mut(task).unwrap();
                let failed = deal.share_of(*part).0;
                for part in failed.parts.iter_mut().filter(|part| part.1 == State::Failed) {
                    part.1 = State::Replaced;
                }
                // What was paid and what is promised to others leaves this much.
                let over = |state| matches!(state, State::Paid | State::Replaced);
                let promised = deal.shares.iter().flat_map(|share| &share.parts);
                let promised = promised.filter(|part| !over(part.1)).map(|part| part.0);
                let bound: Amount = promised.chain(deal.owed.values().copied()).sum();
                let price: Amount = sellers.iter().map(|hire| hire.price).sum();
                assert!(price.checked_add(bound).is_some_and(|all| all <= deal.reserve));
                let known: usize = deal.shares.iter().map(|share| share.parts.len()).sum();
                assert_eq!(*first as usize, known);
                deal.hire(&self.terms, sellers);
            }
            Event::PartSettled { task, part, seller, price, compensation, .. } => {
                let deal = self.deals.get_mut(task).unwrap();
                let (share, within) = deal.share_of(*part);
                assert_eq!(share.seller, *seller);
                let earlier = share.parts[..within].iter();
                assert!(earlier.clone().all(|part| part.1 == State::Paid), "out of order");
                assert_eq!(share.parts[within].1, State::Open, "paid twice");
                share.parts[within].1 = State::Paid;
                let amount = share.parts[within].0;
                assert_eq!(price.checked_add(*compensation), Some(amount));
                assert!(*compensation <= amount.share_floor(self.service));
                deal.owe(*seller, *price);
            }
            Event::PartFailed { task, part, .. } => {
                let deal = self.deals.get_mut(task).unwrap();
                fail_open(deal.share_of(*part).0);
            }
            Event::Failed { task, seller, .. } => {
                let deal = self.deals.get_mut(task).unwrap();
                deal.shares.iter_mut().filter(|share| share.seller == *seller).for_each(fail_open);
            }
            Event::Settled { task, payouts, compensation, refunded, .. } => {
                self.settled(*task, payouts, *compensation, *refunded);
            }
            Event::Refunded { task, payouts, amount, .. } => self.end(*task, payouts, *amount),
            Event::Cancelled { task, payouts, fees, refunded, .. } => {
                let deal = self.deals.get_mut(task).unwrap();
                let mut told = Amount::ZERO;
                let payees: Vec<Payout> = payouts.clone();
                for Payout { payee, amount } in payees {
                    let owed = deal.owed.get(&payee).copied().unwrap_or_default();
                    let fee = amount.checked_sub(owed).expect("a fee takes nothing away");
                    add(&mut told, fee);
                    deal.owe(payee, fee);
                }
                assert_eq!(told, *fees);
                self.end(*task, payouts, *refunded);
            }
            _ => {}
        }
    }

    fn settled(&mut self, task: TaskId, payouts: &[Payout], compensation: Amount, back: Amount) {
        let deal = self.deals.get_mut(&task).unwrap();
        let mut open = Amount::ZERO;
        for share in deal.shares.clone() {
            let due: Amount =
                share.parts.iter().filter(|part| part.1 == State::Open).map(|part| part.0).sum();
            add(&mut open, due);
            deal.owe(share.seller, due);
            let whole = share.parts.iter().all(|part| matches!(part.1, State::Open | State::Paid));
            let paid = deal.owed[&share.seller];
            if whole && self.service == Ppm::ZERO {
                assert!(paid >= share.price && share.price >= share.asked, "less than its bid");
            }
        }
        if !open.is_zero() && !compensation.is_zero() {
            // Whose lateness it was is not told apart: take it off as the payouts do.
            let mut given_up = Amount::ZERO;
            for Payout { payee, amount } in payouts {
                let owed = deal.owed.get_mut(payee).unwrap();
                add(&mut given_up, owed.checked_sub(*amount).expect("nobody gets more"));
                *owed = *amount;
            }
            assert_eq!(given_up, compensation);
            assert!(compensation <= open.share_floor(self.service));
        }
        self.end(task, payouts, back);
    }

    fn end(&mut self, task: TaskId, payouts: &[Payout], refunded: Amount) {
        let deal = self.deals.get_mut(&task).unwrap();
        deal.end(payouts, refunded);
        for Payout { payee, amount } in payouts {
            add(self.gained.entry(*payee).or_default(), *amount);
            add(self.lost.entry(did(BUYER)).or_default(), *amount);
        }
    }
}

fn fail_open(share: &mut Share) {
    for part in share.parts.iter_mut().filter(|part| part.1 == State::Open) {
        part.1 = State::Failed;
    }
}
