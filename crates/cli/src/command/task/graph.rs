//! A task graph as people write it: parts by name, amounts in AINU, times in seconds.
use std::path::Path;

use ainur_api::problem::{Code, Problem};
use ainur_primitives::{Amount, CapabilityName, DurationMs, Subtask, TaskGraph};
use serde::Deserialize;

use crate::output::io_problem;

/// What a graph file looks like.
pub(super) const EXAMPLE: &str = r#"write it as {"parts":[{"name":"text","capability":"text.extract","reserve":"2"},{"name":"digest","capability":"text.digest","reserve":"1","needs":["text"],"parameters":{},"seconds":30}]}"#;

/// How long a part may take that says nothing of it.
const SECONDS_DEFAULT: u64 = 60;
/// The longest graph file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 8 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphFile {
    parts: Vec<PartDraft>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartDraft {
    name: String,
    capability: CapabilityName,
    /// In AINU.
    reserve: String,
    #[serde(default = "no_parameters")]
    parameters: serde_json::Value,
    #[serde(default)]
    needs: Vec<String>,
    seconds: Option<u64>,
}

fn no_parameters() -> serde_json::Value {
    serde_json::json!({})
}

/// Reads a graph file.
pub(super) fn read(path: &Path) -> Result<TaskGraph, Problem> {
    let describe = |error| io_problem(&format!("read {}", path.display()), &error);
    if std::fs::metadata(path).map_err(describe)?.len() > FILE_BYTES_MAX {
        let why = format!("{} is longer than {FILE_BYTES_MAX} bytes", path.display());
        return Err(Problem::new(Code::InvalidRequest, why).next(EXAMPLE));
    }
    let bytes = std::fs::read(path).map_err(describe)?;
    parse(&bytes)
        .map_err(|why| format!("{}: {why}", path.display()))
        .map_err(|why| Problem::new(Code::InvalidRequest, why).next(EXAMPLE))
}

fn parse(bytes: &[u8]) -> Result<TaskGraph, String> {
    let file: GraphFile = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let names: Vec<String> = file.parts.iter().map(|part| part.name.clone()).collect();
    let subtask = |part: PartDraft| {
        let place = |need: &String| {
            let found = names.iter().position(|name| name == need);
            let found = found.and_then(|place| u16::try_from(place).ok());
            found.ok_or_else(|| format!("'{}' needs '{need}', which is no part", part.name))
        };
        let mut needs = part.needs.iter().map(place).collect::<Result<Vec<u16>, String>>()?;
        needs.sort_unstable();
        Ok(Subtask {
            capability: part.capability.clone(),
            parameters: part.parameters.to_string(),
            reserve: Amount::from_ainu(&part.reserve)
                .map_err(|error| format!("the reserve of '{}': {error}", part.name))?,
            duration_ms_max: DurationMs::seconds(part.seconds.unwrap_or(SECONDS_DEFAULT)),
            needs,
            name: part.name,
        })
    };
    let subtasks = file.parts.into_iter().map(subtask).collect::<Result<_, String>>()?;
    let graph = TaskGraph { subtasks };
    graph.validate().map_err(|error| error.to_string())?;
    Ok(graph)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_name_and_a_stranger_is_named() {
        let text = r#"{"parts":[{"name":"a","capability":"text.extract","reserve":"2"},
            {"name":"b","capability":"text.digest","reserve":"0.5","needs":["a"],"seconds":5}]}"#;
        let graph = parse(text.as_bytes()).expect("a graph");
        assert_eq!(graph.subtasks[1].needs, [0]);
        assert_eq!(graph.subtasks[1].duration_ms_max, DurationMs(5_000));
        let lost = text.replace(r#"["a"]"#, r#"["c"]"#);
        assert!(parse(lost.as_bytes()).unwrap_err().contains("'b' needs 'c'"));
        assert!(parse(b"{}").is_err() && parse(br#"{"parts":[]}"#).is_err());
    }
}
