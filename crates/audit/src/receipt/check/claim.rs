//! The same for a task that was paid with a credit: the ledger's claim in the place of its escrow.
use ainur_ledger::Event;
use ainur_ledger::exchange::{self, CreditClassId};
use ainur_primitives::{Amount, Digest, FailureReason};

use super::{Checked, Examination, same};
use crate::receipt::{AttemptBasis, AttemptEnd, LedgerEvent, RedeemedCredit, check_digest};

/// The attempt of such a task, and the event that opened its claim.
pub(super) struct Redemption<'a> {
    credit: &'a RedeemedCredit,
    opened: Option<&'a exchange::Event>,
}

impl<'a> Examination<'a> {
    /// The claim, when the receipt says that a credit was redeemed.
    pub(super) fn claim(&self) -> Option<Redemption<'a>> {
        self.body.attempts.iter().find_map(|attempt| match &attempt.basis {
            AttemptBasis::Credit(credit) => {
                let opened = attempt.agreed.as_ref().and_then(exchange_event);
                Some(Redemption { credit, opened })
            }
            _ => None,
        })
    }

    pub(super) fn claimed_specification(&self, claim: Redemption<'_>) -> Checked {
        let Some(exchange::Event::Redeemed { call, check, .. }) = claim.opened else {
            return Err(NOT_REDEEMED.into());
        };
        let specification = self.body.specification_digest();
        same("specification digest", &specification, call)?;
        same("check digest", &check_digest(&self.body.specification.check), check)?;
        Ok(format!("digest {}", specification.short()))
    }

    /// Task, parties, class and collateral.
    pub(super) fn claimed_agreement(&self, claim: Redemption<'_>) -> Checked {
        let Some(exchange::Event::Redeemed { class, task, holder, verifier, collateral, .. }) =
            claim.opened
        else {
            return Err(NOT_REDEEMED.into());
        };
        let body = self.body;
        same("task", &body.task, task)?;
        same("buyer", &body.buyer, holder)?;
        if body.verifier != *holder && Some(body.verifier) != *verifier {
            return Err("the verifier is neither the claim's nor its holder".into());
        }
        let named = CreditClassId::of(&body.specification.capability, claim.credit.quality);
        same("class", &named, class)?;
        same("collateral", &claim.credit.collateral, collateral)?;
        if body.specification.budget.is_some() {
            return Err("a credit was redeemed, yet the task draws on a budget".into());
        }
        let (collateral, holder) = (collateral.to_ainu(), holder.short());
        Ok(format!("a credit with {collateral} AINU behind it redeemed by {holder}"))
    }

    /// There is one attempt, of whoever owed the work.
    pub(super) fn claimed_attempt(&self, claim: Redemption<'_>) -> Checked {
        let [attempt] = self.body.attempts.as_slice() else {
            return Err("a credit is redeemed in one attempt".into());
        };
        let Some(exchange::Event::Redeemed { issuer, .. }) = claim.opened else {
            return Err(NOT_REDEEMED.into());
        };
        same("seller", &attempt.seller, issuer)?;
        match &attempt.end {
            AttemptEnd::Refused { .. } => Err("it says refused, the ledger has the claim".into()),
            AttemptEnd::Failed { event: Some(_), .. } => {
                Err("a claim has no failure beside its settlement".into())
            }
            AttemptEnd::Settled | AttemptEnd::Failed { .. } => Ok("1 on the ledger".into()),
        }
    }

    /// Who has the collateral, or the credit again.
    pub(super) fn claim_settled(&self, claim: Redemption<'_>) -> Checked {
        let body = self.body;
        same("paid", &body.paid, &Amount::ZERO)?;
        let collateral = claim.credit.collateral;
        match (exchange_event(&body.settlement), body.settled()) {
            (Some(exchange::Event::Fulfilled { task, issuer, output, .. }), Some(last)) => {
                same("task", &body.task, task)?;
                same("seller", &last.seller, issuer)?;
                same("refunded", &body.refunded, &Amount::ZERO)?;
                let stated = body.output.as_ref().ok_or("the receipt has no output")?;
                same("output", &stated.content, output)?;
                Ok(format!(
                    "{} AINU of collateral back to {}",
                    collateral.to_ainu(),
                    issuer.short()
                ))
            }
            (Some(exchange::Event::Defaulted { task, holder, collateral, .. }), None) => {
                same("task", &body.task, task)?;
                same("buyer", &body.buyer, holder)?;
                same("refunded", &body.refunded, collateral)?;
                self.no_output()?;
                Ok(format!("{} AINU of collateral to {}", collateral.to_ainu(), holder.short()))
            }
            (Some(exchange::Event::Voided { task, holder, .. }), None) => {
                same("task", &body.task, task)?;
                same("buyer", &body.buyer, holder)?;
                same("refunded", &body.refunded, &Amount::ZERO)?;
                self.no_output()?;
                Ok(format!("{} has its credit again", holder.short()))
            }
            _ => Err("the ledger's event and the attempt do not end the claim alike".into()),
        }
    }

    fn no_output(&self) -> Result<(), String> {
        match self.body.output {
            None => Ok(()),
            Some(_) => Err("the claim failed, yet the receipt has an accepted output".into()),
        }
    }

    /// The verdict behind it.
    pub(super) fn claim_verdict(&self, _: Redemption<'_>) -> Checked {
        let body = self.body;
        let Some(verdict) = &body.verdict else {
            return match body.settled() {
                Some(_) => Err("it was settled without a verdict".into()),
                None => Ok("none: nothing was accepted".into()),
            };
        };
        same("verifier", &body.verifier, &verdict.verifier)?;
        if verdict.check != body.specification.check {
            return Err("the verdict is about another check than was agreed to".into());
        }
        let by = verdict.verifier.short();
        match exchange_event(&body.settlement) {
            Some(exchange::Event::Fulfilled { .. }) if !verdict.accepted => {
                Err("it was settled on a verdict that rejects".into())
            }
            // Delivered, and nobody spoke in time.
            Some(exchange::Event::Fulfilled { verdict: Digest::ZERO, .. }) => {
                Ok(format!("accepted by {by}; the ledger heard no dispute"))
            }
            Some(exchange::Event::Fulfilled { verdict: settled, .. }) => {
                same("verdict digest", &ainur_verification::verdict::digest(verdict), settled)?;
                Ok(format!("accepted by {by}"))
            }
            Some(exchange::Event::Defaulted { reason: FailureReason::TimedOut, .. })
                if verdict.accepted =>
            {
                Ok("accepted, yet the deadline had passed".into())
            }
            _ if verdict.accepted => Err("the claim failed on a verdict that accepts".into()),
            _ => Ok(format!("rejected by {by}")),
        }
    }
}

const NOT_REDEEMED: &str = "the ledger's claim is missing";

fn exchange_event(event: &LedgerEvent) -> Option<&exchange::Event> {
    match &event.proof.record.event {
        Event::Exchange(event) => Some(event),
        _ => None,
    }
}
