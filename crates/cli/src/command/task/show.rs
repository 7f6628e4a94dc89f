//! Tasks and auctions as tables.
use ainur_api::view::{Explanation, PartBinding, TaskPhase, TaskView};

use ainur_primitives::{Amount, PenaltyCause};

use crate::command::market::negotiate;
use crate::output::{Column, Output, ainu, bytes, span};

pub(super) fn list(tasks: &[TaskView], output: &Output) {
    if output.is_json() {
        return output.json(&tasks);
    }
    if tasks.is_empty() {
        return output
            .line("no tasks yet; next: ainur task run NOUN.VERB --input FILE --reserve 5");
    }
    let rows = tasks.iter().map(|task| {
        vec![
            task.number.to_string(),
            task.id.short(),
            task.capability.to_string(),
            phase(task.phase, output),
            task.seller_name.clone().unwrap_or_default(),
            task.price.map(|price| price.to_ainu()).unwrap_or_default(),
            task.attempts.len().to_string(),
            span(task.opened, task.ended),
        ]
    });
    let columns = [
        Column("no", true),
        Column("task", false),
        Column("capability", false),
        Column("phase", false),
        Column("seller", false),
        Column("price AINU", true),
        Column("attempts", true),
        Column("took", true),
    ];
    output.table(&columns, rows.collect());
}

fn phase(phase: TaskPhase, output: &Output) -> String {
    let word = match phase {
        TaskPhase::Announced => "announced",
        TaskPhase::Agreed => "agreed",
        TaskPhase::Running => "running",
        TaskPhase::Verifying => "verifying",
        TaskPhase::Accepted => "accepted",
        TaskPhase::Failing => "failing",
        TaskPhase::Settled => return output.good("settled"),
        TaskPhase::Refunded => return output.bad("refunded"),
        TaskPhase::Unfunded => return output.bad("unfunded"),
    };
    word.into()
}

pub(super) fn one(task: &TaskView, output: &Output) {
    if output.is_json() {
        return output.json(task);
    }
    let mut facts = vec![
        ("task", format!("{} (number {})", task.id, task.number)),
        ("capability", task.capability.to_string()),
        ("phase", phase(task.phase, output)),
        ("reserve", ainu(task.reserve)),
    ];
    facts.extend(task.price.map(|price| ("price", ainu(price))));
    facts.extend(task.paid.filter(|paid| Some(*paid) != task.price).map(|p| ("paid", ainu(p))));
    facts.extend(task.seller_name.clone().map(|name| ("seller", name)));
    facts.extend(
        task.input.map(|input| ("input", format!("{input} ({})", bytes(task.input_bytes)))),
    );
    facts.extend(
        task.output.map(|content| ("output", format!("{content} ({})", bytes(task.output_bytes)))),
    );
    facts.push(("took", span(task.opened, task.ended)));
    if !task.detail.is_empty() {
        facts.push(("why", task.detail.clone()));
    }
    output.facts(&facts);
    if !task.parts.is_empty() {
        parts(task, output);
    }
    if !task.chunks.is_empty() {
        chunks(task, output);
    }
    if task.attempts.iter().any(|attempt| attempt.failure.is_some() || attempt.resumed > 0) {
        attempts(task, output);
    }
    negotiate::show(task, output);
    match task.phase {
        TaskPhase::Settled if task.has_receipt => {
            output.line(format!("next: ainur receipt show {}", task.id.short()));
        }
        TaskPhase::Refunded => {
            output.line(format!("next: ainur task explain {}", task.id.short()));
        }
        TaskPhase::Unfunded if !task.detail.starts_with("cancelled") => {
            output.line("next: raise --reserve, or see ainur agent list");
        }
        _ => {}
    }
}

fn parts(task: &TaskView, output: &Output) {
    let rows = task.parts.iter().map(|part| {
        let failed = part.attempts.iter().filter(|attempt| attempt.failure.is_some()).count();
        let bound_by = match part.bound_by {
            PartBinding::Bid => "its bid",
            PartBinding::Coalition => "coalition",
            PartBinding::Backup => "backup",
            PartBinding::Call => "a new call",
        };
        vec![
            part.name.clone(),
            part.capability.to_string(),
            part.needs.join(", "),
            part.seller_name.clone(),
            bound_by.to_owned(),
            part.price.to_ainu(),
            phase(part.phase, output),
            failed.to_string(),
            part.task.short(),
        ]
    });
    let columns = [
        Column("part", false),
        Column("capability", false),
        Column("needs", false),
        Column("seller", false),
        Column("bound by", false),
        Column("price AINU", true),
        Column("phase", false),
        Column("failed", true),
        Column("task", false),
    ];
    output.table(&columns, rows.collect());
}

fn chunks(task: &TaskView, output: &Output) {
    let amount = |amount: Option<Amount>| amount.map(|it| it.to_ainu()).unwrap_or_default();
    let rows = (1..).zip(&task.chunks).map(|(number, chunk): (usize, _)| {
        vec![
            number.to_string(),
            chunk.input.short(),
            amount(chunk.price),
            phase(chunk.phase, output),
            amount(chunk.paid),
            chunk.output.map(|content| content.to_string()).unwrap_or_default(),
        ]
    });
    let columns = [
        Column("chunk", true),
        Column("input", false),
        Column("price AINU", true),
        Column("phase", false),
        Column("released AINU", true),
        Column("output", false),
    ];
    output.table(&columns, rows.collect());
}

fn attempts(task: &TaskView, output: &Output) {
    let rows = task.attempts.iter().map(|attempt| {
        // Only the last attempt has no failure: it stands where its task stands.
        let ended = match attempt.failure {
            Some(why) => why.to_string(),
            None => phase(task.phase, output),
        };
        let resumed = match attempt.resumed {
            0 => String::new(),
            times => format!("{times} (after chunk {})", attempt.resumed_at_chunk),
        };
        vec![
            attempt.attempt.to_string(),
            attempt.seller_name.clone(),
            attempt.price.to_ainu(),
            ended,
            resumed,
            attempt.slashed.to_ainu(),
            attempt.detail.clone(),
        ]
    });
    let columns = [
        Column("attempt", true),
        Column("seller", false),
        Column("price AINU", true),
        Column("ended", false),
        Column("resumed", false),
        Column("slashed AINU", true),
        Column("detail", false),
    ];
    output.table(&columns, rows.collect());
}

pub(super) fn explanation(explanation: &Explanation, output: &Output) {
    if output.is_json() {
        return output.json(explanation);
    }
    output.facts(&[
        ("task", explanation.task.to_string()),
        ("reserve", ainu(explanation.reserve)),
        ("loss if it fails", ainu(explanation.loss)),
        (
            "transcript",
            explanation.transcript.map_or_else(|| "none: no auction".into(), |it| it.to_string()),
        ),
        (
            "in the agreement",
            if explanation.transcript_matches {
                output.good("the same")
            } else {
                output.bad("ANOTHER")
            },
        ),
    ]);
    let rows = explanation.bids.iter().map(|bid| {
        vec![
            bid.name.clone(),
            bid.price.map(|price| price.to_ainu()).unwrap_or_default(),
            bid.failure_probability.to_string(),
            bid.score.map(|score| score.to_ainu()).unwrap_or_default(),
            bid.estimated_duration_ms.map(|span| span.to_string()).unwrap_or_default(),
            bid.standing.clone(),
        ]
    });
    let columns = [
        Column("bidder", false),
        Column("bid AINU", true),
        Column("risk", true),
        Column("score AINU", true),
        Column("estimate", true),
        Column("standing", false),
    ];
    output.table(&columns, rows.collect());
    for award in &explanation.awards {
        output.line(format!(
            "attempt {}: {} is paid {}. {}",
            award.attempt,
            award.winner_name,
            ainu(award.payment),
            award.why
        ));
    }
    for penalty in &explanation.penalties {
        let why = match penalty.cause {
            PenaltyCause::Failed => "for failing",
            PenaltyCause::Late => "for being late",
        };
        let waited =
            if penalty.waited { ", which had waited for somebody to take over" } else { "" };
        output.line(format!(
            "penalty at {}: {} pays {} to {} {why}{waited}.",
            penalty.part,
            penalty.seller_name,
            ainu(penalty.amount),
            penalty.payee_name,
        ));
    }
    for back in &explanation.insurance {
        let amount = ainu(back.amount);
        output.line(format!("insurance: {} got {amount} back in the end.", back.payee_name));
    }
}
