//! What guests say, made fit for people: one line, short, without control characters.
use crate::limits::DETAIL_BYTES_MAX;

/// Cuts at [`DETAIL_BYTES_MAX`] and turns control characters into spaces.
pub(crate) fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(DETAIL_BYTES_MAX));
    for character in text.trim().chars() {
        let shown = if is_unfit(character) { ' ' } else { character };
        if shown == ' ' && line.ends_with(' ') {
            continue;
        }
        if line.len() + shown.len_utf8() > DETAIL_BYTES_MAX - '…'.len_utf8() {
            line.push('…');
            break;
        }
        line.push(shown);
    }
    line
}

/// Control characters, and those that reorder or hide text.
fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_tricks_and_novels_are_cut() {
        assert_eq!(clean("a\n\u{1b}[2Jb\u{202e}c "), "a [2Jb c");
        let long = clean(&"é".repeat(10_000));
        assert!(long.len() <= DETAIL_BYTES_MAX && long.ends_with('…'), "{}", long.len());
    }
}
