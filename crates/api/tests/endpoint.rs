//! The file that says where a running node is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use std::fs;
use std::os::unix::fs::PermissionsExt;

use ainur_api::endpoint::{ENDPOINT_FILE, Endpoint, Error};
use ainur_api::http::Token;

fn endpoint(port: u16) -> Endpoint {
    Endpoint::of_this_process(([127, 0, 0, 1], port).into(), Token::generate().unwrap())
}

#[test]
fn endpoint_is_read_as_written_replaced_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Endpoint::read(dir.path()).unwrap(), None);
    for port in [1, 2] {
        let written = endpoint(port);
        written.write(dir.path()).unwrap();
        assert_eq!(Endpoint::read(dir.path()).unwrap(), Some(written));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }
    for _ in 0..2 {
        Endpoint::remove(dir.path()).unwrap();
        assert_eq!(Endpoint::read(dir.path()).unwrap(), None);
    }
}

#[test]
fn only_the_owner_may_read_it_whatever_was_there() {
    let dir = tempfile::tempdir().unwrap();
    for name in [ENDPOINT_FILE.to_string(), format!("{ENDPOINT_FILE}.draft")] {
        let path = dir.path().join(name);
        fs::write(&path, "left by a killed process").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    }
    endpoint(7117).write(dir.path()).unwrap();
    let mode = fs::metadata(dir.path().join(ENDPOINT_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_says_something_else_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(ENDPOINT_FILE);
    endpoint(7117).write(dir.path()).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let long = format!("{good}{}", " ".repeat(5000)).replace('}', &format!("{:5000}}}", ""));
    for text in ["", "{}", &good[..good.len() / 2], &good.replace("token", "tok"), &long] {
        fs::write(&path, text).unwrap();
        assert!(matches!(Endpoint::read(dir.path()), Err(Error::Malformed { .. })), "{text}");
    }
    fs::write(&path, b"\xff").unwrap();
    assert!(matches!(Endpoint::read(dir.path()), Err(Error::Malformed { .. })));
    let nowhere = dir.path().join("nowhere");
    assert!(matches!(endpoint(1).write(&nowhere), Err(Error::File { .. })));
}
