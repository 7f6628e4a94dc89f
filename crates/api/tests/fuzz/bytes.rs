//! Changes that know nothing of what the bytes mean.
use crate::random::Random;

/// What means something to one parser or another.
const TOKENS: [&[u8]; 24] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b",",
    b":",
    b"%00",
    b"%ff",
    b"..",
    b"HTTP/1.1",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 0\r\n",
    b"chunked",
    b"0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"-1",
];

/// Numbers at the edges of what fits somewhere.
const EDGES: [u64; 9] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// Changes some bytes.
pub(crate) fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.length(6) {
        change(bytes, random);
    }
}

fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + random.length(64)).min(bytes.len());
    match random.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.next() as u8,
        2 => {
            let length = random.length(16);
            drop(bytes.splice(at..at, random.bytes(length)));
        }
        3 => drop(bytes.drain(at..end)),
        4 => {
            let again = bytes[at..end].to_vec();
            let times = 1 + random.length(64);
            drop(bytes.splice(at..at, again.repeat(times)));
        }
        5 => drop(bytes.splice(at..at, random.pick(&TOKENS).iter().copied())),
        6 => {
            let edge = random.pick(&EDGES).to_be_bytes();
            let width = 1 << random.below(4);
            let end = (at + width).min(bytes.len());
            drop(bytes.splice(at..end, edge[8 - width..].iter().copied()));
        }
        7 => bytes.truncate(at),
        _ => {
            let mut piece = bytes[at..end].to_vec();
            piece.reverse();
            drop(bytes.splice(at..end, piece));
        }
    }
}
