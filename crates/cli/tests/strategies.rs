//! Bidding strategies through the binary: agents whose bids are made from their costs, that learn
//! from their outcomes, and remember it when their node is killed.
mod place;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use place::{Place, component};
use serde_json::Value;

const COST: u64 = 2_000_000_000_000;
const RIVAL: u64 = 2_100_000_000_000;
const RESERVE: u64 = 5_000_000_000_000;

fn add(place: &Place, name: &str, more: &[&str]) {
    let echo = component("echo");
    place.succeeds(&[&["agent", "add", &echo, "--name", name][..], more].concat());
}

/// Runs a task for the cheapest bidder; what each bid, by name.
fn auction(place: &Place) -> BTreeMap<String, u64> {
    let task = place.json(&[
        "task",
        "run",
        "text.echo",
        "--reserve",
        "5",
        "--parameters",
        "{}",
        "--venue",
        "auction",
        "--selection",
        "cheapest",
        "--check",
        "reexecution",
    ]);
    let id = task["id"].as_str().expect("a task has an id");
    let explained = place.json(&["task", "explain", id]);
    let bid = |row: &Value| {
        let price = row["price"].as_str()?.parse().ok()?;
        Some((row["name"].as_str()?.to_owned(), price))
    };
    explained["bids"].as_array().expect("bids").iter().filter_map(bid).collect()
}

/// How an agent's bids for echoes went.
fn went(place: &Place, agent: &str) -> Value {
    place.json(&["agent", "show", agent])["bidding"]["text.echo"].clone()
}

#[test]
fn a_bandit_bids_towards_its_cost_and_a_killed_node_remembers_what_it_learned() {
    let place = Place::new();
    add(&place, "learner", &["--cost", "2", "--strategy", "bandit"]);
    add(&place, "rival", &["--price", "2.1"]);
    let node = place.start_node();
    let asks: Vec<u64> = (0..48)
        .map(|_| {
            let bids = auction(&place);
            assert_eq!(bids["rival"], RIVAL, "without a strategy the price is the bid");
            bids["learner"]
        })
        .collect();
    assert!(asks.iter().all(|ask| (COST..=RESERVE).contains(ask)), "{asks:?}");
    let lost = |asks: &[u64]| asks.iter().filter(|ask| **ask >= RIVAL).count();
    let (first, last) = (&asks[..12], &asks[24..]);
    assert!(lost(first) >= 6, "it tries margins that lose: {asks:?}");
    assert!(lost(last) <= 7, "it does not find its cost: {asks:?}");
    let before = went(&place, "learner");
    assert_eq!((&before["bids"], &before["failed"]), (&48.into(), &0.into()), "{before}");
    let won = asks.iter().filter(|ask| **ask < RIVAL).count();
    assert_eq!((&before["wins"], &before["accepted"]), (&won.into(), &won.into()), "{before}");

    wait_until_stored(&place, "learner");
    drop(node);
    let _node = place.start_node();
    assert_eq!(went(&place, "learner"), before);
    let after: Vec<u64> = (0..8).map(|_| auction(&place)["learner"]).collect();
    let winning = after.iter().filter(|ask| **ask < RIVAL).count();
    assert!(winning >= 5, "one that forgot would try the margins again: {after:?}");
    place.succeeds(&["ledger", "audit"]);
}

/// Waits until what an agent learned was stored after this was called, and not again for a while.
fn wait_until_stored(place: &Place, agent: &str) {
    let file = place.data_dir().join(format!("agents/{agent}.bidder"));
    let stored = || file.metadata().and_then(|metadata| metadata.modified()).ok();
    let until = Instant::now() + Duration::from_secs(60);
    let mut seen = (stored(), Instant::now());
    while seen.0.is_none() || seen.1.elapsed() < Duration::from_secs(5) {
        assert!(Instant::now() < until, "{} is not written", file.display());
        std::thread::sleep(Duration::from_millis(100));
        if stored() != seen.0 {
            seen = (stored(), Instant::now());
        }
    }
}

#[test]
fn no_strategy_bids_below_the_cost_or_above_the_reserve_and_each_is_shown() {
    let place = Place::new();
    let chosen = [("floor", "static-floor"), ("load-aware", "load-aware"), ("policy", "policy")];
    for (number, (strategy, _)) in chosen.into_iter().enumerate() {
        let cost = format!("2.{number}");
        add(&place, strategy, &["--cost", &cost, "--strategy", strategy]);
    }
    add(&place, "dear", &["--cost", "6", "--strategy", "bandit"]);
    for _ in 0..4 {
        let bids = auction(&place);
        assert_eq!(bids.len(), 3, "who cannot do it for the reserve stays out: {bids:?}");
        assert_eq!(bids["floor"], COST);
        for (number, (strategy, _)) in (0u64..).zip(chosen) {
            let cost = COST + number * COST / 20;
            assert!((cost..=RESERVE).contains(&bids[strategy]), "{strategy}: {bids:?}");
        }
    }
    for (strategy, name) in chosen {
        assert_eq!(place.json(&["agent", "show", strategy])["strategy"], name);
    }
    let shown = place.run(&["agent", "show", "floor"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for said in ["static-floor: its bids are made from its cost", "win rate", "mean margin"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let refusal = place.run(&["agent", "add", "x", "--strategy", "generous"]);
    let refusal = String::from_utf8_lossy(&refusal.stderr).into_owned();
    assert!(refusal.contains("load-aware, bandit or policy"), "{refusal}");
}

/// Runs a job of these parts for the cheapest; who won what in its auction.
fn job(place: &Place, parts: &[&str]) -> Vec<Value> {
    let part = |name: &&str| {
        serde_json::json!({
            "name": name, "capability": "text.echo", "reserve": "5", "parameters": {},
        })
    };
    let graph = serde_json::json!({ "parts": parts.iter().map(part).collect::<Vec<_>>() });
    let graph = place.file("graph.json", graph.to_string().as_bytes());
    let words = ["task", "run", "--graph", &graph, "--reserve", "20", "--selection", "cheapest"];
    let task = place.json(&[&words[..], &["--check", "reexecution"]].concat());
    assert_eq!(task["phase"], "settled", "{task}");
    let explained = place.json(&["task", "explain", task["id"].as_str().expect("an id")]);
    explained["awards"].as_array().expect("awards").clone()
}

fn ainu(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).expect("an amount")
}

#[test]
fn strategies_price_the_parts_of_a_graph_and_learn_from_what_they_win() {
    let place = Place::new();
    add(&place, "learner", &["--cost", "2", "--strategy", "bandit"]);
    add(&place, "rival", &["--price", "2.1"]);
    let _node = place.start_node();
    let mut won: Vec<bool> = Vec::new();
    for _ in 0..24 {
        let awards = job(&place, &["only"]);
        let [award] = awards.as_slice() else { panic!("one part, one seller: {awards:?}") };
        let learned = award["winner_name"] == "learner";
        if learned {
            assert!((COST..=RIVAL).contains(&ainu(&award["bid"])), "{award}");
            assert_eq!(ainu(&award["payment"]), RIVAL, "the second price: {award}");
        }
        won.push(learned);
    }
    let wins = |won: &[bool]| won.iter().filter(|won| **won).count();
    // A winner's payment tells it that no margin would have brought more; where bids are on a task
    // as a whole, and it is told less, it loses half of the first ones.
    assert!(wins(&won) >= 20, "it does not find its cost: {won:?}");
    let figures = went(&place, "learner");
    let all = wins(&won);
    assert_eq!((&figures["bids"], &figures["failed"]), (&24.into(), &0.into()), "{figures}");
    assert_eq!((&figures["wins"], &figures["accepted"]), (&all.into(), &all.into()), "{figures}");
    assert_eq!(ainu(&figures["earned"]), all as u64 * RIVAL, "{figures}");
    assert_eq!(ainu(&figures["spent"]), all as u64 * COST, "{figures}");
    let rival = went(&place, "rival");
    assert_eq!((&rival["bids"], &rival["wins"]), (&24.into(), &(24 - all).into()), "{rival}");

    // A part is an offer of its own, also in one bundle with another.
    job(&place, &["first", "second"]);
    let after = [went(&place, "learner"), went(&place, "rival")];
    let sum = |name: &str| after.iter().filter_map(|bidding| bidding[name].as_u64()).sum::<u64>();
    assert_eq!((sum("bids"), sum("wins"), sum("accepted")), (52, 26, 26), "{after:?}");

    // Who loses is told nothing but that, and tries other margins.
    add(&place, "cheap", &["--price", "1.9"]);
    for _ in 0..8 {
        let awards = job(&place, &["only"]);
        assert_eq!(awards[0]["winner_name"], "cheap", "{awards:?}");
    }
    let figures = went(&place, "learner");
    assert_eq!(figures["bids"], 34, "{figures}");
    assert_ne!(figures["mean_margin"], after[0]["mean_margin"], "{figures}");
    place.succeeds(&["ledger", "audit"]);
}
