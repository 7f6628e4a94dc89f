//! The demo corpus as the archive that tests and measurements feed to the guests.
use std::io;
use std::path::{Path, PathBuf};

/// `corpus/` of this repository.
pub fn corpus_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus")
}

/// The corpus as a tar archive with sorted paths.
///
/// # Errors
/// When a file cannot be read.
pub fn corpus() -> io::Result<Vec<u8>> {
    let root = corpus_folder();
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut read = Vec::new();
    for path in files {
        let name = path.strip_prefix(&root).map_err(io::Error::other)?;
        read.push((name.to_string_lossy().into_owned(), std::fs::read(&path)?));
    }
    Ok(ainur_guest::tar::pack(read.iter().map(|(name, content)| (name.as_str(), &content[..]))))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
