//! The HTTP server and client against each other and against raw sockets, over loopback.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod admission;
mod blobs;
mod bounds;
mod operations;
mod shelf;
mod stop;
