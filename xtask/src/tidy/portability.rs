//! What only works on one machine: absolute paths into somebody's folders, package mirrors.
use super::Violation;
use super::tree::{Tree, is_test_data};

/// Top folders that belong to a machine or a person; the same path means nothing elsewhere.
const FOLDERS_LOCAL: [&str; 5] = ["work", "farm", "root", "home", "Users"];

/// Parts of a host's name by which a mirror of a package registry is known.
const MIRROR_HOSTS: [&str; 8] = [
    "mirror",
    "artifactory",
    "verdaccio",
    "devpi",
    "rsproxy",
    "goproxy",
    "nexus",
    "crates-io.proxy",
];

/// Settings that replace a package registry, in the files where package managers look for them.
const REGISTRY_SETTINGS: [(&str, &[&str]); 5] = [
    (".cargo/config.toml", &["[source", "[registries", "[registry", "replace-with", "registry"]),
    (".npmrc", &["registry", "proxy"]),
    ("pip.conf", &["index-url", "extra-index-url"]),
    ("uv.toml", &["index-url", "[[index"]),
    ("pyproject.toml", &["index-url", "[[tool.uv.index"]),
];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, text) in tree.files().filter(|(file, _)| !is_test_data(file)) {
        for (index, line) in text.lines().enumerate() {
            let mut report = |message| violations.push(Violation::new(file, index + 1, message));
            if let Some(folder) = local_folder(line) {
                report(format!("a path into /{folder}: use one relative to the repository"));
            }
            if let Some(host) = mirror(line) {
                report(format!("{host} is a package mirror: name the registry itself"));
            }
            if let Some(setting) = registry_setting(file, line) {
                report(format!("`{setting}` replaces a registry: keep it out of the repository"));
            }
            if let Some(origin) = foreign_origin(file, line) {
                report(format!("a package from {origin}: lock against the public registry"));
            }
        }
    }
    violations
}

/// The local top folder that an absolute path on this line leads into.
fn local_folder(line: &str) -> Option<&'static str> {
    FOLDERS_LOCAL.into_iter().find(|folder| {
        line.match_indices(&format!("/{folder}/")).any(|(position, _)| {
            // Behind a name it is a part of a relative path or of an address.
            let before = line[..position].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "_-.~}>)*]/".contains(c))
                || line[..position].ends_with("file://")
        })
    })
}

/// The host on this line that is a mirror.
fn mirror(line: &str) -> Option<&str> {
    line.match_indices("://").find_map(|(position, separator)| {
        let address = &line[position + separator.len()..];
        let end = address.find(|c: char| !c.is_alphanumeric() && !"-.@:".contains(c));
        let host = &address[..end.unwrap_or(address.len())];
        MIRROR_HOSTS.iter().any(|part| host.contains(part)).then_some(host)
    })
}

fn registry_setting(file: &str, line: &str) -> Option<&'static str> {
    // What the demo works on is nobody's configuration.
    if file.starts_with("corpus/") {
        return None;
    }
    let (_, settings) = REGISTRY_SETTINGS
        .into_iter()
        .find(|(name, _)| file == *name || file.ends_with(&format!("/{name}")))?;
    settings.iter().copied().find(|setting| line.trim_start().starts_with(setting))
}

/// Where a lock file takes a package from, if not from the public registry.
fn foreign_origin<'a>(file: &str, line: &'a str) -> Option<&'a str> {
    let line = line.trim();
    if file.ends_with("Cargo.lock") {
        let origin = line.strip_prefix("source = \"")?.strip_suffix('"')?;
        return (origin != CRATES_IO).then_some(origin);
    }
    if file.ends_with("package-lock.json") {
        let origin = line.strip_prefix("\"resolved\": \"")?.split('"').next()?;
        let public = origin.starts_with("https://registry.npmjs.org/");
        return (origin.contains("://") && !public).then_some(origin);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<(usize, String)> {
        check(&Tree::of(&[(file, text)])).into_iter().map(|v| (v.line, v.message)).collect()
    }

    /// Joined here, so that this file does not contain what it forbids.
    fn path(folder: &str) -> String {
        ["", folder, "somebody", "file"].join("/")
    }

    #[test]
    fn paths_into_local_folders_are_refused_wherever_they_stand() {
        for folder in FOLDERS_LOCAL {
            for before in ["", "cd ", "\"", "(", "PATH=", "a:", "file://"] {
                let text = format!("first\n{before}{}", path(folder));
                let found = found("docs/guide.md", &text);
                assert_eq!(found.len(), 1, "{text}");
                assert_eq!(found[0].0, 2);
            }
        }
    }

    #[test]
    fn other_paths_and_addresses_pass() {
        for text in [
            "https://example.com/home/page",
            "src/work/file crates/root/src ../home/x ~/work/x $X/root/x",
            "/usr/bin/env /tmp/x /var/lib/x /proc/self /homework/",
            "either/or and/home",
        ] {
            assert_eq!(found("docs/guide.md", text), [], "{text}");
        }
        assert_eq!(found("crates/a/tests/data/log.txt", &path("home")), []);
    }

    #[test]
    fn mirrors_are_refused_and_registries_are_not() {
        for host in ["mirror", "artifactory", "nexus"] {
            let text = format!("see https://{host}.example.org/simple/");
            assert_eq!(found("docs/guide.md", &text).len(), 1, "{text}");
        }
        assert_eq!(found("docs/guide.md", "https://crates.io/crates/mirror"), []);
    }

    #[test]
    fn settings_that_replace_a_registry_are_refused() {
        assert_eq!(
            found(".cargo/config.toml", "[source.crates-io]\nreplace-with = \"x\"").len(),
            2
        );
        assert_eq!(found("sdk/.npmrc", "registry=https://example.org").len(), 1);
        assert_eq!(found(".cargo/config.toml", "[alias]\nxtask = \"run\""), []);
        assert_eq!(found("docs/guide.md", "registry = 1"), []);
    }

    #[test]
    fn locked_packages_come_from_the_public_registry() {
        assert_eq!(found("Cargo.lock", &format!("source = \"{CRATES_IO}\"")), []);
        let other = "\nsource = \"sparse+https://crates.example.org/\"";
        assert_eq!(found("agents/Cargo.lock", other).len(), 1);
        let public = "  \"resolved\": \"https://registry.npmjs.org/a/-/a.tgz\",";
        assert_eq!(found("sdk/package-lock.json", public), []);
        let other = "  \"resolved\": \"https://npm.example.org/a/-/a.tgz\",";
        assert_eq!(found("sdk/package-lock.json", other).len(), 1);
    }
}
