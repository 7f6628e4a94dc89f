//! What a period of a rental came to, as a document that anyone can check offline: the terms, and
//! the ledger's two events with its validators' signatures. The ledger has checked the seller's
//! signature over the terms when they were rented.
use ainur_ledger::{Event, rental};
use ainur_market::pricing::RentalTerms;
use ainur_market::pricing::rental::PeriodStatement;
use ainur_primitives::canonical_json::{
    CanonicalJsonError, from_canonical_json, to_canonical_json,
};
use ainur_primitives::{Amount, Digest};
use serde::{Deserialize, Serialize};

use super::check::{because, same, signed_by_quorum};
use super::keys::KeyRing;
use super::{LedgerEvent, PartyKeys, RECEIPT_BYTES_MAX, Row, Trust, VALIDATORS_MAX};

/// A statement with its proofs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementReceipt {
    /// Kind and version of the document.
    #[serde(rename = "type")]
    pub kind: StatementKind,
    /// The ledger.
    pub chain_id: Digest,
    /// What was rented.
    pub terms: RentalTerms,
    /// The event by which it was rented.
    pub rented: LedgerEvent,
    /// The event that paid for the period.
    pub stated: LedgerEvent,
}

/// Kind and version of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatementKind {
    /// The first.
    #[serde(rename = "ainur-rental-statement-v1")]
    V1,
}

/// What was looked at, and what was seen or what is wrong.
pub type StatementCheck = (&'static str, Result<String, String>);

impl StatementReceipt {
    /// The document, as canonical JSON.
    ///
    /// # Errors
    /// When a number is too large for JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalJsonError> {
        to_canonical_json(self)
    }

    /// The document, when it is one of this kind.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let is_short = bytes.len() <= RECEIPT_BYTES_MAX;
        is_short.then(|| from_canonical_json(bytes).ok()).flatten()
    }

    /// Checks all of it against what is trusted. Needs no network, no clock and no state.
    pub fn verify(&self, trust: &Trust) -> Vec<StatementCheck> {
        vec![
            ("chain", self.chain()),
            ("event inclusion", self.inclusion()),
            ("header signatures", self.signatures(trust)),
            ("rental", self.rental()),
            ("statement", self.statement()),
        ]
    }

    fn events(&self) -> [(&'static str, &LedgerEvent); 2] {
        [("rental", &self.rented), ("statement", &self.stated)]
    }

    fn chain(&self) -> Result<String, String> {
        for (what, event) in self.events() {
            same(&format!("ledger of the {what}"), &event.proof.header.chain_id, &self.chain_id)?;
        }
        if self.rented.proof.header.height >= self.stated.proof.header.height {
            return Err("the statement is not after the rental".into());
        }
        Ok(format!("2 events of ledger {}", self.chain_id.short()))
    }

    fn inclusion(&self) -> Result<String, String> {
        for (what, event) in self.events() {
            event.proof.verify().map_err(|error| format!("{what}: {}", because(&error)))?;
        }
        Ok("2 events under their headers".into())
    }

    fn signatures(&self, trust: &Trust) -> Result<String, String> {
        let ledger = trust.ledger(self.chain_id);
        let unknown = || format!("ledger {} is not trusted", self.chain_id);
        let ledger = ledger.ok_or_else(unknown)?;
        let mut keys = KeyRing::default();
        for material in &ledger.identities {
            keys.add(&PartyKeys::first(material.clone())).map_err(|error| because(&error))?;
        }
        for (what, event) in self.events() {
            if event.signatures.len() > VALIDATORS_MAX {
                return Err(format!("more than {VALIDATORS_MAX} validators"));
            }
            let signed = signed_by_quorum(&keys, ledger, event);
            signed.map_err(|reason| format!("{what}: {reason}"))?;
        }
        let (quorum, validators) = (ledger.quorum(), ledger.validators.len());
        Ok(format!("{quorum} of {validators} validators signed each header of '{}'", ledger.name))
    }

    /// The terms are those that were rented, and all periods were locked.
    fn rental(&self) -> Result<String, String> {
        let Event::Rental(rental::Event::Rented { rental, seller, locked, .. }) =
            &self.rented.proof.record.event
        else {
            return Err("the first event is no rental".into());
        };
        self.terms.validate().map_err(|error| because(&error))?;
        same("digest of the terms", &self.terms.digest(), rental)?;
        same("seller", &self.terms.seller, seller)?;
        let price = self.terms.subscription.price.0;
        let all = price.checked_mul(u128::from(self.terms.periods)).map(Amount);
        same("locked", &all.unwrap_or_default(), locked)?;
        Ok(format!("rental {}, {} AINU locked", rental.short(), locked.to_ainu()))
    }

    /// The sums follow from the terms and from what was counted.
    fn statement(&self) -> Result<String, String> {
        let Event::Rental(rental::Event::Stated { rental, seller, statement, .. }) =
            &self.stated.proof.record.event
        else {
            return Err("the second event is no statement".into());
        };
        same("rental", &self.terms.digest(), rental)?;
        same("seller", &self.terms.seller, seller)?;
        let drawn = PeriodStatement::of(&self.terms, statement.period, statement.usage);
        if drawn != *statement {
            return Err("the statement does not follow from the terms and the usage".into());
        }
        let (paid, back) = (statement.payment.to_ainu(), statement.compensation.to_ainu());
        Ok(format!("{paid} AINU to the seller, {back} AINU back to the buyer, computed again"))
    }

    /// What it says, for people.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut add = |label: &str, value: String| rows.push(Row { label: label.into(), value });
        add("rental", self.terms.digest().to_string());
        add("capability", self.terms.capability.to_string());
        add("seller", self.terms.seller.to_string());
        if let Event::Rental(rental::Event::Stated { buyer, statement, .. }) =
            &self.stated.proof.record.event
        {
            let usage = statement.usage;
            add("buyer", buyer.to_string());
            add("period", format!("{} of {}", statement.period, self.terms.periods));
            add("units", usage.units.to_string());
            add("in time", format!("{} of {}", usage.in_time, usage.ended));
            add("succeeded", format!("{} of {}", usage.succeeded, usage.ended));
            add("price", format!("{} AINU", statement.price.to_ainu()));
            add("overage", format!("{} AINU", statement.overage.to_ainu()));
            add("paid", format!("{} AINU", statement.payment.to_ainu()));
            add("compensated", format!("{} AINU", statement.compensation.to_ainu()));
        }
        rows
    }
}
