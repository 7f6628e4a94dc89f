//! A task's place in a distributed trace.
//!
//! The ids of its spans follow from the id of its own span, so nothing has to be remembered while it
//! runs: a node that was killed goes on under the same ids, and what agents were told stays true.
use ainur_crypto::hash;
use ainur_primitives::{SpanId, TraceContext};
use scale::{Decode, Encode};

use super::Task;

/// Where a task belongs, and whether this node records it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct TaskTrace {
    /// The task's own span; that of the buyer when nothing is recorded here.
    pub context: TraceContext,
    /// The buyer's span, when the task's own is another and the buyer has one.
    pub parent: Option<SpanId>,
    /// The task has spans of its own.
    pub is_recorded: bool,
}

/// A part of a task that has a span.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode)]
pub enum TaskSpan {
    /// From the call for proposals to the first award.
    Auction,
    /// Locking the money for attempt n.
    Agreement(u32),
    /// The work of attempt n.
    Work(u32),
    /// Checking what attempt n delivered.
    Check(u32),
    /// Paying attempt n, or taking note of its failure.
    Settlement(u32),
    /// Returning the money when nobody is left.
    Refund,
}

impl TaskTrace {
    /// A trace that is only passed along: agents' spans hang below the buyer's.
    pub const fn passed_along(context: TraceContext) -> Self {
        Self { context, parent: None, is_recorded: false }
    }

    /// The id of a part's span.
    pub fn span(&self, part: TaskSpan) -> SpanId {
        let digest = hash::tagged("ainur/span/v1", &[&self.context.span.0, &part.encode()]);
        let mut id = [0; 8];
        id.copy_from_slice(&digest.0[..8]);
        // Zeros would be no id.
        id[7] |= u8::from(id == [0; 8]);
        SpanId(id)
    }
}

impl Task {
    /// What is told to whoever does a part of the task.
    pub fn context_of(&self, part: TaskSpan) -> Option<TraceContext> {
        let trace = self.trace.as_ref()?;
        Some(match trace.is_recorded {
            true => trace.context.under(trace.span(part)),
            false => trace.context.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use ainur_primitives::TraceId;

    use super::*;

    #[test]
    fn every_part_has_an_id_of_its_own_that_does_not_change() {
        let context = TraceContext::new(TraceId([1; 16]), SpanId([2; 8]), TraceContext::SAMPLED);
        let trace = TaskTrace { context, parent: None, is_recorded: true };
        let parts = [
            TaskSpan::Auction,
            TaskSpan::Agreement(1),
            TaskSpan::Work(1),
            TaskSpan::Work(2),
            TaskSpan::Check(1),
            TaskSpan::Settlement(1),
            TaskSpan::Refund,
        ];
        let ids: Vec<SpanId> = parts.iter().map(|part| trace.span(*part)).collect();
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{:?}", parts[index]);
            assert_eq!(trace.span(parts[index]), *id);
        }
    }
}
