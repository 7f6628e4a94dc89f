//! The four calls of a guest, each in its own store.
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ainur_primitives::{
    Amount, CapabilityName, ContentId, DurationMs, ExecutionLimits, FailureReason, Ppm,
};
use wasmtime::{Store, UpdateDeadline};

use super::bindings::Agent;
use super::bindings::ainur::agent::types;
use super::classify;
use super::engine::{Components, Loaded};
use super::host::{State, Streams};
use super::negotiator;
use super::wasi::Wasi;
use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::frame::Report;
use crate::input::{Input, Reader};
use crate::job::{CallView, GuestDecision, GuestProposal, NegotiationTurnView, Quote};
use crate::limits::{
    CHUNK_BYTES_MAX, DESCRIBE_FUEL_MAX, DESCRIBE_MEMORY_BYTES_MAX, DESCRIBE_MS_MAX, HANDLES_MAX,
    MANIFEST_BYTES_MAX, QUOTE_FUEL_MAX, QUOTE_MEMORY_BYTES_MAX, QUOTE_MS_MAX, TRANSFER_SLACK_BYTES,
};

/// A component and the attempt it is called for.
pub(crate) struct Caller<'a> {
    pub(crate) components: &'a Components,
    pub(crate) attempt: &'a Arc<Attempt>,
    pub(crate) content: ContentId,
    pub(crate) path: &'a Path,
}

/// What work is about, for `execute` and `verify`.
pub(crate) struct Work {
    pub(crate) capability: CapabilityName,
    pub(crate) parameters: String,
    pub(crate) input: Input,
    pub(crate) limits: ExecutionLimits,
}

const DESCRIBE_LIMITS: ExecutionLimits = ExecutionLimits {
    fuel_max: DESCRIBE_FUEL_MAX,
    memory_bytes_max: DESCRIBE_MEMORY_BYTES_MAX,
    duration_ms_max: DurationMs(DESCRIBE_MS_MAX),
    output_bytes_max: 0,
};

const QUOTE_LIMITS: ExecutionLimits = ExecutionLimits {
    fuel_max: QUOTE_FUEL_MAX,
    memory_bytes_max: QUOTE_MEMORY_BYTES_MAX,
    duration_ms_max: DurationMs(QUOTE_MS_MAX),
    output_bytes_max: 0,
};

impl Caller<'_> {
    pub(crate) fn describe(&self) -> Result<Report, Failure> {
        let mut call = self.start(&DESCRIBE_LIMITS, Streams::none(), MANIFEST_BYTES_MAX)?;
        let manifest = call.run(|agent, store| agent.call_describe(store))?;
        Ok(Report::Described { job: self.attempt.job(), manifest: manifest.into_bytes() })
    }

    pub(crate) fn quote(&self, view: CallView) -> Result<Report, Failure> {
        let mut call = self.start(&QUOTE_LIMITS, Streams::none(), 0)?;
        let view = types::Call {
            capability: view.capability.to_string(),
            parameters: view.parameters,
            input_bytes: view.input_bytes,
            reserve: view.reserve.to_string(),
            deadline_ms: view.deadline_ms.0,
            active_tasks: view.active_tasks,
        };
        let quote = call.run(|agent, store| agent.call_quote(store, &view))?;
        let quote = quote.map(read_quote).transpose()?;
        Ok(Report::Quoted { job: self.attempt.job(), quote })
    }

    /// What the guest says in a negotiation; nothing when it has no strategy of its own.
    pub(crate) fn counter(&self, turn: &NegotiationTurnView) -> Result<Report, Failure> {
        let job = self.attempt.job();
        let prepared = self.prepare(&QUOTE_LIMITS, Streams::none(), 0)?;
        let Prepared { loaded, mut store, .. } = prepared;
        let Some(negotiator) = &loaded.negotiator else {
            return Ok(Report::Countered { job, decision: None });
        };
        let view = negotiator::Turn {
            capability: turn.capability.to_string(),
            limit: shown(&turn.limit),
            round: turn.round,
            rounds_max: turn.rounds_max,
            ours: turn.ours.iter().map(shown).collect(),
            theirs: turn.theirs.iter().map(shown).collect(),
        };
        let decision = negotiator
            .instantiate(&mut store)
            .and_then(|guest| guest.call_counter(&mut store, &view))
            .map_err(|error| classify::failure(&error, store.data()))?;
        let decision = Some(match decision {
            negotiator::Decision::Accept => GuestDecision::Accept,
            negotiator::Decision::WalkAway => GuestDecision::WalkAway,
            negotiator::Decision::Propose(proposal) => GuestDecision::Propose(GuestProposal {
                price: read_price(&proposal.price)?,
                timeline_ms: DurationMs(proposal.timeline_ms),
                quality_level: proposal.quality_level,
            }),
        });
        Ok(Report::Countered { job, decision })
    }

    pub(crate) fn execute(&self, work: Work, first_chunk: u32) -> Result<Report, Failure> {
        let input = Reader::new(work.input);
        let input_bytes = input.bytes();
        let streams = Streams {
            input,
            may_emit: true,
            next_chunk: first_chunk,
            output_bytes_max: work.limits.output_bytes_max,
            ..Streams::none()
        };
        let mut call = self.start(&work.limits, streams, CHUNK_BYTES_MAX)?;
        let job = types::Job {
            capability: work.capability.to_string(),
            parameters: work.parameters,
            input_bytes,
            first_chunk,
        };
        call.run(|agent, store| agent.call_execute(store, &job))?.map_err(|failure| {
            let (reason, detail) = match failure {
                types::Failure::Declined(detail) => (FailureReason::Declined, detail),
                types::Failure::BadInput(detail) => {
                    (FailureReason::Crashed, format!("bad input: {detail}"))
                }
                types::Failure::Failed(detail) => (FailureReason::Crashed, detail),
            };
            Failure { reason, detail }
        })?;
        let streams = &call.store.data().streams;
        Ok(Report::Executed {
            job: self.attempt.job(),
            fuel_used: work.limits.fuel_max.saturating_sub(call.fuel_left()),
            chunks: streams.next_chunk,
            output_bytes: streams.output_bytes,
            duration_ms: call.started.elapsed().as_millis() as u64,
        })
    }

    pub(crate) fn verify(&self, work: Work, output: Input) -> Result<Report, Failure> {
        let streams = Streams {
            input: Reader::new(work.input),
            output: Reader::new(output),
            ..Streams::none()
        };
        let delivery = types::Delivery {
            capability: work.capability.to_string(),
            parameters: work.parameters,
            input_bytes: streams.input.bytes(),
            output_bytes: streams.output.bytes(),
        };
        let mut call = self.start(&work.limits, streams, 0)?;
        let verdict = call.run(|agent, store| agent.call_verify(store, &delivery))?;
        let types::Verdict { accepted, detail } = verdict;
        Ok(Report::Verified { job: self.attempt.job(), accepted, detail })
    }

    fn start(
        &self,
        limits: &ExecutionLimits,
        streams: Streams,
        transfer_bytes_max: usize,
    ) -> Result<Running, Failure> {
        let Prepared { loaded, mut store, started } =
            self.prepare(limits, streams, transfer_bytes_max)?;
        let agent = loaded
            .agent
            .instantiate(&mut store)
            .map_err(|error| classify::failure(&error, store.data()))?;
        Ok(Running { agent, store, started })
    }

    /// A store for one call, with nothing in it yet.
    fn prepare(
        &self,
        limits: &ExecutionLimits,
        streams: Streams,
        transfer_bytes_max: usize,
    ) -> Result<Prepared, Failure> {
        self.attempt.load();
        let loaded = self.components.load(self.content, self.path)?;
        self.attempt.begin(limits.duration_ms_max);
        let started = Instant::now();
        let wasi = loaded.uses_wasi.then(|| Box::new(Wasi::new()));
        let state = State::new(Arc::clone(self.attempt), limits, streams, wasi);
        let mut store = Store::new(&self.components.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(transfer_bytes_max + TRANSFER_SLACK_BYTES);
        store.set_max_component_handles(HANDLES_MAX);
        let attempt = Arc::clone(self.attempt);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            attempt.check()?;
            Ok(UpdateDeadline::Continue(1))
        });
        store.set_fuel(limits.fuel_max).map_err(|error| classify::failure(&error, store.data()))?;
        Ok(Prepared { loaded, store, started })
    }
}

/// A component and the store its call is made in.
struct Prepared {
    loaded: Arc<Loaded>,
    store: Store<State>,
    started: Instant,
}

/// An instance in its store.
struct Running {
    agent: Agent,
    store: Store<State>,
    started: Instant,
}

impl Running {
    fn run<T>(
        &mut self,
        call: impl FnOnce(&Agent, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        call(&self.agent, &mut self.store)
            .map_err(|error| classify::failure(&error, self.store.data()))
    }

    fn fuel_left(&self) -> u64 {
        self.store.get_fuel().unwrap_or(0)
    }
}

fn read_quote(quote: types::Quote) -> Result<Quote, Failure> {
    let price = read_price(&quote.price)?;
    if quote.confidence_ppm > Ppm::ONE.0 {
        return Err(Failure::crashed("its confidence is more than 1,000,000 ppm"));
    }
    Ok(Quote {
        price,
        estimated_duration_ms: DurationMs(quote.estimated_duration_ms),
        confidence: Ppm(quote.confidence_ppm),
        quality_level: quote.quality_level,
    })
}

fn read_price(text: &str) -> Result<Amount, Failure> {
    text.parse().map_err(|_| Failure::crashed("its price is not a decimal number of base units"))
}

/// A proposal as the guest is shown it.
fn shown(proposal: &GuestProposal) -> negotiator::Proposal {
    negotiator::Proposal {
        price: proposal.price.to_string(),
        timeline_ms: proposal.timeline_ms.0,
        quality_level: proposal.quality_level,
    }
}
