//! The text files of a tree, by their path from its root.
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use anyhow::Context;

use super::source::Source;

/// Files larger than this are data, whatever they contain.
const FILE_BYTES_MAX: usize = 4 << 20;

/// The files to be checked. Binary files are not among them.
pub(super) struct Tree {
    files: BTreeMap<String, String>,
    sources: BTreeMap<String, Source>,
}

impl Tree {
    /// The files git tracks or would track; without git, all that are not built.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let paths = match listed_by_git(root) {
            Some(paths) => paths,
            None => {
                let mut paths = Vec::new();
                walk(root, "", &mut paths).context("listing the tree")?;
                paths
            }
        };
        let mut files = BTreeMap::new();
        for path in paths {
            let bytes = match fs::read(root.join(&path)) {
                Ok(bytes) => bytes,
                // Deleted or moved and not committed yet; a submodule or link to a folder.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => continue,
                Err(error) => return Err(error).with_context(|| format!("reading {path}")),
            };
            if bytes.len() > FILE_BYTES_MAX || bytes.contains(&0) {
                continue;
            }
            if let Ok(text) = String::from_utf8(bytes) {
                files.insert(path, text);
            }
        }
        Ok(Self::new(files))
    }

    /// A tree of these files.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self::new(files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect())
    }

    fn new(files: BTreeMap<String, String>) -> Self {
        let sources = files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs") && !is_test_data(path))
            .map(|(path, text)| (path.clone(), Source::read(path, text)))
            .collect();
        Self { files, sources }
    }

    /// Every file with its text.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Every Rust file of our own.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.sources.iter().map(|(path, source)| (path.as_str(), source))
    }
}

/// Whether a file is a fixture, whose content is somebody else's.
pub(super) fn is_test_data(path: &str) -> bool {
    path.contains("/tests/data/") || path.starts_with("tests/data/")
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let paths = String::from_utf8(output.stdout).ok()?;
    Some(paths.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn walk(root: &Path, folder: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && name != "target" && name != ".git" {
            walk(root, &path, paths)?;
        } else if kind.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder that is gone when the test is.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("src")).unwrap();
            fs::create_dir_all(path.join("target")).unwrap();
            fs::write(path.join("src/lib.rs"), "//! A.").unwrap();
            fs::write(path.join("target/built.rs"), "nothing").unwrap();
            fs::write(path.join("picture"), [0, 1, 2]).unwrap();
            Self(path)
        }

        fn git(&self, arguments: &[&str]) {
            let mut git = Command::new("git");
            assert!(git.args(arguments).current_dir(&self.0).status().unwrap().success());
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.files().map(|(path, _)| path).collect()
    }

    #[test]
    fn without_git_all_text_outside_of_target_is_read() {
        let folder = Folder::new("walk");
        let tree = Tree::read(&folder.0).unwrap();
        assert_eq!(paths(&tree), ["src/lib.rs"]);
        assert_eq!(tree.text("src/lib.rs"), Some("//! A."));
        assert_eq!(tree.sources().count(), 1);
    }

    #[test]
    fn with_git_new_files_count_and_ignored_and_deleted_ones_do_not() {
        let folder = Folder::new("git");
        fs::write(folder.0.join(".gitignore"), "/target\n").unwrap();
        fs::write(folder.0.join("gone"), "soon").unwrap();
        folder.git(&["init", "--quiet"]);
        folder.git(&["add", "."]);
        fs::remove_file(folder.0.join("gone")).unwrap();
        fs::write(folder.0.join("new"), "text").unwrap();
        let tree = Tree::read(&folder.0).unwrap();
        assert_eq!(paths(&tree), [".gitignore", "new", "src/lib.rs"]);
    }
}
