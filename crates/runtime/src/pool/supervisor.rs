//! The thread that keeps every seat taken: it starts workers (at a bounded rate) and kills those
//! that fell silent. It lives as long as the pool, because workers die with the thread that
//! started them.
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::process;
use super::state::{Seat, Shared};
use crate::executor::Error;
use crate::limits::{HEARTBEAT_MS, RESTART_WINDOW_MS, RESTARTS_MAX, WORKER_SILENCE_MS_MAX};

/// Starts the supervisor and returns when each worker process was started once.
pub(super) fn start(shared: &Arc<Shared>) -> Result<JoinHandle<()>, Error> {
    let (told, first_round) = channel();
    let for_thread = Arc::clone(shared);
    let handle = thread::Builder::new()
        .name("worker-supervisor".into())
        .spawn(move || run(&for_thread, &told))
        .map_err(|source| Error::Spawn { command: "supervisor thread".into(), source })?;
    match first_round.recv() {
        Ok(Ok(())) => Ok(handle),
        Ok(Err(error)) => {
            shared.stop();
            if handle.join().is_err() {
                tracing::error!("the worker supervisor panicked");
            }
            Err(error)
        }
        Err(_) => Err(Error::Stopped),
    }
}

fn run(shared: &Arc<Shared>, told: &Sender<Result<(), Error>>) {
    let mut told = Some(told);
    loop {
        let vacant = wanted(shared);
        let mut result = Ok(());
        for seat in vacant {
            result = result.and(process::start(shared, seat));
        }
        match (told.take(), result) {
            // The caller may be gone; then the pool is stopped next.
            (Some(told), result) => drop(told.send(result)),
            (None, Err(error)) => tracing::error!(%error, "no worker could be started"),
            (None, Ok(())) => {}
        }
        let mut state = shared.lock();
        if state.stopped && state.seats.iter().all(|seat| seat.process.is_none() && seat.vacant) {
            return;
        }
        kill_silent(&mut state.seats);
        if state.stopped {
            // One may have been started while the pool was being stopped.
            state.kill_all();
        }
        let pause = Duration::from_millis(HEARTBEAT_MS.min(100));
        drop(shared.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Seats to take now.
fn wanted(shared: &Shared) -> Vec<u32> {
    let mut state = shared.lock();
    if state.stopped {
        return Vec::new();
    }
    let mut seats = Vec::new();
    for (id, seat) in state.seats.iter_mut().enumerate() {
        if seat.vacant && may_start(seat) {
            seats.push(id as u32);
        }
    }
    seats
}

fn may_start(seat: &mut Seat) -> bool {
    let window = Duration::from_millis(RESTART_WINDOW_MS);
    while seat.starts.front().is_some_and(|start| start.elapsed() > window) {
        seat.starts.pop_front();
    }
    let may = seat.starts.len() < RESTARTS_MAX;
    if may {
        seat.starts.push_back(Instant::now());
    }
    may
}

fn kill_silent(seats: &mut [Seat]) {
    let silence = Duration::from_millis(WORKER_SILENCE_MS_MAX);
    let now = Instant::now();
    for seat in seats {
        if let Some(process) = &mut seat.process
            && !process.is_killed()
            && now.saturating_duration_since(process.last_heard) > silence
        {
            seat.ready = false;
            process.kill("it fell silent");
        }
    }
}
