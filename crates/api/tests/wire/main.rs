//! HTTP/2, TLS and gRPC on the node's port: real clients for what should work, raw frames for what
//! should not.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#[path = "../a2a/bazaar.rs"]
#[expect(dead_code, reason = "made for the tests of A2A, which use the rest of it")]
mod bazaar;
mod client;
mod floods;
mod grpc;
mod http2;
mod tls;
