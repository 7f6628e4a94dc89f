//! Every command as JSON: arguments, types, effects. Made from the command tree itself.
use clap::{Command, CommandFactory};
use serde_json::{Value, json};

use crate::arguments::Arguments;

/// Commands that change nothing.
const READ_ONLY: [&str; 23] = [
    "node status",
    "node limits",
    "agent list",
    "agent show",
    "task list",
    "task show",
    "task watch",
    "task explain",
    "market offers",
    "market book",
    "market pool",
    "budget show",
    "aacl offers",
    "aacl calls",
    "aacl thread",
    "token list",
    "account show",
    "ledger status",
    "ledger audit",
    "receipt show",
    "receipt verify",
    "blob get",
    "introspect",
];

/// Commands that can spend the owner's money.
const SPENDING: [&str; 21] = [
    "task run",
    "account transfer",
    "agent add",
    "task rate",
    "market order buy",
    "market order sell",
    "market order replace",
    "market pool open",
    "market pool add",
    "market pool swap",
    "market credits open",
    "market credits issue",
    "market credits retire",
    "market call",
    "aacl negotiate",
    "aacl reply",
    "aacl call",
    "market rental rent",
    "market rental use",
    "mcp",
    "demo",
];

/// The whole tree.
pub(crate) fn describe() -> Value {
    let command = Arguments::command();
    let mut commands = Vec::new();
    walk(&command, "", &mut commands);
    json!({
        "name": "ainur",
        "version": env!("CARGO_PKG_VERSION"),
        "exit_codes": { "0": "done", "1": "refused or failed", "2": "not understood" },
        "global_arguments": arguments(&command),
        "commands": commands,
        "crash_points": ainur_node::crash_points(),
    })
}

fn walk(command: &Command, prefix: &str, commands: &mut Vec<Value>) {
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        let name = format!("{prefix}{}", child.get_name());
        if child.has_subcommands() {
            walk(child, &format!("{name} "), commands);
        }
        // Some show something when no verb follows.
        if !child.has_subcommands() || child.get_positionals().next().is_some() {
            commands.push(json!({
                "command": name,
                "about": child.get_about().map(ToString::to_string).unwrap_or_default(),
                "arguments": arguments(child),
                "effects": {
                    "read_only": READ_ONLY.contains(&name.as_str()),
                    "spends": SPENDING.contains(&name.as_str()),
                },
            }));
        }
    }
}

fn arguments(command: &Command) -> Vec<Value> {
    let shown = |argument: &&clap::Arg| {
        !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version")
    };
    command.get_arguments().filter(shown).map(argument).collect()
}

fn argument(argument: &clap::Arg) -> Value {
    let values: Vec<String> =
        argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let value_names: Vec<String> =
        argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    json!({
        "name": argument.get_id().as_str(),
        "flag": argument.get_long().map(|long| format!("--{long}")),
        "positional": argument.is_positional(),
        "required": argument.is_required_set(),
        "takes_value": argument.get_action().takes_values(),
        "value": value_names.first(),
        "values": values,
        "default": defaults.first(),
        "about": argument.get_help().map(ToString::to_string).unwrap_or_default(),
    })
}
