//! Removing what has been remembered long enough, a bounded amount in each block.
use super::Context;
use crate::state::ReadState;
use crate::state::key::{Space, read_expiry};

/// How many records one block removes at most: more than it usually adds, for a transaction can have
/// several remembered.
pub const REMOVALS_PER_BLOCK_MAX: usize = 4 * crate::block::BLOCK_TRANSACTIONS_MAX;

/// Removes records whose time has passed.
pub(super) fn remove_due(context: &mut Context<'_>) {
    let mut from = Space::Expiry.prefix().to_vec();
    for _ in 0..REMOVALS_PER_BLOCK_MAX {
        let Some((queued, _)) = context.state.next(&from) else { break };
        let Some((at, record)) = read_expiry(&queued) else { break };
        if at >= context.now {
            break;
        }
        let record = record.to_vec();
        from.clone_from(&queued);
        context.state.remove(record);
        context.state.remove(queued);
    }
    context.state.keep();
}
