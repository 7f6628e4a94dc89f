//! `ainur agent …`.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ainur_api::operation::{
    AgentAdd, Credential, McpCommand, OwnKey, ProgramSource, ServicePlace, TeamDraft,
};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::AgentView;
use ainur_api::{Operation, Reply, Service};
use ainur_node::keys::KeyPair;
use ainur_node::own_keys::{self, LedgerStanding};
use ainur_primitives::{Amount, Digest};

use super::{Outcome, ask};
use crate::arguments;
use crate::arguments::Agent;
use crate::connect::Place;
use crate::output::{Column, Output, ainu, io_problem};

pub(super) fn run(verb: Agent, place: &Place, output: &Output) -> Outcome {
    let service = place.connect()?;
    match verb {
        Agent::Add(add) => {
            let agent = add_agent(*add, &*service)?;
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
        Agent::Accept { agent } => {
            show(&one(&*service, Operation::AgentAccept { agent })?, output);
        }
        Agent::Remove { agent, key } => {
            let found = one(&*service, Operation::AgentShow { agent: agent.clone() })?;
            if let Some(key) = &key {
                leave(&found, &KeyPair::read(key)?, &*service)?;
            }
            service.perform(Operation::AgentRemove { agent: agent.clone() })?;
            if output.is_json() {
                output.json(&serde_json::json!({ "removed": agent }));
            } else {
                output.line(format!("{agent} bids no more"));
                if found.own_key && key.is_none() {
                    let stake = ainu(found.stake);
                    output.line(format!(
                        "its stake of {stake} is for its own key to take: --key FILE"
                    ));
                }
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

fn add_agent(add: arguments::AgentAdd, service: &dyn Service) -> Result<AgentView, Problem> {
    let program = program(&add, service)?;
    let keys = add.key.as_deref().map(KeyPair::read).transpose()?;
    let mut asked = AgentAdd {
        name: add.name,
        program,
        price: add.price,
        prices: add.price_of.into_iter().collect(),
        tactic: add.tactic,
        strategy: add.strategy,
        stake: add.stake,
        capability: add.capability,
        team: add.team_saving.map(|saving| {
            Box::new(TeamDraft {
                saving,
                partners: add.team_with,
                sharing: add.team_sharing.into(),
                penalties: add.penalty,
                insurance: add.insurance,
                pledge_max: add.pledge_max,
            })
        }),
        own_key: keys.as_ref().map(own_keys::material_of),
    };
    if let Some(keys) = &keys {
        let papers = ask(service, Operation::AgentPrepare(asked.clone()), |reply| match reply {
            Reply::Papers(papers) => Some(papers),
            _ => None,
        })?;
        let signed = Some(own_keys::sign_papers(keys, &papers, (chain_id(service)?, asked.stake))?);
        asked.own_key = Some(OwnKey { signed, ..own_keys::material_of(keys) });
    }
    one(service, Operation::AgentAdd(asked))
}

/// Takes the card and the free stake of an agent that keeps its own key back on the ledger.
fn leave(found: &AgentView, keys: &KeyPair, service: &dyn Service) -> Result<(), Problem> {
    if found.did != keys.did() {
        let message = format!("the key is not that of {}", found.name);
        return Err(Problem::new(Code::InvalidRequest, message).next("name the agent's own key"));
    }
    let (standing, free) = standing_of(keys, service)?;
    let submission = standing.leave(keys, free);
    service.perform(Operation::LedgerSubmit { submission }).map(drop)
}

/// The ledger that the node hosts.
fn chain_id(service: &dyn Service) -> Result<Digest, Problem> {
    ask(service, Operation::LedgerStatus, |reply| match reply {
        Reply::Ledger(ledger) => Some(ledger.chain_id),
        _ => None,
    })
}

/// Where the holder of a key stands on the ledger, and what of its stake is free.
pub(crate) fn standing_of(
    keys: &KeyPair,
    service: &dyn Service,
) -> Result<(LedgerStanding, Amount), Problem> {
    let account = Operation::AccountShow { account: Some(keys.did()) };
    let account = ask(service, account, |reply| match reply {
        Reply::Account(account) => Some(account),
        _ => None,
    })?;
    let ledger = ask(service, Operation::LedgerStatus, |reply| match reply {
        Reply::Ledger(ledger) => Some(ledger),
        _ => None,
    })?;
    let standing = LedgerStanding {
        chain_id: ledger.chain_id,
        nonce: account.nonce,
        fee: ledger.fee_min,
        now: ainur_node::now(),
    };
    Ok((standing, account.staked.saturating_sub(account.locked)))
}

/// A URL is told by how it begins, a component by its first bytes; everything else is a program.
fn program(add: &arguments::AgentAdd, service: &dyn Service) -> Result<ProgramSource, Problem> {
    if add.target.starts_with("https://") || add.target.starts_with("http://") {
        return Ok(ProgramSource::Url(ServicePlace {
            url: add.target.clone(),
            allow_private: add.private,
            credential: add.credential.as_deref().map(read_credential).transpose()?,
            credential_header: add.credential_header.clone(),
        }));
    }
    let target = Path::new(&add.target);
    let describe = |error| io_problem(&format!("read {}", target.display()), &error);
    // A bare name is looked for where commands are; a file of that name here goes first.
    let is_bare = target.components().count() == 1;
    if is_bare && !target.exists() {
        let found = on_path(&add.target).map(|file| text(&file)).transpose()?;
        return command(add, found.unwrap_or_else(|| add.target.clone()));
    }
    let metadata = std::fs::metadata(target).map_err(describe)?;
    if metadata.is_dir() {
        return Err(Problem::new(Code::InvalidAgent, format!("{} is a folder", target.display()))
            .next("name a component file (.wasm), a program, or a URL"));
    }
    let mut source = File::open(target).map_err(describe)?;
    let mut magic = [0u8; 4];
    let is_wasm = source.read_exact(&mut magic).is_ok() && magic == *b"\0asm";
    if is_wasm || target.extension().is_some_and(|extension| extension == "wasm") {
        let mut source = File::open(target).map_err(describe)?;
        let (content, _) = service.put_blob(&mut source)?;
        return Ok(ProgramSource::Component { content });
    }
    // Links stay: a Python of a virtual environment finds its modules by the name it is started with.
    command(add, text(&std::path::absolute(target).map_err(describe)?)?)
}

/// The program that whoever types here means by a bare name. The node looks only where the system
/// keeps its own.
fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let is_program = |file: &PathBuf| {
        let metadata = std::fs::metadata(file);
        metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(is_program)
}

/// A program of this machine; what only MCP servers are granted says that it is one.
fn command(add: &arguments::AgentAdd, program: String) -> Result<ProgramSource, Problem> {
    let argv = std::iter::once(program).chain(add.program_arguments.iter().cloned()).collect();
    let granted = !(add.read.is_empty() && add.write.is_empty() && add.env.is_empty());
    if !add.mcp && !granted {
        return Ok(ProgramSource::Command { argv, network: add.network, or_mcp: true });
    }
    let absolute = |path: &PathBuf| {
        let found = std::fs::canonicalize(path)
            .map_err(|error| io_problem(&format!("find {}", path.display()), &error))?;
        text(&found)
    };
    let mut environment = BTreeMap::new();
    for variable in &add.env {
        let (name, value) = match variable.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (variable.clone(), from_here(variable)?),
        };
        environment.insert(name, value);
    }
    Ok(ProgramSource::McpCommand(McpCommand {
        argv,
        network: add.network,
        readable: add.read.iter().map(absolute).collect::<Result<_, _>>()?,
        writable: add.write.iter().map(absolute).collect::<Result<_, _>>()?,
        environment,
    }))
}

fn from_here(variable: &str) -> Result<String, Problem> {
    std::env::var(variable).map_err(|_| {
        Problem::new(Code::InvalidRequest, format!("{variable} is not set here"))
            .next("give its value with --env NAME=VALUE")
    })
}

fn read_credential(path: &Path) -> Result<Credential, Problem> {
    let read = std::fs::read_to_string(path);
    let text = read.map_err(|error| io_problem(&format!("read {}", path.display()), &error))?;
    Ok(Credential(text.trim().to_owned()))
}

fn text(path: &Path) -> Result<String, Problem> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Problem::new(Code::InvalidAgent, "the path is not valid UTF-8"))
}

fn suggestion(agent: &AgentView) -> String {
    let capability = agent.capabilities.first().map_or("noun.verb", |c| c.name.as_str());
    let takes_input = agent.capabilities.first().is_some_and(|c| c.input_media_type.is_some());
    let input = if takes_input { " --input FILE" } else { "" };
    let is_asking = agent.capabilities.first().is_some_and(|c| needs_parameters(&c.input_schema));
    let (parameters, more) = match is_asking {
        true => (" --parameters JSON", format!("; which: ainur agent show {} --json", agent.name)),
        false => ("", String::new()),
    };
    format!("ainur task run {capability}{parameters}{input} --reserve 5{more}")
}

/// Whether a call without parameters is refused, as far as that is seen at a glance.
fn needs_parameters(schema: &str) -> bool {
    let Ok(schema) = serde_json::from_str::<serde_json::Value>(schema) else { return false };
    let required = schema.get("required").and_then(serde_json::Value::as_array);
    required.is_some_and(|names| !names.is_empty()) || schema.get("anyOf").is_some()
}

fn show(agent: &AgentView, output: &Output) {
    if output.is_json() {
        return output.json(agent);
    }
    let offered: Vec<&str> = agent.capabilities.iter().map(|c| c.name.as_str()).collect();
    let mut facts = vec![
        ("agent", format!("{}  {}", agent.name, output.faint(&agent.did.to_string()))),
        ("about", agent.description.clone()),
        ("program", agent.program.clone()),
        ("offers", offered.join(", ")),
        (if agent.strategy.is_some() { "cost" } else { "price" }, price(agent)),
        ("strategy", strategy(agent)),
        ("balance", ainu(agent.balance)),
        ("stake", ainu(agent.stake)),
        ("tasks", format!("{} accepted, {} failed", agent.completed, agent.failed)),
        ("expected to fail", agent.failure_probability.to_string()),
        ("standing", standing(agent, output)),
    ];
    if agent.own_key {
        facts.push(("key", "its own: it sells by offers and bids that it signs itself".into()));
    }
    facts.extend(agent.tactic.map(|tactic| ("negotiates", tactic.to_string())));
    output.facts(&facts);
    for (capability, why) in &agent.quarantined {
        output.line(format!("quarantined: {capability}: {why}"));
    }
    if !agent.quarantined.is_empty() {
        output.line(format!("next: ainur agent accept {}", agent.name));
    }
    if !agent.bidding.is_empty() {
        bidding(agent, output);
    }
    for loss in &agent.losses {
        output.line(format!(
            "lost {} of its stake at {}: {}",
            ainu(loss.amount),
            loss.at,
            loss.why
        ));
    }
}

fn strategy(agent: &AgentView) -> String {
    let chosen = agent.strategy.map(|choice| format!("{choice}: its bids are made from its cost"));
    chosen.unwrap_or_else(|| "none: its price is its bid".into())
}

fn bidding(agent: &AgentView, output: &Output) {
    let rows = agent.bidding.iter().map(|(capability, went)| {
        let latency = went.latency_ms.map_or_else(|| "-".into(), |latency| latency.to_string());
        vec![
            capability.to_string(),
            went.bids.to_string(),
            went.wins.to_string(),
            went.win_rate.to_string(),
            went.mean_margin.to_string(),
            went.accepted.to_string(),
            went.failed.to_string(),
            went.earned.to_ainu(),
            went.spent.to_ainu(),
            latency,
        ]
    });
    let columns = [
        Column("bids for", false),
        Column("bids", true),
        Column("won", true),
        Column("win rate", true),
        Column("mean margin", true),
        Column("accepted", true),
        Column("failed", true),
        Column("earned AINU", true),
        Column("spent AINU", true),
        Column("latency", true),
    ];
    output.table(&columns, rows.collect());
}

fn price(agent: &AgentView) -> String {
    let single = agent.prices.iter().map(|(name, price)| format!("{name} {}", ainu(*price)));
    match (agent.price, agent.prices.is_empty()) {
        (None, true) => "quotes itself".into(),
        (each, _) => each.map(ainu).into_iter().chain(single).collect::<Vec<_>>().join(", "),
    }
}

fn standing(agent: &AgentView, output: &Output) -> String {
    match (agent.barred, agent.active) {
        (true, _) => output.bad("barred: stake below the minimum"),
        (false, false) => "removed".into(),
        (false, true) => match &agent.unreachable {
            Some(why) => output.bad(&format!("unreachable: {why}")),
            None => output.good("may bid"),
        },
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
        Column("balance AINU", true),
        Column("stake AINU", true),
        Column("standing", false),
    ];
    output.table(&columns, rows.collect());
}
