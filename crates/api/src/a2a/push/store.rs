//! What notifications were asked for: in memory, and in a file when there is one.
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use a2a_types::TaskPushNotificationConfig;
use serde::{Deserialize, Serialize};

use super::super::error::Error;
use super::super::limits::{
    PUSH_CONFIGS_PER_TASK_MAX, PUSH_FILE_BYTES_MAX, PUSH_TASKS_MAX, PUSH_TASKS_PER_CLIENT_MAX,
};
use super::super::version::Version;
use crate::http::server::Holder;
use crate::problem::{Code, Problem};

/// Bytes of a configuration in the file: all there can be stay below [`PUSH_FILE_BYTES_MAX`].
const KEPT_BYTES_MAX: usize =
    PUSH_FILE_BYTES_MAX as usize / (PUSH_TASKS_MAX * PUSH_CONFIGS_PER_TASK_MAX) - 256;

/// One configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) config: TaskPushNotificationConfig,
    /// The version in which it was asked for, and is told.
    pub(super) version: Version,
    /// The address at which the server was reached, for links.
    pub(super) base: String,
    /// The name of the token with which it was asked for; none is the operator.
    #[serde(default)]
    pub(super) owner: Option<String>,
}

impl Kept {
    /// Whose places its notifications take.
    pub(super) fn holder(&self) -> Holder {
        self.owner.as_deref().map_or(Holder::Owner, |name| Holder::Client(name.into()))
    }
}

/// Configurations by task.
#[derive(Debug, Default)]
pub(super) struct Store {
    file: Option<PathBuf>,
    tasks: BTreeMap<String, Asked>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Asked {
    configs: Vec<Kept>,
    /// Nothing will be told any more; the first to go when there is no room.
    #[serde(skip)]
    ended: bool,
}

impl Store {
    /// Reads the file, when there is one.
    pub(super) fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let mut store = Self { file, tasks: BTreeMap::new() };
        let Some(path) = &store.file else { return Ok(store) };
        let mut text = String::new();
        match File::open(path)
            .and_then(|file| file.take(PUSH_FILE_BYTES_MAX).read_to_string(&mut text))
        {
            Ok(_) => store.tasks = serde_json::from_str(&text).map_err(io::Error::from)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    /// What is to be written, when there is a file.
    pub(super) fn draft(&self) -> Option<Draft> {
        let path = self.file.clone()?;
        let open: BTreeMap<_, _> = self.tasks.iter().filter(|(_, asked)| !asked.ended).collect();
        // Structs and maps with names that are text.
        let text = serde_json::to_vec(&open).expect("configurations become JSON");
        Some(Draft { path, text })
    }

    /// Keeps a configuration, in the place of one with the same id.
    pub(super) fn put(&mut self, kept: Kept) -> Result<(), Error> {
        let full = |what: &str, max: usize| {
            Error::from(Problem::new(Code::LimitReached, format!("{what}: {max} at most")))
        };
        let task = kept.config.task_id.clone();
        // As JSON a text may be six times as long.
        let written = |kept: &Kept| serde_json::to_vec(kept).map_or(0, |json| json.len());
        if written(&kept) > KEPT_BYTES_MAX {
            return Err(full("bytes of a push notification configuration", KEPT_BYTES_MAX));
        }
        if kept.owner.is_some() && !self.tasks.contains_key(&task) {
            let has_asked = |asked: &&Asked| {
                !asked.ended && asked.configs.iter().any(|other| other.owner == kept.owner)
            };
            if self.tasks.values().filter(has_asked).count() >= PUSH_TASKS_PER_CLIENT_MAX {
                let what = "a client's tasks with push notifications (PUSH_TASKS_PER_CLIENT_MAX)";
                return Err(full(what, PUSH_TASKS_PER_CLIENT_MAX));
            }
        }
        if !self.tasks.contains_key(&task) && self.tasks.len() >= PUSH_TASKS_MAX {
            let ended = self.tasks.iter().find(|(_, asked)| asked.ended);
            let Some(ended) = ended.map(|(task, _)| task.clone()) else {
                return Err(full("tasks with push notifications", PUSH_TASKS_MAX));
            };
            self.tasks.remove(&ended);
        }
        let configs = &mut self.tasks.entry(task).or_default().configs;
        if let Some(same) = configs.iter_mut().find(|other| other.config.id == kept.config.id) {
            *same = kept;
        } else if configs.len() < PUSH_CONFIGS_PER_TASK_MAX {
            configs.push(kept);
        } else {
            return Err(full("push notification configurations", PUSH_CONFIGS_PER_TASK_MAX));
        }
        Ok(())
    }

    /// The configurations of a task.
    pub(super) fn of(&self, task: &str) -> &[Kept] {
        self.tasks.get(task).map_or(&[], |asked| &asked.configs)
    }

    /// Forgets a configuration.
    pub(super) fn delete(&mut self, task: &str, id: &str) {
        if let Some(asked) = self.tasks.get_mut(task) {
            asked.configs.retain(|kept| kept.config.id.as_deref() != Some(id));
            if asked.configs.is_empty() {
                self.tasks.remove(task);
            }
        }
    }

    /// The task has ended: its configurations are only shown from now on.
    pub(super) fn end(&mut self, task: &str) {
        if let Some(asked) = self.tasks.get_mut(task) {
            asked.ended = true;
        }
    }

    /// Tasks that are still to be told of, and the address for links.
    pub(super) fn open_tasks(&self) -> Vec<(String, String)> {
        let open = self.tasks.iter().filter(|(_, asked)| !asked.ended);
        let base = |asked: &Asked| asked.configs.first().map(|kept| kept.base.clone());
        open.map(|(task, asked)| (task.clone(), base(asked).unwrap_or_default())).collect()
    }
}

/// The file as it should be.
pub(super) struct Draft {
    path: PathBuf,
    text: Vec<u8>,
}

impl Draft {
    /// Writes the file, whole or not at all. It holds secrets, so its owner alone may read it.
    pub(super) fn write(&self) -> io::Result<()> {
        let draft = self.path.with_extension("draft");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&self.text)?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(task: &str, id: &str) -> Kept {
        let config = TaskPushNotificationConfig {
            url: "https://example.com".into(),
            id: Some(id.into()),
            task_id: task.into(),
            token: None,
            authentication: None,
            tenant: None,
        };
        Kept { config, version: Version::Current, base: String::new(), owner: None }
    }

    fn of(owner: &str, task: usize) -> Kept {
        Kept { owner: Some(owner.into()), ..kept(&task.to_string(), "a") }
    }

    #[test]
    fn no_client_takes_the_slots_of_the_others() {
        let mut store = Store::default();
        for task in 0..PUSH_TASKS_PER_CLIENT_MAX {
            store.put(of("greedy", task)).unwrap();
        }
        let next = PUSH_TASKS_PER_CLIENT_MAX;
        let refused = store.put(of("greedy", next)).unwrap_err();
        assert!(refused.to_string().contains("PUSH_TASKS_PER_CLIENT_MAX"), "{refused}");
        store.put(of("modest", next)).unwrap();
        store.put(kept("operator's", "a")).unwrap();
        store.end("0");
        store.put(of("greedy", next + 1)).unwrap();
    }

    #[test]
    fn what_was_asked_for_is_there_after_a_restart_until_the_task_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("push.json");
        let mut store = Store::open(Some(path.clone())).unwrap();
        store.put(kept("one", "a")).unwrap();
        store.put(kept("two", "a")).unwrap();
        store.end("two");
        store.draft().unwrap().write().unwrap();
        let store = Store::open(Some(path.clone())).unwrap();
        assert_eq!(store.of("one"), [kept("one", "a")]);
        assert_eq!(store.open_tasks(), [("one".to_owned(), String::new())]);
        fs::write(&path, "{").unwrap();
        assert!(Store::open(Some(path)).is_err());
    }

    #[test]
    fn a_full_store_gives_up_ended_tasks_and_then_refuses() {
        let mut store = Store::default();
        for number in 0..PUSH_TASKS_MAX {
            store.put(kept(&number.to_string(), "a")).unwrap();
        }
        assert!(store.put(kept("new", "a")).is_err());
        store.end("7");
        store.put(kept("new", "a")).unwrap();
        assert_eq!(store.of("7"), []);
        for number in 1..PUSH_CONFIGS_PER_TASK_MAX {
            store.put(kept("new", &number.to_string())).unwrap();
        }
        assert!(store.put(kept("new", "one too many")).is_err());
        store.put(kept("new", "a")).unwrap();
        store.delete("new", "a");
        assert_eq!(store.of("new").len(), PUSH_CONFIGS_PER_TASK_MAX - 1);
    }
}
