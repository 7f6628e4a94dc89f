//! Tasks of several parts when things go wrong, through the binary: parts that are called for again,
//! nodes that are killed around that, stake that is too small for all that would be won, and what
//! is told of it.
mod job;
mod place;

use std::time::{Duration, Instant};

use job::*;
use place::Place;
use serde_json::{Value, json};

/// The job's words with some more.
fn words<'a>(words: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    words.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

fn paid_for_parts(task: &Value) -> u128 {
    let parts = task["parts"].as_array().expect("parts").iter();
    parts.filter(|part| part["phase"] == "settled").map(|part| units(&part["price"])).sum()
}

fn nothing_is_left_in_escrow(place: &Place) {
    assert_eq!(place.json(&["account", "show"])["in_escrow"], "0");
    nothing_is_locked(place);
    place.succeeds(&["ledger", "audit"]);
}

/// The third part was begun by `member-2`, and done by `solo` after a call for it alone.
fn solo_was_called(task: &Value) {
    assert_eq!(task["phase"], "settled", "{task}");
    let third = part(task, "three");
    assert_eq!((&third["bound_by"], &third["seller_name"]), (&json!("call"), &json!("solo")));
    let attempts = third["attempts"].as_array().expect("attempts");
    assert_eq!(attempts[0]["seller_name"], "member-2", "{third}");
    assert_eq!(attempts.len(), 2, "{third}");
    // Whoever does everything had won another part, and offered nothing beside it.
    assert_eq!(part(task, "join")["seller_name"], "solo");
    let price = units(&third["price"]);
    assert!((3 * AINU..=4 * AINU).contains(&price), "not within bid and reserve: {third}");
    assert_eq!(paid_for_parts(task), units(&task["paid"]), "{task}");
}

#[test]
fn a_part_that_no_bidder_is_left_for_is_called_for_again_and_done_by_who_won_another() {
    let place = market("3", "0", true);
    place.succeeds(&["agent", "remove", "spare"]);
    let job = order(&place);
    let task = place.json(&words(&job, &[]));
    solo_was_called(&task);
    let id = task["id"].as_str().expect("an id");
    receipt_says(
        &place,
        &task,
        &["by its bid in a call for this part alone", "parts called for again: 1"],
    );
    let explained = place.json(&["task", "explain", id]);
    let awards = explained["awards"].as_array().expect("awards");
    let again = awards.iter().find(|row| {
        row["why"].as_str().is_some_and(|why| why.starts_with("three, called for again alone"))
    });
    let again = again.unwrap_or_else(|| panic!("{explained}"));
    assert_eq!((&again["winner_name"], &again["attempt"]), (&json!("solo"), &json!(2)));
    // The part is a task with an auction of its own.
    let third = part(&task, "three")["task"].as_str().expect("an id").to_owned();
    let explained = place.json(&["task", "explain", &third]);
    assert_eq!(explained["transcript_matches"], true, "{explained}");
    assert_eq!(explained["bids"][0]["name"], "solo", "{explained}");
    nothing_is_left_in_escrow(&place);
}

/// A process has died and was not waited for.
fn has_died(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| stat.contains(") Z "))
}

#[test]
fn a_node_killed_around_a_new_call_for_a_part_makes_one_and_pays_each_part_once() {
    let place = market("3", "0", true);
    place.succeeds(&["agent", "remove", "spare"]);
    let job = order(&place);
    let before = place.json(&["account", "show"]);
    let mut paid = 0;
    // Before it is called for, while its bids are opened, and before and after the ledger binds who
    // won it.
    for point in [
        "broker.recall:1",
        "broker.recall:2",
        "broker.recall:3",
        "broker.recall:4",
        "chain.synced:4",
        "chain.synced:5",
        "chain.synced:6",
    ] {
        let node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", point);
        });
        let key = ["--selection", "cheapest", "--idempotency-key", point];
        let wish = words(&job, &key);
        drop(place.run(&[&wish[..], &["--detach"]].concat()));
        wait_until_dead(node, point);
        let task = place.json(&wish);
        solo_was_called(&task);
        paid += units(&task["paid"]);
        receipt_says(&place, &task, &["by its bid in a call for this part alone"]);
    }
    let after = place.json(&["account", "show"]);
    let spent = units(&before["free"]) - units(&after["free"]);
    // Beside what was paid, only fees.
    assert!((paid..paid + AINU / 10).contains(&spent), "paid {paid}, spent {spent}");
    nothing_is_left_in_escrow(&place);
}

/// Three parts of 40 AINU each beside one another; `all` can do each of them.
fn three_parts(all: &[(&str, &[&str])]) -> Place {
    let place = Place::new();
    let capabilities = &PARTS[..3];
    for (name, how) in all {
        let file = agent(&place, name, capabilities, "0", name.starts_with("dies"));
        place.succeeds(&[&["agent", "add", &file][..], how].concat());
    }
    let parts = capabilities.iter().map(|capability| {
        json!({
            "name": capability.trim_start_matches("text."), "capability": capability,
            "reserve": "40", "seconds": 2,
        })
    });
    let graph = json!({ "parts": parts.collect::<Vec<_>>() });
    place.file("graph.json", graph.to_string().as_bytes());
    place.file("input", b"hello");
    place
}

/// Runs the three parts for the cheapest.
fn order_three(place: &Place) -> Value {
    let (graph, input) = (place.path("graph.json"), place.path("input"));
    let words = ["task", "run", "--graph", &graph, "--input", &input, "--reserve", "120"];
    place.json(&[&words[..], &["--check", "reexecution", "--selection", "cheapest"]].concat())
}

#[test]
fn who_was_not_to_be_asked_for_a_task_is_not_called_for_its_parts() {
    let place = three_parts(&[("dies", &["--price", "5"]), ("steady", &["--price", "30"])]);
    let dies = place.json(&["agent", "show", "dies"])["did"].as_str().expect("a DID").to_owned();
    let (graph, input) = (place.path("graph.json"), place.path("input"));
    let words = ["task", "run", "--graph", &graph, "--input", &input, "--reserve", "120"];
    let more = ["--check", "reexecution", "--selection", "cheapest", "--only", &dies, "--detach"];
    let _node = place.start_node();
    let announced = place.json(&[&words[..], &more].concat());
    let task = ended(&place, announced["task"].as_str().expect("an id"));
    assert_eq!((&task["phase"], &task["paid"]), (&json!("refunded"), &json!("0")), "{task}");
    let parts = task["parts"].as_array().expect("parts");
    assert!(parts.iter().all(|part| part["seller_name"] != "steady"), "{task}");
    nothing_is_left_in_escrow(&place);
}

#[test]
fn parts_of_one_seller_with_the_same_output_are_each_paid_once_through_a_crash() {
    // Before, between and after the payments of the three.
    for point in ["chain.synced:2", "chain.synced:3", "chain.synced:4", "broker.part:2"] {
        let place = three_parts(&[]);
        let file = agent(&place, "same", &PARTS[..3], "0", false);
        let script = std::fs::read_to_string(&file).expect("its script");
        place.file("same", script.replace("printf '%s:' \"$2\"; ", "").as_bytes());
        place.succeeds(&["agent", "add", &file, "--price", "5"]);
        let (graph, input) = (place.path("graph.json"), place.path("input"));
        let words = ["task", "run", "--graph", &graph, "--input", &input, "--reserve", "120"];
        let more = ["--check", "reexecution", "--selection", "cheapest", "--idempotency-key", "k"];
        let wish = [&words[..], &more].concat();
        let node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", point);
        });
        drop(place.run(&[&wish[..], &["--detach"]].concat()));
        wait_until_dead(node, point);
        let task = place.json(&wish);
        assert_eq!(task["phase"], "settled", "{point}: {task}");
        assert_eq!(paid_for_parts(&task), units(&task["paid"]), "{point}: {task}");
        receipt_says(&place, &task, &[]);
        nothing_is_left_in_escrow(&place);
    }
}

#[test]
fn nobody_wins_more_parts_than_it_has_stake_for() {
    // A newcomer's bond is a fifth of the price: 8 AINU for a part of 40.
    let small = ["--price", "5", "--stake", "11"];
    let large = ["--price", "20", "--stake", "100"];
    let place = three_parts(&[("small", &small), ("large", &large)]);
    let task = order_three(&place);
    assert_eq!(task["phase"], "settled", "{task}");
    let parts = task["parts"].as_array().expect("parts");
    let of = |name: &str| parts.iter().filter(|part| part["seller_name"] == name).count();
    assert_eq!((of("small"), of("large")), (1, 2), "{task}");
    receipt_says(&place, &task, &[]);
    nothing_is_left_in_escrow(&place);
}

#[test]
fn a_coalition_has_no_member_that_cannot_put_up_the_bond_for_its_parts() {
    let small = ["--price", "5", "--stake", "12", "--team-saving", "30%"];
    let other = ["--price", "6", "--stake", "12", "--team-saving", "30%"];
    let large = ["--price", "20", "--stake", "100"];
    let place = three_parts(&[("small", &small), ("other", &other), ("large", &large)]);
    let task = order_three(&place);
    assert_eq!(task["phase"], "settled", "{task}");
    let parts = task["parts"].as_array().expect("parts");
    let of = |name: &str| parts.iter().filter(|part| part["seller_name"] == name).count();
    assert!(of("small") <= 1 && of("other") <= 1 && of("large") >= 1, "{task}");
    nothing_is_left_in_escrow(&place);
}

#[test]
fn who_failed_at_several_parts_is_told_what_each_cost_also_after_a_crash() {
    // The ledger has noted one failure or more, and the broker not all of them.
    for point in ["chain.synced:2", "chain.synced:3", "chain.synced:4"] {
        let dies = ["--price", "5"];
        let place = three_parts(&[("dies", &dies), ("steady", &["--price", "30"])]);
        let (graph, input) = (place.path("graph.json"), place.path("input"));
        let wish = ["task", "run", "--graph", &graph, "--input", &input, "--reserve", "120"];
        let more = ["--check", "reexecution", "--selection", "cheapest", "--idempotency-key", "k"];
        let wish = [&wish[..], &more].concat();
        let node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", point);
        });
        drop(place.run(&[&wish[..], &["--detach"]].concat()));
        wait_until_dead(node, point);
        let task = place.json(&wish);
        assert_eq!(task["phase"], "settled", "{task}");
        let parts = task["parts"].as_array().expect("parts").iter();
        let slashed: Vec<u128> = parts.map(|part| units(&part["attempts"][0]["slashed"])).collect();
        assert!(slashed.iter().all(|slashed| *slashed > 0), "{task}");
        let lost = 100 * AINU - stake(&place, "dies");
        assert_eq!(slashed.iter().sum::<u128>(), lost, "{point}: {slashed:?}");
        nothing_is_left_in_escrow(&place);
    }
}

/// Waits until a task is settled or refunded.
fn ended(place: &Place, id: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let task = place.json(&["task", "show", id]);
        if ["settled", "refunded"].contains(&task["phase"].as_str().expect("a phase")) {
            return task;
        }
        assert!(Instant::now() < until, "it does not end: {task}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn stake(place: &Place, agent: &str) -> u128 {
    units(&place.json(&["agent", "show", agent])["stake"])
}

/// Waits until a node that is to die has died.
fn wait_until_dead(node: place::RunningNode, point: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while !has_died(node.pid()) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(has_died(node.pid()), "{point} is not come to");
}

#[test]
fn a_cancellation_takes_back_no_part_that_is_accepted_and_comes_too_late_for_the_last() {
    let place = market("3", "0", false);
    let job = order(&place);
    // The ledger is about to be asked to pay the fifth of the parts that need nothing, or the last
    // of all, which has a whole to settle and none to cancel.
    for point in ["broker.part:5", "broker.part:6"] {
        let node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", point);
        });
        let key = ["--selection", "cheapest", "--idempotency-key", point];
        let announced = place.run(&[&["--json"], &words(&job, &key)[..], &["--detach"]].concat());
        let announced: Value = serde_json::from_slice(&announced.stdout).expect("JSON");
        let id = announced["task"].as_str().expect("an id").to_owned();
        wait_until_dead(node, point);
        // What comes first decides; either way nobody is paid twice and nothing is left.
        drop(place.run(&["task", "cancel", &id]));
        let task = ended(&place, &id);
        let accepted = paid_for_parts(&task);
        assert_eq!(accepted, units(&task["paid"]), "{task}");
        if point == "broker.part:6" {
            assert_eq!(task["phase"], "settled", "{task}");
        }
        receipt_says(&place, &task, &[]);
        nothing_is_left_in_escrow(&place);
    }
}
