//! What bidders learn, in a file beside each agent's record: written every two seconds when it
//! changed, and when the node closes. A crash loses what was learned since, and never money: a bid is
//! the broker's as soon as it is made.
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ainur_api::problem::{Code, Problem};
use ainur_api::view::BiddingView;
use ainur_broker::BidderMemory;
use ainur_market::strategy::{BidderState, CapabilityStats};
use ainur_primitives::{CapabilityName, Did};
use scale::{DecodeAll, Encode};

use crate::directory::DataDirectory;
use crate::driver::Mailbox;
use crate::node::{Node, NodeBroker};

/// Between two writes.
const WRITE_EVERY: Duration = Duration::from_secs(2);
/// Bidders taken from the broker at once.
pub(crate) const BIDDERS_BATCH_MAX: usize = 64;
/// The first byte of a file: what its other bytes mean.
const VERSION: u8 = 2;

/// Writes what bidders learn.
pub(crate) struct Memories {
    running: Mutex<Option<(SyncSender<()>, JoinHandle<()>)>>,
}

impl Memories {
    /// Begins to write.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        directory: DataDirectory,
        mailbox: Mailbox<NodeBroker>,
    ) -> Result<Self, Problem> {
        let (stop, stopped) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("memories".into())
            .spawn(move || keep(&directory, &mailbox, &stopped))
            .map_err(|error| Problem::new(Code::Internal, format!("no thread: {error}")))?;
        Ok(Self { running: Mutex::new(Some((stop, thread))) })
    }

    /// Writes what changed, for the last time.
    pub(crate) fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = running {
            drop(stop);
            if thread.join().is_err() {
                tracing::error!("the thread that keeps what bidders learn panicked");
            }
        }
    }
}

fn keep(directory: &DataDirectory, mailbox: &Mailbox<NodeBroker>, stopped: &Receiver<()>) {
    loop {
        let last = stopped.recv_timeout(WRITE_EVERY) != Err(RecvTimeoutError::Timeout);
        // When the broker has ended there is nothing to ask; whoever it failed tells why.
        while let Ok(changed) = mailbox.call(|broker| Ok(broker.changed_bidders(BIDDERS_BATCH_MAX)))
        {
            for (agent, memory) in &changed {
                let mut bytes = vec![VERSION];
                memory.encode_to(&mut bytes);
                if let Err(problem) = directory.write(&file(agent), &bytes) {
                    tracing::warn!(%problem, agent, "what a bidder learned is not stored");
                }
            }
            if changed.len() < BIDDERS_BATCH_MAX {
                break;
            }
        }
        if last {
            return;
        }
    }
}

/// What an agent's bidder learned, as far as it was stored. Where that cannot be read it begins
/// anew, which costs nothing but what it had learned.
pub(crate) fn recall(directory: &DataDirectory, agent: &str) -> Option<BidderMemory> {
    let bytes = match directory.read(&file(agent)) {
        Ok(bytes) => bytes?,
        Err(problem) => {
            tracing::warn!(%problem, agent, "what a bidder learned cannot be read");
            return None;
        }
    };
    let memory = match bytes.split_first() {
        Some((&VERSION, mut rest)) => BidderMemory::decode_all(&mut rest).ok(),
        _ => None,
    };
    if memory.is_none() {
        tracing::warn!(agent, "what a bidder learned is damaged or of another version");
    }
    memory
}

fn file(agent: &str) -> String {
    format!("agents/{agent}.bidder")
}

impl Node {
    /// How agents' bids went, in their order; nothing of those that were removed.
    pub(crate) fn bidding(&self, agents: Vec<Did>) -> Vec<BTreeMap<CapabilityName, BiddingView>> {
        let count = agents.len();
        let states = self.mailbox.call(move |broker| {
            let state = |did: &Did| broker.bidder(*did).map(|bidder| bidder.state().clone());
            Ok(agents.iter().map(|did| state(did).unwrap_or_default()).collect())
        });
        // A node that is stopping has nothing to tell of it.
        let states = states.unwrap_or_else(|_| vec![BidderState::default(); count]);
        states.into_iter().map(views).collect()
    }
}

fn views(state: BidderState) -> BTreeMap<CapabilityName, BiddingView> {
    let view = |(name, stats): (CapabilityName, CapabilityStats)| {
        let view = BiddingView {
            bids: stats.bids,
            wins: stats.wins,
            win_rate: stats.win_rate(),
            mean_margin: stats.mean_margin(),
            accepted: stats.accepted,
            failed: stats.failed,
            earned: stats.earned,
            spent: stats.spent,
            latency_ms: stats.latency_ms(),
        };
        (name, view)
    };
    state.capabilities.into_iter().map(view).collect()
}
