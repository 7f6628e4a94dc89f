//! Finding, or unpacking, a compiler that can build its standard library for WebAssembly.
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What `--fetch` unpacks: the compiler, its own libraries, and the sources it builds `std` from.
const PACKAGES: [&str; 5] =
    ["rustc-web", "libstd-rust-web-1.96", "libstd-rust-web-dev", "rust-web-src", "libllvm22"];

/// A compiler with the sources of its standard library, and a linker for WebAssembly.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// `rustc` itself.
    pub(crate) compiler: PathBuf,
    /// Where it and its libraries are.
    pub(crate) sysroot: PathBuf,
    /// Where the shared libraries it needs are.
    pub(crate) libraries: OsString,
    /// `rust-lld` or `wasm-ld`.
    pub(crate) linker: PathBuf,
    /// What `rustc --version` says.
    pub(crate) version: String,
}

impl Toolchain {
    /// The compiler under `unpacked`, or else the one on the path.
    pub(crate) fn find(unpacked: &Path) -> Result<Self> {
        let own = unpacked.join("usr/bin/rustc");
        let (compiler, libraries) = if own.exists() {
            (own, unpacked.join("usr/lib/x86_64-linux-gnu").into_os_string())
        } else {
            ("rustc".into(), std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default())
        };
        let ask = |arguments: &[&str]| -> Result<String> {
            let answer = Command::new(&compiler)
                .env("LD_LIBRARY_PATH", &libraries)
                .args(arguments)
                .output()
                .with_context(|| format!("run {}", compiler.display()))?;
            Ok(String::from_utf8(answer.stdout)?.trim().into())
        };
        let version = ask(&["--version"])?;
        let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?);
        if !sysroot.join("lib/rustlib/src/rust/library").exists() {
            bail!(
                "{version} has no sources of its standard library: run `rustup component add \
                 rust-src`, or this with --fetch on Debian 12"
            );
        }
        let linker = linker(&sysroot)?;
        Ok(Self { compiler, sysroot, libraries, linker, version })
    }
}

/// `rust-lld` of the compiler, or of the one on the path, or else a `wasm-ld`.
fn linker(sysroot: &Path) -> Result<PathBuf> {
    let answer = Command::new("rustc").args(["--print", "sysroot"]).output().context("rustc")?;
    let other = PathBuf::from(String::from_utf8(answer.stdout)?.trim());
    for root in [sysroot, &other] {
        let linker = root.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
        if linker.exists() {
            return Ok(linker);
        }
    }
    let found = Command::new("wasm-ld").arg("--version").output();
    if found.is_ok_and(|answer| answer.status.success()) {
        return Ok("wasm-ld".into());
    }
    bail!("no linker for WebAssembly: neither rust-lld nor wasm-ld")
}

/// Downloads Debian's packages with apt and unpacks them into `folder`; nothing is installed.
pub(crate) fn fetch(folder: &Path) -> Result<()> {
    if folder.join("usr/bin/rustc").exists() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    let run = |command: &mut Command| -> Result<()> {
        let status = command.current_dir(folder).status().context("run apt-get or dpkg-deb")?;
        if status.success() { Ok(()) } else { bail!("{command:?}: {status}") }
    };
    run(Command::new("apt-get").arg("download").args(PACKAGES))?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg-deb").arg("-x").arg(&path).arg("."))?;
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}
