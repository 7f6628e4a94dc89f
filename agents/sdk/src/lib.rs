//! `ainur-guest`: what our guest components share, so that a guest is only its own logic.
//!
//! A guest implements [`Agent`] and names itself to [`agent!`]. Compiled to WebAssembly it becomes a
//! component of the world `ainur:agent/agent`; compiled for the machine it is an ordinary library,
//! and its tests lend it a [`MemoryHost`]. Nothing here reads a clock, a file or entropy, so the same
//! call gives the same bytes everywhere.
//!
//! ```
//! use ainur_guest::{Agent, Call, Contract, Failure, Host, Job, Manifest, MemoryHost, Quote};
//!
//! struct Reverse;
//!
//! impl Agent for Reverse {
//!     const MANIFEST: Manifest = Manifest {
//!         name: "reverse",
//!         description: "Turns its input around.",
//!         version: "1.0.0",
//!         capabilities: &[Contract::new("bytes.reverse", "Turns its input around.")],
//!     };
//!
//!     fn quote(_: &Call) -> Option<Quote> {
//!         None
//!     }
//!
//!     fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
//!         let mut bytes = ainur_guest::read_all(host, job.input_bytes, 1 << 20)?;
//!         bytes.reverse();
//!         host.emit(bytes);
//!         Ok(())
//!     }
//! }
//!
//! let mut host = MemoryHost::with_input(b"abc".to_vec());
//! Reverse::execute(&host.job("bytes.reverse", "{}"), &mut host).unwrap();
//! assert_eq!(host.delivered(), b"cba");
//! ```

#[doc(hidden)]
#[expect(clippy::too_many_arguments, reason = "generated")]
pub mod bindings;
mod blocks;
pub mod contracts;
mod host;
mod input;
pub mod json;
mod manifest;
mod pricing;
pub mod tar;

pub use bindings::ainur::agent::types::{Call, Delivery, Failure, Job, Quote, Verdict};
#[doc(hidden)]
pub use bindings::{Guest, export_component};
pub use blocks::{block_count, for_each_block};
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub use host::ComponentHost;
pub use host::{EMIT_BYTES_MAX, Host, MemoryHost, READ_BYTES_MAX};
pub use input::{ChunkWriter, StreamReader, emit_all, read_all, read_range};
pub use manifest::{Contract, Manifest, Schema};
pub use pricing::{MILLI_AINU, Pricing};

/// One agent: what it offers, what it asks, and how it does the work.
pub trait Agent {
    /// What it offers.
    const MANIFEST: Manifest;

    /// Its bid on `call`, or `None` when it does not want the work.
    fn quote(call: &Call) -> Option<Quote>;

    /// Does the work, delivering chunks from `job.first_chunk` on.
    ///
    /// # Errors
    /// When the input is not what the contract says, or the agent will not do this work.
    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure>;

    /// Checks another agent's delivery; an agent that does not say otherwise verifies nothing.
    fn verify(_delivery: &Delivery, _host: &mut dyn Host) -> Verdict {
        refused("this agent verifies nothing")
    }
}

/// The verdict that refuses, with its reason.
pub fn refused(detail: impl Into<String>) -> Verdict {
    Verdict { accepted: false, detail: detail.into() }
}

/// The verdict that accepts, with what was checked.
pub fn accepted(detail: impl Into<String>) -> Verdict {
    Verdict { accepted: true, detail: detail.into() }
}

/// `A`'s bid on `call`; none for what it does not offer.
pub fn quote<A: Agent>(call: &Call) -> Option<Quote> {
    if A::MANIFEST.offers(&call.capability) { A::quote(call) } else { None }
}

/// `A` doing the work; what it does not offer is declined.
///
/// # Errors
/// As [`Agent::execute`].
pub fn execute<A: Agent>(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
    if A::MANIFEST.offers(&job.capability) {
        A::execute(job, host)
    } else {
        Err(Failure::Declined(format!("'{}' is not offered here", job.capability)))
    }
}

/// Makes the component's exports out of an [`Agent`]; nothing when compiled for the machine.
#[macro_export]
macro_rules! agent {
    ($agent:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[expect(unsafe_code, reason = "the component boundary wit-bindgen generates")]
        const _: () = {
            struct Exports;

            impl $crate::Guest for Exports {
                fn describe() -> String {
                    <$agent as $crate::Agent>::MANIFEST.to_json()
                }

                fn quote(call: $crate::Call) -> Option<$crate::Quote> {
                    $crate::quote::<$agent>(&call)
                }

                fn execute(job: $crate::Job) -> Result<(), $crate::Failure> {
                    $crate::execute::<$agent>(&job, &mut $crate::ComponentHost)
                }

                fn verify(delivery: $crate::Delivery) -> $crate::Verdict {
                    <$agent as $crate::Agent>::verify(&delivery, &mut $crate::ComponentHost)
                }
            }

            $crate::export_component!(Exports);
        };
    };
}
