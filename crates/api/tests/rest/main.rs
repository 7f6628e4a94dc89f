//! REST, its description, discovery and metrics: a real server over loopback, a market in memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod described;
mod discovery;
mod events;
mod greedy;
mod hostile;
mod market;
mod metrics;
mod routes;
mod scopes;
mod served;
mod tasks;
