//! Calls among those of others: they take places, and end when the node stops or the token is over.
use std::thread;
use std::time::{Duration, Instant};

use ainur_api::http::{Bounds, Token};
use ainur_api::operation::TaskQuery;
use ainur_api::view::Scope;
use ainur_api::{Operation, Reply, Service};
use serde_json::{Value, json};

use crate::market::SLOW;
use crate::served::{Answer, Served};

const SOON: Duration = Duration::from_secs(5);

fn carve(served: &Served, token: &Token) -> Answer {
    served.call_as(token, "tools/call", &json!({ "name": SLOW, "arguments": {} }))
}

#[track_caller]
fn wait_for(served: &Served, waiting: usize) {
    let begun = Instant::now();
    while served.market.waiting() != waiting {
        assert!(begun.elapsed() < SOON, "{} wait", served.market.waiting());
        thread::sleep(Duration::from_millis(5));
    }
}

fn text(answer: &Answer) -> Value {
    answer.message()["result"]["content"][0]["text"].clone()
}

#[test]
fn calls_that_are_followed_take_places_of_their_client() {
    let served = Served::bounded(Bounds { streams_max: 4, ..Bounds::default() });
    let [greedy, modest] = ["greedy", "modest"].map(|name| served.market.token(name, Scope::Spend));
    thread::scope(|scope| {
        scope.spawn(|| carve(&served, &greedy));
        wait_for(&served, 1);
        let refused = carve(&served, &greedy);
        assert!(text(&refused).as_str().unwrap().contains("STREAMS_MAX"), "{refused:?}");
        scope.spawn(|| carve(&served, &modest));
        wait_for(&served, 2);
        served.stop.stop();
    });
}

#[test]
fn calls_find_their_places_however_few_there_are() {
    let served = Served::bounded(Bounds { prompt_calls_max: 1, ..Bounds::default() });
    served.market.watch_ms.store(50, std::sync::atomic::Ordering::Relaxed);
    thread::scope(|scope| {
        let calls: Vec<_> =
            (0..10).map(|_| scope.spawn(|| carve(&served, &served.token))).collect();
        wait_for(&served, 10);
        let all = TaskQuery { limit: 100, ..TaskQuery::default() };
        let Ok(Reply::Tasks(page)) = served.market.perform(Operation::TaskList(all)) else {
            panic!("no list")
        };
        for task in page.tasks {
            served.market.finish(&task.id.to_string(), b"{}");
        }
        for call in calls {
            let answer = call.join().unwrap();
            assert_eq!(text(&answer), "{}", "{answer:?}");
        }
    });
}

#[test]
fn calls_wait_for_a_place_like_any_other() {
    let served = Served::bounded(Bounds { prompt_calls_max: 1, ..Bounds::default() });
    served.market.watch_ms.store(1_000, std::sync::atomic::Ordering::Relaxed);
    thread::scope(|scope| {
        scope.spawn(|| carve(&served, &served.token));
        let begun = Instant::now();
        let mut refused = String::new();
        while !refused.contains("too many") {
            assert!(begun.elapsed() < SOON, "the only place is never taken: {refused}");
            refused = served.call("tools/list", &json!({})).message().to_string();
        }
        served.stop.stop();
    });
}

#[test]
fn a_stop_ends_calls_with_a_word() {
    let served = Served::market();
    thread::scope(|scope| {
        let call = scope.spawn(|| carve(&served, &served.token));
        wait_for(&served, 1);
        let begun = Instant::now();
        served.stop.stop();
        let answer = call.join().unwrap();
        let said = answer.message()["error"]["message"].to_string();
        assert!(said.contains("stopping") && said.contains("goes on"), "{answer:?}");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    });
}

#[test]
fn a_call_ends_when_its_token_is_taken_back() {
    let served = Served::market();
    let token = served.market.token("gone", Scope::Spend);
    thread::scope(|scope| {
        let call = scope.spawn(|| carve(&served, &token));
        wait_for(&served, 1);
        let begun = Instant::now();
        served.market.perform(Operation::TokenRevoke { token: "gone".into() }).unwrap();
        let answer = call.join().unwrap();
        let said = answer.message()["error"]["message"].to_string();
        assert!(said.contains("taken back"), "{answer:?}");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    });
}
