//! A Rust file as the rules see it: comments, strings and test modules blanked out, every remaining
//! byte where it was.
use std::ops::Range;

/// One Rust file.
pub(super) struct Source {
    /// The file as it is.
    pub(super) text: String,
    /// Without comments and the content of strings and characters.
    pub(super) code: String,
    /// `code` without items under `#[cfg(test)]`; empty in a file that is all tests.
    pub(super) production: String,
    /// Lines outside of tests.
    pub(super) production_lines: usize,
}

impl Source {
    pub(super) fn read(path: &str, text: &str) -> Self {
        let code = blank_comments_and_strings(text);
        let mut tests = test_items(&code);
        if is_test_file(path) {
            tests.clear();
            tests.push(0..code.len());
        }
        let mut production = code.clone().into_bytes();
        let mut test_lines = 0;
        for range in tests {
            test_lines += text[range.clone()].lines().count();
            blank(&mut production, range);
        }
        Self {
            text: text.to_owned(),
            production: into_text(production),
            production_lines: text.lines().count().saturating_sub(test_lines),
            code,
        }
    }
}

/// The line, from 1, of a position in a text.
pub(super) fn line_at(text: &str, position: usize) -> usize {
    text[..position].bytes().filter(|byte| *byte == b'\n').count() + 1
}

/// The positions where `word` stands in `code` as a word of its own.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(position, _)| position).filter(move |position| {
        let before = code[..*position].chars().next_back();
        let after = code[position + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The attributes of a file: where each begins, and what stands in its brackets.
pub(super) fn attributes(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices('#').filter_map(|(position, _)| {
        let rest = &code[position + 1..];
        let inner = rest.strip_prefix('!').unwrap_or(rest);
        let open = code.len() - inner.len();
        let close = inner.starts_with('[').then(|| matching(code, open))??;
        Some((position, &code[open + 1..close]))
    })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples"))
}

/// The position of the bracket that closes the one at `open`.
fn matching(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, byte) in code[open..].bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(open + offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// Items that exist in tests only, with their `cfg` attribute.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> = Vec::new();
    for (start, attribute) in attributes(code) {
        let compact: String = attribute.split_whitespace().collect();
        let only_in_tests = compact == "cfg(test)" || compact.starts_with("cfg(all(test,");
        let nested = items.last().is_some_and(|item| item.contains(&start));
        if only_in_tests && !nested {
            let after = start + code[start..].find('[').unwrap_or(0) + attribute.len() + 2;
            items.push(start..item_end(code, after));
        }
    }
    items
}

/// Where an item ends that begins at or after `start`: behind its body or its semicolon.
fn item_end(code: &str, start: usize) -> usize {
    let mut position = start;
    while let Some(byte) = code.as_bytes().get(position) {
        match byte {
            b';' => return position + 1,
            b'{' => return matching(code, position).map_or(code.len(), |close| close + 1),
            b'(' | b'[' => match matching(code, position) {
                Some(close) => position = close + 1,
                None => return code.len(),
            },
            // The enum variant, field or arm that the attribute stood on was the last one.
            b'}' | b',' => return position,
            _ => position += 1,
        }
    }
    code.len()
}

fn blank(code: &mut [u8], range: Range<usize>) {
    for byte in &mut code[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn into_text(code: Vec<u8>) -> String {
    String::from_utf8(code).expect("whole characters are blanked, never a part of one")
}

fn blank_comments_and_strings(text: &str) -> String {
    let mut code = text.as_bytes().to_vec();
    let mut position = 0;
    while position < text.len() {
        let rest = &text[position..];
        let word_before = text[..position].chars().next_back().is_some_and(is_word);
        // `keep` bytes at either end stay: the quotes.
        let (length, keep) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), 0)
        } else if rest.starts_with("/*") {
            (block_comment_length(rest), 0)
        } else if rest.starts_with('"') {
            (string_length(rest), 1)
        } else if let Some(length) = raw_string_length(rest).filter(|_| !word_before) {
            (length, 0)
        } else if let Some(length) = character_length(rest) {
            (length, 1)
        } else {
            position += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        blank(
            &mut code,
            position + keep..(position + length).saturating_sub(keep).max(position + keep),
        );
        position += length;
    }
    into_text(code)
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while position < rest.len() {
        if rest[position..].starts_with("/*") {
            depth += 1;
            position += 2;
        } else if rest[position..].starts_with("*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else {
            position += rest[position..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (position, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return position + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a raw string with its prefix (`r`, `br`, `cr`).
fn raw_string_length(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix(['b', 'c']).unwrap_or(rest).strip_prefix('r')?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let content = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let content_length = content.find(&end).map_or(content.len(), |at| at + end.len());
    Some(rest.len() - content.len() + content_length)
}

/// The length of a character literal; a lifetime is none.
fn character_length(rest: &str) -> Option<usize> {
    let mut content = rest.strip_prefix('\'')?.char_indices();
    match content.next()? {
        (_, '\\') => {
            content.next()?;
            let (end, _) = content.find(|(_, character)| *character == '\'')?;
            Some(end + 2)
        }
        _ => content.next().filter(|(_, character)| *character == '\'').map(|(end, _)| end + 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked_and_nothing_moves() {
        let text =
            "let a = \"todo!()\"; // todo!()\n/* a /* todo!() */ todo!() */ b(r#\"x\" y\"#);";
        let code = blank_comments_and_strings(text);
        assert_eq!(code.len(), text.len());
        assert!(!code.contains("todo"), "{code}");
        assert!(code.starts_with("let a = \"       \"; "), "{code}");
        assert!(code.ends_with(" b(         );"), "{code}");
    }

    #[test]
    fn escapes_characters_and_lifetimes_do_not_derail_the_reading() {
        for text in [
            r#"a("\"", '"', '\'', b'"'); end()"#,
            r#"fn f<'a>(x: &'a str) -> char { '{' } end()"#,
            "let s = \"é\\\\\"; let c = 'é'; end()",
            r#"br"\"; let r = "r\"q"; end()"#,
        ] {
            let code = blank_comments_and_strings(text);
            assert!(code.ends_with("end()"), "{code}");
        }
        assert!(!blank_comments_and_strings("'{'").contains('{'));
        assert!(blank_comments_and_strings("&'a {").contains('{'));
    }

    #[test]
    fn test_items_are_no_production_code() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c(\"}\") }\n}\nfn d() {}\n";
        let source = Source::read("src/lib.rs", text);
        assert!(source.production.contains("fn a") && source.production.contains("fn d"));
        assert!(!source.production.contains("fn b"));
        assert_eq!(source.production_lines, 2);
    }

    #[test]
    fn a_test_item_inside_a_test_module_is_counted_once() {
        let text = "fn a() {}\n#[cfg(test)]\nmod b {\n    #[cfg(test)]\n    use c;\n}\nfn d() {}\n";
        assert_eq!(Source::read("src/lib.rs", text).production_lines, 2);
    }

    #[test]
    fn an_out_of_line_test_module_ends_at_its_semicolon() {
        let text =
            "#[cfg(all(test, unix))]\nmod tests;\n#[cfg(test)]\nfn e(x: [u8; 2]) {}\nfn a() {}";
        let source = Source::read("src/lib.rs", text);
        assert_eq!(source.production.trim(), "fn a() {}");
    }

    #[test]
    fn code_that_is_absent_from_tests_is_production_code() {
        let source = Source::read("src/lib.rs", "#[cfg(not(test))]\nfn a() {}");
        assert!(source.production.contains("fn a"));
    }

    #[test]
    fn files_of_tests_have_no_production_code() {
        for path in ["crates/a/tests/all.rs", "crates/a/src/state/tests.rs", "a/benches/b.rs"] {
            let source = Source::read(path, "//! A.\nfn a() {}");
            assert_eq!((source.production.trim(), source.production_lines), ("", 0), "{path}");
        }
    }

    #[test]
    fn words_and_attributes_are_found() {
        assert_eq!(words("todo todos a_todo todo!", "todo").collect::<Vec<_>>(), [0, 18]);
        let found: Vec<_> = attributes("#![a(b)]\n#[c[d]]\n# e").collect();
        assert_eq!(found, [(0, "a(b)"), (9, "c[d]")]);
    }
}
