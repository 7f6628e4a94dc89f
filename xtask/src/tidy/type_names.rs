//! One concept, one type: a public type name stands in one crate only.
//!
//! Names that a macro makes are not seen.
use std::collections::BTreeMap;

use super::Violation;
use super::source::line_at;
use super::tree::Tree;

/// Names whose meaning comes from the module they stand in.
const NAMES_SHARED: [&str; 9] =
    ["Error", "Event", "Config", "Params", "Parameters", "Action", "Options", "Kind", "State"];

const KEYWORDS: [&str; 5] = ["struct", "enum", "trait", "union", "type"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut first_uses: BTreeMap<&str, (&str, String)> = BTreeMap::new();
    let mut violations = Vec::new();
    for (file, source) in tree.sources() {
        let Some(package) = package_of(file) else { continue };
        for (line, name) in public_types(&source.production) {
            if NAMES_SHARED.contains(&name) {
                continue;
            }
            let (first_package, place) =
                first_uses.entry(name).or_insert_with(|| (package, format!("{file}:{line}")));
            if *first_package != package {
                let message = format!(
                    "`{name}` is a public type in {place} too: use that one, or rename this one"
                );
                violations.push(Violation::new(file, line, message));
            }
        }
    }
    violations
}

/// The folder of the workspace's package that a library or program file belongs to.
fn package_of(file: &str) -> Option<&str> {
    let (package, _) = file.split_once("/src/")?;
    (package == "xtask" || package.starts_with("crates/")).then_some(package)
}

/// The lines and names of types declared `pub`. Only modules hold such items, so every one counts.
fn public_types(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices("pub ").filter_map(|(position, _)| {
        let line_start = code[..position].rfind('\n').map_or(0, |newline| newline + 1);
        if !code[line_start..position].trim().is_empty() {
            return None;
        }
        let declaration = &code[position + "pub ".len()..];
        let declaration = declaration.strip_prefix("unsafe ").unwrap_or(declaration);
        let (keyword, rest) = declaration.split_once(' ')?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        (KEYWORDS.contains(&keyword) && !name.is_empty()).then(|| (line_at(code, position), name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_two_crates_is_reported_at_the_second() {
        for declaration in ["struct", "enum", "trait", "type"] {
            let text = format!("//! A.\npub {declaration} Bid<T> {{}}");
            let tree = Tree::of(&[("crates/a/src/lib.rs", &text), ("crates/b/src/x.rs", &text)]);
            let violations = check(&tree);
            let [violation] = violations.as_slice() else { panic!("{violations:?}") };
            assert_eq!((violation.file.as_str(), violation.line), ("crates/b/src/x.rs", 2));
            assert!(violation.message.contains("`Bid`"));
            assert!(violation.message.contains("crates/a/src/lib.rs:2"));
        }
    }

    #[test]
    fn one_crate_private_shared_and_test_names_may_repeat() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "//! A.\npub struct Bid;\npub enum Error {}\nstruct Own;"),
            ("crates/a/src/b.rs", "//! A.\npub struct Bid;"),
            (
                "crates/c/src/lib.rs",
                "//! A.\nstruct Bid;\npub(crate) struct Bid;\npub enum Error {}",
            ),
            ("crates/c/src/d.rs", "//! A.\n#[cfg(test)]\nmod tests { pub struct Bid; }"),
            ("crates/c/tests/e.rs", "//! A.\npub struct Bid;"),
            ("agents/f/src/lib.rs", "//! A.\npub struct Bid;"),
        ]);
        assert_eq!(check(&tree), []);
    }
}
