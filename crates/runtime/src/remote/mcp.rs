//! Agents that are servers of the Model Context Protocol: each of their tools is a capability.
//!
//! Version 2026-07-28 is preferred, the versions that begin with `initialize` are the fallback. A
//! tool is called only as long as it is described as it was when the agent was added.
use super::Description;
use super::program::ToolServer;
use crate::failure::Failure;

pub(super) mod call;
mod catalog;
mod client;
mod connection;
pub(super) mod connections;
mod events;
mod guard;
mod judge;
mod lines;
mod meter;
mod process;
mod web;

use connections::Connections;

/// Asks a server what it offers now.
pub(super) async fn describe(
    connections: &Connections,
    server: &ToolServer,
) -> Result<Description, Failure> {
    let connection = connections.get(server).await?;
    // What the tools take in memory is held until they were looked at.
    let (tools, _held) = match connection.describe().await {
        Ok(tools) => tools,
        Err(failure) => {
            // Such as one whose session the server has forgotten: the next question opens another.
            connections.forget(server, &connection);
            return Err(failure);
        }
    };
    let information = connection.information();
    catalog::describe(information.as_deref(), server, tools)
}
