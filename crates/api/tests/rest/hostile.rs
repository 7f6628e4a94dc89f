//! Input that was not meant well.
use std::io::Write;

use crate::market::SLOW;
use crate::served::{Answer, Served};

#[test]
fn deep_and_broken_json_is_refused() {
    let served = Served::start();
    let deep = |depth: usize| {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"capability":"{SLOW}","parameters":{nested},"reserve":"1"}}"#)
    };
    assert_eq!(served.send("POST /v1/tasks", &served.owner, &deep(100)).status, 201);
    for body in [
        deep(100_000).as_str(),
        "",
        "{",
        "nul",
        "\u{feff}{}",
        "{\"capability\":\"\\ud800\"}",
        r#"{"reserve":"1","reserve":"2","capability":"a.b","parameters":1}"#,
        r#"{"reserve":"340282366920938463463374607431768211456","capability":"a.b","parameters":1}"#,
        r#"{"reserve":"-1","capability":"a.b","parameters":1}"#,
        r#"{"reserve":1e400,"capability":"a.b","parameters":1}"#,
    ] {
        let answer = served.send("POST /v1/tasks", &served.owner, body);
        answer.assert_problem(400, "invalid-request");
    }
    let raw = b"{\"capability\":\"\xff\"}";
    let headers = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", raw.len());
    let answer = served.ask_with("POST /v1/tasks", &served.owner, &headers, raw);
    answer.assert_problem(400, "invalid-request");
}

#[test]
fn paths_that_are_no_text_are_refused() {
    let served = Served::start();
    for line in [
        "GET /v1/tasks/%ff",
        "GET /v1/agents/%C3%28",
        "DELETE /v1/tokens/%80",
        "GET /v1/capabilities/%ED%A0%80",
    ] {
        served.ask(line, &served.owner).assert_problem(400, "invalid-request");
    }
    for line in ["GET /v1/tasks/%00", "GET /v1/tasks/%2e%2e", "GET /v1/tasks/..%2f..%2fetc"] {
        let status = served.ask(line, &served.owner).status;
        assert!([400, 404].contains(&status), "{line}: {status}");
    }
}

#[test]
fn endless_queries_and_headers_are_refused_and_the_server_goes_on() {
    let served = Served::start();
    let phases = "phase=running&".repeat(100);
    let message = served
        .ask(&format!("GET /v1/tasks?{phases}"), &served.owner)
        .assert_problem(400, "invalid-request");
    assert!(message.contains("at most"), "{message}");

    let long = format!("GET /v1/tasks?context={}", "a".repeat(100_000));
    let headers = "X-Header: value\r\n".repeat(10_000);
    for (line, headers) in [(long.as_str(), ""), ("GET /v1/tasks", headers.as_str())] {
        let mut stream = std::net::TcpStream::connect(served.address).unwrap();
        let (address, token) = (served.address, &served.owner);
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
        );
        // The server may answer and close before it has read everything.
        drop(stream.write_all(head.as_bytes()));
        let answer = std::panic::catch_unwind(move || Answer::read(&mut stream));
        if let Ok(answer) = answer {
            assert!([400, 414, 431].contains(&answer.status), "{answer:?}");
        }
    }
    assert_eq!(served.ask("GET /v1/node", &served.owner).status, 200);
}

#[test]
fn pages_of_other_sites_learn_nothing_from_public_paths() {
    let served = Served::start();
    let origin = "Origin: https://evil.example\r\n";
    for path in ["/openapi.json", "/metrics", "/.well-known/ard.json"] {
        let answer = served.ask_with(&format!("GET {path}"), "", origin, b"");
        answer.assert_problem(403, "forbidden");
    }
}
