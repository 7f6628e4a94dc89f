//! The index as bytes.
//!
//! ```text
//! "AINURIX1" documents:varint words:varint  then four sections, each as length:varint bytes:
//! documents  path, words:varint, start:varint, length:varint      its part of the texts
//! words      shared:varint, rest, documents:varint, length:varint  sorted; `shared` bytes of the
//!                                                                  word before, and its part of the
//!                                                                  lists, which are in this order
//! lists      document:varint, count:varint, lines:varint, line:varint*   documents and lines as
//!                                                                  differences to the one before
//! texts      (plain:varint, block)*                                LZ4 blocks of 64 KiB of text
//! ```
//! A varint is LEB128; path, rest and block are length:varint bytes. Lines count from 0.

/// How an index begins.
pub const MAGIC: [u8; 8] = *b"AINURIX1";

/// How much text is compressed at once.
pub const TEXT_BLOCK_BYTES: usize = 64 << 10;

/// The most documents and words an index has.
const COUNT_MAX: u64 = 1 << 24;

/// One indexed text.
#[derive(Debug)]
pub struct Document<'a> {
    /// Where it was.
    pub path: &'a str,
    /// How long it is, in words.
    pub word_count: u64,
    text: &'a [u8],
}

/// Where a word stands in one text.
#[derive(Debug)]
pub struct Occurrence {
    /// Which of [`Index::documents`].
    pub document: usize,
    /// How often.
    pub count: u64,
    /// In which lines, from 0; the first few.
    pub lines: Vec<u64>,
}

/// An index that was read.
#[derive(Debug)]
pub struct Index<'a> {
    /// The texts.
    pub documents: Vec<Document<'a>>,
    words: Vec<(Vec<u8>, u64, &'a [u8])>,
}

impl<'a> Index<'a> {
    /// The index, or `None` when it is damaged.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&MAGIC)?;
        let document_count = varint(&mut rest).filter(|count| *count <= COUNT_MAX)?;
        let word_count = varint(&mut rest).filter(|count| *count <= COUNT_MAX)?;
        let mut documents = length_prefixed(&mut rest)?;
        let mut words = length_prefixed(&mut rest)?;
        let mut lists = length_prefixed(&mut rest)?;
        let texts = length_prefixed(&mut rest)?;
        let mut index = Self { documents: Vec::new(), words: Vec::new() };
        for _ in 0..document_count {
            let path = str::from_utf8(length_prefixed(&mut documents)?).ok()?;
            let word_count = varint(&mut documents)?;
            let start = usize::try_from(varint(&mut documents)?).ok()?;
            let length = usize::try_from(varint(&mut documents)?).ok()?;
            let text = texts.get(start..start.checked_add(length)?)?;
            index.documents.push(Document { path, word_count, text });
        }
        for _ in 0..word_count {
            let shared = usize::try_from(varint(&mut words)?).ok()?;
            let mut word = match index.words.last() {
                Some((before, ..)) => before.get(..shared)?.to_vec(),
                None if shared == 0 => Vec::new(),
                None => return None,
            };
            word.extend_from_slice(length_prefixed(&mut words)?);
            let documents = varint(&mut words)?;
            let length = usize::try_from(varint(&mut words)?).ok()?;
            let list = lists.get(..length)?;
            lists = &lists[length..];
            index.words.push((word, documents, list));
        }
        (rest.is_empty() && lists.is_empty()).then_some(index)
    }

    /// Where `word` stands; empty when nowhere, `None` when the index is damaged.
    pub fn occurrences(&self, word: &str) -> Option<Vec<Occurrence>> {
        let found = self.words.binary_search_by(|(known, ..)| known[..].cmp(word.as_bytes()));
        let Ok(place) = found else { return Some(Vec::new()) };
        let (_, documents, list) = &self.words[place];
        let mut list = *list;
        let mut occurrences = Vec::new();
        let mut document = 0u64;
        for _ in 0..*documents {
            document = document.checked_add(varint(&mut list)?)?;
            let count = varint(&mut list)?;
            let mut line = 0u64;
            let mut lines = Vec::new();
            for _ in 0..varint(&mut list)? {
                line = line.checked_add(varint(&mut list)?)?;
                lines.push(line);
            }
            let document = usize::try_from(document).ok()?;
            self.documents.get(document)?;
            occurrences.push(Occurrence { document, count, lines });
        }
        Some(occurrences)
    }
}

impl Document<'_> {
    /// The text itself, or `None` when the index is damaged.
    pub fn text(&self) -> Option<String> {
        let mut rest = self.text;
        let mut text = Vec::new();
        while !rest.is_empty() {
            let length = usize::try_from(varint(&mut rest)?).ok()?;
            let block = length_prefixed(&mut rest)?;
            if length > TEXT_BLOCK_BYTES {
                return None;
            }
            text.extend(lz4_flex::block::decompress(block, length).ok()?);
        }
        String::from_utf8(text).ok()
    }
}

/// Appends a LEB128 number.
pub fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends bytes with their length before them.
pub fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn length_prefixed<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}
