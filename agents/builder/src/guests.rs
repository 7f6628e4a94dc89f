//! Compiling guests and wrapping each into a component.
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use wit_component::ComponentEncoder;

use crate::toolchain::Toolchain;

/// Of every member of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const TARGET: &str = "wasm32-unknown-unknown";

/// The guests there are, sorted.
pub(crate) fn names(agents: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(agents.join("guests")).context("read guests")? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Compiles `names` into core modules, with the standard library, so that a panic is a plain trap
/// and carries no message.
pub(crate) fn compile(agents: &Path, toolchain: &Toolchain, names: &[String]) -> Result<()> {
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .context("CARGO_HOME or HOME")?;
    let repository = agents.parent().context("the repository")?;
    let flags = [
        "-Zlocation-detail=none".into(),
        "-Zunstable-options".into(),
        format!("--remap-path-prefix={home}=/cargo"),
        format!("--remap-path-prefix={}=/repository", repository.display()),
        format!("--remap-path-prefix={}=/rust", toolchain.sysroot.display()),
    ];
    let mut command = Command::new("cargo");
    command
        .current_dir(agents)
        .args(["build", "--release", "--locked", "--lib", "--target", TARGET])
        .args(["-Zbuild-std=std", "-Zpanic-immediate-abort"])
        // With the version, because a guest may be named like the library it uses.
        .args(names.iter().flat_map(|name| ["-p".into(), format!("{name}@{VERSION}")]))
        .env("CARGO_TARGET_DIR", agents.join("target"))
        .env("CARGO_PROFILE_RELEASE_PANIC", "immediate-abort")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags.join(" "))
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &toolchain.linker)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", &toolchain.compiler)
        .env("LD_LIBRARY_PATH", &toolchain.libraries)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        // Set by the cargo that runs this program, and meant for another compiler.
        .env_remove("RUSTUP_TOOLCHAIN");
    let status = command.status().context("run cargo")?;
    if !status.success() {
        bail!("cargo build: {status}");
    }
    Ok(())
}

/// What its manifest calls the library, or else the package's own name.
fn library(agents: &Path, name: &str) -> Result<String> {
    let manifest = std::fs::read_to_string(agents.join("guests").join(name).join("Cargo.toml"))?;
    let section = manifest.split_once("[lib]").map_or("", |(_, section)| section);
    let named = section.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    Ok(named.map_or_else(|| name.replace('-', "_"), Into::into))
}

/// The compiled guest as a component, validated.
pub(crate) fn wrap(agents: &Path, name: &str) -> Result<Vec<u8>> {
    let file = format!("target/{TARGET}/release/{}.wasm", library(agents, name)?);
    let module = std::fs::read(agents.join(&file)).with_context(|| format!("read {file}"))?;
    let module = stripped(&module).with_context(|| format!("{file} is no module"))?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .with_context(|| format!("make a component of {name}"))
}

/// The module without the sections that no engine needs: names of functions and who made it.
fn stripped(module: &[u8]) -> Option<Vec<u8>> {
    const UNNEEDED: [&[u8]; 3] = [b"name", b"producers", b"target_features"];
    let (header, mut rest) = module.split_at_checked(8)?;
    let mut kept = header.to_vec();
    while let Some((id, content)) = rest.split_first() {
        let mut content = content;
        let length = usize::try_from(number(&mut content)?).ok()?;
        let (content, after) = content.split_at_checked(length)?;
        let section = &rest[..rest.len() - after.len()];
        let mut name = content;
        let is_unneeded = *id == 0 && {
            let length = usize::try_from(number(&mut name)?).ok()?;
            UNNEEDED.contains(&name.get(..length)?)
        };
        if !is_unneeded {
            kept.extend_from_slice(section);
        }
        rest = after;
    }
    Some(kept)
}

/// Takes a LEB128 number off the front.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
