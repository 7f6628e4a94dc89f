//! What the ledger's events say of the step that asked for them.
use ainur_ledger::{EventRecord, escrow, reputation};
use ainur_primitives::{Amount, Digest};

use crate::event::{Event, LedgerPosition};
use crate::task::TaskStep;

/// The event that says the ledger did what a step asked for.
pub(super) fn applied(
    step: TaskStep,
    (height, block): (u64, Digest),
    own: &[EventRecord],
) -> Option<Event> {
    let prepaid = super::credit::applied(step, (height, block), own);
    if let Some(event) = prepaid.or_else(|| super::rental::applied(step, (height, block), own)) {
        return Some(event);
    }
    own.iter().find_map(|record| {
        let ainur_ledger::Event::Escrow(event) = &record.event else { return None };
        let position = LedgerPosition { height, index: record.index, block };
        match (step, event) {
            (
                TaskStep::Agree(_),
                escrow::Event::Agreed { .. }
                | escrow::Event::Reawarded { .. }
                | escrow::Event::Substituted { .. },
            ) => Some(Event::AgreementApplied(position)),
            // The last part of a graph closes the escrow, too; its payment comes first.
            (TaskStep::Settle(_), escrow::Event::PartSettled { .. }) => {
                Some(Event::Settled(position))
            }
            (TaskStep::Settle(_), escrow::Event::Settled { compensation, payouts, .. }) => {
                let paid = payouts.iter().map(|payout| payout.amount).sum();
                Some(match compensation.is_zero() {
                    true => Event::Settled(position),
                    false => Event::SettledLate { position, paid },
                })
            }
            (
                TaskStep::Fail(_),
                escrow::Event::Failed { .. } | escrow::Event::PartFailed { .. },
            ) => Some(Event::FailureApplied { position, slashed: slashed(own) }),
            (TaskStep::Fail(_), escrow::Event::Cancelled { fees: paid, .. }) => {
                Some(Event::CancelledFor { position, paid: *paid })
            }
            (TaskStep::Refund, escrow::Event::Refunded { .. }) => Some(Event::Refunded(position)),
            _ => None,
        }
    })
}

/// What the seller lost, by the events of one transaction.
fn slashed(own: &[EventRecord]) -> Amount {
    own.iter()
        .filter_map(|record| match &record.event {
            ainur_ledger::Event::Reputation(reputation::Event::Slashed { amount, .. }) => {
                Some(*amount)
            }
            _ => None,
        })
        .sum()
}
