//! Tasks from announcement to receipt.
use ainur_api::view::Scope;
use std::time::{Duration, Instant};

use crate::market::{ECHO, SLOW};
use crate::served::{Served, eventually, task};

#[test]
fn a_task_is_announced_shown_and_delivered() {
    let served = Served::start();
    let buyer = served.token("buyer", Scope::Spend);
    let answer = served.send("POST /v1/tasks", &buyer, &task(ECHO));
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/v1/tasks/{id}"));

    let shown = served.ask(&format!("GET /v1/tasks/{}", &id[..8]), &buyer);
    assert_eq!((shown.status, &shown.json()["phase"]), (200, &"settled".into()));
    let output = served.ask(&format!("GET /v1/tasks/{id}/output"), &buyer);
    assert_eq!((output.status, output.text()), (200, r#"{"say":"hi"}"#.into()));
    assert_eq!(output.header("content-type"), "application/json");
    assert_eq!(output.header("content-length"), "12");
    assert_eq!(output.header("x-content-type-options"), "nosniff");
    let receipt = served.ask(&format!("GET /v1/tasks/{id}/receipt"), &buyer);
    assert_eq!(receipt.text(), format!(r#"{{"task":"{id}"}}"#));
    let verified = served.send("POST /v1/receipts/verify", &buyer, &receipt.text());
    assert_eq!(verified.json()["checks"][0]["detail"], receipt.text());
    let why = served.ask(&format!("GET /v1/tasks/{id}/explanation"), &buyer);
    assert_eq!(why.json()["awards"][0]["payment"], "3");
}

#[test]
fn outputs_that_are_no_json_are_octets_of_their_length() {
    let served = Served::start();
    let id = served.announce(SLOW, &served.owner);
    let line = format!("GET /v1/tasks/{id}/output");
    let message = served.ask(&line, &served.owner).assert_problem(404, "not-found");
    assert!(message.contains("no output"), "{message}");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
    served.market.finish(&id, &bytes);
    let output = served.ask(&line, &served.owner);
    assert_eq!(output.header("content-type"), "application/octet-stream");
    assert_eq!(output.header("content-length"), "3000000");
    assert!(output.body == bytes, "the bytes come as they are");
}

#[test]
fn the_same_key_never_makes_two_tasks() {
    let served = Served::start();
    let (one, two) = (served.token("one", Scope::Spend), served.token("two", Scope::Spend));
    let announce = |token: &str, key: &str| {
        let header = format!("Idempotency-Key: {key}\r\n");
        let answer = served.send_with("POST /v1/tasks", token, &header, &task(ECHO));
        (answer.status, answer.json()["id"].as_str().unwrap().to_owned())
    };
    let (first, id) = announce(&one, "k");
    assert_eq!(first, 201);
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(announce(&one, "k"), (200, id.clone()));
    for (token, key) in [(&one, "other"), (&two, "k")] {
        let (status, another) = announce(token, key);
        assert_eq!(status, 201);
        assert_ne!(another, id);
    }
    let long = format!("Idempotency-Key: {}\r\n", "k".repeat(257));
    for header in ["Idempotency-Key: a\r\nIdempotency-Key: b\r\n", "Idempotency-Key: \r\n", &long] {
        let answer = served.send_with("POST /v1/tasks", &one, header, &task(ECHO));
        let message = answer.assert_problem(400, "invalid-request");
        assert!(message.contains("Idempotency-Key"), "{message}");
    }
}

#[test]
fn a_purchase_can_wait_for_its_end_and_gives_up_in_time() {
    let served = Served::start();
    let began = Instant::now();
    let answer = served.send("POST /v1/tasks?wait=1", &served.owner, &task(SLOW));
    assert_eq!((answer.status, &answer.json()["phase"]), (201, &"running".into()));
    assert!(began.elapsed() >= Duration::from_secs(1));

    std::thread::scope(|scope| {
        let waiting =
            scope.spawn(|| served.send("POST /v1/tasks?wait=60", &served.owner, &task(SLOW)));
        eventually(|| served.market.waiting() == 1);
        let page = served.ask("GET /v1/tasks?limit=1", &served.owner).json();
        let id = page["tasks"][0]["id"].as_str().unwrap();
        served.market.happen(id, "started");
        eventually(|| served.market.waiting() == 1);
        served.market.finish(id, b"done");
        let answer = waiting.join().unwrap();
        assert_eq!((answer.status, &answer.json()["phase"]), (201, &"settled".into()));
    });
}

#[test]
fn a_wait_that_the_stop_cuts_short_still_tells_of_the_task() {
    let served = Served::start();
    std::thread::scope(|scope| {
        let waiting =
            scope.spawn(|| served.send("POST /v1/tasks?wait=60", &served.owner, &task(SLOW)));
        eventually(|| served.market.waiting() == 1);
        served.stop.stop();
        let answer = waiting.join().unwrap();
        assert_eq!((answer.status, &answer.json()["phase"]), (201, &"running".into()));
    });
}

#[test]
fn pages_link_to_the_next_and_keep_what_was_asked() {
    let served = Served::start();
    for _ in 0..5 {
        served.announce(ECHO, &served.owner);
    }
    let mut line = "/v1/tasks?limit=2&phase=settled&phase=running".to_owned();
    let mut numbers = Vec::new();
    loop {
        let answer = served.ask(&format!("GET {line}"), &served.owner);
        let page = answer.json();
        let tasks = page["tasks"].as_array().unwrap().clone();
        numbers.extend(tasks.iter().map(|task| task["number"].as_u64().unwrap()));
        let Some(next) = answer.header("link").strip_suffix(r#">; rel="next""#) else {
            assert!(page["next"].is_null());
            break;
        };
        line = next.strip_prefix('<').unwrap().to_owned();
        assert!(line.contains("phase=settled&phase=running"), "{line}");
    }
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
    let none = served.ask("GET /v1/tasks?phase=refunded", &served.owner).json();
    assert_eq!(none["tasks"].as_array().unwrap().len(), 0);
    let none = served.ask("GET /v1/tasks?context=a%20b", &served.owner).json();
    assert_eq!(none["tasks"].as_array().unwrap().len(), 0);
}

#[test]
fn tasks_are_cancelled_decided_and_rated() {
    let served = Served::start();
    let id = served.announce(SLOW, &served.owner);
    let post = |what: &str, body: &str| {
        served.send(&format!("POST /v1/tasks/{id}/{what}"), &served.owner, body)
    };
    post("rating", r#"{"rating":5}"#).assert_problem(409, "conflict");
    let decided = post("decision", r#"{"accept":false,"reason":"too short"}"#);
    assert_eq!((decided.status, &decided.json()["detail"]), (200, &"false: too short".into()));
    let cancelled = served.ask(&format!("POST /v1/tasks/{id}/cancel"), &served.owner);
    assert_eq!((cancelled.status, &cancelled.json()["phase"]), (200, &"refunded".into()));
    let again = served.ask(&format!("POST /v1/tasks/{id}/cancel"), &served.owner);
    again.assert_problem(409, "conflict");
    served
        .ask(&format!("GET /v1/tasks/{id}/receipt"), &served.owner)
        .assert_problem(409, "conflict");

    let id = served.announce(ECHO, &served.owner);
    let rate =
        |body: &str| served.send(&format!("POST /v1/tasks/{id}/rating"), &served.owner, body);
    assert_eq!(rate(r#"{"rating":5}"#).status, 200);
    for body in [r#"{"rating":0}"#, r#"{"rating":6}"#, r#"{"rating":256}"#, r#"{"rating":"5"}"#] {
        rate(body).assert_problem(400, "invalid-request");
    }
}
