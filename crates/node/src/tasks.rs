//! Tasks: from a request to a specification, and what can be asked of a task.
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use ainur_api::operation::{ChunkDraft, Reply, TaskRequest};
use ainur_api::problem::{Code, Problem};
use ainur_api::service::{Told, Waiting};
use ainur_api::view::{TaskEvent, TaskNews};
use ainur_audit::receipt::PartBasis;
use ainur_broker::engine::{Request, Watcher, held_credit};
use ainur_broker::event::Idempotency;
use ainur_broker::task::{AwardBasis, Task};
use ainur_consensus::ReplicatedLog as _;
use ainur_ledger::{Event, Height, escrow, exchange, rental, reputation};
use ainur_primitives::canonical_json::to_canonical_json;
use ainur_primitives::{
    AcceptanceCheck, Amount, CapabilityName, ContentId, Digest, DurationMs, TaskGraph, TaskId,
    TaskSpec, Venue, WORK_CHUNKS_MAX, WorkChunk,
};

use crate::driver::{DriverMessage, stopped};
use crate::node::{Node, NodeBroker};
use crate::problem::{of_broker, of_storage, with_causes};
use crate::views;

/// How long the buyer may refuse when a task names no check and its output is not JSON.
const DEFAULT_WINDOW_MS: DurationMs = DurationMs(2_000);
/// The longest a question may wait.
const WAIT_MS_MAX: u64 = 60_000;

/// Told once of a task's end; when the node stops first, that.
struct Ended(Option<Tell>);

type Tell = Box<dyn FnOnce(Result<&Task, Problem>) + Send>;

impl Ended {
    fn tell(&mut self, end: Result<&Task, Problem>) {
        if let Some(ended) = self.0.take() {
            ended(end);
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.tell(Err(stopped()));
    }
}

impl Node {
    /// Announces a task and returns; `ended` is called with the task once it has ended, or with
    /// what was wrong. It runs on the broker's thread and must neither block nor panic.
    ///
    /// # Errors
    /// When the request itself makes no sense.
    pub fn hire(
        &self,
        request: TaskRequest,
        ended: impl FnOnce(Result<&Task, Problem>) + Send + 'static,
    ) -> Result<(), Problem> {
        let request = self.request(&request)?;
        let mut ended = Ended(Some(Box::new(ended)));
        self.mailbox.send(DriverMessage::Call(Box::new(move |broker| {
            let announced = broker.announce(request).and_then(|id| {
                let number = broker.number_of(id)?;
                broker.may_watch(number).map(|()| number)
            });
            match announced {
                Err(error) => ended.tell(Err(of_broker(&error))),
                Ok(number) => {
                    let waiting = Arc::new(());
                    let watcher = Watcher {
                        waiting: Arc::downgrade(&waiting),
                        look: Box::new(move |task: &Task| {
                            // Held by whoever looks: it waits for as long as the broker lives.
                            let _waiting = &waiting;
                            let over = task.next_step().is_none();
                            if over {
                                ended.tell(Ok(task));
                            }
                            over
                        }),
                    };
                    if let Err(error) = broker.watch(number, watcher) {
                        tracing::warn!(number, %error, "nobody is told of a task's end");
                    }
                }
            }
            Box::new(|_| ())
        })));
        Ok(())
    }

    /// Announces a task, unless its key made one before.
    pub(crate) fn run_task(&self, mut request: TaskRequest) -> Result<Reply, Problem> {
        let wait = request.wait;
        let idempotency = idempotency(&request)?;
        request.request_digest = idempotency.as_ref().map(|known| known.request);
        let known = match idempotency {
            Some(idempotency) => self.known_task(idempotency)?,
            None => None,
        };
        let id = match known {
            Some(id) => id,
            None => {
                let request = self.request(&request)?;
                self.mailbox.call(move |broker| {
                    broker.announce(request).map_err(|error| of_broker(&error))
                })?
            }
        };
        if !wait {
            return Ok(Reply::TaskAnnounced { task: id });
        }
        let task = self.watch(&id.to_string(), None, |task| task.next_step().is_none())?;
        Ok(Reply::Task(Box::new(self.task_view(&task))))
    }

    /// The task that a key made.
    pub(crate) fn known_task(&self, idempotency: Idempotency) -> Result<Option<TaskId>, Problem> {
        self.mailbox
            .call(move |broker| broker.known(&idempotency).map_err(|error| of_broker(&error)))
    }

    /// A task as it was when it first was as wanted, or when time was up.
    fn watch(
        &self,
        text: &str,
        wait: Option<Duration>,
        wanted: impl Fn(&Task) -> bool + Send + 'static,
    ) -> Result<Task, Problem> {
        let now = self.task(text)?;
        if wanted(&now) || wait == Some(Duration::ZERO) {
            return Ok(now);
        }
        let (found, awaited) = sync_channel(1);
        // Gone when this function returns: the broker then forgets who waited.
        let waiting = Arc::new(());
        let look = Box::new(move |task: &Task| {
            let is_wanted = wanted(task);
            if is_wanted {
                // The caller may have given up waiting.
                drop(found.try_send(task.clone()));
            }
            is_wanted
        });
        let watcher = Watcher { waiting: Arc::downgrade(&waiting), look };
        self.mailbox.call(move |broker| {
            broker.watch(now.number, watcher).map_err(|error| of_broker(&error))
        })?;
        match wait {
            None => awaited.recv().map_err(|_| stopped()),
            Some(wait) => match awaited.recv_timeout(wait) {
                Ok(task) => Ok(task),
                Err(RecvTimeoutError::Timeout) => self.task(text),
                Err(RecvTimeoutError::Disconnected) => Err(stopped()),
            },
        }
    }

    /// Waits until something more has happened to a task, or it has ended, or time is up.
    pub(crate) fn await_news(&self, task: &Task, wait: Duration) -> Result<(), Problem> {
        let known = task.history.len();
        let has_news = move |task: &Task| task.history.len() > known || task.next_step().is_none();
        self.watch(&task.id.to_string(), Some(wait), has_news).map(|_| ())
    }

    fn request(&self, asked: &TaskRequest) -> Result<Request, Problem> {
        let request = Request::new(self.specification(asked)?);
        let request = request.map_err(|error| of_broker(&error))?;
        Ok(request
            .only(asked.only)
            .at(asked.venue)
            .served(asked.service.map(|terms| escrow::ServiceTerms {
                latency_ms_max: terms.late_after_ms,
                compensation: terms.compensation,
            }))
            .negotiating(asked.negotiation)
            .renting(self.wanted_rental(asked)?)
            .held_open(asked.bidding_ms)
            .keyed(idempotency(asked)?)
            .within(asked.context.clone())
            .traced(self.telemetry.place(asked.trace.as_deref())?))
    }

    fn specification(&self, request: &TaskRequest) -> Result<TaskSpec, Problem> {
        let parameters = to_canonical_json(&request.parameters)
            .map_err(|error| Problem::new(Code::InvalidRequest, with_causes(&error)))?;
        let parameters = String::from_utf8(parameters).expect("JSON is UTF-8");
        if request.chunks.len() > WORK_CHUNKS_MAX {
            let why = format!("a task has at most {WORK_CHUNKS_MAX} chunks (WORK_CHUNKS_MAX)");
            return Err(
                Problem::new(Code::InvalidRequest, why).next("ask for them in several tasks")
            );
        }
        let chunks = request.chunks.iter().map(|chunk| self.work_chunk(chunk));
        let chunks = chunks.collect::<Result<Vec<WorkChunk>, Problem>>()?;
        let input_bytes = match &request.input {
            None => chunks.iter().map(|chunk| chunk.input_bytes).sum(),
            Some(input) => self.input_bytes(*input)?,
        };
        // What is at stake for a credit is what stands behind it, for a use the period it counts in.
        let reserve = match request.venue {
            Venue::Credit => self.collateral_held(&request.capability)?,
            Venue::Rental => {
                let wanted = self.wanted_rental(request)?;
                self.period_price(&request.capability, wanted)?
            }
            _ => request.reserve,
        };
        let check = request.check.clone().unwrap_or_else(|| self.default_check(request));
        Ok(TaskSpec {
            capability: request.capability.clone(),
            parameters,
            input: request.input,
            input_bytes,
            reserve,
            loss: request.loss.unwrap_or(reserve),
            budget: request.budget,
            selection: request.selection,
            check,
            deadline_ms: request.deadline_ms.unwrap_or_else(|| self.config.deadline()),
            limits: request.limits.unwrap_or_default(),
            graph: request.graph.as_ref().map(canonical_graph).transpose()?,
            chunks,
        })
    }

    /// The rental that a request names.
    fn wanted_rental(&self, request: &TaskRequest) -> Result<Option<Digest>, Problem> {
        request.rental.as_deref().map(|text| self.rental_named(text)).transpose()
    }

    /// A piece of work whose input is stored.
    fn work_chunk(&self, draft: &ChunkDraft) -> Result<WorkChunk, Problem> {
        let ChunkDraft { input, share } = *draft;
        Ok(WorkChunk { input, input_bytes: self.input_bytes(input)?, share })
    }

    /// What is locked behind the credit that a task of this capability would be paid with.
    fn collateral_held(&self, capability: &CapabilityName) -> Result<Amount, Problem> {
        let held = self.read(|state| held_credit(state, &self.did, capability));
        held.map(|(_, class)| class.collateral).ok_or_else(|| {
            let why = format!("the node holds no credit for {capability}");
            of_broker(&ainur_broker::Error::NoCredit(why))
        })
    }

    /// The length of a stored input. A small output of another task becomes a blob first.
    fn input_bytes(&self, input: ContentId) -> Result<u64, Problem> {
        if let Some(length) = self.blobs.len(&input).map_err(|error| of_storage(&error))? {
            return Ok(length);
        }
        let inline = self
            .mailbox
            .call(move |broker| broker.find_inline(input).map_err(|error| of_broker(&error)))?;
        let bytes = inline.ok_or_else(|| {
            Problem::new(Code::NotFound, format!("the input {input} is not stored here"))
                .next("store it first: ainur blob put FILE")
        })?;
        self.blobs.put(&bytes).map_err(|error| of_storage(&error))?;
        Ok(bytes.len() as u64)
    }

    /// The schema for JSON outputs; the buyer's word, which silence gives, otherwise.
    fn default_check(&self, request: &TaskRequest) -> AcceptanceCheck {
        let agents = self.agents.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_wanted = |name: &CapabilityName| match &request.graph {
            None => *name == request.capability,
            Some(graph) => graph.subtasks.iter().any(|subtask| subtask.capability == *name),
        };
        let json = agents
            .values()
            .flat_map(|agent| &agent.capabilities)
            .filter(|contract| is_wanted(&contract.name))
            .all(|contract| contract.output_media_type.starts_with("application/json"));
        if json {
            AcceptanceCheck::Schema
        } else {
            AcceptanceCheck::BuyerWord { window_ms: DEFAULT_WINDOW_MS }
        }
    }

    /// A task by its id or a unique beginning of it.
    pub(crate) fn task(&self, text: &str) -> Result<Task, Problem> {
        let text = text.to_owned();
        self.mailbox.call(move |broker| broker.task(&text).map_err(|error| of_broker(&error)))
    }

    /// Changes a task and shows it.
    pub(crate) fn change_task(
        &self,
        text: &str,
        change: impl FnOnce(&mut NodeBroker, u64) -> Result<(), ainur_broker::Error> + Send + 'static,
    ) -> Result<Reply, Problem> {
        let number = self.task(text)?.number;
        let changed = self.mailbox.call(move |broker| {
            change(broker, number).map_err(|error| of_broker(&error))?;
            let task = broker.task_by_number(number).map_err(|error| of_broker(&error))?;
            task.ok_or_else(|| Problem::new(Code::NotFound, "the task is gone"))
        })?;
        Ok(Reply::Task(Box::new(self.task_view(&changed))))
    }

    /// News of a task, waiting for some when there is none.
    pub(crate) fn task_events(
        &self,
        text: &str,
        after: u32,
        wait_ms: DurationMs,
    ) -> Result<Vec<TaskEvent>, Problem> {
        let wait = Duration::from_millis(wait_ms.0.min(WAIT_MS_MAX));
        let has_news =
            move |task: &Task| task.history.len() > after as usize || task.next_step().is_none();
        let task = self.watch(text, Some(wait), has_news)?;
        Ok(views::events(&task, after))
    }

    /// Has somebody told of the next news of a task.
    pub(crate) fn tell_news(&self, text: &str, after: u32, told: Told) -> Result<Waiting, Problem> {
        let number = self.task(text)?.number;
        let kept = Arc::new(());
        let waiting = Arc::downgrade(&kept);
        let mut told = Some(told);
        let look = Box::new(move |task: &Task| {
            let over = task.next_step().is_none();
            let has_news = over || task.history.len() > after as usize;
            if has_news && let Some(told) = told.take() {
                let phase = views::phase(task.phase);
                told(Ok(TaskNews { events: views::events(task, after), phase }));
            }
            has_news
        });
        let watcher = Watcher { waiting, look };
        self.mailbox
            .call(move |broker| broker.watch(number, watcher).map_err(|error| of_broker(&error)))?;
        Ok(Waiting(kept))
    }

    /// Rates a settled task.
    pub(crate) fn rate_task(&self, text: &str, rating: u8) -> Result<Reply, Problem> {
        let task = self.task(text)?;
        if task.credit().is_some() {
            let why = "work that was paid with a credit is not rated: its claim has counted it";
            return Err(Problem::new(Code::Conflict, why).next("see ainur receipt show"));
        }
        if task.rented().is_some() {
            let why = "work under a rental is not rated: the rental's meter has counted it";
            return Err(Problem::new(Code::Conflict, why).next("see ainur market rental list"));
        }
        let action = reputation::Action::ReportOutcome {
            task: task.id,
            rating,
            success: rating >= SERVED_RATING_MIN,
        };
        self.do_on_ledger(vec![action.into()])?;
        Ok(Reply::Task(Box::new(self.task_view(&task))))
    }

    /// The agreements on the ledger name what the awards follow from: the transcript, the offer that
    /// was taken, or what was said in a negotiation.
    pub(crate) fn basis_agreed(&self, task: &Task) -> bool {
        let auction = task.transcript.as_ref().map(ainur_market::auction::Transcript::digest);
        let mut agreed = task
            .attempts
            .iter()
            .filter_map(|attempt| {
                let basis = match &attempt.basis {
                    AwardBasis::Auction => auction?,
                    AwardBasis::Offer(take) => take.offer.terms.digest(),
                    AwardBasis::Graph => task.graph.as_ref()?.decision.transcript.digest(),
                    AwardBasis::Part(award) => match award.basis {
                        PartBasis::Call { transcript } => transcript,
                        _ => return None,
                    },
                    AwardBasis::Credit(take) => take.class.0,
                    AwardBasis::Rental(take) => take.rental,
                    AwardBasis::Negotiated(deal) => deal.terms.thread,
                };
                Some((attempt.agreed_at?, basis))
            })
            .peekable();
        agreed.peek().is_some()
            && agreed.all(|(position, basis)| {
                let Ok(Some(stored)) = self.log.block(Height(position.height)) else {
                    return false;
                };
                let mut at = stored.events.iter().filter(|record| record.index == position.index);
                at.any(|record| names_basis(&record.event, basis))
            })
    }
}

/// The graph with the parameters of its parts in canonical form.
fn canonical_graph(graph: &TaskGraph) -> Result<TaskGraph, Problem> {
    let mut graph = graph.clone();
    for subtask in &mut graph.subtasks {
        let invalid = |error: &dyn std::fmt::Display| {
            let why = format!("the parameters of '{}': {error}", subtask.name);
            Problem::new(Code::InvalidRequest, why)
        };
        let parameters: serde_json::Value =
            serde_json::from_str(&subtask.parameters).map_err(|error| invalid(&error))?;
        let canonical = to_canonical_json(&parameters).map_err(|error| invalid(&error))?;
        subtask.parameters = String::from_utf8(canonical).expect("JSON is UTF-8");
    }
    Ok(graph)
}

/// The ledger's agreement follows from this: a transcript, an offer, or a class of credits.
fn names_basis(event: &Event, basis: Digest) -> bool {
    match event {
        Event::Escrow(
            escrow::Event::Agreed { sellers, .. }
            | escrow::Event::Reawarded { sellers, .. }
            | escrow::Event::Substituted { sellers, .. },
        ) => sellers.iter().all(|hire| hire.transcript == basis),
        Event::Exchange(exchange::Event::Redeemed { class, .. }) => class.0 == basis,
        Event::Rental(rental::Event::Begun { rental, .. }) => *rental == basis,
        _ => false,
    }
}

fn idempotency(request: &TaskRequest) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = request.idempotency_key.clone() else { return Ok(None) };
    Ok(Some(Idempotency { key, request: request.identity()? }))
}

/// From this rating on, the work served its purpose.
const SERVED_RATING_MIN: u8 = 3;
