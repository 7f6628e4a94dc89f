//! The official SDKs for Python and Node against the server, where there are some.
//!
//! `AINUR_A2A_PYTHON` names a Python that has `a2a-sdk[grpc]`, `httpx` and `PyJWT[crypto]`, and
//! `AINUR_NODE_PACKAGES` a folder in which `xtask/interop/package.json` was installed. Without them
//! these tests do nothing.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use ainur_api::a2a::{CardKey, Config, Desk};
use ainur_api::http::Bounds;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer, SigningKey};

use crate::bazaar::Served;

fn drive(desk: Desk, arguments: &[&str]) {
    let Ok(python) = std::env::var("AINUR_A2A_PYTHON") else { return };
    let signing = SigningKey::from_bytes(&[7; 32]);
    let public = BASE64URL_NOPAD.encode(signing.verifying_key().as_bytes());
    let sign = Arc::new(move |bytes: &[u8]| signing.sign(bytes).to_bytes().to_vec());
    let key = Some(CardKey { id: "node".into(), sign });
    let served = Served::with(Config { desk, key, ..Config::default() }, Bounds::default());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/interop/a2a_client.py");
    let output = Command::new(python)
        .arg(script)
        .args([&format!("http://{}", served.address), &served.token.to_text()])
        .args(["--key", &format!("node={public}")])
        .args(arguments)
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The same for Node. The script has to lie where the packages are.
fn drive_node(desk: Desk, arguments: &[&str]) {
    let Some(folder) = std::env::var_os("AINUR_NODE_PACKAGES").map(PathBuf::from) else { return };
    let served = Served::with(Config { desk, ..Config::default() }, Bounds::default());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/interop/a2a_node.mjs");
    let copy = tempfile::Builder::new().suffix(".mjs").tempfile_in(&folder).unwrap();
    std::fs::copy(script, copy.path()).unwrap();
    let output = Command::new(folder.join("node_modules/.bin/node"))
        .arg(copy.path())
        .args([&format!("http://{}", served.address), &served.token.to_text()])
        .args(arguments)
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_official_sdk_for_node_hires_on_the_market() {
    drive_node(Desk::Market, &["--slow", "task.wait"]);
}

#[test]
fn the_official_sdk_for_node_is_answered_by_the_fixtures() {
    drive_node(Desk::Conformance, &["--conformance"]);
}

#[test]
fn the_official_sdk_hires_on_the_market() {
    drive(Desk::Market, &["--slow", "task.wait"]);
}

#[test]
fn the_official_sdk_is_answered_by_the_fixtures() {
    drive(Desk::Conformance, &["--conformance"]);
}
