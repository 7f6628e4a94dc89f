//! A changed byte in a receipt, a log or a blob is found and named, never passed over.
#![expect(clippy::unwrap_used, reason = "a test that cannot look has failed")]

mod place;

use std::path::{Path, PathBuf};

use place::Place;

#[test]
fn a_changed_byte_of_a_receipt_is_named() {
    let place = Place::with_echo();
    place.succeeds(&["task", "run", "text.echo", "--reserve", "2"]);
    let task = place.json(&["task", "list"])[0]["id"].as_str().unwrap().to_owned();
    let path = place.path("receipt.json");
    place.succeeds(&["receipt", "show", &task, "--output", &path]);
    place.succeeds(&["receipt", "verify", &path]);
    let whole = std::fs::read(&path).unwrap();
    // Every byte is flipped in the audit crate's tests; here the command is looked at.
    for at in (0..whole.len()).step_by(whole.len() / 24) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        let output = place.run(&["receipt", "verify", &path]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "byte {at}: {said}");
        assert!(said.contains("FAILED"), "byte {at}: {said}");
    }
    let stranger = Place::with_echo();
    std::fs::write(&path, &whole).unwrap();
    let output = stranger.run(&["receipt", "verify", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("unknown"), "a stranger's receipt");
}

#[test]
fn a_changed_byte_of_a_log_is_named() {
    let place = Place::with_echo();
    for _ in 0..3 {
        place.succeeds(&["task", "run", "text.echo", "--reserve", "2"]);
    }
    for folder in ["ledger", "broker", "audit"] {
        let segment = segments(&place.data_dir().join(folder)).pop().expect("a log segment");
        let whole = std::fs::read(&segment).unwrap();
        if whole.is_empty() {
            continue;
        }
        let mut changed = whole.clone();
        changed[whole.len() / 3] ^= 1;
        std::fs::write(&segment, &changed).unwrap();
        let output = place.run(&["ledger", "audit"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{folder}: {said}");
        let name = segment.file_name().unwrap().to_string_lossy().into_owned();
        assert!(said.contains(&name), "{folder}/{name} is not named: {said}");
        std::fs::write(&segment, &whole).unwrap();
    }
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_changed_byte_of_a_blob_is_named() {
    let place = Place::with_echo();
    let path = place.file("large", &vec![b'x'; 300_000]);
    let content = place.json(&["blob", "put", &path])["content"].as_str().unwrap().to_owned();
    let blob = files(&place.data_dir().join("blobs"))
        .into_iter()
        .find(|file| std::fs::metadata(file).unwrap().len() == 300_000)
        .expect("the blob's file");
    let mut changed = std::fs::read(&blob).unwrap();
    changed[200_000] ^= 1;
    std::fs::write(&blob, &changed).unwrap();
    let refused = place.fails(&["blob", "get", &content, "--output", &place.path("out")]);
    assert!(refused.contains(&content[content.len() - 8..]), "{refused}");
    assert!(!Path::new(&place.path("out")).exists(), "a damaged blob was written");
    let output = place.run(&["ledger", "audit"]);
    assert_eq!(output.status.code(), Some(1));
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = files(folder)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "log"))
        .filter(|file| std::fs::metadata(file).is_ok_and(|metadata| metadata.len() > 500))
        .collect();
    found.sort();
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
