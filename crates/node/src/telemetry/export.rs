//! Spans on their way to a collector: batches, from a thread of their own, out of a queue that never
//! makes anybody wait. What finds no room or no collector is counted and gone.
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ainur_api::problem::{Code, Problem};
use ainur_runtime::remote::http::{PostError, Poster};
use prost::Message as _;

use super::SCHEMA_URL;
use super::otlp::{Resource, ResourceSpans, Scope, ScopeSpans, Span, TraceRequest};
use super::settings::Settings;
use crate::problem::with_causes;

/// Spans that wait to be sent.
pub(crate) const SPANS_QUEUED_MAX: usize = 4_096;
/// Spans of one request, but for the last task's.
pub(crate) const BATCH_SPANS: usize = 512;
/// How long the first span of a batch waits for others.
pub(crate) const BATCH_MS: u64 = 1_000;
/// How often a batch is sent before it is given up.
pub(crate) const EXPORT_TRIES_MAX: u32 = 4;
/// How long is waited before a batch is sent again; doubled each time.
pub(crate) const EXPORT_RETRY_MS: u64 = 1_000;
/// How long a node that stops waits for its last spans to be sent.
pub(crate) const EXPORT_STOP_MS_MAX: u64 = 2_000;
/// The shortest time between two complaints about a collector.
pub(crate) const COMPLAINT_MS: u64 = 60_000;

/// See the module.
pub(crate) struct Exporter {
    shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Vec<Span>>>>,
    /// Closed when the thread has ended.
    ended: Mutex<Option<Receiver<()>>>,
    collector: String,
}

#[derive(Default)]
struct Shared {
    queued: AtomicUsize,
    exported: AtomicU64,
    dropped: AtomicU64,
    stopping: Mutex<bool>,
    changed: Condvar,
}

impl Exporter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn start(settings: Settings) -> Result<Self, Problem> {
        let failed = |error: std::io::Error| {
            Problem::new(Code::Internal, format!("no thread for traces: {error}"))
        };
        // Every message holds a span at least, so there is room for as many messages.
        let (queue, queued) = sync_channel(SPANS_QUEUED_MAX);
        let (ending, ended) = sync_channel::<()>(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let shared = Arc::new(Shared::default());
        let collector = settings.collector.clone();
        let sender = Sender {
            shared: Arc::clone(&shared),
            runtime,
            poster: Poster::new(true),
            settings,
            complained: None,
        };
        std::thread::Builder::new()
            .name("traces".into())
            .spawn(move || {
                sender.run(&queued);
                drop(ending);
            })
            .map_err(failed)?;
        let (queue, ended) = (Mutex::new(Some(queue)), Mutex::new(Some(ended)));
        Ok(Self { shared, queue, ended, collector })
    }

    /// Hands spans over, or drops them when there is no room. Never waits.
    pub(crate) fn send(&self, spans: Vec<Span>) {
        let count = spans.len();
        if count == 0 {
            return;
        }
        let queued = self.shared.queued.fetch_add(count, Ordering::Relaxed) + count;
        let has_room = queued <= SPANS_QUEUED_MAX;
        let queue = lock(&self.queue);
        if !has_room || queue.as_ref().is_none_or(|queue| queue.try_send(spans).is_err()) {
            self.shared.queued.fetch_sub(count, Ordering::Relaxed);
            self.shared.dropped.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Where spans go, to show.
    pub(crate) fn collector(&self) -> &str {
        &self.collector
    }

    /// Spans that the collector took.
    pub(crate) fn exported(&self) -> u64 {
        self.shared.exported.load(Ordering::Relaxed)
    }

    /// Spans that were lost.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Sends what is left, for as long as [`EXPORT_STOP_MS_MAX`].
    pub(crate) fn stop(&self) {
        drop(lock(&self.queue).take());
        *lock(&self.shared.stopping) = true;
        self.shared.changed.notify_all();
        if let Some(ended) = lock(&self.ended).take() {
            let waited = ended.recv_timeout(Duration::from_millis(EXPORT_STOP_MS_MAX));
            if waited == Err(RecvTimeoutError::Timeout) {
                tracing::error!(collector = self.collector, "the last spans were not sent in time");
            }
        }
    }
}

/// The thread.
struct Sender {
    shared: Arc<Shared>,
    runtime: tokio::runtime::Runtime,
    poster: Poster,
    settings: Settings,
    /// When the last complaint was made, and how much was lost by then.
    complained: Option<(Instant, u64)>,
}

/// Why a batch was not taken.
struct Refused {
    why: String,
    /// It may be taken later.
    is_temporary: bool,
}

impl Sender {
    fn run(mut self, queue: &Receiver<Vec<Span>>) {
        while let Some(spans) = gather(queue) {
            let count = spans.len();
            let body = self.request(spans).encode_to_vec();
            let sent = self.deliver(&body);
            self.shared.queued.fetch_sub(count, Ordering::Relaxed);
            match sent {
                Ok(()) => {
                    self.shared.exported.fetch_add(count as u64, Ordering::Relaxed);
                    if self.complained.take().is_some() {
                        tracing::info!(
                            collector = self.settings.collector,
                            "spans are taken again"
                        );
                    }
                }
                Err(refused) => {
                    self.shared.dropped.fetch_add(count as u64, Ordering::Relaxed);
                    self.complain(&refused.why);
                    if *lock(&self.shared.stopping) {
                        // The rest would not be taken either, and somebody waits for the end.
                        let rest: usize = queue.try_iter().map(|spans| spans.len()).sum();
                        self.shared.dropped.fetch_add(rest as u64, Ordering::Relaxed);
                        return;
                    }
                }
            }
        }
    }

    fn request(&self, spans: Vec<Span>) -> TraceRequest {
        let scope = Scope { name: "ainur".into(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let schema_url = SCHEMA_URL.to_owned();
        let scope_spans =
            vec![ScopeSpans { scope: Some(scope), spans, schema_url: schema_url.clone() }];
        let resource = Some(Resource { attributes: self.settings.resource.clone() });
        TraceRequest { resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url }] }
    }

    fn deliver(&self, body: &[u8]) -> Result<(), Refused> {
        let mut pause = Duration::from_millis(EXPORT_RETRY_MS);
        for _ in 1..EXPORT_TRIES_MAX {
            match self.post(body) {
                Err(Refused { is_temporary: true, .. }) => {}
                ended => return ended,
            }
            let stopping = lock(&self.shared.stopping);
            let waited =
                self.shared.changed.wait_timeout_while(stopping, pause, |stopping| !*stopping);
            drop(waited);
            pause *= 2;
        }
        self.post(body)
    }

    fn post(&self, body: &[u8]) -> Result<(), Refused> {
        let posting = self.poster.post(&self.settings.url, &self.settings.headers, body.to_vec());
        match self.runtime.block_on(posting) {
            Ok(200..=299) => Ok(()),
            Ok(status) => {
                let is_temporary = matches!(status, 429 | 502..=504);
                Err(Refused { why: format!("it answered with HTTP status {status}"), is_temporary })
            }
            Err(error) => {
                let is_temporary = matches!(error, PostError::Unanswered(_));
                let is_temporary = is_temporary && !*lock(&self.shared.stopping);
                Err(Refused { why: with_causes(&error), is_temporary })
            }
        }
    }

    /// Says what is wrong, now and then.
    fn complain(&mut self, why: &str) {
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        let now = Instant::now();
        if let Some((last, _)) = self.complained
            && now.duration_since(last) < Duration::from_millis(COMPLAINT_MS)
        {
            return;
        }
        let before = self.complained.map_or(0, |(_, before)| before);
        let collector = &self.settings.collector;
        let lost = dropped.saturating_sub(before);
        tracing::error!(collector, why, lost, "spans are not taken; the work goes on without them");
        self.complained = Some((now, dropped));
    }
}

/// The next batch; none when nothing will follow.
fn gather(queue: &Receiver<Vec<Span>>) -> Option<Vec<Span>> {
    let mut batch = queue.recv().ok()?;
    let until = Instant::now() + Duration::from_millis(BATCH_MS);
    while batch.len() < BATCH_SPANS {
        match queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(spans) => batch.extend(spans),
            Err(_) => break,
        }
    }
    Some(batch)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
