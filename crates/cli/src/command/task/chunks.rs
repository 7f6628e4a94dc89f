//! Work in chunks as people write it, and what was accepted of it.
use std::fs::File;
use std::path::Path;

use ainur_api::Service;
use ainur_api::operation::ChunkDraft;
use ainur_api::problem::{Code, Problem};
use ainur_api::view::TaskView;
use ainur_primitives::{Ppm, WORK_CHUNKS_MAX};
use serde_json::Value;

use crate::arguments::percent;
use crate::output::io_problem;

/// What a file of chunks looks like.
const EXAMPLE: &str = r#"write it as ["first text",{"any":"JSON"}] or as [{"input":"first text","share":"40%"},{"input":"second","share":"60%"}]"#;
/// The longest file of chunks that is read, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Reads a file of chunks and stores the input of each.
pub(super) fn store(path: &Path, service: &dyn Service) -> Result<Vec<ChunkDraft>, Problem> {
    let describe = |error| io_problem(&format!("read {}", path.display()), &error);
    let wrong = |why: String| {
        let why = format!("{}: {why}", path.display());
        Problem::new(Code::InvalidRequest, why).next(EXAMPLE)
    };
    if std::fs::metadata(path).map_err(describe)?.len() > FILE_BYTES_MAX {
        return Err(wrong(format!("longer than {FILE_BYTES_MAX} bytes")));
    }
    let bytes = std::fs::read(path).map_err(describe)?;
    let chunks = parse(&bytes).map_err(wrong)?;
    let stored = chunks.into_iter().map(|(input, share)| {
        let (input, _) = service.put_blob(&mut input.as_slice())?;
        Ok(ChunkDraft { input, share })
    });
    stored.collect()
}

/// The bytes of a chunk, and its share when it says one.
type ChunkInput = (Vec<u8>, Option<Ppm>);

fn parse(bytes: &[u8]) -> Result<Vec<ChunkInput>, String> {
    let items: Vec<Value> = serde_json::from_slice(bytes)
        .map_err(|error| format!("not a JSON array of inputs: {error}"))?;
    if items.len() > WORK_CHUNKS_MAX {
        return Err(format!("{} chunks, at most {WORK_CHUNKS_MAX}", items.len()));
    }
    items.into_iter().map(chunk).collect()
}

fn chunk(item: Value) -> Result<ChunkInput, String> {
    let shared = match &item {
        Value::Object(fields) if fields.len() == 2 => fields.get("input").zip(fields.get("share")),
        _ => None,
    };
    let Some((input, share)) = shared else { return Ok((content(&item), None)) };
    let share = share.as_str().ok_or("a share is written as \"40%\"")?;
    Ok((content(input), Some(percent(share)?)))
}

/// Of a text its characters, of anything else its JSON.
fn content(input: &Value) -> Vec<u8> {
    match input {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

/// Writes what was accepted, chunk after chunk, when the task ended before its last chunk.
pub(super) fn write_accepted(
    task: &TaskView,
    service: &dyn Service,
    path: &Path,
) -> Result<(), Problem> {
    let accepted: Vec<_> = task.chunks.iter().filter_map(|chunk| chunk.output).collect();
    if accepted.is_empty() {
        return Ok(());
    }
    let describe = |error| io_problem(&format!("write {}", path.display()), &error);
    let mut file = File::create(path).map_err(describe)?;
    for content in accepted {
        service.get_blob(content, &mut file)?;
    }
    file.sync_all().map_err(describe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_texts_or_json_with_or_without_their_share() {
        let plain = parse(br#"["one", {"a": 1}, 7]"#).expect("chunks");
        let bytes: Vec<&[u8]> = plain.iter().map(|(input, _)| input.as_slice()).collect();
        assert_eq!(bytes, [b"one".as_slice(), br#"{"a":1}"#, b"7"]);
        let shared = br#"[{"input": "one", "share": "40%"}, {"input": [2], "share": "60%"}]"#;
        let shared = parse(shared).expect("chunks");
        assert_eq!(shared[0], (b"one".to_vec(), Some(Ppm(400_000))));
        assert_eq!(shared[1], (b"[2]".to_vec(), Some(Ppm(600_000))));
        assert!(parse(b"{}").is_err());
        assert!(parse(br#"[{"input": "one", "share": 40}]"#).is_err());
    }
}
