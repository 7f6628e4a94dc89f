//! HTTP/2 frame by frame, in an order and with contents that no client would send.
use crate::corpus::Seed;
use crate::random::Random;
use crate::request::Request;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const WITH_PRIORITY: u8 = 0x20;

/// The code by which a peer says that it has failed.
const INTERNAL_ERROR: u32 = 2;
/// What a status of 500 is in the table that both sides know: the server must not need it.
const STATUS_500: u8 = 0x8e;

/// Bytes from which on a conversation grows no more.
const BYTES_MAX: usize = 1024 * 1024;

/// A frame.
#[derive(Clone)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
    /// The length it says it has, where that is not its own.
    stated: Option<u32>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Frame {
    Frame { kind, flags, stream, payload: payload.into(), stated: None }
}

impl Frame {
    fn write(&self, bytes: &mut Vec<u8>) {
        let length = self.stated.unwrap_or(self.payload.len() as u32).to_be_bytes();
        bytes.extend_from_slice(&length[1..]);
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend_from_slice(&self.payload);
    }
}

/// A number in the manner of HPACK, after so many bits of a first byte.
fn number(first: u8, bits: u8, mut value: usize, bytes: &mut Vec<u8>) {
    let most = (1 << bits) - 1;
    if value < most {
        bytes.push(first | value as u8);
        return;
    }
    bytes.push(first | most as u8);
    value -= most;
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A header by its letters, not to be remembered.
fn header(name: &[u8], value: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(0);
    for text in [name, value] {
        number(0, 7, text.len(), bytes);
        bytes.extend_from_slice(text);
    }
}

/// A request as the block of headers that HTTP/2 has for it.
fn block(request: &Request, authority: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let own = [
        (&b":method"[..], &request.method[..]),
        (b":scheme", b"http"),
        (b":path", &request.target),
        (b":authority", authority.as_bytes()),
    ];
    own.iter().for_each(|(name, value)| header(name, value, &mut bytes));
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case(b"host") {
            header(&name.to_ascii_lowercase(), value, &mut bytes);
        }
    }
    bytes
}

/// A conversation of some requests, changed in a few places.
pub(crate) fn conversation(seeds: &[Seed], authority: &str, random: &mut Random) -> Vec<u8> {
    let mut frames = vec![frame(SETTINGS, 0, 0, [0, 3, 0, 0, 0, 100])];
    for number in 0..=random.length(3) as u32 {
        let seed = random.pick(seeds);
        ask(&mut frames, &seed.request, number * 2 + 1, authority, random);
    }
    frames.push(frame(PING, 0, 0, *b"the ping"));
    // Most changes end the connection, so that nothing after them is looked at.
    for _ in 0..random.length(3) {
        let bytes: usize = frames.iter().map(|frame| frame.payload.len() + 9).sum();
        if bytes < BYTES_MAX {
            change(&mut frames, random);
        }
    }
    let mut bytes = if random.chance(97) { PREFACE.to_vec() } else { PREFACE[..20].to_vec() };
    frames.iter().for_each(|frame| frame.write(&mut bytes));
    if random.chance(10) {
        crate::bytes::mutate(&mut bytes, random);
    }
    bytes
}

/// The frames of one request, in one of the ways it can be cut.
fn ask(
    frames: &mut Vec<Frame>,
    request: &Request,
    stream: u32,
    authority: &str,
    random: &mut Random,
) {
    let (mut block, body) = (block(request, authority), request.content());
    if random.chance(25) {
        strange_header(&mut block, random);
    }
    let end = if body.is_empty() { END_STREAM } else { 0 };
    let at = random.below(block.len() + 1);
    match random.below(4) {
        0 => {
            frames.push(frame(HEADERS, end, stream, &block[..at]));
            for piece in block[at..].chunks(1 + random.length(200)) {
                frames.push(frame(CONTINUATION, 0, stream, piece));
            }
            frames.push(frame(CONTINUATION, END_HEADERS, stream, []));
        }
        1 => {
            let padded = [&[3][..], &block, &[0; 3]].concat();
            frames.push(frame(HEADERS, end | END_HEADERS | PADDED, stream, padded));
        }
        2 => {
            let urgent = [&[0, 0, 0, 0, 15][..], &block].concat();
            frames.push(frame(HEADERS, end | END_HEADERS | WITH_PRIORITY, stream, urgent));
        }
        _ => frames.push(frame(HEADERS, end | END_HEADERS, stream, block)),
    }
    if body.is_empty() {
        return;
    }
    for piece in body.chunks(1 + random.length(16_384)) {
        frames.push(frame(DATA, 0, stream, piece));
    }
    frames.push(frame(DATA, END_STREAM, stream, []));
}

/// A header that is none, at the end of a block.
fn strange_header(block: &mut Vec<u8>, random: &mut Random) {
    match random.below(16) {
        0 => header(b"X-Upper", b"a", block),
        1 => header(b":path", b"/healthz", block),
        2 => header(b":status", b"200", block),
        3 => header(b"connection", b"keep-alive", block),
        4 => header(b"transfer-encoding", b"chunked", block),
        5 => header(b"te", b"gzip", block),
        6 => header(b"content-length", b"7", block),
        7 => header(b"", b"nameless", block),
        8 => header(b"x-line", b"a\r\nb", block),
        9 => header(b"x-long", &vec![b'v'; 40_000], block),
        // No index, one that nothing has, and a number without end.
        10 => block.push(0x80),
        11 => number(0x80, 7, 4_000, block),
        12 => block.extend([0xff; 12]),
        // A table larger than was agreed on, and letters of Huffman's that are none.
        13 => number(0x20, 5, 1 << 30, block),
        14 => block.extend([0x00, 0x81, 0xff, 0x81, 0xff]),
        // One that is remembered, and then meant again and again.
        _ => {
            block.extend(b"\x40\x01a");
            number(0, 7, 3_000, block);
            block.extend(vec![b'x'; 3_000]);
            block.extend(vec![0xbe; random.length(4_000)]);
        }
    }
}

fn change(frames: &mut Vec<Frame>, random: &mut Random) {
    if frames.is_empty() {
        frames.push(strange(random));
        return;
    }
    let (at, other) = (random.below(frames.len()), random.below(frames.len()));
    match random.below(11) {
        0 => frames.swap(at, other),
        1 => drop(frames.remove(at)),
        2 => {
            let again = frames[at].clone();
            let most = BYTES_MAX / 4 / (again.payload.len() + 9);
            let times = random.length(300).min(most);
            frames.splice(at..at, vec![again; times]).for_each(drop);
        }
        3 => frames[at].kind = random.below(14) as u8,
        4 => frames[at].flags ^= 1 << random.below(8),
        5 => frames[at].stream = stream(random),
        6 => crate::bytes::mutate(&mut frames[at].payload, random),
        7 => {
            let length = frames[at].payload.len() as u32;
            let lengths = [0, 1, length.wrapping_sub(1), length + 1, 16_385, 0xff_ffff];
            frames[at].stated = Some(*random.pick(&lengths) & 0xff_ffff);
        }
        8 => {
            // Requests that are taken back at once.
            let id = frames[at].stream;
            frames.insert(at + 1, frame(RESET, 0, id, 8_u32.to_be_bytes()));
        }
        _ => frames.insert(at, strange(random)),
    }
}

fn stream(random: &mut Random) -> u32 {
    *random.pick(&[0, 1, 2, 3, 5, 7, 99, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0001, u32::MAX])
}

/// A frame of the kinds that nobody sends, or not with this in it.
fn strange(random: &mut Random) -> Frame {
    let id = stream(random);
    let setting = |name: u16, value: u32| {
        frame(SETTINGS, 0, 0, [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
    };
    match random.below(22) {
        0 => setting(1, u32::MAX),
        1 => setting(2, 2),
        2 => setting(4, 1 << 31),
        3 => setting(4, 0),
        4 => setting(5, 0),
        5 => setting(5, 1 << 24),
        6 => setting(6, 1),
        7 => setting(random.next() as u16, random.next() as u32),
        8 => frame(SETTINGS, 1, 0, [0; 6]),
        9 => frame(SETTINGS, 0, 0, random.bytes(5)),
        10 => frame(SETTINGS, 0, 0, [0, 4, 0, 0, 0, 1].repeat(1 + random.length(500))),
        11 => frame(WINDOW_UPDATE, 0, id, 0_u32.to_be_bytes()),
        12 => frame(WINDOW_UPDATE, 0, id, 0x7fff_ffff_u32.to_be_bytes()),
        13 => frame(PING, 0, 0, random.bytes(7)),
        14 => frame(PING, 1, 0, [9; 8]),
        15 => frame(CONTINUATION, random.next() as u8, id, random.bytes(20)),
        16 => frame(DATA, PADDED, id, [255, 1, 2]),
        17 => frame(PUSH_PROMISE, END_HEADERS, id, [0, 0, 0, 2, 0x82]),
        18 => frame(PRIORITY, 0, id, [id.to_be_bytes().as_slice(), &[1]].concat()),
        19 => frame(GOAWAY, 0, 0, random.bytes(8)),
        20 => {
            let length = random.length(40_000);
            frame(random.below(10) as u8, 0, id, random.bytes(length))
        }
        _ => {
            let length = random.length(30);
            frame(random.next() as u8, random.next() as u8, id, random.bytes(length))
        }
    }
}

/// Whether a server that speaks HTTP/2 answered a request, as far as it is here; or what is wrong
/// with what it said.
pub(crate) fn check(mut bytes: &[u8]) -> Result<&'static str, String> {
    let (mut is_first, mut answered) = (true, "closed");
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (kind, flags) = (head[3], head[4]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        if is_first && kind != SETTINGS {
            return Err(format!("the first frame is of kind {kind}"));
        }
        is_first = false;
        let Some((payload, after)) = rest.split_at_checked(length) else { return Ok(answered) };
        let code = |at: usize| {
            let bytes = payload.get(at..at + 4)?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?))
        };
        let is_right = match kind {
            DATA | HEADERS => id % 2 == 1,
            // The server takes part in no pushing and no priorities.
            PRIORITY | PUSH_PROMISE => false,
            SETTINGS => id == 0 && length.is_multiple_of(6) && (flags & 1 == 0 || length == 0),
            PING => id == 0 && length == 8,
            RESET => length == 4 && code(0) != Some(INTERNAL_ERROR),
            GOAWAY => id == 0 && code(4) != Some(INTERNAL_ERROR),
            WINDOW_UPDATE => length == 4 && code(0) != Some(0),
            CONTINUATION => true,
            _ => false,
        };
        if !is_right || length > 16_384 {
            return Err(format!("a frame {kind} {flags} {id}: {}", payload.escape_ascii()));
        }
        if kind == HEADERS {
            answered = "answered";
        }
        if kind == HEADERS && payload.first() == Some(&STATUS_500) {
            return Err(format!("status 500 on stream {id}"));
        }
        bytes = after;
    }
    Ok(answered)
}
