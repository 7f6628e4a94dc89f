//! Agents that are servers of the Model Context Protocol: each of their tools is a capability.
//!
//! Version 2026-07-28 is preferred, the versions that begin with `initialize` are the fallback. A
//! tool is called only as long as it is described as it was when the agent was added.
use crate::failure::Failure;
use crate::manifest::Manifest;

use super::program::{McpTool, ToolServer};
use ainur_primitives::CapabilityName;
use std::collections::BTreeMap;

pub(super) mod call;
mod catalog;
mod client;
mod connection;
pub(super) mod connections;
mod guard;
mod process;
mod web;

use connections::Connections;

/// What a server offers, as an agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    /// The manifest made of its tools.
    pub manifest: Manifest,
    /// Which tool stands behind which capability, for
    /// [`McpProgram::tools`](super::McpProgram::tools).
    pub tools: BTreeMap<CapabilityName, McpTool>,
    /// What was left out or changed, and why; at most
    /// [`NOTES_MAX`](crate::limits::NOTES_MAX) lines for people.
    pub notes: Vec<String>,
}

/// Asks a server what it offers now.
pub(super) async fn describe(
    connections: &Connections,
    server: &ToolServer,
) -> Result<Description, Failure> {
    let connection = connections.get(server).await?;
    let tools = connection.list().await?;
    let information = connection.information();
    catalog::describe(information.as_deref(), server, tools)
}
