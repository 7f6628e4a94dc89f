//! Rentals, through the binary: slots of an agent for so many periods, a quota, a promised service,
//! and what comes back when it is not kept.
mod place;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use place::{Place, component};
use serde_json::Value;

const USE: [&str; 4] = ["market", "rental", "use", "text.echo"];

/// Base units of an AINU.
const AINU: u128 = 1_000_000_000_000;

/// An agent that echoes, `echo`, and one that needs a second for it, `slow`.
fn with_agents() -> Place {
    let place = Place::new();
    place.succeeds(&["agent", "add", &component("echo"), "--name", "echo", "--price", "1"]);
    let slow = place.file("slow", b"#!/bin/sh\nsleep 1\ncat\n");
    place.succeeds(&[
        "agent",
        "add",
        &slow,
        "--price",
        "1",
        "--capability",
        "work.slow",
        "--name",
        "slow",
    ]);
    place
}

/// Offers slots of an agent and rents them: the id.
fn rent(place: &Place, agent: &str, capability: &str, words: &[&str]) -> String {
    let offer = ["market", "rental", "offer", agent, "--capability", capability];
    let offered = place.json(&[&offer[..], words].concat());
    let id = text(&offered["rental"]);
    let rented = place.json(&["market", "rental", "rent", &id[..8]]);
    assert!(rented["held"].is_object(), "{rented}");
    id
}

fn show(place: &Place, id: &str) -> Value {
    place.json(&["market", "rental", "show", id])
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn amount(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).expect("an amount")
}

fn free(place: &Place) -> u128 {
    amount(&place.json(&["account", "show"])["free"])
}

/// Waits until so many periods are paid for.
fn stated(place: &Place, id: &str, periods: u64) -> Value {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let shown = show(place, id);
        if shown["held"]["stated"].as_u64() == Some(periods) {
            return shown;
        }
        assert!(Instant::now() < until, "no statement: {shown}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn verified(place: &Place, task: &Value) -> String {
    let receipt = place.path("receipt.json");
    place.succeeds(&["receipt", "show", &text(&task["id"]), "--output", &receipt]);
    let verified = place.run(&["receipt", "verify", &receipt]);
    let checks = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{checks}");
    checks
}

#[test]
fn a_rental_is_used_to_its_quota_and_no_further_and_its_receipts_verify() {
    let place = with_agents();
    let before = free(&place);
    let id = rent(
        &place,
        "echo",
        "text.echo",
        &["--period", "1h", "--price", "10", "--quota", "2", "--periods", "3"],
    );
    let locked = before - free(&place);
    assert!((30 * AINU..31 * AINU).contains(&locked), "{locked} is not the price of all periods");
    let input = place.file("input", b"something");
    let before = free(&place);
    for number in 1..=2 {
        let key = format!("use {number}");
        let words = ["--rental", &id[..8], "--input", &input, "--idempotency-key", &key];
        let task = place.json(&[&USE[..], &words].concat());
        assert_eq!((&task["phase"], &task["seller_name"]), (&"settled".into(), &"echo".into()));
        assert_eq!((&task["price"], &task["output_bytes"]), (&"0".into(), &9.into()), "{task}");
        assert_eq!(show(&place, &id)["held"]["units_used"], number);
        let checks = verified(&place, &task);
        assert!(checks.contains(&format!("of rental {}", &id[..8])), "{checks}");
        assert!(checks.contains("paid with its period"), "{checks}");
        let explained = place.json(&["task", "explain", &text(&task["id"])]);
        assert_eq!(explained["transcript_matches"], true, "{explained}");
    }
    assert!(before - free(&place) < AINU / 1_000, "uses within the quota cost fees alone");
    let refusal = place.fails(&[&USE[..], &["--input", &input]].concat());
    assert!(refusal.contains("quota of 2 units"), "{refusal}");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_task_beyond_the_quota_costs_what_was_agreed_for_it() {
    let place = with_agents();
    let id = rent(
        &place,
        "echo",
        "text.echo",
        &["--period", "1h", "--price", "10", "--quota", "0", "--overage", "0.5"],
    );
    let before = free(&place);
    let task = place.json(&["task", "run", "text.echo", "--rental", &id[..8]]);
    assert_eq!(task["phase"], "settled", "{task}");
    let cost = before - free(&place);
    assert!((AINU / 2..AINU / 2 + AINU / 1_000).contains(&cost), "{cost}");
    assert_eq!(amount(&show(&place, &id)["held"]["locked"]), 10 * AINU + AINU / 2);
    let checks = verified(&place, &task);
    assert!(checks.contains("0.5 AINU beyond its quota"), "{checks}");
}

#[test]
fn units_beyond_the_quota_are_not_paid_with_money_that_is_promised() {
    let place = with_agents();
    let id = rent(
        &place,
        "echo",
        "text.echo",
        &["--period", "1h", "--price", "1", "--quota", "0", "--overage", "50"],
    );
    let _node = place.start_node();
    // All but 20 AINU is promised to whoever wins this call.
    let promised = (free(&place) / AINU - 20).to_string();
    let slow = ["work.slow", "--reserve", &promised, "--bidding", "20", "--detach"];
    let called = place.json(&[&["market", "call"], &slow[..]].concat());
    let refused = place.run(&["--json", "task", "run", "text.echo", "--rental", &id[..8]]);
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("too little money is free"), "{said} {told}");
    assert_eq!(show(&place, &id)["held"]["units_used"], 0);
    // Once nobody is promised it any more, it can be spent.
    place.succeeds(&["task", "cancel", &text(&called["task"])]);
    let task = place.json(&["task", "run", "text.echo", "--rental", &id[..8]]);
    assert_eq!(task["phase"], "settled", "{task}");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_slow_agent_breaks_its_promise_and_the_statement_gives_money_back() {
    let place = with_agents();
    let words = ["--period", "8s", "--price", "10", "--quota", "5", "--periods", "2"];
    let promise = ["--latency", "300ms", "--latency-share", "90%", "--latency-compensation", "40%"];
    let id = rent(&place, "slow", "work.slow", &[&words[..], &promise].concat());
    let _node = place.start_node();
    let input = place.file("input", b"something");
    let task = place.json(&["task", "run", "work.slow", "--rental", &id[..8], "--input", &input]);
    assert_eq!(task["phase"], "settled", "{task}");
    // Nobody asks for it.
    let shown = stated(&place, &id, 2);
    let (first, second) = (&shown["statements"][0], &shown["statements"][1]);
    assert_eq!(first["statement"]["breaches"], serde_json::json!(["latency"]), "{shown}");
    assert_eq!(amount(&first["statement"]["compensation"]), 4 * AINU, "{shown}");
    assert_eq!(amount(&first["statement"]["payment"]), 6 * AINU, "{shown}");
    assert_eq!(amount(&second["statement"]["payment"]), 10 * AINU, "{shown}");
    assert_eq!(amount(&shown["held"]["locked"]), 0, "{shown}");
    let file = place.path("statement.json");
    place.succeeds(&["market", "rental", "statement", &id[..8], "0", "--output", &file]);
    let verified = place.run(&["receipt", "verify", &file]);
    let checks = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{checks}");
    assert!(checks.contains("4 AINU back to the buyer, computed again"), "{checks}");
    let told = std::fs::read_to_string(&file).expect("a statement");
    let forged =
        place.file("forged", told.replacen("\"in_time\":0", "\"in_time\":1", 1).as_bytes());
    assert!(!place.run(&["receipt", "verify", &forged]).status.success());
    place.fails(&["market", "rental", "statement", &id[..8], "2"]);
    let refusal = place.fails(&["task", "run", "work.slow", "--rental", &id[..8]]);
    assert!(refusal.contains("ended"), "{refusal}");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn tasks_wait_for_a_slot_and_get_it_in_turn() {
    let place = with_agents();
    let id = rent(
        &place,
        "slow",
        "work.slow",
        &["--period", "1h", "--price", "10", "--quota", "9", "--slots", "1"],
    );
    let _node = place.start_node();
    let input = place.file("input", b"something");
    let run = ["task", "run", "work.slow", "--rental", &id[..8], "--input", &input, "--detach"];
    let tasks: Vec<String> = (0..3).map(|_| text(&place.json(&run)["task"])).collect();
    // The last has too little time to wait for those before it.
    let hasty = text(&place.json(&[&run[..], &["--deadline", "1"]].concat())["task"]);
    assert!(show(&place, &id)["held"]["waiting"].as_u64() >= Some(1));
    for task in &tasks {
        drop(place.run(&["task", "watch", task]));
        assert_eq!(place.json(&["task", "show", task])["phase"], "settled");
    }
    drop(place.run(&["task", "watch", &hasty]));
    let hasty = place.json(&["task", "show", &hasty]);
    assert_eq!(hasty["phase"], "unfunded", "{hasty}");
    assert_eq!(place.json(&["agent", "show", "slow"])["failed"], 0, "waiting is no failure");
    let held = show(&place, &id)["held"].clone();
    assert_eq!((&held["units_used"], &held["in_use"]), (&3.into(), &0.into()), "{held}");
}

#[test]
fn what_cannot_be_rented_or_used_is_refused_with_what_to_do() {
    let place = with_agents();
    let offer = ["market", "rental", "offer", "echo", "--capability", "text.echo"];
    let words = ["--period", "1h", "--price", "10", "--quota", "2"];
    let offered = text(&place.json(&[&offer[..], &words].concat())["rental"]);
    let dear = ["--period", "1h", "--price", "1000000", "--quota", "2"];
    let dear = text(&place.json(&[&offer[..], &dear].concat())["rental"]);
    for (arguments, said) in [
        (&[&offer[..], &words, &["--slots", "257"]].concat()[..], "256 slots"),
        (&[&offer[..], &words, &["--periods", "0"]].concat(), "1 to 1000 periods"),
        (&[&offer[..], &words, &["--latency", "2h"]].concat(), "at most a period"),
        (&["market", "rental", "show", "ffff"], "ainur market rental list"),
        (&["market", "rental", "rent", &dear[..8]], "AINU"),
        (&USE, "rents nothing for text.echo"),
        (&["task", "run", "text.echo", "--rental", &offered[..8]], "rents nothing"),
        (
            &[
                "task",
                "run",
                "text.echo",
                "--venue",
                "auction",
                "--reserve",
                "2",
                "--rental",
                &offered[..8],
            ],
            "ask for the venue rental",
        ),
    ] {
        let refusal = place.fails(arguments);
        assert!(refusal.contains(said), "{arguments:?}: {refusal}");
    }
    place.succeeds(&["market", "rental", "withdraw", &offered[..8]]);
    let refusal = place.fails(&["market", "rental", "rent", &offered[..8]]);
    assert!(refusal.contains("no rental"), "{refusal}");
    let rented = rent(&place, "echo", "text.echo", &words);
    let refusal = place.fails(&["market", "rental", "withdraw", &rented[..8]]);
    assert!(refusal.contains("it runs to its end"), "{refusal}");
    let budget = text(&place.json(&["budget", "open", "5"])["id"]);
    let refusal = place.fails(&[&USE[..], &["--budget", &budget]].concat());
    assert!(refusal.contains("leave the budget out"), "{refusal}");
}

#[test]
fn a_node_killed_anywhere_counts_each_use_once() {
    let points = [
        ("broker.submitting", 2),
        // The ledger has done it, and the journal does not know.
        ("chain.synced", 3),
        ("broker.synced", 3),
        ("broker.chunk", 1),
        ("broker.checking", 1),
        ("broker.receipts", 1),
    ];
    let place = with_agents();
    let words = ["--period", "1h", "--price", "10", "--quota", "50", "--slots", "1"];
    let id = rent(&place, "echo", "text.echo", &words);
    let input = place.file("input", b"something");
    let mut used = 0;
    for (point, times) in points {
        for time in 1..=times {
            let at = format!("{point}:{time}");
            let node = place.start_node_with(|command| {
                command.env("AINUR_CRASH_AT", &at);
            });
            let key = format!("{point}-{time}");
            let words = ["--input", &input, "--idempotency-key", &key];
            // The node may die before it answers.
            drop(place.run(&[&["--json"], &USE[..], &words, &["--detach"]].concat()));
            std::thread::sleep(Duration::from_millis(700));
            drop(node);
            let task = place.json(&[&USE[..], &words].concat());
            used += 1;
            assert_eq!(task["phase"], "settled", "{at}: {task}");
            let held = show(&place, &id)["held"].clone();
            assert_eq!((&held["units_used"], &held["in_use"]), (&used.into(), &0.into()), "{at}");
            verified(&place, &task);
        }
    }
}

#[test]
fn who_dies_over_statements_pays_each_period_once() {
    let place = with_agents();
    let words = ["--period", "2s", "--price", "1", "--quota", "5", "--periods", "4"];
    let seller = |place: &Place| {
        let did = text(&place.json(&["agent", "show", "echo"])["did"]);
        amount(&place.json(&["account", "show", &did])["free"])
    };
    let before = seller(&place);
    let short = rent(&place, "echo", "text.echo", &[&words[..], &["--latency", "100ms"]].concat());
    for at in ["broker.stating:1", "chain.synced:1", "broker.submitting:1", "broker.synced:1"] {
        std::thread::sleep(Duration::from_millis(2_100));
        let mut dying = Command::new(env!("CARGO_BIN_EXE_ainur"));
        dying.env("AINUR_CRASH_AT", at).arg("--data-dir").arg(place.data_dir());
        dying.args(["market", "rental", "show", &short]).stdout(Stdio::null());
        drop(dying.status());
    }
    let _node = place.start_node();
    let shown = stated(&place, &short, 4);
    let paid: u128 = shown["statements"]
        .as_array()
        .expect("statements")
        .iter()
        .map(|stated| amount(&stated["statement"]["payment"]))
        .sum();
    assert_eq!((paid, amount(&shown["held"]["locked"])), (4 * AINU, 0), "{shown}");
    assert_eq!(seller(&place) - before, 4 * AINU);
    place.succeeds(&["ledger", "audit"]);
}
