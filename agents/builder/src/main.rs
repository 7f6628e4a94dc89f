//! Builds every guest under `guests/` into a component under `prebuilt/`, with its digests; with
//! `--check`, builds into a scratch folder and compares.
//!
//! ```text
//! cargo run --release -p builder -- [--check] [--fetch] [NAME…]
//! ```
//!
//! The bytes depend on the compiler, so `prebuilt/DIGESTS` names the one that made them, and
//! `--check` refuses to compare under another. `--fetch` unpacks Debian's compiler, with the sources
//! of its standard library, into `target/toolchain`; see `README.md`.
mod digests;
mod guests;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::digests::Digests;
use crate::toolchain::Toolchain;

struct Options {
    check: bool,
    fetch: bool,
    names: Vec<String>,
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("builder: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let mut options = Options { check: false, fetch: false, names: Vec::new() };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--check" => options.check = true,
            "--fetch" => options.fetch = true,
            flag if flag.starts_with('-') => bail!("no such flag: {flag}; see agents/README.md"),
            name => options.names.push(name.into()),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<()> {
    let agents = agents_folder()?;
    let target = agents.join("target");
    if options.fetch {
        toolchain::fetch(&target.join("toolchain"))?;
    }
    let toolchain = Toolchain::find(&target.join("toolchain"))?;
    let prebuilt = agents.join("prebuilt");
    let committed = Digests::read(&prebuilt.join("DIGESTS"))?;
    if options.check && committed.compiler != toolchain.version {
        bail!(
            "the prebuilt components were made by '{}', and this is '{}': with --fetch the same \
             compiler is unpacked here",
            committed.compiler,
            toolchain.version
        );
    }
    let all = guests::names(&agents)?;
    let wanted: Vec<String> = if options.names.is_empty() { all } else { options.names.clone() };
    guests::compile(&agents, &toolchain, &wanted)?;
    let destination = if options.check { target.join("check") } else { prebuilt.clone() };
    std::fs::create_dir_all(&destination)?;

    let mut digests = committed.clone();
    digests.compiler = toolchain.version.clone();
    let mut differing = Vec::new();
    for name in &wanted {
        let component = guests::wrap(&agents, name)?;
        let path = destination.join(format!("{name}.wasm"));
        std::fs::write(&path, &component).with_context(|| format!("write {}", path.display()))?;
        let line = digests.insert(name, &component);
        println!("{name:<16} {:>8} bytes  {line}", component.len());
        if options.check && committed.lines.get(name) != digests.lines.get(name) {
            differing.push(name.clone());
        }
        if options.check && std::fs::read(prebuilt.join(format!("{name}.wasm")))? != component {
            differing.push(format!("{name}.wasm"));
        }
    }
    if !differing.is_empty() {
        bail!("not what is committed: {}", differing.join(", "));
    }
    if !options.check {
        digests.write(&prebuilt.join("DIGESTS"))?;
    }
    Ok(())
}

/// The folder this crate lies in, wherever it was built.
fn agents_folder() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the agents folder")?;
    folder.canonicalize().context("the agents folder")
}
