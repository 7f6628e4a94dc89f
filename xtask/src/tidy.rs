//! `cargo xtask tidy`: the rules of this tree that no compiler checks, each with file, line and what
//! to do about it.
//!
//! Rust is read with comments and strings blanked out ([`source`]), not parsed: a rule looks at what
//! it can see reliably that way and leaves the rest to clippy. In particular the length of functions
//! is clippy's `too_many_lines`, which counts what this reading could only guess.
use std::fmt;

use anyhow::bail;

use crate::workspace::root;

mod documents;
mod manifests;
mod portability;
mod source;
mod style;
mod tree;
mod type_names;

use tree::Tree;

/// One place that breaks a rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Violation {
    /// Path from the root of the tree.
    file: String,
    /// Counted from 1.
    line: usize,
    /// What is wrong, and what to do.
    message: String,
}

impl Violation {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Checks the tree and prints every violation.
///
/// # Errors
/// When there is one, or the tree cannot be read.
pub(crate) fn run() -> anyhow::Result<()> {
    let tree = Tree::read(&root())?;
    let violations = check(&tree);
    for violation in &violations {
        println!("{violation}");
    }
    println!("tidy: {} files, {} violations", tree.files().count(), violations.len());
    if !violations.is_empty() {
        bail!("the tree is not tidy");
    }
    Ok(())
}

/// All violations of all rules, by file and line.
fn check(tree: &Tree) -> Vec<Violation> {
    let rules =
        [manifests::check, style::check, type_names::check, portability::check, documents::check];
    let mut violations: Vec<Violation> = rules.into_iter().flat_map(|rule| rule(tree)).collect();
    violations.sort();
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_shown_with_file_and_line() {
        let violation = Violation::new("crates/market/src/lib.rs", 7, "wrong: do right");
        assert_eq!(violation.to_string(), "crates/market/src/lib.rs:7: wrong: do right");
    }

    #[test]
    fn every_rule_is_run_and_violations_come_in_order() {
        let home = ["", "home", "someone", ""].join("/");
        let tree = Tree::of(&[
            ("README.md", "nothing"),
            ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]"),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\""),
            ("crates/a/src/lib.rs", "pub struct Task;"),
            ("crates/b/Cargo.toml", "[package]\nname = \"b\""),
            ("crates/b/src/lib.rs", "//! B.\npub struct Task;"),
            ("script", &home),
        ]);
        let violations = check(&tree);
        assert!(violations.is_sorted());
        for file in ["README.md", "crates/a/Cargo.toml", "crates/a/src/lib.rs", "script"] {
            assert!(violations.iter().any(|violation| violation.file == file), "{file}");
        }
        let twice = Violation::new("crates/b/src/lib.rs", 2, "");
        assert!(violations.iter().any(|found| (&found.file, found.line) == (&twice.file, 2)));
    }
}
