//! A member fails and its backup takes over: what that changes, and what stays as it was.
//!
//! The total stays, and so does every other member's share unless the backup asks more than the
//! failed member's share; then the members whose work is not done yet give up part of what they
//! have above their bids, in proportion to it, and together at most the insurance pool. The
//! failed member gets nothing for the subtask, and loses of its bond what the clauses say.
use alloc::vec::Vec;

use ainur_primitives::{Amount, Did, PenaltyBeneficiary, PenaltyCause};

use super::error::Error;
use super::sharing::apportion;
use super::terms::{CoalitionMember, CoalitionTerms, bit};

/// Who takes over, for how much, and what the failed member loses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitution {
    /// Who failed.
    pub failed: Did,
    /// At which subtask.
    pub subtask: u16,
    /// Who takes it over.
    pub backup: CoalitionMember,
    /// What the backup is paid: the failed member's share, and what the pool adds.
    pub payment: Amount,
    /// What the pool added: given up by members whose work is not done yet.
    pub pooled: Amount,
    /// Where the failed member's bond goes.
    pub penalty: PenaltySplit,
    /// The terms from now on: the backup in its place, shares and pool as they are now, the failed
    /// agent nobody's backup any more. When the lead failed and does nothing else, the member of
    /// the lowest subtask leads.
    pub terms: CoalitionTerms,
}

/// Where a bond goes; all parts together are the bond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PenaltySplit {
    /// Who gets how much, in the order of the clauses; nobody gets nothing.
    pub payouts: Vec<PenaltyPayout>,
    /// What its owner gets back.
    pub returned: Amount,
}

/// Part of a bond that goes to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PenaltyPayout {
    /// To whom.
    pub payee: PenaltyPayee,
    /// How much.
    pub amount: Amount,
}

/// Who is paid from a penalty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PenaltyPayee {
    /// The buyer of the task.
    Buyer,
    /// A member or backup.
    Agent(Did),
    /// Whoever takes over what the member failed at; the buyer when nobody does.
    Substitute,
}

/// Replaces the member that failed at a subtask. `done` are the subtasks whose work is accepted:
/// they cannot fail and give nothing up. `unavailable` agents are passed over, as are those busy
/// with another subtask of the same stage. Of the backups left, the one that needs least from the
/// pool takes over; among equals, the one that was named first.
///
/// # Errors
/// When the subtask has no member, is done, or nobody takes it over for the failed member's share
/// and what the pool may add.
pub fn substitute(
    terms: &CoalitionTerms,
    failed: u16,
    done: u64,
    unavailable: &[Did],
) -> Result<Substitution, Error> {
    let place = terms.members.iter().position(|member| member.subtask == failed);
    let (Some(place), shares) = (place, &terms.sharing.member_shares) else {
        return Err(Error::WithoutMember(failed));
    };
    if done & bit(failed) != 0 {
        return Err(Error::Done(failed));
    }
    let (expected, found) = (terms.members.len(), shares.len());
    if expected != found {
        return Err(Error::ShareCount { expected, found });
    }
    let (member, allocated) = (&terms.members[place], shares[place]);
    let spare = spare(terms, place, done);
    let pool = terms.failure.insurance_pool.min(spare.iter().copied().sum());
    let needs = |backup: &&CoalitionMember| backup.bid.saturating_sub(allocated);
    let free = |backup: &&CoalitionMember| {
        backup.subtask == failed
            && backup.agent != member.agent
            && !unavailable.contains(&backup.agent)
            && !is_busy(terms, &backup.agent, failed, done)
            && needs(backup) <= pool
    };
    // The first of the minima.
    let backup = terms.failure.backups.iter().filter(free).min_by_key(needs);
    let backup = backup.ok_or(Error::NoBackup(failed))?.clone();
    let pooled = needs(&&backup);
    let payment = allocated.saturating_add(pooled);

    let mut next = terms.clone();
    next.members[place] = backup.clone();
    next.failure.backups.retain(|other| {
        other.agent != member.agent && (other.subtask != failed || other.agent != backup.agent)
    });
    next.sharing.member_shares[place] = payment;
    let weights: Vec<u128> = spare.iter().map(|spare| spare.0).collect();
    for (share, given) in next.sharing.member_shares.iter_mut().zip(apportion(pooled, &weights)) {
        // In proportion to what each can spare and at most all of it, so never below a bid; when
        // nobody can spare anything, nothing is pooled.
        *share = share.saturating_sub(given);
    }
    let bids: Amount = next.members.iter().map(|member| member.bid).sum();
    // No more than there still is above the bids.
    let pool = terms.failure.insurance_pool.saturating_sub(pooled);
    next.failure.insurance_pool = pool.min(next.total.saturating_sub(bids));
    if !next.members.iter().any(|member| member.agent == next.lead)
        && let Some(first) = next.members.first()
    {
        next.lead = first.agent;
    }
    let penalty = penalty(terms, failed, PenaltyCause::Failed, Some(backup.agent))?;
    let failed_agent = member.agent;
    Ok(Substitution {
        failed: failed_agent,
        subtask: failed,
        backup,
        payment,
        pooled,
        penalty,
        terms: next,
    })
}

/// Where the bond behind a subtask goes when this happened; each penalty is rounded down. Without a
/// `backup`, what goes to whoever takes failed work over waits for one, and the buyer gets what is
/// due for late work, which nobody takes over.
///
/// # Errors
/// When the subtask has no member.
pub fn penalty(
    terms: &CoalitionTerms,
    subtask: u16,
    cause: PenaltyCause,
    backup: Option<Did>,
) -> Result<PenaltySplit, Error> {
    let place = terms.members.iter().position(|member| member.subtask == subtask);
    let place = place.ok_or(Error::WithoutMember(subtask))?;
    let bond = terms.members[place].bond;
    let failed = terms.members[place].agent;
    let mut returned = bond;
    let mut payouts = Vec::new();
    let mut pay = |payee: PenaltyPayee, amount: Amount| {
        if !amount.is_zero() {
            payouts.push(PenaltyPayout { payee, amount });
        }
    };
    for clause in terms.failure.penalty_clauses.iter().filter(|clause| clause.cause == cause) {
        let amount = bond.share_floor(clause.penalty).min(returned);
        returned = returned.saturating_sub(amount);
        match clause.beneficiary {
            PenaltyBeneficiary::Buyer => pay(PenaltyPayee::Buyer, amount),
            PenaltyBeneficiary::Backup => {
                let payee = match (backup, cause) {
                    (Some(backup), _) => PenaltyPayee::Agent(backup),
                    (None, PenaltyCause::Failed) => PenaltyPayee::Substitute,
                    (None, PenaltyCause::Late) => PenaltyPayee::Buyer,
                };
                pay(payee, amount);
            }
            PenaltyBeneficiary::Members => {
                let paired = terms.members.iter().zip(&terms.sharing.member_shares);
                let others: Vec<(Did, u128)> = paired
                    .filter(|(member, _)| member.agent != failed)
                    .map(|(member, share)| (member.agent, share.0))
                    .collect();
                if others.is_empty() {
                    pay(PenaltyPayee::Buyer, amount);
                }
                let weights: Vec<u128> = others.iter().map(|(_, share)| *share).collect();
                for ((agent, _), part) in others.iter().zip(apportion(amount, &weights)) {
                    pay(PenaltyPayee::Agent(*agent), part);
                }
            }
        }
    }
    Ok(PenaltySplit { payouts, returned })
}

/// What each member can give up: nothing for the failed one and those whose work is done.
fn spare(terms: &CoalitionTerms, failed: usize, done: u64) -> Vec<Amount> {
    let paired = terms.members.iter().zip(&terms.sharing.member_shares).enumerate();
    paired
        .map(|(place, (member, share))| {
            if place == failed || done & bit(member.subtask) != 0 {
                Amount::ZERO
            } else {
                share.saturating_sub(member.bid)
            }
        })
        .collect()
}

/// True when the agent has another subtask, not done yet, in the stage of this one.
fn is_busy(terms: &CoalitionTerms, agent: &Did, subtask: u16, done: u64) -> bool {
    let stage = terms.plan.stages.iter().find(|stage| stage.contains(&subtask));
    terms.members.iter().any(|member| {
        member.agent == *agent
            && member.subtask != subtask
            && done & bit(member.subtask) == 0
            && stage.is_some_and(|stage| stage.contains(&member.subtask))
    })
}
