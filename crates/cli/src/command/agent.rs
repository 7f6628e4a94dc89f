//! `ainur agent …`.
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use ainur_api::operation::{AgentAdd, ProgramSource};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::AgentView;
use ainur_api::{Operation, Reply, Service};

use super::{Outcome, ask};
use crate::arguments;
use crate::arguments::Agent;
use crate::connect::Place;
use crate::output::{Column, Output, ainu, io_problem};

pub(super) fn run(verb: Agent, place: &Place, output: &Output) -> Outcome {
    let service = place.connect()?;
    match verb {
        Agent::Add(add) => {
            let agent = add_agent(add, &*service)?;
            show(&agent, output);
            if !output.is_json() {
                output.line(format!("next: {}", suggestion(&agent)));
            }
        }
        Agent::List => {
            let agents = ask(&*service, Operation::AgentList, |reply| match reply {
                Reply::Agents(agents) => Some(agents),
                _ => None,
            })?;
            list(&agents, output);
        }
        Agent::Show { agent } => {
            show(&one(&*service, Operation::AgentShow { agent })?, output);
        }
        Agent::Remove { agent } => {
            service.perform(Operation::AgentRemove { agent: agent.clone() })?;
            if output.is_json() {
                output.json(&serde_json::json!({ "removed": agent }));
            } else {
                output.line(format!("{agent} bids no more"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn one(service: &dyn Service, operation: Operation) -> Result<AgentView, Problem> {
    ask(service, operation, |reply| match reply {
        Reply::Agent(agent) => Some(agent),
        _ => None,
    })
}

/// A component is told by its first bytes, everything else is a program.
fn add_agent(add: arguments::AgentAdd, service: &dyn Service) -> Result<AgentView, Problem> {
    let program = program(&add.target, add.program_arguments, add.network, service)?;
    let operation = Operation::AgentAdd(AgentAdd {
        name: add.name,
        program,
        price: add.price,
        stake: add.stake,
        capability: add.capability,
    });
    one(service, operation)
}

fn program(
    target: &Path,
    fixed_arguments: Vec<String>,
    network: bool,
    service: &dyn Service,
) -> Result<ProgramSource, Problem> {
    let describe = |error| io_problem(&format!("read {}", target.display()), &error);
    let metadata = std::fs::metadata(target).map_err(describe)?;
    if metadata.is_dir() {
        return Err(Problem::new(Code::InvalidAgent, format!("{} is a folder", target.display()))
            .next("name a component file (.wasm) or a program"));
    }
    let mut source = File::open(target).map_err(describe)?;
    let mut magic = [0u8; 4];
    let is_wasm = source.read_exact(&mut magic).is_ok() && magic == *b"\0asm";
    if is_wasm || target.extension().is_some_and(|extension| extension == "wasm") {
        let mut source = File::open(target).map_err(describe)?;
        let (content, _) = service.put_blob(&mut source)?;
        return Ok(ProgramSource::Component { content });
    }
    let path = std::fs::canonicalize(target).map_err(describe)?;
    let path = path
        .to_str()
        .ok_or_else(|| Problem::new(Code::InvalidAgent, "the program's path is not valid UTF-8"))?;
    let argv = std::iter::once(path.to_owned()).chain(fixed_arguments).collect();
    Ok(ProgramSource::Command { argv, network })
}

fn suggestion(agent: &AgentView) -> String {
    let capability = agent.capabilities.first().map_or("noun.verb", |c| c.name.as_str());
    let takes_input = agent.capabilities.first().is_some_and(|c| c.input_media_type.is_some());
    let input = if takes_input { " --input FILE" } else { "" };
    format!("ainur task run {capability}{input} --reserve 5")
}

fn show(agent: &AgentView, output: &Output) {
    if output.is_json() {
        return output.json(agent);
    }
    let offered: Vec<&str> = agent.capabilities.iter().map(|c| c.name.as_str()).collect();
    output.facts(&[
        ("agent", format!("{}  {}", agent.name, output.faint(&agent.did.to_string()))),
        ("about", agent.description.clone()),
        ("program", agent.program.clone()),
        ("offers", offered.join(", ")),
        ("price", agent.price.map_or_else(|| "quotes itself".into(), ainu)),
        ("earned", ainu(agent.balance)),
        ("stake", ainu(agent.stake)),
        ("tasks", format!("{} accepted, {} failed", agent.completed, agent.failed)),
        ("expected to fail", agent.failure_probability.to_string()),
        ("standing", standing(agent, output)),
    ]);
}

fn standing(agent: &AgentView, output: &Output) -> String {
    match (agent.barred, agent.active) {
        (true, _) => output.bad("barred: stake below the minimum"),
        (false, false) => "removed".into(),
        (false, true) => output.good("may bid"),
    }
}

fn list(agents: &[AgentView], output: &Output) {
    if output.is_json() {
        return output.json(&agents);
    }
    if agents.is_empty() {
        return output.line("no agents yet; next: ainur agent add ./your-component.wasm");
    }
    let rows = agents.iter().map(|agent| {
        let offered: Vec<&str> = agent.capabilities.iter().map(|c| c.name.as_str()).collect();
        vec![
            agent.name.clone(),
            offered.join(", "),
            agent.completed.to_string(),
            agent.failed.to_string(),
            agent.failure_probability.to_string(),
            agent.balance.to_ainu(),
            agent.stake.to_ainu(),
            standing(agent, output),
        ]
    });
    let columns = [
        Column("agent", false),
        Column("offers", false),
        Column("accepted", true),
        Column("failed", true),
        Column("risk", true),
        Column("earned AINU", true),
        Column("stake AINU", true),
        Column("standing", false),
    ];
    output.table(&columns, rows.collect());
}
