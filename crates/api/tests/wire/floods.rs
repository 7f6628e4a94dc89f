//! Callers who break the rules of HTTP/2, frame by frame.
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ainur_api::a2a::Config;
use ainur_api::http::Bounds;

use crate::bazaar::Served;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Memory that a flood may cost, and the tests beside it: far below what it would send.
const GROWTH_KIB_MAX: u64 = 96 * 1024;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// `GET /healthz`, as a block of headers.
fn block(served: &Served) -> Vec<u8> {
    let authority = served.address.to_string();
    let length = u8::try_from(authority.len()).unwrap();
    [&[0x82, 0x86, 0x04, 8][..], b"/healthz", &[0x01, length], authority.as_bytes()].concat()
}

fn connect(served: &Served) -> TcpStream {
    let mut stream = TcpStream::connect(served.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).unwrap();
    stream
}

/// Sends the same again and again until the server has had enough; how many bytes it took.
fn pour(stream: &mut TcpStream, bytes_max: usize, mut next: impl FnMut() -> Vec<u8>) -> usize {
    let mut sent = 0;
    while sent < bytes_max {
        let bytes = next();
        if let Err(error) = stream.write_all(&bytes) {
            let timed_out = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            assert!(!timed_out, "the server neither reads nor closes");
            return sent;
        }
        sent += bytes.len();
    }
    sent
}

/// Kinds of the frames that came, until one of the last kind or the end.
fn frames(stream: &mut TcpStream, last: Option<u8>) -> Vec<u8> {
    let mut kinds = Vec::new();
    let mut head = [0; 9];
    while stream.read_exact(&mut head).is_ok() {
        let length = u64::from(u32::from_be_bytes([0, head[0], head[1], head[2]]));
        kinds.push(head[3]);
        if std::io::copy(&mut stream.take(length), &mut std::io::sink()).is_err() {
            break;
        }
        if last == Some(head[3]) {
            break;
        }
    }
    kinds
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[track_caller]
fn assert_unharmed(served: &Served, before_kib: u64) {
    let after = resident_kib();
    assert!(after < before_kib + GROWTH_KIB_MAX, "{before_kib} KiB became {after}");
    assert_eq!(served.ask("GET", "/healthz", "", b"").status, 200);
}

#[test]
fn rapid_resets_end_the_connection() {
    let served = Served::start();
    let before = resident_kib();
    let mut stream = connect(&served);
    let block = block(&served);
    let mut id = 1;
    let sent = pour(&mut stream, 512 * 1024 * 1024, || {
        let mut bytes = Vec::new();
        for _ in 0..100 {
            bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, id, &block));
            bytes.extend(frame(RESET, 0, id, &8_u32.to_be_bytes()));
            id += 2;
        }
        bytes
    });
    assert!(sent < 16 * 1024 * 1024, "{sent} bytes of resets were taken");
    assert_unharmed(&served, before);
}

#[test]
fn headers_that_never_end_end_the_connection() {
    let served = Served::start();
    let before = resident_kib();
    let mut stream = connect(&served);
    stream.write_all(&frame(HEADERS, END_STREAM, 1, &block(&served))).unwrap();
    // A name and a value of one letter, not to be remembered.
    let more = b"\x00\x01a\x01b".repeat(1_000);
    let sent = pour(&mut stream, 512 * 1024 * 1024, || frame(CONTINUATION, 0, 1, &more));
    assert!(sent < 16 * 1024 * 1024, "{sent} bytes of headers were taken");
    let mut stream = connect(&served);
    stream.write_all(&frame(HEADERS, END_STREAM, 1, &block(&served))).unwrap();
    let sent = pour(&mut stream, 16 * 1024 * 1024, || frame(CONTINUATION, 0, 1, &[]));
    assert!(sent < 1024 * 1024, "{sent} bytes of empty frames were taken");
    assert_unharmed(&served, before);
}

#[test]
fn headers_that_trickle_do_not_keep_a_connection() {
    let bounds = Bounds { header_ms_max: 300, ..Bounds::default() };
    let served = Served::with(Config::default(), bounds);
    let mut stream = connect(&served);
    let mut dripping = stream.try_clone().unwrap();
    dripping.write_all(&frame(HEADERS, END_STREAM, 1, &block(&served))).unwrap();
    let dripped = std::thread::spawn(move || {
        while dripping.write_all(&frame(CONTINUATION, 0, 1, b"\x00\x01a\x01b")).is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let started = Instant::now();
    frames(&mut stream, None);
    drop(stream);
    dripped.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn headers_that_unfold_are_refused() {
    let served = Served::start();
    let before = resident_kib();
    let mut stream = connect(&served);
    // One header of 4,000 bytes to be remembered, and then a byte for each time it is meant.
    let value = "x".repeat(4_000);
    let length = 4_000_usize - 127;
    let low = u8::try_from(length & 0x7f).unwrap() | 0x80;
    let high = u8::try_from(length >> 7).unwrap();
    let remembered = [&[0x40, 1, b'a', 0x7f, low, high][..], value.as_bytes()].concat();
    let bomb = [block(&served), remembered, vec![0xbe; 8_000]].concat();
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &bomb)).unwrap();
    stream.write_all(&frame(PING, 0, 0, &[0; 8])).unwrap();
    let mut heard = vec![0; 4096];
    let mut all = Vec::new();
    // The answer that the request is too large, or the end.
    while let Ok(length @ 1..) = stream.read(&mut heard) {
        all.extend_from_slice(&heard[..length]);
        if all.windows(3).any(|kind| kind == [PING, 1, 0]) {
            break;
        }
    }
    assert!(!all.windows(15).any(|bytes| bytes == br#"{"status":"ok"}"#));
    assert_unharmed(&served, before);
}

#[test]
fn caller_that_asks_and_takes_nothing_is_left() {
    let bounds = Bounds { stall_ms_max: 500, ..Bounds::default() };
    let served = Served::with(Config::default(), bounds);
    let before = resident_kib();
    let mut stream = connect(&served);
    // Every one of these wants an answer.
    let pings = frame(PING, 0, 0, &[7; 8]).repeat(1_000);
    let sent = pour(&mut stream, 512 * 1024 * 1024, || pings.clone());
    assert!(sent < 64 * 1024 * 1024, "{sent} bytes of pings were taken");
    assert_unharmed(&served, before);
}

#[test]
fn streams_over_the_limit_are_refused() {
    let served = Served::start();
    let mut stream = connect(&served);
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let block = [
        vec![0x83, 0x86, 0x04],
        text("/v1/operations"),
        vec![0x01],
        text(&served.address.to_string()),
        vec![0x0f, 8],
        text(&format!("Bearer {}", served.token.to_text())),
        vec![0x0f, 16],
        text("application/json"),
    ];
    let block = block.concat();
    // The bodies of these never come.
    let asks: Vec<u8> =
        (0..200).flat_map(|number| frame(HEADERS, END_HEADERS, number * 2 + 1, &block)).collect();
    stream.write_all(&[asks, frame(PING, 0, 0, &[0; 8])].concat()).unwrap();
    let kinds = frames(&mut stream, Some(PING));
    let resets = kinds.iter().filter(|kind| **kind == RESET).count();
    assert_eq!(resets, 200 - 128, "{kinds:?}");
    assert!(!kinds.contains(&HEADERS), "{kinds:?}");
}
