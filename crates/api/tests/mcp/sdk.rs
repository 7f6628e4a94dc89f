//! The conformance suite and the official clients for Node against the server, where there are
//! some.
//!
//! `AINUR_NODE_PACKAGES` names a folder in which `xtask/interop/package.json` was installed;
//! without it these tests do nothing.
use std::path::{Path, PathBuf};
use std::process::Command;

use ainur_api::http::Client;
use ainur_api::operation::TokenCreate;
use ainur_api::view::Scope;
use ainur_api::{Operation, Reply, Service};
use ainur_primitives::Amount;

use crate::market::ECHO;
use crate::served::Served;

struct Packages(PathBuf);

impl Packages {
    fn find() -> Option<Self> {
        std::env::var_os("AINUR_NODE_PACKAGES").map(|folder| Self(folder.into()))
    }

    fn interop(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/interop").join(name)
    }

    /// Runs a program of Node.
    fn run(&self, program: &Path, arguments: &[&str]) {
        let output = Command::new(self.0.join("node_modules/.bin/node"))
            .current_dir(&self.0)
            .arg(program)
            .args(arguments)
            .output()
            .unwrap();
        println!("{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a script of ours, which has to lie where the packages are.
    fn script(&self, name: &str, arguments: &[&str]) {
        let copy = tempfile::Builder::new().suffix(".mjs").tempfile_in(&self.0).unwrap();
        std::fs::copy(Self::interop(name), copy.path()).unwrap();
        self.run(copy.path(), arguments);
    }
}

/// A token that may spend more on one call than its budget holds.
fn poor_token(served: &Served) -> String {
    let asked = TokenCreate {
        name: "poor".into(),
        scope: Scope::Spend,
        limit: Amount(1),
        per_task: Some(Amount::ainu(1)),
        daily: None,
        parent: None,
        expires_ms: None,
        weight: std::num::NonZeroU16::MIN,
    };
    let client = Client::new(served.address, served.token.clone()).unwrap();
    match client.perform(Operation::TokenCreate(asked)).unwrap() {
        Reply::TokenCreated { secret, .. } => secret,
        other => panic!("{other:?}"),
    }
}

#[test]
fn suite_of_the_protocols_authors_passes_in_both_versions() {
    let Some(packages) = Packages::find() else { return };
    let served = Served::fixtures();
    let url = format!("http://{}/mcp", served.address);
    let suite = packages.0.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let expected = Packages::interop("mcp_conformance_expected.yaml");
    for version in ["2025-11-25", "2026-07-28"] {
        packages.run(&suite, &["server", "--url", &url, "--requirements", version]);
    }
    let expected = expected.to_str().unwrap();
    let all = ["server", "--url", &url, "--suite", "all", "--expected-failures", expected];
    packages.run(&suite, &all);
}

#[test]
fn official_clients_for_node_hire_on_the_market() {
    let Some(packages) = Packages::find() else { return };
    let served = Served::market();
    let base = format!("http://{}", served.address);
    let poor = poor_token(&served);
    packages.script("mcp_node.mjs", &[&base, &served.token.to_text(), ECHO, &poor]);
}
