//! Standing offers as consents: the price of the next task under one, and taking one back.
use ainur_market::offer::OfferTerms;
use ainur_primitives::{Amount, Did, Digest, Timestamp};

use super::{Error, Event, Role};
use crate::execution::Context;
use crate::registry::AgentRegistration;
use crate::state::key;

/// What the seller asks of a buyer who takes its offer at the price of the time `matched` and has
/// this much to give.
pub(super) fn asked(
    context: &Context<'_>,
    (offer, digest): (&OfferTerms, Digest),
    matched: Timestamp,
    (buyer, reserve): (Did, Amount),
) -> Result<Amount, Error> {
    ensure_standing(context, offer, digest)?;
    let age_max = context.parameters.escrow.offer_match_age_ms_max;
    if matched > context.now || context.now.since(matched) > age_max {
        return Err(Error::MatchedOutOfRange { matched, now: context.now });
    }
    if !offer.is_valid_at(matched) || !offer.is_valid_at(context.now) {
        return Err(Error::OfferNotValid { from: offer.valid_from, until: offer.valid_until });
    }
    if reserve < offer.minimum_budget {
        return Err(Error::BelowMinimumBudget(offer.minimum_budget));
    }
    let registered: Option<AgentRegistration> = context.state.read(&key::agent(&offer.seller));
    if registered.is_some_and(|newest| newest.withdrawn || newest.card != offer.card) {
        return Err(Error::CardNotRegistered(offer.card));
    }
    Ok(offer.pricing.price(used(context, digest, buyer), matched))
}

/// Notes that the buyer has agreed under the offer once more.
pub(super) fn count_use(context: &mut Context<'_>, offer: Digest, buyer: Did, until: Timestamp) {
    let record = key::offer_use(&offer, &buyer);
    let count = used(context, offer, buyer).saturating_add(1);
    context.remove_at(until, &record);
    context.state.write(record, &count);
}

/// Takes an offer back: nothing can be agreed under it any more. What runs is not touched.
pub(super) fn revoke(context: &mut Context<'_>, offer: &OfferTerms) -> Result<(), Error> {
    let (seller, until) = (offer.seller, offer.valid_until);
    if seller != context.sender {
        return Err(Error::NotParty(Role::Seller));
    }
    let digest = offer.digest();
    ensure_standing(context, offer, digest)?;
    if context.now >= until {
        return Err(Error::OfferNotValid { from: offer.valid_from, until });
    }
    let record = key::offer_revoked(&digest);
    context.remove_at(until, &record);
    context.state.write(record, &());
    context.emit(Event::OfferRevoked { offer: digest, seller });
    Ok(())
}

/// Checks the offer itself: its terms, how long it stands, and that it was not taken back.
fn ensure_standing(context: &Context<'_>, offer: &OfferTerms, digest: Digest) -> Result<(), Error> {
    offer.validate().map_err(|_| Error::TermsInvalid(digest))?;
    let longest = context.parameters.escrow.offer_validity_ms_max;
    if offer.valid_until.since(offer.valid_from) > longest {
        return Err(Error::OfferValidTooLong(longest));
    }
    if context.state.read::<()>(&key::offer_revoked(&digest)).is_some() {
        return Err(Error::OfferRevoked(digest));
    }
    Ok(())
}

/// How often the buyer has agreed under the offer.
fn used(context: &Context<'_>, offer: Digest, buyer: Did) -> u32 {
    context.state.read(&key::offer_use(&offer, &buyer)).unwrap_or(0)
}
