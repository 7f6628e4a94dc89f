//! `cargo xtask agents`: our own guest components, and the digests they are committed with.
//!
//! `agents/prebuilt/*.wasm` are built from the packages under `agents/guests` by `agents/builder`,
//! which alone knows how, so that nobody needs a WASM toolchain to use or test them.
//! `agents/prebuilt/DIGESTS` names the SHA-256 of each; checking costs milliseconds and finds a
//! component that was changed, added or removed without the others. Whether sources and components
//! fit is only known by building: `--rebuild --check`.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::steps::Tally;
use crate::workspace::{cargo, output, root, run as execute};

/// What to do with the prebuilt components.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Compare them with their digests.
    Check,
    /// Run the builder with these arguments, then compare.
    Rebuild(Vec<String>),
}

impl Mode {
    pub(crate) fn parse(arguments: &[&str]) -> anyhow::Result<Self> {
        match arguments {
            [] | ["--check"] => Ok(Self::Check),
            ["--rebuild", builder @ ..] => {
                Ok(Self::Rebuild(builder.iter().map(|argument| (*argument).to_owned()).collect()))
            }
            unknown => bail!("agents takes --check or --rebuild, not {}", unknown.join(" ")),
        }
    }
}

/// Checks or rebuilds the prebuilt components.
///
/// # Errors
/// When a component is not the one its digest names, or cannot be built.
pub(crate) fn run(mode: Mode) -> anyhow::Result<()> {
    if let Mode::Rebuild(arguments) = mode {
        let manifest = ["--manifest-path", "agents/Cargo.toml"];
        let mut builder = cargo(&["run", "--quiet", "--release", "--package", "builder"]);
        execute(builder.args(manifest).arg("--").args(arguments))
            .context("agents/README.md says what the builder needs")?;
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

/// Reads lines that end in `<SHA-256>  <file>`; lines that begin with `#` are remarks.
fn parse_digests(text: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let read = |line: &str| {
        let (before, name) = line.rsplit_once("  ")?;
        let digest = before.rsplit(' ').next()?;
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| (name.to_owned(), digest.to_owned()))
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| read(line).with_context(|| format!("not `<SHA-256>  <file>`: {line}")))
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
        let text = format!("# remark\nbafk  {digest}  a.wasm\n{digest}  b.wasm\n");
        let read = parse_digests(&text).unwrap();
        assert_eq!(read, listed(&[("a.wasm", &digest), ("b.wasm", &digest)]));
        assert!(parse_digests("0  a.wasm").is_err());
        assert!(parse_digests(&format!("{digest} a")).is_err());
    }

    #[test]
    fn what_follows_rebuild_is_the_builders() {
        assert_eq!(Mode::parse(&[]).unwrap(), Mode::Check);
        let rebuild = Mode::parse(&["--rebuild", "--fetch", "echo"]).unwrap();
        assert_eq!(rebuild, Mode::Rebuild(vec!["--fetch".to_owned(), "echo".to_owned()]));
        assert!(Mode::parse(&["--fetch"]).is_err());
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
