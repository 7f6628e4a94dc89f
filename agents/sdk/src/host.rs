//! The host as a guest sees it: the real one inside a component, memory in tests.
use crate::{Delivery, Job};

/// The most bytes one read returns.
pub const READ_BYTES_MAX: usize = 1 << 20;

/// The most bytes one chunk may have.
pub const EMIT_BYTES_MAX: usize = 4 << 20;

/// What the host lends a guest during one call.
pub trait Host {
    /// Bytes of the input from `offset`: `length` of them, fewer only at its end.
    fn read_input(&mut self, offset: u64, length: usize) -> Vec<u8>;
    /// The same for the delivered output; empty outside `verify`.
    fn read_output(&mut self, offset: u64, length: usize) -> Vec<u8>;
    /// Delivers the next chunk, of at most [`EMIT_BYTES_MAX`] bytes.
    fn emit(&mut self, chunk: Vec<u8>);
    /// Tells how far the work is.
    fn progress(&mut self, done: u64, total: u64);
}

/// The host around a component.
#[cfg(target_arch = "wasm32")]
#[derive(Debug)]
pub struct ComponentHost;

#[cfg(target_arch = "wasm32")]
impl Host for ComponentHost {
    fn read_input(&mut self, offset: u64, length: usize) -> Vec<u8> {
        crate::bindings::ainur::agent::host::read_input(offset, length as u32)
    }

    fn read_output(&mut self, offset: u64, length: usize) -> Vec<u8> {
        crate::bindings::ainur::agent::host::read_output(offset, length as u32)
    }

    fn emit(&mut self, chunk: Vec<u8>) {
        crate::bindings::ainur::agent::host::emit(&chunk);
    }

    fn progress(&mut self, done: u64, total: u64) {
        crate::bindings::ainur::agent::host::progress(done, total);
    }
}

/// A host in memory, which holds a guest to the limits of the real one.
#[derive(Debug, Default, Clone)]
pub struct MemoryHost {
    /// What the guest reads.
    pub input: Vec<u8>,
    /// What a verifier checks.
    pub output: Vec<u8>,
    /// The chunks delivered.
    pub chunks: Vec<Vec<u8>>,
}

impl MemoryHost {
    /// A host for an execution over `input`.
    pub fn with_input(input: Vec<u8>) -> Self {
        Self { input, ..Self::default() }
    }

    /// The job over this input, from the beginning.
    pub fn job(&self, capability: &str, parameters: &str) -> Job {
        self.job_from(capability, parameters, 0)
    }

    /// The job over this input, when `first_chunk` chunks are delivered already.
    pub fn job_from(&self, capability: &str, parameters: &str, first_chunk: u32) -> Job {
        Job {
            capability: capability.into(),
            parameters: parameters.into(),
            input_bytes: self.input.len() as u64,
            first_chunk,
        }
    }

    /// The delivery of `output` for this input.
    pub fn delivery(&self, capability: &str) -> Delivery {
        Delivery {
            capability: capability.into(),
            parameters: "{}".into(),
            input_bytes: self.input.len() as u64,
            output_bytes: self.output.len() as u64,
        }
    }

    /// Everything delivered, as one stream.
    pub fn delivered(&self) -> Vec<u8> {
        self.chunks.concat()
    }
}

impl Host for MemoryHost {
    fn read_input(&mut self, offset: u64, length: usize) -> Vec<u8> {
        slice(&self.input, offset, length)
    }

    fn read_output(&mut self, offset: u64, length: usize) -> Vec<u8> {
        slice(&self.output, offset, length)
    }

    fn emit(&mut self, chunk: Vec<u8>) {
        assert!(chunk.len() <= EMIT_BYTES_MAX, "a chunk of {} bytes", chunk.len());
        self.chunks.push(chunk);
    }

    fn progress(&mut self, done: u64, total: u64) {
        assert!(done <= total, "progress past the end: {done} of {total}");
    }
}

fn slice(bytes: &[u8], offset: u64, length: usize) -> Vec<u8> {
    assert!(length <= READ_BYTES_MAX, "a read of {length} bytes");
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let end = start.saturating_add(length).min(bytes.len());
    bytes[start..end].to_vec()
}
