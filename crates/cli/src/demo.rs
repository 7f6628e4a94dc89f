//! `ainur demo`: agents nobody knows compete, work, cheat, crash, get paid and get caught, on real
//! files, offline.
//!
//! A workflow (inventory, secret scan, deduplication, compression, search index) runs a few rounds
//! under one budget. In the first round the cheapest compressor delivers a truncated archive, the
//! next one crashes, and a worker process is killed in the middle of the third one's work. What
//! follows is no script: which agent wins in later rounds is what the market makes of it.
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use ainur_api::problem::{Code, Problem};
use ainur_node::Node;

use crate::arguments;
use crate::command::Outcome;
use crate::connect::Place;
use crate::output::{Output, bytes};

mod baseline;
mod cast;
mod elsewhere;
mod hire;
mod narrate;
mod proof;
mod summary;
mod workflow;

use narrate::Narrator;
use summary::Summary;

/// Runs the demo.
pub(crate) fn run(demo: arguments::Demo, place: &Place, output: &Output) -> Outcome {
    let began = Instant::now();
    let folder = folder(demo.folder)?;
    let place = place.for_demo()?;
    let narrator = Narrator::new(output);
    let node = place.open()?;

    narrator.scene("Agents join", "each with its own keys, identity, card and stake");
    cast::join(&node, &narrator)?;

    narrator.scene("The work", &format!("{} becomes one input stream", folder.display()));
    let (input, input_bytes) = crate::command::pack_input(&folder, &node)?;
    narrator.fact("packed", &format!("{} as {input}", bytes(input_bytes)));

    let mut summary = Summary::new(input, input_bytes);
    let results = place.root().join("results");
    std::fs::create_dir_all(&results)
        .map_err(|error| crate::output::io_problem("make the results folder", &error))?;
    let last = workflow::run(&node, &narrator, &mut summary, demo.rounds)?;
    elsewhere::run(&node, &narrator, &mut summary, place.root(), last.compressed)?;
    baseline::run(&node, &narrator, &mut summary, demo.rounds)?;
    hire::the_cheat_alone(&node, &narrator, &mut summary)?;
    proof::restore(&node, &narrator, &mut summary, &last)?;
    proof::search(&node, &narrator, &mut summary, &last)?;
    proof::write_results(&node, &narrator, &last, &results)?;
    proof::receipts(&node, &narrator, &mut summary, &results)?;
    proof::ledger(&node, &narrator, &mut summary)?;
    let well = summary.all_is_well();
    summary.show(output, &narrator, place.root(), began.elapsed());
    proof::prompt(&node, &narrator, &mut summary)?;
    node.close()?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The folder to work on: the one named, or the corpus that comes with the repository.
fn folder(named: Option<PathBuf>) -> Result<PathBuf, Problem> {
    if let Some(folder) = named {
        if folder.is_dir() {
            return Ok(folder);
        }
        return Err(Problem::new(
            Code::InvalidRequest,
            format!("{} is not a folder", folder.display()),
        )
        .next("name a folder with files, or none to use the corpus that comes with ainur"));
    }
    let here = std::env::current_dir().ok();
    let binary = std::env::current_exe().ok();
    let above = here.iter().chain(&binary).flat_map(|path| path.ancestors());
    above
        .map(|folder| folder.join("corpus"))
        .find(|corpus| corpus.join("MANIFEST.md").is_file())
        .ok_or_else(|| {
            Problem::new(Code::NotFound, "the corpus that comes with ainur is not here")
                .next("run this in the repository, or name a folder: ainur demo FOLDER")
        })
}

/// Writes an output of the demo into the results folder.
fn save(node: &Node, content: ainur_primitives::ContentId, path: &Path) -> Result<(), Problem> {
    use ainur_api::Service;
    let mut file = std::fs::File::create(path)
        .map_err(|error| crate::output::io_problem(&format!("write {}", path.display()), &error))?;
    node.get_blob(content, &mut file).map(|_| ())
}
