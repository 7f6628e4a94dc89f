//! What the demo tells while it runs: scenes, facts, and a line that moves on a terminal.
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// Tells the story: to people as text, to programs (`--json`) only in the end.
pub(super) struct Narrator<'a> {
    output: &'a Output,
}

impl<'a> Narrator<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self { output }
    }

    /// A heading.
    pub(super) fn scene(&self, title: &str, about: &str) {
        if !self.output.is_json() {
            self.output.line("");
            self.output.heading(&format!("{title}: {about}"));
        }
    }

    /// A line of label and value.
    pub(super) fn fact(&self, label: &str, value: &str) {
        if !self.output.is_json() {
            self.output.line(format!("  {} {value}", self.output.faint(&format!("{label:<12}"))));
        }
    }

    /// A fact that is good news.
    pub(super) fn good(&self, label: &str, value: &str) {
        self.fact(label, &self.output.good(value));
    }

    /// A fact that is bad news for somebody.
    pub(super) fn bad(&self, label: &str, value: &str) {
        self.fact(label, &self.output.bad(value));
    }

    /// The output behind it.
    pub(super) fn output(&self) -> &Output {
        self.output
    }

    /// A line that shows work going on; nothing in a pipe.
    pub(super) fn work(&self, what: &str) -> ProgressBar {
        if !self.output.is_live() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("  {spinner} {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}
