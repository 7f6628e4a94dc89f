//! The documents a reader starts from exist, and the first one says how to build and how to test.
use super::Violation;
use super::tree::Tree;

const DOCUMENTS: [&str; 4] =
    ["README.md", "ARCHITECTURE.md", "docs/benchmarks.md", "docs/glossary.md"];

/// What the README's reader types: to see it work, and to test.
const COMMANDS: [&str; 2] = ["cargo run --release -- demo", "cargo xtask test"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for document in DOCUMENTS {
        if tree.text(document).is_none_or(|text| text.trim().is_empty()) {
            violations.push(Violation::new(document, 1, "missing or empty: write it"));
        }
    }
    let readme = tree.text("README.md").unwrap_or_default();
    for command in COMMANDS {
        if !readme.contains(command) {
            let message = format!("does not name `{command}`: say how to build and how to test");
            violations.push(Violation::new("README.md", 1, message));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_and_command_is_required() {
        let readme = format!("Type {}.", COMMANDS.join(" and "));
        let text =
            |document: &str| if document == "README.md" { readme.clone() } else { "A.".into() };
        let all: Vec<(&str, String)> =
            DOCUMENTS.into_iter().map(|document| (document, text(document))).collect();
        let tree = |leave_out: &str, readme: &str| {
            let files: Vec<(&str, &str)> = all
                .iter()
                .filter(|(document, _)| *document != leave_out)
                .map(|(document, text)| {
                    (*document, if *document == "README.md" { readme } else { text.as_str() })
                })
                .collect();
            Tree::of(&files)
        };
        assert_eq!(check(&tree("", &readme)), []);
        for document in DOCUMENTS {
            assert!(check(&tree(document, &readme)).iter().any(|v| v.file == document));
        }
        for command in COMMANDS {
            let violations = check(&tree("", &readme.replace(command, "")));
            assert_eq!(violations.len(), 1);
            assert!(violations[0].message.contains(command));
        }
    }

    #[test]
    fn an_empty_document_is_a_missing_one() {
        let tree = Tree::of(&[("ARCHITECTURE.md", " \n")]);
        assert!(check(&tree).iter().any(|v| v.file == "ARCHITECTURE.md"));
    }
}
