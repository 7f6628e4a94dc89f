//! The broker: owner of all tasks, working in turns.
//!
//! One turn: take in what arrived and turn it into events ([`Broker::handle`]), make the events
//! durable with one sync, then do what the states they led to call for ([`Broker::turn`]). Nothing
//! here waits but for the disk; whoever drives the broker sleeps until the next input or [`Broker::next_timer`].
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ainur_audit::log::TransparencyLog;
use ainur_consensus::ReplicatedLog;
use ainur_crypto::signature::SigningKey;
use ainur_ledger::Parameters;
use ainur_primitives::{Amount, CapabilityName, Did, Digest, Timestamp, Venue};
use ainur_runtime::{Executor, JobId};
use ainur_storage::Disk;
use ainur_storage::blob::Blobs;
use ainur_verification::schema::SchemaCache;

use crate::error::Error;
use crate::event::{Event, Idempotency, JournalEntry, OfferEvent, Record, RentalEvent};
use crate::journal::{Journal, Recovered};
use crate::limits::{DETAIL_BYTES_MAX, ENDED_TASKS_MAX};
use crate::offers::OfferDesk;
use crate::places::WorkPlaces;
use crate::rentals::RentalDesk;
use crate::seat::Seats;
use crate::settlement::Settlement;
use crate::task::{Phase, Task, TaskStep};

mod aacl;
mod announce;
mod archive;
mod arrival;
mod bidding;
mod bonds;
mod check;
mod chunks;
mod contract;
mod credit;
mod graph;
mod negotiate;
mod offers;
mod outcome;
mod parts;
mod places;
mod query;
mod recall;
mod receipt;
mod rental;
mod schedule;
mod strategy;
mod timer;
mod watch;
mod work;

pub use announce::{CallTerms, Request};
pub use archive::Background;
pub use arrival::{Arrival, LedgerAnswer};
pub use contract::Answer;
pub use credit::held_credit;
pub use offers::OfferState;
pub use rental::RentalState;
pub use watch::{Observer, Watcher};

use archive::Archiving;
use bidding::Sealing;
use check::Checking;
use contract::Posting;
use graph::PartQuotes;
use negotiate::Negotiations;
use schedule::Schedules;
use work::Errand;

/// Where bytes for salts come from; a seeded generator in the simulator.
pub type Entropy = Box<dyn FnMut() -> Result<[u8; 32], ainur_crypto::entropy::Error> + Send>;

/// The key the node buys and judges with.
pub struct Operator {
    /// The node's identity.
    pub did: Did,
    /// Version of the key.
    pub key_version: u32,
    /// The key.
    pub key: SigningKey,
}

/// What a broker stands on.
pub struct Parts<L: ReplicatedLog, E, D: Disk> {
    /// Who buys and judges.
    pub operator: Operator,
    /// The ledger's id.
    pub chain_id: Digest,
    /// The ledger's parameters.
    pub parameters: Parameters,
    /// The ledger.
    pub ledger: Settlement<L>,
    /// What runs jobs.
    pub executor: E,
    /// Inputs, outputs and components.
    pub blobs: Blobs<D>,
    /// The transparency log.
    pub audit: TransparencyLog<D>,
    /// The journal.
    pub journal: Journal<D>,
    /// What the journal held.
    pub recovered: Recovered,
    /// Where salts come from.
    pub entropy: Entropy,
    /// Where snapshots are written.
    pub background: Background,
    /// Ended tasks kept in memory before a snapshot archives them.
    pub snapshot_tasks: usize,
    /// The time.
    pub now: Timestamp,
}

/// The owner of all tasks.
pub struct Broker<L: ReplicatedLog, E: Executor, D: Disk> {
    operator: Operator,
    chain_id: Digest,
    parameters: Parameters,
    ledger: Settlement<L>,
    executor: E,
    blobs: Blobs<D>,
    audit: TransparencyLog<D>,
    journal: Journal<D>,
    entropy: Entropy,
    background: Background,
    snapshot_tasks: usize,
    now: Timestamp,

    seats: Seats,
    offers: OfferDesk,
    rentals: RentalDesk,
    places: WorkPlaces,
    tasks: BTreeMap<u64, Task>,
    /// Ended since the last snapshot.
    ended: BTreeMap<u64, Task>,
    archiving: Option<Archiving>,
    ids: BTreeMap<Digest, u64>,
    keys: HashMap<String, u64>,
    last_number: u64,

    /// The step that is under way for a task, so that it is not begun twice.
    doing: HashMap<u64, TaskStep>,
    /// Tasks whose next step has to be looked at.
    dirty: BTreeSet<u64>,
    timers: BTreeSet<(Timestamp, u64)>,

    sealing: Vec<Sealing>,
    /// Prices for parts of graphs, while not all have answered.
    part_quotes: HashMap<u64, PartQuotes>,
    /// Parts that have not ended, by the number of the whole and their index in its graph.
    parts: BTreeMap<(u64, u16), u64>,
    negotiations: Negotiations,
    /// Who is busy for how long.
    schedules: Schedules,
    errands: HashMap<JobId, Errand>,
    /// The jobs of each task.
    jobs: HashMap<u64, Vec<JobId>>,
    last_job: u64,
    acknowledgements: Vec<(JobId, u32)>,
    checks: HashMap<u64, Checking>,
    schemas: SchemaCache,
    started: bool,
    /// How far running attempts are by their own account.
    progress: HashMap<u64, (u64, u64)>,
    /// Work that must not be done twice, and has not been handed to the executor yet.
    unbegun: HashSet<u64>,

    outbox: Vec<Posting>,
    /// Reserves of open tasks for which no money is locked yet.
    promised: Amount,
    submitted: BTreeMap<u64, Vec<Posting>>,
    answers: BTreeMap<u64, Answer>,
    next_nonce: Option<u64>,
    /// The ledger rejected a number: nothing is sent until all that is on its way is answered.
    resync: bool,
    /// How often the ledger refused a task's step.
    rejections: HashMap<u64, u32>,
    receipts_due: Vec<u64>,
    /// Tasks that changed in this turn.
    changed: BTreeSet<u64>,
    watchers: HashMap<u64, Vec<Watcher>>,
    /// Shown every task that is done.
    observer: Option<Observer>,
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// A broker that continues where its journal ends.
    ///
    /// # Errors
    /// When the journal holds events that do not follow from each other.
    pub fn open(parts: Parts<L, E, D>) -> Result<Self, Error> {
        let Recovered { live, offers, rentals, entries, last_number } = parts.recovered;
        let mut broker = Self {
            operator: parts.operator,
            chain_id: parts.chain_id,
            parameters: parts.parameters,
            ledger: parts.ledger,
            executor: parts.executor,
            blobs: parts.blobs,
            audit: parts.audit,
            journal: parts.journal,
            entropy: parts.entropy,
            background: parts.background,
            snapshot_tasks: parts.snapshot_tasks.clamp(1, ENDED_TASKS_MAX),
            now: parts.now,
            seats: Seats::default(),
            offers: OfferDesk::default(),
            rentals: RentalDesk::default(),
            places: WorkPlaces::default(),
            tasks: live,
            ended: BTreeMap::new(),
            archiving: None,
            ids: BTreeMap::new(),
            keys: HashMap::new(),
            last_number,
            doing: HashMap::new(),
            dirty: BTreeSet::new(),
            timers: BTreeSet::new(),
            sealing: Vec::new(),
            part_quotes: HashMap::new(),
            parts: BTreeMap::new(),
            negotiations: Negotiations::default(),
            schedules: Schedules::default(),
            errands: HashMap::new(),
            jobs: HashMap::new(),
            last_job: 0,
            acknowledgements: Vec::new(),
            checks: HashMap::new(),
            schemas: SchemaCache::default(),
            started: false,
            progress: HashMap::new(),
            unbegun: HashSet::new(),
            outbox: Vec::new(),
            promised: Amount::ZERO,
            submitted: BTreeMap::new(),
            answers: BTreeMap::new(),
            next_nonce: None,
            resync: false,
            rejections: HashMap::new(),
            receipts_due: Vec::new(),
            changed: BTreeSet::new(),
            watchers: HashMap::new(),
            observer: None,
        };
        for offer in offers {
            broker.replay_offer(OfferEvent::Published(Box::new(offer)));
        }
        for rental in rentals {
            broker.rentals.replay(RentalEvent::Published(Box::new(rental)));
        }
        broker.index_tasks();
        for entry in entries {
            match entry {
                JournalEntry::Task(record) => broker.apply(&record)?,
                JournalEntry::Offer(event) => broker.replay_offer(event),
                JournalEntry::Rental(event) => broker.rentals.replay(event),
                JournalEntry::Signature(_) => {}
            }
        }
        broker.offers.rebuild(broker.tasks.values(), broker.now);
        broker.rebuild_rentals();
        broker.resume_places();
        Ok(broker)
    }

    /// Finds the open tasks by id, time and whole, and knows what is promised for them.
    fn index_tasks(&mut self) {
        for (number, task) in &self.tasks {
            // Time never runs backwards for a task, whatever the system's clock does meanwhile.
            let last = task.history.last().map_or(task.opened, |entry| entry.at);
            self.now = self.now.max(last);
            if task.phase == Phase::Revealing {
                self.now = self.now.max(task.auction.commitments_end());
            }
            self.ids.insert(task.id.0, *number);
            if let Some(part_of) = task.part_of {
                self.parts.insert((part_of.number, part_of.subtask), *number);
            }
            self.dirty.insert(*number);
            self.timers.insert((task.deadline, *number));
            self.timers.insert((task.auction.terms().commit_until, *number));
            self.promised = self.promised.saturating_add(promised(task));
        }
    }

    /// Lets the first turn happen, once the agents have their seats again: a task whose agent had
    /// none would be taken from it.
    pub fn start(&mut self) {
        self.started = true;
        for number in self.tasks.keys().copied().collect::<Vec<_>>() {
            self.note_work(number);
        }
    }

    /// Sets the time for what is handled next. Time never runs backwards here.
    pub fn set_time(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Adds or replaces an agent.
    pub fn add_seat(&mut self, mut seat: crate::seat::Seat) {
        seat.bidder.forget_asks(|number| self.tasks.contains_key(&number));
        self.dirty.extend(self.places.of_agent(seat.did));
        self.seats.insert(seat);
        self.rentals.look_soon(self.now);
    }

    /// Says whether an agent can be reached; while it cannot, it is not asked.
    pub fn set_reachable(&mut self, did: Did, reachable: bool) {
        if let Some(seat) = self.seats.get_mut(did) {
            seat.reachable = reachable;
        }
        self.rentals.look_soon(self.now);
    }

    /// Asks an agent for these capabilities no more.
    pub fn withhold(&mut self, did: Did, capabilities: Vec<CapabilityName>) {
        if let Some(seat) = self.seats.get_mut(did) {
            seat.withheld.extend(capabilities);
        }
    }

    /// Asks an agent no more.
    pub fn remove_seat(&mut self, did: Did) {
        self.dirty.extend(self.places.of_agent(did));
        self.seats.remove(did);
        self.rentals.look_soon(self.now);
    }

    /// The agents.
    pub fn seats(&self) -> &Seats {
        &self.seats
    }

    /// Makes durable what was handled, and does what follows from it.
    ///
    /// # Errors
    /// When disk or ledger fail; the broker must then not be used any more, but opened again.
    pub fn turn(&mut self) -> Result<(), Error> {
        if !self.started {
            return Ok(());
        }
        self.run_timers()?;
        self.look_after_rentals()?;
        loop {
            self.seal_bids()?;
            self.negotiate_due()?;
            self.journal.sync()?;
            for (job, chunk) in std::mem::take(&mut self.acknowledgements) {
                self.executor.acknowledge(job, chunk);
            }
            let due = std::mem::take(&mut self.dirty);
            if due.is_empty() && self.sealing.is_empty() && self.negotiations.is_idle() {
                break;
            }
            for number in due {
                self.advance(number)?;
            }
        }
        self.post()?;
        self.log_receipts()?;
        self.tell_watchers();
        self.archive()
    }

    /// Begins the step a task waits for, unless it is under way.
    fn advance(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let Some(step) = task.next_step() else {
            if task.part_of.is_some() {
                self.report_part(number)?;
            }
            self.retire(number);
            return Ok(());
        };
        if self.doing.get(&number) == Some(&step) && !matches!(step, TaskStep::OpenBids) {
            return Ok(());
        }
        self.doing.insert(number, step);
        match step {
            TaskStep::GatherBids => self.gather_bids(number),
            TaskStep::OpenBids => self.open_bids(number),
            TaskStep::FindWinner => self.find_winner(number),
            TaskStep::Agree(_) => self.agree(number),
            TaskStep::Execute(_) => self.execute(number),
            TaskStep::Check(_) => self.begin_check(number),
            TaskStep::Settle(_) => self.settle(number),
            TaskStep::Fail(_) => self.fail(number),
            TaskStep::Refund => self.refund(number),
            TaskStep::LogReceipt => {
                self.close_parts(number)?;
                self.receipts_due.push(number);
                Ok(())
            }
        }
    }

    /// Records an event: applies it and appends it to the journal. It is durable, and its effects
    /// follow, in this turn.
    fn record(&mut self, number: u64, event: Event) -> Result<(), Error> {
        let record = Record { task: number, at: self.now, event };
        self.apply(&record)?;
        self.tell_bidders(number, &record.event);
        self.note_work(number);
        self.journal.append(&JournalEntry::Task(record))
    }

    /// Applies an event that is or will be in the journal.
    fn apply(&mut self, record: &Record) -> Result<(), Error> {
        let number = record.task;
        self.now = self.now.max(record.at);
        if let Event::Announced(announcement) = &record.event {
            let auction = ainur_market::auction::Auction::open(announcement.terms.clone())
                .map_err(crate::task::Illegal::from)?;
            let task = Task::announced(number, record.at, (**announcement).clone(), auction);
            self.ids.insert(task.id.0, number);
            if let Some(part_of) = task.part_of {
                self.parts.insert((part_of.number, part_of.subtask), number);
            }
            if let Some(Idempotency { key, .. }) = &task.idempotency {
                self.keys.insert(key.clone(), number);
            }
            self.last_number = self.last_number.max(number);
            self.timers.insert((task.deadline, number));
            self.timers.insert((task.auction.terms().commit_until, number));
            self.promised = self.promised.saturating_add(promised(&task));
            self.tasks.insert(number, task);
        } else if let Some(task) = self.tasks.get_mut(&number) {
            let (before, promised_before) = (task.phase, promised(task));
            task.apply(record.at, &record.event)?;
            let freed = self.offers.follow(task);
            self.dirty.extend(freed);
            self.dirty.extend(self.rentals.follow(task));
            let others = self.promised.saturating_sub(promised_before);
            self.promised = others.saturating_add(promised(task));
            if let Event::Called(terms) | Event::PartCalled { terms, .. } = &record.event {
                self.timers.insert((terms.commit_until, number));
            }
            if before == Phase::Running && task.phase != Phase::Running {
                self.unbegun.remove(&number);
                self.dirty.extend(self.places.leave(number));
                let seller = task.attempt().map(|attempt| attempt.seller);
                if let Some(seat) = seller.and_then(|seller| self.seats.get_mut(seller)) {
                    seat.active = seat.active.saturating_sub(1);
                }
            }
        }
        if let Event::AgreementApplied(_) = &record.event {
            self.recount(number);
        }
        if let Event::ChunkPaid { .. } = &record.event {
            // After the last one the same step is asked again, and then ends the task.
            self.doing.remove(&number);
        }
        self.dirty.insert(number);
        self.changed.insert(number);
        Ok(())
    }

    /// Takes an ended task out of the way.
    fn retire(&mut self, number: u64) {
        if let Some(task) = self.tasks.remove(&number) {
            self.timers.remove(&(task.deadline, number));
            if let Some(observer) = &mut self.observer {
                observer(&task);
            }
            self.ended.insert(number, task);
        }
        self.doing.remove(&number);
        self.part_quotes.remove(&number);
        self.rejections.remove(&number);
        self.progress.remove(&number);
        self.negotiations.forget(number);
        self.checks.remove(&number);
        self.jobs.remove(&number);
    }
}

/// What the buyer may still have to lock for a task.
fn promised(task: &Task) -> Amount {
    let needs_none = matches!(task.venue, Venue::Credit | Venue::Rental)
        || task.part_of.is_some()
        || task.is_funded()
        || task.phase.is_final();
    if needs_none { Amount::ZERO } else { task.spec.reserve }
}

/// One line of bounded length, without control characters.
fn one_line(text: &str) -> String {
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(DETAIL_BYTES_MAX).collect();
    line.truncate(line.trim_end().len());
    line
}
