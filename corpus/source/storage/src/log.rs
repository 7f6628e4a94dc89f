//! A write-ahead log: what [`Log::sync`] acknowledged is there after any crash, in order.
//!
//! Records gather in memory and go to disk as one *frame* per batch: [`Log::append`] copies,
//! [`Log::sync`] writes the frame and syncs once. A frame carries the digest of the frame before
//! it and of itself, so a changed byte anywhere is found and named.
//!
//! # A torn tail, or damage?
//! After a crash the last bytes may be half of a frame that nobody was promised; those are cut off.
//! Below the acknowledged position the same sight is damage and an error. Three places prove that
//! a record was acknowledged: every later frame, which carries the position acknowledged when it
//! was written; every later segment, because a segment is begun only after the one before it was
//! synced; and the file `acknowledged`, written after each sync but itself synced only on open,
//! rotation, truncation and close, so that a commit costs one sync.
//!
//! The window that remains: the machine loses power (a killed process is not enough) before the
//! system has written `acknowledged` back, *and* the disk has damaged the very last batch. That
//! batch then looks like a torn tail. An owner that goes idle closes the window with
//! [`Log::settle`].
use crate::Error;
use crate::crash_point::crash_point;
use crate::disk::{Disk, DiskFile, OpenMode, join};

mod frame;
mod marks;
mod read;
mod recover;
mod segment;

use std::fmt;

use frame::Frame;
use marks::Marks;
pub use read::Records;
pub use recover::{Recovery, Truncated};
use segment::Segment;

/// The largest record.
pub const RECORD_BYTES_MAX: usize = 64 << 20;
/// A batch above this is written as several frames.
pub const FRAME_BYTES_TARGET: usize = 1 << 20;
/// The default of [`Options::segment_bytes_max`].
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// The number of a record. The first is 1; 0 stands before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The one after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How a log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A segment that would grow above this is closed and a new one begun.
    pub segment_bytes_max: u64,
    /// [`Log::open`] reads and checks the segments that hold this record and later ones; of older
    /// ones it checks the headers. The last segment is always checked.
    pub verify_from: Sequence,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes_max: SEGMENT_BYTES_MAX, verify_from: Sequence(0) }
    }
}

/// A segmented, hash-chained log with one owner.
///
/// ```
/// use ainur_storage::{Log, SimDisk, log};
///
/// let disk = SimDisk::new(1);
/// let (mut log, _) = Log::open(disk.clone(), "log", log::Options::default())?;
/// let first = log.append(b"first")?;
/// log.append(b"second")?;
/// log.sync()?;
/// drop(log);
/// disk.crash();
///
/// let (log, recovery) = Log::open(disk, "log", log::Options::default())?;
/// assert_eq!(recovery.last, first.next());
/// let records: Result<Vec<_>, _> = log.read_from(first).collect();
/// assert_eq!(records?[1].1, b"second");
/// # Ok::<(), ainur_storage::Error>(())
/// ```
#[derive(Debug)]
pub struct Log<D: Disk> {
    disk: D,
    directory: String,
    options: Options,
    marks: Marks<D>,
    /// Oldest first, never empty; the last is written to.
    segments: Vec<Segment>,
    tail: D::File,
    /// The digest the next frame names as its predecessor.
    chain: blake3::Hash,
    /// The last record given out.
    last: Sequence,
    /// The last record that is durable and was acknowledged.
    acknowledged: Sequence,
    gathering: Frame,
    /// Frames were written since the last sync.
    dirty: bool,
    failed: bool,
}

impl<D: Disk> Log<D> {
    /// Opens or creates the log in `directory`, cutting off a torn tail.
    ///
    /// # Errors
    /// [`Error::LogDamaged`] when acknowledged bytes changed or a segment is missing.
    pub fn open(disk: D, directory: &str, options: Options) -> Result<(Self, Recovery), Error> {
        recover::open(disk, directory, options)
    }

    /// Adds a record to the batch. It is durable when [`Log::sync`] returns.
    ///
    /// # Errors
    /// When the record is above [`RECORD_BYTES_MAX`], an earlier operation failed, or a full frame
    /// cannot be written.
    pub fn append(&mut self, payload: &[u8]) -> Result<Sequence, Error> {
        self.ready()?;
        if payload.len() > RECORD_BYTES_MAX {
            return Err(Error::TooLarge {
                what: "a record",
                bytes: payload.len() as u64,
                bytes_max: RECORD_BYTES_MAX as u64,
            });
        }
        if !self.gathering.is_empty() && self.gathering.len() + payload.len() > FRAME_BYTES_TARGET {
            self.write_gathered()?;
        }
        if self.gathering.is_empty() {
            self.gathering.begin(self.last.next());
        }
        self.gathering.push(payload);
        self.last = self.last.next();
        Ok(self.last)
    }

    /// Adds records to the batch and tells the number of the last.
    ///
    /// # Errors
    /// As [`Log::append`]; some may then have been added.
    pub fn append_many<P: AsRef<[u8]>>(
        &mut self,
        payloads: impl IntoIterator<Item = P>,
    ) -> Result<Sequence, Error> {
        for payload in payloads {
            self.append(payload.as_ref())?;
        }
        Ok(self.last)
    }

    /// Makes every record appended so far durable, with one sync, and tells the last of them.
    ///
    /// # Errors
    /// When the disk refuses. Which records of the batch survive is then known only after the log
    /// is opened again; until then every call fails with [`Error::Poisoned`].
    pub fn sync(&mut self) -> Result<Sequence, Error> {
        self.ready()?;
        self.write_gathered()?;
        if !self.dirty {
            return Ok(self.acknowledged);
        }
        crash_point("log.appended");
        self.attempt(|log| log.tail.sync_data())?;
        self.dirty = false;
        self.acknowledged = self.last;
        crash_point("log.synced");
        self.attempt(|log| log.marks.acknowledge(log.acknowledged))?;
        Ok(self.acknowledged)
    }

    /// Syncs records and the file `acknowledged`, which closes the window told of above.
    ///
    /// # Errors
    /// As [`Log::sync`].
    pub fn settle(&mut self) -> Result<(), Error> {
        self.sync()?;
        self.attempt(|log| log.marks.sync())
    }

    /// Settles and gives the log up.
    ///
    /// # Errors
    /// As [`Log::sync`].
    pub fn close(mut self) -> Result<(), Error> {
        self.settle()
    }

    /// The last durable record; 0 when there is none.
    pub fn acknowledged(&self) -> Sequence {
        self.acknowledged
    }

    /// The oldest record that is kept, or would be the first.
    pub fn first(&self) -> Sequence {
        self.segments.first().map_or(Sequence(1), |segment| segment.first)
    }

    /// Bytes in all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }

    /// Removes whole segments of which every record is before `sequence`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn truncate_before(&mut self, sequence: Sequence) -> Result<(), Error> {
        self.ready()?;
        let follows = |pair: &[Segment]| pair[1].first <= sequence;
        let removable = self.segments.windows(2).take_while(|pair| follows(pair)).count();
        if removable == 0 {
            return Ok(());
        }
        // The new beginning is durable before a file goes, so that a segment that is missing
        // without it is known to be lost.
        let first = self.segments[removable].first;
        self.attempt(|log| log.marks.begin_at(first))?;
        for segment in self.segments.drain(..removable) {
            self.disk.remove(&segment.path)?;
        }
        self.disk.sync_dir(&self.directory)
    }

    fn ready(&self) -> Result<(), Error> {
        if self.failed { Err(Error::Poisoned { path: self.directory.clone() }) } else { Ok(()) }
    }

    fn attempt<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let result = act(self);
        self.failed |= result.is_err();
        result
    }

    fn write_gathered(&mut self) -> Result<(), Error> {
        if self.gathering.is_empty() {
            return Ok(());
        }
        self.attempt(|log| {
            let frame_bytes = log.gathering.len() as u64;
            if let Some(tail) = log.segments.last()
                && !tail.is_empty()
                && tail.len + frame_bytes > log.options.segment_bytes_max
            {
                log.rotate()?;
            }
            log.chain = log.gathering.seal(log.acknowledged, &log.chain);
            let tail = log.segments.last_mut().expect("a log has at least one segment");
            log.tail.write_at(tail.len, log.gathering.bytes())?;
            tail.grown(log.gathering.first(), frame_bytes);
            log.dirty = true;
            log.gathering.clear();
            Ok(())
        })
    }

    /// Closes the segment that is written to and begins the next with the frame being gathered.
    fn rotate(&mut self) -> Result<(), Error> {
        self.tail.sync_data()?;
        self.marks.sync()?;
        let segment = Segment::new(&self.directory, self.gathering.first());
        let (tail, chain) = segment.create(&self.disk, &self.chain)?;
        self.disk.sync_dir(&self.directory)?;
        self.tail = tail;
        self.chain = chain;
        self.segments.push(segment);
        Ok(())
    }
}
