//! What the same compression costs without a market: every compressor in turn, at its own price,
//! whatever it has done before.
use ainur_api::problem::Problem;
use ainur_node::Node;
use ainur_primitives::{AcceptanceCheck, SelectionRule};

use super::cast;
use super::hire::{Wish, hire};
use super::narrate::Narrator;
use super::summary::Summary;
use super::workflow::accepted;

/// Runs as many compressions as the market did, handed out in turn; a failed one goes to the next.
pub(super) fn run(
    node: &Node,
    narrator: &Narrator<'_>,
    summary: &mut Summary,
    rounds: u32,
) -> Result<(), Problem> {
    narrator.scene("Round-robin", "the same work without competition or reputation, to compare");
    let compressors: Vec<_> = cast::agents(node)?
        .into_iter()
        .filter(|agent| agent.capabilities.iter().any(|c| c.name.as_str() == "archive.compress"))
        .collect();
    let Some(input) = summary.last_compressed_input else { return Ok(()) };
    let verifier = cast::component(node, cast::VERIFIER)?;
    let mut turn = compressors.iter().cycle();
    for _ in 0..rounds {
        // Each agent is asked at most once per piece of work.
        for agent in turn.by_ref().take(compressors.len()) {
            let check = AcceptanceCheck::Verifier { component: verifier };
            let mut wish = Wish::new("archive.compress", input, check);
            wish.only = Some(agent.did);
            // Alone, an agent is paid its own bid under this rule.
            wish.selection = SelectionRule::Fastest;
            wish.kill_worker = summary.wants_a_kill();
            let view = hire(node, narrator, summary, wish)?;
            if accepted(&view).is_some() {
                summary.round_robin(&view);
                break;
            }
        }
    }
    Ok(())
}
