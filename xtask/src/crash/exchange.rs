//! Trading on a node that is killed: credits are written, orders placed, replaced and taken out, and a
//! pool trades, each under a key that is sent again when the answer is lost. Afterwards everything
//! has happened once by the blocks, no order traded more than it was for, and credits, collateral
//! and what orders lock add up after every restart.
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::Place;
use super::client::Client;
use crate::workspace;

const CAPABILITY: &str = "text.echo";
/// What is locked behind each credit, in AINU and base units.
const COLLATERAL: (&str, u128) = ("0.01", 10_000_000_000);
/// Credits the seller has in the beginning.
const WRITTEN: u32 = 5_000;
/// Credits of each sell order, and the most of each purchase.
const LOT: u64 = 2;
const UNITS_PER_AINU: u128 = 1_000_000_000_000;

/// What the trade of a key does: four kinds in turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// An agent sells.
    Sell,
    /// The node buys what is for sale.
    Buy,
    /// The node bids, bids more, and takes the bid out; another agent writes credits.
    Bid,
    /// The node trades with the pool, to and fro.
    Swap,
}

fn step(key: u32) -> Step {
    [Step::Sell, Step::Buy, Step::Bid, Step::Swap][key as usize % 4]
}

/// Opens the class and its pool.
pub(super) fn prepare(place: &Place) -> anyhow::Result<()> {
    let run = |arguments: &[&str]| workspace::output(&mut place.command(arguments));
    for agent in ["one", "two"] {
        let shown: Value = serde_json::from_str(&run(&["agent", "show", agent])?)?;
        let did = shown["did"].as_str().context("an agent has a DID")?;
        run(&["account", "transfer", did, "1000"])?;
    }
    let class = ["market", "credits", "open", CAPABILITY, "--collateral", COLLATERAL.0];
    run(&[&class[..], &["--agent", "one"]].concat())?;
    let written = WRITTEN.to_string();
    run(&["market", "credits", "issue", CAPABILITY, &written, "--agent", "one"])?;
    run(&["market", "order", "sell", CAPABILITY, "40", "--price", "2", "--agent", "one"])?;
    run(&["market", "order", "buy", CAPABILITY, "40", "--price", "2"])?;
    run(&["market", "pool", "open", CAPABILITY, "--credits", "20", "--money", "40"])?;
    Ok(())
}

/// Does what a key stands for; doing it again does nothing more.
pub(super) fn trade(client: &Client, key: u32) -> anyhow::Result<()> {
    match step(key) {
        Step::Sell => {
            let order = order("sell", LOT, &json!({ "limit": { "price": ainu(2) } }));
            perform(client, order, Some("one"), Some(format!("sell-{key}")))?;
        }
        Step::Buy => {
            let kind = json!({ "immediate-or-cancel": { "price": ainu(3) } });
            perform(client, order("buy", LOT, &kind), None, Some(format!("buy-{key}")))?;
        }
        Step::Bid => {
            let bid = order("buy", 1, &json!({ "limit": { "price": ainu(1) } }));
            let placed = perform(client, bid, None, Some(format!("bid-{key}")))?;
            let order = &placed["value"]["order"];
            ensure!(order.is_u64(), "a bid does not rest: {placed}");
            let price = (UNITS_PER_AINU * 11 / 10).to_string();
            let more = json!({
                "operation": "order-replace", "order": order, "quantity": 1, "price": price,
            });
            // Without a key: an order that was replaced has another number and cannot be again.
            if let Some(replaced) = unless_gone(perform(client, more, None, None))? {
                let order = &replaced["value"]["order"];
                let cancel = json!({ "operation": "order-cancel", "order": order });
                unless_gone(perform(client, cancel, None, None))?;
            }
            let write = json!({ "kind": "issue", "quantity": 1 });
            let write = json!({ "operation": "credits-change", "step": write });
            perform(client, write, Some("two"), Some(format!("issue-{key}")))?;
        }
        Step::Swap => {
            let to = (key / 4).is_multiple_of(2);
            let (side, limit) = if to { ("buy", ainu(40)) } else { ("sell", "0".into()) };
            let swap = json!({ "kind": "swap", "side": side, "quantity": 1, "limit": limit });
            let swap = json!({ "operation": "pool-change", "step": swap });
            perform(client, swap, None, Some(format!("swap-{key}")))?;
        }
    }
    Ok(())
}

fn ainu(whole: u128) -> String {
    (whole * UNITS_PER_AINU).to_string()
}

fn order(side: &str, quantity: u64, kind: &Value) -> Value {
    json!({ "operation": "order-place", "side": side, "quantity": quantity, "kind": kind,
            "expires_ms": 7_200_000 })
}

/// Performs an operation on the class, for the node or an agent.
fn perform(
    client: &Client,
    mut operation: Value,
    agent: Option<&str>,
    key: Option<String>,
) -> anyhow::Result<Value> {
    operation["capability"] = CAPABILITY.into();
    operation["agent"] = agent.into();
    if let Some(key) = key {
        operation["idempotency_key"] = key.into();
    }
    client.perform(&operation)
}

/// What became of a command about an order; nothing when the order is gone.
fn unless_gone(done: anyhow::Result<Value>) -> anyhow::Result<Option<Value>> {
    match done {
        Err(error) if error.to_string().contains("no order") => Ok(None),
        done => done.map(Some),
    }
}

/// Takes out the bids that were replaced by a node that died before it said their numbers.
fn take_bids_out(client: &Client) -> anyhow::Result<()> {
    let book = book(client, None)?;
    for order in book["holding"]["orders"].as_array().into_iter().flatten() {
        if order["side"] == "buy" {
            let cancel = json!({ "operation": "order-cancel", "order": order["id"] });
            unless_gone(perform(client, cancel, None, None))?;
        }
    }
    Ok(())
}

fn book(client: &Client, agent: Option<&str>) -> anyhow::Result<Value> {
    let show = json!({ "operation": "book-show", "levels": 10 });
    Ok(perform(client, show, agent, None)?["value"].take())
}

/// Credits, collateral and locked money add up on a node that does nothing.
pub(super) fn check(client: &Client) -> anyhow::Result<()> {
    take_bids_out(client)?;
    let (mut held, mut owed, mut money) = (0, 0, 0);
    let mut shown = Value::Null;
    for agent in [None, Some("one"), Some("two")] {
        shown = book(client, agent)?;
        let holding = &shown["holding"];
        let count = |field: &str| holding[field].as_u64().context("a holding has counts");
        held += count("credits")? + count("credits_in_orders")?;
        owed += count("owed")?;
        money += units(&holding["money_in_orders"])?;
    }
    let supply = shown["supply"].as_u64().context("a class has a supply")?;
    let pooled = shown["pool"]["credits"].as_u64().context("there is a pool")?;
    ensure!(held + pooled == supply, "{held} held and {pooled} in the pool of {supply} credits");
    ensure!(owed == supply, "{owed} credits are owed of {supply} that are out");
    let status = client.perform(&json!({ "operation": "ledger-status" }))?;
    ensure!(status["value"]["balanced"] == true, "money is lost or made: {status}");
    let totals = status["value"]["totals"].as_array().context("a ledger has totals")?;
    let locked = totals.iter().find(|total| total[0] == "locked on the exchange");
    let locked = units(&locked.context("the exchange has a total")?[1])?;
    let wanted = money + u128::from(supply) * COLLATERAL.1;
    ensure!(locked == wanted, "{locked} units are locked on the exchange instead of {wanted}");
    Ok(())
}

fn units(value: &Value) -> anyhow::Result<u128> {
    let text = value.as_str().context("an amount is text")?;
    text.parse().with_context(|| format!("{text} is no amount"))
}

/// Everything happened once, by the blocks, and no order traded more than it was for.
pub(super) fn judge(blocks: &Path, keys: u32) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(blocks).context("reading the exported blocks")?;
    let (mut issued, mut swapped, mut credits_sold) = (0, 0, 0);
    let mut placed: BTreeMap<u64, u64> = BTreeMap::new();
    let mut traded: BTreeMap<u64, u64> = BTreeMap::new();
    for line in text.lines() {
        let block: Value = serde_json::from_str(line)?;
        for record in block["events"].as_array().into_iter().flatten() {
            let event = &record["event"]["exchange"];
            issued += u32::from(event["issued"].is_object());
            swapped += u32::from(event["swapped"].is_object());
            let order = &event["placed"]["placed"];
            if let Some(number) = order["order"].as_u64() {
                let rests = order["resting"].as_u64().unwrap_or_default();
                ensure!(placed.insert(number, rests).is_none(), "order {number} came in twice");
            }
            let trade = &event["updated"]["update"]["change"]["traded"];
            if let (Some(maker), Some(quantity)) =
                (trade["maker"].as_u64(), trade["quantity"].as_u64())
            {
                *traded.entry(maker).or_default() += quantity;
                credits_sold += quantity;
            }
        }
    }
    for (number, quantity) in &traded {
        let rested = placed.get(number).copied().unwrap_or_default();
        ensure!(*quantity <= rested, "order {number} for {rested} traded {quantity}");
    }
    let of = |wanted: Step| (0..keys).filter(|key| step(*key) == wanted).count();
    let bids = of(Step::Bid);
    // Two orders and one issue prepared the market; a bid is placed and replaced.
    let orders = 2 + of(Step::Sell) + of(Step::Buy) + 2 * bids;
    ensure!(placed.len() == orders, "{} orders came in instead of {orders}", placed.len());
    ensure!(issued as usize == 1 + bids, "{issued} issues instead of {}", 1 + bids);
    ensure!(swapped as usize == of(Step::Swap), "{swapped} swaps, not {}", of(Step::Swap));
    println!("{orders} orders came in once and traded {credits_sold} credits, {swapped} swaps");
    Ok(())
}
