//! A receipt as rows of label and value, for whoever shows it to people.
use ainur_ledger::Event;
use ainur_ledger::escrow::Payout;
use ainur_primitives::PenaltyCause;
use ainur_primitives::graph::{Subtask, TaskGraph};
use serde::Serialize;

use super::check::job_events;
use super::{
    AcceptedOutput, AttemptBasis, AttemptEnd, JobRecord, PartBasis, PartEnd, Receipt, ReceiptBody,
};

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
    if let Some(late) = body.settled().map(|last| last.price.saturating_sub(body.paid))
        && !late.is_zero()
    {
        rows.add("late", format!("{} less", ainu(late)));
    }
    if let Some(transcript) = &body.transcript {
        rows.add("bids", transcript.entrants.len());
    }
    if let Some(job) = &body.job {
        rows.add_parts(wanted.graph.as_ref(), job);
        rows.add_penalties(wanted.graph.as_ref(), body);
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
            AttemptBasis::Credit(_) => " and a credit".to_owned(),
            AttemptBasis::Rental(used) => format!(" under rental {}", used.rental.short()),
        };
        let value = format!("{} for {}{by}: {end}", attempt.seller, ainu(attempt.price));
        rows.add(&format!("attempt {number}"), value);
    }
    for (number, chunk) in (1..).zip(&body.chunks) {
        let AcceptedOutput { content, bytes } = chunk.output;
        let paid = ainu(chunk.paid);
        let mut value = format!("accepted, {paid} released, output {content} ({bytes} bytes)");
        if let Some(event) = &chunk.settled {
            let header = &event.proof.header;
            value.push_str(&format!(", block {} of {}", header.height, header.timestamp));
        }
        rows.add(&format!("chunk {number} of {}", wanted.chunks.len()), value);
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

    /// Every award of every part of a job, each in a row of its own.
    fn add_parts(&mut self, graph: Option<&TaskGraph>, job: &JobRecord) {
        let settled = job.parts.iter().filter(|part| part.paid().is_some()).count();
        self.add("bids", job.transcript.entrants.len());
        self.add("parts", format!("{settled} of {} accepted and paid", job.parts.len()));
        for part in &job.parts {
            let subtask = graph.and_then(|graph| graph.subtasks.get(usize::from(part.subtask)));
            let name = subtask.map_or_else(|| part.subtask.to_string(), line);
            for (number, attempt) in (1..).zip(&part.attempts) {
                let label = match number {
                    1 => format!("part {name}"),
                    _ => format!("part {name}, attempt {number}"),
                };
                let (seller, price) = (attempt.seller, ainu(attempt.price));
                let (by, end) = (chosen(&attempt.basis, job), ended(&attempt.end));
                self.add(&label, format!("{seller} for {price} {by}: {end}"));
            }
        }
    }

    /// What the clauses of coalitions cost, one row for each payee.
    fn add_penalties(&mut self, graph: Option<&TaskGraph>, body: &ReceiptBody) {
        let name = |subtask: u16| {
            let found = graph.and_then(|graph| graph.subtasks.get(usize::from(subtask)));
            found.map_or_else(|| subtask.to_string(), line)
        };
        let mut events: Vec<_> = body.job.iter().flat_map(|job| job_events(job)).collect();
        events.sort_by_key(|(_, event)| (event.proof.record.height, event.proof.record.index));
        let events = events.into_iter().map(|(_, event)| event).chain([&body.settlement]);
        for event in events {
            let Event::Escrow(event) = &event.proof.record.event else { continue };
            let (penalties, held) = event.penalties();
            for penalty in penalties {
                let label = format!("penalty at {}", name(penalty.subtask));
                let (seller, why) = (penalty.seller, cause(penalty.cause));
                for Payout { payee, amount } in &penalty.payouts {
                    self.add(&label, format!("{seller} pays {} to {payee} {why}", ainu(*amount)));
                }
            }
            for it in held {
                let label = format!("penalty at {}", name(it.subtask));
                let (amount, payee) = (ainu(it.amount), it.payee);
                self.add(&label, format!("{} pays {amount} that waited to {payee}", it.seller));
            }
            for Payout { payee, amount } in event.insurance() {
                self.add("insurance", format!("{} back to {payee}", ainu(*amount)));
            }
        }
    }
}

/// What a penalty is for.
fn cause(cause: PenaltyCause) -> &'static str {
    match cause {
        PenaltyCause::Failed => "for failing",
        PenaltyCause::Late => "for being late",
    }
}

/// A subtask's name without what would move a terminal's cursor.
fn line(subtask: &Subtask) -> String {
    subtask.name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How a seller of a part was chosen.
fn chosen(basis: &PartBasis, job: &JobRecord) -> String {
    match basis {
        PartBasis::Bundle { .. } => "by its own bid".into(),
        PartBasis::Coalition { coalition } => {
            let record = job.coalitions.get(usize::from(*coalition));
            match record.map(|record| record.terms.members.len()) {
                Some(members) => format!("in coalition {coalition} of {members}"),
                None => format!("in coalition {coalition}"),
            }
        }
        PartBasis::Backup { coalition, .. } => format!("as a backup of coalition {coalition}"),
        PartBasis::Call { .. } => "by its bid in a call for this part alone".into(),
    }
}

/// What came of an award of a part.
fn ended(end: &PartEnd) -> String {
    match end {
        PartEnd::Settled => "settled".into(),
        PartEnd::Failed { reason, .. } => reason.to_string(),
        PartEnd::Refused { detail } => format!("refused by the ledger: {detail}"),
        PartEnd::Stopped => "stopped with the job".into(),
    }
}

fn ainu(amount: ainur_primitives::Amount) -> String {
    format!("{} AINU", amount.to_ainu())
}
