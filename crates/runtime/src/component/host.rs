//! What the host lends a guest: `host` of wit/agent.wit, and memory, within limits.
use std::sync::Arc;
use std::time::{Duration, Instant};

use ainur_primitives::ExecutionLimits;
use wasmtime::ResourceLimiter;
use wasmtime::component::HasData;

use super::bindings::ainur::agent::{host, types};
use super::wasi::Wasi;
use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::input::{Input, Reader};
use crate::limits::{
    CHUNK_BYTES_MAX, CORE_INSTANCES_MAX, MEMORIES_MAX, MEMORY_BYTES_MAX, PROGRESS_INTERVAL_MS,
    READ_BYTES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX,
};

/// The host's side of one call.
pub(crate) struct State {
    attempt: Arc<Attempt>,
    pub(super) limiter: Limiter,
    pub(super) streams: Streams,
    /// Only for components that import WASI.
    pub(super) wasi: Option<Box<Wasi>>,
    progress_at: Option<Instant>,
}

/// The streams of a call.
pub(super) struct Streams {
    pub(super) input: Reader,
    pub(super) output: Reader,
    /// Chunks may be delivered.
    pub(super) may_emit: bool,
    pub(super) next_chunk: u32,
    pub(super) output_bytes: u64,
    pub(super) output_bytes_max: u64,
}

impl Streams {
    pub(super) fn none() -> Self {
        Self {
            input: Reader::new(Input::none()),
            output: Reader::new(Input::none()),
            may_emit: false,
            next_chunk: 0,
            output_bytes: 0,
            output_bytes_max: 0,
        }
    }
}

/// For the linker: the data of every host function is the whole state.
pub(super) struct Guest;

impl HasData for Guest {
    type Data<'a> = &'a mut State;
}

impl State {
    pub(super) fn new(
        attempt: Arc<Attempt>,
        limits: &ExecutionLimits,
        streams: Streams,
        wasi: Option<Box<Wasi>>,
    ) -> Self {
        let limiter = Limiter {
            memory_bytes: 0,
            memory_bytes_max: limits.memory_bytes_max.min(MEMORY_BYTES_MAX),
            table_elements: 0,
            refused: None,
        };
        Self { attempt, limiter, streams, wasi, progress_at: None }
    }

    fn read(reader: &mut Reader, offset: u64, length: u32) -> wasmtime::Result<Vec<u8>> {
        if length > READ_BYTES_MAX {
            let detail =
                format!("it asked for {length} bytes with one read, more than {READ_BYTES_MAX}");
            return Err(Failure::crashed(detail).into());
        }
        reader.read(offset, length as usize).map_err(|error| {
            Failure::infrastructure(format!("cannot read a stream of the job: {error}")).into()
        })
    }
}

impl types::Host for State {}

impl host::Host for State {
    fn read_input(&mut self, offset: u64, length: u32) -> wasmtime::Result<Vec<u8>> {
        Self::read(&mut self.streams.input, offset, length)
    }

    fn read_output(&mut self, offset: u64, length: u32) -> wasmtime::Result<Vec<u8>> {
        Self::read(&mut self.streams.output, offset, length)
    }

    fn emit(&mut self, chunk: Vec<u8>) -> wasmtime::Result<()> {
        let streams = &mut self.streams;
        if !streams.may_emit {
            return Err(Failure::crashed("it emitted outside 'execute'").into());
        }
        if chunk.len() > CHUNK_BYTES_MAX {
            let detail = format!("a chunk of {} bytes, more than {CHUNK_BYTES_MAX}", chunk.len());
            return Err(Failure::limit(detail).into());
        }
        streams.output_bytes += chunk.len() as u64;
        if streams.output_bytes > streams.output_bytes_max {
            let detail = format!("more than {} bytes of output", streams.output_bytes_max);
            return Err(Failure::limit(detail).into());
        }
        let index = streams.next_chunk;
        streams.next_chunk =
            index.checked_add(1).ok_or_else(|| Failure::limit("too many chunks"))?;
        Ok(self.attempt.emit(index, chunk)?)
    }

    fn progress(&mut self, done: u64, total: u64) -> wasmtime::Result<()> {
        let interval = Duration::from_millis(PROGRESS_INTERVAL_MS);
        if self.streams.may_emit && self.progress_at.is_none_or(|at| at.elapsed() >= interval) {
            self.progress_at = Some(Instant::now());
            self.attempt.progress(done, total);
        }
        Ok(())
    }
}

/// Keeps all memories and tables of a call within its limits, and remembers what it refused.
pub(super) struct Limiter {
    memory_bytes: u64,
    memory_bytes_max: u64,
    table_elements: usize,
    pub(super) refused: Option<String>,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let after = self.memory_bytes.saturating_add(desired as u64).saturating_sub(current as u64);
        if after > self.memory_bytes_max {
            self.refused = Some(format!("more than {} bytes of memory", self.memory_bytes_max));
            return Ok(false);
        }
        self.memory_bytes = after;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let after = self.table_elements.saturating_add(desired).saturating_sub(current);
        if after > TABLE_ELEMENTS_MAX {
            self.refused = Some(format!("more than {TABLE_ELEMENTS_MAX} table elements"));
            return Ok(false);
        }
        self.table_elements = after;
        Ok(true)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}
