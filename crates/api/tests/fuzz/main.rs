//! A seeded fuzzer of the real server over real sockets: requests that are right in every protocol
//! it speaks are changed in their bytes, their JSON, their messages, their headers or their frames.
//!
//! Whatever is said, no thread panics, every answer is well-formed in its protocol and none is a
//! fault of the server's own, every connection is answered or ended in time, nothing is bought or
//! changed by who may not, memory stays within bounds, and a good caller is served as ever.
//!
//! The same cases are tried in each run. `AINUR_FUZZ_LONG=15` tries others for fifteen minutes, and
//! prints the seed; `AINUR_FUZZ_CASE=SEED:NUMBER` tries one again.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod answer;
mod bytes;
mod case;
mod corpus;
mod drive;
mod frames;
mod grpc;
mod json;
mod judge;
#[expect(dead_code, reason = "other tests use all of it")]
#[path = "../rest/market.rs"]
mod market;
mod protobuf;
mod random;
mod request;
mod run;
mod seeds;
mod world;
