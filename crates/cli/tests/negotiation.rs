//! Negotiations through the binary: what both sides say, what comes of it, and that neither a kill
//! nor a forger changes it.
mod counters;
mod place;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use ainur_api::{Operation, Reply, Service};
use ainur_market::negotiation::TacticName;
use counters::{THREE, component_that_counters};
use place::{Place, component};
use serde_json::{Value, json};

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

#[test]
fn a_component_negotiates_by_its_own_strategy_and_by_its_owners_when_that_fails() {
    let wish = ["market", "negotiate", "text.greet", "--reserve", "5", "--check", "word"];
    let wish = [&wish[..], &["--window", "1"]].concat();
    let price = |counter: &str| {
        let place = Place::new();
        let guest = component_that_counters(&place, counter);
        place.succeeds(&["agent", "add", &guest, "--name", "guest", "--tactic", "conceder"]);
        let task = place.json(&wish);
        assert_eq!(task["phase"], "settled", "{task}");
        let file = receipt(&place, &task);
        place.succeeds(&["receipt", "verify", &file]);
        base_units(&task["price"])
    };
    assert_eq!(price(THREE), 3 * AINU);
    // Its owner's tactic takes the buyer's first proposal: it is far above what it needs.
    assert_eq!(price("unreachable"), 5 * AINU / 2);

    // It may not go below its own quote: it says 1, the first digit of 1234.
    let place = Place::new();
    let below = THREE.replace("(i32.const 48)", "(i32.const 32)").replace("13", "1");
    let guest = component_that_counters(&place, &below);
    place.succeeds(&["agent", "add", &guest, "--name", "guest"]);
    place.fails(&wish);
    let listed = place.json(&["task", "list"])[0].clone();
    let task = place.json(&["task", "show", &id(&listed)]);
    assert_eq!(task["phase"], "unfunded", "{task}");
    let said = task["negotiations"][0]["messages"].as_array().expect("messages");
    assert_eq!(said[1]["act"], "reject", "{task}");
}

/// Posts to the REST API under a token.
fn post(place: &Place, secret: &str, body: &Value) -> Value {
    let endpoint = ainur_api::Endpoint::read(&place.data_dir()).expect("readable");
    let address = endpoint.expect("a running node").address;
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(std::time::Duration::from_secs(60)))
        .build()
        .new_agent();
    let request = agent
        .post(format!("http://{address}/v1/tasks?wait=30"))
        .header("Authorization", format!("Bearer {secret}"))
        .header("Content-Type", "application/json");
    let mut answer = request.send(body.to_string()).expect("an answer");
    let text = answer.body_mut().read_to_string().expect("text");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_client_of_the_rest_api_negotiates_within_its_budget_and_is_told_no_tactics() {
    let place = bazaar();
    let _node = place.start_node();
    let secret = place.token(&["haggler", "--limit", "20"]);
    let body = |venue: &str| {
        json!({
            "capability": "text.echo", "parameters": { "say": "hi" }, "reserve": "5000000000000",
            "venue": venue,
            "negotiation": { "opening": 600_000, "tactic": "conceder", "rounds_max": 4 },
        })
    };
    let task = post(&place, &secret, &body("negotiation"));
    assert_eq!(task["phase"], "settled", "{task}");
    let said = &task["negotiations"][0]["messages"];
    assert_eq!(base_units(&said[0]["price"]), 3 * AINU, "{task}");
    // Lists leave out what was said.
    let listed = place.json(&["task", "list"]);
    assert_eq!(listed[0].get("negotiations"), None, "{listed}");

    let refused = post(&place, &secret, &body("auction"));
    assert!(refused.to_string().contains("venue negotiation"), "{refused}");

    let agent = |client: &dyn Service| match client
        .perform(Operation::AgentShow { agent: "cheap".into() })
    {
        Ok(Reply::Agent(agent)) => agent.tactic,
        other => unreachable!("another answer: {other:?}"),
    };
    assert_eq!(agent(&place.client(Some(&secret))), None);
    assert_eq!(agent(&place.client(None)), Some(TacticName::default()));
}

#[test]
fn an_agent_removed_while_its_component_thinks_ends_the_negotiation_and_not_the_node() {
    let place = Place::new();
    let guest = component_that_counters(&place, "(loop $l (br $l)) (i32.const 160)");
    place.succeeds(&["agent", "add", &guest, "--name", "guest"]);
    let _node = place.start_node();
    let wish = ["market", "negotiate", "text.greet", "--reserve", "5", "--detach"];
    let task = place.json(&wish)["task"].as_str().expect("a task").to_owned();
    place.succeeds(&["agent", "remove", "guest"]);
    let said = place.run(&["--json", "task", "watch", &task]);
    let ended: Value = serde_json::from_slice(&said.stdout).expect("the node answers");
    // Mostly unfunded; on a slow machine it may have been awarded before the removal came.
    assert!(!ended["ended"].is_null(), "{ended}");
    place.succeeds(&["ledger", "audit"]);
}
