//! What the demo counts, and how it ends.
use std::path::{Path, PathBuf};
use std::time::Duration;

use ainur_api::view::{TaskPhase, TaskView};
use ainur_primitives::{Amount, ContentId, TaskId};
use serde::Serialize;

use super::narrate::Narrator;
use crate::output::Output;

/// The story in numbers.
pub(super) struct Summary {
    /// The packed folder.
    pub(super) input: ContentId,
    input_bytes: u64,
    tasks: u32,
    settled: u32,
    refunded: u32,
    slashed: Amount,
    restarts: u32,
    /// Tasks that have a receipt.
    pub(super) receipts: Vec<TaskId>,
    /// Every receipt verified.
    pub(super) receipts_good: bool,
    /// Everything adds up.
    pub(super) ledger_balanced: bool,
    /// The archive gave back every byte.
    pub(super) archive_verified: bool,
    /// What was compressed last.
    pub(super) last_compressed_input: Option<ContentId>,
    /// The index to search in.
    pub(super) index: Option<ContentId>,
    /// A receipt to try.
    pub(super) example_receipt: Option<PathBuf>,
    market: Cost,
    turn: Cost,
}

/// Money and bytes of accepted work.
#[derive(Default)]
struct Cost {
    paid: Amount,
    input_bytes: u64,
    output_bytes: u64,
    failed: u32,
}

/// The one object `--json` ends with.
#[derive(Serialize)]
struct Ending<'a> {
    tasks: u32,
    settled: u32,
    refunded: u32,
    slashed: Amount,
    restarts: u32,
    ledger_balanced: bool,
    archive_verified: bool,
    receipts_verified: bool,
    cost_per_accepted_megabyte: Option<Amount>,
    cost_per_accepted_megabyte_round_robin: Option<Amount>,
    seconds: u64,
    data_dir: &'a Path,
    receipts: &'a [TaskId],
}

impl Cost {
    fn add(&mut self, view: &TaskView) {
        self.paid = self.paid.saturating_add(view.price.unwrap_or_default());
        self.input_bytes += view.input_bytes;
        self.output_bytes += view.output_bytes;
    }

    /// Base units for each million bytes of input.
    fn per_megabyte(&self) -> Option<Amount> {
        let paid = self.paid.0.checked_mul(1_000_000)?;
        paid.checked_div(u128::from(self.input_bytes)).map(Amount)
    }

    /// Output in per cent of input.
    fn ratio(&self) -> u64 {
        self.output_bytes * 100 / self.input_bytes.max(1)
    }
}

impl Summary {
    pub(super) fn new(input: ContentId, input_bytes: u64) -> Self {
        Self {
            input,
            input_bytes,
            tasks: 0,
            settled: 0,
            refunded: 0,
            slashed: Amount::ZERO,
            restarts: 0,
            receipts: Vec::new(),
            receipts_good: false,
            ledger_balanced: false,
            archive_verified: false,
            last_compressed_input: None,
            index: None,
            example_receipt: None,
            market: Cost::default(),
            turn: Cost::default(),
        }
    }

    /// No worker was killed in the middle of its work yet.
    pub(super) fn wants_a_kill(&self) -> bool {
        self.restarts == 0
    }

    /// Counts a task that has ended.
    pub(super) fn count(&mut self, view: &TaskView) {
        self.tasks += 1;
        match view.phase {
            TaskPhase::Settled => self.settled += 1,
            TaskPhase::Refunded => self.refunded += 1,
            _ => {}
        }
        for attempt in &view.attempts {
            self.slashed = self.slashed.saturating_add(attempt.slashed);
            self.restarts += attempt.resumed;
        }
        if view.has_receipt {
            self.receipts.push(view.id);
        }
    }

    /// A compression the market found somebody for.
    pub(super) fn compressed(&mut self, view: &TaskView) {
        self.last_compressed_input = view.input;
        self.market.failed += view.attempts.iter().filter(|a| a.failure.is_some()).count() as u32;
        if view.phase == TaskPhase::Settled {
            self.market.add(view);
        }
    }

    /// A compression handed out in turn.
    pub(super) fn round_robin(&mut self, view: &TaskView) {
        self.turn.add(view);
    }

    /// Nothing is wrong.
    pub(super) fn all_is_well(&self) -> bool {
        self.ledger_balanced && self.archive_verified && self.receipts_good
    }

    /// The end of the demo.
    pub(super) fn show(
        &self,
        output: &Output,
        narrator: &Narrator<'_>,
        data_dir: &Path,
        took: Duration,
    ) {
        if output.is_json() {
            return output.json(&Ending {
                tasks: self.tasks,
                settled: self.settled,
                refunded: self.refunded,
                slashed: self.slashed,
                restarts: self.restarts,
                ledger_balanced: self.ledger_balanced,
                archive_verified: self.archive_verified,
                receipts_verified: self.receipts_good,
                cost_per_accepted_megabyte: self.market.per_megabyte(),
                cost_per_accepted_megabyte_round_robin: self.turn.per_megabyte(),
                seconds: took.as_secs(),
                data_dir,
                receipts: &self.receipts,
            });
        }
        let cost = |cost: &Cost| match cost.per_megabyte() {
            Some(amount) => {
                let shown = Amount(amount.0 / 1_000_000_000 * 1_000_000_000).to_ainu();
                format!("{shown} AINU per accepted MB, archives {}% of the input", cost.ratio())
            }
            None => "nothing accepted".into(),
        };
        narrator.scene("In the end", &format!("{} s", took.as_secs()));
        let plural = |count: u32, what: &str| format!("{count} {what}");
        narrator.fact("input", &crate::output::bytes(self.input_bytes));
        narrator.fact("tasks", &plural(self.tasks, "announced"));
        narrator.fact("settled", &plural(self.settled, "accepted and paid, once each"));
        narrator.fact("refunded", &plural(self.refunded, "returned whole, once each"));
        narrator.fact(
            "slashed",
            &format!("{} AINU of cheats' and crashers' stake", self.slashed.to_ainu()),
        );
        narrator.fact("restarts", &plural(self.restarts, "workers killed, work resumed"));
        narrator.fact("market", &cost(&self.market));
        narrator.fact("round-robin", &cost(&self.turn));
        match self.ledger_balanced {
            true => narrator.good("ledger", "balanced to the last unit"),
            false => narrator.bad("ledger", "NOT BALANCED"),
        }
        self.next_steps(output, data_dir);
    }

    fn next_steps(&self, output: &Output, data_dir: &Path) {
        let flag = format!("--data-dir {}", data_dir.display());
        output.line("");
        output.heading("Next");
        output.line(format!("  ainur {flag} agent list"));
        output.line(format!("  ainur {flag} task list"));
        if let Some(receipt) = &self.example_receipt {
            output.line(format!("  ainur {flag} receipt verify {}", receipt.display()));
        }
        if let Some(index) = self.index {
            output.line(format!(
                "  ainur {flag} task run index.search --input-blob {index} --reserve 5 \
                 --parameters '{{\"query\":\"forecast\"}}' --output hits.json"
            ));
        }
        output.line(format!(
            "  ainur {flag} agent add ./your-script --price 0.5   (docs/introspection.md)"
        ));
    }
}
