//! Penalty clauses of coalitions, through the binary: who pledges, who pays whom when a member fails
//! or is late, what is told of it, and that a node killed in between carries each out once.
mod job;
mod place;

use std::time::{Duration, Instant};

use job::*;
use place::Place;
use serde_json::{Value, json};

/// Who fails pays a tenth of its bond to the buyer, a fifth to the others and 15 % to whoever takes
/// over. The bond for a part of 4 AINU is 0.8.
const CLAUSES: [&str; 6] = [
    "--penalty",
    "failed:buyer:10%",
    "--penalty",
    "failed:members:20%",
    "--penalty",
    "failed:backup:15%",
];

/// The market with this lead, in which parts have time enough on a busy machine too.
fn patient(dies: bool, lead: &[&str]) -> Place {
    let place = market_led("3", "0", dies, lead);
    let graph = json!({ "parts": PARTS.iter().map(|capability| json!({
        "name": capability.trim_start_matches("text."), "capability": capability, "reserve": "4",
        "seconds": 6,
    })).collect::<Vec<_>>() });
    place.file("graph.json", graph.to_string().as_bytes());
    place
}

fn run(place: &Place, more: &[&str]) -> Value {
    let order = order(place);
    let words: Vec<&str> = order.iter().map(String::as_str).chain(more.iter().copied()).collect();
    place.json(&words)
}

fn penalties(place: &Place, task: &Value) -> Vec<Value> {
    let id = task["id"].as_str().expect("an id");
    let explained = place.json(&["task", "explain", id]);
    explained["penalties"].as_array().cloned().unwrap_or_default()
}

/// Rows that say this of whom, together.
fn paid_to(rows: &[Value], payee: &str) -> u128 {
    let own = rows.iter().filter(|row| row["payee_name"] == payee);
    own.map(|row| units(&row["amount"])).sum()
}

fn agent_of(place: &Place, name: &str) -> Value {
    place.json(&["agent", "show", name])
}

/// What clauses cost an agent at a task, by the ledger.
fn losses_by_clauses(place: &Place, name: &str) -> Vec<u128> {
    let agent = agent_of(place, name);
    let losses = agent["losses"].as_array().cloned().unwrap_or_default();
    let by_clause = |loss: &&Value| {
        loss["why"].as_str().is_some_and(|why| why.starts_with("its coalition's clauses"))
    };
    losses.iter().filter(by_clause).map(|loss| units(&loss["amount"])).collect()
}

fn nothing_is_left(place: &Place) {
    assert_eq!(place.json(&["account", "show"])["in_escrow"], "0");
    nothing_is_locked(place);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_member_that_is_killed_pays_buyer_others_and_its_backup_as_the_clauses_say() {
    let place = patient(true, &CLAUSES);
    let others = ["member-0", "member-1", "member-3", "member-4"];
    let before = others.map(|other| units(&agent_of(&place, other)["balance"]));
    let task = run(&place, &[]);
    assert_eq!(task["phase"], "settled", "{task}");
    let third = part(&task, "three");
    assert_eq!((&third["bound_by"], &third["seller_name"]), (&json!("backup"), &json!("spare")));
    let rows = penalties(&place, &task);
    assert!(rows.iter().all(|row| row["seller_name"] == "member-2" && row["part"] == "three"));
    assert_eq!(paid_to(&rows, "the buyer"), AINU * 8 / 100, "{rows:?}");
    for other in others {
        // All have the same share.
        assert_eq!(paid_to(&rows, other), AINU * 4 / 100, "{rows:?}");
    }
    assert_eq!(paid_to(&rows, "spare"), AINU * 12 / 100, "{rows:?}");
    let waited: Vec<&Value> = rows.iter().filter(|row| row["waited"] == true).collect();
    assert_eq!((waited.len(), &waited[0]["payee_name"]), (1, &json!("spare")));
    assert_eq!(losses_by_clauses(&place, "member-2"), [AINU * 24 / 100, AINU * 12 / 100]);
    // On top of what failing costs anyway.
    let slashed = units(&third["attempts"][0]["slashed"]);
    assert!(slashed > 0);
    let stake = units(&agent_of(&place, "member-2")["stake"]);
    assert_eq!(stake, 100 * AINU - slashed - AINU * 36 / 100);
    // Beside what they were paid for their parts.
    let parts = ["one", "two", "four", "five"];
    for ((other, before), name) in others.into_iter().zip(before).zip(parts) {
        let gained = units(&agent_of(&place, other)["balance"]) - before;
        assert_eq!(gained, units(&part(&task, name)["price"]) + AINU * 4 / 100, "{other}");
    }
    receipt_says(
        &place,
        &task,
        &["clauses of 1 coalitions cost 0.36 AINU", "that waited to", "for failing"],
    );
    let explained = place.run(&["task", "explain", task["id"].as_str().expect("an id")]);
    let explained = String::from_utf8_lossy(&explained.stdout).into_owned();
    let line = "penalty at three: member-2 pays 0.12 AINU to spare for failing, which had waited";
    assert!(explained.contains(line), "{explained}");
    nothing_is_left(&place);
}

#[test]
fn without_clauses_nobody_pays_for_them() {
    let place = market("3", "0", true);
    let task = run(&place, &[]);
    assert_eq!(part(&task, "three")["seller_name"], "spare");
    assert!(penalties(&place, &task).is_empty());
    assert!(losses_by_clauses(&place, "member-2").is_empty());
    let agreed = place.run(&["task", "explain", task["id"].as_str().expect("an id")]);
    assert!(!String::from_utf8_lossy(&agreed.stdout).contains("penalty"));
    nothing_is_left(&place);
}

#[test]
fn without_a_backup_whoever_takes_the_part_over_gets_what_waits() {
    let place = patient(true, &CLAUSES);
    place.succeeds(&["agent", "remove", "spare"]);
    let task = run(&place, &[]);
    assert_eq!(task["phase"], "settled", "{task}");
    assert_eq!(part(&task, "three")["seller_name"], "solo");
    let rows = penalties(&place, &task);
    assert_eq!(paid_to(&rows, "solo"), AINU * 12 / 100, "{rows:?}");
    receipt_says(&place, &task, &["clauses of 1 coalitions cost 0.36 AINU"]);
    nothing_is_left(&place);
}

#[test]
fn who_would_pledge_less_stays_out_and_the_others_go_together() {
    let place = market_led("3.5", "0", false, &CLAUSES);
    place.succeeds(&["agent", "remove", "member-1"]);
    let careful = agent(&place, "careful", &[PARTS[1]], "0", false);
    let add = ["agent", "add", &careful, "--price", "3", "--team-saving", "20%"];
    place.succeeds(&[&add[..], &["--pledge-max", "44%"]].concat());
    let task = run(&place, &[]);
    let bound = |name: &str| part(&task, name)["bound_by"].clone();
    assert_eq!((bound("two"), bound("one")), (json!("bid"), json!("coalition")), "{task}");
    assert_eq!(bound("five"), "coalition", "{task}");
    assert!(penalties(&place, &task).is_empty());
    receipt_says(&place, &task, &["clauses of 1 coalitions cost 0 AINU"]);
    nothing_is_left(&place);
}

#[test]
fn clauses_beyond_what_their_author_would_pledge_or_that_are_none_are_refused() {
    let place = Place::new();
    let file = agent(&place, "lead", &[PARTS[0]], "0", false);
    let add = ["agent", "add", &file, "--price", "3", "--team-saving", "20%"];
    for (more, wanted) in [
        (&["--penalty", "failed:members:60%"][..], "--pledge-max"),
        (&["--penalty", "failed:members:0%"], "shares of a bond"),
        (&["--penalty", "failed:buyer:60%", "--penalty", "failed:members:41%"], "shares of a bond"),
        (&["--pledge-max", "101%"], "100 %"),
        (&["--penalty", "failed:nobody:10%"], "failed:members:20%"),
        (&["--penalty", "failed:members"], "failed:members:20%"),
    ] {
        let refused = place.run(&[&add[..], more].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(wanted), "{more:?}: {said}");
    }
    place.succeeds(
        &[&add[..], &["--penalty", "failed:members:60%", "--pledge-max", "60%"]].concat(),
    );
}

#[test]
fn who_is_late_pays_and_is_paid_for_its_work() {
    let late = ["--penalty", "late:buyer:20%", "--penalty", "late:members:20%"];
    let place = market_led("3.5", "0", false, &late);
    // Half of the time that a part may take is promised.
    place.succeeds(&["agent", "remove", "member-3"]);
    let slow = agent(&place, "slow", &[PARTS[3]], "7", false);
    place.succeeds(&["agent", "add", &slow, "--price", "3", "--team-saving", "20%"]);
    let graph = json!({ "parts": PARTS.iter().map(|capability| json!({
        "name": capability.trim_start_matches("text."), "capability": capability, "reserve": "4",
        "seconds": 12,
    })).collect::<Vec<_>>() });
    place.file("graph.json", graph.to_string().as_bytes());
    let task = run(&place, &[]);
    assert_eq!(task["phase"], "settled", "{task}");
    let rows = penalties(&place, &task);
    assert!(
        rows.iter().all(|row| row["seller_name"] == "slow" && row["cause"] == "late"),
        "{rows:?}"
    );
    assert_eq!(paid_to(&rows, "the buyer"), AINU * 16 / 100, "{rows:?}");
    assert_eq!(rows.len(), 5, "{rows:?}");
    receipt_says(&place, &task, &["clauses of 1 coalitions cost 0.32 AINU", "for being late"]);
    nothing_is_left(&place);
}

#[test]
fn a_coalition_has_no_member_that_cannot_pledge_beside_its_bond() {
    // A newcomer's bond for a part of 40 AINU is 8, and half of that is pledged.
    for (stake, bound_by) in [("11.9", "bid"), ("12.1", "coalition")] {
        let place = Place::new();
        for (number, capability) in PARTS[..2].iter().enumerate() {
            let file = agent(&place, &format!("small-{number}"), &[capability], "0", false);
            let add = ["agent", "add", &file, "--price", "5", "--stake", stake];
            let team = ["--team-saving", "30%", "--penalty", "failed:members:50%"];
            place.succeeds(&[&add[..], &team].concat());
        }
        let graph = json!({ "parts": PARTS[..2].iter().map(|capability| json!({
            "name": capability.trim_start_matches("text."), "capability": capability,
            "reserve": "40", "seconds": 6,
        })).collect::<Vec<_>>() });
        place.file("graph.json", graph.to_string().as_bytes());
        place.file("input", b"hello");
        let (graph, input) = (place.path("graph.json"), place.path("input"));
        let words = ["task", "run", "--graph", &graph, "--input", &input, "--reserve", "80"];
        let task = place.json(&[&words[..], &["--check", "reexecution"]].concat());
        assert_eq!(task["phase"], "settled", "{task}");
        for name in ["one", "two"] {
            assert_eq!(part(&task, name)["bound_by"], bound_by, "{stake}: {task}");
        }
        nothing_is_left(&place);
    }
}

/// Waits until a node that is to die has died.
fn wait_until_dead(pid: u32, point: &str) {
    let has_died = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
    };
    let until = Instant::now() + Duration::from_secs(30);
    while !has_died() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(has_died(), "{point} is not come to");
}

#[test]
fn a_node_killed_around_a_failure_carries_out_each_clause_once() {
    // Around the blocks in which the member fails and its backup takes over, and the payments
    // before and after.
    for point in ["chain.synced:3", "chain.synced:4", "chain.synced:5", "broker.part:5"] {
        let place = patient(true, &CLAUSES);
        let node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", point);
        });
        let order = order(&place);
        let words: Vec<&str> = order.iter().map(String::as_str).collect();
        let wish = [&words[..], &["--idempotency-key", point]].concat();
        drop(place.run(&[&wish[..], &["--detach"]].concat()));
        wait_until_dead(node.pid(), point);
        let task = place.json(&wish);
        assert_eq!(task["phase"], "settled", "{point}: {task}");
        assert_eq!(part(&task, "three")["seller_name"], "spare", "{point}: {task}");
        let lost = losses_by_clauses(&place, "member-2");
        assert_eq!(lost, [AINU * 24 / 100, AINU * 12 / 100], "{point}");
        receipt_says(&place, &task, &[]);
        nothing_is_left(&place);
    }
}

/// Members are paid 3 AINU each, and withhold 0.2 of it; who stands by for the third asks 3.3.
fn insured(dies: bool) -> Place {
    let place = patient(dies, &["--insurance", "1"]);
    place.succeeds(&["agent", "remove", "spare"]);
    let dear = agent(&place, "dear", &[PARTS[2]], "0", false);
    place.succeeds(&["agent", "add", &dear, "--price", "3.3", "--team-saving", "1%"]);
    place
}

const MEMBERS: [(&str, &str); 4] =
    [("member-0", "one"), ("member-1", "two"), ("member-3", "four"), ("member-4", "five")];

#[test]
fn what_insurance_withholds_comes_back_when_nobody_fails() {
    let place = insured(false);
    let before = MEMBERS.map(|(member, _)| units(&agent_of(&place, member)["balance"]));
    let task = run(&place, &["--selection", "cheapest"]);
    assert_eq!((&task["phase"], units(&task["paid"])), (&json!("settled"), 15 * AINU), "{task}");
    for ((member, name), before) in MEMBERS.into_iter().zip(before) {
        assert_eq!(units(&part(&task, name)["price"]), AINU * 28 / 10, "{task}");
        assert_eq!(units(&agent_of(&place, member)["balance"]) - before, 3 * AINU, "{member}");
    }
    receipt_says(&place, &task, &["insurance gave back 1 AINU", "0.2 AINU back to"]);
    nothing_is_left(&place);
}

#[test]
fn a_backup_that_asks_more_is_paid_by_the_insurance_also_by_a_node_that_is_killed() {
    for point in ["chain.synced:3", "chain.synced:4", "chain.synced:5", "broker.part:5", ""] {
        let place = insured(true);
        let before = MEMBERS.map(|(member, _)| units(&agent_of(&place, member)["balance"]));
        let order = order(&place);
        let words: Vec<&str> = order.iter().map(String::as_str).collect();
        let wish =
            [&words[..], &["--selection", "cheapest", "--idempotency-key", "insured"]].concat();
        if !point.is_empty() {
            let node = place.start_node_with(|command| {
                command.env("AINUR_CRASH_AT", point);
            });
            drop(place.run(&[&wish[..], &["--detach"]].concat()));
            wait_until_dead(node.pid(), point);
        }
        let task = place.json(&wish);
        // 2.8 and half an AINU of the pool; the other half is shared by the four.
        let third = part(&task, "three");
        assert_eq!((&third["seller_name"], &third["bound_by"]), (&json!("dear"), &json!("backup")));
        assert_eq!(units(&third["price"]), AINU * 33 / 10, "{task}");
        assert_eq!(units(&task["paid"]), 15 * AINU, "the buyer pays no more: {task}");
        for ((member, _), before) in MEMBERS.into_iter().zip(before) {
            let gained = units(&agent_of(&place, member)["balance"]) - before;
            assert_eq!(gained, AINU * 2_925 / 1_000, "{point}: {member}");
        }
        receipt_says(&place, &task, &["insurance gave back 0.5 AINU", "0.125 AINU back to"]);
        let explained = place.json(&["task", "explain", task["id"].as_str().expect("an id")]);
        assert_eq!(explained["insurance"].as_array().map(Vec::len), Some(4), "{explained}");
        nothing_is_left(&place);
    }
}
