//! Agents that cheat, crash, hang or lie: the node survives, the buyer is refunded, and the seller
//! pays for it. (What a sandbox stops, guest by guest, is in the runtime's own suite.)
mod place;

use place::{Place, component};
use serde_json::Value;

/// What an agent has bonded.
fn stake(place: &Place, agent: &str) -> u128 {
    number(&place.json(&["agent", "show", agent])["stake"])
}

fn number(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).expect("an amount")
}

/// Runs a task that must end in a full refund, and gives it.
fn refunded(place: &Place, arguments: &[&str]) -> Value {
    let before = number(&place.json(&["account", "show"])["free"]);
    place.fails(arguments);
    let account = place.json(&["account", "show"]);
    let fees = before - number(&account["free"]);
    assert!(fees < 100_000_000, "more than fees is gone: {fees}");
    assert_eq!(account["in_escrow"], "0");
    let task = place.json(&["task", "list"])[0].clone();
    assert_eq!(task["phase"], "refunded", "{task}");
    let receipt = place.path("receipt.json");
    let id = task["id"].as_str().expect("a task has an id").to_owned();
    place.succeeds(&["receipt", "show", &id, "--output", &receipt]);
    place.succeeds(&["receipt", "verify", &receipt]);
    place.succeeds(&["ledger", "audit"]);
    task
}

#[test]
fn a_cheat_is_caught_slashed_and_not_paid() {
    let place = Place::new();
    place.succeeds(&["agent", "add", &component("cheap-archiver"), "--name", "cheat"]);
    let input = place.file("input", &b"all of this has to come back. ".repeat(9_000));
    let verifier = component("archive-verify");
    let before = stake(&place, "cheat");
    let run = [
        "task",
        "run",
        "archive.compress",
        "--input",
        &input,
        "--reserve",
        "2",
        "--check",
        "verifier",
        "--verifier",
        &verifier,
    ];
    let task = refunded(&place, &run);
    assert_eq!(task["attempts"][0]["failure"], "check-failed", "{task}");
    assert!(stake(&place, "cheat") < before);
}

#[test]
fn a_guest_that_traps_costs_only_its_own_task() {
    let place = Place::with_echo();
    place.succeeds(&["agent", "add", &component("crasher"), "--name", "crasher"]);
    let input = place.file("input", &b"some text ".repeat(300_000));
    let before = stake(&place, "crasher");
    let run = ["task", "run", "archive.compress", "--input", &input, "--reserve", "2"];
    let task = refunded(&place, &run);
    assert_eq!(task["attempts"][0]["failure"], "crashed", "{task}");
    assert!(stake(&place, "crasher") < before);
    place.succeeds(&["task", "run", "text.echo", "--reserve", "1"]);
}

#[test]
fn programs_that_fail_hang_or_lie_are_not_paid() {
    let place = Place::new();
    let programs = [
        ("fails", "#!/bin/sh\ncat >/dev/null; echo half; exit 3\n", "crashed"),
        ("hangs", "#!/bin/sh\nwhile :; do sleep 1; done\n", "timed-out"),
        ("lies", "#!/bin/sh\ncat >/dev/null; echo 'this is no JSON'\n", "check-failed"),
    ];
    for (name, script, failure) in programs {
        let path = place.file(&format!("{name}.sh"), script.as_bytes());
        let capability = format!("work.{name}");
        let add = ["agent", "add", "--price", "1", "--capability", &capability, "--name", name];
        let add: Vec<&str> = add.into_iter().chain([path.as_str()]).collect();
        place.succeeds(&add);
        let mut run = vec!["task", "run", &capability, "--reserve", "2", "--deadline", "4"];
        if name == "lies" {
            run.extend(["--check", "digest", "--expected", NOTHING]);
        }
        let task = refunded(&place, &run);
        assert_eq!(task["attempts"][0]["failure"], failure, "{task}");
    }
}

/// The content id of no bytes.
const NOTHING: &str = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi";
