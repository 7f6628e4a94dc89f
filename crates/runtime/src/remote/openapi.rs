//! HTTP services described by an OpenAPI document, version 3.0 or 3.1, in JSON: each of their
//! operations is a capability.
//!
//! The parameters of a call are one object: the operation's own by their names, and `body` for the
//! body. Nothing but the document is fetched to understand it, and an operation is used only as long
//! as the document says about it what it said when the service was added.
pub(super) mod call;
mod contract;
mod document;
pub(super) mod documents;
mod parameter;
mod reader;
mod reference;
mod request;
mod schema;
