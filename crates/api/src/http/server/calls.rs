//! Runs the service's blocking calls on threads of their own, so many at once and no more.
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::uri::Scheme;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::places::Places;
use super::stop::StopSignal;
use crate::access::{Allowances, Caller, Client};
use crate::http::Token;
use crate::http::bounds::{Bounds, PUBLIC_CALLS_MAX, TOKEN_CHECK_MS, TOKENS_SEEN_MAX};
use crate::http::document::Refusal;
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::service::Service;
use crate::trace;

/// The service, and how many callers are inside.
pub(crate) struct Calls {
    pub(crate) bounds: Bounds,
    pub(crate) stop: StopSignal,
    pub(crate) metrics: Metrics,
    /// How the server is reached.
    pub(crate) scheme: Scheme,
    /// Places for streams of events: they hold no thread.
    pub(crate) streams: Places,
    /// Places for what callers without a token may ask.
    pub(crate) public: Places,
    /// Places for requests over HTTP/2.
    pub(crate) requests: Places,
    /// Places for bytes of bodies and answers.
    pub(crate) bytes: Places,
    service: Arc<dyn Service>,
    allowances: Arc<Allowances>,
    prompt: Places,
    waiting: Places,
    blobs: Places,
    /// When a client was last looked up, and whether its token stood for it then.
    seen: Mutex<BTreeMap<String, (Instant, bool)>>,
}

/// How often a call that finds no place is tried again.
const RETRIES_MAX: u32 = 200;
/// Time between two tries.
const RETRY_MS: u64 = 50;
/// Threads for what the server itself writes.
const OWN_THREADS: usize = 1;

/// Calls of one kind do not take the places of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Operations that answer as soon as they can.
    Prompt,
    /// Operations that were asked to wait for news.
    Waiting,
    /// Blobs.
    Blob,
}

impl Lane {
    pub(crate) const fn of(operation: &Operation) -> Self {
        match operation {
            Operation::TaskEvents { wait_ms, .. } if wait_ms.0 > 0 => Self::Waiting,
            Operation::AaclThread(query) if query.wait_ms.0 > 0 => Self::Waiting,
            Operation::TaskRun(request) if request.wait => Self::Waiting,
            _ => Self::Prompt,
        }
    }
}

impl Calls {
    pub(super) fn new(
        service: Arc<dyn Service>,
        allowances: Arc<Allowances>,
        bounds: Bounds,
        stop: StopSignal,
        scheme: Scheme,
    ) -> Self {
        Self {
            bounds,
            stop,
            metrics: Metrics::new(),
            scheme,
            streams: Places::quartered(bounds.streams_max as u64),
            public: Places::quartered(PUBLIC_CALLS_MAX as u64),
            requests: Places::quartered(bounds.http2_requests_max as u64),
            bytes: Places::quartered(bounds.held_bytes_max),
            service,
            allowances,
            prompt: Places::halved(bounds.prompt_calls_max as u64),
            waiting: Places::halved(bounds.waiting_calls_max as u64),
            blobs: Places::halved(bounds.blob_calls_max as u64),
            seen: Mutex::default(),
        }
    }

    /// Threads that suffice for every call that is let in.
    pub(super) fn threads_max(bounds: &Bounds) -> usize {
        let calls = bounds.prompt_calls_max.saturating_add(bounds.waiting_calls_max);
        calls.saturating_add(bounds.blob_calls_max).saturating_add(OWN_THREADS)
    }

    /// The service itself.
    pub(super) fn service(&self) -> &dyn Service {
        &*self.service
    }

    /// The service as this caller may use it, in the trace of the request that is being answered.
    pub(crate) fn service_for(&self, caller: &Caller) -> Arc<dyn Service> {
        trace::around(caller.served_by(Arc::clone(&self.service), &self.allowances))
    }

    /// What `call` answers. When the caller goes away meanwhile, the call ends all the same and
    /// keeps its place until then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        caller: &Caller,
        lane: Lane,
        call: impl FnOnce(&dyn Service) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let places = match lane {
            Lane::Prompt => &self.prompt,
            Lane::Waiting => &self.waiting,
            Lane::Blob => &self.blobs,
        };
        let place = places
            .take(&caller.holder(), 1)
            .ok_or_else(|| Refusal::busy("too many requests of this kind are running"))?;
        let service = self.service_for(caller);
        let running = spawn_blocking(move || {
            let answer = call(&*service);
            drop(place);
            answer
        });
        let ended = tokio::select! {
            ended = running => ended,
            () = self.stop.stopped(), if lane == Lane::Waiting => {
                return Err(Problem::new(Code::Busy, "the node is stopping")
                    .next("ask again when it runs; the task goes on")
                    .into());
            }
            lapsed = self.lapsed(caller), if lane == Lane::Waiting => return Err(lapsed.into()),
        };
        ended.map_err(|_| Problem::new(Code::Internal, "the node failed at this request").into())
    }

    /// What `ask` answers once there is a place for it: those who wait for one task are told at
    /// once, and all come back at once.
    pub(crate) async fn patiently<T, F: Future<Output = Result<T, Refusal>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> Result<T, Refusal> {
        for _ in 0..RETRIES_MAX {
            match ask().await {
                Err(refusal) if refusal.is_passing() && !self.stop.is_stopped() => {
                    sleep(Duration::from_millis(RETRY_MS)).await;
                }
                answer => return answer,
            }
        }
        ask().await
    }

    /// Returns soon after a caller's token was taken back or is over; never for the operator.
    /// Whoever listens or waits must not be told more than whoever asks.
    pub(crate) async fn lapsed(&self, caller: &Caller) -> Problem {
        let Caller::Client { client, token: Some(token) } = caller else { return pending().await };
        loop {
            sleep(Duration::from_millis(TOKEN_CHECK_MS)).await;
            if !self.is_good(client, token) {
                return Problem::new(Code::Unauthorized, "the token was taken back, or is over")
                    .next("ask the node's operator for another: ainur token create");
            }
        }
    }

    fn is_good(&self, client: &Client, token: &Token) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // However many streams a client has, one of them looks for all.
        if let Some((at, good)) = seen.get(&client.name)
            && at.elapsed() < Duration::from_millis(TOKEN_CHECK_MS / 2)
        {
            return *good;
        }
        let good = self.service.client(token).as_ref() == Some(client);
        if seen.len() >= TOKENS_SEEN_MAX {
            seen.clear();
        }
        seen.insert(client.name.clone(), (Instant::now(), good));
        good
    }
}
