//! Events as a list and as a stream.
use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use ainur_api::http::Bounds;

use crate::market::{ECHO, SLOW};
use crate::served::{Answer, Served, eventually};

const STREAM: &str = "Accept: text/event-stream\r\n";

/// Reads from a socket until `end` has come.
#[track_caller]
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(end) {
        let length = stream.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "it ended before {end:?}: {text}");
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    text
}

/// The numbers of the events in a stream.
fn ids(stream: &str) -> Vec<&str> {
    stream.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
}

#[test]
fn a_list_begins_after_the_number_that_is_known() {
    let served = Served::start();
    let id = served.announce(ECHO, &served.owner);
    let numbers = |query: &str| -> Vec<u64> {
        let events = served.ask(&format!("GET /v1/tasks/{id}/events{query}"), &served.owner).json();
        events.as_array().unwrap().iter().map(|event| event["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(
        (numbers(""), numbers("?after=1"), numbers("?after=4294967295")),
        (vec![1, 2], vec![2], vec![])
    );
    let line = format!("GET /v1/tasks/{id}/events?after=4294967296");
    served.ask(&line, &served.owner).assert_problem(400, "invalid-request");
    let unknown = format!("GET /v1/tasks/{}/events", "0".repeat(64));
    served.ask(&unknown, &served.owner).assert_problem(404, "not-found");
}

#[test]
fn a_stream_tells_every_event_once_and_ends_with_the_task() {
    let served = Served::start();
    let id = served.announce(SLOW, &served.owner);
    let line = format!("GET /v1/tasks/{id}/events");
    let mut stream = served.open(&line, &served.owner, STREAM, b"");
    read_until(&mut stream, "announced");
    for kind in ["agreed", "started"] {
        eventually(|| served.market.waiting() == 1);
        served.market.happen(&id, kind);
        let heard = read_until(&mut stream, kind);
        assert!(heard.contains(r"line one\nline two"), "one line for each event: {heard}");
    }
    served.market.finish(&id, b"done");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    let (_, end) = rest.split_once("event: end\ndata: ").expect("a last event");
    assert!(end.contains(r#""phase":"settled""#), "{end}");
    assert!(rest.contains(r#""kind":"settled""#), "{rest}");
    assert_eq!(served.market.waiting(), 0);
}

#[test]
fn a_stream_that_was_cut_off_is_taken_up_where_it_ended() {
    let served = Served::start();
    let id = served.announce(SLOW, &served.owner);
    served.market.happen(&id, "agreed");
    served.market.happen(&id, "started");
    let line = format!("GET /v1/tasks/{id}/events");
    let mut stream = served.open(&line, &served.owner, STREAM, b"");
    read_until(&mut stream, "started");
    drop(stream);
    served.market.happen(&id, "resumed");
    served.market.finish(&id, b"done");

    let resumed = format!("{STREAM}Last-Event-ID: 2\r\n");
    let answer = served.ask_with(&line, &served.owner, &resumed, b"");
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(ids(&answer.text()), ["3", "4", "5"]);
    // The header counts more than the address that a browser repeats.
    let line = format!("{line}?after=4");
    assert_eq!(ids(&served.ask_with(&line, &served.owner, &resumed, b"").text()).len(), 3);
    assert_eq!(ids(&served.ask_with(&line, &served.owner, STREAM, b"").text()), ["5"]);
    let all = format!("{STREAM}Last-Event-ID: 5\r\n");
    let over = served.ask_with(&line, &served.owner, &all, b"").text();
    assert!(ids(&over).is_empty() && over.contains("event: end"), "{over}");
    for wrong in ["x", "-1", "4294967296", "1, 2"] {
        let headers = format!("{STREAM}Last-Event-ID: {wrong}\r\n");
        let answer = served.ask_with(&line, &served.owner, &headers, b"");
        answer.assert_problem(400, "invalid-request");
    }
}

#[test]
fn a_stop_ends_streams_with_a_comment() {
    let served = Served::start();
    let id = served.announce(SLOW, &served.owner);
    let line = format!("GET /v1/tasks/{id}/events");
    let mut stream = served.open(&line, &served.owner, STREAM, b"");
    read_until(&mut stream, "announced");
    served.stop.stop();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains(": the node is stopping"), "{rest}");
    assert!(!rest.contains("event: end"), "{rest}");
}

#[test]
fn callers_who_leave_are_not_waited_for() {
    let served = Served::start();
    let id = served.announce(SLOW, &served.owner);
    let line = format!("GET /v1/tasks/{id}/events?after=1");
    let streams: Vec<_> =
        (0..200).map(|_| served.open(&line, &served.owner, STREAM, b"")).collect();
    eventually(|| served.market.waiting() == 200);
    // Streams hold no thread: with far more of them than threads, others are answered.
    assert_eq!(served.ask("GET /v1/node", &served.owner).status, 200);
    assert!(served.ask("GET /metrics", "").text().contains("ainur_streams_open 200"));
    drop(streams);
    eventually(|| served.market.waiting() == 0);
}

#[test]
fn a_stream_of_a_task_that_is_not_there_is_refused_like_anything_else() {
    let served = Served::start();
    let line = format!("GET /v1/tasks/{}/events", "0".repeat(64));
    let answer: Answer = served.ask_with(&line, &served.owner, STREAM, b"");
    answer.assert_problem(404, "not-found");
}

#[test]
fn a_silent_stream_says_that_it_is_there_and_no_more_are_open_than_may_be() {
    let bounds = Bounds { keep_alive_ms: 20, streams_max: 2, ..Bounds::default() };
    let served = Served::with_bounds(bounds);
    let id = served.announce(SLOW, &served.owner);
    let line = format!("GET /v1/tasks/{id}/events?after=1");
    let mut first = served.open(&line, &served.owner, STREAM, b"");
    read_until(&mut first, ": \n\n");
    let second = served.open(&line, &served.owner, STREAM, b"");
    eventually(|| served.market.waiting() == 2);
    let refused = served.ask_with(&line, &served.owner, STREAM, b"");
    assert!(refused.assert_problem(429, "limit-reached").contains("STREAMS_MAX"));
    drop(second);
    eventually(|| served.market.waiting() == 1);
    let mut third = served.open(&line, &served.owner, STREAM, b"");
    read_until(&mut third, ": \n\n");
}

#[test]
fn all_streams_of_one_task_hear_everything_however_many_they_are() {
    let served = Served::start();
    let id = served.announce(SLOW, &served.owner);
    let line = format!("GET /v1/tasks/{id}/events");
    let mut streams: Vec<_> =
        (0..300).map(|_| served.open(&line, &served.owner, STREAM, b"")).collect();
    eventually(|| served.market.waiting() == 300);
    served.market.watch_ms.store(20, Ordering::Relaxed);
    // All of them ask again at once, and far more than there are places for calls.
    served.market.happen(&id, "agreed");
    eventually(|| served.market.waiting() == 300);
    served.market.finish(&id, b"done");
    for stream in &mut streams {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(ids(&text), ["1", "2", "3"], "{text}");
        assert!(text.contains("event: end"), "{text}");
    }
}
