//! Compiled components on disk, so that a restarted node does not compile everything again.
//!
//! A file is trusted only when it carries a keyed BLAKE3 digest that this node's secret gave it;
//! anything else (damage, another engine, another node, a forger) is compiled anew.
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use ainur_primitives::{ContentId, Digest};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::frame::CacheSetup;

/// Files kept in the folder; the oldest go first.
const FILES_MAX: usize = 256;
const DIGEST_BYTES: usize = 32;

/// See the module.
pub(super) struct DiskCache {
    folder: PathBuf,
    key: [u8; 32],
    /// Everything about the engine that compiled code depends on.
    engine: Digest,
}

impl DiskCache {
    pub(super) fn new(setup: CacheSetup, engine: &Engine) -> Self {
        let mut hasher = DigestHasher(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let engine = Digest(*hasher.0.finalize().as_bytes());
        Self { folder: setup.folder, key: setup.key, engine }
    }

    fn path(&self, content: ContentId) -> PathBuf {
        self.folder.join(format!("{}-{}.cwasm", content.0, self.engine.short()))
    }

    fn digest(&self, content: ContentId, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&content.0.0).update(&self.engine.0).update(code);
        hasher.finalize()
    }

    /// The compiled component, when there is one to be trusted.
    pub(super) fn load(&self, engine: &Engine, content: ContentId) -> Option<Component> {
        let file = fs::read(self.path(content)).ok()?;
        let (digest, code) = file.split_first_chunk::<DIGEST_BYTES>()?;
        // Comparison of blake3 hashes takes constant time.
        if self.digest(content, code) != blake3::Hash::from_bytes(*digest) {
            tracing::warn!(%content, "a file of the component cache is damaged or foreign");
            return None;
        }
        deserialize(engine, code)
    }

    /// Keeps a compiled component; failing to only costs time later.
    pub(super) fn store(&self, content: ContentId, component: &Component) {
        if let Err(error) = self.try_store(content, component) {
            tracing::warn!(%content, %error, "cannot keep a compiled component");
        }
    }

    fn try_store(&self, content: ContentId, component: &Component) -> Result<(), std::io::Error> {
        let code = component.serialize().map_err(std::io::Error::other)?;
        fs::create_dir_all(&self.folder)?;
        // Temporary files are created with mode 600.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(self.digest(content, &code).as_bytes())?;
        file.write_all(&code)?;
        file.persist(self.path(content)).map_err(|error| error.error)?;
        prune(&self.folder)
    }
}

/// Removes the oldest files beyond [`FILES_MAX`].
fn prune(folder: &Path) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "cwasm") {
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    files.sort();
    for (_, path) in files.iter().rev().skip(FILES_MAX) {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[expect(unsafe_code, reason = "wasmtime cannot check machine code; our keyed digest did")]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `deserialize` requires bytes that `Component::serialize` made. The caller checked
    // that they carry a digest keyed with the node's secret over content id, engine and code, and
    // only `DiskCache::try_store` computes that, over bytes that came from `serialize` just before.
    // The bytes are in our own memory, so they do not change between check and use.
    unsafe { Component::deserialize(engine, code) }.ok()
}

/// A hasher with a result that is long enough to rely on.
struct DigestHasher(blake3::Hasher);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = *self.0.finalize().as_bytes();
        u64::from_le_bytes([
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
        ])
    }
}
