//! From what a worker says to what the pool tells. A worker may have been taken over by a guest:
//! what it says about jobs it does not have is ignored, and one that breaks the rules is killed.
use std::time::Instant;

use ainur_primitives::{FailureReason, Ppm};

use super::state::{Shared, Ticket};
use crate::detail;
use crate::executor::Event;
use crate::frame::{self, Report};
use crate::job::{JobId, Quote};
use crate::limits::{CHUNK_BYTES_MAX, CHUNKS_UNACKNOWLEDGED_MAX};
use crate::manifest::Manifest;

/// Handles one report. The error says which rule the worker broke.
pub(super) fn handle(
    shared: &Shared,
    seat: u32,
    pid: u32,
    report: Report,
) -> Result<(), &'static str> {
    match report {
        Report::Hello { version } if version != frame::VERSION => Err("it is another version"),
        Report::Hello { .. } => {
            welcome(shared, seat, pid);
            Ok(())
        }
        Report::Alive => {
            hear(shared, seat);
            Ok(())
        }
        Report::Chunk { job: JobId(ticket), index, data } => {
            chunk(shared, seat, ticket, index, data)
        }
        Report::Progress { job: JobId(ticket), done, total } => {
            let job = live(shared, seat, ticket);
            tell(shared, job.map(|job| Event::Progress { job, done, total }));
            Ok(())
        }
        Report::Wedged { job: JobId(ticket), reason, detail } => {
            let event = finish(shared, seat, ticket).map(|job| Event::Failed {
                job,
                reason,
                detail: detail::clean(&detail),
            });
            shared.lock().kill(seat, "held a guest that could not be stopped");
            tell(shared, event);
            Ok(())
        }
        last => {
            tell(shared, last_event(shared, seat, last));
            Ok(())
        }
    }
}

fn last_event(shared: &Shared, seat: u32, report: Report) -> Option<Event> {
    Some(match report {
        Report::Described { job: JobId(ticket), manifest } => {
            let job = finish(shared, seat, ticket)?;
            match Manifest::parse(&manifest) {
                Ok(manifest) => Event::Described { job, manifest: Box::new(manifest) },
                Err(error) => Event::Failed {
                    job,
                    reason: FailureReason::Crashed,
                    detail: detail::clean(&error.to_string()),
                },
            }
        }
        Report::Quoted { job: JobId(ticket), quote } => {
            let quote =
                quote.map(|quote| Quote { confidence: quote.confidence.min(Ppm::ONE), ..quote });
            Event::Quoted { job: finish(shared, seat, ticket)?, quote }
        }
        Report::Countered { job: JobId(ticket), decision } => {
            Event::Countered { job: finish(shared, seat, ticket)?, decision }
        }
        Report::Executed { job: JobId(ticket), fuel_used, chunks, output_bytes, duration_ms } => {
            let job = finish(shared, seat, ticket)?;
            Event::Executed { job, fuel_used, chunks, output_bytes, duration_ms }
        }
        Report::Verified { job: JobId(ticket), accepted, detail } => {
            let job = finish(shared, seat, ticket)?;
            Event::Verified { job, accepted, detail: detail::clean(&detail) }
        }
        Report::Failed { job: JobId(ticket), reason, detail } => {
            let job = finish(shared, seat, ticket)?;
            Event::Failed { job, reason, detail: detail::clean(&detail) }
        }
        _ => return None,
    })
}

fn tell(shared: &Shared, event: Option<Event>) {
    if let Some(event) = event {
        (shared.events)(event);
    }
}

fn hear(shared: &Shared, seat: u32) {
    if let Some(process) = &mut shared.lock().seats[seat as usize].process {
        process.last_heard = Instant::now();
    }
}

fn welcome(shared: &Shared, seat: u32, pid: u32) {
    (shared.events)(Event::WorkerStarted { worker: seat, pid });
    hear(shared, seat);
    shared.lock().seat_is_ready(seat);
}

/// The caller's name of a job that this worker holds and the caller still wants.
fn live(shared: &Shared, seat: u32, ticket: Ticket) -> Option<JobId> {
    let mut state = shared.lock();
    if !state.seats[seat as usize].tickets.contains(&ticket) {
        return None;
    }
    state.entry(ticket).filter(|entry| !entry.cancelled).map(|entry| entry.job)
}

fn finish(shared: &Shared, seat: u32, ticket: Ticket) -> Option<JobId> {
    let mut state = shared.lock();
    if !state.seats[seat as usize].tickets.contains(&ticket) {
        return None;
    }
    state.finish(ticket).filter(|entry| !entry.cancelled).map(|entry| entry.job)
}

fn chunk(
    shared: &Shared,
    seat: u32,
    ticket: Ticket,
    index: u32,
    data: Vec<u8>,
) -> Result<(), &'static str> {
    let mut state = shared.lock();
    if !state.seats[seat as usize].tickets.contains(&ticket) {
        return Ok(());
    }
    let Some(entry) = state.entry(ticket) else { return Ok(()) };
    if entry.cancelled {
        return Ok(());
    }
    if index != entry.next_chunk {
        return Err("a chunk is out of order");
    }
    if data.len() > CHUNK_BYTES_MAX {
        return Err("a chunk is longer than chunks may be");
    }
    if index - entry.chunks_acknowledged >= CHUNKS_UNACKNOWLEDGED_MAX {
        return Err("it did not wait for acknowledgement");
    }
    entry.next_chunk = index.checked_add(1).ok_or("too many chunks")?;
    let job = entry.job;
    drop(state);
    (shared.events)(Event::Chunk { job, index, data });
    Ok(())
}
