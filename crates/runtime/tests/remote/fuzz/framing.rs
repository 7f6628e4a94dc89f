//! How an answer is framed: as a stream of events, as a message of HTTP, and how badly.
use serde_json::Value;

use super::random::Random;
use super::{answers, mutate};

/// What is written to a connection.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) bytes: Vec<u8>,
    /// Written again and again afterwards, until nobody reads it or it is enough.
    pub(crate) endless: Vec<u8>,
    /// In pieces of at most so many bytes.
    pub(crate) piece_bytes: usize,
    /// Nothing more comes after it.
    pub(crate) is_last: bool,
}

/// An answer as it should be.
pub(crate) fn good(status: u16, media_type: &str, body: &[u8]) -> Script {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let bytes = [head.as_bytes(), body].concat();
    Script { bytes, piece_bytes: usize::MAX, ..Script::default() }
}

/// An answer with something wrong about it.
pub(crate) fn bad(random: &mut Random, mut answer: Value, may_stream: bool) -> Script {
    if random.once_in(2) {
        mutate::values(random, &mut answer);
    }
    let mut body = serde_json::to_vec(&answer).unwrap();
    if random.once_in(4) {
        mutate::bytes(random, &mut body);
    }
    let is_stream = may_stream && random.once_in(2);
    if is_stream {
        body = stream(random, &body);
    }
    let media_type = if is_stream { "text/event-stream" } else { "application/json" };
    let mut script = match random.below(3) {
        0 => message(random, media_type, &body),
        _ => good(200, media_type, &body),
    };
    if is_stream {
        // Where a stream ends is where its connection does.
        let text = String::from_utf8_lossy(&script.bytes).into_owned();
        if random.once_in(2) && text.contains("content-length") && script.endless.is_empty() {
            script.bytes =
                [b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n", &body[..]].concat();
            script.is_last = true;
        }
        if random.once_in(12) {
            script = endless_stream(random);
        }
    }
    script.piece_bytes =
        [1, 7, 100, 4_096, usize::MAX][random.below(5)].max(script.bytes.len() / 200);
    script.is_last |= random.once_in(8);
    if random.once_in(10) {
        script.bytes.truncate(random.below(script.bytes.len() + 1));
        script.is_last = true;
    }
    script
}

/// A stream of events that holds a message.
fn stream(random: &mut Random, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..random.below(4) {
        noise(random, &mut out);
    }
    let end = random.pick(&["\n", "\n", "\r\n", "\r"]);
    let mut fields = vec![[b"data: ", message].concat()];
    match random.below(8) {
        0 => fields.push(b"event: message".to_vec()),
        1 => fields.insert(0, b"id: 1".to_vec()),
        2 => fields.push(
            format!("retry: {}", random.pick(&["0", "1", "-1", "99999999999999999999", "x"]))
                .into(),
        ),
        3 => fields.push(format!("id: {}", "9".repeat(1 << random.below(20))).into()),
        4 => fields.push(b"event: endpoint".to_vec()),
        5 => fields.push(b"id: a\x01\x00b".to_vec()),
        _ => {}
    }
    for field in fields {
        out.extend(field);
        out.extend(end.as_bytes());
    }
    if !random.once_in(8) {
        out.extend(end.as_bytes());
    }
    for _ in 0..random.below(3) {
        noise(random, &mut out);
    }
    out
}

fn noise(random: &mut Random, out: &mut Vec<u8>) {
    match random.below(9) {
        0 => out.extend(b": comment\n\n"),
        1 => out.extend(b"event: ping\ndata: {}\n\n"),
        2 => out.extend(b"data: not json\n\n"),
        3 => out.extend(b"data\ndata:\n\n\n\n"),
        4 => out.extend(b"id: 7\nretry: 0\n\n"),
        5 => out.extend(b"nonsense\nfield: x\n\n"),
        6 => out.extend(b"data: \xff\xfe\n\n"),
        7 => out.extend(b"\xef\xbb\xbf\r\r\n"),
        _ => {
            let mut said = answers::unasked(random);
            if random.once_in(2) {
                mutate::values(random, &mut said);
            }
            out.extend(format!("data: {said}\n\n").bytes());
        }
    }
}

/// A stream that says the same for ever.
fn endless_stream(random: &mut Random) -> Script {
    let mut endless = Vec::new();
    match random.below(5) {
        0 => endless.extend(b": comment without end\n".repeat(100)),
        1 => endless.extend(b"data: half an event\n".repeat(100)),
        2 => endless.extend(b"x".repeat(4_096)),
        3 => endless.extend(b"\r\n".repeat(2_000)),
        _ => noise(random, &mut endless),
    }
    Script {
        bytes: b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n".to_vec(),
        endless,
        piece_bytes: usize::MAX,
        is_last: true,
    }
}

/// A message of HTTP that is none.
fn message(random: &mut Random, media_type: &str, body: &[u8]) -> Script {
    let length = body.len();
    let mut script = good(200, media_type, body);
    let head = |rest: &str| format!("HTTP/1.1 200 X\r\ncontent-type: {media_type}\r\n{rest}\r\n");
    let with = |head: String, body: &[u8]| [head.as_bytes(), body].concat();
    match random.below(16) {
        0 => script.bytes = with(head(&format!("content-length: {}\r\n", length / 2)), body),
        1 => {
            script.bytes = with(head(&format!("content-length: {}\r\n", length + 10)), body);
            script.is_last = true;
        }
        2 => script.bytes = with(head("content-length: 99999999999999999999999\r\n"), body),
        3 => script.bytes = with(head("content-length: -1\r\ncontent-length: 3\r\n"), body),
        4 => script.bytes = with(head("transfer-encoding: chunked\r\n"), &chunks(random, body)),
        5 => {
            let size =
                random.pick(&["FFFFFFFFFFFFFFFFF", "ffffffffffffffff", "x", "-1", "", "0x5"]);
            script.bytes = with(head("transfer-encoding: chunked\r\n"), size.as_bytes());
            script.bytes.extend(with("\r\n".into(), body));
        }
        6 => script
            .bytes
            .splice(0..0, b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1 << random.below(12)))
            .for_each(drop),
        7 => script
            .bytes
            .splice(0..0, b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n".repeat(50))
            .for_each(drop),
        8 => {
            let many = "x-header: value\r\n".repeat(1 << random.below(13));
            script.bytes = with(head(&format!("{many}content-length: {length}\r\n")), body);
        }
        9 => {
            let status = [204, 301, 302, 304, 307, 400, 401, 403, 404, 405, 429, 500, 503, 999];
            script = good(status[random.below(status.len())], media_type, body);
            let headers =
                "location: /again\r\nwww-authenticate: Bearer scope=\"x\r\nretry-after: 9\r\n";
            let at = script.bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            script.bytes.splice(at..at, headers.bytes()).for_each(drop);
        }
        10 => {
            // Nobody undoes it: it is no JSON then.
            let bomb =
                [&b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"[..], &b"\xed\xc1".repeat(9_999)]
                    .concat();
            script = good(200, &format!("{media_type}\r\ncontent-encoding: gzip"), &bomb);
        }
        11 => {
            script = good(
                200,
                random.pick(&["text/html", "", "*/*", "application/jsonx", "text/event-stream"]),
                body,
            )
        }
        12 => {
            script.endless = b"x-more: 1\r\n".repeat(100);
            script.bytes = b"HTTP/1.1 200 X\r\n".to_vec();
        }
        13 => {
            let session = "s".repeat(1 << random.below(15));
            let head = head(&format!("mcp-session-id: {session}\r\ncontent-length: {length}\r\n"));
            script.bytes = with(head, body);
        }
        14 => {
            script.endless = b" ".repeat(64 << 10);
            script.bytes = with(head(""), body);
        }
        _ => mutate::bytes(random, &mut script.bytes),
    }
    script.is_last |= !script.endless.is_empty();
    script
}

fn chunks(random: &mut Random, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in body.chunks(1 + random.below(100).max(body.len() / 500)) {
        out.extend(format!("{:x};{}\r\n", piece.len(), "e=1".repeat(random.below(3))).bytes());
        out.extend(piece);
        out.extend(b"\r\n");
    }
    out.extend(if random.once_in(4) { b"0\r\nx: y".as_slice() } else { b"0\r\n\r\n" });
    out
}
