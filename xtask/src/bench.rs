//! `cargo xtask bench`: measures what docs/benchmarks.md reports, in release, each figure beside its
//! peer or physical bound in the same run.
//!
//! A benchmark is an example of the crate it measures. It is given a folder to write in (on the disk
//! the target directory is on, since memory file systems sync for nothing) and how many seconds it
//! may measure, and prints its figures as lines of JSON.
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::workspace::{cargo, output, run as execute, target_directory};

/// A benchmark: name, example, and what it measures.
const BENCHMARKS: [(&str, &str, &str); 10] = [
    ("settled-tasks", "settled_tasks", "tasks from call to payment, durable, beside the raw log"),
    ("protocols", "protocols", "tasks through each protocol beside bare requests; a hired tool"),
    ("wasm-call", "call_overhead", "calls into sandboxed workers beside bare wasmtime"),
    ("signatures", "signature_batches", "hybrid signatures alone and in batches"),
    ("ledger-commit", "commit_bench", "durable blocks beside the raw log"),
    ("ledger", "throughput", "the state machine alone"),
    ("order-book", "order_book", "the order book beside a published matcher"),
    ("exchange", "exchange_throughput", "orders through the ledger beside the book in memory"),
    ("transparency-log", "durable_appends", "durable audit entries beside the raw log"),
    ("log", "log_bench", "the write-ahead log beside a bare file"),
];

/// Seconds a benchmark measures each of its figures for.
const QUICK_SECONDS: u32 = 5;
const FULL_SECONDS: u32 = 20;

/// What to measure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    name: Option<String>,
    full: bool,
    json: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        for argument in arguments {
            match *argument {
                "--full" => options.full = true,
                "--json" => options.json = true,
                name if options.name.is_none() && BENCHMARKS.iter().any(|b| b.0 == name) => {
                    options.name = Some(name.to_owned());
                }
                unknown => {
                    bail!("bench takes --full, --json and one of\n{}, not {unknown}", list())
                }
            }
        }
        Ok(options)
    }
}

fn list() -> String {
    let lines = BENCHMARKS.iter().map(|(name, _, what)| format!("  {name:<18}{what}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Builds the benchmarks and runs them.
///
/// # Errors
/// When one cannot be built or run.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    eprintln!("building the benchmarks in release");
    execute(&mut cargo(&["build", "--quiet", "--release", "--workspace", "--examples"]))?;
    let folder = target_directory().join("bench");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let seconds = if options.full { FULL_SECONDS } else { QUICK_SECONDS };
    let mut figures = Vec::new();
    for (name, example, what) in BENCHMARKS {
        if options.name.as_deref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        eprintln!("{name}: {what}");
        let program: PathBuf = target_directory().join("release/examples").join(example);
        let printed = output(Command::new(program).arg(&folder).arg(seconds.to_string()))?;
        for line in printed.lines() {
            if options.json {
                println!("{line}");
            }
            let figure = serde_json::from_str::<Value>(line)
                .with_context(|| format!("{name} printed no figure: {line}"))?;
            figures.push(figure);
        }
    }
    if !options.json {
        print!("{}", table(&figures));
    }
    Ok(())
}

/// What stands where a figure has no peer.
const NONE: &str = "–";

/// The figures as rows of docs/benchmarks.md.
fn table(figures: &[Value]) -> String {
    let mut rows = vec![
        ["bench", "metric", "value", "unit", "peer", "peer's value", "ratio"].map(str::to_owned),
    ];
    let text = |figure: &Value, field: &str| figure[field].as_str().unwrap_or(NONE).to_owned();
    for figure in figures {
        rows.push([
            text(figure, "bench"),
            text(figure, "metric"),
            number(&figure["value"]),
            text(figure, "unit"),
            text(figure, "peer"),
            number(&figure["peer_value"]),
            figure["ratio"].as_f64().map_or_else(|| NONE.into(), |ratio| format!("{ratio:.3}")),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..7).filter_map(width).collect();
    let is_number = |column: usize| matches!(column, 2 | 5 | 6);
    let mut lines = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if is_number(column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        lines += &format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        if index == 0 {
            let rules = widths.iter().enumerate().map(|(column, &width)| {
                let end = if is_number(column) { ":" } else { "-" };
                format!("{}{end}", "-".repeat(width + 1))
            });
            lines += &format!("|{}|\n", rules.collect::<Vec<_>>().join("|"));
        }
    }
    lines
}

/// Three digits that matter, thousands apart.
fn number(value: &Value) -> String {
    let Some(value) = value.as_f64() else { return NONE.into() };
    if value < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let parsed = Options::parse(&["log", "--json"]).unwrap();
        assert_eq!(parsed, Options { name: Some("log".into()), full: false, json: true });
        let error = Options::parse(&["nothing"]).unwrap_err().to_string();
        assert!(error.contains("settled-tasks"), "{error}");
    }

    #[test]
    fn figures_become_rows() {
        let figure = serde_json::json!({
            "bench": "log", "metric": "records", "value": 1_234_567.4, "unit": "records/s",
            "peer": "file", "peer_value": 12.5, "ratio": 0.5,
        });
        let table = table(&[figure]);
        assert!(
            table.contains("| 1 234 567 | records/s | file |        12.50 | 0.500 |"),
            "{table}"
        );
    }
}
