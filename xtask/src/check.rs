//! `cargo xtask check`: everything that can be said about the tree without running it.
//!
//! Clippy and rustdoc read the same metadata of dependencies, so the second of them is cheap.
use anyhow::Context;

use crate::steps::Steps;
use crate::tidy;
use crate::workspace::{self, cargo, root, run as execute};

/// Runs all checks.
///
/// # Errors
/// When any of them failed.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::new();
    let agents = root().join("agents/Cargo.toml").is_file();

    steps.run("format", || {
        execute(&mut cargo(&["fmt", "--all", "--check"]))?;
        if agents {
            let of_agents = ["fmt", "--manifest-path", "agents/Cargo.toml", "--all", "--check"];
            execute(&mut cargo(&of_agents))?;
        }
        Ok(())
    });
    steps.run("tidy", tidy::run);
    steps.run("clippy", || {
        let lints = ["--all-targets", "--", "-D", "warnings"];
        execute(cargo(&["clippy", "--workspace"]).args(lints))?;
        if agents {
            execute(
                cargo(&["clippy", "--manifest-path", "agents/Cargo.toml", "--workspace"])
                    .args(lints),
            )?;
        }
        Ok(())
    });
    steps.run("documentation", || {
        let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
        execute(command.env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.run("licences and bans", deny);
    steps.finish()
}

fn deny() -> anyhow::Result<()> {
    if !workspace::installed("cargo-deny") {
        println!("skipped: cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(());
    }
    let what = ["check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    execute(cargo(&["deny"]).args(what)).context("deny.toml says what is allowed and why")
}
