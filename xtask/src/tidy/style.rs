//! How a Rust file looks: its name, its first line, its size, and what must not stand in it.
use super::Violation;
use super::source::{attributes, line_at, words};
use super::tree::Tree;

/// The most lines of production code in one file.
const FILE_LINES_MAX: usize = 600;

/// Names that say nothing about what is in a file.
const NAMES_BANNED: [&str; 8] =
    ["utils", "util", "helpers", "helper", "common", "misc", "types2", "mod"];

/// Macros that stand for code that is missing or was left behind.
const MACROS_BANNED: [&str; 3] = ["todo", "unimplemented", "dbg"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, source) in tree.sources() {
        let mut report =
            |line, message: String| violations.push(Violation::new(file, line, message));
        if let Some(name) = banned_name(file) {
            report(1, format!("`{name}` names nothing: name the file after what it contains"));
        }
        if !source.text.starts_with("//!") {
            report(1, "no `//!` on the first line: say what the file promises".into());
        }
        if source.production_lines > FILE_LINES_MAX {
            report(
                FILE_LINES_MAX + 1,
                format!(
                    "{} lines of production code, {FILE_LINES_MAX} allowed: split by subject",
                    source.production_lines
                ),
            );
        }
        for (position, attribute) in attributes(&source.code) {
            let line = line_at(&source.code, position);
            if names(attribute, "allow") {
                report(line, "`allow` of a lint: use `#[expect(.., reason = \"..\")]`".into());
            }
            if names(attribute, "ignore") {
                report(line, "an ignored test proves nothing: make it run, or remove it".into());
            }
        }
        for (index, line) in source.text.lines().enumerate() {
            let comment = line.trim_start();
            let documentation = comment.strip_prefix("///").or(comment.strip_prefix("//!"));
            let fence = documentation.and_then(|text| text.trim_start().strip_prefix("```"));
            if fence.is_some_and(|language| words(language, "ignore").next().is_some()) {
                report(index + 1, "an ignored example goes stale: make it compile".into());
            }
        }
        for name in MACROS_BANNED {
            for position in words(&source.production, name) {
                if source.production[position + name.len()..].starts_with('!') {
                    let line = line_at(&source.production, position);
                    report(line, format!("`{name}!` in production code: write the code"));
                }
            }
        }
    }
    violations
}

fn banned_name(file: &str) -> Option<&str> {
    file.split('/')
        .map(|part| part.strip_suffix(".rs").unwrap_or(part))
        .find(|part| NAMES_BANNED.contains(part))
}

/// Whether an attribute is `name`, or sets it under a condition.
fn names(attribute: &str, name: &str) -> bool {
    let attribute = attribute.trim_start();
    let conditional = attribute.starts_with("cfg_attr");
    words(attribute, name).any(|position| position == 0 || conditional)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|v| (v.line, v.message)).collect()
    }

    #[track_caller]
    fn assert_found(path: &str, text: &str, line: usize, words: &str) {
        let found = found(path, text);
        let [(found_line, message)] = found.as_slice() else { panic!("{found:?}") };
        assert!(*found_line == line && message.contains(words), "{found:?}");
    }

    #[test]
    fn good_files_pass() {
        let text = "//! A.\n// todo!() and #[allow(x)] in a comment\nfn a() { b(\"dbg!\") }\n\
                    #[expect(x, reason = \"y\")]\n/// ```text\nfn allow() { ignore(todo) }\n\
                    #[derive(A)]\n#[a(ignore_case)]\nstruct B;\n";
        assert_eq!(found("crates/a/src/lib.rs", text), []);
    }

    #[test]
    fn empty_names_are_refused_for_files_and_folders() {
        for name in ["utils.rs", "helpers.rs", "common/a.rs", "misc.rs", "types2.rs", "a/mod.rs"] {
            assert_found(&format!("crates/a/src/{name}"), "//! A.", 1, "names nothing");
        }
        assert_eq!(found("crates/a/src/model.rs", "//! A."), []);
    }

    #[test]
    fn a_file_without_a_promise_is_refused() {
        assert_found("a/src/lib.rs", "use b;\n//! Late.", 1, "`//!`");
        assert_found("a/tests/b.rs", "", 1, "`//!`");
    }

    #[test]
    fn production_code_is_limited_and_tests_are_not() {
        let lines = |count: usize| "fn a() {}\n".repeat(count);
        let limit = FILE_LINES_MAX;
        let full = format!("//! A.\n{}", lines(limit - 1));
        assert_eq!(found("a/src/lib.rs", &full), []);
        assert_found("a/src/lib.rs", &format!("{full}fn a() {{}}\n"), limit + 1, "601 lines");
        let tested = format!("{full}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(limit));
        assert_eq!(found("a/src/lib.rs", &tested), []);
        assert_eq!(found("a/tests/b.rs", &format!("{full}{}", lines(9))), []);
    }

    #[test]
    fn allowed_lints_are_refused_even_in_tests() {
        assert_found("a/src/lib.rs", "//! A.\n#[allow(x)]\nfn a() {}", 2, "expect");
        assert_found("a/src/lib.rs", "//! A.\n#![allow(\n  x\n)]", 2, "expect");
        assert_found("a/src/lib.rs", "//! A.\n\n#[cfg_attr(b, allow(x))]", 3, "expect");
        assert_found("a/tests/b.rs", "//! A.\n#[allow(x)]\nfn a() {}", 2, "expect");
    }

    #[test]
    fn ignored_tests_and_examples_are_refused() {
        assert_found("a/tests/b.rs", "//! A.\n#[test]\n#[ignore]\nfn a() {}", 3, "ignored test");
        assert_found("a/tests/b.rs", "//! A.\n#[ignore = \"slow\"]\nfn a() {}", 2, "ignored test");
        assert_found("a/src/lib.rs", "//! A.\n//! ```ignore\n//! ```", 2, "ignored example");
        assert_found("a/src/lib.rs", "//! A.\n    /// ```rust,ignore", 2, "ignored example");
    }

    #[test]
    fn missing_code_is_refused_in_production_only() {
        for name in MACROS_BANNED {
            let text = format!("//! A.\nfn a() {{\n    std::{name}!(1)\n}}");
            assert_found("a/src/lib.rs", &text, 3, name);
            assert_eq!(found("a/tests/b.rs", &text), []);
        }
        assert_eq!(found("a/src/lib.rs", "//! A.\n#[cfg(test)]\nfn a() { dbg!(1) }"), []);
    }
}
