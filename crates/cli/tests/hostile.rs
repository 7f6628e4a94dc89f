//! Agents that cheat, crash, hang or lie: the node survives, the buyer is refunded, and the seller
//! pays for it.
mod place;

#[path = "../../runtime/tests/hostile/guest.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "part of another test; its guests are wanted")]
mod guest;

use guest::Guest;
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
        // Only the one that hangs is to run out of time, on a slow machine too.
        let deadline = if name == "hangs" { "4" } else { "60" };
        let mut run = vec!["task", "run", &capability, "--reserve", "2", "--deadline", deadline];
        if name == "lies" {
            run.extend(["--check", "digest", "--expected", NOTHING]);
        }
        let task = refunded(&place, &run);
        assert_eq!(task["attempts"][0]["failure"], failure, "{task}");
    }
}

/// The content id of no bytes.
const NOTHING: &str = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi";

/// Where the guests' helper keeps files; this suite writes its own.
fn root() -> &'static std::path::Path {
    std::path::Path::new("/nowhere")
}

/// A guest that does this instead of its work, and how its attempt ends.
type Hostile = (&'static str, Guest, &'static str);

/// What a sandbox has to stop.
fn hostile_guests() -> Vec<Hostile> {
    let does = Guest::that_executes;
    let forever = "(loop $l (br $l)) (i32.const 128)";
    vec![
        ("loops", does(forever), "timed-out"),
        (
            "allocates",
            does("(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"),
            "limit-exceeded",
        ),
        ("is-large", Guest { memory: "2000".into(), ..Guest::good() }, "limit-exceeded"),
        (
            "grows-tables",
            Guest {
                module: "(table $t 1 funcref)".into(),
                ..does("(loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 10000)) (i32.const -1)))) unreachable")
            },
            "limit-exceeded",
        ),
        (
            "recurses",
            Guest {
                module: "(func $r (param i32) (result i32) (i32.add (call $r (i32.add (local.get 0) (i32.const 1))) (local.get 0)))".into(),
                ..does("(call $r (i32.const 0))")
            },
            "limit-exceeded",
        ),
        (
            "floods",
            does("(loop $l (call $emit (i32.const 0) (i32.const 262144)) (br $l)) (i32.const 128)"),
            "limit-exceeded",
        ),
        (
            "delivers-at-once",
            Guest {
                memory: "512".into(),
                ..does("(call $emit (i32.const 0) (i32.const 30000000)) (i32.const 128)")
            },
            "limit-exceeded",
        ),
        ("traps", does("unreachable"), "crashed"),
        ("divides-by-zero", does("(i32.div_u (i32.const 1) (i32.const 0))"), "crashed"),
        ("points-nowhere", does("(i32.const -4)"), "crashed"),
        ("emits-nowhere", does("(call $emit (i32.const -100) (i32.const 50)) unreachable"), "crashed"),
        (
            "reads-everything",
            does("(call $read_input (i64.const 0) (i32.const -1) (i32.const 64)) (i32.const 128)"),
            "crashed",
        ),
        (
            "chatters",
            does("(loop $l (call $progress (i64.const 1) (i64.const 2)) (br $l)) (i32.const 128)"),
            "timed-out",
        ),
        ("delivers-nothing", does("(i32.store8 (i32.const 128) (i32.const 0)) (i32.const 128)"), "check-failed"),
    ]
}

#[test]
fn every_hostile_guest_costs_only_its_own_task() {
    let place = Place::with_echo();
    let node = place.start_node();
    for (name, guest, failure) in hostile_guests() {
        let path = place.file(&format!("{name}.wasm"), &guest.bytes());
        place.succeeds(&["agent", "add", &path, "--name", name]);
        let before = stake(&place, name);
        let run = [
            "task",
            "run",
            "bytes.copy",
            "--reserve",
            "1",
            "--deadline",
            "30",
            "--time-max",
            "1",
            "--output-max",
            "4",
            "--memory-max",
            "64",
            "--check",
            "digest",
            "--expected",
            SOMETHING,
        ];
        let task = refunded(&place, &run);
        assert_eq!(task["attempts"][0]["failure"], failure, "{name}: {task}");
        assert!(stake(&place, name) < before, "{name} keeps its stake");
        place.succeeds(&["agent", "remove", name]);
    }
    place.succeeds(&["task", "run", "text.echo", "--reserve", "1"]);
    drop(node);
}

#[test]
fn guests_that_bid_badly_get_no_work() {
    let place = Place::new();
    let quotes = [
        ("thinks-forever", "(loop $l (br $l)) (i32.const 128)".to_owned()),
        ("delivers-early", "(call $emit (i32.const 0) (i32.const 1)) (i32.const 128)".to_owned()),
        ("asks-no-number", Guest::good().quote.replace("(i32.const 32)", "(i32.const 16)")),
        ("is-too-sure", Guest::good().quote.replace("900000", "1000001")),
    ];
    for (name, quote) in quotes {
        let path = place.file(&format!("{name}.wasm"), &Guest { quote, ..Guest::good() }.bytes());
        place.succeeds(&["agent", "add", &path, "--name", name]);
        place.fails(&["task", "run", "bytes.copy", "--reserve", "1"]);
        let task = place.json(&["task", "list"])[0].clone();
        assert_eq!(task["phase"], "unfunded", "{name}: {task}");
        place.succeeds(&["agent", "remove", name]);
    }
    place.succeeds(&["ledger", "audit"]);
}

/// The content id of bytes that nobody delivers.
const SOMETHING: &str = "bafkr4ifq4kmsqwurtl7dwqhthju35tyo23druikhdcsqe6wxwbnsvgxb2a";

#[test]
fn a_client_that_asks_a_silent_task_again_and_again_is_always_answered() {
    use ainur_api::http::Client;
    use ainur_api::{Endpoint, Operation, Reply, Service};
    let place = Place::new();
    let script = place.file("hangs.sh", b"#!/bin/sh\nwhile :; do sleep 1; done\n");
    let node = place.start_node();
    place.succeeds(&["agent", "add", &script, "--price", "1", "--capability", "work.hang"]);
    place.succeeds(&["task", "run", "work.hang", "--reserve", "2", "--deadline", "60", "--detach"]);
    let endpoint = Endpoint::read(&place.data_dir()).expect("readable").expect("a running node");
    let client = Client::new(endpoint.address, endpoint.token).expect("a client");
    let task = place.json(&["task", "list"])[0]["id"].as_str().expect("an id").to_owned();
    // Each one gives up waiting; more of them than may wait at once.
    for _ in 0..100 {
        let wait_ms = ainur_primitives::DurationMs(2);
        let ask = Operation::TaskEvents { task: task.clone(), after: 1_000, wait_ms };
        assert_eq!(client.perform(ask).expect("an answer"), Reply::TaskEvents(Vec::new()));
    }
    place.succeeds(&["task", "cancel", &task]);
    drop(node);
}

#[test]
fn owners_do_not_bid_on_a_job_for_their_agents() {
    let place = Place::new();
    let quote = "(loop $l (br $l)) (i32.const 128)".to_owned();
    let guest = Guest { quote, ..Guest::good() };
    let file = place.file("thinker.wasm", &guest.bytes());
    place.succeeds(&["agent", "add", &file, "--name", "thinker"]);
    let graph = serde_json::json!({ "parts": [{ "name": "copy", "capability": "bytes.copy", "reserve": "4" }] });
    let graph = place.file("graph.json", graph.to_string().as_bytes());
    let node = place.start_node();
    let words = ["task", "run", "--graph", &graph, "--reserve", "5", "--deadline", "60"];
    let announced = place.json(&[&words[..], &["--detach"]].concat());
    let id = announced["task"].as_str().expect("an id").to_owned();
    // It is called for as long as its agent thinks about its price.
    assert_eq!(place.json(&["task", "show", &id])["phase"], "announced");
    let said = place.fails(&["market", "bid", &id, "--agent", "thinker", "--price", "1"]);
    assert!(said.contains("its sellers are not found by bids of owners"), "{said}");
    place.succeeds(&["task", "cancel", &id]);
    assert_eq!(place.json(&["task", "show", &id])["phase"], "unfunded");
    drop(node);
}
