//! What must hold after every block, checked record by record: after every test, and after every
//! block in debug builds.
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use ainur_primitives::{Amount, BudgetId, Did, Digest};
use scale::Decode;

use crate::balances::{Account, Totals, query};
use crate::budget::{BUDGET_DEPTH_MAX, Budget};
use crate::escrow::{Agreement, Engagement, Escrow, PARTS_MAX, Pact, Part, PartState};
use crate::exchange::{self, CreditClassId};
use crate::identity::Registered;
use crate::rental;
use crate::reputation::Reputation;
use crate::state::key::Space;
use crate::state::{ReadState, decoded, prefixed, read};

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The pots do not add up to what was issued and not burned.
    #[error("money was created or lost: {0:?}")]
    NotConserved(Box<Totals>),
    /// A total is not the sum of the records behind it.
    #[error("{what} of all records are {sum}, their total says {total}")]
    TotalDiffers {
        /// Which total.
        what: &'static str,
        /// The sum over the records.
        sum: Amount,
        /// The total.
        total: Amount,
    },
    /// A seller's locked stake is not that of its running agreements.
    #[error("{did} has {locked} locked in {running} agreements; they lock {sum} in {count}")]
    LockDiffers {
        /// Whose.
        did: Did,
        /// What the record says.
        locked: Amount,
        /// How many agreements the record says.
        running: u32,
        /// The sum over running agreements.
        sum: Amount,
        /// How many there are.
        count: u32,
    },
    /// More is locked than staked.
    #[error("{0} has more stake locked than staked")]
    LockedBeyondStake(Did),
    /// A budget's reservation is not that of the open escrows below it.
    #[error("budget {budget} has {reserved} reserved; open escrows reserve {sum}")]
    ReservationDiffers {
        /// Which budget.
        budget: BudgetId,
        /// What the record says.
        reserved: Amount,
        /// The sum over open escrows.
        sum: Amount,
    },
    /// More is reserved and spent than allowed.
    #[error("budget {0} exceeds its limit")]
    BudgetExceeded(BudgetId),
    /// An open escrow owes more than it holds, or its parts are out of order.
    #[error("an escrow of {0} does not add up")]
    EscrowInconsistent(Did),
    /// A party does not have as many open positions as its account says.
    #[error(
        "{did} has {found} escrows, claims, classes owed, orders and rentals; its account says {stated}"
    )]
    PositionsDiffer {
        /// Whose.
        did: Did,
        /// What the account says.
        stated: u32,
        /// How many there are.
        found: u32,
    },
    /// A rental does not hold what its meter says.
    #[error("what is locked for rental {0} is not what its periods cost")]
    RentalDiffers(Digest),
    /// The records of a credit class contradict each other.
    #[error("{what} of credit class {class} do not add up")]
    ExchangeDiffers {
        /// Which class.
        class: CreditClassId,
        /// What of it.
        what: &'static str,
    },
}

/// Checks the whole state: takes time proportional to its size.
///
/// # Errors
/// The first broken promise.
pub fn check(state: &(impl ReadState + ?Sized)) -> Result<(), Violation> {
    let totals = query::totals(state);
    if !totals.conserved() {
        return Err(Violation::NotConserved(Box::new(totals)));
    }
    let free = sum(state, Space::Account, |account: Account| account.free);
    let deposits = sum(state, Space::Identity, |identity: Registered| identity.deposit);
    let staked = sum(state, Space::Reputation, |record: Reputation| record.staked);
    let escrowed = sum(state, Space::Escrow, |escrow: Escrow| match escrow {
        Escrow::Open(agreement) => agreement.held(),
        Escrow::Closed(_) => Amount::ZERO,
    });
    let exchange::invariants::Held { exchange, pools } = exchange::invariants::check(state)?;
    let rentals = rental::invariants::check(state)?;
    for (what, sum, total) in [
        ("free money", free, totals.free),
        ("deposits", deposits, totals.deposits),
        ("stakes", staked, totals.staked),
        ("escrows", escrowed, totals.escrowed),
        ("the locks of the exchange", exchange, totals.exchange),
        ("the pools", pools, totals.pools),
        ("rentals", rentals, totals.rentals),
    ] {
        if sum != total {
            return Err(Violation::TotalDiffers { what, sum, total });
        }
    }
    check_locks(state)?;
    check_positions(state)?;
    check_budgets(state)
}

/// Every account counts what its owner still has to get or give.
fn check_positions(state: &(impl ReadState + ?Sized)) -> Result<(), Violation> {
    let mut found = BTreeMap::<Did, u32>::new();
    let mut add = |did: Did| {
        let count = found.entry(did).or_default();
        *count = count.saturating_add(1);
    };
    agreements(state).for_each(|agreement| add(agreement.buyer));
    exchange::invariants::positions(state, &mut add);
    rental::invariants::positions(state, add);
    for (key, value) in prefixed(state, &Space::Account.prefix()) {
        let did: Did = decoded(&key[1..]);
        let stated = decoded::<Account>(&value).positions;
        let found = found.remove(&did).unwrap_or_default();
        if found != stated {
            return Err(Violation::PositionsDiffer { did, stated, found });
        }
    }
    match found.into_iter().next() {
        None => Ok(()),
        Some((did, found)) => Err(Violation::PositionsDiffer { did, stated: 0, found }),
    }
}

/// Every locked bond belongs to a running agreement, and every agreement locks one.
fn check_locks(state: &(impl ReadState + ?Sized)) -> Result<(), Violation> {
    let mut locks = BTreeMap::<Did, (Amount, u32)>::new();
    for agreement in agreements(state) {
        if !adds_up(&agreement) {
            return Err(Violation::EscrowInconsistent(agreement.buyer));
        }
        for engagement in &agreement.engagements {
            let (locked, open) = (engagement.locked(), u32::from(engagement.is_open()));
            if open > 0 || !locked.is_zero() {
                let lock = locks.entry(engagement.seller).or_default();
                *lock = (lock.0.saturating_add(locked), lock.1 + open);
            }
        }
    }
    for (key, value) in prefixed(state, &Space::Reputation.prefix()) {
        let did: Did = decoded(&key[1..]);
        let Reputation { locked, running, staked, .. } = decoded(&value);
        let (sum, count) = locks.remove(&did).unwrap_or_default();
        if (locked, running) != (sum, count) {
            return Err(Violation::LockDiffers { did, locked, running, sum, count });
        }
        if locked > staked {
            return Err(Violation::LockedBeyondStake(did));
        }
    }
    match locks.into_iter().next() {
        None => Ok(()),
        Some((did, (sum, count))) => {
            Err(Violation::LockDiffers { did, locked: Amount::ZERO, running: 0, sum, count })
        }
    }
}

/// What was paid is within the reserve, what is still to be paid is there, only open engagements
/// have an advance, and of each engagement at most one part is at work, the first that is open.
fn adds_up(agreement: &Agreement) -> bool {
    let due = |engagement: &Engagement| engagement.price_open().saturating_sub(engagement.advanced);
    let engagements = &agreement.engagements;
    let to_pay: Amount = engagements.iter().map(due).sum();
    let in_order = engagements.iter().all(|engagement| {
        let mut open = engagement.parts.iter().filter(|part| part.state.is_open());
        open.next().is_none_or(|first| first.state == PartState::Running)
            && open.all(|later| later.state == PartState::Waiting)
            && (engagement.advanced.is_zero() || engagement.is_open())
    });
    agreement.attempt > 0
        && agreement.parts().count() <= PARTS_MAX
        && agreement.paid() <= agreement.reserve
        && to_pay.saturating_add(agreement.insurance()) <= agreement.held()
        && in_order
        && agreement.engagements.iter().all(|engagement| is_pledged(agreement, engagement))
        && agreement.pacts.iter().all(|pact| is_kept(agreement, pact))
}

/// Who is at work for a coalition with clauses has pledged what they can cost it; who has failed,
/// at most that, until somebody takes over; and nobody else anything.
fn is_pledged(agreement: &Agreement, engagement: &Engagement) -> bool {
    let pact = agreement.pacts.iter().find(|pact| pact.consent == engagement.consent);
    match pact.zip(engagement.subtask) {
        Some((pact, subtask)) if engagement.is_open() => engagement.pledge == pact.pledge(subtask),
        Some(_) => {
            let waits = |part: &Part| part.state == PartState::Failed;
            engagement.pledge.is_zero() || engagement.parts.iter().any(waits)
        }
        None => engagement.pledge.is_zero(),
    }
}

/// The members of a coalition with clauses are those who have not failed at their part, and what was
/// withheld from them is in the pool or promised to who took over.
fn is_kept(agreement: &Agreement, pact: &Pact) -> bool {
    let own = agreement.engagements.iter().filter(|known| known.consent == pact.consent);
    let failed = |state| matches!(state, PartState::Failed | PartState::Replaced);
    let kept = own.filter(|known| !known.parts.iter().any(|part| failed(part.state)));
    let mut kept: Vec<(Option<u16>, Did)> = kept.map(|it| (it.subtask, it.seller)).collect();
    kept.sort_unstable();
    let members = &pact.terms.members;
    let withheld: Amount = pact.insured.iter().map(|insured| insured.withheld).sum();
    let drawn: Amount = pact.drawn.iter().map(|(_, drawn)| *drawn).sum();
    pact.pool.saturating_add(drawn) == withheld
        && members.len() == pact.terms.sharing.member_shares.len()
        && members.iter().map(|it| (Some(it.subtask), it.agent)).eq(kept)
}

/// Every budget reserves what the open escrows below it lock, and stays within its limit.
fn check_budgets(state: &(impl ReadState + ?Sized)) -> Result<(), Violation> {
    let mut reservations = BTreeMap::<BudgetId, Amount>::new();
    for agreement in agreements(state) {
        let mut next = agreement.budget;
        for _ in 0..BUDGET_DEPTH_MAX {
            let Some(id) = next else { break };
            let reserved = reservations.entry(id).or_default();
            *reserved = reserved.saturating_add(agreement.unpaid());
            next = read::<Budget>(state, &crate::state::key::budget(&id))
                .and_then(|budget| budget.parent);
        }
    }
    for (key, value) in prefixed(state, &Space::Budget.prefix()) {
        let id: BudgetId = decoded(&key[1..]);
        let budget: Budget = decoded(&value);
        let sum = reservations.remove(&id).unwrap_or_default();
        if budget.reserved != sum {
            return Err(Violation::ReservationDiffers {
                budget: id,
                reserved: budget.reserved,
                sum,
            });
        }
        if budget.reserved.saturating_add(budget.spent) > budget.limit {
            return Err(Violation::BudgetExceeded(id));
        }
    }
    match reservations.into_iter().next() {
        None => Ok(()),
        Some((budget, sum)) => {
            Err(Violation::ReservationDiffers { budget, reserved: Amount::ZERO, sum })
        }
    }
}

fn agreements<S: ReadState + ?Sized>(state: &S) -> impl Iterator<Item = Agreement> + '_ {
    const PREFIX: [u8; 1] = Space::Escrow.prefix();
    prefixed(state, &PREFIX).filter_map(|(_, value)| match decoded(&value) {
        Escrow::Open(agreement) => Some(agreement),
        Escrow::Closed(_) => None,
    })
}

fn sum<T: Decode>(
    state: &(impl ReadState + ?Sized),
    space: Space,
    amount: impl Fn(T) -> Amount,
) -> Amount {
    prefixed(state, &space.prefix()).map(|(_, value)| amount(decoded(&value))).sum()
}
