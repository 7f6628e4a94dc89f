//! Messages that bought nothing, as the tasks they were answered with: some of the newest, by size.
use std::collections::{BTreeMap, VecDeque};

use a2a_types::Task;

use super::super::limits::{REJECTED_BYTES_MAX, REJECTED_BYTES_MIN};
use crate::http::server::{Held, Holder, Places};

/// Whose, and which.
type Key = (Option<String>, String);

/// What is remembered.
pub(super) struct Rejected {
    tasks: BTreeMap<Key, (Task, Held)>,
    oldest_first: VecDeque<Key>,
    bytes: Places,
}

impl Default for Rejected {
    fn default() -> Self {
        let bytes = Places::quartered(REJECTED_BYTES_MAX);
        Self { tasks: BTreeMap::new(), oldest_first: VecDeque::new(), bytes }
    }
}

impl Rejected {
    /// Keeps a task, in the place of older ones: of the same sender first. One that is larger than a
    /// sender's part is not kept.
    pub(super) fn keep(&mut self, holder: &Holder, owner: Option<String>, task: Task) {
        let bytes = serde_json::to_vec(&task).map_or(u64::MAX, |json| json.len() as u64);
        let bytes = bytes.max(REJECTED_BYTES_MIN);
        if bytes > REJECTED_BYTES_MAX / 4 {
            return;
        }
        let key = (owner, task.id.clone());
        self.forget(|other| *other == key);
        let held = loop {
            if let Some(held) = self.bytes.take(holder, bytes) {
                break held;
            }
            if !self.forget(|other| other.0 == key.0) && !self.forget(|_| true) {
                return;
            }
        };
        self.oldest_first.push_back(key.clone());
        self.tasks.insert(key, (task, held));
    }

    /// Forgets the oldest of these, if there is one.
    fn forget(&mut self, of: impl Fn(&Key) -> bool) -> bool {
        let Some(index) = self.oldest_first.iter().position(of) else { return false };
        let key = self.oldest_first.remove(index);
        key.is_some_and(|key| self.tasks.remove(&key).is_some())
    }

    pub(super) fn find(&self, owner: &Option<String>, task: &str) -> Option<Task> {
        let found = self.tasks.get(&(owner.clone(), task.to_owned()));
        found.map(|(task, _)| task.clone())
    }
}

#[cfg(test)]
mod tests {
    use a2a_types::{Message, Part, Role};

    use super::super::picture::rejection;
    use super::*;

    fn keep(rejected: &mut Rejected, owner: &str, id: &str, bytes: usize) {
        let asked = Message::new(Role::User, vec![Part::text("x".repeat(bytes))]);
        let (holder, task) =
            (Holder::Client(owner.into()), rejection(id.into(), &asked, "no".into()));
        rejected.keep(&holder, Some(owner.into()), task);
    }

    #[test]
    fn no_sender_fills_the_memory_or_has_those_of_others_forgotten() {
        let mut rejected = Rejected::default();
        let found = |rejected: &Rejected, owner: &str, id: &str| {
            rejected.find(&Some(owner.to_owned()), id).is_some()
        };
        keep(&mut rejected, "modest", "1", 10);
        for number in 0..2 {
            keep(&mut rejected, "greedy", &number.to_string(), 9 << 20);
        }
        assert!(found(&rejected, "greedy", "1") && !found(&rejected, "greedy", "0"));
        let most = usize::try_from(REJECTED_BYTES_MAX / 4 / REJECTED_BYTES_MIN).unwrap();
        for number in 0..2 * most {
            keep(&mut rejected, "greedy", &number.to_string(), 10);
        }
        assert!(found(&rejected, "modest", "1"), "its own go first");
        assert_eq!(rejected.tasks.len(), most + 1);
        assert_eq!(rejected.oldest_first.len(), most + 1);
        // Whoever comes last is remembered too.
        for owner in ["a", "b", "c", "d", "e"] {
            for number in 0..most {
                keep(&mut rejected, owner, &number.to_string(), 10);
            }
            let last = (most - 1).to_string();
            assert!(found(&rejected, owner, &last), "{owner}");
        }
    }
}
