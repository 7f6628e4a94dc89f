//! Who takes part: components built into the binary, and one plain command.
use std::path::PathBuf;

use ainur_api::Service;
use ainur_api::operation::{AgentAdd, Operation, ProgramSource, Reply};
use ainur_api::problem::Problem;
use ainur_api::view::AgentView;
use ainur_market::negotiation::TacticName;
use ainur_node::Node;
use ainur_primitives::{Amount, ContentId};

use super::narrate::Narrator;
use crate::command::ask;
use crate::output::{Column, io_problem};

macro_rules! components {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../agents/prebuilt/", $name, ".wasm")))),*]
    };
}

/// The components, by the names they have on the node.
const COMPONENTS: &[(&str, &[u8])] = components![
    "inventory",
    "secret-scanner",
    "deduplicator",
    "cheap-archiver",
    "crasher",
    "lz4",
    "deflate",
    "zstd",
    "brotli",
    "xz",
    "archive-verify",
    "indexer",
];

/// The plain command: a shell script.
const LINE_COUNT: &str = include_str!("../../../../agents/commands/line-count");

/// The compressor that cheats.
pub(super) const CHEAT: &str = "cheap-archiver";
/// Checks compressed archives.
pub(super) const VERIFIER: &str = "archive-verify";
/// Checks deduplicated archives, and makes them.
pub(super) const DEDUPLICATOR: &str = "deduplicator";

/// Adds every agent that is not there yet.
pub(super) fn join(node: &Node, narrator: &Narrator<'_>) -> Result<(), Problem> {
    let known: Vec<String> = agents(node)?.into_iter().map(|agent| agent.name).collect();
    let bar = narrator.work("agents join");
    for (name, component) in COMPONENTS {
        if known.iter().any(|other| other == name) {
            continue;
        }
        bar.set_message(format!("{name} joins"));
        let (content, _) = node.put_blob(&mut &component[..])?;
        add(node, name, ProgramSource::Component { content }, None)?;
    }
    if !known.iter().any(|name| name == "line-count") {
        let script = script(node)?;
        let argv = vec!["/bin/sh".into(), script.display().to_string()];
        let price = Amount::from_ainu("0.2").ok();
        add(
            node,
            "line-count",
            ProgramSource::Command { argv, network: false, or_mcp: false },
            price,
        )?;
    }
    bar.finish_and_clear();
    if narrator.output().is_json() {
        return Ok(());
    }
    let rows = agents(node)?.into_iter().map(|agent| {
        let offered: Vec<&str> = agent.capabilities.iter().map(|c| c.name.as_str()).collect();
        vec![format!("  {}", agent.name), offered.join(", "), agent.stake.to_ainu()]
    });
    let columns = [Column("  agent", false), Column("offers", false), Column("stake AINU", true)];
    narrator.output().table(&columns, rows.collect());
    Ok(())
}

/// Adds one agent.
pub(super) fn add(
    node: &Node,
    name: &str,
    program: ProgramSource,
    price: Option<Amount>,
) -> Result<(), Problem> {
    let add = AgentAdd {
        name: Some(name.into()),
        program,
        price,
        prices: std::collections::BTreeMap::new(),
        tactic: TacticName::default(),
        strategy: None,
        stake: None,
        capability: None,
        team: None,
        own_key: None,
    };
    node.perform(Operation::AgentAdd(add)).map(|_| ())
}

/// The command's script, where it can be run from.
fn script(node: &Node) -> Result<PathBuf, Problem> {
    let path = node.directory().path("line-count.sh");
    std::fs::write(&path, LINE_COUNT)
        .map_err(|error| io_problem(&format!("write {}", path.display()), &error))?;
    Ok(path)
}

/// All agents.
pub(super) fn agents(node: &Node) -> Result<Vec<AgentView>, Problem> {
    ask(node, Operation::AgentList, |reply| match reply {
        Reply::Agents(agents) => Some(agents),
        _ => None,
    })
}

/// One agent.
pub(super) fn agent(node: &Node, name: &str) -> Result<AgentView, Problem> {
    ask(node, Operation::AgentShow { agent: name.into() }, |reply| match reply {
        Reply::Agent(agent) => Some(agent),
        _ => None,
    })
}

/// The component of an agent.
pub(super) fn component(node: &Node, name: &str) -> Result<ContentId, Problem> {
    let (_, bytes) = COMPONENTS
        .iter()
        .find(|(other, _)| *other == name)
        .expect("the demo names only its own components");
    // Storing what is stored is how its name is found.
    node.put_blob(&mut &bytes[..]).map(|(content, _)| content)
}
