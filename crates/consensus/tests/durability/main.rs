//! What a chain told is there after anything that happens to it, alone and behind the trait.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]
mod chain;
mod fixture;
mod replicated_log;
