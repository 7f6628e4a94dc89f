//! Commands that move money outside of tasks, killed at every durable step: adding an agent,
//! opening a budget, a transfer. A transfer that was killed has moved all or nothing, by whether its
//! block was durable; adding an agent again finishes what was begun and bonds its stake once.
use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Place, echo};
use crate::steps::Tally;
use crate::workspace;

/// How the points of adding an agent begin.
pub(super) const JOIN: &str = "join.";
/// How those of the ledger's blocks begin.
const CHAIN: &str = "chain.";
/// An agent's stake, in AINU.
const STAKE: &str = "1000";
/// What is transferred, in AINU.
const GIFT: u128 = 7;
const UNITS_PER_AINU: u128 = 1_000_000_000_000;

/// Kills each command at each point it passes.
pub(super) fn run(place: &Place, points: &[String]) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let chain = || points.iter().filter(|point| point.starts_with(CHAIN));
    // Adding an agent makes two blocks: one that funds it, one that registers it.
    let joining = points.iter().filter(|point| point.starts_with(JOIN)).map(|point| (point, 1));
    let joining = joining.chain(chain().flat_map(|point| [(point, 1), (point, 2)]));
    for (number, (point, hit)) in joining.enumerate() {
        let killed = add_agent(place, &format!("joined-{number}"), &format!("{point}:{hit}"))?;
        ensure!(killed || !point.starts_with(JOIN), "{point} was not passed");
        report("agent add", point, hit, killed);
        tally += Tally::PASSED;
    }
    for point in chain() {
        let killed = transfer(place, &format!("{point}:1"))?;
        report("account transfer", point, 1, killed);
        let killed = open_budget(place, &format!("{point}:1"))?;
        report("budget open", point, 1, killed);
        tally += Tally::PASSED;
        tally += Tally::PASSED;
    }
    Ok(tally)
}

fn report(command: &str, point: &str, hit: u32, killed: bool) {
    println!(
        "{command:<18} {point:<18} hit {hit}  {}",
        if killed { "killed" } else { "not reached" }
    );
}

/// Runs a command that is to die at a point; tells whether it was killed.
fn killed(place: &Place, arguments: &[&str], point: &str) -> anyhow::Result<bool> {
    use std::os::unix::process::ExitStatusExt;
    let mut command = place.command(arguments);
    let output = command.env("AINUR_CRASH_AT", point).output().context("cannot start ainur")?;
    Ok(output.status.signal().is_some())
}

fn ask(place: &Place, arguments: &[&str]) -> anyhow::Result<Value> {
    let text = workspace::output(&mut place.command(arguments))?;
    serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
}

fn add_agent(place: &Place, name: &str, point: &str) -> anyhow::Result<bool> {
    let echo = echo();
    let add = ["agent", "add", &echo, "--name", name, "--price", "1000", "--stake", STAKE];
    let killed = killed(place, &add, point)?;
    let agents = ask(place, &["agent", "list"])?;
    let count = |agents: &Value| {
        let named = |agent: &&Value| agent["name"] == name;
        agents.as_array().map_or(0, |agents| agents.iter().filter(named).count())
    };
    if count(&agents) == 0 {
        ask(place, &add)?;
    }
    let agent = ask(place, &["agent", "show", name])?;
    ensure!(count(&ask(place, &["agent", "list"])?) == 1, "{name} is not there once");
    let did = agent["did"].as_str().context("no did")?;
    let account = ask(place, &["account", "show", did])?;
    let staked = units(&account, "staked")?;
    let wanted = STAKE.parse::<u128>()? * UNITS_PER_AINU;
    ensure!(staked == wanted, "{name} has staked {staked} units instead of {wanted}");
    Ok(killed)
}

fn transfer(place: &Place, point: &str) -> anyhow::Result<bool> {
    let agent = ask(place, &["agent", "show", "joined-0"])?;
    let did = agent["did"].as_str().context("no did")?.to_owned();
    let free = || units(&ask(place, &["account", "show", &did])?, "free");
    let before = free()?;
    let killed = killed(place, &["account", "transfer", &did, &GIFT.to_string()], point)?;
    let moved = free()? - before;
    let whole = GIFT * UNITS_PER_AINU;
    let expected: &[u128] = match point.split(':').next() {
        Some("chain.executed") => &[0],
        // Written and not synced: both are right.
        Some("chain.appended") => &[0, whole],
        _ => &[whole],
    };
    ensure!(
        expected.contains(&moved),
        "a transfer of {GIFT} AINU that was killed at {point} moved {moved} units"
    );
    Ok(killed)
}

fn open_budget(place: &Place, point: &str) -> anyhow::Result<bool> {
    let killed = killed(place, &["budget", "open", "3"], point)?;
    let budget = ask(place, &["budget", "open", "3"])?;
    ensure!(budget["limit"].is_string(), "no budget after a kill at {point}: {budget}");
    Ok(killed)
}

fn units(account: &Value, field: &str) -> anyhow::Result<u128> {
    account[field]
        .as_str()
        .and_then(|text| text.parse().ok())
        .with_context(|| format!("the account has no {field}: {account}"))
}
