//! What late work and cancelled work cost, through the binary: a seller that sleeps gives up a part
//! of its price, a buyer that cancels pays the fee of the offer, and the receipts show why.
mod place;

use std::time::{Duration, Instant};

use place::Place;
use serde_json::Value;

const SLEEPS: [&str; 6] = ["task", "run", "work.sleep", "--reserve", "5", "--check"];

/// An agent that works for `seconds` for 2 AINU.
fn with_sleeper(seconds: u32) -> Place {
    let place = Place::new();
    let script = format!("#!/bin/sh\nsleep {seconds}\necho done\n");
    let sleeper = place.file("sleeper", script.as_bytes());
    let add = ["agent", "add", &sleeper, "--price", "2", "--capability", "work.sleep"];
    place.succeeds(&[&add[..], &["--name", "sleeper"]].concat());
    place
}

fn run(place: &Place, more: &[&str]) -> Value {
    place.json(&[&SLEEPS[..], &["word", "--window", "1"], more].concat())
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
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

/// Announces and waits until the work is under way.
fn begun(place: &Place, more: &[&str]) -> String {
    let task = place.json(&[&SLEEPS[..], &["word", "--detach"], more].concat());
    let id = text(&task["task"]);
    let until = Instant::now() + Duration::from_secs(30);
    while place.json(&["task", "show", &id])["phase"] != "running" {
        assert!(Instant::now() < until, "the task does not begin");
    }
    id
}

/// The task once it has ended.
fn ended(place: &Place, id: &str) -> Value {
    drop(place.run(&["task", "watch", id]));
    place.json(&["task", "show", id])
}

#[test]
fn late_work_is_paid_less_and_its_receipt_shows_it() {
    let place = with_sleeper(3);
    let late = ["--late-after", "1s", "--late-compensation", "25%"];
    let auctioned = run(&place, &late);
    assert_eq!(
        (&auctioned["phase"], &auctioned["price"]),
        (&"settled".into(), &"5000000000000".into()),
        "{auctioned}"
    );
    assert_eq!(auctioned["paid"], "3750000000000", "{auctioned}");
    assert_eq!(auctioned["service"]["late_after_ms"], 1_000, "{auctioned}");
    let checks = verified(&place, &auctioned);
    assert!(checks.contains("3.75 AINU paid to"), "{checks}");
    // In time by the same terms, and without terms however long it takes.
    let in_time = run(&place, &["--late-after", "60", "--late-compensation", "25%"]);
    assert_eq!(in_time["paid"], in_time["price"], "{in_time}");
    // Whoever promises less in its offer than the buyer wants is not taken.
    let slow = ["market", "offer", "sleeper", "--price", "1", "--duration", "30"];
    place.succeeds(&slow);
    let late_offer = [&SLEEPS[..], &["word", "--venue", "offer"], &late].concat();
    let refusal = place.fails(&late_offer);
    assert!(refusal.contains("no standing offer fits"), "{refusal}");
    place.succeeds(&["market", "offer", "sleeper", "--price", "1", "--duration", "1"]);
    let offered = run(&place, &[&["--venue", "offer"], &late[..]].concat());
    assert_eq!(
        (&offered["price"], &offered["paid"]),
        (&"1000000000000".into(), &"750000000000".into())
    );
    verified(&place, &offered);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn terms_of_lateness_that_make_no_sense_are_refused() {
    let place = with_sleeper(0);
    for (late, said) in [
        (&["--late-after", "0"][..], "late after more than nothing"),
        (&["--late-after", "9999"], "before the deadline"),
        (&["--late-after", "5", "--late-compensation", "80%"], "at most 50%"),
        (&["--late-after", "5", "--late-compensation", "0%"], "more than nothing"),
    ] {
        let refusal = place.fails(&[&SLEEPS[..], &["word"], late].concat());
        assert!(refusal.contains(said), "{late:?}: {refusal}");
    }
}

#[test]
fn a_node_killed_while_late_work_is_settled_pays_it_once() {
    let place = with_sleeper(2);
    for point in ["broker.submitting:2", "broker.checking:1", "broker.receipts:1"] {
        let node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", point);
        });
        let words = ["word", "--window", "1", "--late-after", "1", "--idempotency-key", point];
        let wish = [&SLEEPS[..], &words].concat();
        drop(place.run(&[&wish[..], &["--detach"]].concat()));
        std::thread::sleep(Duration::from_millis(3_500));
        drop(node);
        let task = place.json(&wish);
        assert_eq!(
            (&task["phase"], &task["paid"]),
            (&"settled".into(), &"4000000000000".into()),
            "{point}: {task}"
        );
        verified(&place, &task);
    }
    assert_eq!(place.json(&["account", "show"])["in_escrow"], "0");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn cancelling_a_task_at_work_costs_the_fee_of_its_offer_once_it_is_not_free_any_more() {
    let place = with_sleeper(30);
    let offer = ["market", "offer", "sleeper", "--price", "2", "--concurrent", "9"];
    place.succeeds(&[&offer[..], &["--cancellation-fee", "25%"]].concat());
    let node = place.start_node();
    let id = begun(&place, &["--venue", "offer"]);
    place.succeeds(&["task", "cancel", &id]);
    let task = ended(&place, &id);
    assert_eq!(
        (&task["phase"], &task["paid"]),
        (&"refunded".into(), &"500000000000".into()),
        "{task}"
    );
    let checks = verified(&place, &task);
    assert!(checks.contains("cancelled: 0.5 AINU paid to"), "{checks}");
    assert_eq!(place.json(&["agent", "show", "sleeper"])["failed"], 0);

    // Killed right after the buyer has said so, the node pays the fee once when it is back.
    drop(node);
    let node = place.start_node_with(|command| {
        command.env("AINUR_CRASH_AT", "broker.submitting:2");
    });
    let id = begun(&place, &["--venue", "offer"]);
    drop(place.run(&["task", "cancel", &id]));
    std::thread::sleep(Duration::from_millis(700));
    drop(node);
    let node = place.start_node();
    let task = ended(&place, &id);
    assert_eq!(
        (&task["phase"], &task["paid"]),
        (&"refunded".into(), &"500000000000".into()),
        "{task}"
    );
    verified(&place, &task);

    // An offer that is cheaper and can be cancelled freely for a while.
    place.succeeds(&["market", "offer", "sleeper", "--price", "1", "--cancellation-fee", "50%/60"]);
    let id = begun(&place, &["--venue", "offer"]);
    place.succeeds(&["task", "cancel", &id]);
    let task = ended(&place, &id);
    assert_eq!((&task["phase"], &task["paid"]), (&"refunded".into(), &"0".into()), "{task}");
    verified(&place, &task);
    drop(node);
    assert_eq!(place.json(&["account", "show"])["in_escrow"], "0");
    place.succeeds(&["ledger", "audit"]);
}
