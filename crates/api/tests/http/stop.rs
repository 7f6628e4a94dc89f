//! How a server ends.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use ainur_api::http::{Bounds, Server, Token};
use ainur_api::problem::Code;
use ainur_api::{Operation, Reply, Service};
use ainur_primitives::DurationMs;

use crate::shelf::Served;

const SOON: Duration = Duration::from_secs(20);

#[track_caller]
fn wait_for_calls(served: &Served, count: usize) {
    let deadline = Instant::now() + SOON;
    while served.shelf.count_performed() < count {
        assert!(Instant::now() < deadline, "the call did not begin");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn node_stop_is_answered_and_then_the_server_ends() {
    let served = Served::start();
    assert_eq!(served.client().perform(Operation::NodeStop), Ok(Reply::Done));
    served.wait_for_end(SOON);
    let refused = served.client().perform(Operation::NodeStatus).unwrap_err();
    assert_eq!(refused.code, Code::Busy);
    // The address is free again.
    Server::bind(served.address, Token::generate().unwrap()).unwrap();
}

#[test]
fn calls_that_run_when_the_server_stops_are_answered() {
    let served = Served::start();
    thread::scope(|scope| {
        let gate = Operation::TaskShow { task: "gate".into() };
        let running = scope.spawn(|| served.client().perform(gate));
        wait_for_calls(&served, 1);
        served.stop.stop();
        thread::sleep(Duration::from_millis(100));
        assert!(TcpStream::connect(served.address).is_err(), "no one else is let in");
        served.shelf.open_gate();
        assert_eq!(running.join().unwrap(), Ok(Reply::Done));
    });
    served.wait_for_end(SOON);
}

#[test]
fn callers_who_wait_for_news_are_told_that_the_node_stops() {
    let served = Served::with_bounds(Bounds { stop_ms_max: 500, ..Bounds::default() });
    thread::scope(|scope| {
        let wait_ms = DurationMs(60_000);
        let events = Operation::TaskEvents { task: "a".into(), after: 0, wait_ms };
        let waiting = scope.spawn(|| served.client().perform(events));
        wait_for_calls(&served, 1);
        served.stop.stop();
        let told = waiting.join().unwrap().unwrap_err();
        assert_eq!((told.code, &*told.message), (Code::Busy, "the node is stopping"));
    });
    served.wait_for_end(SOON);
}

#[test]
fn a_call_that_does_not_end_does_not_hold_the_server_up() {
    let served = Served::with_bounds(Bounds { stop_ms_max: 200, ..Bounds::default() });
    thread::scope(|scope| {
        let gate = Operation::TaskShow { task: "gate".into() };
        let running = scope.spawn(|| served.client().perform(gate));
        wait_for_calls(&served, 1);
        served.stop.stop();
        served.wait_for_end(SOON);
        assert_eq!(running.join().unwrap().unwrap_err().code, Code::Busy);
    });
}

#[test]
fn idle_connections_do_not_hold_the_server_up() {
    let served = Served::start();
    let mut silent = served.connect();
    let mut kept = served.connect();
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    kept.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 12];
    kept.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let started = Instant::now();
    served.stop.stop();
    served.wait_for_end(SOON);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let served = Served::start();
    let taken = Server::bind(served.address, Token::generate().unwrap()).unwrap_err();
    assert!(taken.to_string().contains(&served.address.to_string()), "{taken}");
}
