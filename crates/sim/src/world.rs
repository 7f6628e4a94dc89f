//! A world: its founding, its accidents, and what must be true at its end.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ainur_audit::checkpoint::CheckpointKey;
use ainur_audit::log::TransparencyLog;
use ainur_broker::engine::{Operator, Request};
use ainur_broker::event::Idempotency;
use ainur_broker::journal::Journal;
use ainur_broker::task::Phase;
use ainur_broker::{Arrival, Bidder, Broker, Error, Parts, Seat, Settlement, Task};
use ainur_consensus::{Chain, InlineLog, ReplicatedLog, ValidatorKey};
use ainur_crypto::agreement::AgreementPublicKeys;
use ainur_crypto::batch::sign_batch;
use ainur_crypto::signature::SigningKey;
use ainur_identity::KeyMaterial;
use ainur_ledger::{
    Action, AuthorizedTransaction, Event, Genesis, Height, Outcome, Parameters, Submission,
    Transaction, balances, escrow, exchange, exchange::CreditClassId, invariants, registry,
    reputation,
};
use ainur_market::exchange::{OrderKind, SelfTrade, Side};
use ainur_market::negotiation::TacticName;
use ainur_primitives::capability::{Sensitivity, ServiceLevel};
use ainur_primitives::{
    AcceptanceCheck, Amount, CapabilityContract, CapabilityName, Did, Digest, DurationMs, Effects,
    ExecutionLimits, Ppm, QualityLevel, SelectionRule, TaskId, TaskSpec, Timestamp, Venue,
};
use ainur_runtime::Quote;
use ainur_storage::SimDisk;
use ainur_storage::blob::Blobs;

use crate::agents::{Cast, Character, Member, expected, program};
use crate::jobs::{graph, team};
use crate::random::Random;

type SimBroker = Broker<InlineLog<SimDisk>, Cast, SimDisk>;

/// A world that runs, and breaks, and runs again.
pub struct World {
    disk: SimDisk,
    random: Random,
    now: Timestamp,
    genesis: Genesis,
    operator: [u8; 32],
    members: Vec<Member>,
    characters: Vec<Character>,
    alive: Option<Alive>,
    boots: u64,
    /// Announcements that were acknowledged, by idempotency key.
    acknowledged: BTreeMap<String, TaskId>,
}

struct Alive {
    broker: SimBroker,
    log: Arc<InlineLog<SimDisk>>,
    cast: Cast,
    background: Pending,
}

/// Snapshots that were begun and are not written yet.
type Pending = Arc<Mutex<Vec<Box<dyn FnOnce() + Send>>>>;

impl Drop for Alive {
    /// What was not written when the power went never is; the broker does not wait for it.
    fn drop(&mut self) {
        self.background.lock().expect("one thread").clear();
    }
}

/// Few, so that every world archives again and again.
const SNAPSHOT_TASKS: usize = 2;

/// What became of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldOutcome {
    /// Tasks that were acknowledged.
    pub tasks: usize,
    /// Tasks paid.
    pub settled: usize,
    /// Tasks refunded.
    pub refunded: usize,
    /// Tasks that ended before money was locked.
    pub unfunded: usize,
    /// Jobs of several parts among those paid.
    pub jobs_settled: usize,
    /// Parts that a call for them alone found a seller for.
    pub parts_called: usize,
    /// How often the power was cut.
    pub crashes: u64,
    /// The state's root at the end.
    pub state_root: Digest,
}

const BEGINNING: Timestamp = Timestamp(1_795_000_000_000);
const STAKE: Amount = Amount::ainu(1_000);
const DEADLINE_MS: DurationMs = DurationMs::seconds(3_600);
const CAPABILITY: &str = "text.repeat";
/// Who owes work for credits, in the order in which it is called in.
const ISSUERS: [usize; 4] = [3, 1, 5, 4];
/// Credits each of them has sold to the buyer.
const CREDITS_EACH: u64 = 3;
/// Every so many tasks one is a job of three parts; an odd one, which is not paid with a credit.
const JOB_EVERY: usize = 4;
/// Every so many tasks one is paid with a credit, until all are redeemed.
const CREDIT_EVERY: usize = 2;

/// Runs a world of so many tasks and power cuts, and checks what must be true at its end.
///
/// # Errors
/// What was not true, in words, with the seed.
pub fn run(seed: u64, tasks: usize, cuts: u64) -> Result<WorldOutcome, String> {
    let mut world = World::found(seed)?;
    let mut cuts_left = cuts;
    let mut announced = 0;
    let mut steps = 0u64;
    while announced < tasks || !world.is_idle() {
        steps += 1;
        if steps > 200_000 {
            return Err(format!("seed {seed}: the world does not come to rest"));
        }
        if cuts_left > 0 && world.random.below(12) == 0 {
            cuts_left -= 1;
            let operations = world.random.below(40);
            world.disk.cut_power_after(operations);
        }
        let survived = world.step(&mut announced, tasks);
        if let Err(error) = survived {
            // The only thing that can go wrong is the power.
            if !["power", "Input/output error"].iter().any(|cause| error.contains(cause)) {
                return Err(format!("seed {seed}: {error}"));
            }
            world.reboot().map_err(|again| format!("seed {seed}: after '{error}': {again}"))?;
        }
    }
    let crashes = world.boots - 1;
    world.judge(crashes).map_err(|error| format!("seed {seed}: {error}"))
}

impl World {
    /// A new world.
    ///
    /// # Errors
    /// When it cannot even begin.
    pub fn found(seed: u64) -> Result<Self, String> {
        let mut random = Random::new(seed);
        let characters = vec![
            Character::Silent,
            Character::Honest,
            Character::Honest,
            Character::Cheat,
            Character::Crasher,
            Character::Unlucky,
            Character::Silent,
        ];
        let operator = random.bytes();
        let members: Vec<Member> = characters
            .iter()
            .map(|_| {
                let seed = random.bytes();
                material(&seed).map(|material| Member { did: material.did(), seed })
            })
            .collect::<Result<_, _>>()?;
        let owner = material(&operator)?;
        let mut identities = vec![owner.clone()];
        let mut allocations = vec![(owner.did(), Amount::ainu(1_000_000))];
        for member in &members {
            identities.push(material(&member.seed)?);
            allocations.push((member.did, Amount::ainu(2_000)));
        }
        let genesis = Genesis {
            name: "simulated".into(),
            timestamp: BEGINNING,
            parameters: Parameters::with_authority(owner.did()),
            identities,
            allocations,
            validators: vec![owner.did()],
        };
        let mut world = Self {
            disk: SimDisk::new(random.next()),
            random,
            now: BEGINNING,
            genesis,
            operator,
            members,
            characters,
            alive: None,
            boots: 0,
            acknowledged: BTreeMap::new(),
        };
        world.boot()?;
        for agent in 0..world.members.len() {
            world.transact(agent, reputation::Action::Bond { amount: STAKE })?;
        }
        world.sell_credits()?;
        Ok(world)
    }

    /// Loses what was not synced and starts everything again.
    fn reboot(&mut self) -> Result<(), String> {
        loop {
            self.alive = None;
            self.disk.crash();
            self.now = self.now.plus(DurationMs(1_000));
            match self.boot() {
                Ok(()) => return Ok(()),
                // The power may fail while starting; then start again.
                Err(error) if error.contains("power") => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn boot(&mut self) -> Result<(), String> {
        self.boots += 1;
        let did = material(&self.operator)?.did();
        let validator = ValidatorKey { did, key_version: 0, key: key(&self.operator)? };
        let chain = Chain::open(self.disk.clone(), "ledger", &self.genesis, Some(validator))
            .map_err(|error| chain_text(&error))?;
        let log = Arc::new(InlineLog::new(chain));
        let (journal, recovered) =
            Journal::open(&self.disk, "broker").map_err(|error| chain_text(&error))?;
        let audit = TransparencyLog::open(
            self.disk.clone(),
            "audit",
            "ainur.log/simulated",
            CheckpointKey::new(key(&self.operator)?),
        )
        .map_err(|error| chain_text(&error))?;
        let cast = Cast::new(self.characters.clone(), Random::new(self.random.next()));
        let mut entropy = Random::new(self.random.next());
        let background = Pending::default();
        let later = Arc::clone(&background);
        let mut broker = Broker::open(Parts {
            operator: Operator { did, key_version: 0, key: key(&self.operator)? },
            chain_id: self.genesis.chain_id(),
            parameters: log.query(|view| view.ledger().parameters()),
            ledger: Settlement::new(Arc::clone(&log)),
            executor: cast.clone(),
            blobs: Blobs::open(self.disk.clone(), "blobs").map_err(|error| chain_text(&error))?,
            audit,
            journal,
            recovered,
            entropy: Box::new(move || Ok(entropy.bytes())),
            background: Box::new(move |work| later.lock().expect("one thread").push(work)),
            snapshot_tasks: SNAPSHOT_TASKS,
            now: self.now,
        })
        .map_err(|error| chain_text(&error))?;
        for (agent, member) in self.members.iter().enumerate() {
            broker.add_seat(Seat {
                did: member.did,
                name: format!("agent-{agent}"),
                key_version: 0,
                key: Some(key(&member.seed)?),
                card: Digest::ZERO,
                program: program(agent),
                contracts: vec![contract()],
                price: None,
                prices: BTreeMap::new(),
                // Every second one bids together with others.
                team: (agent % 2 == 1).then(team),
                tactic: TacticName::default(),
                withheld: BTreeSet::new(),
                reachable: true,
                active: 0,
                bidder: Bidder::default(),
            });
        }
        broker.start();
        self.alive = Some(Alive { broker, log, cast, background });
        Ok(())
    }

    /// Has the ledger do something for an agent, before anything else happens.
    fn transact(&self, agent: usize, action: impl Into<Action>) -> Result<(), String> {
        let Member { did, seed } = &self.members[agent];
        self.transact_as(*did, &key(seed)?, action.into())
    }

    fn transact_as(&self, sender: Did, key: &SigningKey, action: Action) -> Result<(), String> {
        let alive = self.alive.as_ref().ok_or("the world is dark")?;
        let transaction = Transaction {
            chain_id: self.genesis.chain_id(),
            sender,
            nonce: alive.log.query(|view| balances::query::account(view.state(), &sender).nonce),
            expires: self.now.plus(DurationMs::seconds(60)),
            fee: self.genesis.parameters.fee_min,
            action,
        };
        let (signature, proofs) = sign_batch(key, sender, 0, &[transaction.digest()]);
        let transactions = proofs
            .into_iter()
            .map(|proof| AuthorizedTransaction { transaction: transaction.clone(), proof })
            .collect();
        let submission = Submission { transactions, signatures: vec![signature] };
        alive.log.submit(submission).map_err(|error| error.to_string())?;
        for completion in alive.log.turn(self.now) {
            let completed = completion.result.map_err(|error| error.to_string())?;
            for (_, outcome) in completed.outcomes() {
                if !matches!(outcome, Outcome::Applied { .. }) {
                    return Err(format!("at the founding: {outcome:?}"));
                }
            }
        }
        Ok(())
    }

    /// Some agents issue credits, and the buyer buys them all.
    fn sell_credits(&self) -> Result<(), String> {
        let capability: CapabilityName = CAPABILITY.parse().expect("a good name");
        let quality = QualityLevel::Standard;
        let class = CreditClassId::of(&capability, quality);
        let expires = self.now.plus(DurationMs::seconds(60));
        let place = |side, quantity| {
            let kind = OrderKind::Limit { price: Amount::ainu(2) };
            let self_trade = SelfTrade::default();
            exchange::Action::Place { class, side, quantity, kind, self_trade, expires }
        };
        for agent in ISSUERS {
            let capabilities = vec![capability.clone()];
            let (card, previous) = (Digest::ZERO, None);
            let version = 1;
            let card = registry::Action::Register { card, version, previous, capabilities };
            self.transact(agent, card)?;
            if agent == ISSUERS[0] {
                let collateral = Amount::ainu(3);
                let capability = capability.clone();
                self.transact(
                    agent,
                    exchange::Action::OpenClass { capability, quality, collateral },
                )?;
            }
            self.transact(agent, exchange::Action::Issue { class, quantity: CREDITS_EACH })?;
            self.transact(agent, place(Side::Sell, CREDITS_EACH))?;
        }
        let all = CREDITS_EACH * ISSUERS.len() as u64;
        let (buyer, seed) = (material(&self.operator)?.did(), key(&self.operator)?);
        self.transact_as(buyer, &seed, place(Side::Buy, all).into())
    }

    fn is_idle(&self) -> bool {
        self.alive.as_ref().is_some_and(|alive| alive.broker.is_idle())
    }

    /// Lets something happen.
    fn step(&mut self, announced: &mut usize, tasks: usize) -> Result<(), String> {
        self.now = self.now.plus(DurationMs(1 + self.random.below(30)));
        let announce = *announced < tasks && self.random.below(3) == 0;
        let request = announce.then(|| self.request(*announced));
        let Some(alive) = &mut self.alive else { return Err("the power is off".into()) };
        let mut made = None;
        alive.broker.set_time(self.now);
        if let Some(request) = request {
            let key = request.idempotency().map(|known| known.key.clone()).unwrap_or_default();
            let id = alive.broker.announce(request).map_err(|error| chain_text(&error))?;
            made = Some((key, id));
        }
        for _ in 0..self.random.below(4) {
            if let Some(event) = alive.cast.next() {
                alive
                    .broker
                    .handle(Arrival::Executor(event))
                    .map_err(|error| chain_text(&error))?;
            }
        }
        // An owner bids for an agent that did not, perhaps in the turn in which the last one answers.
        let passed = |task: &Task| task.passed.first().map(|(who, _)| (task.number, *who));
        let silent: Vec<(u64, Did)> = alive.broker.open_calls().filter_map(passed).collect();
        for (number, bidder) in silent {
            if self.random.below(4) == 0 {
                bid_by_owner(&mut alive.broker, number, bidder)?;
            }
        }
        for completion in alive.log.turn(self.now) {
            alive.broker.handle(completion.into()).map_err(|error| chain_text(&error))?;
        }
        // A snapshot that was begun in one turn is written before the next.
        for work in std::mem::take(&mut *alive.background.lock().expect("one thread")) {
            work();
        }
        alive.broker.turn().map_err(|error| chain_text(&error))?;
        if let Some((key, id)) = made {
            *announced += 1;
            self.acknowledged.insert(key, id);
        }
        Ok(())
    }

    fn request(&mut self, number: usize) -> Request {
        let parameters = format!("{{\"task\":{number}}}");
        let impossible = self.random.below(8) == 0;
        let wanted = if impossible { expected("something else") } else { expected(&parameters) };
        // Some are jobs of several parts.
        let graph = (number % JOB_EVERY == 1).then(|| graph(CAPABILITY, &parameters));
        let spec = TaskSpec {
            capability: CAPABILITY.parse().expect("a good name"),
            parameters,
            input: None,
            input_bytes: 0,
            reserve: Amount::ainu(if graph.is_some() { 60 } else { 20 }),
            loss: Amount::ainu(20),
            budget: None,
            selection: SelectionRule::Scored,
            check: AcceptanceCheck::Digest { expected: wanted },
            deadline_ms: DEADLINE_MS,
            limits: ExecutionLimits::default(),
            graph,
            chunks: Vec::new(),
        };
        // Some prices are negotiated.
        let negotiated = number.is_multiple_of(3) && spec.graph.is_none();
        let venue = if negotiated { Venue::Negotiation } else { Venue::Any };
        // Drawn from the number alone: a retry after a crash must ask for the same.
        let last = CREDIT_EVERY * CREDITS_EACH as usize * ISSUERS.len();
        let venue = match number.is_multiple_of(CREDIT_EVERY) && number < last {
            true => Venue::Credit,
            false => venue,
        };
        Request::new(spec).expect("small numbers").at(venue).keyed(Some(Idempotency {
            key: format!("task-{number}-{impossible}"),
            request: Digest::ZERO,
        }))
    }

    /// Reads from the blocks what happened to each task, and compares.
    fn judge(mut self, crashes: u64) -> Result<WorldOutcome, String> {
        let Some(alive) = self.alive.take() else { return Err("the world is dark".into()) };
        alive
            .log
            .query(|view| invariants::check(view.state()).map_err(Box::new))
            .map_err(|violation| violation.to_string())?;
        let endings = endings(&alive.log)?;
        let mut outcome = WorldOutcome {
            tasks: self.acknowledged.len(),
            settled: 0,
            refunded: 0,
            unfunded: 0,
            jobs_settled: 0,
            parts_called: 0,
            crashes,
            state_root: alive.log.query(|view| view.ledger().head().state_root),
        };
        for (key, id) in &self.acknowledged {
            let task = alive.broker.task(&id.to_string()).map_err(|error| error.to_string())?;
            let ending = endings.get(id).copied().unwrap_or_default();
            let count = match (task.phase, ending) {
                (Phase::Settled, (1, 0)) => &mut outcome.settled,
                (Phase::Refunded, (0, 1)) => &mut outcome.refunded,
                (Phase::Unfunded, (0, 0)) => &mut outcome.unfunded,
                (phase, (paid, refunded)) => {
                    return Err(format!(
                        "{key} is {phase:?}; the ledger paid it {paid} and refunded it {refunded} times"
                    ));
                }
            };
            *count += 1;
            let ended = task.graph.iter().flat_map(|graph| &graph.ended);
            outcome.parts_called += ended.filter(|part| part.call.is_some()).count();
            let is_settled = task.phase == Phase::Settled;
            outcome.jobs_settled += usize::from(task.graph.is_some() && is_settled);
        }
        Ok(outcome)
    }
}

/// Bids for an agent; that it has bid already or is not asked is no accident.
fn bid_by_owner(broker: &mut SimBroker, number: u64, bidder: Did) -> Result<(), String> {
    let quote = |longest: DurationMs| Quote {
        price: Amount::ainu(9),
        estimated_duration_ms: DurationMs(longest.0 / 2),
        confidence: Ppm::ONE,
        quality_level: 0,
    };
    match broker.bid_for(number, bidder, quote) {
        Ok(()) | Err(Error::Invalid(_)) => Ok(()),
        Err(error) => Err(chain_text(&error)),
    }
}

/// How often each task was settled and refunded.
fn endings(log: &InlineLog<SimDisk>) -> Result<BTreeMap<TaskId, (u32, u32)>, String> {
    let mut endings: BTreeMap<TaskId, (u32, u32)> = BTreeMap::new();
    let mut next = Height(1);
    loop {
        let blocks = log.committed(next).map_err(|error| error.to_string())?;
        let Some(last) = blocks.last() else { return Ok(endings) };
        next = last.block.header.height.next();
        for record in blocks.iter().flat_map(|block| &block.events) {
            match &record.event {
                Event::Escrow(escrow::Event::Settled { task, .. })
                | Event::Exchange(exchange::Event::Fulfilled { task, .. }) => {
                    endings.entry(*task).or_default().0 += 1;
                }
                Event::Escrow(escrow::Event::Refunded { task, .. })
                | Event::Exchange(
                    exchange::Event::Defaulted { task, .. } | exchange::Event::Voided { task, .. },
                ) => {
                    endings.entry(*task).or_default().1 += 1;
                }
                _ => {}
            }
        }
    }
}

fn contract() -> CapabilityContract {
    CapabilityContract {
        name: CAPABILITY.parse().expect("a good name"),
        description: String::new(),
        input_schema: "true".into(),
        input_media_type: None,
        output_schema: "true".into(),
        output_media_type: "application/octet-stream".into(),
        effects: Effects::default(),
        sensitivity: Sensitivity::default(),
        idempotent: true,
        deterministic: true,
        dry_run: false,
        price_hint: None,
        service_level: ServiceLevel::default(),
    }
}

fn key(seed: &[u8; 32]) -> Result<SigningKey, String> {
    SigningKey::from_seed(seed).map_err(|error| error.to_string())
}

/// Public keys that follow from a seed. Nobody writes to anybody here, so the keys for agreement
/// are bytes that nobody can open anything with.
fn material(seed: &[u8; 32]) -> Result<KeyMaterial, String> {
    let mut random = Random::new(u64::from_le_bytes(seed[..8].try_into().unwrap_or_default()));
    let mut ml_kem_768 = Box::new([0; 1184]);
    for part in ml_kem_768.chunks_mut(32) {
        part.copy_from_slice(&random.bytes()[..part.len()]);
    }
    let agreement = AgreementPublicKeys { x25519: random.bytes(), ml_kem_768 };
    Ok(KeyMaterial::hybrid(key(seed)?.public(), agreement))
}

/// An error with its causes.
fn chain_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
