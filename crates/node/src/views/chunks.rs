//! Work in chunks as it is shown.
use ainur_api::view::{ChunkView, TaskPhase};
use ainur_broker::task::Task;

use super::phase;

/// The chunks of a task, in order; none for work in one piece.
pub(super) fn chunk_views(task: &Task) -> Vec<ChunkView> {
    let prices = task.chunk_prices();
    let at_hand = task.accepted.len();
    let view = |(index, chunk): (usize, &ainur_primitives::WorkChunk)| {
        let accepted = task.accepted.get(index);
        ChunkView {
            input: chunk.input,
            phase: match accepted {
                Some(_) => TaskPhase::Settled,
                None if index == at_hand || task.phase.is_final() => phase(task.phase),
                None => TaskPhase::Announced,
            },
            price: prices.get(index).copied(),
            paid: accepted.map(|accepted| accepted.paid),
            output: accepted.map(|accepted| accepted.output),
            output_bytes: accepted.map_or(0, |accepted| accepted.bytes),
        }
    };
    task.spec.chunks.iter().enumerate().map(view).collect()
}
