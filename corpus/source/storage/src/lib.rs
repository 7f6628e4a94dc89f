//! Where bytes are kept: a write-ahead log, a key–value store and content-addressed blobs.
//!
//! The promise is that what was acknowledged is there after any crash, in order, and that a byte
//! which changed on the disk is found and named, never served. All code above the [`Disk`] trait is
//! the same over a real directory ([`RealDisk`]) and over the simulator's disk ([`SimDisk`]), which
//! loses and tears unsynced writes, runs out of space and flips bits.
//!
//! Everything here is synchronous. Files are created with mode 600, directories with 700.

pub mod blob;
pub mod clock;
pub mod crash_point;
pub mod disk;
mod error;
pub mod log;
pub mod store;

pub use blob::Blobs;
pub use clock::{Clock, SystemClock, VirtualClock};
pub use crash_point::crash_point;
pub use disk::{DirectoryLock, Disk, DiskFile, RealDisk, SimDisk};
pub use error::{DiskOperation, Error};
pub use log::{Log, Sequence};
pub use store::{Batch, Store};
