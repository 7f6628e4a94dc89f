//! Waiting for what happens to a task, without a thread.
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::ask::Ask;
use crate::access::Caller;
use crate::http::document::Refusal;
use crate::http::server::calls::{Calls, Lane};
use crate::problem::{Code, Problem};
use crate::service::Waiting;
use crate::view::{TaskNews, TaskView};

/// News that were asked for.
pub(super) struct News {
    told: oneshot::Receiver<Result<TaskNews, Problem>>,
    _waiting: Waiting,
}

impl News {
    /// Asks to be told what happens to a task after event number `after`.
    pub(super) async fn of(
        calls: &Calls,
        caller: &Caller,
        task: String,
        after: u32,
    ) -> Result<Self, Refusal> {
        let (teller, told) = oneshot::channel();
        let tell = move |news| {
            // Whoever waited may have gone.
            drop(teller.send(news));
        };
        let waiting = calls
            .run(caller, Lane::Prompt, move |service| service.watch(&task, after, Box::new(tell)))
            .await??;
        Ok(Self { told, _waiting: waiting })
    }

    /// Waits for them.
    pub(super) async fn told(self) -> Result<TaskNews, Problem> {
        let stopped = || Problem::new(Code::Busy, "the node is stopping");
        self.told.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// The task when it has ended, time is up or the node stops, whichever is first.
pub(super) async fn until_ended(
    ask: &Ask,
    task: &str,
    wait: Duration,
) -> Result<TaskView, Refusal> {
    let (deadline, caller) = (Instant::now() + wait, ask.caller()?);
    let mut after = 0;
    loop {
        // The purchase is made; that it cannot be waited for is no reason to say otherwise.
        let listen = || News::of(&ask.calls, &caller, task.to_owned(), after);
        let Ok(news) = ask.calls.patiently(listen).await else { break };
        let told = tokio::select! {
            told = timeout_at(deadline, news.told()) => told,
            () = ask.calls.stop.stopped() => break,
            lapsed = ask.calls.lapsed(&caller) => return Err(lapsed.into()),
        };
        let Ok(Ok(news)) = told else { break };
        match news.events.last() {
            Some(last) if !news.phase.is_final() => after = last.number,
            _ => break,
        }
    }
    ask.calls.patiently(|| ask.show(task.to_owned())).await
}
