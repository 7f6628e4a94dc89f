//! Collecting words, and writing the index.
use std::collections::BTreeMap;

use crate::format::{MAGIC, TEXT_BLOCK_BYTES, push_bytes, push_varint};
use crate::words::words;

/// Of one word in one text, no more lines are kept; the count goes on.
const LINES_MAX: usize = 64;

/// Where a word stands in one text.
#[derive(Debug, Default)]
struct Posting {
    document: u32,
    count: u32,
    /// Distinct and ascending, from 0.
    lines: Vec<u32>,
}

/// An index that grows.
#[derive(Debug, Default)]
pub struct Builder {
    documents: Vec<u8>,
    document_count: u32,
    texts: Vec<u8>,
    postings: BTreeMap<String, Vec<Posting>>,
}

impl Builder {
    /// Adds a text.
    pub fn add(&mut self, path: &str, text: &str) {
        let document = self.document_count;
        self.document_count += 1;
        let mut word_count = 0u64;
        for (line_number, line) in text.lines().enumerate() {
            for word in words(line) {
                word_count += 1;
                let postings = self.postings.entry(word).or_default();
                if postings.last().is_none_or(|posting| posting.document != document) {
                    postings.push(Posting { document, ..Posting::default() });
                }
                let Some(posting) = postings.last_mut() else { continue };
                posting.count += 1;
                let line_number = line_number as u32;
                if posting.lines.len() < LINES_MAX && posting.lines.last() != Some(&line_number) {
                    posting.lines.push(line_number);
                }
            }
        }
        let start = self.texts.len() as u64;
        for block in text.as_bytes().chunks(TEXT_BLOCK_BYTES) {
            let compressed = lz4_flex::block::compress(block);
            push_varint(&mut self.texts, block.len() as u64);
            push_bytes(&mut self.texts, &compressed);
        }
        push_bytes(&mut self.documents, path.as_bytes());
        push_varint(&mut self.documents, word_count);
        push_varint(&mut self.documents, start);
        push_varint(&mut self.documents, self.texts.len() as u64 - start);
    }

    /// The index.
    pub fn finish(self) -> Vec<u8> {
        let mut words = Vec::new();
        let mut lists = Vec::new();
        let mut before = String::new();
        for (word, postings) in &self.postings {
            let shared = word.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
            push_varint(&mut words, shared as u64);
            push_bytes(&mut words, &word.as_bytes()[shared..]);
            let list = encode(postings);
            push_varint(&mut words, postings.len() as u64);
            push_varint(&mut words, list.len() as u64);
            lists.extend_from_slice(&list);
            before.clone_from(word);
        }
        let mut out = MAGIC.to_vec();
        push_varint(&mut out, u64::from(self.document_count));
        push_varint(&mut out, self.postings.len() as u64);
        for section in [&self.documents, &words, &lists, &self.texts] {
            push_bytes(&mut out, section);
        }
        out
    }
}

fn encode(postings: &[Posting]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut document = 0;
    for posting in postings {
        push_varint(&mut out, u64::from(posting.document - document));
        push_varint(&mut out, u64::from(posting.count));
        push_varint(&mut out, posting.lines.len() as u64);
        let mut line = 0;
        for next in &posting.lines {
            push_varint(&mut out, u64::from(next - line));
            line = *next;
        }
        document = posting.document;
    }
    out
}
