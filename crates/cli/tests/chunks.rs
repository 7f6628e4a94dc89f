//! Work in chunks through the binary: released chunk after chunk, ended early, cancelled, under
//! offers and negotiations, and with nodes killed on the way.
mod place;

use std::time::{Duration, Instant};

use place::Place;
use serde_json::{Value, json};

/// AINU in base units.
const AINU: u128 = 1_000_000_000_000;

/// An agent in a shell that says each input in brackets, after `wait` seconds, and fails at one that
/// says `bad`.
fn agent(place: &Place, name: &str, wait: &str) -> String {
    let manifest = json!({
        "name": name, "description": "Brackets.", "version": "1.0.0",
        "capabilities": [{
            "name": "text.bracket", "description": "Says its input in brackets.",
            "input_media_type": "text/plain", "output_media_type": "text/plain",
            "deterministic": true, "idempotent": true
        }]
    });
    let work = format!(
        "input=$(cat); sleep {wait}; case \"$input\" in *bad*) exit 1 ;; esac; \
         printf '[%s]' \"$input\""
    );
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in\nintrospect) echo '{manifest}' ;;\nrun) {work} ;;\nesac\n"
    );
    place.file(name, script.as_bytes())
}

/// A place with one agent that asks 3 AINU.
fn market(wait: &str) -> Place {
    let place = Place::new();
    let file = agent(&place, "bracket", wait);
    place.succeeds(&["agent", "add", &file, "--price", "3"]);
    place
}

/// The words that ask for these chunks.
fn order(place: &Place, chunks: &Value, more: &[&str]) -> Vec<String> {
    let file = place.file("chunks.json", chunks.to_string().as_bytes());
    let words = ["task", "run", "text.bracket", "--chunks", &file, "--reserve", "6"];
    let words = words.iter().chain(&["--check", "reexecution"]).chain(more);
    words.map(|word| (*word).to_owned()).collect()
}

fn bought(place: &Place, chunks: &Value, more: &[&str]) -> Value {
    let words = order(place, chunks, more);
    place.json(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The newest task, after one that was not settled.
fn failed(place: &Place, chunks: &Value, more: &[&str]) -> Value {
    let words = order(place, chunks, more);
    place.fails(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let tasks = place.json(&["task", "list"]);
    place.json(&["task", "show", tasks[0]["id"].as_str().expect("an id")])
}

fn units(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).expect("an amount")
}

fn released(task: &Value) -> Vec<u128> {
    let chunks = task["chunks"].as_array().expect("chunks");
    chunks.iter().filter(|chunk| !chunk["paid"].is_null()).map(|it| units(&it["paid"])).collect()
}

/// The receipt of a task verifies, says this, and adds up to the reserve.
fn receipt(place: &Place, task: &Value, wanted: &[&str]) -> Value {
    let id = task["id"].as_str().expect("an id");
    let path = place.path("receipt.json");
    place.succeeds(&["receipt", "show", id, "--output", &path]);
    let verified = place.run(&["receipt", "verify", &path]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned()
        + &String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{said}");
    for text in wanted {
        assert!(said.contains(text), "'{text}' is not in: {said}");
    }
    let receipt: Value =
        serde_json::from_slice(&std::fs::read(&path).expect("the receipt")).expect("JSON");
    let body = &receipt["body"];
    assert_eq!(units(&body["paid"]) + units(&body["refunded"]), 6 * AINU, "{body}");
    receipt
}

/// Nobody has a bond left, nothing is in escrow, and the ledger balances.
fn all_is_returned(place: &Place) {
    let agents = place.json(&["agent", "list"]);
    for agent in agents.as_array().expect("agents") {
        let account = place.json(&["account", "show", agent["did"].as_str().expect("a DID")]);
        assert_eq!(account["locked"], "0", "{agent}: {account}");
    }
    assert_eq!(units(&place.json(&["account", "show"])["in_escrow"]), 0);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn three_chunks_are_released_one_after_another_and_are_the_price_together() {
    let place = market("0");
    let output = place.path("output");
    let chunks = json!(["one", {"two": 2}, "three"]);
    let task = bought(&place, &chunks, &["--output", &output]);
    assert_eq!(task["phase"], "settled", "{task}");
    // A lone bidder is paid the reserve.
    assert_eq!(released(&task), [1_999_998_000_000, 1_999_998_000_000, 2_000_004_000_000]);
    assert_eq!(released(&task).iter().sum::<u128>(), units(&task["paid"]));
    let done = std::fs::read_to_string(&output).expect("the output");
    assert_eq!(done, r#"[one][{"two":2}][three]"#);
    let receipt = receipt(&place, &task, &["3 of 3 chunks released", "chunk 2 of 3"]);
    // Whatever is changed in it is found, and by name.
    let path = place.path("changed.json");
    for (pointer, other, name) in [
        ("/body/chunks/1/paid", json!("1"), "settlement"),
        ("/body/chunks/0/output/bytes", json!(9), "settlement"),
        ("/body/chunks/0/verdict/accepted", json!(false), "verdict"),
    ] {
        let mut changed = receipt.clone();
        *changed.pointer_mut(pointer).expect("a field") = other;
        let bytes = ainur_primitives::canonical_json::to_canonical_json(&changed).expect("JSON");
        place.file("changed.json", &bytes);
        let said = place.run(&["receipt", "verify", &path]);
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let failed =
            said.lines().any(|line| line.contains(name) && line.contains("the receipt says"))
                || said.lines().any(|line| line.contains(name) && line.contains("rejects"));
        assert!(failed, "{pointer} is not held by {name}: {said}");
    }
    all_is_returned(&place);
}

#[test]
fn the_buyer_says_the_shares_and_each_chunk_gets_its_own() {
    let place = market("0");
    let chunks = json!([
        {"input": "one", "share": "50%"}, {"input": "two", "share": "30%"},
        {"input": "three", "share": "20%"},
    ]);
    let task = bought(&place, &chunks, &[]);
    assert_eq!(released(&task), [3 * AINU, 18 * AINU / 10, 12 * AINU / 10], "{task}");
    receipt(&place, &task, &[]);
}

#[test]
fn a_chunk_that_fails_ends_the_task_and_what_was_accepted_stays_paid() {
    let place = market("0");
    let other = agent(&place, "other", "0");
    place.succeeds(&["agent", "add", &other, "--price", "4"]);
    let output = place.path("output");
    let task = failed(&place, &json!(["one", "bad", "three"]), &["--output", &output]);
    assert_eq!(task["phase"], "refunded", "{task}");
    // The second price, and one attempt: whoever follows would be paid for the first chunk again.
    assert_eq!(released(&task), [4 * AINU * 333_333 / 1_000_000], "{task}");
    assert_eq!(task["attempts"].as_array().map(Vec::len), Some(1), "{task}");
    assert_eq!(std::fs::read_to_string(&output).expect("what was accepted"), "[one]");
    receipt(&place, &task, &["1 of 3 chunks released"]);
    all_is_returned(&place);
}

#[test]
fn when_the_first_chunk_fails_the_next_bidder_does_all_of_them() {
    let place = market("0");
    let manifest = json!({
        "name": "broken", "description": "Breaks.", "version": "1.0.0",
        "capabilities": [{
            "name": "text.bracket", "description": "Says its input in brackets.",
            "input_media_type": "text/plain", "output_media_type": "text/plain",
            "deterministic": true, "idempotent": true
        }]
    });
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in\nintrospect) echo '{manifest}' ;;\nrun) exit 1 ;;\nesac\n"
    );
    let broken = place.file("broken", script.as_bytes());
    place.succeeds(&["agent", "add", &broken, "--price", "1"]);
    let task = bought(&place, &json!(["one", "two"]), &[]);
    assert_eq!((&task["phase"], &task["seller_name"]), (&json!("settled"), &json!("bracket")));
    assert_eq!(released(&task), [3 * AINU, 3 * AINU], "{task}");
    receipt(&place, &task, &["2 of 2 chunks released"]);
    all_is_returned(&place);
}

#[test]
fn a_task_that_is_cancelled_in_the_middle_keeps_what_was_accepted_and_pays_the_fee_on_the_rest() {
    let place = market("0.5");
    let offer = ["market", "offer", "bracket", "--price", "6", "--payment", "milestones"];
    let more = ["--milestones", "50%,25%,25%", "--duration", "9", "--cancellation-fee", "10%"];
    place.succeeds(&[&offer[..], &more].concat());
    let node = place.start_node();
    let announced = bought(&place, &json!(["one", "two", "three"]), &["--detach"]);
    let id = announced["task"].as_str().expect("an id").to_owned();
    let shown = || place.json(&["task", "show", &id]);
    while released(&shown()).is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    place.succeeds(&["task", "cancel", &id]);
    place.run(&["task", "watch", &id]);
    let task = shown();
    assert_eq!(task["phase"], "refunded", "{task}");
    assert_eq!(released(&task), [3 * AINU], "{task}");
    assert_eq!(units(&task["paid"]), 33 * AINU / 10, "half, and a tenth of the rest: {task}");
    drop(node);
    receipt(&place, &task, &["1 of 3 chunks released"]);
    all_is_returned(&place);
}

#[test]
fn an_offer_by_milestones_is_for_tasks_with_as_many_chunks() {
    let place = market("0");
    let offer = ["market", "offer", "bracket", "--price", "5", "--payment", "milestones"];
    let said = place.fails(&offer);
    assert!(said.contains("which milestones"), "{said}");
    place.succeeds(&[&offer[..], &["--milestones", "3", "--duration", "9"]].concat());
    let listed = place.run(&["market", "offers"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("in 3 milestones"));
    let task = bought(&place, &json!(["one", "two", "three"]), &["--venue", "offer"]);
    assert_eq!((&task["phase"], units(&task["paid"])), (&json!("settled"), 5 * AINU), "{task}");
    receipt(&place, &task, &["by its standing offer"]);
    for chunks in [
        json!(["one", "two"]),
        json!([{"input": "one", "share": "50%"},
        {"input": "two", "share": "25%"}, {"input": "three", "share": "25%"}]),
    ] {
        let words = order(&place, &chunks, &["--venue", "offer"]);
        let said = place.fails(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(said.contains("milestones than the task has chunks"), "{said}");
    }
    // Nor is it for work in one piece, which is auctioned.
    let input = place.file("input", b"one");
    let task = place.json(&[
        "task",
        "run",
        "text.bracket",
        "--input",
        &input,
        "--reserve",
        "6",
        "--check",
        "reexecution",
    ]);
    assert_eq!(units(&task["paid"]), 6 * AINU, "{task}");
}

#[test]
fn an_upfront_offer_is_paid_at_once_and_failed_work_returns_it_from_the_stake() {
    let place = market("1");
    let offer = ["market", "offer", "bracket", "--price", "5", "--payment", "upfront"];
    place.succeeds(&offer);
    let agent = place.json(&["agent", "show", "bracket"]);
    let did = agent["did"].as_str().expect("a DID");
    let account = || place.json(&["account", "show", did]);
    let (before, staked) = (units(&account()["free"]), units(&account()["staked"]));
    let mut slashed = 0;
    let node = place.start_node();
    for (input, phase) in [("fine", "settled"), ("bad", "refunded")] {
        let path = place.file("input", input.as_bytes());
        let words = ["task", "run", "text.bracket", "--input", &path, "--reserve", "6", "--venue"];
        let more = ["offer", "--check", "reexecution", "--detach"];
        let announced = place.json(&[&words[..], &more].concat());
        let id = announced["task"].as_str().expect("an id").to_owned();
        let earned = if input == "fine" { 5 } else { 10 } * AINU;
        while units(&account()["free"]) < before + earned {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_ne!(place.json(&["task", "show", &id])["phase"], phase, "it was paid at the end");
        place.run(&["task", "watch", &id]);
        let task = place.json(&["task", "show", &id]);
        assert_eq!(task["phase"], phase, "{task}");
        let paid = if input == "fine" { 5 * AINU } else { 0 };
        assert_eq!(units(&task["paid"]), paid, "{task}");
        slashed += units(&task["attempts"][0]["slashed"]);
        receipt(&place, &task, &[]);
    }
    drop(node);
    // It keeps what it was paid in advance, and its stake pays for it, beside its bond.
    assert_eq!(staked - units(&account()["staked"]), 5 * AINU + slashed);
    all_is_returned(&place);
}

#[test]
fn a_negotiated_task_is_released_chunk_by_chunk() {
    let place = market("0");
    let file = place.file("chunks.json", br#"["one", "two", "three"]"#);
    let words = ["market", "negotiate", "text.bracket", "--chunks", &file, "--reserve", "6"];
    let task = place.json(&[&words[..], &["--check", "reexecution"]].concat());
    assert_eq!(task["phase"], "settled", "{task}");
    assert_eq!(released(&task).len(), 3, "{task}");
    assert_eq!(released(&task).iter().sum::<u128>(), units(&task["price"]), "{task}");
    receipt(&place, &task, &["3 of 3 chunks released"]);
    all_is_returned(&place);
}

#[test]
fn nodes_killed_at_the_steps_of_every_chunk_release_each_chunk_once() {
    let place = market("0");
    let points = ["broker.executing", "broker.chunk", "broker.checking", "broker.part"];
    let chunks = |point| [1, 2, 3].map(|hit| format!("{point}:{hit}"));
    let points = points.iter().flat_map(chunks);
    let submitted = [2, 3, 4].map(|hit| format!("broker.submitting:{hit}"));
    let blocks = [2, 3, 4].map(|hit| format!("chain.synced:{hit}"));
    for (number, point) in points.chain(submitted).chain(blocks).enumerate() {
        let mut node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", &point);
        });
        let key = format!("killed-{number}");
        let more = ["--detach", "--idempotency-key", &key];
        // The answer may be lost with the node.
        let words = order(&place, &json!(["one", "two", "three"]), &more);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        place.run(&words);
        let until = Instant::now() + Duration::from_secs(20);
        while !node.was_killed() {
            assert!(Instant::now() < until, "{point} was not passed");
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(node);
        let node = place.start_node();
        let id = place.json(&words)["task"].as_str().expect("an id").to_owned();
        let task = place.json(&["task", "watch", &id]);
        assert_eq!(task["phase"], "settled", "{point}: {task}");
        assert_eq!(released(&task).len(), 3, "{point}: {task}");
        assert_eq!(released(&task).iter().sum::<u128>(), 6 * AINU, "{point}: {task}");
        drop(node);
        receipt(&place, &task, &["3 of 3 chunks released"]);
    }
    all_is_returned(&place);
}

#[test]
fn what_is_no_list_of_chunks_is_refused_with_what_to_do() {
    let place = market("0");
    for (chunks, why) in [
        (json!(["one"]), "2 to 32"),
        (json!({"one": 1}), "not a JSON array"),
        (json!([{"input": "one", "share": "50%"}, "two"]), "every chunk says its share"),
        (
            json!([{"input": "one", "share": "50%"}, {"input": "two", "share": "40%"}]),
            "together 1000000",
        ),
    ] {
        let words = order(&place, &chunks, &[]);
        let said = place.fails(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_word_on_a_chunk_is_not_taken_for_the_next_one_is_accepted_by_silence() {
    let place = market("0");
    let _node = place.start_node();
    let file = place.file("chunks.json", json!(["one", "two"]).to_string().as_bytes());
    let order = ["task", "run", "text.bracket", "--chunks", &file, "--reserve", "6"];
    let detached =
        place.json(&[&order[..], &["--check", "word", "--window", "2", "--detach"]].concat());
    let id = detached["task"].as_str().expect("an id").to_owned();
    let until = Instant::now() + Duration::from_secs(30);
    while place.json(&["task", "show", &id])["phase"] != "verifying" {
        assert!(Instant::now() < until, "no chunk is delivered");
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = place.run(&["task", "accept", &id]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("accepted by silence"), "{said}");
    loop {
        let task = place.json(&["task", "show", &id]);
        if task["phase"] == "settled" {
            assert_eq!(released(&task).len(), 2, "{task}");
            break;
        }
        assert!(Instant::now() < until, "it does not end: {task}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
