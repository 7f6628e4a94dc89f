//! `ainur task …`.
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use ainur_api::operation::{TaskQuery, TaskRequest};
use ainur_api::view::{TaskPhase, TaskView};
use ainur_api::{Operation, Problem, Reply, Service};
use ainur_primitives::ContentId;

use super::{Outcome, ask};
use crate::arguments::{Task, TaskRun};
use crate::connect::Place;
use crate::output::{Output, io_problem};

mod chunks;
mod follow;
mod graph;
mod input;
mod request;
mod show;

pub(crate) use input::pack_input;
pub(super) use request::from_arguments;

pub(super) fn run(verb: Task, place: &Place, output: &Output) -> Outcome {
    let detached = matches!(&verb, Task::Run(run) if run.detach);
    // Nobody would work on a task that is left behind without a running node.
    let service = if detached { place.connect_running()? } else { place.connect()? };
    let service = &*service;
    match verb {
        Task::Run(run) => return announce(*run, service, output, |_| ()),
        Task::List { limit, before, context } => {
            let query = TaskQuery { limit, before, context, ..TaskQuery::default() };
            let page = ask(service, Operation::TaskList(query), |reply| match reply {
                Reply::Tasks(page) => Some(page),
                _ => None,
            })?;
            show::list(&page.tasks, output);
        }
        Task::Show(id) => show::one(&fetch(service, &id.task)?, output),
        Task::Watch(id) => {
            let task = follow::until_end(service, &id.task, output)?;
            show::one(&task, output);
            return Ok(exit_code(&task));
        }
        Task::Explain(id) => {
            let operation = Operation::TaskExplain { task: id.task };
            let explanation = ask(service, operation, |reply| match reply {
                Reply::Explanation(explanation) => Some(explanation),
                _ => None,
            })?;
            show::explanation(&explanation, output);
        }
        Task::Cancel(id) => {
            show::one(&changed(service, Operation::TaskCancel { task: id.task })?, output);
        }
        Task::Accept { task, reason } => {
            let operation = Operation::TaskDecide { task: task.task, accept: true, reason };
            show::one(&changed(service, operation)?, output);
        }
        Task::Refuse { task, reason } => {
            let operation = Operation::TaskDecide { task: task.task, accept: false, reason };
            show::one(&changed(service, operation)?, output);
        }
        Task::Rate { task, rating } => {
            show::one(&changed(service, Operation::TaskRate { task: task.task, rating })?, output);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Announces a task, `with` changes to what the arguments say, and follows it to its end.
pub(super) fn announce(
    run: TaskRun,
    service: &dyn Service,
    output: &Output,
    with: impl FnOnce(&mut TaskRequest),
) -> Outcome {
    let (detach, destination) = (run.detach, run.output.clone());
    let mut request = from_arguments(run, service)?;
    with(&mut request);
    let task = ask(service, Operation::TaskRun(request), |reply| match reply {
        Reply::TaskAnnounced { task } => Some(task.to_string()),
        Reply::Task(task) => Some(task.id.to_string()),
        _ => None,
    })?;
    if detach {
        if output.is_json() {
            output.json(&serde_json::json!({ "task": task }));
        } else {
            output.line(format!("announced {task}"));
            output.line(format!("next: ainur task watch {}", &task[..8]));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let ended = follow::until_end(service, &task, output)?;
    let accepted = ended.phase == TaskPhase::Settled;
    match (accepted, destination, ended.output) {
        (true, Some(path), Some(content)) => {
            write_file(service, content, &path)?;
        }
        // What was accepted of work in chunks is paid and the buyer's, whatever became of the rest.
        (false, Some(path), _) => chunks::write_accepted(&ended, service, &path)?,
        _ => {}
    }
    show::one(&ended, output);
    Ok(exit_code(&ended))
}

/// Paid is success; refunded and unfunded are not.
pub(super) fn exit_code(task: &TaskView) -> ExitCode {
    ExitCode::from(u8::from(task.phase != TaskPhase::Settled))
}

fn changed(service: &dyn Service, operation: Operation) -> Result<TaskView, Problem> {
    ask(service, operation, |reply| match reply {
        Reply::Task(task) => Some(*task),
        _ => None,
    })
}

/// One task as it stands.
pub(super) fn fetch(service: &dyn Service, task: &str) -> Result<TaskView, Problem> {
    changed(service, Operation::TaskShow { task: task.into() })
}

/// Writes a blob to a file; on failure no half file stays behind.
pub(super) fn write_file(
    service: &dyn Service,
    content: ContentId,
    path: &Path,
) -> Result<u64, Problem> {
    let describe = |error: &std::io::Error| io_problem(&format!("write {}", path.display()), error);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let partial = path.with_file_name(name);
    let mut file = File::create(&partial).map_err(|error| describe(&error))?;
    let written = service
        .get_blob(content, &mut file)
        .and_then(|length| file.sync_all().map(|()| length).map_err(|error| describe(&error)))
        .and_then(|length| {
            std::fs::rename(&partial, path).map(|()| length).map_err(|error| describe(&error))
        });
    if written.is_err() {
        // The first error is the one to report; that the rest may stay is said by the name.
        drop(std::fs::remove_file(&partial));
    }
    written
}
