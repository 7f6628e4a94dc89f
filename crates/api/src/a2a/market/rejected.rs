//! Messages that bought nothing, as the tasks they were answered with: so many, and so many bytes
//! of them, that nobody can fill the memory with what is not even paid for.
use std::collections::{BTreeMap, VecDeque};

use a2a_types::Task;

use super::super::limits::{REJECTED_BYTES_MAX, REJECTED_MAX, REJECTED_MESSAGE_BYTES_MAX};

/// Whose it is, and its id.
type Key = (Option<String>, String);

/// The newest of them.
#[derive(Default)]
pub(super) struct Rejected {
    tasks: BTreeMap<Key, (Task, usize)>,
    oldest_first: VecDeque<Key>,
    bytes: usize,
}

impl Rejected {
    /// Keeps one more. The message itself is left out when it is long: its sender has it.
    pub(super) fn keep(&mut self, owner: Option<String>, mut task: Task) {
        let mut bytes = weight(&task);
        if bytes > REJECTED_MESSAGE_BYTES_MAX {
            task.history = None;
            bytes = weight(&task);
        }
        let key = (owner, task.id.clone());
        self.bytes += bytes;
        match self.tasks.insert(key.clone(), (task, bytes)) {
            Some((_, before)) => self.bytes -= before,
            None => self.oldest_first.push_back(key),
        }
        while self.oldest_first.len() > REJECTED_MAX || self.bytes > REJECTED_BYTES_MAX {
            let Some(oldest) = self.oldest_first.pop_front() else { return };
            if let Some((_, bytes)) = self.tasks.remove(&oldest) {
                self.bytes -= bytes;
            }
        }
    }

    /// One of those that are kept.
    pub(super) fn find(&self, owner: &Option<String>, task: &str) -> Option<Task> {
        self.tasks.get(&(owner.clone(), task.to_owned())).map(|(task, _)| task.clone())
    }
}

/// Bytes of a task as JSON.
fn weight(task: &Task) -> usize {
    serde_json::to_vec(task).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use a2a_types::{Message, Part, Role};

    use super::super::picture::rejection;
    use super::*;

    fn task(id: &str, bytes: usize) -> Task {
        let asked = Message::new(Role::User, vec![Part::text("x".repeat(bytes))]);
        rejection(id.into(), &asked, "no".into())
    }

    #[test]
    fn only_the_newest_are_kept_and_they_hold_few_bytes() {
        let mut rejected = Rejected::default();
        for number in 0..3 * REJECTED_MAX {
            rejected.keep(None, task(&format!("t{number}"), REJECTED_MESSAGE_BYTES_MAX / 2));
            assert!(rejected.bytes <= REJECTED_BYTES_MAX, "{}", rejected.bytes);
        }
        let newest = rejected.find(&None, &format!("t{}", 3 * REJECTED_MAX - 1)).unwrap();
        assert!(newest.history.is_some());
        assert!(rejected.find(&None, "t0").is_none());
        assert_eq!(rejected.tasks.len(), rejected.oldest_first.len());
        let held: usize = rejected.tasks.values().map(|(_, bytes)| bytes).sum();
        assert_eq!(held, rejected.bytes);
        for number in 0..3 * REJECTED_MAX {
            rejected.keep(None, task(&format!("s{number}"), 1));
        }
        assert_eq!(rejected.tasks.len(), REJECTED_MAX);
    }

    #[test]
    fn long_message_is_remembered_without_what_it_said() {
        let mut rejected = Rejected::default();
        rejected.keep(None, task("t", REJECTED_MESSAGE_BYTES_MAX));
        assert!(rejected.find(&None, "t").unwrap().history.is_none());
        assert!(rejected.find(&Some("another".into()), "t").is_none());
        // The same again takes no further place.
        let bytes = rejected.bytes;
        rejected.keep(None, task("t", REJECTED_MESSAGE_BYTES_MAX));
        assert_eq!((rejected.bytes, rejected.oldest_first.len()), (bytes, 1));
    }
}
