//! Callers who send too much, too slowly or too often.
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use ainur_api::http::Bounds;
use ainur_api::http::bounds::{HEADER_BYTES_MAX, OPERATION_BYTES_MAX};
use ainur_api::problem::Code;
use ainur_api::{Operation, Reply, Service};
use ainur_crypto::hash::content_id;
use ainur_primitives::DurationMs;

use crate::shelf::{Answer, Served};

const STATUS: &[u8] = br#"{"operation":"node-status"}"#;

fn gate() -> Operation {
    Operation::TaskShow { task: "gate".into() }
}

fn events(wait_ms: u64) -> Operation {
    Operation::TaskEvents { task: "a".into(), after: 0, wait_ms: DurationMs(wait_ms) }
}

/// Waits for something that another thread brings about.
#[track_caller]
fn eventually(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "it did not come about");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn operations_over_the_limit_are_refused_announced_or_not() {
    let served = Served::start();
    let mut body = STATUS.to_vec();
    body.resize(OPERATION_BYTES_MAX, b' ');
    assert_eq!(served.post_admitted(&body).status, 200);
    body.push(b' ');
    served.post_admitted(&body).assert_problem(413, "limit-reached");

    let headers = served.headers();
    let mut chunked = format!(
        "POST /v1/operations HTTP/1.1\r\n{headers}Content-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        body.len()
    )
    .into_bytes();
    chunked.extend_from_slice(&body);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    served.send(&chunked).assert_problem(413, "limit-reached");
    assert_eq!(served.shelf.count_performed(), 1);

    let receipt = "x".repeat(OPERATION_BYTES_MAX);
    let refused = served.client().perform(Operation::ReceiptVerify { receipt }).unwrap_err();
    assert_eq!(refused.code, Code::LimitReached);
}

#[test]
fn headers_over_the_limit_are_refused() {
    let served = Served::start();
    let long = format!("{}X-Long: {}\r\n", served.headers(), "x".repeat(HEADER_BYTES_MAX));
    assert_eq!(served.post(&long, STATUS).status, 431);
    let many = format!("{}{}", served.headers(), "X-Many: x\r\n".repeat(100));
    assert_eq!(served.post(&many, STATUS).status, 431);
    assert_eq!(served.shelf.count_performed(), 0);
}

#[test]
fn slow_headers_and_idle_connections_are_cut_off() {
    let served = Served::with_bounds(Bounds { header_ms_max: 300, ..Bounds::default() });
    for beginning in [&b""[..], b"POST /v1/operations HTTP/1.1\r\nHost: "] {
        let mut stream = served.connect();
        let started = Instant::now();
        // A byte now and then does not keep the connection.
        let mut dripping = stream.try_clone().unwrap();
        dripping.write_all(beginning).unwrap();
        if !beginning.is_empty() {
            thread::spawn(move || {
                while dripping.write_all(b"x").is_ok() {
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
        let mut rest = Vec::new();
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
        let waited = started.elapsed();
        assert!(waited >= Duration::from_millis(250), "{waited:?}");
        assert!(waited < Duration::from_secs(10), "{waited:?}");
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
}

#[test]
fn slow_bodies_are_cut_off() {
    let bounds = Bounds { operation_ms_max: 300, stall_ms_max: 300, ..Bounds::default() };
    let served = Served::with_bounds(bounds);
    let headers = served.headers();
    for line in ["POST /v1/operations", "PUT /v1/blobs"] {
        let mut stream = served.connect();
        let head = format!(
            "{line} HTTP/1.1\r\n{headers}Content-Type: application/json\r\n\
             Content-Length: 100\r\n\r\nslow"
        );
        stream.write_all(head.as_bytes()).unwrap();
        Answer::read(&mut stream).assert_problem(408, "invalid-request");
    }
}

#[test]
fn a_caller_that_takes_nothing_is_cut_off() {
    let bounds = Bounds { stall_ms_max: 300, connections_max: 1, ..Bounds::default() };
    let served = Served::with_bounds(bounds);
    let bytes = vec![3; 32 * 1024 * 1024];
    let content = content_id(&bytes);
    served.shelf.blobs.lock().unwrap().insert(content, bytes.clone());
    let mut stream = served.connect();
    let request = format!("GET /v1/blobs/{content} HTTP/1.1\r\n{}\r\n", served.headers());
    stream.write_all(request.as_bytes()).unwrap();
    // Its connection is given up while it still holds its end: there is room for another.
    eventually(|| served.client().perform(Operation::NodeStatus).is_ok());
    let mut taken = Vec::new();
    // Reset, or closed after what the socket held; never the whole blob.
    drop(stream.read_to_end(&mut taken));
    assert!(taken.len() < bytes.len(), "{} bytes were taken", taken.len());
    assert!(!taken.ends_with(b"0\r\n\r\n"));
}

#[test]
fn connections_over_the_limit_are_turned_away_until_one_ends() {
    let served = Served::with_bounds(Bounds { connections_max: 2, ..Bounds::default() });
    let mut held: Vec<TcpStream> = (0..2).map(|_| served.connect()).collect();
    let mut refused = served.connect();
    Answer::read(&mut refused).assert_problem(503, "busy");
    let problem = served.client().perform(Operation::NodeStatus).unwrap_err();
    assert_eq!(problem.code, Code::Busy);
    drop(held.pop());
    eventually(|| served.client().perform(Operation::NodeStatus).is_ok());
}

#[test]
fn calls_over_the_limit_are_busy_and_those_inside_go_on() {
    let bounds = Bounds { prompt_calls_max: 2, waiting_calls_max: 1, ..Bounds::default() };
    let served = Served::with_bounds(bounds);
    thread::scope(|scope| {
        let inside: Vec<_> =
            (0..2).map(|_| scope.spawn(|| served.client().perform(gate()))).collect();
        eventually(|| served.shelf.count_performed() == 2);
        let refused = served.client().perform(Operation::NodeStatus).unwrap_err();
        assert_eq!(refused.code, Code::Busy, "{refused}");

        // The other kinds have places of their own.
        let waiting = scope.spawn(|| served.client().perform(events(20_000)));
        eventually(|| served.shelf.count_performed() == 3);
        assert_eq!(served.client().perform(events(1)).unwrap_err().code, Code::Busy);
        assert_eq!(served.client().put_blob(&mut &b"x"[..]).unwrap().1, 1);

        served.shelf.open_gate();
        for call in inside {
            assert_eq!(call.join().unwrap(), Ok(Reply::Done));
        }
        assert_eq!(waiting.join().unwrap(), Ok(Reply::TaskEvents(Vec::new())));
    });
    assert_eq!(served.client().perform(Operation::NodeStatus), Ok(Reply::Done));
}

#[test]
fn a_caller_that_goes_away_keeps_its_place_until_its_call_ends() {
    let served = Served::with_bounds(Bounds { prompt_calls_max: 1, ..Bounds::default() });
    let mut gone = served.connect();
    let body = serde_json::to_string(&gate()).unwrap();
    let headers = served.headers();
    let request = format!(
        "POST /v1/operations HTTP/1.1\r\n{headers}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    gone.write_all(request.as_bytes()).unwrap();
    eventually(|| served.shelf.count_performed() == 1);
    drop(gone);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(served.client().perform(Operation::NodeStatus).unwrap_err().code, Code::Busy);
    served.shelf.open_gate();
    eventually(|| served.client().perform(Operation::NodeStatus).is_ok());
}

#[test]
fn waiting_for_events_is_bounded_and_answers_when_the_time_is_over() {
    let served = Served::start();
    let started = Instant::now();
    assert_eq!(served.client().perform(events(200)), Ok(Reply::TaskEvents(Vec::new())));
    assert!(started.elapsed() >= Duration::from_millis(200));

    served.shelf.open_gate();
    served.client().perform(events(u64::MAX)).unwrap();
    let asked = served.shelf.performed.lock().unwrap().last().cloned();
    assert_eq!(asked, Some(events(ainur_api::http::bounds::WAIT_MS_MAX)));
}

/// Memory of this process.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn ten_thousand_idle_connections_cost_little_and_keep_nobody_out_for_long() {
    let header_ms_max = 3_000;
    let served = Served::with_bounds(Bounds { header_ms_max, ..Bounds::default() });
    // Both ends are in this process.
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let most = files.map_or(10_000, |files| (files * 2 / 3) as usize).min(10_000);
    let before = resident_bytes();
    let mut idle = Vec::with_capacity(most);
    for _ in 0..most {
        match TcpStream::connect(served.address) {
            Ok(stream) => idle.push(stream),
            Err(error) => panic!("connection {}: {error}", idle.len()),
        }
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 192 << 20, "{grown} bytes for {most} connections");
    eventually(|| served.post_admitted(STATUS).status == 200);
    drop(idle);
}
