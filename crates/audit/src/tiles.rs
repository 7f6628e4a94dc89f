//! The log as static files any C2SP client can read: checkpoint, hash tiles and entry bundles.
//!
//! Layout of <https://c2sp.org/tlog-tiles>: `tile/<L>/<N>` holds 256 hashes, `tile/entries/<N>` the
//! entries under the tile of level 0, each behind its length; the right edge is partial
//! (`.p/<W>`). The checkpoint is written last, so that a reader never sees one whose tiles are
//! missing.
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ainur_crypto::merkle;
use ainur_primitives::Digest;

use crate::entry::ENTRY_BYTES_MAX;

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: usize = 256;

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Entries covered.
    pub entries: u64,
    /// Files written, without the checkpoint.
    pub files: u64,
    /// Bytes in those files.
    pub bytes: u64,
}

/// Writes tiles of one tree below a directory.
#[derive(Debug)]
pub(crate) struct TileWriter {
    directory: PathBuf,
    exported: Exported,
    /// Hashes of level 0 so far; upper levels follow from them.
    leaves: Vec<Digest>,
    bundle: Vec<u8>,
}

impl TileWriter {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.into(),
            exported: Exported::default(),
            leaves: Vec::new(),
            bundle: Vec::new(),
        }
    }

    /// How many entries were added.
    pub(crate) fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The root over the entries added.
    pub(crate) fn root(&self) -> Digest {
        merkle::root(&self.leaves)
    }

    /// Adds the next entry; a full bundle is written.
    pub(crate) fn entry(&mut self, entry: &[u8]) -> io::Result<()> {
        let length = u16::try_from(entry.len())
            .map_err(|_| io::Error::other(format!("an entry is over {ENTRY_BYTES_MAX} bytes")))?;
        self.bundle.extend_from_slice(&length.to_be_bytes());
        self.bundle.extend_from_slice(entry);
        self.leaves.push(merkle::leaf_hash(entry));
        if self.leaves.len().is_multiple_of(TILE_WIDTH) {
            self.write_bundle(self.leaves.len() / TILE_WIDTH - 1, TILE_WIDTH)?;
        }
        Ok(())
    }

    /// Writes the partial bundle, all tiles and the checkpoint over them.
    pub(crate) fn finish(mut self, checkpoint: &str) -> io::Result<Exported> {
        let partial = self.leaves.len() % TILE_WIDTH;
        if partial > 0 {
            self.write_bundle(self.leaves.len() / TILE_WIDTH, partial)?;
        }
        self.exported.entries = self.leaves.len() as u64;
        let mut hashes = std::mem::take(&mut self.leaves);
        let mut level = 0;
        while !hashes.is_empty() {
            for (index, tile) in hashes.chunks(TILE_WIDTH).enumerate() {
                let bytes: Vec<u8> = tile.iter().flat_map(|hash| hash.0).collect();
                self.write(&tile_path(&level.to_string(), index, tile.len()), &bytes)?;
            }
            hashes = hashes.chunks_exact(TILE_WIDTH).map(merkle::root).collect();
            level += 1;
        }
        write_whole(&self.directory.join("checkpoint"), checkpoint.as_bytes())?;
        Ok(self.exported)
    }

    fn write_bundle(&mut self, index: usize, width: usize) -> io::Result<()> {
        let bundle = std::mem::take(&mut self.bundle);
        self.write(&tile_path("entries", index, width), &bundle)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        write_whole(&self.directory.join(path), bytes)?;
        self.exported.files += 1;
        self.exported.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Puts a file in place at once: a reader sees all of it or the one before.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, path)
}

/// `tile/<level>/x001/x234/067`, with `.p/<width>` when it is not full.
fn tile_path(level: &str, index: usize, width: usize) -> String {
    let mut name = format!("{:03}", index % 1_000);
    let mut above = index / 1_000;
    while above > 0 {
        name = format!("x{:03}/{name}", above % 1_000);
        above /= 1_000;
    }
    if width < TILE_WIDTH {
        name.push_str(&format!(".p/{width}"));
    }
    format!("tile/{level}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tile_paths_are_those_of_the_specification() {
        assert_eq!(tile_path("0", 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path("entries", 0, 112), "tile/entries/000.p/112");
        assert_eq!(tile_path("2", 1_000, 1), "tile/2/x001/000.p/1");
    }

    /// The specification's example of 70,000 entries.
    #[test]
    fn seventy_thousand_entries_fill_the_tiles_the_specification_counts() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = TileWriter::new(directory.path());
        let mut tree = merkle::Tree::default();
        for number in 0..70_000u32 {
            writer.entry(&number.to_be_bytes()).unwrap();
            tree.append(merkle::leaf_hash(&number.to_be_bytes()));
        }
        let exported = writer.finish("checkpoint text").unwrap();
        // 273 full and one partial tile and bundle, one full and one partial of level 1, one of 2.
        assert_eq!((exported.entries, exported.files), (70_000, 2 * 274 + 2 + 1));
        let read = |path: &str| fs::read(directory.path().join(path)).unwrap();
        assert_eq!(read("checkpoint"), b"checkpoint text");
        assert_eq!(read("tile/0/272").len(), 8_192);
        assert_eq!(read("tile/0/273.p/112").len(), 112 * 32);
        assert_eq!(read("tile/1/001.p/17").len(), 17 * 32);
        assert_eq!(read("tile/entries/273.p/112"), {
            let entries = 273 * 256..70_000u32;
            entries.flat_map(|n| [[0, 4].as_slice(), &n.to_be_bytes()].concat()).collect::<Vec<_>>()
        });
        // The root follows from the right edge alone: level 2, then 1, then 0.
        let hashes = |path: &str| -> Vec<Digest> {
            read(path).chunks(32).map(|hash| Digest(hash.try_into().unwrap())).collect()
        };
        let right = [hashes("tile/1/001.p/17"), vec![merkle::root(&hashes("tile/0/273.p/112"))]];
        let right = [merkle::root(&right[0][..16]), merkle::node_hash(&right[0][16], &right[1][0])];
        let left = hashes("tile/2/000.p/1")[0];
        let root = merkle::node_hash(&left, &merkle::node_hash(&right[0], &right[1]));
        assert_eq!(root, tree.root());
    }
}
