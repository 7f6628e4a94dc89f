//! `ainur blob …`.
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use super::Outcome;
use crate::arguments::Blob;
use crate::connect::Place;
use crate::output::{Output, bytes, io_problem};

pub(super) fn run(verb: Blob, place: &Place, output: &Output) -> Outcome {
    let service = place.connect()?;
    match verb {
        Blob::Put { file } => {
            let (content, length) = if file == Path::new("-") {
                service.put_blob(&mut std::io::stdin().lock())?
            } else {
                let mut source = File::open(&file)
                    .map_err(|error| io_problem(&format!("read {}", file.display()), &error))?;
                service.put_blob(&mut source)?
            };
            if output.is_json() {
                output.json(&serde_json::json!({ "content": content, "bytes": length }));
            } else {
                output.facts(&[("content", content.to_string()), ("length", bytes(length))]);
            }
        }
        Blob::Get { content, output: None } => {
            service.get_blob(content, &mut std::io::stdout().lock())?;
        }
        Blob::Get { content, output: Some(path) } => {
            let length = super::task::write_file(&*service, content, &path)?;
            if output.is_json() {
                output.json(&serde_json::json!({ "content": content, "bytes": length }));
            } else {
                output.line(format!("{} to {}", bytes(length), path.display()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
