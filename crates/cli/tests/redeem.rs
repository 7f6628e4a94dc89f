//! Credits that pay for tasks, through the binary: who does the work, who has the collateral in the
//! end, and that a killed node does all of it once.
mod place;

use place::{Place, component};
use serde_json::Value;

/// The content id of no bytes.
const NOTHING: &str = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi";
const REDEEM: [&str; 4] = ["market", "credits", "redeem", "text.echo"];

/// An agent that echoes, `dear`, owes 10 credits behind 1 AINU each; the node holds 3.
fn with_credits() -> Place {
    let place = Place::new();
    for (name, price) in [("cheap", "1"), ("dear", "3")] {
        place.succeeds(&["agent", "add", &component("echo"), "--name", name, "--price", price]);
    }
    let did = text(&place.json(&["agent", "show", "dear"])["did"]);
    place.succeeds(&["account", "transfer", &did, "20"]);
    credits_of(&place, "dear", "text.echo");
    place
}

/// The agent issues 10 credits behind 1 AINU each and the node buys 3 of them.
fn credits_of(place: &Place, agent: &str, capability: &str) {
    let credits = |words: &[&str]| {
        place.succeeds(&[&["market"], words, &["--agent", agent][..]].concat());
    };
    credits(&["credits", "open", capability, "--collateral", "1"]);
    credits(&["credits", "issue", capability, "10"]);
    credits(&["order", "sell", capability, "5", "--price", "2"]);
    place.succeeds(&["market", "order", "buy", capability, "3"]);
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Base units.
fn amount(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).expect("an amount")
}

/// Credits the node holds, and what the agent owes and has in money.
fn holdings(place: &Place, agent: &str) -> (u64, u64, u128) {
    let own = place.json(&["market", "book", "text.echo"]);
    let agents = place.json(&["market", "book", "text.echo", "--agent", agent]);
    let count = |value: &Value| value.as_u64().expect("a count");
    (
        count(&own["holding"]["credits"]),
        count(&agents["holding"]["owed"]),
        amount(&agents["holding"]["money"]),
    )
}

/// What verifying the receipt of a task says.
fn verified(place: &Place, task: &Value) -> String {
    let receipt = place.path("receipt.json");
    place.succeeds(&["receipt", "show", &text(&task["id"]), "--output", &receipt]);
    let verified = place.run(&["receipt", "verify", &receipt]);
    let checks = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{checks}");
    checks
}

#[test]
fn a_redeemed_credit_buys_work_of_whoever_owes_it_and_its_receipt_verifies() {
    let place = with_credits();
    let (held, owed, money) = holdings(&place, "dear");
    assert_eq!((held, owed), (3, 10));
    let before = amount(&place.json(&["account", "show"])["free"]);
    let input = place.file("input", b"something");
    let task = place.json(&[&REDEEM[..], &["--input", &input]].concat());
    assert_eq!((&task["phase"], &task["seller_name"]), (&"settled".into(), &"dear".into()));
    assert_eq!((&task["price"], &task["output_bytes"]), (&"0".into(), &9.into()), "{task}");
    let after = amount(&place.json(&["account", "show"])["free"]);
    assert!(
        before - after < 1_000_000_000,
        "it cost {} base units, not fees alone",
        before - after
    );
    // The issuer has its collateral again, but for the fee of saying that it delivered.
    let (held, owed, more) = holdings(&place, "dear");
    assert_eq!((held, owed), (2, 9));
    let gained = more - money;
    assert!((999_000_000_000..1_000_000_000_000).contains(&gained), "{gained}");
    assert_eq!(place.json(&["agent", "show", "dear"])["completed"], 1);
    let checks = verified(&place, &task);
    assert!(checks.contains("1 AINU of collateral back to"), "{checks}");
    let explained = place.json(&["task", "explain", &text(&task["id"])]);
    assert_eq!(explained["transcript_matches"], true, "{explained}");
    // The same by the venue, and with a key that never makes two.
    let run = ["task", "run", "text.echo", "--venue", "credit", "--idempotency-key", "once"];
    assert_eq!(place.json(&run)["id"], place.json(&run)["id"]);
    assert_eq!(holdings(&place, "dear").0, 1);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn work_that_fails_its_check_gives_the_buyer_the_collateral() {
    let place = with_credits();
    let (.., money) = holdings(&place, "dear");
    let before = amount(&place.json(&["account", "show"])["free"]);
    let input = place.file("input", b"something");
    let check = ["--input", &input, "--check", "digest", "--expected", NOTHING];
    place.fails(&[&REDEEM[..], &check].concat());
    let task = place.json(&["task", "list"])[0].clone();
    assert_eq!(
        (&task["phase"], &task["attempts"][0]["failure"]),
        (&"refunded".into(), &"check-failed".into()),
        "{task}"
    );
    let gained = amount(&place.json(&["account", "show"])["free"]) - before;
    assert!((999_000_000_000..1_000_000_000_000).contains(&gained), "{gained}");
    let (held, owed, left) = holdings(&place, "dear");
    assert_eq!((held, owed), (2, 9));
    assert!(left < money, "the agent paid the fee of giving up");
    assert_eq!(place.json(&["agent", "show", "dear"])["failed"], 1);
    let checks = verified(&place, &task);
    assert!(checks.contains("1 AINU of collateral to"), "{checks}");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_cancelled_task_gives_the_credit_back() {
    let place = with_credits();
    let slow = place.file("slow", b"#!/bin/sh\nsleep 30\ncat\n");
    let add =
        ["agent", "add", &slow, "--price", "1", "--capability", "work.slow", "--name", "slow"];
    place.succeeds(&add);
    let did = text(&place.json(&["agent", "show", "slow"])["did"]);
    place.succeeds(&["account", "transfer", &did, "20"]);
    credits_of(&place, "slow", "work.slow");
    let _node = place.start_node();
    let redeem = ["market", "credits", "redeem", "work.slow", "--detach"];
    let id = text(&place.json(&redeem)["task"]);
    let held = || place.json(&["market", "book", "work.slow"])["holding"]["credits"].clone();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while place.json(&["task", "show", &id])["phase"] != "running" {
        assert!(std::time::Instant::now() < until, "the task does not begin");
    }
    assert_eq!(held(), 2);
    place.succeeds(&["task", "cancel", &id]);
    let ended = place.json(&["task", "show", &id]);
    let ended = match ended["phase"].as_str() {
        Some("refunded") => ended,
        _ => {
            drop(place.run(&["task", "watch", &id]));
            place.json(&["task", "show", &id])
        }
    };
    assert_eq!(ended["phase"], "refunded", "{ended}");
    assert_eq!(held(), 3);
    assert_eq!(place.json(&["agent", "show", "slow"])["failed"], 0);
    let checks = verified(&place, &ended);
    assert!(checks.contains("has its credit again"), "{checks}");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn what_cannot_be_redeemed_is_refused_with_what_to_do() {
    let place = with_credits();
    let budget = text(&place.json(&["budget", "open", "5"])["id"]);
    for (arguments, said) in [
        (&["market", "credits", "redeem", "text.nothing"][..], "holds no credit"),
        (&[&REDEEM[..], &["--deadline", "20"]].concat(), "choose another deadline"),
        (&[&REDEEM[..], &["--budget", &budget]].concat(), "leave the budget out"),
        (&["task", "run", "text.echo"], "ainur market credits redeem"),
    ] {
        let refusal = place.fails(arguments);
        assert!(refusal.contains(said), "{arguments:?}: {refusal}");
    }
    // Nobody else can do it for whoever owes it.
    place.succeeds(&["agent", "remove", "dear"]);
    let refusal = place.fails(&REDEEM);
    assert!(refusal.contains("nobody who owes the work is here"), "{refusal}");
    assert_eq!(place.json(&["market", "book", "text.echo"])["holding"]["credits"], 3);
}

#[test]
fn a_node_killed_before_the_ledger_has_it_redeems_a_credit_once() {
    redeems_once(&[("broker.submitting", 3), ("chain.synced", 3)]);
}

#[test]
fn a_node_killed_while_the_work_is_done_redeems_a_credit_once() {
    redeems_once(&[
        ("broker.synced", 5),
        ("broker.chunk", 1),
        ("broker.checking", 1),
        ("broker.receipts", 1),
    ]);
}

/// Kills a node at the first so many times that it comes to each of the points.
fn redeems_once(points: &[(&str, u32)]) {
    let place = with_credits();
    for words in [
        &["credits", "issue", "text.echo", "9"][..],
        &["order", "sell", "text.echo", "9", "--price", "2"],
    ] {
        place.succeeds(&[&["market"], words, &["--agent", "dear"][..]].concat());
    }
    let input = place.file("input", b"something");
    let mut expected = 3;
    let mut killed = 0;
    for (point, times) in points {
        for time in 1..=*times {
            if expected == 0 {
                place.succeeds(&["market", "order", "buy", "text.echo", "1", "--price", "2"]);
                expected = 1;
            }
            let at = format!("{point}:{time}");
            let node = place.start_node_with(|command| {
                command.env("AINUR_CRASH_AT", &at);
            });
            let key = format!("{point}-{time}");
            let redeem = ["--input", &input, "--idempotency-key", &key, "--detach"];
            let words = [&["--json"], &REDEEM[..], &redeem[..]].concat();
            // The node may die before it answers.
            drop(place.run(&words));
            std::thread::sleep(std::time::Duration::from_millis(700));
            drop(node);
            let task = place.json(&[&REDEEM[..], &redeem[..4]].concat());
            killed += 1;
            assert_eq!(task["phase"], "settled", "{at}: {task}");
            expected -= 1;
            let (held, owed, _) = holdings(&place, "dear");
            assert_eq!(held, expected, "{at}");
            assert_eq!(owed, 19 - killed, "{at}");
            verified(&place, &task);
        }
    }
    place.succeeds(&["ledger", "audit"]);
}
