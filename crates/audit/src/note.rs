//! C2SP signed notes: text, an empty line, and one line per signature.
//!
//! This is the format alone (<https://c2sp.org/signed-note>): what a signature means and whether it
//! holds is decided where keys are known ([`crate::checkpoint`]).
use core::fmt;
use core::str::FromStr;

use data_encoding::BASE64;

/// A text and the signatures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The signed text, with its final newline.
    pub text: String,
    /// The signatures, in the order they stand.
    pub signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// The first four bytes of a hash over name, type and public key.
    pub key_id: [u8; 4],
    /// What the key's type makes of it.
    pub signature: Vec<u8>,
}

/// The longest note, in bytes; sixteen lattice signatures and some text.
pub const NOTE_BYTES_MAX: usize = 128 << 10;
/// The most signature lines; the specification asks for at least sixteen.
pub const NOTE_SIGNATURES_MAX: usize = 32;

/// Text that is not a signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Too long to be read.
    #[error("the note is longer than {NOTE_BYTES_MAX} bytes")]
    TooLong,
    /// A control character other than newline.
    #[error("the note has a control character at byte {0}")]
    ControlCharacter(usize),
    /// No empty line before the signatures, or no newline at the end.
    #[error("the note does not end in an empty line and signature lines")]
    NoSignatures,
    /// A signature line that cannot be read.
    #[error("signature line {0} is malformed")]
    MalformedSignature(usize),
    /// More signatures than anyone needs.
    #[error("the note has more than {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
}

impl Note {
    /// The signature line of this key, when there is one.
    pub fn signature_of(&self, name: &str, key_id: [u8; 4]) -> Option<&NoteSignature> {
        self.signatures.iter().find(|line| line.name == name && line.key_id == key_id)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.signatures {
            let mut bytes = line.key_id.to_vec();
            bytes.extend_from_slice(&line.signature);
            writeln!(f, "— {} {}", line.name, BASE64.encode(&bytes))?;
        }
        Ok(())
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        if let Some(at) = note.bytes().position(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::ControlCharacter(at));
        }
        let split = note.rfind("\n\n").ok_or(NoteError::NoSignatures)? + 1;
        let (text, rest) = note.split_at(split);
        let lines = rest[1..].strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (number, line) in (1..).zip(lines.split('\n')) {
            if number > NOTE_SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(read_line(line).ok_or(NoteError::MalformedSignature(number))?);
        }
        Ok(Self { text: text.into(), signatures })
    }
}

fn read_line(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
    let (key_id, signature) = bytes.split_first_chunk::<4>()?;
    let good = is_key_name(name) && !signature.is_empty();
    good.then(|| NoteSignature { name: name.into(), key_id: *key_id, signature: signature.into() })
}

/// True for what may name a key: not empty, no space, no plus.
pub(crate) fn is_key_name(name: &str) -> bool {
    let bad =
        |character: char| character.is_whitespace() || character.is_control() || character == '+';
    !name.is_empty() && !name.contains(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n\
        ed è subito sera.\n\n\
        — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrM\
        ouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

    #[test]
    fn the_specification_s_example_reads_and_writes_back() {
        let note: Note = EXAMPLE.parse().unwrap();
        assert!(note.text.ends_with("subito sera.\n"));
        assert_eq!(note.signatures.len(), 1);
        assert_eq!(note.signatures[0].name, "quasimodo.example/salvatore");
        assert_eq!(note.signatures[0].key_id, [0x36, 0x7b, 0xa0, 0x4b]);
        assert_eq!(note.signatures[0].signature.len(), 64);
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn malformed_notes_are_refused() {
        let cases = [
            (EXAMPLE.trim_end().to_owned(), NoteError::NoSignatures),
            ("text\n".to_owned(), NoteError::NoSignatures),
            (EXAMPLE.replace("— ", "- "), NoteError::MalformedSignature(1)),
            (EXAMPLE.replace("Ic=", "Id="), NoteError::MalformedSignature(1)),
            (EXAMPLE.replace("/salvatore", "+salvatore"), NoteError::MalformedSignature(1)),
            (EXAMPLE.replace("sole", "so\tle"), NoteError::ControlCharacter(64)),
            (format!("{EXAMPLE}\n"), NoteError::NoSignatures),
            ("a".repeat(NOTE_BYTES_MAX + 1), NoteError::TooLong),
            (
                EXAMPLE.to_owned() + &"— a AAAAAAA=\n".repeat(NOTE_SIGNATURES_MAX),
                NoteError::TooManySignatures,
            ),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Note>(), Err(error), "{text}");
        }
    }
}
