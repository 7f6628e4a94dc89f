//! Negotiations through the binary: what both sides say, what comes of it, and that neither a kill
//! nor a forger changes it.
mod place;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use place::{Place, component};
use serde_json::Value;

/// A place with two agents that echo, for 3 and 2 AINU at the least.
fn bazaar() -> Place {
    let place = Place::new();
    for (name, price) in [("dear", "3"), ("cheap", "2")] {
        add(&place, name, price, "linear");
    }
    place
}

fn add(place: &Place, name: &str, price: &str, tactic: &str) {
    let echo = component("echo");
    let named = ["agent", "add", &echo, "--name", name, "--price", price, "--tactic", tactic];
    place.succeeds(&named);
}

const NEGOTIATE: [&str; 5] = ["market", "negotiate", "text.echo", "--parameters", "{}"];
/// The content id of no bytes.
const NOTHING: &str = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi";

fn negotiate(place: &Place, more: &[&str]) -> Value {
    place.json(&[&NEGOTIATE[..], more].concat())
}

fn base_units(value: &Value) -> u128 {
    value.as_str().expect("an amount").parse().expect("base units")
}

const AINU: u128 = 1_000_000_000_000;

fn id(task: &Value) -> String {
    task["id"].as_str().expect("a task has an id").to_owned()
}

/// Writes the receipt of a task and says where.
fn receipt(place: &Place, task: &Value) -> String {
    let file = place.path("receipt.json");
    place.succeeds(&["receipt", "show", &id(task), "--output", &file]);
    file
}

#[test]
fn a_negotiated_task_settles_between_both_limits_and_its_receipt_tells_every_word() {
    let place = bazaar();
    let task = negotiate(&place, &["--reserve", "5", "--open", "50%"]);
    assert_eq!((&task["phase"], &task["seller_name"]), (&"settled".into(), &"cheap".into()));
    let price = base_units(&task["price"]);
    assert!((5 * AINU / 2..5 * AINU).contains(&price) && price > 2 * AINU, "{task}");

    // Both were negotiated with; the better agreement was awarded, at the price last proposed.
    let threads = task["negotiations"].as_array().expect("negotiations");
    let awarded: Vec<&Value> = threads.iter().filter(|said| said["awarded"] == true).collect();
    assert_eq!((threads.len(), awarded.len()), (2, 1), "{task}");
    let said = awarded[0]["messages"].as_array().expect("messages");
    assert_eq!(base_units(&said[0]["price"]), 5 * AINU / 2);
    let last = &said[said.len() - 1];
    assert_eq!((&last["act"], base_units(&last["price"])), (&"accept".into(), price));
    for other in threads.iter().filter(|said| said["awarded"] == false) {
        assert!(other["agreed"].is_null() || base_units(&other["agreed"]) > price, "{task}");
    }
    let table = place.run(&["task", "show", &id(&task)]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("negotiation with cheap: awarded"), "{table}");
    assert!(table.contains("round") && table.contains("propose"), "{table}");

    let explained = place.json(&["task", "explain", &id(&task)]);
    assert_eq!(explained["transcript_matches"], true, "{explained}");
    let file = receipt(&place, &task);
    let verified = place.run(&["receipt", "verify", &file]);
    let checks = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{checks}");
    assert!(checks.contains("of a negotiation"), "{checks}");
    assert!(checks.contains("messages of negotiations signed"), "{checks}");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_receipt_with_another_word_in_its_thread_does_not_verify() {
    let place = bazaar();
    let task = negotiate(&place, &["--reserve", "5"]);
    let file = receipt(&place, &task);
    let text = std::fs::read_to_string(&file).expect("the receipt was written");
    let opening = task["negotiations"][0]["messages"][0]["price"].as_str().expect("a price");
    for (truth, lie) in [
        // What the buyer opened with.
        (format!("\"price\":\"{opening}\""), "\"price\":\"2500000000001\"".to_owned()),
        // What the seller countered with.
        ("\"adjusted_price\":\"3".to_owned(), "\"adjusted_price\":\"2".to_owned()),
        // How many rounds there could be.
        ("\"rounds_max\":3".to_owned(), "\"rounds_max\":4".to_owned()),
    ] {
        let forged = text.replacen(&truth, &lie, 1);
        assert_ne!(forged, text, "{truth} is not in {text}");
        let forged = place.file("forged.json", forged.as_bytes());
        let verified = place.run(&["receipt", "verify", &forged]);
        assert!(!verified.status.success(), "{lie} was believed");
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert!(said.contains("award") && said.contains("bid signatures"), "{said}");
    }
}

#[test]
fn no_agreement_leaves_the_task_unfunded_with_a_reason_and_nothing_locked() {
    let place = bazaar();
    place.fails(&[&NEGOTIATE[..], &["--reserve", "1"]].concat());
    let listed = place.json(&["task", "list"])[0].clone();
    let task = place.json(&["task", "show", &id(&listed)]);
    assert_eq!(task["phase"], "unfunded", "{task}");
    assert!(task["detail"].as_str().is_some_and(|why| why.contains("came to terms")), "{task}");
    assert_eq!(task["negotiations"].as_array().map(Vec::len), Some(2), "{task}");
    let account = place.json(&["account", "show"]);
    assert_eq!(account["in_escrow"], "0", "{account}");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn when_the_work_of_the_best_agreement_fails_the_others_are_negotiated_with_again() {
    let place = bazaar();
    let input = place.file("input", b"something");
    let check = ["--reserve", "9", "--input", &input, "--check", "digest", "--expected", NOTHING];
    place.fails(&[&NEGOTIATE[..], &check].concat());
    let task = place.json(&["task", "list"])[0].clone();
    assert_eq!(task["phase"], "refunded", "{task}");
    let sellers: Vec<&str> = task["attempts"]
        .as_array()
        .expect("attempts")
        .iter()
        .filter_map(|attempt| attempt["seller_name"].as_str())
        .collect();
    assert_eq!(sellers, ["cheap", "dear"]);
    let file = receipt(&place, &task);
    place.succeeds(&["receipt", "verify", &file]);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_node_killed_while_it_negotiates_or_before_it_agrees_awards_once() {
    for point in ["broker.negotiated", "broker.synced:2", "broker.submitting", "broker.receipts"] {
        let place = bazaar();
        let wish = [&NEGOTIATE[..], &["--reserve", "5", "--idempotency-key", "once"]].concat();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ainur"));
        command.arg("--data-dir").arg(place.data_dir()).args(&wish).env("AINUR_CRASH_AT", point);
        let killed = command.stdin(Stdio::null()).output().expect("it starts");
        assert_eq!(killed.status.signal(), Some(9), "{point}: {killed:?}");
        // The same wish under the same key is the same task, wherever it stands.
        let task = place.json(&wish);
        assert_eq!(task["phase"], "settled", "{point}: {task}");
        assert_eq!(task["attempts"].as_array().map(Vec::len), Some(1), "{point}: {task}");
        assert_eq!(place.json(&["task", "list"]).as_array().map(Vec::len), Some(1));
        let file = receipt(&place, &task);
        place.succeeds(&["receipt", "verify", &file]);
        place.succeeds(&["ledger", "audit"]);
    }
}

#[test]
fn terms_that_lapsed_while_the_node_was_down_bind_nobody_and_are_negotiated_again() {
    let place = Place::new();
    add(&place, "only", "2", "linear");
    let wish = ["--reserve", "5", "--deadline", "24", "--idempotency-key", "once"];
    let wish = [&NEGOTIATE[..], &wish].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ainur"));
    command.arg("--data-dir").arg(place.data_dir()).args(&wish);
    command.env("AINUR_CRASH_AT", "broker.submitting").stdin(Stdio::null());
    let killed = command.output().expect("it starts");
    assert_eq!(killed.status.signal(), Some(9), "{killed:?}");
    // An eighth of the deadline for the negotiation, another for what came of it.
    std::thread::sleep(std::time::Duration::from_secs(7));
    let task = place.json(&wish);
    assert_eq!(task["phase"], "settled", "{task}");
    let attempts = task["attempts"].as_array().expect("attempts");
    assert_eq!((attempts.len(), &attempts[0]["failure"]), (2, &"timed-out".into()), "{task}");
    let file = receipt(&place, &task);
    place.succeeds(&["receipt", "verify", &file]);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn how_an_agent_concedes_is_shown_and_decides_the_price() {
    let place = Place::new();
    add(&place, "stubborn", "2", "boulware");
    add(&place, "generous", "2", "conceder");
    assert_eq!(place.json(&["agent", "show", "stubborn"])["tactic"], "boulware");
    let wish = ["--reserve", "6", "--open", "40%", "--strategy", "boulware"];
    let price = |agent: &str| {
        let task = negotiate(&place, &[&wish[..], &["--with", agent]].concat());
        assert_eq!(task["seller_name"], agent, "{task}");
        base_units(&task["price"])
    };
    assert!(price("stubborn") > price("generous"));
}

#[test]
fn an_agent_that_quotes_negotiates_down_to_what_it_would_bid() {
    let place = Place::with_echo();
    let issues = ["--weights", "price=60%,time=30%,quality=10%", "--rounds", "6"];
    let task = negotiate(&place, &[&["--reserve", "5"][..], &issues].concat());
    assert_eq!(task["phase"], "settled", "{task}");
    assert!(base_units(&task["price"]) < 5 * AINU, "{task}");
    let file = receipt(&place, &task);
    place.succeeds(&["receipt", "verify", &file]);
}

#[test]
fn wishes_that_make_no_sense_are_refused_with_what_to_do() {
    let place = bazaar();
    for (more, said) in [
        (&["--reserve", "5", "--open", "0%"][..], "opens with"),
        (&["--reserve", "5", "--rounds", "17"], "1 to 16 rounds"),
        (&["--reserve", "5", "--weights", "time=100%"], "the price has a weight"),
        (&["--reserve", "5", "--with", "nobody"], "nobody"),
        (&["--reserve", "0"], "reserve is zero"),
    ] {
        let refusal = place.fails(&[&NEGOTIATE[..], more].concat());
        assert!(refusal.contains(said), "{more:?}: {refusal}");
    }
    let usage = place.run(&[&NEGOTIATE[..], &["--reserve", "5", "--strategy", "bluff"]].concat());
    assert_eq!(usage.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&usage.stderr).contains("tit-for-tat"), "{usage:?}");
}
