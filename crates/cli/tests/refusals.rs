//! Bad input, full disks and damaged files, as a person meets them: a clear error, a next step,
//! nothing lost.
mod place;

use place::Place;

#[test]
fn an_unknown_capability_names_what_is_offered() {
    let place = Place::with_echo();
    let refused = place.fails(&["task", "run", "moon.fetch", "--reserve", "1"]);
    assert!(refused.contains("no agent offers moon.fetch"), "{refused}");
    assert!(refused.contains("next:") && refused.contains("text.echo"), "{refused}");
}

#[test]
fn a_reserve_below_every_bid_leaves_the_money_alone() {
    let place = Place::with_echo();
    let before = place.json(&["account", "show"])["free"].clone();
    place.fails(&["task", "run", "text.echo", "--reserve", "0.0000001"]);
    let task = &place.json(&["task", "list"])[0];
    assert_eq!(task["phase"], "unfunded");
    assert!(task["detail"].as_str().is_some_and(|why| why.contains("no agent bid")), "{task}");
    assert_eq!(place.json(&["account", "show"])["free"], before);
}

#[test]
fn more_than_there_is_cannot_be_promised() {
    let place = Place::with_echo();
    let refused = place.fails(&["task", "run", "text.echo", "--reserve", "2000000"]);
    assert!(refused.contains("the account holds"), "{refused}");
}

#[test]
fn a_budget_cannot_be_exceeded_not_even_together() {
    let place = Place::with_echo();
    let open = |arguments: &[&str]| {
        place.json(arguments)["id"].as_str().expect("a budget has an id").to_owned()
    };
    let outer = open(&["budget", "open", "3"]);
    let first = open(&["budget", "open", "3", "--parent", &outer]);
    let second = open(&["budget", "open", "3", "--parent", &outer]);
    let fails = |reserve: &str, budget: &str| {
        place.fails(&["task", "run", "text.echo", "--reserve", reserve, "--budget", budget])
    };
    assert!(fails("4", &first).contains("has 3 AINU left"));
    // Alone, the agent is paid the reserve.
    place.succeeds(&["task", "run", "text.echo", "--reserve", "2", "--budget", &first]);
    // The second one has room, the one around it has not.
    assert!(fails("2", &second).contains("allows 3 AINU and has 1 AINU left"));
    assert_eq!(place.json(&["task", "list"]).as_array().map(Vec::len), Some(1));
    let budget = place.json(&["budget", "show", &outer]);
    assert_ne!(budget["spent"], "0");
    assert_eq!(budget["reserved"], "0");
}

#[test]
fn what_is_no_component_is_refused_with_a_reason() {
    let place = Place::new();
    let path = place.file("broken.wasm", b"\0asm\x0d\0\x01\0 and then nothing of use");
    let refused = place.fails(&["agent", "add", &path]);
    assert!(refused.contains("next:") && refused.contains("wit/agent.wit"), "{refused}");
    let module = place.file("module.wasm", b"\0asm\x01\0\0\0");
    place.fails(&["agent", "add", &module]);
    let silent = place.file("silent.sh", b"#!/bin/sh\nexit 3\n");
    let refused = place.fails(&["agent", "add", "--price", "1", &silent]);
    assert!(refused.contains("introspect"), "{refused}");
    assert_eq!(place.json(&["agent", "list"]).as_array().map(Vec::len), Some(0));
}

#[test]
fn what_is_not_there_or_not_understood_says_so() {
    let place = Place::with_echo();
    let run = ["task", "run", "text.echo", "--reserve", "1", "--input", "no/such/file"];
    assert!(place.fails(&run).contains("no/such/file"));
    assert!(place.fails(&["task", "show", "abcdef"]).contains("there is no task"));
    assert!(place.fails(&["agent", "show", "nobody"]).contains("there is no agent"));
    assert!(place.fails(&["demo", "no/such/folder"]).contains("is not a folder"));
    for misunderstood in [
        &["task", "run", "not-a-capability", "--reserve", "1"][..],
        &["task", "run", "text.echo", "--reserve", "-1"],
        &["task", "run", "text.echo", "--reserve", "1e3"],
        &["nonsense"],
    ] {
        assert_eq!(place.run(misunderstood).status.code(), Some(2), "{misunderstood:?}");
    }
}

#[test]
fn a_data_directory_that_cannot_be_is_named() {
    let place = Place::new();
    let file = place.file("file", b"not a folder");
    for folder in [file.as_str(), "/proc/ainur"] {
        let output = place.run_in(folder, &["init"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(folder) && said.contains("next:"), "{said}");
    }
}

#[test]
fn a_second_process_is_told_who_holds_the_directory() {
    let place = Place::with_echo();
    let node = place.start_node();
    // Ordinary commands go through the running node.
    place.succeeds(&["agent", "list"]);
    let refused = place.fails(&["node", "start", "--listen", "127.0.0.1:0"]);
    assert!(refused.contains(&node.pid().to_string()), "{refused}");
    place.succeeds(&["task", "run", "text.echo", "--reserve", "2"]);
    place.succeeds(&["node", "stop"]);
    node.has_ended();
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_full_disk_loses_nothing() {
    let Some(place) = Place::on_small_disk() else {
        println!("skipped: a small tmpfs cannot be mounted here");
        return;
    };
    place.succeeds(&["agent", "add", &place::component("echo"), "--name", "echo"]);
    place.succeeds(&["task", "run", "text.echo", "--reserve", "2"]);
    place.fill_disk();
    let refused = place.fails(&["task", "run", "text.echo", "--reserve", "2"]);
    assert!(refused.to_lowercase().contains("space"), "{refused}");
    assert!(refused.contains("next:"), "{refused}");
    place.free_disk();
    place.succeeds(&["ledger", "audit"]);
    place.succeeds(&["task", "run", "text.echo", "--reserve", "2"]);
    let tasks = place.json(&["task", "list"]);
    let settled = tasks.as_array().unwrap().iter().filter(|task| task["phase"] == "settled");
    assert!(settled.count() >= 2, "{tasks}");
}

#[test]
fn a_node_that_cannot_write_stops_and_goes_on_later() {
    let Some(place) = Place::on_small_disk() else {
        println!("skipped: a small tmpfs cannot be mounted here");
        return;
    };
    place.succeeds(&["agent", "add", &place::component("echo"), "--name", "echo"]);
    let node = place.start_node();
    place.succeeds(&["task", "run", "text.echo", "--reserve", "2"]);
    place.fill_disk();
    place.fails(&["task", "run", "text.echo", "--reserve", "2"]);
    node.has_failed();
    place.free_disk();
    place.succeeds(&["ledger", "audit"]);
    place.succeeds(&["task", "run", "text.echo", "--reserve", "2"]);
}
