//! What a text of JSON takes in memory once it is read, estimated before that, because many small
//! values take a multiple of their length.
use std::io;

use serde::Serialize;

/// What a value takes beside its text: it is read twice, first to find out what it is.
const VALUE_BYTES: u64 = 128;
/// What an object takes beside its members, however few.
const OBJECT_BYTES: u64 = 640;
/// What a byte of text takes: it is copied once.
const TEXT_BYTES: u64 = 2;

/// Weighs a text piece by piece.
#[derive(Clone, Default)]
pub(super) struct Weigher {
    length: u64,
    structure: u64,
    is_text: bool,
    is_escaped: bool,
}

impl Weigher {
    fn feed(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        for byte in piece {
            if self.is_text {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.is_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.is_text = true,
                b',' | b':' | b'[' => self.structure += VALUE_BYTES,
                b'{' => self.structure += VALUE_BYTES + OBJECT_BYTES,
                _ => {}
            }
        }
    }

    fn weight(&self) -> u64 {
        VALUE_BYTES + TEXT_BYTES * self.length + self.structure
    }
}

impl io::Write for Weigher {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.feed(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What reading a text would take.
pub(super) fn of_text(text: &[u8]) -> u64 {
    let mut weigher = Weigher::default();
    weigher.feed(text);
    weigher.weight()
}

/// What something takes that was read: its length as JSON, and its weight.
pub(super) fn of_value(value: &impl Serialize) -> (u64, u64) {
    let mut weigher = Weigher::default();
    // What cannot be written in full was weighed as far as it goes, which is all there is to weigh.
    drop(serde_json::to_writer(&mut weigher, value));
    (weigher.length, weigher.weight())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn many_small_values_weigh_more_than_one_long_text() {
        let text = serde_json::to_vec(&json!("[{,:".repeat(1_000))).unwrap();
        assert_eq!(of_text(&text), VALUE_BYTES + 2 * text.len() as u64);
        let small = b"[{\"a\":0},{\"a\":0}]";
        assert_eq!(of_text(small), 7 * VALUE_BYTES + 2 * OBJECT_BYTES + 2 * small.len() as u64);
    }

    #[test]
    fn quotes_and_backslashes_do_not_hide_structure() {
        let text = br#"["\\",["a\"]"],{}]"#;
        let structure = OBJECT_BYTES + 6 * VALUE_BYTES;
        assert_eq!(of_text(text), structure + 2 * text.len() as u64);
    }

    #[test]
    fn value_weighs_what_its_text_does() {
        let value: Value = json!({"a": [1, 2.5, null, "x\"y"], "b": {"c": {}}});
        let text = value.to_string();
        assert_eq!(of_value(&value), (text.len() as u64, of_text(text.as_bytes())));
    }
}
