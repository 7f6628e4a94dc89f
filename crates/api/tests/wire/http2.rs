//! HTTP/2 beside HTTP/1.1, with the same limits.
use std::sync::Arc;
use std::time::{Duration, Instant};

use ainur_api::Service;
use ainur_api::a2a::Config;
use ainur_api::http::{Bounds, Token};
use ainur_api::view::Scope;
use ainur_primitives::Amount;
use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use h2::SendStream;
use h2::client::ResponseFuture;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::bazaar::{Served, Stall, order};
use crate::client::{Http2, SOON, gone, hear, read};

fn bounded(bounds: Bounds) -> Served {
    Served::with(Config::default(), bounds)
}

#[tokio::test]
async fn both_versions_are_spoken_on_one_port_and_many_requests_at_once() {
    let served = Served::start();
    assert_eq!(served.ask("GET", "/healthz", "", b"").status, 200);
    let (http2, _ended) = Http2::plain(&served).await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let http2 = http2.clone();
        all.spawn(async move { http2.get("/healthz").await });
    }
    while let Some(heard) = all.join_next().await {
        let heard = heard.unwrap();
        assert_eq!((heard.status, &heard.body[..]), (StatusCode::OK, &br#"{"status":"ok"}"#[..]));
    }
    assert_eq!(served.ask("GET", "/healthz", "", b"").status, 200);
}

#[tokio::test]
async fn blobs_go_both_ways_whole() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|at| (at / 7) as u8).collect();
    let (response, mut stream) = http2.begin(http2.request(Method::PUT, "/v1/blobs")).await;
    stream.send_data(Bytes::from(bytes.clone()), true).unwrap();
    let stored = hear(response).await;
    assert_eq!(stored.status, StatusCode::OK);
    let stored: serde_json::Value = serde_json::from_slice(&stored.body).unwrap();
    assert_eq!(stored["bytes"], bytes.len());
    let path = format!("/v1/blobs/{}", stored["content"].as_str().unwrap());
    assert_eq!(http2.get(&path).await.body, bytes);
}

#[tokio::test]
async fn what_http1_refuses_is_refused() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let path = "/v1/operations";
    let mut stranger = http2.request(Method::POST, path);
    stranger.headers_mut().remove("authorization");
    assert_eq!(http2.send(stranger, b"{}").await.status, StatusCode::UNAUTHORIZED);
    let mut page = http2.request(Method::POST, path);
    page.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(http2.send(page, b"{}").await.status, StatusCode::FORBIDDEN);
    let mut rebound = http2.request(Method::POST, path);
    let port = served.address.port();
    *rebound.uri_mut() = format!("http://evil.example:{port}{path}").parse().unwrap();
    assert_eq!(http2.send(rebound, b"{}").await.status, StatusCode::MISDIRECTED_REQUEST);
    let mut two = http2.request(Method::POST, path);
    two.headers_mut().insert("host", format!("evil.example:{port}").parse().unwrap());
    assert_eq!(http2.send(two, b"{}").await.status, StatusCode::MISDIRECTED_REQUEST);
    let mut many = http2.request(Method::GET, "/healthz");
    for _ in 0..100 {
        many.headers_mut().append("x-many", "x".parse().unwrap());
    }
    let heard = http2.send(many, b"").await;
    assert_eq!(heard.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(http2.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn card_names_the_host_that_was_asked() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let card = http2.get("/.well-known/agent-card.json").await;
    let card: serde_json::Value = serde_json::from_slice(&card.body).unwrap();
    let url = format!("http://{}/a2a", served.address);
    assert_eq!(card["supportedInterfaces"][0]["url"], url);
}

#[tokio::test]
async fn stalled_answer_is_reset_and_the_others_go_on() {
    let served = bounded(Bounds { stall_ms_max: 300, ..Bounds::default() });
    let blob = vec![7; 8 * 1024 * 1024];
    let (content, _) = Stall(Arc::clone(&served.bazaar)).put_blob(&mut blob.as_slice()).unwrap();
    let (http2, _ended) = Http2::plain(&served).await;
    let path = format!("/v1/blobs/{content}");
    let (response, mut stream) = http2.begin(http2.request(Method::GET, &path)).await;
    stream.send_data(Bytes::new(), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    let started = Instant::now();
    let mut taken = 0;
    let error = loop {
        let data = timeout(SOON, body.data()).await.expect("the stream ends in time");
        match data.expect("no end as if that were all") {
            // Nothing of what is read is given back to the window of the stream.
            Ok(data) => taken += data.len(),
            Err(error) => break error,
        }
    };
    assert!(error.is_reset(), "{error}");
    assert!(taken < blob.len(), "{taken}");
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
    drop(body);
    assert_eq!(http2.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(http2.get(&path).await.body.len(), blob.len());
}

#[tokio::test]
async fn slow_bodies_are_cut_off() {
    let bounds = Bounds { operation_ms_max: 300, stall_ms_max: 300, ..Bounds::default() };
    let served = bounded(bounds);
    let (http2, _ended) = Http2::plain(&served).await;
    for (method, path) in [(Method::POST, "/v1/operations"), (Method::PUT, "/v1/blobs")] {
        let mut request = http2.request(method, path);
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        let (response, mut stream) = http2.begin(request).await;
        stream.send_data(Bytes::from_static(b"slow"), false).unwrap();
        assert_eq!(hear(response).await.status, StatusCode::REQUEST_TIMEOUT, "{path}");
    }
}

#[tokio::test]
async fn requests_over_the_limit_of_the_server_are_busy() {
    let served = bounded(Bounds { http2_requests_max: 1, ..Bounds::default() });
    let (held, _ended) = Http2::plain(&served).await;
    let mut request = held.request(Method::POST, "/v1/operations");
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    let (response, mut stream) = held.begin(request).await;
    stream.send_data(Bytes::from_static(b"\"node-"), false).unwrap();
    let (other, _ended) = Http2::plain(&served).await;
    let busy = async {
        while other.get("/healthz").await.status == StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, busy).await.expect("the place is taken");
    assert_eq!(other.get("/healthz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(served.ask("GET", "/healthz", "", b"").status, 200);
    stream.send_data(Bytes::from_static(b"nothing\""), true).unwrap();
    assert_eq!(hear(response).await.status, StatusCode::BAD_REQUEST);
    let free = async {
        while other.get("/healthz").await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, free).await.expect("the place is given back");
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let served = bounded(Bounds { header_ms_max: 300, ..Bounds::default() });
    let (http2, ended) = Http2::plain(&served).await;
    assert_eq!(http2.get("/healthz").await.status, StatusCode::OK);
    let started = Instant::now();
    timeout(SOON, ended).await.expect("closed in time").unwrap().unwrap();
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());

    // One that begins, and then neither asks nor confirms anything.
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0, 0, 0, 4, 0, 0, 0, 0, 0][..]].concat();
    for beginning in [&preface[..10], &preface] {
        let mut silent = TcpStream::connect(served.address).await.unwrap();
        silent.write_all(beginning).await.unwrap();
        let mut rest = Vec::new();
        drop(timeout(SOON, silent.read_to_end(&mut rest)).await.expect("closed in time"));
    }
}

#[tokio::test]
async fn stop_lets_running_requests_end_and_closes_the_rest() {
    let served = Served::start();
    let (http2, ended) = Http2::plain(&served).await;
    let (idle, idle_ended) = Http2::plain(&served).await;
    assert_eq!(idle.get("/healthz").await.status, StatusCode::OK);
    let (response, mut stream) = http2.begin(http2.request(Method::PUT, "/v1/blobs")).await;
    stream.send_data(Bytes::from_static(b"half and "), false).unwrap();
    assert_eq!(http2.get("/healthz").await.status, StatusCode::OK);
    served.stop.stop();
    timeout(SOON, idle_ended).await.expect("closed in time").unwrap().unwrap();
    gone(served.address).await;
    stream.send_data(Bytes::from_static(b"half"), true).unwrap();
    let response = timeout(SOON, response).await.expect("an answer in time").unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (stored, _) = read(response.into_body()).await.unwrap();
    assert!(String::from_utf8(stored).unwrap().contains("\"bytes\":13"));
    timeout(SOON, ended).await.expect("closed in time").unwrap().unwrap();
}

/// An operation whose body never comes.
async fn hold(http2: &Http2) -> (ResponseFuture, SendStream<Bytes>) {
    let mut request = http2.request(Method::POST, "/v1/operations");
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    let (response, mut stream) = http2.begin(request).await;
    stream.send_data(Bytes::from_static(b"\"node-"), false).unwrap();
    (response, stream)
}

#[tokio::test]
async fn one_client_and_all_strangers_take_their_part_of_the_requests() {
    let served = bounded(Bounds { http2_requests_max: 8, ..Bounds::default() });
    let client = |name: &str| served.bazaar.client(name, Scope::Read, Amount::ainu(1));
    let (greedy, _ended) = Http2::plain_as(&served, &client("greedy")).await;
    let (modest, _ended) = Http2::plain_as(&served, &client("modest")).await;
    let (stranger, _ended) = Http2::plain_as(&served, &Token::generate().unwrap()).await;
    let ask = |http2: Http2| async move { http2.get("/v1/limits").await.status };
    let mut held = Vec::new();
    for http2 in [&greedy, &greedy, &stranger, &stranger, &stranger, &stranger] {
        held.push(hold(http2).await);
    }
    let busy = async {
        while ask(greedy.clone()).await != StatusCode::SERVICE_UNAVAILABLE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, busy).await.expect("its places are taken");
    assert_ne!(ask(modest).await, StatusCode::SERVICE_UNAVAILABLE);
    let (owner, _ended) = Http2::plain(&served).await;
    assert_ne!(ask(owner).await, StatusCode::SERVICE_UNAVAILABLE);
    drop(held);
}

#[tokio::test]
async fn answers_that_are_not_taken_are_bounded_together() {
    let served = bounded(Bounds { held_bytes_max: 1 << 20, ..Bounds::default() });
    let text = "x".repeat(500_000);
    let mut request = order("m1", "json.echo", &json!({ "say": text }));
    request["configuration"] = json!({ "returnImmediately": true });
    let sent = served.result("SendMessage", &request);
    let (http2, _ended) = Http2::closed(&served).await;
    let show = json!({ "operation": "task-show", "task": sent["task"]["id"] }).to_string();
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut request = http2.request(Method::POST, "/v1/operations");
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        let (response, mut stream) = http2.begin(request).await;
        stream.send_data(Bytes::copy_from_slice(show.as_bytes()), true).unwrap();
        held.push(timeout(SOON, response).await.expect("a head in time").unwrap());
    }
    let statuses: Vec<_> = held.iter().map(|response| response.status().as_u16()).collect();
    assert_eq!(statuses, [200, 200, 503], "two of these are all that is held");
    assert_eq!(held[2].headers()["retry-after"], "1");
    // Little is always answered.
    assert_eq!(served.ask("GET", "/healthz", "", b"").status, 200);
    drop(held);
}
