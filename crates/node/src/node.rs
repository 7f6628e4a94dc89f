//! A running node: everything wired together.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use ainur_api::problem::{Code, Problem};
use ainur_audit::checkpoint::CheckpointKey;
use ainur_audit::log::TransparencyLog;
use ainur_broker::engine::Operator;
use ainur_broker::journal::Journal;
use ainur_broker::{Arrival, Bidder, Broker, Parts, Seat, Settlement};
use ainur_consensus::{Chain, EmbeddedLog, ReplicatedLog, ValidatorKey};
use ainur_crypto::entropy;
use ainur_crypto::signature::SigningKey;
use ainur_ledger::{Genesis, Parameters, ReadState};
use ainur_primitives::{Did, Digest};
use ainur_runtime::pool::{Cache, Config as PoolConfig};
use ainur_runtime::{Program, RemotePool, WorkerPool, remote};
use ainur_storage::blob::Blobs;
use ainur_storage::clock::{Clock, SystemClock};
use ainur_storage::{DirectoryLock, RealDisk};

use crate::aacl::AaclDesk;
use crate::agents::{self, AgentProgram, AgentRecord};
use crate::config::Config;
use crate::directory::DataDirectory;
use crate::driver::{self, DriverMessage, Mailbox};
use crate::founding::{Founded, found};
use crate::health::{Health, Watched};
use crate::pool::Pool;
use crate::problem::{of_storage, with_causes};
use crate::strategies::{self, Memories};
use crate::telemetry::Telemetry;
use crate::tokens::Tokens;

/// The broker of a real node.
pub type NodeBroker = Broker<EmbeddedLog<RealDisk>, Pool, RealDisk>;

/// How a node is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The address it will listen on, to show it.
    pub listen: Option<String>,
    /// The worker's command line; this binary's own when empty.
    pub worker_command: Vec<std::ffi::OsString>,
}

/// A data directory brought to life.
pub struct Node {
    pub(crate) directory: DataDirectory,
    pub(crate) config: Config,
    pub(crate) genesis: Genesis,
    pub(crate) chain_id: Digest,
    pub(crate) did: Did,
    pub(crate) agents: Arc<RwLock<BTreeMap<String, AgentRecord>>>,
    /// Why agents cannot be reached that cannot.
    pub(crate) health: Health,
    /// What bidders learn, on its way to the disk.
    pub(crate) memories: Memories,
    pub(crate) tokens: Tokens,
    /// Outside parties and what they may say.
    pub(crate) aacl: AaclDesk,
    pub(crate) telemetry: Telemetry,
    /// Whether commands run without network; looked at once.
    pub(crate) network: OnceLock<String>,
    /// Held while an agent is added or removed, so that two do not get one name.
    pub(crate) joining: Mutex<()>,
    pub(crate) mailbox: Mailbox<NodeBroker>,
    pub(crate) log: Arc<EmbeddedLog<RealDisk>>,
    pub(crate) pool: Pool,
    pub(crate) blobs: Blobs<RealDisk>,
    pub(crate) options: Options,
    driver: Mutex<Option<JoinHandle<Result<(), Problem>>>>,
    _lock: DirectoryLock,
}

/// The name of a node's transparency log.
pub(crate) fn log_origin(did: Did) -> String {
    format!("ainur.log/{}", did.to_string().replace(':', "-"))
}

impl Node {
    /// Brings a data directory to life, making it first if it is not there.
    ///
    /// # Errors
    /// When another process holds it, the disk refuses, or what is on it is damaged.
    pub fn open(directory: DataDirectory, options: Options) -> Result<Self, Problem> {
        directory.create()?;
        let lock = DirectoryLock::acquire(directory.root()).map_err(|error| of_storage(&error))?;
        let clock = SystemClock;
        let founded = found(&directory, clock.now())?;
        let config = Config::load(&directory)?;
        let tokens = Tokens::load(&directory)?;
        let aacl = AaclDesk::load(&directory)?;
        let disk = RealDisk::open(directory.root()).map_err(|error| of_storage(&error))?;
        let blobs = Blobs::open(disk.clone(), "blobs").map_err(|error| of_storage(&error))?;
        let (mailbox, messages) = Mailbox::new();

        let log = Arc::new(open_ledger(&disk, &founded, &config, clock, mailbox.clone())?);
        let pool = start_pool(&directory, &config, &options, mailbox.clone())?;
        let mut broker = open_broker(&disk, &founded, &config, &blobs, &log, &pool, clock)?;
        let agents = Arc::new(RwLock::new(BTreeMap::new()));
        let telemetry = Telemetry::start(&config, founded.did)?;
        broker.observe(telemetry.observer(Arc::clone(&agents), clock.now()));
        let driver = driver::start(broker, Arc::new(clock), messages)
            .map_err(|error| Problem::new(Code::Internal, format!("no thread: {error}")))?;

        let health = Health::start(Watched {
            directory: directory.clone(),
            agents: Arc::clone(&agents),
            pool: pool.clone(),
            mailbox: mailbox.clone(),
            every: Duration::from_secs(config.health_seconds.max(1)),
        })?;
        let memories = Memories::start(directory.clone(), mailbox.clone())?;
        let Founded { did, chain_id, genesis, .. } = founded;
        let node = Self {
            directory,
            config,
            genesis,
            chain_id,
            did,
            agents,
            health,
            memories,
            tokens,
            aacl,
            telemetry,
            network: OnceLock::new(),
            joining: Mutex::new(()),
            mailbox,
            log,
            pool,
            blobs,
            options,
            driver: Mutex::new(Some(driver)),
            _lock: lock,
        };
        node.seat_known_agents()?;
        Ok(node)
    }

    /// Finishes the turn under way, writes snapshots, and ends the threads and the workers.
    ///
    /// # Errors
    /// When the snapshot could not be written; nothing acknowledged is lost by that.
    pub fn close(&self) -> Result<(), Problem> {
        self.health.stop();
        self.memories.stop();
        self.mailbox.send(DriverMessage::Stop);
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let finished = match driver.map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Problem::new(Code::Internal, "the broker's thread panicked")),
        };
        self.telemetry.stop();
        self.log.close().map_err(|error| Problem::new(Code::Storage, with_causes(&error)))?;
        finished
    }

    /// The broker's thread has ended, which before [`Node::close`] means that it failed.
    pub fn has_ended(&self) -> bool {
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        driver.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// The node's identity.
    pub fn did(&self) -> Did {
        self.did
    }

    /// The node's data directory.
    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// The pool of workers.
    pub fn pool(&self) -> &WorkerPool {
        &self.pool
    }

    fn seat_known_agents(&self) -> Result<(), Problem> {
        for record in agents::load_all(&self.directory)? {
            if record.active {
                self.seat(&record)?;
            }
            self.agents
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(record.name.clone(), record);
        }
        self.weigh_tokens()?;
        // Tasks that were running wait for their agents' seats: they are looked at only now.
        self.mailbox.call(|broker| {
            broker.start();
            Ok(())
        })
    }

    /// Gives an agent a seat at the broker.
    pub(crate) fn seat(&self, record: &AgentRecord) -> Result<(), Problem> {
        let keys = record.keys(&self.directory)?;
        let seat = Seat {
            did: record.did,
            name: record.name.clone(),
            key_version: 0,
            key: keys.signing,
            card: record
                .card
                .card
                .digest()
                .map_err(|error| Problem::new(Code::Internal, with_causes(&error)))?,
            program: self.program(&record.name, &record.program)?,
            contracts: record.capabilities.clone(),
            price: record.price,
            prices: record.prices.clone(),
            team: record.team.clone(),
            tactic: record.tactic,
            withheld: record.quarantined.keys().cloned().collect(),
            reachable: true,
            active: 0,
            bidder: Bidder::new(record.strategy, strategies::recall(&self.directory, &record.name)),
        };
        self.mailbox.call(move |broker| {
            broker.add_seat(seat);
            Ok(())
        })
    }

    /// What runs for an agent.
    pub(crate) fn program(&self, name: &str, program: &AgentProgram) -> Result<Program, Problem> {
        Ok(match program {
            AgentProgram::Component { content } => Program::Component {
                content: *content,
                path: self.blobs.real_path(content).ok_or_else(|| {
                    Problem::new(Code::Corrupted, format!("the component {content} is missing"))
                        .next("add the agent again")
                })?,
            },
            AgentProgram::Command { argv, network } => {
                Program::Command { argv: argv.clone(), network: *network, readable: Vec::new() }
            }
            AgentProgram::Remote { program } => {
                let mut program = program.clone();
                *program.credential_mut() = agents::load_credential(&self.directory, name)?;
                Program::Remote(Arc::new(program))
            }
        })
    }

    /// Reads the ledger's state.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&dyn ReadState) -> T) -> T {
        self.log.query(|view| read(view.state()))
    }

    /// The ledger's parameters.
    pub(crate) fn parameters(&self) -> Parameters {
        self.log.query(|view| view.ledger().parameters())
    }

    pub(crate) fn join_lock(&self) -> MutexGuard<'_, ()> {
        self.joining.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(problem) = self.close() {
            tracing::error!(%problem, "the node did not close cleanly");
        }
    }
}

fn open_ledger(
    disk: &RealDisk,
    founded: &Founded,
    config: &Config,
    clock: SystemClock,
    mailbox: Mailbox<NodeBroker>,
) -> Result<EmbeddedLog<RealDisk>, Problem> {
    let ledger = |error: ainur_consensus::Error| {
        Problem::new(Code::Corrupted, format!("the ledger: {}", with_causes(&error)))
            .next("restore the data directory from a backup")
    };
    let validator =
        ValidatorKey { did: founded.did, key_version: 0, key: copy(&founded.keys.signing)? };
    let chain =
        Chain::open(disk.clone(), "ledger", &founded.genesis, Some(validator)).map_err(ledger)?;
    let chain = chain.with_snapshot_blocks(config.snapshot_blocks);
    EmbeddedLog::start(chain, clock, move |completion| {
        mailbox.send(DriverMessage::Arrival(completion.into()));
    })
    .map_err(|error| Problem::new(Code::Internal, format!("no thread: {error}")))
}

fn start_pool(
    directory: &DataDirectory,
    config: &Config,
    options: &Options,
    mailbox: Mailbox<NodeBroker>,
) -> Result<Pool, Problem> {
    let workers = pool_config(directory, config, options)?;
    let remote =
        remote::Config { command: workers.command.clone(), ..remote::Config::this_binary() };
    let arrivals = mailbox.clone();
    let remote = RemotePool::start(remote, move |event| {
        arrivals.send(DriverMessage::Arrival(Arrival::Executor(event)));
    })
    .map_err(|error| workers_failed(&error))?;
    let workers = WorkerPool::start(workers, move |event| {
        mailbox.send(DriverMessage::Arrival(Arrival::Executor(event)));
    })
    .map_err(|error| workers_failed(&error))?;
    Ok(Pool::new(workers, remote))
}

fn workers_failed(error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::Internal, format!("cannot start workers: {}", with_causes(error)))
}

/// The workers of this node.
pub(crate) fn pool_config(
    directory: &DataDirectory,
    config: &Config,
    options: &Options,
) -> Result<PoolConfig, Problem> {
    let mut pool = PoolConfig::this_binary().map_err(|error| workers_failed(&error))?;
    if config.workers > 0 {
        pool.workers = config.workers;
    }
    if !options.worker_command.is_empty() {
        pool.command.clone_from(&options.worker_command);
    }
    pool.cache = Some(Cache { folder: directory.path("cache"), key: cache_key(directory)? });
    Ok(pool)
}

const CACHE_KEY_FILE: &str = "keys/cache.key";

/// Compiled components are trusted only with this secret.
fn cache_key(directory: &DataDirectory) -> Result<[u8; 32], Problem> {
    if let Some(key) = directory.read(CACHE_KEY_FILE)?.and_then(|bytes| bytes.try_into().ok()) {
        return Ok(key);
    }
    let key = entropy::random_bytes::<32>()
        .map_err(|error| Problem::new(Code::Internal, with_causes(&error)))?;
    directory.write(CACHE_KEY_FILE, &key)?;
    Ok(key)
}

fn open_broker(
    disk: &RealDisk,
    founded: &Founded,
    config: &Config,
    blobs: &Blobs<RealDisk>,
    log: &Arc<EmbeddedLog<RealDisk>>,
    pool: &Pool,
    clock: SystemClock,
) -> Result<NodeBroker, Problem> {
    let (journal, recovered) =
        Journal::open(disk, "broker").map_err(|error| crate::problem::of_broker(&error))?;
    let checkpoint_key = CheckpointKey::new(copy(&founded.keys.signing)?);
    let audit =
        TransparencyLog::open(disk.clone(), "audit", &log_origin(founded.did), checkpoint_key)
            .map_err(|error| {
                Problem::new(Code::Corrupted, format!("the log: {}", with_causes(&error)))
                    .next("restore the data directory from a backup")
            })?;
    let parameters = log.query(|view| view.ledger().parameters());
    Broker::open(Parts {
        operator: Operator { did: founded.did, key_version: 0, key: copy(&founded.keys.signing)? },
        chain_id: founded.chain_id,
        parameters,
        ledger: Settlement::new(Arc::clone(log)),
        executor: pool.clone(),
        blobs: blobs.clone(),
        audit,
        journal,
        recovered,
        entropy: Box::new(entropy::random_bytes::<32>),
        background: Box::new(beside),
        snapshot_tasks: config.snapshot_tasks,
        now: clock.now(),
    })
    .map_err(|error| crate::problem::of_broker(&error))
}

/// Runs something on a thread of its own; when the system gives none, whoever waits for it is told
/// by its being dropped.
fn beside(work: Box<dyn FnOnce() + Send>) {
    if let Err(error) = std::thread::Builder::new().name("snapshot".into()).spawn(work) {
        tracing::error!(%error, "no thread for a snapshot");
    }
}

fn copy(key: &SigningKey) -> Result<SigningKey, Problem> {
    SigningKey::from_bytes(&key.to_bytes()[..])
        .map_err(|error| Problem::new(Code::Internal, with_causes(&error)))
}

/// True when a node's data directory is there.
pub fn exists(root: &Path) -> bool {
    root.join("genesis.json").exists()
}
