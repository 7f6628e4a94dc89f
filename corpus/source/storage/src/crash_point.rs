//! Places where a test can have the process die, to prove that nothing acknowledged is lost.
//!
//! `AINUR_CRASH_AT=log.synced` kills the process with SIGKILL the first time it comes there;
//! `AINUR_CRASH_AT=log.synced:3` the third time. Without the variable a point costs one load.
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// The environment variable that names the point.
pub const VARIABLE: &str = "AINUR_CRASH_AT";

/// Every point in this crate and in the ones that store through it.
pub const LABELS: [&str; 9] = [
    "log.appended",
    "log.synced",
    "blob.written",
    "blob.renamed",
    "store.committed",
    "chain.executed",
    "chain.appended",
    "chain.synced",
    "chain.snapshot",
];

struct Target {
    label: String,
    hits_left: AtomicU64,
}

static TARGET: OnceLock<Option<Target>> = OnceLock::new();

/// Dies here when [`VARIABLE`] says so.
pub fn crash_point(label: &str) {
    let Some(target) = TARGET.get_or_init(target) else { return };
    if target.label == label && target.hits_left.fetch_sub(1, Ordering::SeqCst) == 1 {
        // SIGKILL cannot fail on ourselves; if it did, aborting is the same to the test.
        if kill_process(getpid(), Signal::KILL).is_err() {
            std::process::abort();
        }
        loop {
            std::thread::park();
        }
    }
}

fn target() -> Option<Target> {
    let value = std::env::var(VARIABLE).ok()?;
    let (label, hits) = match value.rsplit_once(':') {
        Some((label, hits)) => (label, hits.parse().unwrap_or(1)),
        None => (value.as_str(), 1),
    };
    Some(Target { label: label.into(), hits_left: AtomicU64::new(hits) })
}
