//! From wasmtime's errors to reasons and lines for people.
use wasmtime::Trap;

use super::host::State;
use crate::failure::Failure;

/// Why a call ended. What the host recorded (a refused memory, a spent window) explains a trap
/// better than the trap itself, which is often the guest's own reaction to it.
pub(super) fn failure(error: &wasmtime::Error, state: &State) -> Failure {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.clone();
    }
    if let Some(refused) = &state.limiter.refused {
        return Failure::limit(refused.clone());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return Failure::limit("its fuel ran out"),
        Some(Trap::StackOverflow) => return Failure::limit("its stack ran out"),
        Some(trap) => return Failure::crashed(trap.to_string()),
        None => {}
    }
    let cause = error.root_cause().to_string();
    if cause.contains("fuel") {
        return Failure::limit(format!("it passed more data in one call than it may: {cause}"));
    }
    Failure::crashed(cause)
}

/// Refuses what cannot be a component, with the next step.
pub(super) fn check_header(bytes: &[u8]) -> Result<(), Failure> {
    match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(Failure::crashed(
            "this is a core WebAssembly module, not a component: build for wasm32-wasip2, or wrap \
             it with 'wasm-tools component new'",
        )),
        [0, b'a', b's', b'm', ..] => Err(Failure::crashed(
            "this is WebAssembly of a version this node does not know: build a component with \
             current tools",
        )),
        _ => Err(Failure::crashed(
            "this is not WebAssembly: give a component (.wasm) built for wit/agent.wit",
        )),
    }
}
