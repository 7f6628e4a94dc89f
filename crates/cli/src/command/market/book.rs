//! The book of a class, as tables and drawings.
use ainur_api::operation::BookQuery;
use ainur_api::problem::Problem;
use ainur_api::view::{BookView, HoldingView};
use ainur_api::{Operation, Reply, Service};
use ainur_market::exchange::{DepthLevel, Side};
use ainur_primitives::Amount;

use super::depth::{bar, cumulative, svg};
use crate::arguments::{BookArguments, CreditClassArguments};
use crate::command::ask;
use crate::output::{Column, Output, ainu, io_problem};

pub(super) fn run(
    asked: BookArguments,
    service: &dyn Service,
    output: &Output,
) -> Result<(), Problem> {
    let book = shown(service, asked.class, asked.levels)?;
    if let Some(file) = &asked.svg {
        let doing = format!("write {}", file.display());
        std::fs::write(file, svg(&book)).map_err(|error| io_problem(&doing, &error))?;
    }
    if output.is_json() {
        output.json(&book);
        return Ok(());
    }
    facts(&book, output);
    output.line("");
    if book.buy.is_empty() && book.sell.is_empty() {
        output.line("no orders rest");
        let capability = &book.capability;
        output.line(format!("next: ainur market order buy {capability} QUANTITY --price AINU"));
    } else {
        levels(&book, output);
    }
    if let Some(own) = &book.holding {
        output.line("");
        holding(own, output);
    }
    Ok(())
}

/// The book that is asked for.
pub(super) fn shown(
    service: &dyn Service,
    class: CreditClassArguments,
    levels: u32,
) -> Result<Box<BookView>, Problem> {
    let CreditClassArguments { capability, who } = class;
    let (agent, quality_level) = (who.agent, who.quality.into());
    let query = BookQuery { capability, quality_level, levels, agent };
    ask(service, Operation::BookShow(query), |reply| match reply {
        Reply::Book(book) => Some(book),
        _ => None,
    })
}

fn facts(book: &BookView, output: &Output) {
    let quotes = &book.quotes;
    let price = |book: Option<Amount>, pool: Option<Amount>| {
        let told = |price: Option<Amount>| price.map_or_else(|| "–".to_owned(), ainu);
        format!("{} in the book, {} with the pool", told(book), told(pool))
    };
    let pool = book.pool.as_ref().map_or_else(
        || "none".to_owned(),
        |pool| format!("{} credits and {}", pool.credits, ainu(pool.money)),
    );
    output.facts(&[
        ("credits for", book.capability.to_string()),
        ("collateral of each", ainu(book.collateral)),
        ("out", book.supply.to_string()),
        ("pool", pool),
        ("one costs", price(quotes.buy_in_book, quotes.buy_from_pool)),
        ("one fetches", price(quotes.sell_in_book, quotes.sell_to_pool)),
    ]);
}

/// Both sides, the highest price first, as a book is read.
fn levels(book: &BookView, output: &Output) {
    let (buy, sell) = (cumulative(&book.buy), cumulative(&book.sell));
    let all = buy.last().into_iter().chain(sell.last()).copied().max().unwrap_or(0);
    let row = |side: Side, level: &DepthLevel, together: u64| {
        let drawn = bar(together, all);
        let (word, drawn) = match side {
            Side::Buy => ("buy", output.good(&drawn)),
            Side::Sell => ("sell", output.bad(&drawn)),
        };
        let price = level.price.to_ainu();
        let (quantity, orders) = (level.quantity.to_string(), level.orders.to_string());
        vec![word.to_owned(), price, quantity, orders, together.to_string(), drawn]
    };
    let sells = book.sell.iter().zip(&sell).rev().map(|(level, sum)| row(Side::Sell, level, *sum));
    let buys = book.buy.iter().zip(&buy).map(|(level, sum)| row(Side::Buy, level, *sum));
    let columns = [
        Column("side", false),
        Column("price AINU", true),
        Column("credits", true),
        Column("orders", true),
        Column("together", true),
        Column("depth", false),
    ];
    output.table(&columns, sells.chain(buys).collect());
}

/// What somebody has in a class.
pub(super) fn holding(own: &HoldingView, output: &Output) {
    output.facts(&[
        ("trader", own.trader_name.clone()),
        ("money", format!("{}, and {} in orders", ainu(own.money), ainu(own.money_in_orders))),
        ("credits", format!("{}, and {} in orders", own.credits, own.credits_in_orders)),
        ("owes", format!("{} tasks", own.owed)),
        ("shares of the pool", own.pool_shares.0.to_string()),
    ]);
    if own.orders.is_empty() {
        return;
    }
    output.line("");
    let columns = [
        Column("order", true),
        Column("side", false),
        Column("credits", true),
        Column("price AINU", true),
        Column("until", false),
    ];
    let row = |order: &ainur_market::exchange::Order| {
        let side = match order.side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        };
        vec![
            order.id.to_string(),
            side.to_owned(),
            order.quantity.to_string(),
            order.price.to_ainu(),
            order.expires.to_string(),
        ]
    };
    output.table(&columns, own.orders.iter().map(row).collect());
}
