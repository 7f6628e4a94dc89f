//! Fair turns at an agent that takes only so many calls at once, through the running node.
mod place;

use std::time::{Duration, Instant};

use ainur_api::operation::TaskRequest;
use ainur_api::view::{TaskPhase, TaskView};
use ainur_api::{Operation, Reply, Service};
use ainur_primitives::{AcceptanceCheck, Amount, DurationMs, SelectionRule};
use place::Place;

/// An agent that takes one call at once, needs so long for each, and says how long.
fn with_agent(seconds: &str, declared_ms: u64) -> Place {
    let place = Place::new();
    let work = format!(
        "#!/bin/sh\nif [ \"$1\" = introspect ]; then printf '%s' '{{\"name\":\"narrow\",\"version\":\"1\",\
         \"capabilities\":[{{\"name\":\"work.narrow\",\"idempotent\":true,\
         \"service_level\":{{\"concurrency_max\":1,\"duration_ms\":{declared_ms}}}}}]}}'\nelse sleep {seconds}; echo done; fi\n"
    );
    let program = place.file("narrow", work.as_bytes());
    place.succeeds(&["agent", "add", &program, "--price", "1", "--name", "narrow"]);
    place
}

fn announce(service: &dyn Service, deadline: u64) -> String {
    let request = TaskRequest {
        capability: "work.narrow".parse().expect("a capability"),
        parameters: serde_json::json!({}),
        input: None,
        chunks: Vec::new(),
        reserve: Amount::ainu(2),
        loss: None,
        budget: None,
        selection: SelectionRule::Cheapest,
        check: Some(AcceptanceCheck::BuyerWord { window_ms: DurationMs(1) }),
        deadline_ms: Some(DurationMs::seconds(deadline)),
        limits: None,
        graph: None,
        only: None,
        venue: Default::default(),
        rental: None,
        service: None,
        negotiation: None,
        bidding_ms: None,
        idempotency_key: None,
        request_digest: None,
        context: None,
        wait: false,
        trace: None,
    };
    match service.perform(Operation::TaskRun(request)) {
        Ok(Reply::TaskAnnounced { task }) => task.to_string(),
        other => unreachable!("another answer: {other:?}"),
    }
}

fn ended(service: &dyn Service, task: &str) -> TaskView {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match service.perform(Operation::TaskShow { task: task.to_owned() }) {
            Ok(Reply::Task(task)) if task.ended.is_some() => return *task,
            Ok(Reply::Task(task)) => {
                assert!(Instant::now() < until, "it does not end: {task:?}");
                std::thread::sleep(Duration::from_millis(50));
            }
            other => unreachable!("another answer: {other:?}"),
        }
    }
}

#[test]
fn who_weighs_three_times_as_much_gets_three_turns_for_one() {
    let place = with_agent("0.3", 300);
    let _node = place.start_node();
    let secret = place.token(&["heavy", "--limit", "50", "--weight", "3"]);
    let (owner, heavy) = (place.client(None), place.client(Some(&secret)));
    // The owner's were all there before.
    let first: Vec<String> = (0..8).map(|_| announce(&owner, 60)).collect();
    let second: Vec<String> = (0..6).map(|_| announce(&heavy, 60)).collect();
    let when = |tasks: &[String]| -> Vec<u64> {
        let ends = tasks.iter().map(|task| {
            let task = ended(&owner, task);
            assert_eq!(task.phase, TaskPhase::Settled, "{task:?}");
            task.ended.expect("it has ended").0
        });
        ends.collect()
    };
    let (first, second) = (when(&first), when(&second));
    let last = second.iter().max().expect("some");
    let before = first.iter().filter(|end| *end < last).count();
    // Two of each six turns, and those that were served before the others came.
    assert!((2..=5).contains(&before), "{before} of the owner's went before the last of six");
}

#[test]
fn a_task_whose_turn_never_comes_costs_its_seller_nothing() {
    let place = with_agent("3", 300);
    // Its offer knows of no place to wait for; a bid would not be made in vain.
    let offer = ["--price", "1", "--concurrent", "4", "--duration", "1"];
    place.succeeds(&[&["market", "offer", "narrow"], &offer[..]].concat());
    let _node = place.start_node();
    let owner = place.client(None);
    let long = announce(&owner, 60);
    let hasty = announce(&owner, 2);
    let hasty = ended(&owner, &hasty);
    assert_eq!(hasty.phase, TaskPhase::Refunded, "{hasty:?}");
    assert!(hasty.attempts.iter().all(|attempt| attempt.slashed.is_zero()), "{hasty:?}");
    assert_eq!(ended(&owner, &long).phase, TaskPhase::Settled);
    let narrow = place.json(&["agent", "show", "narrow"]);
    assert_eq!((&narrow["failed"], &narrow["completed"]), (&0.into(), &1.into()), "{narrow}");
}

#[test]
fn a_busy_agent_bids_for_what_it_can_still_do_in_time_and_for_nothing_else() {
    let place = with_agent("3", 3_000);
    let _node = place.start_node();
    let owner = place.client(None);
    let first = announce(&owner, 60);
    let until = Instant::now() + Duration::from_secs(20);
    while place.json(&["task", "show", &first])["phase"] != "running" {
        assert!(Instant::now() < until, "the first is not at work");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (hasty, patient) = (announce(&owner, 4), announce(&owner, 60));
    let hasty = ended(&owner, &hasty);
    assert_eq!(hasty.phase, TaskPhase::Unfunded, "{hasty:?}");
    let told = place.run(&["task", "explain", &hasty.id.to_string()]);
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(said.contains("expects to take longer than it may"), "{said}");
    for task in [first, patient] {
        assert_eq!(ended(&owner, &task).phase, TaskPhase::Settled);
    }
}
