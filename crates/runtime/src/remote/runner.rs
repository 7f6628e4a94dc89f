//! The pool's thread: takes orders, and gives each a task of its own.
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ainur_primitives::{ExecutionLimits, FailureReason};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use super::a2a::cards::Cards;
use super::budget::Budget;
use super::deliver::deliver;
use super::http::Clients;
use super::jobs::{Attempt, Jobs};
use super::mcp::connections::Connections;
use super::openapi::documents::Documents;
use super::program::RemoteProgram;
use super::trace::Call;
use super::{Config, DescribeError, Description, a2a, mcp, openapi};
use crate::detail;
use crate::executor::{Error, Event};
use crate::failure::Failure;
use crate::job::Job;
use crate::limits::{
    REMOTE_DESCRIBE_MS_MAX, REMOTE_DESCRIBES_MAX, REMOTE_STOP_MS_MAX, REMOTE_SWEEP_MS,
};
use crate::program::Program;

/// What the thread is told.
pub(super) enum Order {
    Run(Attempt, Job),
    Describe(RemoteProgram, Sender<Result<Description, DescribeError>>),
}

/// What the tasks share.
struct Shared {
    jobs: Arc<Jobs>,
    connections: Connections,
    cards: Cards,
    documents: Documents,
    /// As many remotes as may be asked at once what they offer.
    describes: Semaphore,
}

/// Starts the thread. It ends when the other end of `orders` is dropped.
pub(super) fn start(
    config: Config,
    jobs: Arc<Jobs>,
    orders: mpsc::Receiver<Order>,
) -> Result<JoinHandle<()>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let failed = |source: io::Error| Error::Spawn { command: "a thread".into(), source };
    let runtime = runtime.map_err(failed)?;
    thread::Builder::new()
        .name("remote-agents".into())
        .spawn(move || {
            let sweep_ms = config.idle_ms_max.min(REMOTE_SWEEP_MS);
            let clients = Arc::new(Clients::default());
            let budget = Budget::default();
            let connections = Connections::new(config, Arc::clone(&clients), budget.clone());
            let cards = Cards::new(Arc::clone(&clients), budget.clone());
            let documents = Documents::new(clients, budget);
            let describes = Semaphore::new(REMOTE_DESCRIBES_MAX);
            let shared = Arc::new(Shared { jobs, connections, cards, documents, describes });
            runtime.block_on(take_orders(&shared, orders, sweep_ms));
            shared.connections.close();
            drop(shared);
            // Lookups of names run on threads that cannot be stopped.
            runtime.shutdown_timeout(Duration::from_millis(REMOTE_STOP_MS_MAX));
        })
        .map_err(failed)
}

async fn take_orders(shared: &Arc<Shared>, mut orders: mpsc::Receiver<Order>, sweep_ms: u64) {
    let mut sweep = tokio::time::interval(Duration::from_millis(sweep_ms));
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => return,
                // How many tasks there are is bounded by the jobs that are let in.
                Some(Order::Run(attempt, work)) => {
                    drop(tokio::spawn(run(Arc::clone(shared), Arc::new(attempt), work)));
                }
                Some(Order::Describe(program, answer)) => {
                    let shared = Arc::clone(shared);
                    drop(tokio::spawn(async move {
                        // Whoever asked may have gone.
                        drop(answer.send(describe(&shared, &program).await));
                    }));
                }
            },
            _ = sweep.tick() => shared.connections.sweep(),
        }
    }
}

async fn describe(shared: &Shared, program: &RemoteProgram) -> Result<Description, DescribeError> {
    let permit = shared.describes.acquire().await;
    let _permit = permit.expect("the semaphore is never closed");
    let patience = Duration::from_millis(REMOTE_DESCRIBE_MS_MAX);
    let asking = async {
        match program {
            RemoteProgram::Mcp(program) => {
                mcp::describe(&shared.connections, &program.server).await
            }
            RemoteProgram::A2a(program) => a2a::describe(&shared.cards, &program.peer).await,
            RemoteProgram::OpenApi(program) => shared.documents.describe(&program.document).await,
        }
    };
    match timeout(patience, asking).await {
        Ok(Ok(description)) => Ok(description),
        Ok(Err(failure)) => {
            let detail = detail::clean(&failure.detail);
            Err(match failure.reason {
                FailureReason::Infrastructure => DescribeError::Unasked(detail),
                _ => DescribeError::Remote(detail),
            })
        }
        Err(_) => Err(DescribeError::TimedOut(REMOTE_DESCRIBE_MS_MAX)),
    }
}

/// One job from start to end; its last event is told whatever happens.
async fn run(shared: Arc<Shared>, attempt: Arc<Attempt>, work: Job) {
    let work = {
        let (shared, attempt) = (Arc::clone(&shared), Arc::clone(&attempt));
        tokio::spawn(async move {
            tokio::select! {
                biased;
                // Dropping the work tells the remote that it was cancelled.
                () = attempt.cancelled() => Err(Failure::infrastructure("cancelled")),
                result = perform(&shared, &attempt, work) => result,
            }
        })
    };
    // A panic is our bug, not the seller's.
    let result =
        work.await.unwrap_or_else(|_| Err(Failure::infrastructure("the remote pool has a bug")));
    let last = result.unwrap_or_else(|failure| Event::Failed {
        job: attempt.job,
        reason: failure.reason,
        detail: detail::clean(&failure.detail),
    });
    shared.jobs.finish(&attempt, last);
}

async fn perform(shared: &Shared, attempt: &Attempt, work: Job) -> Result<Event, Failure> {
    let Program::Remote(program) = work.program() else {
        return Err(Failure::infrastructure("the remote pool was given a local program"));
    };
    let program = Arc::clone(program);
    match work {
        Job::Describe { .. } => {
            let description = describe(shared, &program).await.map_err(|error| {
                let reason = match error {
                    DescribeError::TimedOut(_) => FailureReason::TimedOut,
                    _ => FailureReason::Crashed,
                };
                Failure::new(reason, error.to_string())
            })?;
            Ok(Event::Described { job: attempt.job, manifest: Box::new(description.manifest) })
        }
        Job::Execute { capability, parameters, limits, trace, .. } => {
            let call = Call { capability: &capability, parameters: &parameters, trace };
            execute(shared, attempt, &program, &call, &limits).await
        }
        Job::Quote { .. } | Job::Counter { .. } | Job::Verify { .. } => Err(Failure::new(
            FailureReason::Declined,
            "a remote agent neither bids nor verifies: its price is configured",
        )),
    }
}

async fn execute(
    shared: &Shared,
    attempt: &Attempt,
    program: &RemoteProgram,
    asked: &Call<'_>,
    limits: &ExecutionLimits,
) -> Result<Event, Failure> {
    let started = Instant::now();
    let duration_max = Duration::from_millis(limits.duration_ms_max.0);
    let deadline = started.checked_add(duration_max).unwrap_or_else(|| {
        // Further away than the clock counts: a year will do.
        started + Duration::from_secs(365 * 24 * 3_600)
    });
    let report = |done, total| {
        shared.jobs.tell(attempt, Event::Progress { job: attempt.job, done, total });
    };
    let most = limits.output_bytes_max;
    let call = async {
        let output = match program {
            RemoteProgram::Mcp(program) => {
                mcp::call::call(&shared.connections, program, asked, report).await?
            }
            RemoteProgram::A2a(program) => a2a::call::call(&shared.cards, program, asked).await?,
            RemoteProgram::OpenApi(program) => {
                let documents = &shared.documents;
                openapi::call::call(documents, program, asked, most).await?
            }
        };
        if output.bytes.len() as u64 > most {
            return Err(Failure::limit(format!("more than {most} bytes of output")));
        }
        Ok(output)
    };
    let output = timeout_at(deadline, call)
        .await
        .map_err(|_| Failure::new(FailureReason::TimedOut, "its time ran out"))??;
    let duration_ms = started.elapsed().as_millis() as u64;
    let output_bytes = output.bytes.len() as u64;
    let chunks = deliver(&shared.jobs, attempt, &output.bytes).await?;
    drop(output);
    Ok(Event::Executed { job: attempt.job, fuel_used: 0, chunks, output_bytes, duration_ms })
}
