//! Clients who take, keep or send more than their part.
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ainur_api::access::{Allowances, TASK_BYTES};
use ainur_api::http::Bounds;
use ainur_api::http::bounds::PUBLIC_BODY_BYTES_MAX;
use ainur_api::view::Scope;

use crate::market::{ECHO, SLOW};
use crate::served::{Answer, Served, eventually, task};

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
const STREAM: &str = "Accept: text/event-stream\r\n";
/// By when a token that was taken back opens nothing any more, with room for a slow machine.
const LAPSED: Duration = Duration::from_secs(5);

fn allowed(allowances: Allowances) -> Served {
    Served::of(LOOPBACK, |server| server.with_allowances(Arc::new(allowances)))
}

fn put(served: &Served, token: &str, bytes: usize) -> Answer {
    let more = format!("Content-Length: {bytes}\r\n");
    served.ask_with("PUT /v1/blobs", token, &more, &vec![7; bytes])
}

#[test]
fn a_client_makes_the_node_keep_so_much_a_day_and_no_more() {
    let served = allowed(Allowances::new(100_000, 1));
    let (greedy, modest) =
        (served.token("greedy", Scope::Spend), served.token("modest", Scope::Spend));
    assert_eq!(put(&served, &greedy, 60_000).status, 200);
    let refused = put(&served, &greedy, 50_000).assert_problem(429, "limit-reached");
    assert!(refused.contains("KEPT_BYTES_PER_DAY_MAX") && refused.contains("100000"), "{refused}");
    // What was not kept does not count: there is room for two tasks, of any kind.
    const { assert!(2 * TASK_BYTES < 40_000 && 3 * TASK_BYTES > 40_000) };
    let keyed = || {
        let key = "Idempotency-Key: once\r\n";
        served.send_with("POST /v1/tasks", &greedy, key, &task(ECHO))
    };
    assert_eq!(keyed().status, 201);
    let unknown = served.send("POST /v1/tasks", &greedy, &task("no.such"));
    assert_eq!(unknown.status, 422, "{unknown:?}");
    served.announce(ECHO, &greedy);
    let refused = served.send("POST /v1/tasks", &greedy, &task(ECHO));
    refused.assert_problem(429, "limit-reached");
    let again = keyed();
    assert!(matches!(again.status, 200 | 201), "what was bought is found for nothing: {again:?}");
    for token in [&modest, &served.owner] {
        assert_eq!(put(&served, token, 90_000).status, 200);
    }
    assert_eq!(put(&served, &served.owner, 200_000).status, 200);
    let everything = served.token("everything", Scope::Admin);
    assert_eq!(put(&served, &everything, 200_000).status, 200);

    let open = |token: &str| served.send("POST /v1/budgets", token, r#"{"limit":"5"}"#);
    assert_eq!(open(&greedy).status, 201);
    let refused = open(&greedy).assert_problem(429, "limit-reached");
    assert!(refused.contains("BUDGETS_PER_DAY_MAX"), "{refused}");
    assert_eq!(open(&modest).status, 201);
    let operation = r#"{"operation":"budget-open","limit":"5","period_ms":null,"parent":null}"#;
    let around = served.send("POST /v1/operations", &modest, operation);
    around.assert_problem(429, "limit-reached");
}

#[test]
fn bytes_of_bodies_are_shared_out() {
    let served = Served::with_bounds(Bounds { held_bytes_max: 1 << 20, ..Bounds::default() });
    let (greedy, modest) =
        (served.token("greedy", Scope::Read), served.token("modest", Scope::Read));
    let json =
        |bytes: usize| format!("Content-Type: application/json\r\nContent-Length: {bytes}\r\n");
    let line = "POST /v1/operations";
    // All but the last byte of a body that is kept until it came.
    let begin =
        |token: &str, bytes: usize| served.open(line, token, &json(bytes), &vec![b' '; bytes - 1]);
    let mut first = begin(&greedy, 200_000);
    let refuse = |token: &str, bytes: usize| {
        let answer = served.ask_with(line, token, &json(bytes), &vec![b' '; bytes]);
        if answer.status == 400 {
            return false;
        }
        assert!(answer.assert_problem(503, "busy").contains("HELD_BYTES_MAX"));
        assert_eq!(answer.header("retry-after"), "1");
        true
    };
    eventually(|| refuse(&greedy, 100_000));
    assert!(!refuse(&greedy, 10_000) && !refuse(&modest, 200_000));
    assert!(refuse(&modest, 300_000), "a quarter is the most");
    assert!(!refuse(&served.owner, 700_000));
    first.write_all(b" ").unwrap();
    assert_eq!(Answer::read(&mut first).status, 400);
    eventually(|| !refuse(&greedy, 100_000));
    // Three clients and strangers cannot take what is left to the operator.
    let names = ["a", "b", "c", "d"].map(|name| served.token(name, Scope::Read));
    let held: Vec<_> = names.iter().map(|token| begin(token, 220_000)).collect();
    eventually(|| refuse(&modest, 100_000));
    assert!(!refuse(&served.owner, 100_000));
    drop(held);
}

#[test]
fn strangers_send_little() {
    let served = Served::start();
    let text = "x".repeat(PUBLIC_BODY_BYTES_MAX);
    let body = format!(r#"{{"query":{{"text":"stone","filter":{{"name":"{text}"}}}}}}"#);
    served.send("POST /search", "", &body).assert_problem(413, "limit-reached");
    let body = r#"{"query":{"text":"stone"}}"#;
    assert_eq!(served.send("POST /search", "", body).status, 200);
}

#[test]
fn a_client_opens_its_part_of_the_streams() {
    let served = Served::with_bounds(Bounds { streams_max: 8, ..Bounds::default() });
    let greedy = served.token("greedy", Scope::Spend);
    let modest = served.token("modest", Scope::Spend);
    let open = |token: &str| {
        let id = served.announce(SLOW, token);
        served.open(&format!("GET /v1/tasks/{id}/events"), token, STREAM, b"")
    };
    let _held = [open(&greedy), open(&greedy)];
    eventually(|| served.market.waiting() == 2);
    Answer::read(&mut open(&greedy)).assert_problem(429, "limit-reached");
    let mut other = open(&modest);
    let mut heard = [0; 12];
    other.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"HTTP/1.1 200");
}

#[test]
fn a_stream_ends_with_a_word_when_its_token_is_taken_back() {
    let served = Served::start();
    let token = served.token("gone", Scope::Spend);
    let id = served.announce(SLOW, &token);
    let line = format!("GET /v1/tasks/{id}/events");
    let mut stream = served.open(&line, &token, STREAM, b"");
    let mut kept = served.open(&line, &served.owner, STREAM, b"");
    let body = task(SLOW);
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let mut waiting = served.open("POST /v1/tasks?wait=60", &token, &more, body.as_bytes());
    eventually(|| served.market.waiting() == 3);
    let began = Instant::now();
    assert_eq!(served.ask("DELETE /v1/tokens/gone", &served.owner).status, 204);
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert!(began.elapsed() < LAPSED, "{:?}", began.elapsed());
    let (_, last) = heard.split_once("event: problem\ndata: ").expect("a last word");
    assert!(last.contains(r#""status":401"#) && last.contains("unauthorized"), "{last}");
    Answer::read(&mut waiting).assert_problem(401, "unauthorized");
    assert!(began.elapsed() < LAPSED, "{:?}", began.elapsed());
    // Others go on.
    served.market.finish(&id, b"done");
    let mut heard = String::new();
    kept.read_to_string(&mut heard).unwrap();
    assert!(heard.contains("event: end"), "{heard}");
}

/// An address of this machine that is not loopback.
fn outer_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: it is only asked which way that would go.
    socket.connect("203.0.113.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[test]
fn one_address_takes_half_of_the_connections() {
    let Some(outer) = outer_address() else { return eprintln!("skipped: only loopback here") };
    let bounds = Bounds { connections_max: 8, ..Bounds::default() };
    let served = Served::bound_to([0, 0, 0, 0], bounds);
    let connect = || TcpStream::connect((outer, served.address.port())).unwrap();
    let held: Vec<_> = (0..4).map(|_| connect()).collect();
    let mut more = connect();
    Answer::read(&mut more).assert_problem(503, "busy");
    // From this machine itself there is room.
    let port = served.address.port();
    let mut near = TcpStream::connect(SocketAddr::from((LOOPBACK, port))).unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nHost: x:{port}\r\nConnection: close\r\n\r\n");
    near.write_all(head.as_bytes()).unwrap();
    assert_eq!(Answer::read(&mut near).status, 200);
    drop(held);
}
