//! A request of HTTP/1 in its parts, and ways to write it that nobody should.
use serde_json::Value;

use crate::json::Tree;
use crate::random::Random;

/// A request that is not written yet.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    version: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Content,
    line_end: &'static [u8],
    framing: Framing,
}

/// What a request carries.
#[derive(Clone)]
pub(crate) enum Content {
    Nothing,
    Json(Tree),
    Raw(Vec<u8>),
}

/// How the end of the body is told.
#[derive(Clone)]
enum Framing {
    Length,
    Chunks(usize),
    /// These headers, whatever the body.
    Stated(Vec<(&'static str, String)>),
    /// The body as chunks that are not well-formed.
    Broken(&'static str),
}

/// Headers that mean something, with values that are right, wrong, or too much.
const HEADERS: [(&str, &[u8]); 52] = [
    ("Expect", b"100-continue"),
    ("Expect", b"the unexpected"),
    ("Upgrade", b"h2c"),
    ("Upgrade", b"websocket"),
    ("HTTP2-Settings", b"AAMAAABkAARAAAAAAAIAAAAA"),
    ("Connection", b"close"),
    ("Connection", b"keep-alive, Upgrade, HTTP2-Settings"),
    ("Connection", b"Content-Length"),
    ("Origin", b"https://evil.example"),
    ("Origin", b"null"),
    ("Origin", b"http://localhost:3000"),
    ("Host", b"evil.example"),
    ("Host", b"127.0.0.1:1, evil.example"),
    ("Host", b"user@127.0.0.1"),
    ("Host", b""),
    ("X-Forwarded-Host", b"evil.example"),
    ("X-Forwarded-Proto", b"https"),
    ("X-HTTP-Method-Override", b"DELETE"),
    ("Accept", b"text/event-stream"),
    ("Accept", b"*/*;q=0"),
    ("Accept", b"\xff"),
    ("Accept-Encoding", b"gzip, br, *;q=0"),
    ("Content-Encoding", b"gzip"),
    ("Content-Type", b"application/json; charset=utf-16"),
    ("Content-Type", b"application/grpc"),
    ("Content-Type", b"multipart/form-data; boundary=x"),
    ("Content-Type", b"text/plain"),
    ("Content-Type", b"\xe2\x82\xac"),
    ("Range", b"bytes=0-,-1"),
    ("If-None-Match", b"*"),
    ("Trailer", b"Content-Length"),
    ("TE", b"trailers, deflate;q=0.5"),
    ("Authorization", b"Basic dXNlcjpwYXNzd29yZA=="),
    ("Authorization", b"Bearer"),
    ("Authorization", b"Bearer \xff"),
    ("Authorization", b"bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("A2A-Version", b"1.0"),
    ("A2A-Version", b"0.3"),
    ("A2A-Version", b"99999999999999999999.0"),
    ("A2A-Version", b"\xff"),
    ("A2A-Extensions", b"https://a.example, https://b.example"),
    ("Last-Event-ID", b"4294967296"),
    ("Last-Event-ID", b"-1"),
    ("Last-Event-ID", b"0/0/0"),
    ("Mcp-Session-Id", b"00000000-0000-0000-0000-000000000000"),
    ("Mcp-Session-Id", b"\x80"),
    ("MCP-Protocol-Version", b"2999-01-01"),
    ("MCP-Protocol-Version", b"2025-11-25"),
    ("Mcp-Method", b"tools/call"),
    ("Mcp-Name", b"=?base64?//8=?="),
    ("Idempotency-Key", b"a b"),
    ("Cookie", b"a=b; c"),
];

/// Values that a header may have by mistake.
const VALUES: [&[u8]; 20] = [
    b"",
    b"0",
    b"1",
    b"-1",
    b"4294967295",
    b"4294967296",
    b"18446744073709551616",
    b"0x10",
    b"1e9",
    b"1.0",
    b"0.3",
    b"a",
    b"a, b",
    b"a b",
    b"\xc3\xa9",
    b"\xff",
    b"\"quoted",
    b"*",
    b"application/json",
    b"../../etc/passwd",
];

const METHODS: [&str; 14] = [
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PRI",
    "get",
    "P\0ST",
    "",
    "MKCALENDAR-AND-MORE",
];

const LINE_ENDS: [&[u8]; 4] = [b"\n", b"\r", b"\r\r\n", b"\n\r"];

const VERSIONS: [&str; 8] =
    ["HTTP/1.0", "HTTP/1.1", "HTTP/0.9", "HTTP/2.0", "HTTP/1.10", "http/1.1", "HTTP/1.1 ", ""];

/// Pieces that are put into targets.
const PIECES: [&[u8]; 24] = [
    b"/",
    b"//",
    b"/..",
    b"/%2e%2e/",
    b"%00",
    b"%ff",
    b"%",
    b"%zz",
    b"?",
    b"?limit=1",
    b"&limit=2",
    b"?after=-1",
    b"?wait=99999999999999999999",
    b"#fragment",
    b"\xff",
    b"+",
    b";a=b",
    b"\\",
    b":",
    b"@evil.example",
    b"?before=18446744073709551615",
    b"?A2A-Version=1.0",
    b"?=&&=",
    b"*",
];

/// Bodies in chunks that are not.
const CHUNKS: [&str; 10] = [
    "FFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n",
    "-1\r\nx\r\n0\r\n\r\n",
    "1\r\nxy\r\n0\r\n\r\n",
    "1;name=\"value\"\r\nx\r\n0\r\n\r\n",
    "0x1\r\nx\r\n0\r\n\r\n",
    "\r\n\r\n",
    "1\nx\n0\n\n",
    "0\r\nContent-Length: 5\r\nAuthorization: Bearer x\r\n\r\n",
    "2\r\n{}\r\n",
    "zz\r\n",
];

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            version: b"HTTP/1.1".to_vec(),
            headers: Vec::new(),
            body: Content::Nothing,
            line_end: b"\r\n",
            framing: Framing::Length,
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Content::Json(Tree::from(body));
        self
    }

    pub(crate) fn raw(mut self, body: &[u8]) -> Self {
        self.body = Content::Raw(body.to_vec());
        self
    }

    /// The body as it will be.
    pub(crate) fn content(&self) -> Vec<u8> {
        match &self.body {
            Content::Nothing => Vec::new(),
            Content::Json(tree) => tree.to_bytes(),
            Content::Raw(raw) => raw.clone(),
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let body = self.content();
        let mut bytes =
            [&self.method[..], b" ", &self.target, b" ", &self.version, self.line_end].concat();
        let mut line = |name: &[u8], value: &[u8]| {
            bytes.extend_from_slice(&[name, b": ", value, self.line_end].concat());
        };
        self.headers.iter().for_each(|(name, value)| line(name, value));
        let chunked = |line: &mut dyn FnMut(&[u8], &[u8])| line(b"Transfer-Encoding", b"chunked");
        let written = match &self.framing {
            Framing::Length => {
                if !matches!(self.body, Content::Nothing) {
                    line(b"Content-Length", body.len().to_string().as_bytes());
                }
                body
            }
            Framing::Chunks(size) => {
                chunked(&mut line);
                let mut written = Vec::new();
                for chunk in body.chunks(*size) {
                    written.extend(format!("{:x}\r\n", chunk.len()).bytes());
                    written.extend_from_slice(chunk);
                    written.extend(b"\r\n");
                }
                [&written[..], b"0\r\n\r\n"].concat()
            }
            Framing::Stated(headers) => {
                headers.iter().for_each(|(name, value)| line(name.as_bytes(), value.as_bytes()));
                body
            }
            Framing::Broken(chunks) => {
                chunked(&mut line);
                chunks.as_bytes().to_vec()
            }
        };
        [&bytes, self.line_end, &written].concat()
    }

    /// Changes the first line, the headers or the framing.
    pub(crate) fn mutate(&mut self, random: &mut Random) {
        for _ in 0..=random.length(3) {
            self.change(random);
        }
    }

    fn change(&mut self, random: &mut Random) {
        let at = random.below(self.headers.len() + 1);
        match random.below(28) {
            0..=4 => {
                let (name, value) = *random.pick(&HEADERS);
                self.headers.retain(|(other, _)| {
                    !other.eq_ignore_ascii_case(name.as_bytes()) || random.chance(30)
                });
                self.headers.push((name.into(), value.to_vec()));
            }
            20..=27 if at < self.headers.len() => {
                self.headers[at].1 = random.pick(&VALUES).to_vec();
            }
            5 if at < self.headers.len() => drop(self.headers.remove(at)),
            6 if at < self.headers.len() => {
                let again = self.headers[at].clone();
                let times = [1, 2, 70, 200][random.below(4)];
                self.headers.extend(vec![again; times]);
            }
            7 if at < self.headers.len() => {
                let (name, value) = &mut self.headers[at];
                crate::bytes::mutate(if random.chance(30) { name } else { value }, random);
            }
            8 if at < self.headers.len() => fold(&mut self.headers[at], random),
            9 => {
                let value = vec![b'v'; [100, 8_000, 33_000, 70_000][random.below(4)]];
                self.headers.push((b"X-Long".to_vec(), value));
            }
            10 => self.line_end = *random.pick(&LINE_ENDS),
            11 => self.version = random.pick(&VERSIONS).as_bytes().to_vec(),
            12 => self.method = random.pick(&METHODS).as_bytes().to_vec(),
            13..=15 => self.change_target(random),
            _ => self.framing = self.other_framing(random),
        }
    }

    fn change_target(&mut self, random: &mut Random) {
        let at = random.below(self.target.len() + 1);
        match random.below(5) {
            0 => crate::bytes::mutate(&mut self.target, random),
            1 => drop(self.target.splice(0..0, *b"http://evil.example:80")),
            2 => self.target.extend(vec![b'a'; [100, 9_000, 70_000][random.below(3)]]),
            3 => self.target.extend(b"&limit=1".repeat(random.length(100))),
            _ => drop(self.target.splice(at..at, random.pick(&PIECES).iter().copied())),
        }
    }

    fn other_framing(&self, random: &mut Random) -> Framing {
        let length = self.content().len();
        let lengths = |length: &[String]| {
            Framing::Stated(length.iter().map(|it| ("Content-Length", it.clone())).collect())
        };
        let text = |length: usize| length.to_string();
        match random.below(13) {
            0..=2 => Framing::Chunks(1 + random.length(length.max(1))),
            3 => lengths(&[text(length.saturating_sub(1))]),
            // The rest never comes.
            4 => lengths(&[text(length + 1 + random.length(100))]),
            5 => lengths(&[text(length), text(length + 1)]),
            6 => lengths(&[text(length), text(length)]),
            7 => lengths(&["18446744073709551616".into()]),
            8 => lengths(&[random.pick(&["-1", "+1", "0x1", " ", "1, 1", "1e1", "9"]).to_string()]),
            9 => Framing::Stated(vec![
                ("Content-Length", text(length)),
                ("Transfer-Encoding", "chunked".into()),
            ]),
            10 => {
                let codings =
                    ["identity", "gzip, chunked", "chunked, chunked", "chunked, gzip", "x"];
                Framing::Stated(vec![("Transfer-Encoding", random.pick(&codings).to_string())])
            }
            11 => Framing::Stated(Vec::new()),
            _ => Framing::Broken(CHUNKS[random.below(CHUNKS.len())]),
        }
    }
}

/// A header over two lines, or one that looks like another.
fn fold((name, value): &mut (Vec<u8>, Vec<u8>), random: &mut Random) {
    let at = random.below(value.len() + 1);
    let folds: [&[u8]; 6] =
        [b"\r\n ", b"\r\n\t", b"\n", b"\r", b"\r\nX-Injected: 1\r\nX-Rest: ", b"\0"];
    drop(value.splice(at..at, random.pick(&folds).iter().copied()));
    if random.chance(20) {
        name.extend(b" ");
    }
}
