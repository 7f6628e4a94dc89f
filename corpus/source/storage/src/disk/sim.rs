//! A disk in memory that fails the way disks do, by a seed.
//!
//! What was written but not synced may be lost: [`SimDisk::crash`] keeps a random part of it. A
//! created, renamed or removed name is likewise lost or kept until its directory is synced. The
//! disk can also run full, flip bits and lose power in the middle of any operation.
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ainur_primitives::Timestamp;

use super::{Disk, DiskFile, OpenMode, parent};
use crate::{DiskOperation, Error};

mod contents;
mod random;

use contents::Contents;
pub use random::Random;

/// ENOSPC, the code the system gives when a disk is full.
const NO_SPACE: i32 = 28;
/// EIO, the code the system gives when a device is gone.
const DEVICE_GONE: i32 = 5;
/// ENOENT, the code the system gives when there is no such file.
const NOT_FOUND: i32 = 2;

/// How unfriendly the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// A crash may cut the last write it keeps in the middle.
    pub torn_writes: bool,
    /// A crash may lose a write and keep a later one of the same file.
    pub reordered_writes: bool,
    /// The disk is full beyond so many bytes in all files.
    pub space_bytes_max: Option<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { torn_writes: true, reordered_writes: false, space_bytes_max: None }
    }
}

/// The simulated disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

#[derive(Debug)]
struct World {
    faults: Faults,
    random: Random,
    /// Counts crashes; what was opened before one is dead after it.
    boots: u64,
    /// How many operations that change something have been done.
    operations: u64,
    /// The power goes at this operation.
    power_until: Option<u64>,
    directories: BTreeSet<String>,
    files: BTreeMap<u64, Contents>,
    file_next: u64,
    /// Names as programs see them.
    names: BTreeMap<String, u64>,
    /// Names as they are on the platter.
    names_durable: BTreeMap<String, u64>,
    /// Changes of names since, in order, as a file system's journal has them.
    names_pending: Vec<NameChange>,
    locked: BTreeSet<String>,
}

#[derive(Debug, Clone)]
enum NameChange {
    Link(String, u64),
    Unlink(String),
    Rename(String, String),
}

impl NameChange {
    fn touches(&self, directory: &str) -> bool {
        match self {
            Self::Link(path, _) | Self::Unlink(path) => parent(path) == directory,
            Self::Rename(from, to) => parent(from) == directory || parent(to) == directory,
        }
    }

    fn apply(self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Link(path, file) => {
                names.insert(path, file);
            }
            Self::Unlink(path) => {
                names.remove(&path);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
        }
    }
}

impl SimDisk {
    /// An empty disk whose accidents follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self::with_faults(seed, Faults::default())
    }

    /// An empty disk with chosen faults.
    pub fn with_faults(seed: u64, faults: Faults) -> Self {
        let world = World {
            faults,
            random: Random::new(seed),
            boots: 0,
            operations: 0,
            power_until: None,
            directories: BTreeSet::from([String::new()]),
            files: BTreeMap::new(),
            file_next: 0,
            names: BTreeMap::new(),
            names_durable: BTreeMap::new(),
            names_pending: Vec::new(),
            locked: BTreeSet::new(),
        };
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// Changes how unfriendly the disk is from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.world().faults = faults;
    }

    /// Cuts the power after `operations` more changes: that one may be done in part, and every
    /// one after fails until [`SimDisk::crash`] starts the machine again.
    pub fn cut_power_after(&self, operations: u64) {
        let mut world = self.world();
        world.power_until = Some(world.operations + operations);
    }

    /// How many operations that change something were done so far.
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// Loses a random part of all that was not synced and starts the machine again. Files opened
    /// before are dead and locks are free.
    pub fn crash(&self) {
        let mut world = self.world();
        let World { faults, random, files, .. } = &mut *world;
        for contents in files.values_mut() {
            contents.crash(random, faults);
        }
        let pending = std::mem::take(&mut world.names_pending);
        let kept = world.random.below(pending.len() as u64 + 1) as usize;
        for change in pending.into_iter().take(kept) {
            change.apply(&mut world.names_durable);
        }
        world.names = world.names_durable.clone();
        world.drop_nameless();
        world.boots += 1;
        world.power_until = None;
        world.locked.clear();
    }

    /// Flips the bits of `mask` in one byte of a file.
    ///
    /// # Errors
    /// When the file does not exist or ends before.
    pub fn flip(&self, path: &str, offset: u64, mask: u8) -> Result<(), Error> {
        let mut world = self.world();
        let file = world.find(path, DiskOperation::Open)?;
        let flipped = world.files.get_mut(&file).is_some_and(|file| file.flip(offset, mask));
        if flipped { Ok(()) } else { Err(refused(DiskOperation::Write, path, NOT_FOUND)) }
    }

    /// An independent disk with the same files, all of them durable.
    pub fn copy(&self, seed: u64) -> Self {
        let copy = Self::new(seed);
        {
            let from = self.world();
            let mut to = copy.world();
            to.faults = from.faults;
            to.directories = from.directories.clone();
            to.names = from.names.clone();
            to.names_durable = from.names.clone();
            to.file_next = from.file_next;
            to.files = from.files.iter().map(|(id, file)| (*id, file.settled())).collect();
        }
        copy
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Counts a change; fails when the power is off. `Ok(true)` is the change at which it goes.
    fn step(&mut self, operation: DiskOperation, path: &str) -> Result<bool, Error> {
        self.operations += 1;
        match self.power_until {
            Some(until) if self.operations > until + 1 => {
                Err(refused(operation, path, DEVICE_GONE))
            }
            Some(until) => Ok(self.operations == until + 1),
            None => Ok(false),
        }
    }

    fn find(&self, path: &str, operation: DiskOperation) -> Result<u64, Error> {
        self.names.get(path).copied().ok_or_else(|| refused(operation, path, NOT_FOUND))
    }

    fn change(&mut self, change: NameChange) {
        change.clone().apply(&mut self.names);
        self.names_pending.push(change);
    }

    fn drop_nameless(&mut self) {
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.files.retain(|file, _| named.contains(file));
    }

    fn space_used(&self) -> u64 {
        self.names.values().filter_map(|file| self.files.get(file)).map(Contents::len).sum()
    }
}

fn refused(operation: DiskOperation, path: &str, code: i32) -> Error {
    Error::io(operation, path)(io::Error::from_raw_os_error(code))
}

/// Fails the operation at which the power goes.
fn unless_cut(cut: bool, operation: DiskOperation, path: &str) -> Result<(), Error> {
    if cut { Err(refused(operation, path, DEVICE_GONE)) } else { Ok(()) }
}

impl Disk for SimDisk {
    type File = SimFile;
    type Lock = SimLock;

    fn create_dir_all(&self, path: &str) -> Result<(), Error> {
        let mut world = self.world();
        let cut = world.step(DiskOperation::CreateDirectory, path)?;
        let mut directory = path;
        while !directory.is_empty() {
            world.directories.insert(directory.into());
            directory = parent(directory);
        }
        unless_cut(cut, DiskOperation::CreateDirectory, path)
    }

    fn open(&self, path: &str, mode: OpenMode) -> Result<SimFile, Error> {
        let mut world = self.world();
        let file = match world.names.get(path).copied() {
            Some(file) => file,
            None if mode == OpenMode::Read || !world.directories.contains(parent(path)) => {
                return Err(refused(DiskOperation::Open, path, NOT_FOUND));
            }
            None => {
                let cut = world.step(DiskOperation::Open, path)?;
                let file = world.file_next;
                world.file_next += 1;
                world.files.insert(file, Contents::default());
                world.change(NameChange::Link(path.into(), file));
                unless_cut(cut, DiskOperation::Open, path)?;
                file
            }
        };
        if mode == OpenMode::Truncate {
            let cut = world.step(DiskOperation::Open, path)?;
            if let Some(contents) = world.files.get_mut(&file) {
                contents.set_len(0);
            }
            unless_cut(cut, DiskOperation::Open, path)?;
        }
        let boot = world.boots;
        Ok(SimFile { disk: self.clone(), file, boot, path: path.into() })
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let mut world = self.world();
        world.find(from, DiskOperation::Rename)?;
        let cut = world.step(DiskOperation::Rename, from)?;
        world.change(NameChange::Rename(from.into(), to.into()));
        unless_cut(cut, DiskOperation::Rename, from)
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        let mut world = self.world();
        world.find(path, DiskOperation::Remove)?;
        let cut = world.step(DiskOperation::Remove, path)?;
        world.change(NameChange::Unlink(path.into()));
        unless_cut(cut, DiskOperation::Remove, path)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Error> {
        let world = self.world();
        if !world.directories.contains(path) {
            return Err(refused(DiskOperation::List, path, NOT_FOUND));
        }
        let inside = world.names.keys().filter(|name| parent(name) == path);
        let names = inside.filter_map(|name| name.rsplit('/').next());
        Ok(names.map(String::from).collect())
    }

    fn exists(&self, path: &str) -> Result<bool, Error> {
        Ok(self.world().names.contains_key(path))
    }

    fn sync_dir(&self, path: &str) -> Result<(), Error> {
        let mut world = self.world();
        let cut = world.step(DiskOperation::Sync, path)?;
        unless_cut(cut, DiskOperation::Sync, path)?;
        let last = world.names_pending.iter().rposition(|change| change.touches(path));
        let durable = last.map_or(0, |last| last + 1);
        let changes: Vec<_> = world.names_pending.drain(..durable).collect();
        for change in changes {
            change.apply(&mut world.names_durable);
        }
        Ok(())
    }

    fn sync_all(&self, path: &str) -> Result<(), Error> {
        let mut world = self.world();
        let cut = world.step(DiskOperation::Sync, path)?;
        unless_cut(cut, DiskOperation::Sync, path)?;
        let World { names, files, .. } = &mut *world;
        for (_, file) in names.iter().filter(|(name, _)| name.starts_with(path)) {
            if let Some(contents) = files.get_mut(file) {
                contents.sync();
            }
        }
        Ok(())
    }

    fn lock(&self, path: &str) -> Result<SimLock, Error> {
        let mut world = self.world();
        if !world.locked.insert(path.into()) {
            return Err(Error::Held {
                path: path.into(),
                pid: std::process::id(),
                since: Timestamp(0),
            });
        }
        Ok(SimLock { disk: self.clone(), boot: world.boots, path: path.into() })
    }

    fn real_path(&self, _path: &str) -> Option<PathBuf> {
        None
    }
}

/// A directory of a [`SimDisk`] that is held.
#[derive(Debug)]
pub struct SimLock {
    disk: SimDisk,
    boot: u64,
    path: String,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut world = self.disk.world();
        if world.boots == self.boot {
            world.locked.remove(&self.path);
        }
    }
}

/// An open file of a [`SimDisk`].
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    file: u64,
    boot: u64,
    path: Box<str>,
}

impl SimFile {
    fn with<T>(
        &self,
        operation: DiskOperation,
        act: impl FnOnce(&mut World) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut world = self.disk.world();
        if world.boots != self.boot || !world.files.contains_key(&self.file) {
            return Err(refused(operation, &self.path, DEVICE_GONE));
        }
        act(&mut world)
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> Result<u64, Error> {
        self.with(DiskOperation::Resize, |world| Ok(world.files[&self.file].len()))
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.with(DiskOperation::Read, |world| {
            if world.files[&self.file].read(offset, out) {
                return Ok(());
            }
            let ended = io::Error::from(io::ErrorKind::UnexpectedEof);
            Err(Error::io(DiskOperation::Read, &self.path)(ended))
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.with(DiskOperation::Write, |world| {
            let cut = world.step(DiskOperation::Write, &self.path)?;
            let growth = (offset + bytes.len() as u64)
                .saturating_sub(world.files.get(&self.file).map_or(0, Contents::len));
            let space = world.faults.space_bytes_max.unwrap_or(u64::MAX);
            let missing = world.space_used().saturating_add(growth).saturating_sub(space);
            let missing = usize::try_from(missing.min(growth)).unwrap_or(usize::MAX);
            let fits = &bytes[..bytes.len().saturating_sub(missing)];
            if let Some(contents) = world.files.get_mut(&self.file) {
                contents.write(offset, fits);
            }
            unless_cut(cut, DiskOperation::Write, &self.path)?;
            if missing > 0 {
                return Err(refused(DiskOperation::Write, &self.path, NO_SPACE));
            }
            Ok(())
        })
    }

    fn set_len(&self, bytes: u64) -> Result<(), Error> {
        self.with(DiskOperation::Resize, |world| {
            let cut = world.step(DiskOperation::Resize, &self.path)?;
            let growth = bytes.saturating_sub(world.files[&self.file].len());
            let space = world.faults.space_bytes_max.unwrap_or(u64::MAX);
            if growth > 0 && world.space_used().saturating_add(growth) > space {
                return Err(refused(DiskOperation::Resize, &self.path, NO_SPACE));
            }
            if let Some(contents) = world.files.get_mut(&self.file) {
                contents.set_len(bytes);
            }
            unless_cut(cut, DiskOperation::Resize, &self.path)
        })
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.with(DiskOperation::Sync, |world| {
            let cut = world.step(DiskOperation::Sync, &self.path)?;
            unless_cut(cut, DiskOperation::Sync, &self.path)?;
            if let Some(contents) = world.files.get_mut(&self.file) {
                contents.sync();
            }
            Ok(())
        })
    }
}
