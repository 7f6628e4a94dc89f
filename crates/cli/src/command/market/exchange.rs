//! Orders, pools and credits.
use std::process::ExitCode;

use ainur_api::operation::{
    CreditsDraft, CreditsStep, OrderCancellation, OrderDraft, OrderReplacement, PoolDraft, PoolStep,
};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::{BookView, MovementReport, TradePlace, TradeReport, TradeRow};
use ainur_api::{Operation, Reply, Service};
use ainur_market::exchange::{Ending, OrderId, OrderKind, SelfTrade, Side};
use ainur_primitives::Amount;

use super::book::{holding, shown};
use crate::arguments::{
    CreditClassArguments, CreditsVerb, KindArgument, OrderArguments, OrderVerb, PoolArguments,
    PoolVerb, TaskRun, VenueArgument, WrittenCreditsArguments, hours,
};
use crate::command::task::announce;
use crate::command::{Outcome, ask};
use crate::connect::Place;
use crate::output::{Column, Output, ainu};

pub(super) fn order(
    verb: OrderVerb,
    service: &dyn Service,
    output: &Output,
) -> Result<(), Problem> {
    match verb {
        OrderVerb::Buy(order) => trade(service, place(order, Side::Buy)?, output),
        OrderVerb::Sell(order) => trade(service, place(order, Side::Sell)?, output),
        OrderVerb::Cancel { class, order } => {
            let CreditClassArguments { capability, who } = class;
            let cancellation = OrderCancellation {
                agent: who.agent,
                capability,
                quality_level: who.quality.into(),
                order: OrderId(order),
            };
            shift(service, Operation::OrderCancel(cancellation), ("order is out", "freed"), output)
        }
        OrderVerb::Replace { class, order, quantity, price } => {
            let CreditClassArguments { capability, who } = class;
            let replacement = OrderReplacement {
                agent: who.agent,
                capability,
                quality_level: who.quality.into(),
                order: OrderId(order),
                quantity,
                price,
                self_trade: SelfTrade::default(),
            };
            trade(service, Operation::OrderReplace(replacement), output)
        }
    }
}

fn place(asked: OrderArguments, side: Side) -> Result<Operation, Problem> {
    let kind = kind(&asked)?;
    let CreditClassArguments { capability, who } = asked.class;
    Ok(Operation::OrderPlace(OrderDraft {
        agent: who.agent,
        capability,
        quality_level: who.quality.into(),
        side,
        quantity: asked.quantity,
        kind,
        self_trade: asked.self_trade.into(),
        expires_ms: Some(hours(asked.hours)),
        routed: asked.route,
        idempotency_key: asked.key.key,
    }))
}

fn kind(asked: &OrderArguments) -> Result<OrderKind, Problem> {
    let default = match asked.price {
        None => KindArgument::Market,
        Some(_) if asked.route => KindArgument::Ioc,
        Some(_) => KindArgument::Limit,
    };
    let wrong =
        |message: &str, next: &str| Err(Problem::new(Code::InvalidRequest, message).next(next));
    match (asked.kind.unwrap_or(default), asked.price) {
        (KindArgument::Market, None) => Ok(OrderKind::Market),
        (KindArgument::Market, Some(_)) => {
            wrong("a market order takes any price", "leave --price out, or use --kind ioc")
        }
        (_, None) => wrong("an order of this kind has a price", "add --price AINU"),
        (KindArgument::Limit, Some(price)) => Ok(OrderKind::Limit { price }),
        (KindArgument::Ioc, Some(price)) => Ok(OrderKind::ImmediateOrCancel { price }),
        (KindArgument::Fok, Some(price)) => Ok(OrderKind::FillOrKill { price }),
        (KindArgument::PostOnly, Some(price)) => Ok(OrderKind::PostOnly { price }),
    }
}

pub(super) fn pool(
    asked: PoolArguments,
    service: &dyn Service,
    output: &Output,
) -> Result<(), Problem> {
    let PoolArguments { capability, who, verb } = asked;
    let Some(verb) = verb else {
        let missing = || {
            Problem::new(Code::InvalidRequest, "which pool?")
                .next("name what its credits are for: ainur market pool NOUN.VERB")
        };
        let class = CreditClassArguments { capability: capability.ok_or_else(missing)?, who };
        let book = shown(service, class, 1)?;
        if output.is_json() {
            output.json(&serde_json::json!({
                "class": book.class, "pool": book.pool, "quotes": book.quotes,
                "holding": book.holding,
            }));
            return Ok(());
        }
        return show_pool(&book, output);
    };
    let (class, step, key) = match verb {
        PoolVerb::Open { class, credits, money, fee_bps, key } => {
            (class, PoolStep::Open { fee_bps, credits, money }, key)
        }
        PoolVerb::Add { class, credits, money_max, shares_min, key } => {
            (class, PoolStep::Add { credits, money_max, shares_min: Amount(shares_min) }, key)
        }
        PoolVerb::Remove { class, shares, credits_min, money_min, key } => {
            (class, PoolStep::Remove { shares: Amount(shares), credits_min, money_min }, key)
        }
        PoolVerb::Swap { side, class, quantity, limit, key } => {
            (class, PoolStep::Swap { side: side.into(), quantity, limit }, key)
        }
    };
    let words = match &step {
        PoolStep::Open { .. } => Some(("pool is open", "put in")),
        PoolStep::Add { .. } => Some(("pool has grown", "put in")),
        PoolStep::Remove { .. } => Some(("part of the pool is taken out", "taken out")),
        PoolStep::Swap { .. } => None,
    };
    let CreditClassArguments { capability, who } = class;
    let (agent, quality_level) = (who.agent, who.quality.into());
    let idempotency_key = key.key;
    let draft = PoolDraft { agent, capability, quality_level, step, idempotency_key };
    let operation = Operation::PoolChange(draft);
    match words {
        Some(words) => shift(service, operation, words, output),
        None => trade(service, operation, output),
    }
}

fn show_pool(book: &BookView, output: &Output) -> Result<(), Problem> {
    let capability = &book.capability;
    let Some(pool) = &book.pool else {
        output.line(format!("there is no pool of {capability} credits"));
        output.line(format!(
            "next: ainur market pool open {capability} --credits QUANTITY --money AINU"
        ));
        return Ok(());
    };
    let price = |price: Option<Amount>| price.map_or_else(|| "no credit".into(), ainu);
    output.facts(&[
        ("credits", pool.credits.to_string()),
        ("money", ainu(pool.money)),
        ("shares", pool.shares.to_string()),
        ("fee", format!("{}.{:02}%", pool.fee_bps / 100, pool.fee_bps % 100)),
        ("one credit costs", price(book.quotes.buy_from_pool)),
        ("one credit fetches", price(book.quotes.sell_to_pool)),
    ]);
    if let Some(own) = &book.holding {
        output.line("");
        holding(own, output);
    }
    Ok(())
}

pub(super) fn credits(verb: CreditsVerb, place: &Place, output: &Output) -> Outcome {
    let (class, step, key, words) = match verb {
        CreditsVerb::Redeem(run) => {
            let service = match run.detach {
                true => place.connect_running()?,
                false => place.connect()?,
            };
            let run = TaskRun { venue: VenueArgument::Credit, ..*run };
            return announce(run, &*service, output, |_| {});
        }
        CreditsVerb::Open { class, collateral, key } => {
            (class, CreditsStep::OpenClass { collateral }, key, ("class is open", "moved"))
        }
        CreditsVerb::Issue { class, quantity, key } => {
            (class, CreditsStep::Issue { quantity }, key, ("credits are written", "written"))
        }
        CreditsVerb::Retire { class, quantity, key } => {
            (class, CreditsStep::Retire { quantity }, key, ("credits are burned", "burned"))
        }
    };
    let WrittenCreditsArguments { capability, quality, agent } = class;
    let quality_level = quality.into();
    let idempotency_key = key.key;
    let draft = CreditsDraft { agent, capability, quality_level, step, idempotency_key };
    shift(&*place.connect()?, Operation::CreditsChange(draft), words, output)?;
    Ok(ExitCode::SUCCESS)
}

/// Something that may trade, and what became of it.
fn trade(service: &dyn Service, operation: Operation, output: &Output) -> Result<(), Problem> {
    let report = ask(service, operation, |reply| match reply {
        Reply::Traded(report) => Some(report),
        _ => None,
    })?;
    if output.is_json() {
        output.json(&report);
    } else {
        show_trades(&report, output);
    }
    Ok(())
}

fn show_trades(report: &TradeReport, output: &Output) {
    if !report.trades.is_empty() {
        let columns = [
            Column("where", false),
            Column("credits", true),
            Column("each AINU", true),
            Column("together AINU", true),
        ];
        output.table(&columns, report.trades.iter().map(row).collect());
        output.line("");
    }
    let mut facts = vec![
        ("traded", format!("{} for {}", report.filled, ainu(report.total))),
        ("fee", ainu(report.fee)),
        ("ended", ending(report.ending).to_owned()),
    ];
    if let Some(order) = report.order {
        facts.push(("order", order.to_string()));
        facts.push(("resting", report.resting.to_string()));
    }
    output.facts(&facts);
    output.line("");
    holding(&report.holding, output);
}

fn row(row: &TradeRow) -> Vec<String> {
    let place = match (row.place, &row.with) {
        (TradePlace::Pool, _) => "pool".to_owned(),
        (TradePlace::Book, Some(with)) => format!("book, {with}"),
        (TradePlace::Book, None) => "book".to_owned(),
    };
    vec![place, row.quantity.to_string(), row.price.to_ainu(), row.value.to_ainu()]
}

const fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Filled => "all of it traded",
        Ending::Resting => "it rests with what is left",
        Ending::Unfilled => "no more could trade; the rest is cancelled",
        Ending::Killed => "it could not trade as a whole: nothing did",
        Ending::WouldTake => "it would have traded at once: it did nothing",
        Ending::SelfTrade => "it met an order of its owner; the rest is cancelled",
        Ending::Exhausted => "it met as many orders as one may; the rest is cancelled",
    }
}

/// Something that moves without a trade, and what did.
fn shift(
    service: &dyn Service,
    operation: Operation,
    (done, verb): (&str, &str),
    output: &Output,
) -> Result<(), Problem> {
    let report = ask(service, operation, |reply| match reply {
        Reply::Moved(report) => Some(report),
        _ => None,
    })?;
    if output.is_json() {
        output.json(&report);
        return Ok(());
    }
    let MovementReport { credits, money, shares, holding: own } = &*report;
    output.line(format!("the {done}"));
    let mut parts = vec![format!("{credits} credits"), ainu(*money)];
    if !shares.is_zero() {
        parts.push(format!("{} shares", shares.0));
    }
    if *credits > 0 || !money.is_zero() {
        output.line(format!("{verb}: {}", parts.join(", ")));
    }
    output.line("");
    holding(own, output);
    Ok(())
}
