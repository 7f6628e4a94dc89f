//! Task graphs: work in parts, and which part needs what other parts delivered.
//!
//! A graph is a list of subtasks in an order in which they could be done: a subtask needs only
//! earlier ones, so no graph has a cycle. A subtask's input is the job's input when it needs
//! nothing, and otherwise what it needs delivered, one after another in ascending order; what the
//! subtasks that nobody needs deliver is the job's output, in ascending order.
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use scale::{Decode, DecodeWithMemTracking, Encode};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::capability::CapabilityName;
use crate::time::DurationMs;

/// How many subtasks a graph has at most.
pub const SUBTASKS_MAX: usize = 64;
/// How long the name of a subtask is at most, in bytes.
pub const SUBTASK_NAME_BYTES_MAX: usize = 48;

/// Work in parts.
#[derive(
    Clone,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct TaskGraph {
    /// The parts, each after all that it needs.
    pub subtasks: Vec<Subtask>,
}

/// One part of a [`TaskGraph`].
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Subtask {
    /// What people call it; unique in its graph.
    pub name: String,
    /// What is wanted.
    pub capability: CapabilityName,
    /// JSON parameters in canonical form.
    pub parameters: String,
    /// The most that is paid for it; all together are at most the job's reserve (decision 16).
    pub reserve: Amount,
    /// How long it may take.
    pub duration_ms_max: DurationMs,
    /// The subtasks whose output it works on, ascending.
    pub needs: Vec<u16>,
}

/// Why a list of subtasks is not a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Nothing to do.
    #[error("a task graph has at least one subtask")]
    Empty,
    /// Too much to do.
    #[error("a task graph has at most {SUBTASKS_MAX} subtasks, not {0}")]
    TooMany(usize),
    /// No name, or one that is too long.
    #[error("subtask {0} needs a name of 1 to {SUBTASK_NAME_BYTES_MAX} bytes")]
    Name(usize),
    /// Two subtasks with one name.
    #[error("two subtasks are called '{0}'")]
    SameName(String),
    /// It needs itself, a later one or one that does not exist, or its needs do not ascend.
    #[error("what '{0}' needs has to be earlier subtasks, ascending and each once")]
    Needs(String),
    /// Nothing could be paid, or no time is left.
    #[error("'{0}' needs a reserve and a duration above zero")]
    Impossible(String),
}

impl TaskGraph {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of [`GraphError`].
    pub fn validate(&self) -> Result<(), GraphError> {
        if self.subtasks.is_empty() {
            return Err(GraphError::Empty);
        }
        if self.subtasks.len() > SUBTASKS_MAX {
            return Err(GraphError::TooMany(self.subtasks.len()));
        }
        for (index, subtask) in self.subtasks.iter().enumerate() {
            if !(1..=SUBTASK_NAME_BYTES_MAX).contains(&subtask.name.len()) {
                return Err(GraphError::Name(index));
            }
            let earlier = &self.subtasks[..index];
            if earlier.iter().any(|other| other.name == subtask.name) {
                return Err(GraphError::SameName(subtask.name.clone()));
            }
            let ascend = subtask.needs.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascend || subtask.needs.iter().any(|need| usize::from(*need) >= index) {
                return Err(GraphError::Needs(subtask.name.clone()));
            }
            if subtask.reserve.is_zero() || subtask.duration_ms_max == DurationMs(0) {
                return Err(GraphError::Impossible(subtask.name.clone()));
            }
        }
        Ok(())
    }

    /// The subtasks in stages: those of one stage need only those of earlier ones, so they can be
    /// done at the same time. Each is in the earliest stage it can be in.
    pub fn stages(&self) -> Vec<Vec<u16>> {
        let mut stage_of = vec![0_usize; self.subtasks.len()];
        let mut stages: Vec<Vec<u16>> = Vec::new();
        for (index, subtask) in self.subtasks.iter().enumerate() {
            let needed = subtask.needs.iter().map(|need| stage_of[usize::from(*need)] + 1);
            let stage = needed.max().unwrap_or(0);
            stage_of[index] = stage;
            if stages.len() <= stage {
                stages.push(Vec::new());
            }
            stages[stage].push(index as u16);
        }
        stages
    }

    /// The subtasks that nobody needs, ascending: what they deliver is the job's output.
    pub fn last(&self) -> Vec<u16> {
        let needed = |index: u16| self.subtasks.iter().any(|other| other.needs.contains(&index));
        (0..self.subtasks.len() as u16).filter(|index| !needed(*index)).collect()
    }

    /// How long the whole takes when each subtask starts once what it needs is done, given each
    /// one's duration: the critical path.
    pub fn makespan(&self, duration: impl Fn(usize) -> DurationMs) -> DurationMs {
        let mut done = vec![0_u64; self.subtasks.len()];
        for (index, subtask) in self.subtasks.iter().enumerate() {
            let needed = subtask.needs.iter().map(|need| done[usize::from(*need)]);
            done[index] = needed.max().unwrap_or(0).saturating_add(duration(index).0);
        }
        DurationMs(done.into_iter().max().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn graph(needs: &[&[u16]]) -> TaskGraph {
        let subtask = |(index, needs): (usize, &&[u16])| Subtask {
            name: format!("part-{index}"),
            capability: "text.digest".parse().expect("a name"),
            parameters: "{}".into(),
            reserve: Amount(1),
            duration_ms_max: DurationMs(10),
            needs: needs.to_vec(),
        };
        TaskGraph { subtasks: needs.iter().enumerate().map(subtask).collect() }
    }

    #[test]
    fn a_diamond_has_three_stages_and_the_longer_side_decides_its_makespan() {
        let diamond = graph(&[&[], &[0], &[0], &[1, 2]]);
        assert_eq!(diamond.validate(), Ok(()));
        assert_eq!(diamond.stages(), [vec![0], vec![1, 2], vec![3]]);
        assert_eq!(diamond.last(), [3]);
        let durations = [10, 5, 20, 1];
        assert_eq!(diamond.makespan(|index| DurationMs(durations[index])), DurationMs(31));
    }

    #[test]
    fn what_is_not_a_graph_is_refused_by_name() {
        assert_eq!(graph(&[]).validate(), Err(GraphError::Empty));
        for needs in [&[0][..], &[1], &[7]] {
            assert_eq!(graph(&[needs, &[]]).validate(), Err(GraphError::Needs("part-0".into())));
        }
        let twice = graph(&[&[], &[], &[1, 0]]);
        assert_eq!(twice.validate(), Err(GraphError::Needs("part-2".into())));
        let mut same = graph(&[&[], &[]]);
        same.subtasks[1].name = "part-0".into();
        assert_eq!(same.validate(), Err(GraphError::SameName("part-0".into())));
        let mut free = graph(&[&[]]);
        free.subtasks[0].reserve = Amount::ZERO;
        assert_eq!(free.validate(), Err(GraphError::Impossible("part-0".into())));
        let many: [&[u16]; 65] = [&[]; 65];
        assert_eq!(graph(&many).validate(), Err(GraphError::TooMany(65)));
    }
}
