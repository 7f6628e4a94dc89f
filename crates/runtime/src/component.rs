//! Guests that are WASM components for `wit/agent.wit`: one fresh store per call, nothing shared
//! between calls but compiled code.
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ainur_primitives::{ContentId, Digest};

use crate::limits::COMPONENT_BYTES_MAX;

mod cache;
pub(crate) mod call;
mod classify;
mod engine;
mod host;
mod wasi;

pub(crate) use engine::Components;

/// Generated from wit/agent.wit, which has the documentation.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/agent.wit",
        world: "agent",
        imports: { default: trappable },
    });
}

/// Generated from wit/negotiator/negotiator.wit; what a component may export beside.
mod negotiator {
    wasmtime::component::bindgen!({
        path: "../../wit/negotiator/negotiator.wit",
        world: "negotiator",
    });
}

/// The bytes of a component.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > COMPONENT_BYTES_MAX {
        let message = format!("a component has at most {COMPONENT_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

pub(crate) fn content_id(bytes: &[u8]) -> ContentId {
    ContentId(Digest(*blake3::hash(bytes).as_bytes()))
}
