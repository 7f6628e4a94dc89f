//! What a node can be asked, and what it answers.
//!
//! Every way in (the command line on the data directory, the command line through a running node,
//! HTTP) speaks the same [`Operation`]s and gets the same [`Reply`]s and [`Problem`]s. A
//! [`Service`] performs them; the node is one, and a client that talks to a running node is the
//! other. [`access::Counter`] is a service as one client may use it: every protocol's server stands
//! behind one, so what a token may do and spend is decided in one place.
pub mod a2a;
pub mod access;
pub mod discovery;
pub mod endpoint;
pub mod http;
pub mod mcp;
mod metrics;
pub mod operation;
pub mod problem;
pub mod rest;
mod schema;
pub mod service;
mod trace;
pub mod view;

pub use endpoint::Endpoint;
pub use operation::{Operation, Reply};
pub use problem::Problem;
pub use service::Service;
