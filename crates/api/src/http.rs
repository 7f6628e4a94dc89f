//! The HTTP mapping of a [`Service`](crate::Service), for programs on the same machine.
//!
//! | Request | Answer |
//! |---|---|
//! | `POST /v1/operations`, an [`Operation`](crate::Operation) as JSON | a [`Reply`](crate::Reply) as JSON |
//! | `PUT /v1/blobs`, any bytes | `{"content": …, "bytes": …}` |
//! | `GET /v1/blobs/{content id}` | the bytes |
//! | what [`rest`](crate::rest) and [`discovery`](crate::discovery) describe | JSON |
//! | `GET /healthz` | `{"status":"ok"}` |
//! | `/a2a`, `/a2a/v1/…`, `/.well-known/agent-card.json` | see [`a2a`](crate::a2a) |
//!
//! Every request but those for health and cards carries `Authorization: Bearer <token>`. What is refused is answered
//! with a problem document in the manner of RFC 9457, whose `code`, `detail` and `next_step` are
//! those of [`Problem`](crate::Problem). HTTP/1.1 and HTTP/2 are spoken on one port; without [`tls`] the socket
//! is meant for loopback.
pub mod bounds;
pub mod client;
pub mod document;
pub mod server;
pub mod tls;
pub mod token;

use ainur_primitives::ContentId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

pub use bounds::Bounds;
pub use client::Client;
pub use server::{Server, StopSignal};
pub use token::Token;

/// Where operations are posted.
pub const OPERATIONS_PATH: &str = "/v1/operations";
/// Where blobs are put; a content id after it names one to get.
pub const BLOBS_PATH: &str = "/v1/blobs";
/// Answers without a token that the server is up.
pub const HEALTH_PATH: &str = "/healthz";

pub(crate) const JSON: &str = "application/json";
pub(crate) const OCTETS: &str = "application/octet-stream";

/// Why a server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: std::net::SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// Threads, timers or signal handlers could not be set up.
    #[error("cannot start the server")]
    Start(#[source] std::io::Error),
    /// There is no randomness for a token.
    #[error("cannot draw a token")]
    Entropy(#[from] ainur_crypto::entropy::Error),
}

/// The answer to a blob that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Stored {
    #[schemars(with = "schema::ContentId")]
    content: ContentId,
    bytes: u64,
}
