//! A job of six parts, who bids on it, and what is looked at afterwards.
use serde_json::{Value, json};

use crate::place::Place;

/// An agent in a shell: it says its capability's name and its input, after `wait` seconds. One that
/// dies hangs at its work until it is killed.
pub(crate) fn agent(
    place: &Place,
    name: &str,
    capabilities: &[&str],
    wait: &str,
    dies: bool,
) -> String {
    let one = |capability: &&str| {
        json!({
            "name": capability, "description": "Says its name and its input.",
            "input_media_type": "text/plain", "output_media_type": "text/plain",
            "deterministic": true, "idempotent": true
        })
    };
    let manifest = json!({
        "name": name, "description": "A part of a test.", "version": "1.0.0",
        "capabilities": capabilities.iter().map(one).collect::<Vec<_>>()
    });
    let work = match dies {
        true => "sleep 60".to_owned(),
        false => format!("sleep {wait}; printf '%s:' \"$2\"; cat"),
    };
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in\nintrospect) echo '{manifest}' ;;\nrun) {work} ;;\nesac\n"
    );
    place.file(name, script.as_bytes())
}

pub(crate) const PARTS: [&str; 5] =
    ["text.one", "text.two", "text.three", "text.four", "text.five"];

/// Five who work together for 2.4 AINU each, one who stands by for the third, and one who does
/// everything for `solo` AINU a part. The third is killed at its work when `dies`.
pub(crate) fn market(solo: &str, wait: &str, dies: bool) -> Place {
    market_led(solo, wait, dies, &[])
}

/// The same, the first of the five, who leads their coalitions, added with some more words.
pub(crate) fn market_led(solo: &str, wait: &str, dies: bool, lead: &[&str]) -> Place {
    let place = Place::new();
    for (number, capability) in PARTS.iter().enumerate() {
        let name = format!("member-{number}");
        let file = agent(&place, &name, &[capability], wait, dies && number == 2);
        let add = ["agent", "add", &file, "--price", "3", "--team-saving", "20%"];
        let more = if number == 0 { lead } else { &[] };
        place.succeeds(&[&add[..], more].concat());
    }
    let spare = agent(&place, "spare", &[PARTS[2]], wait, false);
    place.succeeds(&["agent", "add", &spare, "--price", "2.9", "--team-saving", "1%"]);
    let all = [&PARTS[..], &["text.join"]].concat();
    let solo_file = agent(&place, "solo", &all, wait, false);
    place.succeeds(&["agent", "add", &solo_file, "--price", solo]);
    let graph = json!({ "parts": PARTS.iter().map(|capability| json!({
        "name": capability.trim_start_matches("text."), "capability": capability, "reserve": "4",
        "seconds": 2,
    })).chain([json!({
        "name": "join", "capability": "text.join", "reserve": "4",
        "needs": ["one", "two", "three", "four", "five"], "seconds": 2,
    })]).collect::<Vec<_>>() });
    place.file("graph.json", graph.to_string().as_bytes());
    place.file("input", b"hello");
    place
}

pub(crate) fn order(place: &Place) -> Vec<String> {
    let words = [
        "task",
        "run",
        "--graph",
        &place.path("graph.json"),
        "--input",
        &place.path("input"),
        "--reserve",
        "30",
        "--check",
        "reexecution",
    ];
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn units(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).expect("an amount")
}

pub(crate) fn part<'a>(task: &'a Value, name: &str) -> &'a Value {
    let parts = task["parts"].as_array().expect("parts");
    parts.iter().find(|part| part["name"] == name).expect("a part of that name")
}

/// The receipt of a task verifies, and says this.
pub(crate) fn receipt_says(place: &Place, task: &Value, wanted: &[&str]) {
    let id = task["id"].as_str().unwrap_or_default();
    let receipt = place.path("receipt.json");
    place.succeeds(&["receipt", "show", id, "--output", &receipt]);
    let verified = place.run(&["receipt", "verify", &receipt]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{said}");
    for text in wanted {
        assert!(said.contains(text), "'{text}' is not in: {said}");
    }
}

/// No agent has a bond left.
pub(crate) fn nothing_is_locked(place: &Place) {
    let agents = place.json(&["agent", "list"]);
    for agent in agents.as_array().expect("agents") {
        let account = place.json(&["account", "show", agent["did"].as_str().expect("a DID")]);
        assert_eq!(account["locked"], "0", "{agent}: {account}");
    }
}

/// AINU in base units.
pub(crate) const AINU: u128 = 1_000_000_000_000;
