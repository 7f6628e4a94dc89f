//! What a verdict is known by, and how its one line for people is kept to one short line.
use ainur_crypto::hash;
use ainur_primitives::Digest;
use ainur_primitives::acceptance::Verdict;
use scale::Encode;

/// The longest line for people in a verdict, in bytes.
pub const DETAIL_BYTES_MAX: usize = 1024;

/// The digest that receipts and the ledger name a verdict by, over its SCALE encoding.
pub fn digest(verdict: &Verdict) -> Digest {
    hash::tagged("ainur/verdict/v1", &[&verdict.encode()])
}

/// One line of at most `bytes_max` bytes: control characters become spaces, and what is cut off is
/// shown as an ellipsis.
pub(crate) fn one_line(text: &str, bytes_max: usize) -> String {
    const ELLIPSIS: &str = "…";
    let is_cut = text.len() > bytes_max;
    let room = if is_cut { bytes_max.saturating_sub(ELLIPSIS.len()) } else { bytes_max };
    let mut line = String::with_capacity(text.len().min(bytes_max));
    for character in text.chars() {
        if line.len() + character.len_utf8() > room {
            break;
        }
        line.push(if character.is_control() { ' ' } else { character });
    }
    if is_cut {
        line.push_str(ELLIPSIS);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_between_characters_and_has_no_controls() {
        assert_eq!(one_line("a\nb\u{1b}[31m", 100), "a b [31m");
        assert_eq!(one_line("abcdef", 6), "abcdef");
        assert_eq!(one_line("abcdefg", 6), "abc…");
        let cut = one_line(&"é".repeat(600), 1_000);
        assert!(cut.len() <= 1_000 && cut.ends_with('…'), "{}", cut.len());
    }
}
