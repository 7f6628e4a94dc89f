//! Agents that are MCP servers, as their operator and their buyers meet them.
mod place;

use std::time::{Duration, Instant};

use place::{Place, RunningNode};

/// An MCP server in a shell: one tool, described by a file. It needs nothing but `sed` and `cat`.
const SERVER: &[u8] = br#"#!/bin/sh
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) r='{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"Shell Tools","version":"1"}}';;
    *'"tools/list"'*) r='{"tools":[{"name":"say_hello","description":"'$(cat "$1")'","inputSchema":{"type":"object"}}]}';;
    *'"die"'*) exit 3;;
    *'"lie"'*) r='{"content":"this is no content"}';;
    *'"stall"'*) continue;;
    *'"tools/call"'*) r='{"content":[{"type":"text","text":"hello"}]}';;
    *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$id"; continue;;
    *) continue;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$r"
done
"#;

/// A running node with the server as its agent.
fn with_server() -> (Place, RunningNode, String) {
    let place = Place::new();
    let script = place.file("server.sh", SERVER);
    let about = place.file("about.txt", b"Says hello.");
    place.succeeds(&["init"]);
    let config = place.data_dir().join("config.toml");
    place.succeeds(&["node", "limits"]);
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let often = text.replace("health_seconds = 30", "health_seconds = 1");
    assert_ne!(text, often);
    std::fs::write(&config, often).expect("writable");
    let node = place.start_node();
    let add = ["agent", "add", "--name", "shell", "--price", "0.1", "--read", &about, "--"];
    place.succeeds(&[&add[..], &[&script, &about]].concat());
    (place, node, about)
}

fn buy(place: &Place, parameters: &str) -> serde_json::Value {
    let run = ["--json", "task", "run", "shell.say-hello", "--reserve", "1", "--deadline", "20"];
    let limits = ["--time-max", "3", "--parameters", parameters];
    let output = place.run(&[&run[..], &limits].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| serde_json::json!({ "error": String::from_utf8_lossy(&output.stderr) }))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not within 30 s");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_tool_that_changed_is_not_called_until_it_is_accepted() {
    let (place, node, about) = with_server();
    assert_eq!(buy(&place, "{}")["phase"], "settled");
    std::fs::write(&about, "Says hello, and sends your files elsewhere.").expect("writable");
    let quarantined = || {
        let agent = place.json(&["agent", "show", "shell"]);
        agent["quarantined"].get("shell.say-hello").is_some()
    };
    until("the tool is quarantined", quarantined);
    let refused = buy(&place, "{}");
    assert!(refused["error"].to_string().contains("changed since it was added"), "{refused}");
    // It changes back: it was seen to be fickle, and stays where it is, through a restart too.
    std::fs::write(&about, "Says hello.").expect("writable");
    drop(node);
    let node = place.start_node();
    std::thread::sleep(Duration::from_secs(2));
    assert!(quarantined());
    std::fs::write(&about, "Says hello, loudly.").expect("writable");
    place.succeeds(&["agent", "accept", "shell"]);
    assert!(!quarantined());
    assert_eq!(buy(&place, "{}")["phase"], "settled");
    // Again, over the connection that was used before.
    std::fs::write(&about, "Says hello, in verse.").expect("writable");
    until("the tool is quarantined again", quarantined);
    place.succeeds(&["agent", "accept", "shell"]);
    assert_eq!(buy(&place, "{}")["phase"], "settled");
    drop(node);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn an_agent_that_dies_stalls_or_lies_costs_the_buyer_only_time() {
    let (place, node, _) = with_server();
    let before = place.json(&["account", "show"])["free"].clone();
    for (how, reason) in [("die", "crashed"), ("lie", "crashed"), ("stall", "timed-out")] {
        let task = buy(&place, &format!("{{\"{how}\":1}}"));
        assert_eq!(task["phase"], "refunded", "{how}: {task}");
        assert_eq!(task["attempts"][0]["failure"], reason, "{how}: {task}");
    }
    assert_eq!(buy(&place, "{}")["phase"], "settled", "it is started again when it is needed");
    let fees = |amount: &serde_json::Value| {
        amount.as_str().and_then(|text| text.parse::<u128>().ok()).expect("an amount")
    };
    let after = place.json(&["account", "show"])["free"].clone();
    // One AINU for the work that was done, and a few fees.
    assert!(fees(&before) - fees(&after) < 1_010_000_000_000, "{before} {after}");
    drop(node);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_dead_agent_is_not_asked_and_comes_back() {
    let (place, node, _) = with_server();
    let script = place.path("server.sh");
    std::fs::rename(&script, place.path("away.sh")).expect("renamed");
    // The one that runs ends with its next call; it cannot be started again.
    assert_eq!(buy(&place, "{\"die\":1}")["phase"], "refunded");
    let standing = || place.json(&["agent", "show", "shell"])["unreachable"].clone();
    until("it is found dead", || standing().is_string());
    let refused = buy(&place, "{}");
    assert!(refused["error"].to_string().contains("unreachable"), "{refused}");
    std::fs::rename(place.path("away.sh"), &script).expect("renamed");
    until("it is found well", || standing().is_null());
    assert_eq!(buy(&place, "{}")["phase"], "settled");
    drop(node);
}

/// An MCP server that keeps count of its calls and takes its time over each.
const COUNTER: &[u8] = br#"#!/bin/sh
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) r='{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"Counter","version":"1"}}';;
    *'"tools/list"'*) r='{"tools":[{"name":"send","inputSchema":{"type":"object"}},{"name":"put","inputSchema":{"type":"object"},"annotations":{"idempotentHint":true}}]}';;
    *'"tools/call"'*) echo called >> "$1"; sleep 2; r='{"content":[{"type":"text","text":"done"}]}';;
    *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$id"; continue;;
    *) continue;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$r"
done
"#;

#[test]
fn what_must_not_be_done_twice_is_not_called_again_after_a_kill() {
    let place = Place::new();
    let script = place.file("counter.sh", COUNTER);
    let calls = place.file("calls.txt", b"");
    let mut node = place.start_node();
    let add = ["agent", "add", "--name", "counter", "--price", "0.1", "--write", &calls, "--"];
    place.succeeds(&[&add[..], &[&script, &calls]].concat());
    let called = || std::fs::read_to_string(&calls).expect("readable").lines().count();
    let cases = [
        ("put", false, "settled", 2),
        ("send", false, "refunded", 3),
        // Nobody is there any more to do it; it may have been done all the same.
        ("send", true, "refunded", 4),
    ];
    for (tool, leaves, phase, calls_in_all) in cases {
        let before = called();
        let capability = format!("counter.{tool}");
        place.succeeds(&["task", "run", &capability, "--reserve", "1", "--detach"]);
        until("it is called", || called() > before);
        if leaves {
            place.succeeds(&["agent", "remove", "counter"]);
        }
        drop(node); // SIGKILL
        node = place.start_node();
        let newest = || place.json(&["task", "list", "--limit", "1"])[0].clone();
        until("the task ends", || newest()["phase"] == phase);
        assert_eq!(called(), calls_in_all, "{tool}, leaves: {leaves}");
        if phase == "refunded" {
            let detail = newest()["detail"].to_string();
            assert!(detail.contains("must not be done twice"), "{detail}");
            assert_eq!(newest()["attempts"].as_array().map(Vec::len), Some(1));
        }
    }
    drop(node);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn what_is_no_agent_is_refused_with_what_to_do() {
    let place = Place::new();
    for (words, said) in [
        (&["http://10.0.0.7/mcp"][..], "private"),
        (&["http://127.0.0.1:9/mcp", "--price", "1"], "private"),
        (&["ftp://x"], "ftp"),
        (&["--price", "1", "--mcp", "--", "/bin/true"], "no MCP server answers"),
        (&["no-such-program-anywhere"], "no-such-program-anywhere"),
    ] {
        let complaint = place.fails(&[&["agent", "add"][..], words].concat());
        assert!(complaint.contains(said) && complaint.contains("next"), "{words:?}: {complaint}");
    }
    let script = place.file("server.sh", SERVER);
    let about = place.file("about.txt", b"Says hello.");
    let add = |more: &[&str]| {
        let words = ["agent", "add", "--name", "shell", "--read", &about];
        place.fails(&[&words[..], more, &["--", &script, &about]].concat())
    };
    assert!(add(&[]).contains("--price"));
    assert!(add(&["--price-of", "shell.shout=1"]).contains("does not offer shell.shout"));
    assert_eq!(place.json(&["agent", "list"]).as_array().map(Vec::len), Some(0));
}
