//! Which job is where. All of it is behind one lock that nothing slow is done under.
//!
//! Workers know a job by its *ticket*, which is never used twice, so that a late report about a
//! cancelled job is not taken for one about its successor of the same name.
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::process::Process;
use super::{Config, WorkerStatus};
use crate::executor::{Error, Event};
use crate::frame::{Outbox, Request};
use crate::job::{Job, JobId};
use crate::limits::{
    JOBS_INLINE_BYTES_MAX, JOBS_MAX, LONG_JOBS_WAITING_PER_WORKER_MAX, SHORT_JOBS_PER_WORKER_MAX,
};

/// What the pool's threads share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) events: Box<dyn Fn(Event) + Send + Sync>,
    state: Mutex<State>,
    /// Wakes the supervisor.
    pub(super) changed: Condvar,
}

impl Shared {
    pub(super) fn new(config: Config, events: Box<dyn Fn(Event) + Send + Sync>) -> Self {
        let state = State {
            stopped: false,
            seats: (0..config.workers).map(|_| Seat::new()).collect(),
            long_jobs_max: config.threads_long + LONG_JOBS_WAITING_PER_WORKER_MAX,
            entries: HashMap::new(),
            names: HashMap::new(),
            waiting: [VecDeque::new(), VecDeque::new()],
            next_ticket: 0,
            bytes_inline: 0,
        };
        Self { config, events, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.kill_all();
        self.changed.notify_all();
    }
}

pub(super) struct State {
    pub(super) stopped: bool,
    pub(super) seats: Vec<Seat>,
    long_jobs_max: usize,
    entries: HashMap<Ticket, Entry>,
    names: HashMap<JobId, Ticket>,
    /// Jobs no worker has room for, by lane.
    waiting: [VecDeque<Ticket>; 2],
    next_ticket: u64,
    bytes_inline: u64,
}

/// The name of a job on the wire.
pub(super) type Ticket = u64;

/// One of the two lanes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Short = 0,
    Long = 1,
}

/// A place for a worker process.
pub(super) struct Seat {
    pub(super) process: Option<Process>,
    /// The process said hello.
    pub(super) ready: bool,
    /// The last process is gone and cleared up behind.
    pub(super) vacant: bool,
    pub(super) tickets: BTreeSet<Ticket>,
    jobs: [usize; 2],
    pub(super) deaths: u64,
    /// Recent starts, for the restart limit.
    pub(super) starts: VecDeque<Instant>,
}

impl Seat {
    fn new() -> Self {
        Self {
            process: None,
            ready: false,
            vacant: true,
            tickets: BTreeSet::new(),
            jobs: [0; 2],
            deaths: 0,
            starts: VecDeque::new(),
        }
    }
}

/// A job that is not finished, or was cancelled and is still running.
pub(super) struct Entry {
    pub(super) job: JobId,
    pub(super) cancelled: bool,
    lane: Lane,
    /// Until a worker has it.
    work: Option<Job>,
    bytes_inline: u64,
    seat: Option<u32>,
    pub(super) next_chunk: u32,
    pub(super) chunks_acknowledged: u32,
}

impl State {
    pub(super) fn dispatch(&mut self, job: JobId, work: Job) -> Result<(), Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        if self.names.contains_key(&job) {
            return Err(Error::Duplicate(job));
        }
        let bytes_inline = work.bytes_inline();
        let bytes_after = self.bytes_inline.saturating_add(bytes_inline);
        if self.entries.len() >= JOBS_MAX || bytes_after > JOBS_INLINE_BYTES_MAX {
            return Err(Error::Busy);
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let lane = if work.is_short() { Lane::Short } else { Lane::Long };
        let first_chunk = match &work {
            Job::Execute { program, first_chunk, .. } if program.resumable() => *first_chunk,
            _ => 0,
        };
        let entry = Entry {
            job,
            cancelled: false,
            lane,
            work: Some(work),
            bytes_inline,
            seat: None,
            next_chunk: first_chunk,
            chunks_acknowledged: first_chunk,
        };
        self.bytes_inline = bytes_after;
        self.entries.insert(ticket, entry);
        self.names.insert(job, ticket);
        self.waiting[lane as usize].push_back(ticket);
        self.assign(lane);
        Ok(())
    }

    /// Gives waiting jobs to workers while any has room.
    pub(super) fn assign(&mut self, lane: Lane) {
        let jobs_max = match lane {
            Lane::Short => SHORT_JOBS_PER_WORKER_MAX,
            Lane::Long => self.long_jobs_max,
        };
        let lane = lane as usize;
        while let Some(&ticket) = self.waiting[lane].front() {
            let least = self
                .seats
                .iter_mut()
                .enumerate()
                .filter(|(_, seat)| seat.ready && seat.jobs[lane] < jobs_max)
                .min_by_key(|(_, seat)| seat.jobs[lane]);
            let Some((index, seat)) = least else { return };
            self.waiting[lane].pop_front();
            // Cancelled while it waited.
            let Some(entry) = self.entries.get_mut(&ticket) else { continue };
            let (Some(work), Some(process)) = (entry.work.take(), &seat.process) else { continue };
            entry.seat = Some(index as u32);
            seat.jobs[lane] += 1;
            seat.tickets.insert(ticket);
            process.outbox.send(&Request::Dispatch { job: JobId(ticket), work });
        }
    }

    /// The process on a seat said hello: it can have work, unless it was killed meanwhile.
    pub(super) fn seat_is_ready(&mut self, seat: u32) {
        let seat = &mut self.seats[seat as usize];
        seat.ready = seat.process.as_ref().is_some_and(|process| !process.is_killed());
        self.assign(Lane::Short);
        self.assign(Lane::Long);
    }

    pub(super) fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        self.entries.get_mut(&ticket)
    }

    /// Forgets a job; what it was, if it was there.
    pub(super) fn finish(&mut self, ticket: Ticket) -> Option<Entry> {
        let entry = self.entries.remove(&ticket)?;
        self.bytes_inline -= entry.bytes_inline;
        if !entry.cancelled {
            self.names.remove(&entry.job);
        }
        if let Some(seat) = entry.seat {
            let seat = &mut self.seats[seat as usize];
            if seat.tickets.remove(&ticket) {
                seat.jobs[entry.lane as usize] -= 1;
            }
            self.assign(entry.lane);
        }
        Some(entry)
    }

    /// The same for a job whose worker died; its name unless it was cancelled.
    pub(super) fn finish_on_dead_seat(&mut self, ticket: Ticket) -> Option<JobId> {
        let entry = self.entries.get(&ticket)?;
        if let Some(seat) = entry.seat {
            self.seats[seat as usize].jobs[entry.lane as usize] -= 1;
        }
        self.finish(ticket).filter(|entry| !entry.cancelled).map(|entry| entry.job)
    }

    fn outbox_of(&self, ticket: Ticket) -> Option<&Outbox> {
        let seat = self.entries.get(&ticket)?.seat?;
        self.seats[seat as usize].process.as_ref().map(|process| &*process.outbox)
    }

    pub(super) fn acknowledge(&mut self, job: JobId, index: u32) {
        let Some(&ticket) = self.names.get(&job) else { return };
        let Some(entry) = self.entries.get_mut(&ticket) else { return };
        if index >= entry.next_chunk || index < entry.chunks_acknowledged {
            return;
        }
        entry.chunks_acknowledged = index + 1;
        if let Some(outbox) = self.outbox_of(ticket) {
            outbox.send(&Request::Acknowledge { job: JobId(ticket), index });
        }
    }

    pub(super) fn cancel(&mut self, job: JobId) {
        let Some(ticket) = self.names.remove(&job) else { return };
        let Some(entry) = self.entries.get_mut(&ticket) else { return };
        entry.cancelled = true;
        if entry.seat.is_none() {
            self.finish(ticket);
        } else if let Some(outbox) = self.outbox_of(ticket) {
            outbox.send(&Request::Cancel { job: JobId(ticket) });
        }
    }

    pub(super) fn kill(&mut self, seat: u32, why: &str) -> bool {
        let Some(seat) = self.seats.get_mut(seat as usize) else { return false };
        let Some(process) = &mut seat.process else { return false };
        seat.ready = false;
        process.kill(why);
        true
    }

    pub(super) fn kill_all(&mut self) {
        for seat in 0..self.seats.len() {
            self.kill(seat as u32, "shut down");
        }
    }

    pub(super) fn jobs_live(&self) -> usize {
        self.names.len()
    }

    pub(super) fn statuses(&self) -> Vec<WorkerStatus> {
        let status = |(id, seat): (usize, &Seat)| WorkerStatus {
            id: id as u32,
            pid: seat.process.as_ref().map(|process| process.pid),
            jobs: seat.tickets.len(),
            deaths: seat.deaths,
        };
        self.seats.iter().enumerate().map(status).collect()
    }
}
