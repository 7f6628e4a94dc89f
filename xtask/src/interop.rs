//! `cargo xtask interop`: official SDKs, unmodified, as clients of the real binary.
//!
//! The SDKs come from their package registries into the target directory. A machine without
//! Python or without a network skips them and says so.
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::crash;
use crate::steps::Tally;
use crate::workspace::{cargo, installed, output, root, run as execute, target_directory};

/// The SDKs, pinned.
const PACKAGES: [&str; 1] = ["mcp==2.3.0"];

/// Builds the binary and runs every client against it.
///
/// # Errors
/// When a client finds something wrong.
pub(crate) fn run() -> anyhow::Result<()> {
    execute(&mut cargo(&["build", "--package", "ainur"]))?;
    let tally = run_built()?;
    println!("{tally}");
    Ok(())
}

/// The same with the binary that is built already.
pub(crate) fn run_built() -> anyhow::Result<Tally> {
    let python = match environment() {
        Ok(python) => python,
        Err(why) => {
            println!("skipped, the official SDKs cannot be installed here: {why:#}");
            return Ok(Tally::default());
        }
    };
    let folder = std::env::temp_dir().join(format!("ainur-interop-{}", std::process::id()));
    let ainur = || {
        let mut command = Command::new(crash::binary());
        command.arg("--data-dir").arg(&folder);
        command
    };
    let echo = root().join("agents/prebuilt/echo.wasm");
    output(ainur().args(["agent", "add", "--name", "echo"]).arg(echo))?;
    let script = root().join("xtask/interop/mcp_stdio.py");
    print!("{}", output(Command::new(python).arg(script).arg(crash::binary()).arg(&folder))?);
    output(ainur().args(["ledger", "audit"]))?;
    std::fs::remove_dir_all(&folder).context("removing the data directory")?;
    Ok(Tally::PASSED)
}

/// A Python with the SDKs.
fn environment() -> anyhow::Result<PathBuf> {
    let folder = target_directory().join("interop");
    let python = folder.join("bin/python");
    if !python.exists() {
        anyhow::ensure!(installed("python3"), "python3 is missing (Debian: python3-venv)");
        execute(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    execute(install.args(PACKAGES))?;
    Ok(python)
}
