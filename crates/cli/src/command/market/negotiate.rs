//! Negotiating a task, and what was said as a table.
use ainur_api::view::{NegotiationView, TaskView};
use ainur_api::{Operation, Reply};
use ainur_market::negotiation::{IssueWeights, NegotiationWish};
use ainur_primitives::Venue;

use crate::arguments::NegotiateArguments;
use crate::command::task::announce;
use crate::command::{Outcome, ask};
use crate::connect::Place;
use crate::output::{Column, Output};

pub(super) fn run(asked: NegotiateArguments, place: &Place, output: &Output) -> Outcome {
    let NegotiateArguments { open, strategy, rounds, weights, with, mut run } = asked;
    let service = match run.detach {
        true => place.connect_running()?,
        false => place.connect()?,
    };
    if let Some(agent) = with {
        let found = ask(&*service, Operation::AgentShow { agent }, |reply| match reply {
            Reply::Agent(agent) => Some(agent.did),
            _ => None,
        })?;
        run.only = Some(found);
    }
    let wish = NegotiationWish {
        opening: open,
        tactic: strategy,
        rounds_max: rounds,
        weights: weights.unwrap_or(IssueWeights::PRICE),
    };
    announce(run, &*service, output, |request| {
        request.venue = Venue::Negotiation;
        request.negotiation = Some(wish);
    })
}

/// What was said in a task's negotiations; nothing when there were none.
pub(crate) fn show(task: &TaskView, output: &Output) {
    for negotiation in &task.negotiations {
        let end = match (negotiation.awarded, negotiation.agreed) {
            (true, _) => "awarded",
            (false, Some(_)) => "agreed, and another was better",
            (false, None) => "no agreement",
        };
        output.line(format!("negotiation with {}: {end}", negotiation.seller_name));
        output.table(&COLUMNS, rows(negotiation));
    }
}

const COLUMNS: [Column; 6] = [
    Column("round", true),
    Column("who", false),
    Column("says", false),
    Column("price AINU", true),
    Column("timeline", true),
    Column("quality", false),
];

fn rows(negotiation: &NegotiationView) -> Vec<Vec<String>> {
    let turns = negotiation.messages.iter();
    let row = turns.map(|turn| {
        let who = match turn.from == negotiation.seller {
            true => negotiation.seller_name.clone(),
            false => "buyer".to_owned(),
        };
        vec![
            turn.round.to_string(),
            who,
            turn.act.to_string(),
            turn.price.map(|price| price.to_ainu()).unwrap_or_default(),
            turn.timeline_ms.map(|time| time.to_string()).unwrap_or_default(),
            turn.quality_level.map(|level| format!("{level:?}").to_lowercase()).unwrap_or_default(),
        ]
    });
    row.collect()
}
