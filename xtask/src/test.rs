//! `cargo xtask test`: builds the workspace and its tests once, and runs all of them.
//!
//! One build serves every step: bins and tests are resolved together, so the binary that the last
//! steps drive has the same dependencies as the tests. The last line is `N passed, N failed`.
use std::io::{BufRead, BufReader};
use std::num::NonZero;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::steps::{Steps, Tally};
use crate::workspace::{self, cargo, root};
use crate::{agents, crash, interop};

/// Cases per property in a full run, unless `PROPTEST_CASES` says otherwise.
const PROPERTY_CASES_FULL: &str = "4096";

/// The crates whose rules must also build without the standard library.
const NO_STD_PACKAGES: [&str; 5] =
    ["ainur-primitives", "ainur-crypto", "ainur-identity", "ainur-market", "ainur-ledger"];

/// Tests run at once for each processor: most of those that take long wait for a node, a program or
/// a deadline.
const TESTS_PER_PROCESSOR: usize = 2;

/// How thorough to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Options {
    /// Draw many more cases; tests that have a longer form read `AINUR_TEST_FULL`.
    pub(crate) full: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> anyhow::Result<Self> {
        match arguments {
            [] => Ok(Self { full: false }),
            ["--full"] => Ok(Self { full: true }),
            unknown => bail!("test takes --full, not {}", unknown.join(" ")),
        }
    }

    fn apply(self, command: &mut Command) {
        if self.full {
            command.env("AINUR_TEST_FULL", "1");
            if std::env::var_os("PROPTEST_CASES").is_none() {
                command.env("PROPTEST_CASES", PROPERTY_CASES_FULL);
            }
        }
        if std::env::var_os("RUST_TEST_THREADS").is_none() {
            let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
            command.env("RUST_TEST_THREADS", (processors * TESTS_PER_PROCESSOR).to_string());
        }
    }
}

/// Builds and runs every test.
///
/// # Errors
/// When something is missing that the build needs, or anything failed.
pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    if !["cc", "gcc", "clang"].into_iter().any(workspace::installed) {
        bail!(
            "a C compiler is needed to build and link: install gcc (Debian: apt-get install gcc libc6-dev)"
        );
    }
    let mut steps = Steps::new();
    let built = steps.run("build", || {
        workspace::run(&mut cargo(&["build", "--workspace", "--bins", "--tests"]))
    });
    steps.run("build without std", || {
        let packages = NO_STD_PACKAGES.iter().flat_map(|package| ["--package", package]);
        workspace::run(cargo(&["check", "--no-default-features"]).args(packages))
    });
    if built {
        steps.count("workspace tests", || {
            count_tests(options, cargo(&["test", "--workspace", "--no-fail-fast"]))
        });
        if root().join("agents/Cargo.toml").is_file() {
            let manifest = ["--manifest-path", "agents/Cargo.toml"];
            steps.count("agents' native tests", || {
                let mut command = cargo(&["test"]);
                command.args(manifest).args(["--workspace", "--no-fail-fast"]);
                count_tests(options, command)
            });
            steps.count("agents' prebuilt components", agents::check);
        }
        let kills = if options.full { 200 } else { 30 };
        steps.count("crash test", || crash::run_built(crash::Options { kills, seed: 1 }));
        steps.run("demo", demo);
        steps.count("official SDKs", interop::run_built);
    }
    steps.finish()
}

/// Runs the demo with the binary that is built already, and looks at how it ended.
fn demo() -> anyhow::Result<()> {
    let folder = tempfile_folder("ainur-demo-test");
    let mut command = Command::new(crash::binary());
    command.args(["--json", "--data-dir"]).arg(&folder).arg("demo").current_dir(root());
    let ending = workspace::output(&mut command)?;
    let ending: serde_json::Value = serde_json::from_str(&ending)?;
    println!("{ending:#}");
    let well = ["ledger_balanced", "archive_verified", "receipts_verified"];
    if let Some(wrong) = well.into_iter().find(|what| ending[what] != true) {
        bail!("{wrong} is not true");
    }
    if ending["restarts"] == 0 || ending["slashed"] == "0" || ending["refunded"] == 0 {
        bail!("the demo saw no restart, no slash or no refund");
    }
    std::fs::remove_dir_all(&folder).context("removing the demo's data")
}

/// A folder for this process's own use, which does not exist yet.
fn tempfile_folder(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("{name}-{}", std::process::id()))
}

/// Runs a cargo test command, passing its output on, and adds up what its test programs report.
fn count_tests(options: Options, mut command: Command) -> anyhow::Result<Tally> {
    options.apply(&mut command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", workspace::spelled(&command)))?;
    let output = child.stdout.take().expect("stdout was asked for as a pipe");
    let mut sum = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("reading the output of the tests")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if let Some(tally) = parse_result(&line) {
            sum += tally;
        }
    }
    let status = child.wait().context("waiting for the tests")?;
    if !status.success() && sum.failed == 0 {
        // A test program that died, or did not compile, reports no failed test.
        println!("{} ended with {status}", workspace::spelled(&command));
        sum += Tally::FAILED;
    }
    Ok(sum)
}

/// Reads a test program's `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
fn parse_result(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for count in counts.split("; ") {
        match count.split_once(' ') {
            Some((number, "passed")) => tally.passed = number.parse().ok()?,
            Some((number, "failed")) => tally.failed = number.parse().ok()?,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_of_test_programs_are_read() {
        let passed = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(parse_result(passed), Some(Tally { passed: 12, failed: 0 }));
        let failed = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(parse_result(failed), Some(Tally { passed: 3, failed: 2 }));
        assert_eq!(parse_result("test passed ... ok"), None);
        assert_eq!(parse_result("running 12 tests"), None);
    }

    #[test]
    fn a_program_that_dies_without_a_report_counts_as_a_failure() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'test result: ok. 2 passed; 0 failed;'; exit 3"]);
        let tally = count_tests(Options { full: false }, command).unwrap();
        assert_eq!(tally, Tally { passed: 2, failed: 1 });
    }

    #[test]
    fn a_full_run_tells_the_tests() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo \"test result: ok. ${AINUR_TEST_FULL:-0} passed; 0 failed;\""]);
        let tally = count_tests(Options { full: true }, command).unwrap();
        assert_eq!(tally, Tally { passed: 1, failed: 0 });
    }

    #[test]
    fn unknown_options_are_refused() {
        assert_eq!(Options::parse(&["--full"]).unwrap(), Options { full: true });
        assert!(Options::parse(&["--quick"]).is_err());
    }
}
