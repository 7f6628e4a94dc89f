//! Open calls, and bids on them.
use std::process::ExitCode;

use ainur_api::operation::BidDraft;
use ainur_api::view::OpenCall;
use ainur_api::{Operation, Reply, Service};
use ainur_primitives::DurationMs;

use crate::arguments::BidArguments;
use crate::command::{Outcome, ask};
use crate::output::{Column, Output, ainu};

pub(super) fn run(bid: BidArguments, service: &dyn Service, output: &Output) -> Outcome {
    let (Some(task), Some(agent), Some(price)) = (bid.task, bid.agent, bid.price) else {
        list(service, output)?;
        return Ok(ExitCode::SUCCESS);
    };
    let draft = BidDraft {
        task,
        agent,
        price,
        estimated_duration_ms: bid.duration.map(DurationMs::seconds),
        quality_level: bid.quality.into(),
    };
    let shown = (draft.agent.clone(), draft.price);
    service.perform(Operation::BidPlace(draft))?;
    if output.is_json() {
        output.json(&serde_json::json!({ "agent": shown.0, "price": shown.1 }));
    } else {
        output.line(format!("{} has sealed a bid of {}", shown.0, ainu(shown.1)));
        output.line("It is opened when the call closes: see ainur task explain.");
    }
    Ok(ExitCode::SUCCESS)
}

fn list(service: &dyn Service, output: &Output) -> Result<(), ainur_api::Problem> {
    let calls = ask(service, Operation::CallList, |reply| match reply {
        Reply::Calls(calls) => Some(calls),
        _ => None,
    })?;
    if output.is_json() {
        output.json(&calls);
    } else if calls.is_empty() {
        output.line("no call takes bids now");
        output.line("next: ainur market call NOUN.VERB --reserve AINU --bidding 60");
    } else {
        let columns = [
            Column("call", false),
            Column("capability", false),
            Column("reserve AINU", true),
            Column("bids", true),
            Column("unanswered", true),
            Column("bids until", false),
        ];
        output.table(&columns, calls.iter().map(row).collect());
    }
    Ok(())
}

fn row(call: &OpenCall) -> Vec<String> {
    vec![
        call.task.to_string()[..8].to_owned(),
        call.capability.to_string(),
        call.reserve.to_ainu(),
        call.bids.to_string(),
        call.unanswered.to_string(),
        call.commit_until.to_string(),
    ]
}
