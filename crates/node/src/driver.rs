//! The broker's thread: it sleeps until something arrives, takes in all that has, and lets the
//! broker make one turn.
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ainur_api::problem::{Code, Problem};
use ainur_broker::{Arrival, Broker};
use ainur_consensus::ReplicatedLog;
use ainur_runtime::Executor;
use ainur_storage::Disk;
use ainur_storage::clock::Clock;

/// What reaches the broker's thread.
pub enum DriverMessage<B> {
    /// From executor or ledger.
    Arrival(Arrival),
    /// A question or command; it is run before the turn, what it returns after it.
    Call(Box<dyn FnOnce(&mut B) -> AfterTurn + Send>),
    /// Finish the turn, write a snapshot, end.
    Stop,
}

/// Run when what a call did is durable; it is told why not when it is not.
pub type AfterTurn = Box<dyn FnOnce(Result<(), &Problem>) + Send>;

/// How many messages may wait.
pub const MESSAGES_MAX: usize = 65_536;
/// How many messages one turn takes in.
const MESSAGES_A_TURN_MAX: usize = 8_192;
/// The longest sleep.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Sends to the broker's thread.
pub struct Mailbox<B>(SyncSender<DriverMessage<B>>);

impl<B> Clone for Mailbox<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B: 'static> Mailbox<B> {
    /// A mailbox and its other end.
    pub fn new() -> (Self, Receiver<DriverMessage<B>>) {
        let (sender, receiver) = sync_channel(MESSAGES_MAX);
        (Self(sender), receiver)
    }

    /// Sends; nobody listens any more once the node has stopped, and that is no harm.
    pub fn send(&self, message: DriverMessage<B>) {
        drop(self.0.send(message));
    }

    /// Runs something on the broker's thread and waits until its effects are durable.
    ///
    /// # Errors
    /// When the node has stopped or failed, or `run` refuses.
    pub fn call<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut B) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, answered) = sync_channel(1);
        self.send(DriverMessage::Call(Box::new(move |broker| {
            let result = run(broker);
            Box::new(move |turn| {
                let result = match turn {
                    Ok(()) => result,
                    Err(problem) => Err(problem.clone()),
                };
                // The caller may have given up waiting.
                drop(answer.send(result));
            })
        })));
        answered.recv().map_err(|_| stopped())?
    }
}

pub(crate) fn stopped() -> Problem {
    Problem::new(Code::Busy, "the node is stopping").next("start it again")
}

/// Starts the thread.
///
/// # Errors
/// When the system gives no thread.
pub fn start<L, E, D>(
    broker: Broker<L, E, D>,
    clock: Arc<dyn Clock>,
    messages: Receiver<DriverMessage<Broker<L, E, D>>>,
) -> std::io::Result<JoinHandle<Result<(), Problem>>>
where
    L: ReplicatedLog + 'static,
    E: Executor + Send + 'static,
    D: Disk,
{
    std::thread::Builder::new()
        .name("broker".into())
        .spawn(move || drive(broker, &*clock, &messages))
}

fn drive<L: ReplicatedLog, E: Executor, D: Disk>(
    mut broker: Broker<L, E, D>,
    clock: &dyn Clock,
    messages: &Receiver<DriverMessage<Broker<L, E, D>>>,
) -> Result<(), Problem> {
    let mut first = true;
    loop {
        let mut taken = Vec::new();
        let mut stopping = false;
        if !std::mem::take(&mut first) {
            match messages.recv_timeout(sleep(&broker, clock)) {
                Ok(message) => taken.push(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => stopping = true,
            }
            taken.extend(messages.try_iter().take(MESSAGES_A_TURN_MAX));
        }
        broker.set_time(clock.now());
        let mut after = Vec::new();
        let mut turned = Ok(());
        for message in taken {
            match message {
                DriverMessage::Arrival(input) if turned.is_ok() => turned = broker.handle(input),
                DriverMessage::Arrival(_) => {}
                DriverMessage::Call(call) => after.push(call(&mut broker)),
                DriverMessage::Stop => stopping = true,
            }
        }
        let turned = turned.and_then(|()| broker.turn()).map_err(|error| {
            tracing::error!(%error, "the broker failed");
            crate::problem::of_broker(&error)
        });
        for done in after {
            done(turned.as_ref().map(|_| ()));
        }
        turned?;
        if stopping {
            return broker.snapshot().map_err(|error| crate::problem::of_broker(&error));
        }
    }
}

fn sleep<L: ReplicatedLog, E: Executor, D: Disk>(
    broker: &Broker<L, E, D>,
    clock: &dyn Clock,
) -> Duration {
    let due = broker.next_timer().map(|at| at.since(clock.now()).0);
    due.map_or(SLEEP_MAX, |ms| Duration::from_millis(ms).min(SLEEP_MAX))
}
