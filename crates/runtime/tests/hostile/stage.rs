//! A pool, and what happens on it.
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use ainur_primitives::{DurationMs, ExecutionLimits, FailureReason};
use ainur_runtime::pool::Config;
use ainur_runtime::{CallView, Event, Input, Job, JobId, Program, WorkerPool};

use crate::guest::Guest;

/// A running pool, its events, and what was heard of each job.
pub(crate) struct Stage {
    pub(crate) pool: WorkerPool,
    events: Receiver<Event>,
    heard: HashMap<JobId, Heard>,
    pub(crate) worker_events: Vec<Event>,
    next: u64,
}

/// Everything heard of a job.
#[derive(Default, Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) chunks: Vec<(u32, Vec<u8>)>,
    pub(crate) progress: usize,
    pub(crate) last: Option<Event>,
}

impl Heard {
    pub(crate) fn output(&self) -> Vec<u8> {
        self.chunks.iter().map(|(_, data)| data.as_slice()).collect::<Vec<_>>().concat()
    }
}

pub(crate) fn config() -> Config {
    Config {
        command: vec![std::env::current_exe().unwrap().into_os_string(), "worker".into()],
        workers: 1,
        threads_short: 2,
        threads_long: 4,
        cache: None,
    }
}

/// Small ones, so that nothing takes long.
pub(crate) fn limits() -> ExecutionLimits {
    ExecutionLimits {
        fuel_max: 100_000_000_000,
        memory_bytes_max: 64 << 20,
        duration_ms_max: DurationMs(5_000),
        output_bytes_max: 32 << 20,
    }
}

pub(crate) fn short_time() -> ExecutionLimits {
    ExecutionLimits { duration_ms_max: DurationMs(400), ..limits() }
}

pub(crate) fn execute(program: Program, input: &[u8], limits: ExecutionLimits) -> Job {
    Job::Execute {
        program,
        capability: "bytes.copy".parse().unwrap(),
        parameters: "{}".into(),
        input: Input::inline(input.to_vec()),
        first_chunk: 0,
        limits,
        trace: None,
    }
}

pub(crate) fn quote(program: Program) -> Job {
    Job::Quote {
        program,
        call: CallView {
            capability: "bytes.copy".parse().unwrap(),
            parameters: "{}".into(),
            input_bytes: 7,
            reserve: ainur_primitives::Amount::ainu(1),
            deadline_ms: DurationMs(1_000),
            active_tasks: 0,
        },
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Config) -> Self {
        let (sender, events) = channel();
        let pool = WorkerPool::start(config, move |event| drop(sender.send(event))).unwrap();
        Self { pool, events, heard: HashMap::new(), worker_events: Vec::new(), next: 0 }
    }

    pub(crate) fn dispatch(&mut self, work: Job) -> JobId {
        let job = JobId(self.next);
        self.next += 1;
        self.pool.dispatch(job, work).unwrap();
        job
    }

    /// Takes one event, acknowledging chunks; `None` when there is none in that time.
    pub(crate) fn step(&mut self, patience: Duration) -> Option<Event> {
        let event = self.events.recv_timeout(patience).ok()?;
        match (&event, event.job()) {
            (_, None) => self.worker_events.push(event.clone()),
            (Event::Chunk { index, data, .. }, Some(job)) => {
                self.heard.entry(job).or_default().chunks.push((*index, data.clone()));
                self.pool.acknowledge(job, *index);
            }
            (Event::Progress { .. }, Some(job)) => self.heard.entry(job).or_default().progress += 1,
            (_, Some(job)) => {
                let before = self.heard.entry(job).or_default().last.replace(event.clone());
                assert_eq!(before, None, "a job ended twice");
            }
        }
        Some(event)
    }

    /// Waits for the end of a job.
    pub(crate) fn end_of(&mut self, job: JobId) -> Heard {
        let give_up = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(heard) = self.heard.get(&job).filter(|heard| heard.last.is_some()) {
                return heard.clone();
            }
            assert!(Instant::now() < give_up, "{job:?} does not end: {:?}", self.heard.get(&job));
            self.step(Duration::from_millis(200));
        }
    }

    /// Whether a job was reported lost.
    pub(crate) fn lost(&self, job: JobId) -> bool {
        let last = self.heard.get(&job).and_then(|heard| heard.last.as_ref());
        matches!(last, Some(Event::Lost { .. }))
    }

    pub(crate) fn run(&mut self, work: Job) -> Heard {
        let job = self.dispatch(work);
        self.end_of(job)
    }

    /// Waits for an event about a worker.
    pub(crate) fn worker_event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let give_up = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(index) = self.worker_events.iter().position(&wanted) {
                return self.worker_events.remove(index);
            }
            assert!(Instant::now() < give_up, "no such event of a worker");
            self.step(Duration::from_millis(200));
        }
    }

    /// Runs a hostile job beside a good one. The hostile one fails with this reason and words, the
    /// good one succeeds, and no worker dies over it.
    pub(crate) fn survives(&mut self, hostile: Job, reason: FailureReason, words: &str) -> Heard {
        let hostile = self.dispatch(hostile);
        let input = vec![7; 200_000];
        let good = self.dispatch(execute(Guest::good().program(), &input, limits()));
        let heard = self.end_of(hostile);
        match &heard.last {
            Some(Event::Failed { reason: given, detail, .. }) => {
                assert_eq!(*given, reason, "{detail}");
                assert!(detail.contains(words), "{detail:?} should contain {words:?}");
                assert!(detail.len() <= 512 && !detail.contains(char::is_control), "{detail:?}");
            }
            other => panic!("should have failed: {other:?}"),
        }
        let good = self.end_of(good);
        assert!(matches!(good.last, Some(Event::Executed { .. })), "{:?}", good.last);
        assert_eq!(good.output(), input);
        let died = |event: &Event| matches!(event, Event::WorkerStopped { .. });
        assert!(!self.worker_events.iter().any(died), "{:?}", self.worker_events);
        heard
    }
}

/// One hostile job on a fresh pool.
pub(crate) fn survives(hostile: Job, reason: FailureReason, words: &str) -> Heard {
    Stage::new().survives(hostile, reason, words)
}
