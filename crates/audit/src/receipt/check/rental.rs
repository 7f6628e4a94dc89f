//! The same for a task that was a use of a rental: the ledger's meter in the place of its escrow.
use ainur_ledger::{Event, rental};
use ainur_primitives::{Amount, FailureReason};

use super::{Checked, Examination, same};
use crate::receipt::{AttemptBasis, AttemptEnd, LedgerEvent, RentedUse, check_digest};

/// The attempt of such a task, and the event that began the use.
pub(super) struct Used<'a> {
    stated: &'a RentedUse,
    begun: Option<&'a rental::Event>,
}

impl<'a> Examination<'a> {
    /// The use, when the receipt says that it was one of a rental.
    pub(super) fn rented(&self) -> Option<Used<'a>> {
        self.body.attempts.iter().find_map(|attempt| match &attempt.basis {
            AttemptBasis::Rental(stated) => {
                let begun = attempt.agreed.as_ref().and_then(rental_event);
                Some(Used { stated, begun })
            }
            _ => None,
        })
    }

    pub(super) fn used_specification(&self, used: Used<'_>) -> Checked {
        let Some(rental::Event::Begun { call, check, .. }) = used.begun else {
            return Err(NOT_BEGUN.into());
        };
        let specification = self.body.specification_digest();
        same("specification digest", &specification, call)?;
        same("check digest", &check_digest(&self.body.specification.check), check)?;
        Ok(format!("digest {}", specification.short()))
    }

    /// Task, parties, rental and units.
    pub(super) fn used_agreement(&self, used: Used<'_>) -> Checked {
        let Some(rental::Event::Begun {
            rental,
            task,
            buyer,
            verifier,
            units,
            overage,
            period,
            ..
        }) = used.begun
        else {
            return Err(NOT_BEGUN.into());
        };
        let body = self.body;
        same("task", &body.task, task)?;
        same("buyer", &body.buyer, buyer)?;
        same("verifier", &body.verifier, verifier)?;
        same("rental", &used.stated.rental, rental)?;
        same("units", &used.stated.units, units)?;
        if body.specification.budget.is_some() {
            return Err("a rental was used, yet the task draws on a budget".into());
        }
        let (rental, overage) = (rental.short(), overage.to_ainu());
        Ok(format!(
            "{units} units of period {period} of rental {rental}, {overage} AINU beyond its quota"
        ))
    }

    /// There is one attempt, of whoever rents out.
    pub(super) fn used_attempt(&self, used: Used<'_>) -> Checked {
        let [attempt] = self.body.attempts.as_slice() else {
            return Err("a rental is used in one attempt".into());
        };
        let Some(rental::Event::Begun { seller, .. }) = used.begun else {
            return Err(NOT_BEGUN.into());
        };
        same("seller", &attempt.seller, seller)?;
        match &attempt.end {
            AttemptEnd::Refused { .. } => Err("it says refused, the ledger has the use".into()),
            AttemptEnd::Failed { event: Some(_), .. } => {
                Err("a use has no failure beside its settlement".into())
            }
            AttemptEnd::Settled | AttemptEnd::Failed { .. } => Ok("1 on the ledger".into()),
        }
    }

    /// How the use ended; what is paid for it is in the period's statement.
    pub(super) fn use_settled(&self, used: Used<'_>) -> Checked {
        let body = self.body;
        same("paid", &body.paid, &Amount::ZERO)?;
        same("refunded", &body.refunded, &Amount::ZERO)?;
        match (rental_event(&body.settlement), body.settled()) {
            (
                Some(rental::Event::Finished { rental, task, seller, output, latency_ms, .. }),
                Some(last),
            ) => {
                same("task", &body.task, task)?;
                same("rental", &used.stated.rental, rental)?;
                same("seller", &last.seller, seller)?;
                let stated = body.output.as_ref().ok_or("the receipt has no output")?;
                same("output", &stated.content, output)?;
                Ok(format!("served by {} in {latency_ms}, paid with its period", seller.short()))
            }
            (Some(rental::Event::Failed { rental, task, seller, reason, .. }), None) => {
                same("task", &body.task, task)?;
                same("rental", &used.stated.rental, rental)?;
                let said = body.attempts.last().map(|attempt| &attempt.end);
                if !matches!(said, Some(AttemptEnd::Failed { reason: said, .. }) if said == reason)
                {
                    return Err(format!("the use failed for another reason: {reason}"));
                }
                if body.output.is_some() {
                    return Err("the use failed, yet the receipt has an accepted output".into());
                }
                Ok(format!("not served by {}: {reason}", seller.short()))
            }
            _ => Err("the ledger's event and the attempt do not end the use alike".into()),
        }
    }

    /// The verdict behind it.
    pub(super) fn use_verdict(&self, _: Used<'_>) -> Checked {
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
        match rental_event(&body.settlement) {
            Some(rental::Event::Finished { .. }) if !verdict.accepted => {
                Err("it was settled on a verdict that rejects".into())
            }
            Some(rental::Event::Finished { verdict: settled, .. }) => {
                same("verdict digest", &ainur_verification::verdict::digest(verdict), settled)?;
                Ok(format!("accepted by {by}"))
            }
            Some(rental::Event::Failed { reason: FailureReason::Infrastructure, .. })
                if verdict.accepted =>
            {
                Ok("accepted, yet it could not be settled".into())
            }
            _ if verdict.accepted => Err("the use failed on a verdict that accepts".into()),
            _ => Ok(format!("rejected by {by}")),
        }
    }
}

const NOT_BEGUN: &str = "the ledger's use of the rental is missing";

fn rental_event(event: &LedgerEvent) -> Option<&rental::Event> {
    match &event.proof.record.event {
        Event::Rental(event) => Some(event),
        _ => None,
    }
}
