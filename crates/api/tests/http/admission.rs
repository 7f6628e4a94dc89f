//! Who is let in.
use ainur_api::http::{Client, Token};
use ainur_api::problem::Code;
use ainur_api::{Operation, Service};

use crate::shelf::Served;

const STATUS: &[u8] = br#"{"operation":"node-status"}"#;

#[test]
fn health_needs_no_token_and_tells_nothing_else() {
    let served = Served::start();
    let answer = served.send(
        format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", served.address)
            .as_bytes(),
    );
    assert_eq!((answer.status, &answer.body[..]), (200, &br#"{"status":"ok"}"#[..]));
}

#[test]
fn missing_malformed_and_wrong_tokens_are_refused_on_every_route() {
    let served = Served::start();
    let (host, right) = (format!("Host: {}\r\n", served.address), served.token.to_text());
    let wrong = Token::generate().unwrap().to_text();
    for authorization in [
        String::new(),
        "Authorization: Bearer\r\n".into(),
        "Authorization: Bearer \r\n".into(),
        format!("Authorization: Bearer {wrong}\r\n"),
        format!("Authorization: Basic {right}\r\n"),
        format!("Authorization: {right}\r\n"),
        format!("Authorization: Bearer {}\r\n", &right[..42]),
        format!("Authorization: Bearer {right}\r\nAuthorization: Bearer {wrong}\r\n"),
    ] {
        for line in ["POST /v1/operations", "PUT /v1/blobs", "GET /v1/blobs/x", "GET /nowhere"] {
            let request = format!(
                "{line} HTTP/1.1\r\n{host}{authorization}Connection: close\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            let answer = served.send(request.as_bytes());
            answer.assert_problem(401, "unauthorized");
            assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
        }
    }
    assert_eq!(served.shelf.count_performed(), 0);

    let stranger = Client::new(served.address, Token::generate().unwrap()).unwrap();
    assert_eq!(stranger.perform(Operation::NodeStop).unwrap_err().code, Code::Unauthorized);
    let big = vec![7; 8 * 1024 * 1024];
    let refused = stranger.put_blob(&mut &big[..]).unwrap_err();
    assert_eq!(refused.code, Code::Unauthorized, "{refused}");
    assert!(served.shelf.blobs.lock().unwrap().is_empty());
    assert!(!served.stop.is_stopped());
}

#[test]
fn pages_of_other_sites_are_refused_even_with_the_token() {
    let served = Served::start();
    for origin in ["https://evil.example", "null", "http://127.0.0.1.evil.example"] {
        let headers = format!("{}Origin: {origin}\r\n", served.headers());
        served.post(&headers, STATUS).assert_problem(403, "forbidden");
    }
    let headers = format!("{}Origin: http://localhost:3000\r\n", served.headers());
    assert_eq!(served.post(&headers, STATUS).status, 200);
    assert_eq!(served.shelf.count_performed(), 1);
}

#[test]
fn names_that_were_made_to_point_here_are_refused_even_with_the_token() {
    let served = Served::start();
    let good = format!("Host: {}\r\n", served.address);
    for host in ["evil.example", "127.0.0.1:1"] {
        let headers = served.headers().replace(&good, &format!("Host: {host}\r\n"));
        served.post(&headers, STATUS).assert_problem(421, "forbidden");
    }
    let headers = served.headers().replace(&good, "");
    served.post(&headers, STATUS).assert_problem(421, "forbidden");
    assert_eq!(served.shelf.count_performed(), 0);

    let localhost = format!("Host: localhost:{}\r\n", served.address.port());
    assert_eq!(served.post(&served.headers().replace(&good, &localhost), STATUS).status, 200);
}

#[test]
fn client_sends_its_token_to_this_machine_only() {
    let token = Token::generate().unwrap();
    let refused = Client::new(([192, 0, 2, 1], 7117).into(), token.clone()).unwrap_err();
    assert_eq!(refused.code, Code::InvalidRequest);
    assert!(Client::new("[::1]:7117".parse().unwrap(), token).is_ok());
}
