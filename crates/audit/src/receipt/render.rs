//! A receipt as rows of label and value, for whoever shows it to people.
use serde::Serialize;

use super::{AttemptBasis, AttemptEnd, Receipt};

/// One line of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What it is.
    pub label: String,
    /// Its value.
    pub value: String,
}

/// The facts of a receipt, in the order a person asks for them. They are claims until
/// [`super::verify`] says otherwise.
pub fn rows(receipt: &Receipt) -> Vec<Row> {
    let body = &receipt.body;
    let wanted = &body.specification;
    let mut rows = Rows(Vec::new());
    rows.add("task", body.task);
    rows.add("capability", &wanted.capability);
    rows.add("buyer", body.buyer);
    if let Some(attempt) = body.settled() {
        rows.add("seller", attempt.seller);
    }
    rows.add("verifier", body.verifier);
    rows.add("reserve", ainu(wanted.reserve));
    rows.add("paid", ainu(body.paid));
    rows.add("refunded", ainu(body.refunded));
    if let Some(transcript) = &body.transcript {
        rows.add("bids", transcript.entrants.len());
    }
    for (number, attempt) in (1..).zip(&body.attempts) {
        let end = match &attempt.end {
            AttemptEnd::Settled => "settled".to_owned(),
            AttemptEnd::Failed { reason, .. } => format!("{reason}"),
            AttemptEnd::Refused { detail } => format!("refused by the ledger: {detail}"),
        };
        let by = match &attempt.basis {
            AttemptBasis::Auction => String::new(),
            AttemptBasis::Offer(_) => " by its standing offer".to_owned(),
            AttemptBasis::Negotiated(agreement) => {
                format!(" as negotiated in {} messages", agreement.thread.messages.len())
            }
        };
        let value = format!("{} for {}{by}: {end}", attempt.seller, ainu(attempt.price));
        rows.add(&format!("attempt {number}"), value);
    }
    if let Some(input) = wanted.input {
        rows.add("input", format!("{input} ({} bytes)", wanted.input_bytes));
    }
    if let Some(output) = &body.output {
        rows.add("output", format!("{} ({} bytes)", output.content, output.bytes));
    }
    if let Some(verdict) = &body.verdict {
        let word = if verdict.accepted { "accepted" } else { "rejected" };
        let detail = if verdict.detail.is_empty() { "" } else { ": " };
        rows.add("verdict", format!("{word}{detail}{}", verdict.detail));
    }
    let header = &body.settlement.proof.header;
    rows.add("ledger", body.chain_id);
    rows.add("block", format!("{} of {}", header.height, header.timestamp));
    rows.add("log entry", receipt.audit.inclusion.index);
    rows.add("issuer", body.issuer);
    rows.add("issued", body.issued);
    rows.0
}

struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, label: &str, value: impl ToString) {
        self.0.push(Row { label: label.into(), value: value.to_string() });
    }
}

fn ainu(amount: ainur_primitives::Amount) -> String {
    format!("{} AINU", amount.to_ainu())
}
