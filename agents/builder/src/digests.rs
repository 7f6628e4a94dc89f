//! `prebuilt/DIGESTS`: the compiler, then one line for each component with its content id and its
//! SHA-256, sorted by name.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use ainur_primitives::{ContentId, Digest};
use anyhow::{Context, Result};
use sha2::Digest as _;

const COMPILER: &str = "# compiler: ";

/// The file's content.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digests {
    /// What `rustc --version` said.
    pub(crate) compiler: String,
    /// `content-id  sha256` by component name.
    pub(crate) lines: BTreeMap<String, String>,
}

impl Digests {
    /// The file, or an empty one when there is none.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut digests = Self::default();
        if !path.exists() {
            return Ok(digests);
        }
        let text = std::fs::read_to_string(path).context("read DIGESTS")?;
        for line in text.lines() {
            if let Some(compiler) = line.strip_prefix(COMPILER) {
                digests.compiler = compiler.into();
            } else if let Some((line, file)) = line.rsplit_once("  ")
                && let Some(name) = file.strip_suffix(".wasm")
            {
                digests.lines.insert(name.into(), line.into());
            }
        }
        Ok(digests)
    }

    /// Notes a component, and answers its line.
    pub(crate) fn insert(&mut self, name: &str, component: &[u8]) -> &str {
        let content_id = ContentId(Digest(*blake3::hash(component).as_bytes()));
        let mut line = format!("{content_id}  ");
        for byte in sha2::Sha256::digest(component) {
            // Writing into a string cannot fail.
            write!(line, "{byte:02x}").unwrap_or_default();
        }
        self.lines.insert(name.into(), line);
        &self.lines[name]
    }

    /// Writes the file.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = format!(
            "# content id (CIDv1, raw, BLAKE3-256)  sha256  component\n{COMPILER}{}\n",
            self.compiler
        );
        for (name, line) in &self.lines {
            writeln!(text, "{line}  {name}.wasm")?;
        }
        std::fs::write(path, text).context("write DIGESTS")
    }
}
