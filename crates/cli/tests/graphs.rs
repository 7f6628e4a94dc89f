//! Tasks of several parts through the binary: coalitions that bid beside single agents, members that
//! are killed, nodes that are killed, and parts that nobody can do.
mod place;

use std::time::Duration;

use place::Place;
use serde_json::{Value, json};

/// An agent in a shell: it says its capability's name and its input, after `wait` seconds. One that
/// dies hangs at its work until it is killed.
fn agent(place: &Place, name: &str, capabilities: &[&str], wait: &str, dies: bool) -> String {
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

const PARTS: [&str; 5] = ["text.one", "text.two", "text.three", "text.four", "text.five"];

/// Five who work together for 2.4 AINU each, one who stands by for the third, and one who does
/// everything for `solo` AINU a part. The third is killed at its work when `dies`.
fn market(solo: &str, wait: &str, dies: bool) -> Place {
    let place = Place::new();
    for (number, capability) in PARTS.iter().enumerate() {
        let name = format!("member-{number}");
        let file = agent(&place, &name, &[capability], wait, dies && number == 2);
        let add = ["agent", "add", &file, "--price", "3", "--team-saving", "20%"];
        place.succeeds(&add);
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

fn order(place: &Place) -> Vec<String> {
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

fn units(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).expect("an amount")
}

fn part<'a>(task: &'a Value, name: &str) -> &'a Value {
    let parts = task["parts"].as_array().expect("parts");
    parts.iter().find(|part| part["name"] == name).expect("a part of that name")
}

/// The receipt of a task verifies, and says this.
fn receipt_says(place: &Place, task: &Value, wanted: &[&str]) {
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
fn nothing_is_locked(place: &Place) {
    let agents = place.json(&["agent", "list"]);
    for agent in agents.as_array().expect("agents") {
        let account = place.json(&["account", "show", agent["did"].as_str().expect("a DID")]);
        assert_eq!(account["locked"], "0", "{agent}: {account}");
    }
}

/// AINU in base units.
const AINU: u128 = 1_000_000_000_000;

#[test]
fn a_coalition_of_five_loses_a_member_and_its_backup_completes_the_job() {
    let place = market("3", "0", true);
    let output = place.path("output");
    let words = order(&place);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--output", &output]).collect();
    let before = place.json(&["account", "show"]);
    let task = place.json(&words);
    assert_eq!(task["phase"], "settled", "{task}");
    let done = std::fs::read_to_string(&output).expect("the output");
    assert_eq!(
        done,
        "text.join:text.one:hellotext.two:hellotext.three:hellotext.four:hellotext.five:hello"
    );
    for name in ["one", "two", "four", "five"] {
        let part = part(&task, name);
        assert_eq!(part["bound_by"], "coalition", "{part}");
        assert!(units(&part["price"]) >= 24 * AINU / 10, "below its bid: {part}");
    }
    let third = part(&task, "three");
    assert_eq!((&third["bound_by"], &third["seller_name"]), (&json!("backup"), &json!("spare")));
    assert_eq!(third["attempts"][0]["seller_name"], "member-2", "{third}");
    assert_eq!(part(&task, "join")["seller_name"], "solo");
    let paid: u128 =
        task["parts"].as_array().expect("parts").iter().map(|part| units(&part["price"])).sum();
    assert_eq!(paid, units(&task["paid"]), "{task}");
    let after = place.json(&["account", "show"]);
    let spent = units(&before["free"]) - units(&after["free"]);
    // Beside what was paid, only fees.
    assert!((paid..paid + AINU / 100).contains(&spent), "paid {paid}, spent {spent}");
    assert_eq!(units(&after["in_escrow"]), 0);
    nothing_is_locked(&place);
    let spare = third["seller"].as_str().expect("a DID");
    receipt_says(&place, &task, &[spare, "as a backup of coalition"]);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_coalition_that_is_dearer_loses_to_one_agent() {
    let place = market("2", "0", false);
    let words = order(&place);
    let task = place.json(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(task["phase"], "settled", "{task}");
    for name in ["one", "two", "three", "four", "five", "join"] {
        let part = part(&task, name);
        assert_eq!((&part["bound_by"], &part["seller_name"]), (&json!("bid"), &json!("solo")));
    }
    let explained = place.json(&["task", "explain", task["id"].as_str().expect("an id")]);
    assert_eq!(explained["transcript_matches"], true, "{explained}");
    receipt_says(&place, &task, &["by its own bid"]);
}

#[test]
fn a_part_that_nobody_can_do_refunds_the_rest_and_leaves_paid_what_was_accepted() {
    let place = market("3", "0", true);
    place.succeeds(&["agent", "remove", "spare"]);
    // Whoever does everything has won the last part, and offered nothing beside it.
    let words = order(&place);
    place.fails(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let tasks = place.json(&["task", "list"]);
    let listed = tasks.as_array().expect("tasks").iter();
    let whole = listed.clone().find(|task| task["parts"].is_array()).expect("the task").clone();
    let task = place.json(&["task", "show", whole["id"].as_str().expect("an id")]);
    assert_eq!(task["phase"], "refunded", "{task}");
    assert_eq!(part(&task, "three")["phase"], "refunded", "{task}");
    let settled = task["parts"].as_array().expect("parts").iter();
    let paid: u128 =
        settled.filter(|part| part["phase"] == "settled").map(|part| units(&part["price"])).sum();
    let account = place.json(&["account", "show"]);
    assert_eq!(units(&account["in_escrow"]), 0);
    receipt_says(&place, &task, &[]);
    let receipt: Value =
        serde_json::from_slice(&std::fs::read(place.path("receipt.json")).expect("the receipt"))
            .expect("JSON");
    assert_eq!(units(&receipt["body"]["paid"]), paid);
    assert_eq!(units(&receipt["body"]["refunded"]), 30 * AINU - paid);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_job_survives_nodes_killed_at_every_stage_and_pays_each_part_once() {
    let place = market("3", "0.4", true);
    let mut node = Some(place.start_node());
    let words = order(&place);
    let more = ["--detach", "--idempotency-key", "job"];
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more).collect();
    let announced = place.json(&words);
    let id = announced["task"].as_str().expect("an id").to_owned();
    for wait_ms in [60, 250, 420, 700, 150, 900, 500] {
        std::thread::sleep(Duration::from_millis(wait_ms));
        // SIGKILL, and again.
        drop(node.take());
        node = Some(place.start_node());
        assert_eq!(place.json(&words)["task"], json!(id), "one key made two tasks");
    }
    let task = place.json(&["task", "watch", &id]);
    assert_eq!(task["phase"], "settled", "{task}");
    let paid: u128 =
        task["parts"].as_array().expect("parts").iter().map(|part| units(&part["price"])).sum();
    drop(node);
    receipt_says(&place, &task, &[]);
    let receipt: Value =
        serde_json::from_slice(&std::fs::read(place.path("receipt.json")).expect("the receipt"))
            .expect("JSON");
    assert_eq!(units(&receipt["body"]["paid"]), paid);
    let account = place.json(&["account", "show"]);
    assert_eq!(units(&account["in_escrow"]), 0);
    nothing_is_locked(&place);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn what_is_no_graph_is_refused_with_what_to_do() {
    let place = market("3", "0", false);
    let words = |graph: &str| {
        place.file("other.json", graph.as_bytes());
        let other = place.path("other.json");
        let words = ["task", "run", "--graph", &other, "--reserve", "5"];
        words.map(str::to_owned)
    };
    for (graph, why) in [
        (r#"{"parts":[]}"#, "at least one subtask"),
        (r#"{"parts":[{"name":"a","capability":"text.one","reserve":"9"}]}"#, "the whole 5 AINU"),
        (
            r#"{"parts":[{"name":"a","capability":"text.one","reserve":"1","needs":["b"]}]}"#,
            "is no part",
        ),
        (r#"{"parts":[{"name":"a","capability":"text.unknown","reserve":"1"}]}"#, "text.unknown"),
    ] {
        let words = words(graph);
        let said = place.fails(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn parts_are_done_for_nothing_and_paid_nothing() {
    let place = market("0", "0", false);
    let all = [&PARTS[..], &["text.join"]].concat();
    let file = agent(&place, "solo-too", &all, "0", false);
    place.succeeds(&["agent", "add", &file, "--price", "0"]);
    let words = order(&place);
    let words: Vec<&str> =
        words.iter().map(String::as_str).chain(["--selection", "cheapest"]).collect();
    let task = place.json(&words);
    assert_eq!((&task["phase"], &task["paid"]), (&json!("settled"), &json!("0")), "{task}");
    receipt_says(&place, &task, &[]);
    place.succeeds(&["ledger", "audit"]);
}
