//! Agents of a world: what each bids, delivers and suffers, by its character.
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ainur_crypto::hash;
use ainur_primitives::{Amount, ContentId, Did, Digest, DurationMs, FailureReason, Ppm};
use ainur_runtime::executor::{Error, Event};
use ainur_runtime::{
    Executor, GuestDecision, GuestProposal, Job, JobId, NegotiationTurnView, Program, Quote,
};

use crate::random::Random;

/// How an agent behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Character {
    /// Delivers what was asked for.
    Honest,
    /// Asks little and delivers something else.
    Cheat,
    /// Stops in the middle.
    Crasher,
    /// Honest, on workers that die.
    Unlucky,
    /// Never bids.
    Silent,
}

/// Chunks of every delivery.
pub(crate) const CHUNKS: u32 = 3;

/// The program of the agent with this number: its content id says which agent it is.
pub(crate) fn program(agent: usize) -> Program {
    Program::Component { content: content(agent), path: format!("agent-{agent}").into() }
}

fn content(agent: usize) -> ContentId {
    ContentId(Digest([u8::try_from(agent).unwrap_or(u8::MAX); 32]))
}

/// What a task with these parameters must deliver.
pub(crate) fn expected(parameters: &str) -> ContentId {
    let chunks: Vec<u8> = (0..CHUNKS).flat_map(|index| chunk(parameters, index)).collect();
    hash::content_id(&chunks)
}

fn chunk(parameters: &str, index: u32) -> Vec<u8> {
    format!("{parameters}#{index};").into_bytes()
}

/// Runs jobs when the world says so.
#[derive(Clone)]
pub(crate) struct Cast(Arc<Mutex<Inside>>);

struct Inside {
    characters: Vec<Character>,
    jobs: BTreeMap<JobId, VecDeque<Event>>,
    random: Random,
}

impl Cast {
    pub(crate) fn new(characters: Vec<Character>, random: Random) -> Self {
        Self(Arc::new(Mutex::new(Inside { characters, jobs: BTreeMap::new(), random })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next event of some job that is under way.
    pub(crate) fn next(&self) -> Option<Event> {
        let mut inside = self.inside();
        let jobs: Vec<JobId> = inside.jobs.keys().copied().collect();
        if jobs.is_empty() {
            return None;
        }
        let chosen = inside.random.below(jobs.len() as u64) as usize;
        let job = jobs[chosen];
        let events = inside.jobs.get_mut(&job)?;
        let event = events.pop_front();
        if events.is_empty() {
            inside.jobs.remove(&job);
        }
        event
    }
}

impl Inside {
    fn script(&mut self, job: JobId, work: &Job) -> VecDeque<Event> {
        let agent = match work.program() {
            Program::Component { content, .. } => usize::from(content.0.0[0]),
            Program::Command { .. } | Program::Remote(_) => 0,
        };
        let character = self.characters.get(agent).copied().unwrap_or(Character::Silent);
        match work {
            Job::Quote { .. } => [Event::Quoted { job, quote: self.quote(character) }].into(),
            Job::Counter { turn, .. } => [self.counter(job, turn)].into(),
            Job::Execute { parameters, first_chunk, .. } => {
                self.execution(job, character, parameters, *first_chunk)
            }
            Job::Describe { .. } | Job::Verify { .. } => {
                let (reason, detail) = (FailureReason::Crashed, "not in this world".to_owned());
                [Event::Failed { job, reason, detail }].into()
            }
        }
    }

    /// Strategies of all kinds: some say nothing, fail, or ask for what they may not.
    fn counter(&mut self, job: JobId, turn: &NegotiationTurnView) -> Event {
        let more = Amount::ainu(self.random.below(4));
        let price = turn.limit.price.saturating_add(more);
        let decision = match self.random.below(6) {
            0 => None,
            1 => Some(GuestDecision::Accept),
            2 => Some(GuestDecision::WalkAway),
            3 => {
                let (reason, detail) = (FailureReason::Crashed, "its strategy".to_owned());
                return Event::Failed { job, reason, detail };
            }
            _ => Some(GuestDecision::Propose(GuestProposal { price, ..turn.limit })),
        };
        Event::Countered { job, decision }
    }

    fn quote(&mut self, character: Character) -> Option<Quote> {
        let price = match character {
            Character::Silent => return None,
            Character::Cheat => 1 + self.random.below(2),
            _ => 3 + self.random.below(7),
        };
        Some(Quote {
            price: Amount::ainu(price),
            estimated_duration_ms: DurationMs(100),
            confidence: Ppm(900_000),
            quality_level: 0,
        })
    }

    fn execution(
        &mut self,
        job: JobId,
        character: Character,
        parameters: &str,
        first_chunk: u32,
    ) -> VecDeque<Event> {
        let mut events = VecDeque::new();
        for index in first_chunk..CHUNKS {
            let unlucky = character == Character::Unlucky && self.random.below(3) == 0;
            if unlucky {
                events.push_back(Event::Lost { job });
                return events;
            }
            if character == Character::Crasher && index == 1 {
                let (reason, detail) = (FailureReason::Crashed, "trap".to_owned());
                events.push_back(Event::Failed { job, reason, detail });
                return events;
            }
            let data = match character {
                Character::Cheat => b"nothing".to_vec(),
                _ => chunk(parameters, index),
            };
            events.push_back(Event::Chunk { job, index, data });
        }
        let chunks = CHUNKS;
        events.push_back(Event::Executed {
            job,
            fuel_used: 0,
            chunks,
            output_bytes: 0,
            duration_ms: 1,
        });
        events
    }
}

impl Executor for Cast {
    fn dispatch(&mut self, job: JobId, work: Job) -> Result<(), Error> {
        let mut inside = self.inside();
        let script = inside.script(job, &work);
        inside.jobs.insert(job, script);
        Ok(())
    }

    fn acknowledge(&mut self, _job: JobId, _index: u32) {}

    fn cancel(&mut self, job: JobId) {
        self.inside().jobs.remove(&job);
    }
}

/// Agents as the ledger knows them.
pub(crate) struct Member {
    pub(crate) did: Did,
    pub(crate) seed: [u8; 32],
}
