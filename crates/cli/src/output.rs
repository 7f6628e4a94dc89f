//! What people and programs see: tables, lines, JSON, problems.
use std::io::{IsTerminal, Write};

use ainur_api::problem::{Code, Problem};
use ainur_primitives::{Amount, DurationMs, Timestamp};
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use serde::Serialize;

/// Where answers go, and in which form.
pub(crate) struct Output {
    json: bool,
    colour: bool,
}

/// A column: its heading and whether it holds numbers (aligned right).
pub(crate) struct Column(pub(crate) &'static str, pub(crate) bool);

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Progress is drawn only for people.
    pub(crate) fn is_live(&self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// One JSON value, pretty only on a terminal.
    pub(crate) fn json<T: Serialize>(&self, value: &T) {
        let text = if std::io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        self.line(text.expect("views have string keys only"));
    }

    /// A line on standard output. A closed pipe ends the program quietly, but not as a success:
    /// what was to be said was not heard.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if writeln!(std::io::stdout().lock(), "{}", text.as_ref()).is_err() {
            std::process::exit(1);
        }
    }

    /// A heading.
    pub(crate) fn heading(&self, text: &str) {
        self.line(self.paint("1", text));
    }

    /// Something that went well.
    pub(crate) fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Something that went wrong.
    pub(crate) fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Something of less weight.
    pub(crate) fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }

    /// An aligned table.
    pub(crate) fn table(&self, columns: &[Column], rows: Vec<Vec<String>>) {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|column| Cell::new(self.paint("1", column.0))));
        for row in rows {
            table.add_row(row);
        }
        for (index, column) in columns.iter().enumerate() {
            if let Some(place) = table.column_mut(index) {
                place.set_padding((0, 2));
                if column.1 {
                    place.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        for line in table.to_string().lines() {
            self.line(line.trim_end());
        }
    }

    /// Labels and values, the values aligned.
    pub(crate) fn facts(&self, facts: &[(&str, String)]) {
        let width = facts.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        for (label, value) in facts {
            let padding = " ".repeat(width - label.chars().count());
            self.line(format!("{}{padding}  {value}", self.faint(label)));
        }
    }

    /// A problem, on standard error (as JSON on standard output when JSON was asked for).
    pub(crate) fn problem(&self, problem: &Problem) {
        if self.json {
            self.json(&serde_json::json!({ "error": problem }));
            return;
        }
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let label = if colour { "\x1b[31merror:\x1b[0m" } else { "error:" };
        eprintln!("{label} {}", problem.message);
        if !problem.next_step.is_empty() {
            eprintln!("  next: {}", problem.next_step);
        }
    }
}

/// `2.5 AINU`.
pub(crate) fn ainu(amount: Amount) -> String {
    format!("{} AINU", amount.to_ainu())
}

/// `1.4 MB`, in powers of ten.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{}.{} kB", count / 1_000, count % 1_000 / 100),
        1_000_000..1_000_000_000 => {
            format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000)
        }
        _ => format!("{}.{} GB", count / 1_000_000_000, count % 1_000_000_000 / 100_000_000),
    }
}

/// How long something took, or `…` while it goes on.
pub(crate) fn span(from: Timestamp, to: Option<Timestamp>) -> String {
    to.map_or_else(|| "…".into(), |to| DurationMs(to.since(from).0).to_string())
}

/// A problem for something the operating system refused.
pub(crate) fn io_problem(doing: &str, error: &std::io::Error) -> Problem {
    let next = match error.kind() {
        std::io::ErrorKind::NotFound => "check the path",
        std::io::ErrorKind::PermissionDenied => "check who may read and write there",
        std::io::ErrorKind::StorageFull => "free some space, then do the same again",
        _ => "",
    };
    Problem::new(Code::Storage, format!("cannot {doing}: {error}")).next(next)
}
