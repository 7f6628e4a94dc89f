//! Named, timed steps: each is run whatever became of the one before, and all of them are counted.
use std::fmt;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use anyhow::bail;

/// How many things went well and how many did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// One thing that went well.
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0 };
    /// One thing that went wrong.
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1 };
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The steps of one command, and what became of them.
pub(crate) struct Steps {
    started: Instant,
    reports: Vec<Report>,
}

struct Report {
    name: String,
    tally: Tally,
    duration: Duration,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), reports: Vec::new() }
    }

    /// Runs a step that passes or fails as a whole; tells whether it passed.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> anyhow::Result<()>) -> bool {
        self.count(name, || step().map(|()| Tally::PASSED))
    }

    /// Runs a step that counts for itself; an error counts as one failure.
    pub(crate) fn count(
        &mut self,
        name: &str,
        step: impl FnOnce() -> anyhow::Result<Tally>,
    ) -> bool {
        println!("\n=== {name}");
        let started = Instant::now();
        let tally = step().unwrap_or_else(|error| {
            println!("{error:#}");
            Tally::FAILED
        });
        let duration = started.elapsed();
        println!("=== {name}: {tally} in {:.1} s", duration.as_secs_f64());
        self.reports.push(Report { name: name.to_owned(), tally, duration });
        tally.failed == 0
    }

    /// All steps together.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for report in &self.reports {
            sum += report.tally;
        }
        sum
    }

    /// Prints the table of steps, and the sum as the last line.
    ///
    /// # Errors
    /// When anything failed.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        println!();
        for Report { name, tally, duration } in &self.reports {
            let mark = if tally.failed == 0 { "ok    " } else { "FAILED" };
            println!("{mark} {:>7.1} s  {name}: {tally}", duration.as_secs_f64());
        }
        println!("in {:.1} s", self.started.elapsed().as_secs_f64());
        println!("{}", self.tally());
        if self.tally().failed > 0 {
            let failed: Vec<&str> = self
                .reports
                .iter()
                .filter(|report| report.tally.failed > 0)
                .map(|report| report.name.as_str())
                .collect();
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_failed_step_is_counted_and_the_next_one_still_runs() {
        let mut steps = Steps::new();
        assert!(!steps.run("first", || Err(anyhow!("no"))));
        assert!(steps.run("second", || Ok(())));
        assert!(!steps.count("third", || Ok(Tally { passed: 7, failed: 2 })));
        assert_eq!(steps.tally(), Tally { passed: 8, failed: 3 });
        let error = steps.finish().unwrap_err().to_string();
        assert_eq!(error, "failed: first, third");
    }

    #[test]
    fn only_success_finishes_well() {
        let mut steps = Steps::new();
        steps.run("only", || Ok(()));
        assert!(steps.finish().is_ok());
    }
}
