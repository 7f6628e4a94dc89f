//! Runs the service's blocking calls on threads of their own, so many at once and no more.
use std::sync::Arc;

use axum::http::uri::Scheme;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::stop::StopSignal;
use crate::access::Caller;
use crate::http::bounds::{Bounds, PUBLIC_CALLS_MAX};
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
    pub(crate) streams: Arc<Semaphore>,
    /// Places for what callers without a token may ask.
    pub(crate) public: Arc<Semaphore>,
    service: Arc<dyn Service>,
    prompt: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    blobs: Arc<Semaphore>,
}

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
            Operation::TaskRun(request) if request.wait => Self::Waiting,
            _ => Self::Prompt,
        }
    }
}

impl Calls {
    pub(super) fn new(
        service: Arc<dyn Service>,
        bounds: Bounds,
        stop: StopSignal,
        scheme: Scheme,
    ) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            bounds,
            stop,
            metrics: Metrics::new(),
            scheme,
            streams: places(bounds.streams_max),
            public: places(PUBLIC_CALLS_MAX),
            service,
            prompt: places(bounds.prompt_calls_max),
            waiting: places(bounds.waiting_calls_max),
            blobs: places(bounds.blob_calls_max),
        }
    }

    /// Threads that suffice for every call that is let in.
    pub(super) fn threads_max(bounds: &Bounds) -> usize {
        let calls = bounds.prompt_calls_max.saturating_add(bounds.waiting_calls_max);
        calls.saturating_add(bounds.blob_calls_max).max(1)
    }

    /// The service itself.
    pub(super) fn service(&self) -> &dyn Service {
        &*self.service
    }

    /// The service as this caller may use it, in the trace of the request that is being answered.
    pub(crate) fn service_for(&self, caller: &Caller) -> Arc<dyn Service> {
        trace::around(caller.served_by(Arc::clone(&self.service)))
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
        let place = Arc::clone(places)
            .try_acquire_owned()
            .map_err(|_| Refusal::busy("too many requests of this kind are running"))?;
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
        };
        ended.map_err(|_| Problem::new(Code::Internal, "the node failed at this request").into())
    }
}
