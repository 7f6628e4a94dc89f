//! Development tasks: `cargo xtask <command>`, one file per command.
//!
//! Everything here runs ordinary tools (cargo, git, sha256sum) and reads the tree, so that it builds
//! in seconds. A command prints what it runs and how long that took, and exits 1 when anything
//! failed.
use std::process::ExitCode;

use anyhow::bail;

mod agents;
mod bench;
mod check;
mod crash;
mod interop;
mod steps;
mod test;
mod tidy;
mod workspace;

const USAGE: &str = "\
cargo xtask <command>

  check                        format, lints, tidy, docs, licences
  test [--full]                build everything, also without std, and run every test; --full draws many more cases
  tidy                         the rules of this tree that no compiler checks
  crash [--kills N] [--seed S] kill the real binary at every durable step and N random moments
  interop                      official SDKs as clients of the real binary
  bench [NAME] [--full] [--json]
                               measure in release, each figure beside its peer or bound
  agents [--check]             the prebuilt guest components against their digests
  agents --rebuild [...]       build them anew; what follows goes to agents/builder
";

/// What was asked for.
enum Command {
    Check,
    Test(test::Options),
    Tidy,
    Crash(crash::Options),
    Bench(bench::Options),
    Interop,
    Agents(agents::Mode),
    Help,
}

impl Command {
    fn parse(arguments: &[&str]) -> anyhow::Result<Self> {
        Ok(match arguments {
            ["check"] => Self::Check,
            ["test", options @ ..] => Self::Test(test::Options::parse(options)?),
            ["tidy"] => Self::Tidy,
            ["crash", options @ ..] => Self::Crash(crash::Options::parse(options)?),
            ["interop"] => Self::Interop,
            ["bench", options @ ..] => Self::Bench(bench::Options::parse(options)?),
            ["agents", options @ ..] => Self::Agents(agents::Mode::parse(options)?),
            [] | ["help" | "--help" | "-h"] => Self::Help,
            unknown => bail!("no such command: {}\n\n{USAGE}", unknown.join(" ")),
        })
    }

    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Check => check::run(),
            Self::Test(options) => test::run(options),
            Self::Tidy => tidy::run(),
            Self::Crash(options) => crash::run(options),
            Self::Interop => interop::run(),
            Self::Bench(options) => bench::run(&options),
            Self::Agents(mode) => agents::run(mode),
            Self::Help => {
                print!("{USAGE}");
                Ok(())
            }
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match Command::parse(&arguments).and_then(Command::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
