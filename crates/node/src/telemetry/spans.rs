//! A task's spans: a pure function of the task when it is done. One `invoke_workflow` for the whole,
//! and below it the auction, and for each attempt the agreement, the work (`invoke_agent` or
//! `execute_tool`), the check and the settlement, in the conventions of OpenTelemetry for agents.
//!
//! Of what the task was about they hold its capability and its context's name. Parameters, inputs,
//! outputs and what agents said are left out.
use ainur_broker::task::{
    HistoryEntry, HistoryKind, Phase, Task, TaskAttempt, TaskSpan, TaskTrace,
};
use ainur_primitives::{
    Amount, Did, FailureReason, SelectionRule, SpanId, Timestamp, TraceContext,
};

use super::otlp::{KeyValue, Kind, Moment, Span, attribute};

/// Moments of one span that are told; more are counted.
pub(crate) const MOMENTS_MAX: usize = 128;

/// Whether the flags say where the parent is.
const HAS_IS_REMOTE: u32 = 0x100;
/// The parent is in another process.
const IS_REMOTE: u32 = 0x200;

/// What is known of an agent that worked.
#[derive(Clone, Debug)]
pub(crate) struct Performer {
    pub(crate) name: String,
    pub(crate) means: Means,
}

/// How an agent works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Means {
    Component,
    Command,
    A2a,
    /// A tool of an MCP server, by its own name.
    McpTool(String),
    /// An operation of an HTTP service: method and path.
    HttpOperation(String),
    /// It is not here any more.
    Unknown,
}

/// The spans of a task that is done; none when nobody wants them.
pub(crate) fn of_task(task: &Task, performer: impl Fn(Did) -> Performer) -> Vec<Span> {
    let Some(trace) = task.trace.as_ref().filter(|trace| trace.is_recorded) else {
        return Vec::new();
    };
    let mut story = Story {
        task,
        trace,
        performer,
        attempts: 0,
        whole: whole(task, trace),
        open: None,
        done: Vec::new(),
    };
    let auction = story.begin(TaskSpan::Auction, "auction", task.opened);
    story.open = Some(auction);
    for (index, entry) in task.history.iter().enumerate() {
        story.tell(entry, task.history.get(index + 1));
    }
    story.end()
}

/// An empty span in the trace of a context.
pub(crate) fn span(context: &TraceContext, id: SpanId, name: String, began: Timestamp) -> Span {
    Span {
        trace_id: context.trace.0.to_vec(),
        span_id: id.0.to_vec(),
        trace_state: context.tracestate().unwrap_or_default().to_owned(),
        name,
        kind: Kind::Internal.into(),
        start_time_unix_nano: nanoseconds(began),
        end_time_unix_nano: nanoseconds(began),
        flags: u32::from(context.flags) | HAS_IS_REMOTE,
        ..Span::default()
    }
}

/// The word for a failure in `error.type`.
pub(crate) const fn error_type(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::CheckFailed => "check_failed",
        FailureReason::Crashed => "crashed",
        FailureReason::TimedOut => "timed_out",
        FailureReason::LimitExceeded => "limit_exceeded",
        FailureReason::Declined => "declined",
        FailureReason::BuyerRefused => "buyer_refused",
        FailureReason::Infrastructure => "infrastructure",
    }
}

/// How a task ended, in one word.
pub(crate) const fn outcome(task: &Task) -> &'static str {
    match task.phase {
        Phase::Settled => "settled",
        Phase::Refunded => "refunded",
        Phase::Unfunded => "unfunded",
        _ => "open",
    }
}

/// What was paid for a task.
pub(crate) fn paid(task: &Task) -> Amount {
    match (task.phase, task.attempt()) {
        (Phase::Settled, Some(attempt)) => attempt.price,
        _ => Amount::ZERO,
    }
}

pub(crate) const fn nanoseconds(at: Timestamp) -> u64 {
    at.0.saturating_mul(1_000_000)
}

/// For graphs; what is exact stands in the receipt.
fn ainu(amount: Amount) -> f64 {
    amount.to_ainu().parse().unwrap_or_default()
}

fn mechanism(rule: SelectionRule) -> &'static str {
    match rule {
        SelectionRule::Scored => "scored",
        SelectionRule::Cheapest => "cheapest",
        SelectionRule::Fastest => "fastest",
        SelectionRule::BestReputation => "best-reputation",
    }
}

/// The span of the whole task, but for its end.
fn whole(task: &Task, trace: &TaskTrace) -> Span {
    let capability = task.spec.capability.as_str();
    let name = format!("invoke_workflow {capability}");
    let mut whole = span(&trace.context, trace.context.span, name, task.opened);
    if let Some(parent) = trace.parent {
        whole.parent_span_id = parent.0.to_vec();
        whole.flags |= IS_REMOTE;
        whole.kind = Kind::Server.into();
    }
    whole.attributes = vec![
        attribute("gen_ai.operation.name", "invoke_workflow"),
        attribute("gen_ai.workflow.name", capability),
        attribute("ainur.task.id", task.id.to_string()),
        attribute("ainur.capability", capability),
        attribute("ainur.mechanism", mechanism(task.spec.selection)),
        attribute("ainur.reserve", ainu(task.spec.reserve)),
        attribute("ainur.paid", ainu(paid(task))),
        attribute("ainur.outcome", outcome(task)),
        attribute("ainur.attempts", task.attempts.len()),
    ];
    let budget = task.spec.budget.map(|budget| attribute("ainur.budget.id", budget.to_string()));
    let context = task.context.as_deref().map(|name| attribute("gen_ai.conversation.id", name));
    whole.attributes.extend(budget.into_iter().chain(context));
    if task.phase != Phase::Settled {
        whole.fail(why_unsettled(task));
    }
    whole
}

fn why_unsettled(task: &Task) -> &'static str {
    let failure = task.attempt().and_then(|attempt| attempt.failure.as_ref());
    match failure {
        _ if task.cancelled => "cancelled",
        Some((reason, _)) => error_type(*reason),
        None if task.attempts.is_empty() => "no_award",
        None => "expired",
    }
}

/// Goes through what happened to a task; one span below the whole is open at a time.
struct Story<'a, F> {
    task: &'a Task,
    trace: &'a TaskTrace,
    performer: F,
    /// Awards so far.
    attempts: usize,
    whole: Span,
    open: Option<Span>,
    done: Vec<Span>,
}

impl<F: Fn(Did) -> Performer> Story<'_, F> {
    fn tell(&mut self, entry: &HistoryEntry, next: Option<&HistoryEntry>) {
        let at = entry.at;
        match entry.kind {
            HistoryKind::Announced | HistoryKind::Chunk => {}
            HistoryKind::Said => self.moment(at, "ainur.message", Vec::new()),
            HistoryKind::Committed => self.moment(at, "ainur.bid", named(entry)),
            HistoryKind::Passed => self.moment(at, "ainur.pass", named(entry)),
            HistoryKind::Negotiated => self.moment(at, "ainur.negotiation", named(entry)),
            HistoryKind::Revealed => self.moment(at, "ainur.reveal", self.revealed(entry)),
            HistoryKind::Resumed => self.moment(at, "ainur.worker.lost", Vec::new()),
            HistoryKind::Decided => self.moment(at, "ainur.decision", Vec::new()),
            HistoryKind::Part => note(&mut self.whole, at, "ainur.part", Vec::new()),
            HistoryKind::Called => note(&mut self.whole, at, "ainur.call", Vec::new()),
            HistoryKind::Cancelled => note(&mut self.whole, at, "ainur.cancel", Vec::new()),
            HistoryKind::Receipt => note(&mut self.whole, at, "ainur.receipt", Vec::new()),
            HistoryKind::Awarded => {
                self.close(at, None);
                self.attempts += 1;
                let number = self.number();
                let mut span = self.begin(TaskSpan::Agreement(number), "agreement", at);
                span.attributes = self.about_attempt();
                self.open = Some(span);
            }
            HistoryKind::NoAward => {
                self.close(at, (self.attempts == 0).then_some("no_award"));
                if self.task.is_funded() {
                    self.open = Some(self.begin(TaskSpan::Refund, "refund", at));
                }
            }
            HistoryKind::Agreed => {
                self.close(at, None);
                self.open = Some(self.work(at));
            }
            HistoryKind::Refused => self.close(at, Some("refused")),
            HistoryKind::Delivered => {
                self.close(at, None);
                let number = self.number();
                self.open = Some(self.begin(TaskSpan::Check(number), "verification", at));
            }
            // When it is no, the failure follows at once and says why.
            HistoryKind::Verdict => {
                if next.is_none_or(|next| next.kind != HistoryKind::Failed) {
                    self.close(at, None);
                    self.open = Some(self.settlement(at));
                }
            }
            HistoryKind::Failed => {
                let failure = self.attempt().and_then(|attempt| attempt.failure.as_ref());
                let why = failure.map_or("failed", |(reason, _)| error_type(*reason));
                self.close(at, Some(why));
                self.open = Some(self.settlement(at));
            }
            HistoryKind::Slashed => {
                let lost = self.attempt().map_or(Amount::ZERO, |attempt| attempt.slashed);
                self.moment(at, "ainur.slash", vec![attribute("ainur.slashed", ainu(lost))]);
            }
            HistoryKind::Settled | HistoryKind::Refunded => self.close(at, None),
        }
    }

    /// All spans, the whole first.
    fn end(mut self) -> Vec<Span> {
        let ended = self.task.ended.unwrap_or(self.task.opened);
        let why = (self.attempts == 0 && self.task.phase != Phase::Settled).then_some("no_award");
        self.close(ended, why);
        let last = self.task.history.last().map_or(ended, |entry| entry.at);
        self.whole.end_time_unix_nano = nanoseconds(last.max(ended));
        let entrants = self.task.auction.entrants().len();
        self.whole.attributes.push(attribute("ainur.bids", entrants));
        self.done.insert(0, self.whole);
        self.done
    }

    fn number(&self) -> u32 {
        u32::try_from(self.attempts).unwrap_or(u32::MAX)
    }

    fn attempt(&self) -> Option<&TaskAttempt> {
        self.task.attempts.get(self.attempts.checked_sub(1)?)
    }

    fn begin(&self, part: TaskSpan, name: &str, at: Timestamp) -> Span {
        let mut span = span(&self.trace.context, self.trace.span(part), name.to_owned(), at);
        span.parent_span_id = self.trace.context.span.0.to_vec();
        span
    }

    fn close(&mut self, at: Timestamp, failure: Option<&str>) {
        let Some(mut span) = self.open.take() else { return };
        span.end_time_unix_nano = nanoseconds(at).max(span.start_time_unix_nano);
        if let Some(failure) = failure {
            span.fail(failure);
        }
        self.done.push(span);
    }

    fn moment(&mut self, at: Timestamp, name: &str, attributes: Vec<KeyValue>) {
        let span = self.open.as_mut().unwrap_or(&mut self.whole);
        note(span, at, name, attributes);
    }

    /// Who won with what, and what it is paid.
    fn about_attempt(&self) -> Vec<KeyValue> {
        let Some(attempt) = self.attempt() else { return Vec::new() };
        vec![
            attribute("gen_ai.agent.id", attempt.seller.to_string()),
            attribute("gen_ai.agent.name", (self.performer)(attempt.seller).name),
            attribute("ainur.attempt", self.attempts),
            attribute("ainur.price", ainu(attempt.price)),
        ]
    }

    fn work(&self, at: Timestamp) -> Span {
        let performer = self.attempt().map(|attempt| (self.performer)(attempt.seller));
        let Some(Performer { name, means }) = performer else {
            return self.begin(TaskSpan::Work(self.number()), "invoke_agent", at);
        };
        let (operation, about) = match &means {
            Means::McpTool(tool) | Means::HttpOperation(tool) => ("execute_tool", tool),
            Means::Component | Means::Command | Means::A2a | Means::Unknown => {
                ("invoke_agent", &name)
            }
        };
        let mut span =
            self.begin(TaskSpan::Work(self.number()), &format!("{operation} {about}"), at);
        span.attributes = self.about_attempt();
        span.attributes.push(attribute("gen_ai.operation.name", operation));
        if let Means::McpTool(tool) | Means::HttpOperation(tool) = &means {
            span.attributes.push(attribute("gen_ai.tool.name", tool.as_str()));
            span.attributes.push(attribute("gen_ai.tool.type", "extension"));
        }
        if matches!(means, Means::McpTool(_)) {
            span.attributes.push(attribute("mcp.method.name", "tools/call"));
        }
        if matches!(means, Means::McpTool(_) | Means::HttpOperation(_) | Means::A2a) {
            span.kind = Kind::Client.into();
        }
        let means = match means {
            Means::Component => "component",
            Means::Command => "command",
            Means::A2a => "a2a",
            Means::McpTool(_) => "mcp",
            Means::HttpOperation(_) => "http",
            Means::Unknown => "unknown",
        };
        span.attributes.push(attribute("ainur.agent.kind", means));
        if let Some(resumed) = self.attempt().map(|attempt| attempt.resumed).filter(|n| *n > 0) {
            span.attributes.push(attribute("ainur.resumed", resumed as usize));
        }
        span
    }

    fn settlement(&self, at: Timestamp) -> Span {
        let mut span = self.begin(TaskSpan::Settlement(self.number()), "settlement", at);
        span.attributes = self.about_attempt();
        span
    }

    /// Whose bid was opened, and for how much.
    fn revealed(&self, entry: &HistoryEntry) -> Vec<KeyValue> {
        let mut attributes = named(entry);
        let bidder = bidder(entry);
        let mut entrants = self.task.auction.entrants();
        let entrant = entrants.find(|entrant| Some(entrant.commit.bidder) == bidder);
        if let Some(reveal) = entrant.and_then(|entrant| entrant.reveal.as_ref()) {
            attributes.push(attribute("ainur.price", ainu(reveal.terms.price)));
        }
        attributes
    }
}

/// Whom a line of the auction is about: its first word.
fn bidder(entry: &HistoryEntry) -> Option<Did> {
    entry.detail.split(' ').next()?.parse().ok()
}

fn named(entry: &HistoryEntry) -> Vec<KeyValue> {
    let named = bidder(entry).map(|did| attribute("gen_ai.agent.id", did.to_string()));
    named.into_iter().collect()
}

fn note(span: &mut Span, at: Timestamp, name: &str, attributes: Vec<KeyValue>) {
    if span.events.len() >= MOMENTS_MAX {
        span.dropped_events_count += 1;
        return;
    }
    let time_unix_nano = nanoseconds(at);
    span.events.push(Moment { time_unix_nano, name: name.to_owned(), attributes });
}
