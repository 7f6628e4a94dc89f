//! `cargo xtask interop`: official SDKs and test kits, unmodified, against the real binary.
//!
//! They come from their package registries into the target directory, at pinned versions. A machine
//! without Python, npm or a network skips what it cannot install, and says so.
use crate::steps::Tally;
use crate::workspace::{cargo, run as execute};

mod market;
mod npm;
mod python;

/// Builds the binary and runs every client against it.
///
/// # Errors
/// When a client finds something wrong.
pub(crate) fn run() -> anyhow::Result<()> {
    execute(&mut cargo(&["build", "--package", "ainur"]))?;
    let tally = run_built()?;
    println!("{tally}");
    anyhow::ensure!(tally.failed == 0, "a client found something wrong");
    Ok(())
}

/// The same with the binary that is built already.
pub(crate) fn run_built() -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    match python::environment() {
        Ok(python) => tally += python::run(&python),
        Err(why) => println!("skipped, Python's SDKs cannot be installed here: {why:#}"),
    }
    match npm::environment() {
        Ok(folder) => tally += npm::run(&folder),
        Err(why) => println!("skipped, npm's packages cannot be installed here: {why:#}"),
    }
    Ok(tally)
}

/// Runs one client and counts it.
fn step(name: &str, run: impl FnOnce() -> anyhow::Result<()>) -> Tally {
    println!("--- {name}");
    match run() {
        Ok(()) => Tally::PASSED,
        Err(error) => {
            println!("{name}: {error:#}");
            Tally::FAILED
        }
    }
}
