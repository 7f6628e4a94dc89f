//! Tasks of several parts through the binary: coalitions that bid beside single agents, members that
//! are killed, nodes that are killed, and parts that nobody can do.
mod job;
mod place;

use std::time::Duration;

use job::*;
use serde_json::{Value, json};

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
    // Nobody is left who could be asked again for the third part.
    place.succeeds(&["agent", "remove", "solo"]);
    let joiner = agent(&place, "joiner", &["text.join"], "0", false);
    place.succeeds(&["agent", "add", &joiner, "--price", "3"]);
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
