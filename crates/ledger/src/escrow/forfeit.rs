//! Taking the bond of a bidder who committed to a bid and did not reveal it.
//!
//! The ledger does not see reveals. It takes the word of the task's buyer, who gains nothing from
//! a lie while forfeited bonds are burned (the default).
use ainur_crypto::BatchProof;
use ainur_market::auction::CommitTerms;
use ainur_primitives::Did;

use super::{Error, Escrow, Event, Role};
use crate::execution::Context;
use crate::reputation;
use crate::state::key;

/// Takes the bond, once for each task and bidder.
pub(super) fn forfeit_bid_bond(
    context: &mut Context<'_>,
    commit: &CommitTerms,
    proof: &BatchProof,
) -> Result<(), Error> {
    let (task, bidder) = (commit.task, commit.bidder);
    let found = context.state.read(&key::escrow(&task)).ok_or(Error::Unknown(task))?;
    let (buyer, awarded) = match &found {
        Escrow::Open(open) => (open.buyer, open.has_engaged(&bidder)),
        Escrow::Closed(closed) => {
            let paid = closed.payouts.iter().any(|payout| payout.payee == bidder);
            (closed.buyer, paid || closed.failed.contains(&bidder))
        }
    };
    ensure(context, commit, buyer, awarded)?;
    let until = commit.reveal_until.plus(context.parameters.escrow.forfeit_window_ms);
    if context.now > until {
        return Err(Error::ForfeitTooLate(until));
    }
    let taken = key::forfeit(&task, &bidder);
    if context.state.read::<()>(&taken).is_some() {
        return Err(Error::AlreadyForfeited(bidder));
    }
    if !context.said_by(bidder, commit.digest(), proof) {
        return Err(Error::Unproven(bidder));
    }
    let amount = reputation::forfeit(context, task, bidder, commit.bid_bond, buyer)?;
    // Once it is forgotten the window has closed, so it cannot be taken again.
    context.remove_at(until, &taken);
    context.state.write(taken, &());
    context.emit(Event::BidBondForfeited { task, bidder, amount });
    Ok(())
}

fn ensure(
    context: &Context<'_>,
    commit: &CommitTerms,
    buyer: Did,
    awarded: bool,
) -> Result<(), Error> {
    if buyer != context.sender {
        return Err(Error::NotParty(Role::Buyer));
    }
    if awarded {
        return Err(Error::Revealed(commit.bidder));
    }
    if context.now < commit.reveal_until {
        return Err(Error::StillRevealing(commit.reveal_until));
    }
    Ok(())
}
