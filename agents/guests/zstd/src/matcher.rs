//! Finding matches by hash chains with one step of lazy evaluation, over a window of a whole frame.
use ruzstd::encoding::{CompressionLevel, Matcher, Sequence};

/// What ruzstd encodes as one block; the format's limit.
const SPACE_BYTES: usize = 128 << 10;
/// A shorter match costs more than its literals.
const MATCH_BYTES_MIN: usize = 4;
/// What a literal costs, in bits, once it is entropy coded.
const LITERAL_BITS: usize = 5;
/// What a match costs besides the bits of its offset.
const SEQUENCE_BITS: usize = 6;
/// How much better, in bits, a match must be that begins one byte later.
const LAZY_BITS: usize = 4;
/// How many earlier places are compared before the best one is taken.
const CANDIDATES_MAX: usize = 48;
/// A match this long is taken without looking further.
const MATCH_BYTES_GOOD: usize = 96;
const HASH_BITS: u32 = 17;
const NONE: u32 = u32::MAX;

/// A matcher that remembers one whole frame.
#[derive(Debug)]
pub struct ChainMatcher {
    window_bytes: usize,
    window: Vec<u8>,
    /// Where the last committed space begins in the window.
    space_start: usize,
    /// The latest place of each hash.
    heads: Vec<u32>,
    /// The place before each place with the same hash.
    previous: Vec<u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Match {
    length: usize,
    offset: usize,
}

impl Match {
    /// What it saves, roughly, in bits.
    fn gain(self) -> usize {
        let cost = (usize::BITS - self.offset.leading_zeros()) as usize + SEQUENCE_BITS;
        (self.length * LITERAL_BITS).saturating_sub(cost)
    }
}

impl ChainMatcher {
    /// A matcher for frames of at most `window_bytes` bytes.
    pub fn new(window_bytes: usize) -> Self {
        Self {
            window_bytes,
            window: Vec::with_capacity(window_bytes),
            space_start: 0,
            heads: vec![NONE; 1 << HASH_BITS],
            previous: Vec::with_capacity(window_bytes),
        }
    }

    fn hash(&self, at: usize) -> Option<usize> {
        let bytes: [u8; MATCH_BYTES_MIN] =
            self.window.get(at..at + MATCH_BYTES_MIN)?.try_into().ok()?;
        let word = bytes.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        Some((word.wrapping_mul(0x9e37_79b1_85eb_ca87) >> (64 - HASH_BITS)) as usize)
    }

    /// Remembers the places up to `end`.
    fn insert_until(&mut self, end: usize) {
        for at in self.previous.len()..end {
            match self.hash(at) {
                Some(hash) => {
                    self.previous.push(self.heads[hash]);
                    self.heads[hash] = at as u32;
                }
                None => self.previous.push(NONE),
            }
        }
    }

    /// The best match for what stands at `at`.
    fn find(&self, at: usize) -> Match {
        let mut best = Match::default();
        let Some(hash) = self.hash(at) else { return best };
        let here = &self.window[at..];
        let mut candidate = self.heads[hash];
        for _ in 0..CANDIDATES_MAX {
            if candidate == NONE {
                break;
            }
            let place = candidate as usize;
            candidate = self.previous[place];
            // A longer match must also agree one byte past the best one.
            if best.length > 0 && self.window.get(place + best.length) != here.get(best.length) {
                continue;
            }
            let there = &self.window[place..];
            let length = here.iter().zip(there).take_while(|(a, b)| a == b).count();
            let found = Match { length, offset: at - place };
            if length >= MATCH_BYTES_MIN && found.gain() > best.gain() {
                best = found;
                if length >= MATCH_BYTES_GOOD || length == here.len() {
                    break;
                }
            }
        }
        best
    }
}

impl Matcher for ChainMatcher {
    fn get_next_space(&mut self) -> Vec<u8> {
        vec![0; SPACE_BYTES]
    }

    fn get_last_space(&mut self) -> &[u8] {
        &self.window[self.space_start..]
    }

    fn commit_space(&mut self, space: Vec<u8>) {
        self.space_start = self.window.len();
        self.window.extend_from_slice(&space);
    }

    fn skip_matching(&mut self) {
        self.insert_until(self.window.len());
    }

    fn start_matching(&mut self, mut handle_sequence: impl for<'a> FnMut(Sequence<'a>)) {
        let end = self.window.len();
        let mut literals_from = self.space_start;
        let mut at = self.space_start;
        while at < end {
            self.insert_until(at);
            let mut found = self.find(at);
            if found.length == 0 {
                at += 1;
                continue;
            }
            // Waiting one byte is worth it when a clearly better match begins there.
            if found.length < MATCH_BYTES_GOOD && at + 1 < end {
                self.insert_until(at + 1);
                let next = self.find(at + 1);
                if next.gain() > found.gain() + LAZY_BITS {
                    found = next;
                    at += 1;
                }
            }
            handle_sequence(Sequence::Triple {
                literals: &self.window[literals_from..at],
                offset: found.offset,
                match_len: found.length,
            });
            at += found.length;
            literals_from = at;
        }
        self.insert_until(end);
        if literals_from < end {
            handle_sequence(Sequence::Literals { literals: &self.window[literals_from..end] });
        }
    }

    fn reset(&mut self, _level: CompressionLevel) {
        self.window.clear();
        self.previous.clear();
        self.heads.fill(NONE);
        self.space_start = 0;
    }

    fn window_size(&self) -> u64 {
        self.window_bytes as u64
    }
}
