//! What a chain told is there after anything that happens to it, alone and behind the trait.
mod chain;
mod fixture;
mod replicated_log;
