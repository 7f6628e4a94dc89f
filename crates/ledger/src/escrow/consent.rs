//! What sellers have signed that binds them to a task, and what the ledger asks of it.
use alloc::vec::Vec;

use ainur_crypto::BatchProof;
use ainur_market::auction::BidTerms;
use ainur_market::coalition::{
    COALITION_BACKUPS_MAX, COALITION_MEMBERS_MAX, CoalitionMember, CoalitionTerms, FailureHandling,
    SHARED_AMOUNT_MAX, part_task_id,
};
use ainur_market::combinatorial::{Bundle, BundleBidTerms};
use ainur_market::negotiation::NegotiatedTerms;
use ainur_market::offer::OfferTerms;
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{Amount, Did, Digest, DurationMs, TaskId, Timestamp};
use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use super::{Error, Role, offer};
use crate::execution::Context;

/// Who gets work, for how much, and the signed word that binds them to it.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct SignedAward {
    /// What is paid for accepted work: at least what the consent asks.
    pub price: Amount,
    /// What was agreed to.
    pub consent: Consent,
    /// The signature over the consent's digest of each seller it binds, once and in their order;
    /// root signatures travel with the transactions.
    pub proofs: Vec<BatchProof>,
}

/// Sellers' word, by the way of agreeing on a price.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Consent {
    /// A bid in an auction of the task, or of the subtask that its bidder takes over; its bidder is
    /// the seller.
    Bid {
        /// The bid.
        bid: BidTerms,
        /// Digest of the auction's transcript, from which anyone recomputes winner and price.
        transcript: Digest,
    },
    /// A bid in an auction of a task graph: its bidder does one of the bundles it offered, each
    /// subtask accepted and paid by itself.
    Bundle {
        /// The bid.
        bid: BundleBidTerms,
        /// Which of its bundles.
        bundle: u16,
        /// How the price is divided over the bundle's subtasks, ascending.
        shares: Vec<Amount>,
        /// Digest of the auction's transcript, from which anyone recomputes winner and price.
        transcript: Digest,
    },
    /// A standing offer.
    Offer {
        /// The offer.
        offer: OfferTerms,
        /// The time whose price the buyer takes.
        matched: Timestamp,
    },
    /// What buyer and seller settled on in a negotiation.
    Negotiated {
        /// The terms; `thread` names the whole conversation.
        terms: NegotiatedTerms,
    },
    /// A coalition's bid: each member is paid its share, each on its own signature.
    Coalition {
        /// What all members signed.
        terms: CoalitionTerms,
        /// Digest of the transcript of the auction the coalition won.
        transcript: Digest,
    },
    /// A coalition's backup, who takes over what a member failed at.
    Backup {
        /// What members and backups signed.
        terms: CoalitionTerms,
        /// Which of the backups.
        backup: u16,
    },
}

/// What one seller is bound to.
pub(super) struct Bound<'a> {
    pub(super) seller: Did,
    pub(super) price: Amount,
    pub(super) payment: &'a PaymentTerms,
    pub(super) cancellation: Option<CancellationPolicy>,
    /// The time it said it needs.
    pub(super) promised_ms: DurationMs,
    /// The subtask of the task's graph it agreed to do, when it agreed to one.
    pub(super) subtask: Option<u16>,
    /// The least time to the deadline it is bound for.
    pub(super) time_ms_min: DurationMs,
    /// What it pledges to its coalition.
    pub(super) pledge: Amount,
}

impl Consent {
    /// What the sellers' signatures cover.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Bid { bid, .. } => bid.digest(),
            Self::Bundle { bid, .. } => bid.digest(),
            Self::Offer { offer, .. } => offer.digest(),
            Self::Negotiated { terms } => terms.digest(),
            Self::Coalition { terms, .. } | Self::Backup { terms, .. } => terms.digest(),
        }
    }

    /// Digest of the document that explains the price: the transcript of an auction, the thread of
    /// a negotiation, or what was signed when that is all there is.
    pub fn transcript(&self) -> Digest {
        match self {
            Self::Bid { transcript, .. }
            | Self::Bundle { transcript, .. }
            | Self::Coalition { transcript, .. } => *transcript,
            Self::Negotiated { terms } => terms.thread,
            Self::Offer { .. } | Self::Backup { .. } => self.digest(),
        }
    }

    /// What each seller is bound to when all of them together get this price.
    fn bound(&self, price: Amount) -> Result<Vec<Bound<'_>>, Error> {
        let plain = |seller, promised_ms| Bound {
            seller,
            price,
            payment: &PaymentTerms::Completion,
            cancellation: None,
            subtask: None,
            promised_ms,
            time_ms_min: promised_ms,
            pledge: Amount::ZERO,
        };
        Ok(match self {
            // A bidder knew the deadline when it bid.
            Self::Bid { bid, .. } => [Bound {
                payment: &bid.payment,
                time_ms_min: DurationMs(0),
                ..plain(bid.bidder, bid.estimated_duration_ms)
            }]
            .into(),
            Self::Bundle { bid, bundle, shares, .. } => {
                let bundle = chosen_bundle(bid, *bundle)?;
                let promised_ms = bundle.estimated_duration_ms;
                let parts = bundle.subtasks.indices().zip(shares);
                parts
                    .map(|(subtask, share)| Bound {
                        price: *share,
                        subtask: u16::try_from(subtask).ok(),
                        time_ms_min: DurationMs(0),
                        ..plain(bid.bidder, promised_ms)
                    })
                    .collect()
            }
            Self::Offer { offer, .. } => [Bound {
                payment: &offer.payment,
                cancellation: Some(offer.cancellation),
                time_ms_min: time_ms_min(&offer.payment, offer.estimated_duration_ms),
                ..plain(offer.seller, offer.estimated_duration_ms)
            }]
            .into(),
            Self::Negotiated { terms } => [Bound {
                payment: &terms.agreed.payment,
                cancellation: Some(terms.cancellation),
                time_ms_min: time_ms_min(&terms.agreed.payment, terms.agreed.timeline_ms),
                ..plain(terms.seller, terms.agreed.timeline_ms)
            }]
            .into(),
            Self::Coalition { terms, .. } => {
                let promised_ms = terms.plan.estimated_completion_ms;
                let at_price = terms.at_price(price).ok_or(Error::TermsInvalid(self.digest()))?;
                let withheld = at_price.withheld();
                let shares = at_price.sharing.member_shares.into_iter().zip(withheld);
                let members = terms.members.iter().zip(shares);
                members
                    .map(|(member, (share, withheld))| Bound {
                        price: share.saturating_sub(withheld),
                        subtask: Some(member.subtask),
                        pledge: terms.failure.pledge(member.bond),
                        ..plain(member.agent, promised_ms)
                    })
                    .collect()
            }
            Self::Backup { terms, backup } => {
                let backup = chosen(terms, *backup)?;
                let promised_ms = backup.estimated_duration_ms;
                [Bound {
                    subtask: Some(backup.subtask),
                    pledge: terms.failure.pledge(backup.bond),
                    ..plain(backup.agent, promised_ms)
                }]
                .into()
            }
        })
    }
}

fn chosen(terms: &CoalitionTerms, backup: u16) -> Result<&CoalitionMember, Error> {
    terms.failure.backups.get(usize::from(backup)).ok_or(Error::UnknownBackup(backup))
}

fn chosen_bundle(bid: &BundleBidTerms, bundle: u16) -> Result<&Bundle, Error> {
    bid.bundles.get(usize::from(bundle)).ok_or(Error::UnknownBundle(bundle))
}

/// The time that work takes which is due by milestones, or without them as long as was said.
fn time_ms_min(payment: &PaymentTerms, estimated: DurationMs) -> DurationMs {
    match payment {
        PaymentTerms::Milestone(milestones) => {
            milestones.last().map_or(estimated, |last| last.due_ms)
        }
        PaymentTerms::Completion | PaymentTerms::Upfront => estimated,
    }
}

/// Checks that sellers' word binds them to a task of a buyer with this much left to give, and
/// returns the digest of what they signed and what each is bound to. A bid in a call for the
/// subtask that is `replaced` names the task that the subtask is by itself, and binds to it.
pub(super) fn ensure<'a>(
    context: &mut Context<'_>,
    task: TaskId,
    (buyer, available): (Did, Amount),
    (award, replaced): (&'a SignedAward, Option<u16>),
) -> Result<(Digest, Vec<Bound<'a>>), Error> {
    let SignedAward { price, consent, proofs } = award;
    let digest = consent.digest();
    let called = match consent {
        Consent::Bid { bid, .. } => {
            replaced.filter(|subtask| bid.task == part_task_id(task, *subtask))
        }
        _ => None,
    };
    let asked = match consent {
        Consent::Bid { bid, .. } => {
            if called.is_none() {
                ensure_for(task, bid.task)?;
            }
            ensure_valid_until(context, bid.valid_until)?;
            bid.payment.validate().map_err(|_| Error::TermsInvalid(digest))?;
            bid.price
        }
        Consent::Bundle { bid, bundle, shares, .. } => {
            ensure_for(task, bid.task)?;
            ensure_valid_until(context, bid.valid_until)?;
            let bundle = chosen_bundle(bid, *bundle)?;
            let sum = shares.iter().try_fold(Amount::ZERO, |sum, share| sum.checked_add(*share));
            if shares.len() != bundle.subtasks.count() || sum != Some(*price) {
                return Err(Error::TermsInvalid(digest));
            }
            bundle.price
        }
        Consent::Offer { offer, matched } => {
            offer::asked(context, (offer, digest), *matched, (buyer, available))?
        }
        Consent::Negotiated { terms } => {
            ensure_for(task, terms.task)?;
            ensure_valid_until(context, terms.valid_until)?;
            if terms.buyer != buyer {
                return Err(Error::NotParty(Role::Buyer));
            }
            terms.agreed.validate().map_err(|_| Error::TermsInvalid(digest))?;
            terms.cancellation.validate().map_err(|_| Error::TermsInvalid(digest))?;
            terms.agreed.price
        }
        Consent::Coalition { terms, .. } => {
            ensure_for(task, terms.task)?;
            ensure_valid_until(context, terms.valid_until)?;
            if !adds_up(terms, *price) {
                return Err(Error::TermsInvalid(digest));
            }
            terms.total
        }
        Consent::Backup { terms, backup } => {
            ensure_for(task, terms.task)?;
            ensure_valid_until(context, terms.valid_until)?;
            chosen(terms, *backup)?.bid
        }
    };
    if *price < asked || *price > available {
        return Err(Error::PriceOutOfRange { asked, reserve: available });
    }
    let mut bound = consent.bound(*price)?;
    for bound in &mut bound {
        bound.subtask = bound.subtask.or(called);
    }
    ensure_signed(context, digest, &bound, proofs)?;
    if let Consent::Offer { offer, .. } = consent {
        offer::count_use(context, digest, buyer, offer.valid_until);
    }
    Ok((digest, bound))
}

/// The shares of a coalition's members are its price, and nobody's is below its own bid. What the
/// ledger does not know, the graph and the plan, is for those who sign to check.
fn adds_up(terms: &CoalitionTerms, price: Amount) -> bool {
    let shares = &terms.sharing.member_shares;
    let sum = shares.iter().try_fold(Amount::ZERO, |sum, share| sum.checked_add(*share));
    let amounts = shares.iter().chain([&price]);
    (1..=COALITION_MEMBERS_MAX).contains(&terms.members.len())
        && shares.len() == terms.members.len()
        && sum == Some(terms.total)
        && amounts.into_iter().all(|amount| *amount <= SHARED_AMOUNT_MAX)
        && terms.shortfalls().is_empty()
        && can_be_carried_out(terms)
}

/// Clauses cost a member at most its bond, and each subtask is one member's.
fn can_be_carried_out(terms: &CoalitionTerms) -> bool {
    let FailureHandling { penalty_clauses, backups, insurance_pool } = &terms.failure;
    let mut bonds = terms.members.iter().chain(backups).map(|member| member.bond);
    (penalty_clauses.is_empty() && insurance_pool.is_zero())
        || (terms.failure.validate_clauses().is_ok()
            && terms.members.is_sorted_by(|before, after| before.subtask < after.subtask)
            && terms.plan.stages.len() <= COALITION_MEMBERS_MAX
            && backups.len() <= COALITION_BACKUPS_MAX
            && bonds.all(|bond| bond <= SHARED_AMOUNT_MAX))
}

fn ensure_for(task: TaskId, found: TaskId) -> Result<(), Error> {
    if found == task { Ok(()) } else { Err(Error::BidForAnotherTask(found)) }
}

/// Nothing signed for a task may outlive the memory of it.
fn ensure_valid_until(context: &Context<'_>, valid_until: Timestamp) -> Result<(), Error> {
    if context.now >= valid_until {
        return Err(Error::BidExpired(valid_until));
    }
    let latest = context.now.plus(context.parameters.escrow.bid_validity_ms_max);
    if valid_until > latest { Err(Error::BidValidTooLong(latest)) } else { Ok(()) }
}

/// Checks that each seller signed, once however many shares it has.
fn ensure_signed(
    context: &mut Context<'_>,
    digest: Digest,
    bound: &[Bound<'_>],
    proofs: &[BatchProof],
) -> Result<(), Error> {
    let mut proofs = proofs.iter();
    for (index, Bound { seller, .. }) in bound.iter().enumerate() {
        if bound[..index].iter().any(|earlier| earlier.seller == *seller) {
            continue;
        }
        let signed = proofs.next().is_some_and(|proof| context.said_by(*seller, digest, proof));
        if !signed {
            return Err(Error::Unproven(*seller));
        }
    }
    if proofs.next().is_some() { Err(Error::ProofsLeft) } else { Ok(()) }
}
