//! Whether agents that live elsewhere are well: each is asked again and again what it offers. One
//! that does not answer is not asked for bids until it does; a tool that is not what it was when the
//! agent was added is quarantined until somebody accepts it.
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ainur_api::problem::{Code, Problem};
use ainur_primitives::CapabilityName;
use ainur_runtime::remote::{DescribeError, Description, RemoteProgram, RemoteTool};

use crate::agents::{self, AgentProgram, AgentRecord};
use crate::directory::DataDirectory;
use crate::driver::Mailbox;
use crate::node::NodeBroker;
use crate::pool::Pool;

/// How long one agent may take to answer.
pub(crate) const ANSWER_MS_MAX: u64 = 20_000;

/// Agents that are asked at once.
pub(crate) const CHECKS_MAX: usize = 16;
/// How often the check looks whether it is over.
const STOP_LOOK: Duration = Duration::from_millis(200);

/// What an agent says of itself, once it has.
type Answer = Receiver<Result<Description, DescribeError>>;

/// What came of asking an agent.
enum Heard {
    Description(Description),
    /// It could not be asked, which says nothing about it.
    Nothing,
}

/// What the check looks at and acts on.
pub(crate) struct Watched {
    pub(crate) directory: DataDirectory,
    pub(crate) agents: Arc<RwLock<BTreeMap<String, AgentRecord>>>,
    pub(crate) pool: Pool,
    pub(crate) mailbox: Mailbox<NodeBroker>,
    /// Time between two checks of all.
    pub(crate) every: Duration,
}

/// The running check, and what it found.
pub(crate) struct Health {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    stopped: Mutex<bool>,
    changed: Condvar,
    /// Why agents cannot be reached, by name.
    unreachable: Mutex<BTreeMap<String, String>>,
}

impl Health {
    /// Begins to check; the first time after one interval.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(watched: Watched) -> Result<Self, Problem> {
        let shared = Arc::new(Shared::default());
        let known = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("health".into())
            .spawn(move || {
                while known.wait(watched.every) {
                    known.check_all(&watched);
                }
            })
            .map_err(|error| Problem::new(Code::Internal, format!("no thread: {error}")))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Why an agent cannot be reached, when it cannot.
    pub(crate) fn unreachable(&self, name: &str) -> Option<String> {
        lock(&self.shared.unreachable).get(name).cloned()
    }

    /// An agent was just spoken to.
    pub(crate) fn heard(&self, name: &str) {
        lock(&self.shared.unreachable).remove(name);
    }

    /// Ends the check and waits for it.
    pub(crate) fn stop(&self) {
        *lock(&self.shared.stopped) = true;
        self.shared.changed.notify_all();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that looks after agents panicked");
        }
    }
}

impl Shared {
    /// Sleeps; false when it is over.
    fn wait(&self, span: Duration) -> bool {
        let stopped = lock(&self.stopped);
        let waited = self.changed.wait_timeout_while(stopped, span, |stopped| !*stopped);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Asks all agents that live elsewhere, [`CHECKS_MAX`] of them at a time: those that do not
    /// answer cost the others little.
    fn check_all(&self, watched: &Watched) {
        let agents: Vec<AgentRecord> = {
            let agents = watched.agents.read().unwrap_or_else(PoisonError::into_inner);
            agents.values().filter(|agent| agent.active).cloned().collect()
        };
        let remote: Vec<(&AgentRecord, &RemoteProgram)> = agents
            .iter()
            .filter_map(|agent| match &agent.program {
                AgentProgram::Remote { program } => Some((agent, program)),
                _ => None,
            })
            .collect();
        for group in remote.chunks(CHECKS_MAX) {
            let asked: Vec<_> = group
                .iter()
                .map(|(agent, program)| (agent, program.tools(), ask(watched, agent, program)))
                .collect();
            let end = Instant::now() + Duration::from_millis(ANSWER_MS_MAX);
            for (agent, known, answer) in asked {
                match answer.and_then(|answer| self.hear(&answer, end)) {
                    Ok(Some(Heard::Nothing)) => {}
                    Ok(Some(Heard::Description(description))) => {
                        lock(&self.unreachable).remove(&agent.name);
                        reached(watched, agent, true);
                        quarantine(watched, agent, &changes(known, &description));
                    }
                    Ok(None) => return,
                    Err(why) => {
                        let before =
                            lock(&self.unreachable).insert(agent.name.clone(), why.clone());
                        if before.is_none() {
                            tracing::warn!(agent = agent.name, why, "an agent cannot be reached");
                        }
                        reached(watched, agent, false);
                    }
                }
            }
        }
    }

    /// Waits for an answer; there is none when the check is over.
    fn hear(&self, answer: &Answer, end: Instant) -> Result<Option<Heard>, String> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match answer.recv_timeout(left.min(STOP_LOOK)) {
                Ok(Ok(description)) => return Ok(Some(Heard::Description(description))),
                Ok(Err(DescribeError::Unasked(why))) => {
                    tracing::debug!(why, "an agent was not looked at");
                    return Ok(Some(Heard::Nothing));
                }
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) if *lock(&self.stopped) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
                Err(_) => return Err(format!("no answer within {ANSWER_MS_MAX} ms")),
            }
        }
    }
}

/// Tells the broker, each time: it may have got another seat for the agent since.
fn reached(watched: &Watched, agent: &AgentRecord, reachable: bool) {
    let did = agent.did;
    let told = watched.mailbox.call(move |broker| {
        broker.set_reachable(did, reachable);
        Ok(())
    });
    if let Err(problem) = told {
        tracing::debug!(%problem, "the node is stopping");
    }
}

fn ask(watched: &Watched, agent: &AgentRecord, program: &RemoteProgram) -> Result<Answer, String> {
    let mut program = program.clone();
    *program.credential_mut() = agents::load_credential(&watched.directory, &agent.name)
        .map_err(|problem| problem.message)?;
    watched.pool.remote().describe(program).map_err(|error| error.to_string())
}

/// Which capabilities are not what they were, and why.
pub(crate) fn changes(
    known: &BTreeMap<CapabilityName, RemoteTool>,
    now: &Description,
) -> BTreeMap<CapabilityName, String> {
    let changed = known.iter().filter_map(|(capability, tool)| {
        let why = match now.tools.get(capability) {
            None => "the server does not offer it any more",
            Some(other) if other != tool => "its description or schema changed since it was added",
            Some(_) => return None,
        };
        Some((capability.clone(), why.to_owned()))
    });
    changed.collect()
}

/// Puts capabilities into quarantine. They stay there until the agent is accepted as it is: one
/// that changes back and forth is not to be trusted either.
fn quarantine(watched: &Watched, agent: &AgentRecord, changed: &BTreeMap<CapabilityName, String>) {
    let mut agents = watched.agents.write().unwrap_or_else(PoisonError::into_inner);
    let Some(record) = agents.get_mut(&agent.name).filter(|record| record.card == agent.card)
    else {
        // Accepted or removed meanwhile.
        return;
    };
    let news: Vec<CapabilityName> =
        changed.keys().filter(|name| !record.quarantined.contains_key(*name)).cloned().collect();
    if news.is_empty() {
        return;
    }
    for name in &news {
        record.quarantined.insert(name.clone(), changed[name].clone());
        tracing::warn!(agent = record.name, capability = %name, "a tool changed: quarantined");
    }
    if let Err(problem) = record.store(&watched.directory) {
        tracing::error!(%problem, "a quarantine is known until the node stops only");
    }
    let did = record.did;
    drop(agents);
    let told = watched.mailbox.call(move |broker| {
        broker.withhold(did, news);
        Ok(())
    });
    if let Err(problem) = told {
        tracing::debug!(%problem, "the node is stopping");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
