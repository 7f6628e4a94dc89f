//! What the clauses of coalitions cost, as the ledger says, and what stake agents lost.
use std::collections::BTreeMap;

use ainur_api::view::{InsuranceRow, PenaltyRow, StakeLoss};
use ainur_broker::event::LedgerPosition;
use ainur_broker::task::{Task, TaskAttempt};
use ainur_consensus::ReplicatedLog;
use ainur_ledger::escrow::{HeldPenalty, Payout, Penalty};
use ainur_ledger::reputation::{Reputation, ViolationReason};
use ainur_ledger::{Event, Height};
use ainur_primitives::PenaltyCause;

use crate::node::Node;

impl Node {
    /// What the clauses of coalitions cost at a task, in the order in which the ledger says so.
    pub(super) fn penalty_rows(&self, task: &Task) -> Vec<PenaltyRow> {
        let mut rows = BTreeMap::new();
        for position in positions(task) {
            let Ok(Some(stored)) = self.log.block(Height(position.height)) else { continue };
            let at = |index: u32| stored.events.iter().find(|record| record.index == index);
            let Some(transaction) = at(position.index).map(|record| record.transaction) else {
                continue;
            };
            // Members who ran out of time with the task failed in the transaction that ended it.
            let own = stored.events.iter().filter(|record| record.transaction == transaction);
            for record in own {
                let Event::Escrow(event) = &record.event else { continue };
                let (penalties, held) = event.penalties();
                let told = penalties.iter().flat_map(|it| self.paid_rows(task, it));
                let told = told.chain(held.iter().map(|it| self.held_row(task, it)));
                rows.insert((position.height, record.index), told.collect::<Vec<_>>());
            }
        }
        rows.into_values().flatten().collect()
    }

    /// What members of coalitions got back of what insurance withheld, when the task has ended.
    pub(super) fn insurance_rows(&self, task: &Task) -> Vec<InsuranceRow> {
        let row = |payout: &Payout| InsuranceRow {
            payee: payout.payee,
            payee_name: self.name_of(payout.payee),
            amount: payout.amount,
        };
        let insured = task.graph.iter().flat_map(|graph| &graph.decision.coalitions);
        let mut insured = insured.map(|signed| signed.terms.failure.insurance_pool);
        let Some(closed) = task.closed_at.filter(|_| insured.any(|pool| !pool.is_zero())) else {
            return Vec::new();
        };
        let Ok(Some(stored)) = self.log.block(Height(closed.height)) else { return Vec::new() };
        match stored.events.iter().find(|record| record.index == closed.index) {
            Some(record) => match &record.event {
                Event::Escrow(event) => event.insurance().iter().map(row).collect(),
                _ => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    fn paid_rows(&self, task: &Task, penalty: &Penalty) -> Vec<PenaltyRow> {
        let row = |payout: &Payout| PenaltyRow {
            part: part_name(task, penalty.subtask),
            seller: penalty.seller,
            seller_name: self.name_of(penalty.seller),
            cause: penalty.cause,
            payee: payout.payee,
            payee_name: self.payee_name(payout.payee),
            amount: payout.amount,
            waited: false,
        };
        penalty.payouts.iter().map(row).collect()
    }

    fn held_row(&self, task: &Task, held: &HeldPenalty) -> PenaltyRow {
        PenaltyRow {
            part: part_name(task, held.subtask),
            seller: held.seller,
            seller_name: self.name_of(held.seller),
            cause: PenaltyCause::Failed,
            payee: held.payee,
            payee_name: self.payee_name(held.payee),
            amount: held.amount,
            waited: true,
        }
    }

    fn payee_name(&self, payee: ainur_primitives::Did) -> String {
        if payee == self.did { "the buyer".into() } else { self.name_of(payee) }
    }
}

/// Where the ledger says what became of a task and of its parts.
fn positions(task: &Task) -> impl Iterator<Item = LedgerPosition> {
    let of_attempt =
        |attempt: &TaskAttempt| [attempt.agreed_at, attempt.failed_at].into_iter().flatten();
    let ended = task.graph.iter().flat_map(|graph| &graph.ended);
    let of_parts = ended.flat_map(move |part| {
        let attempts = part.attempts.iter().flat_map(of_attempt);
        attempts.chain(part.settled_at)
    });
    let own = task.attempts.iter().flat_map(of_attempt).chain(task.closed_at);
    own.chain(of_parts).filter(|position| *position != LedgerPosition::UNKNOWN)
}

/// What people call a subtask: of a part itself, by what is wanted of it.
fn part_name(task: &Task, subtask: u16) -> String {
    match task.part_of {
        Some(_) => task.spec.capability.to_string(),
        None => task.part_name(subtask),
    }
}

/// The stake that a party lost, as far as the ledger remembers.
pub(super) fn losses(record: &Reputation) -> Vec<StakeLoss> {
    let told = record.violations.iter().map(|violation| {
        let why = match &violation.reason {
            ViolationReason::Attempt { task, failure } => {
                format!("failed at task {} ({failure})", task.short())
            }
            ViolationReason::BidNotRevealed { task } => {
                format!("did not reveal its bid for task {}", task.short())
            }
            ViolationReason::Penalty { task, cause } => {
                let what = match cause {
                    PenaltyCause::Failed => "failing",
                    PenaltyCause::Late => "being late",
                };
                format!("its coalition's clauses for {what} at task {}", task.short())
            }
            ViolationReason::Authority { reason } => {
                format!("the ledger's authority said so ({})", reason.short())
            }
        };
        StakeLoss { at: violation.at, amount: violation.amount, why }
    });
    told.collect()
}
