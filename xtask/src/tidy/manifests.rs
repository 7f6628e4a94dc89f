//! What each package of the workspace says about itself, and which others it may build on.
//!
//! A package's normal and build dependencies stand on strictly lower layers; tests may use more.
use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Violation;
use super::tree::Tree;

struct Package<'a> {
    manifest: &'a str,
    text: &'a str,
    table: Table,
    name: String,
    layer: Option<i64>,
}

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut packages = Vec::new();
    let workspace: Table =
        tree.text("Cargo.toml").and_then(|text| text.parse().ok()).unwrap_or_default();
    for (manifest, text) in tree.files().filter(|(file, _)| is_member(&workspace, file)) {
        match read_package(manifest, text) {
            Ok(package) => packages.push(package),
            Err(violation) => violations.push(violation),
        }
    }
    let layers: BTreeMap<&str, Option<i64>> =
        packages.iter().map(|package| (package.name.as_str(), package.layer)).collect();
    for package in &packages {
        check_description(package, &mut violations);
        let Some(layer) = package.layer else {
            let message = "no layer: add `[package.metadata] layer = N` as in ARCHITECTURE.md";
            violations.push(Violation::new(package.manifest, 1, message));
            continue;
        };
        for (key, name) in dependencies(&package.table, &workspace) {
            let Some(Some(other)) = layers.get(name.as_str()) else { continue };
            if *other >= layer && name != package.name {
                let message = format!(
                    "{} (layer {layer}) depends on {name} (layer {other}): \
                     only lower layers may be used, so move the shared part down",
                    package.name
                );
                violations.push(Violation::new(
                    package.manifest,
                    line_of(package.text, &key),
                    message,
                ));
            }
        }
    }
    violations
}

/// Whether a file is the manifest of a member of the workspace.
fn is_member(workspace: &Table, file: &str) -> bool {
    let Some(folder) = file.strip_suffix("/Cargo.toml") else { return false };
    let members = workspace
        .get("workspace")
        .and_then(|workspace| workspace.get("members"))
        .and_then(Value::as_array);
    members.into_iter().flatten().filter_map(Value::as_str).any(|member| {
        match member.strip_suffix("/*") {
            Some(parent) => folder
                .strip_prefix(parent)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|name| !name.contains('/')),
            None => folder == member,
        }
    })
}

fn read_package<'a>(manifest: &'a str, text: &'a str) -> Result<Package<'a>, Violation> {
    let table: Table = text
        .parse()
        .map_err(|error| Violation::new(manifest, 1, format!("not a manifest: {error}")))?;
    let package = table.get("package");
    let name = package.and_then(|package| package.get("name")).and_then(Value::as_str);
    let name =
        name.ok_or_else(|| Violation::new(manifest, 1, "a package without a name"))?.to_owned();
    let layer = package
        .and_then(|package| package.get("metadata"))
        .and_then(|metadata| metadata.get("layer"))
        .and_then(Value::as_integer);
    Ok(Package { manifest, text, name, layer, table })
}

fn check_description(package: &Package<'_>, violations: &mut Vec<Violation>) {
    let description = package
        .table
        .get("package")
        .and_then(|table| table.get("description"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    if description.trim().is_empty() {
        let message = "no description: say in one line what the crate promises";
        violations.push(Violation::new(package.manifest, 1, message));
    }
}

/// The keys and package names of everything a package is built with, tests aside.
fn dependencies(package: &Table, workspace: &Table) -> Vec<(String, String)> {
    let targets = package.get("target").and_then(Value::as_table);
    let tables = std::iter::once(package)
        .chain(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
    let mut found = Vec::new();
    for table in tables {
        for section in ["dependencies", "build-dependencies"] {
            let entries = table.get(section).and_then(Value::as_table);
            for (key, entry) in entries.into_iter().flatten() {
                found.push((key.clone(), package_name(key, entry, workspace)));
            }
        }
    }
    found
}

/// The package behind a dependency's key, which may rename it here or in the workspace.
fn package_name(key: &str, entry: &Value, workspace: &Table) -> String {
    let inherited = workspace
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(|dependencies| dependencies.get(key));
    let renamed = |entry: &Value| entry.get("package").and_then(Value::as_str).map(str::to_owned);
    renamed(entry).or_else(|| inherited.and_then(renamed)).unwrap_or_else(|| key.to_owned())
}

/// The line on which a key stands as such or as the end of a table's name.
fn line_of(text: &str, key: &str) -> usize {
    let stands_on = |line: &str| {
        line.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            || line.strip_prefix('[').is_some_and(|rest| rest.ends_with(&format!(".{key}]")))
    };
    text.lines().position(|line| stands_on(line.trim())).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "[workspace]\nmembers = [\"crates/*\", \"xtask\"]\n\
        [workspace.dependencies]\nground = { path = \"crates/low\", package = \"low\" }\n";

    fn manifest(name: &str, layer: u32, rest: &str) -> String {
        format!(
            "[package]\nname = \"{name}\"\ndescription = \"D.\"\n[package.metadata]\nlayer = {layer}\n{rest}"
        )
    }

    fn found(low: &str, high: &str) -> Vec<(String, usize, String)> {
        let tree = Tree::of(&[
            ("Cargo.toml", WORKSPACE),
            ("crates/low/Cargo.toml", low),
            ("crates/high/Cargo.toml", high),
            ("crates/high/fixture/Cargo.toml", "not read"),
            ("elsewhere/Cargo.toml", "not read"),
        ]);
        check(&tree).into_iter().map(|v| (v.file, v.line, v.message)).collect()
    }

    #[test]
    fn lower_layers_may_be_used() {
        let high = manifest("high", 2, "[dependencies]\nlow = {}\nserde = \"1\"\n");
        assert_eq!(found(&manifest("low", 1, ""), &high), []);
    }

    #[test]
    fn siblings_and_higher_layers_are_refused_with_their_line() {
        for other in [1, 2] {
            let low = manifest("low", 1, "[dependencies]\nserde = \"1\"\nhigh.workspace = true\n");
            let found = found(&low, &manifest("high", other, ""));
            let [(file, line, message)] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!((file.as_str(), *line), ("crates/low/Cargo.toml", 8));
            assert!(message.contains(&format!("high (layer {other})")), "{message}");
        }
    }

    #[test]
    fn no_way_of_writing_a_dependency_escapes() {
        for rest in [
            "[build-dependencies]\nlow = {}\n",
            "[target.'cfg(unix)'.dependencies]\nlow = {}\n",
            "[dependencies.low]\nworkspace = true\n",
            "[dependencies]\nother = { package = \"low\", path = \"../low\" }\n",
            "[dependencies]\nground.workspace = true\n",
        ] {
            let found = found(&manifest("low", 3, ""), &manifest("high", 3, rest));
            assert_eq!(found.len(), 1, "{rest}");
            assert!(found[0].1 > 5, "{rest}: {found:?}");
        }
    }

    #[test]
    fn tests_may_use_any_layer() {
        let low = manifest("low", 1, "[dev-dependencies]\nhigh = {}\n");
        assert_eq!(found(&low, &manifest("high", 2, "")), []);
    }

    #[test]
    fn description_and_layer_are_required() {
        let bare = "[package]\nname = \"low\"\n";
        let found = found(bare, &manifest("high", 2, ""));
        assert_eq!(found.len(), 2);
        assert!(found.iter().any(|(_, _, message)| message.starts_with("no description")));
        assert!(found.iter().any(|(_, _, message)| message.starts_with("no layer")));
    }

    #[test]
    fn a_manifest_that_cannot_be_read_is_reported() {
        assert_eq!(found("[package", &manifest("high", 2, "")).len(), 1);
    }
}
