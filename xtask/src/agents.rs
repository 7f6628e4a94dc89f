//! `cargo xtask agents`: our own guest components, and the digests they are committed with.
//!
//! `agents/prebuilt/*.wasm` are built from the packages under `agents/guests` by `agents/builder`,
//! which alone knows how, so that nobody needs a WASM toolchain to use or test them.
//! `agents/prebuilt/DIGESTS` names the SHA-256 of each; checking costs milliseconds and finds a
//! component that was changed, added or removed without the others.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::steps::Tally;
use crate::workspace::{cargo, output, root, run as execute};

/// What to do with the prebuilt components.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Compare them with their digests.
    Check,
    /// Build them and their digests anew.
    Rebuild,
}

impl Mode {
    pub(crate) fn parse(arguments: &[&str]) -> anyhow::Result<Self> {
        match arguments {
            [] | ["--check"] => Ok(Self::Check),
            ["--rebuild"] => Ok(Self::Rebuild),
            unknown => bail!("agents takes --check or --rebuild, not {}", unknown.join(" ")),
        }
    }
}

/// Checks or rebuilds the prebuilt components.
///
/// # Errors
/// When a component is not the one its digest names, or cannot be built.
pub(crate) fn run(mode: Mode) -> anyhow::Result<()> {
    if mode == Mode::Rebuild {
        rebuild()?;
    }
    let tally = check()?;
    println!("{tally}");
    if tally.failed > 0 {
        bail!("prebuilt components differ from agents/prebuilt/DIGESTS");
    }
    Ok(())
}

/// Compares every prebuilt component with its digest.
///
/// # Errors
/// When the files cannot be read.
pub(crate) fn check() -> anyhow::Result<Tally> {
    check_folder(&root().join("agents/prebuilt"))
}

fn check_folder(prebuilt: &Path) -> anyhow::Result<Tally> {
    let list = prebuilt.join("DIGESTS");
    let listed =
        fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    let listed = parse_digests(&listed)?;
    let present = digests(prebuilt)?;
    let mut tally = Tally::default();
    for complaint in compare(&listed, &present) {
        println!("{complaint}");
        tally.failed += 1;
    }
    for (name, digest) in &present {
        if listed.get(name) == Some(digest) {
            tally.passed += 1;
        }
    }
    Ok(tally)
}

/// What differs, each with what to do.
fn compare(listed: &BTreeMap<String, String>, present: &BTreeMap<String, String>) -> Vec<String> {
    const REBUILD: &str = "run `cargo xtask agents --rebuild` and commit all of it";
    let changed = present.iter().filter_map(|(name, digest)| match listed.get(name) {
        None => Some(format!("{name}: not in agents/prebuilt/DIGESTS; {REBUILD}")),
        Some(other) if other != digest => {
            Some(format!("{name}: is {digest}, not {other} as listed; {REBUILD}"))
        }
        Some(_) => None,
    });
    let missing = listed
        .keys()
        .filter(|name| !present.contains_key(*name))
        .map(|name| format!("{name}: listed and missing; {REBUILD}"));
    changed.chain(missing).collect()
}

/// Reads lines of `<hex digest>  <file>`, as `sha256sum` writes them.
fn parse_digests(text: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let line = |line: &str| {
        let (digest, name) = line.split_once("  ")?;
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| (name.to_owned(), digest.to_owned()))
    };
    text.lines()
        .map(|text| line(text).with_context(|| format!("not `<digest>  <file>`: {text}")))
        .collect()
}

/// The digests of the components in a folder, by file name.
fn digests(prebuilt: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(prebuilt).context("listing the prebuilt components")? {
        let path = entry.context("listing the prebuilt components")?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            names.push(path.file_name().unwrap_or_default().to_owned());
        }
    }
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    names.sort();
    let mut sha256sum = Command::new("sha256sum");
    parse_digests(&output(sha256sum.args(&names).current_dir(prebuilt))?)
}

/// Builds every guest into a component, and lists their digests.
fn rebuild() -> anyhow::Result<()> {
    let manifest = ["--manifest-path", "agents/Cargo.toml"];
    let mut builder = cargo(&["run", "--quiet", "--package", "builder"]);
    execute(builder.args(manifest)).context("agents/builder says what it needs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(name, digest)| ((*name).into(), (*digest).into())).collect()
    }

    #[test]
    fn only_equal_lists_pass() {
        let one = listed(&[("a.wasm", "1")]);
        assert!(compare(&one, &one).is_empty());
        for (left, right, word) in [
            (&one, &listed(&[("a.wasm", "2")]), "is 2, not 1"),
            (&one, &listed(&[]), "missing"),
            (&listed(&[]), &one, "not in"),
        ] {
            let complaints = compare(left, right);
            assert!(complaints.len() == 1 && complaints[0].contains(word), "{complaints:?}");
        }
    }

    #[test]
    fn digest_lists_are_read_strictly() {
        let digest = "0".repeat(64);
        let read = parse_digests(&format!("{digest}  prebuilt/a.wasm\n")).unwrap();
        assert_eq!(read, listed(&[("prebuilt/a.wasm", &digest)]));
        assert!(parse_digests("0  prebuilt/a.wasm").is_err());
        assert!(parse_digests(&format!("{digest} a")).is_err());
    }

    #[test]
    fn a_changed_component_is_found_in_its_folder() {
        let folder = std::env::temp_dir().join(format!("xtask-agents-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.wasm"), "abc").unwrap();
        fs::write(folder.join("notes.md"), "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        fs::write(folder.join("DIGESTS"), format!("{abc}  a.wasm\n")).unwrap();
        let intact = check_folder(&folder);
        fs::write(folder.join("a.wasm"), "abd").unwrap();
        let changed = check_folder(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(intact.unwrap(), Tally::PASSED);
        assert_eq!(changed.unwrap(), Tally::FAILED);
    }
}
