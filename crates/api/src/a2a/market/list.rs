//! Tasks in pages.
//!
//! Pages follow the order in which tasks were announced; on a page the task that changed last comes
//! first.
use a2a_types::{ListTasksRequest, ListTasksResponse, Task, TaskState};
use ainur_primitives::TaskId;
use chrono::{DateTime, Utc};

use super::super::desk::{Visit, Wanted};
use super::super::error::{Error, unexpected};
use super::super::limits::{COUNT_MAX, HISTORY_MAX, LISTED_BYTES_MAX};
use super::super::paging::{history_of, page_size};
use super::picture;
use crate::operation::{Operation, Reply, TaskQuery};
use crate::problem::{Code, Problem};
use crate::service::Service;
use crate::view::{TaskPage, TaskPhase, TaskView};

/// Tasks that are counted with one question.
const COUNTED_AT_ONCE: u32 = 100;

/// What was asked for, checked.
pub(super) struct Query {
    context: Option<String>,
    state: Option<TaskState>,
    phases: Vec<TaskPhase>,
    /// No task can be in the state that was asked for.
    nothing: bool,
    before: Option<u64>,
    size: i32,
    since: Option<DateTime<Utc>>,
    wanted: Wanted,
}

impl Query {
    pub(super) fn read(request: ListTasksRequest) -> Result<Self, Error> {
        let state = request.status.filter(|state| *state != TaskState::Unspecified);
        let phases = state.as_ref().map(picture::phases);
        let before = match request.page_token.as_deref() {
            None | Some("") => None,
            Some(token) => {
                Some(token.parse().map_err(|_| Error::invalid("pageToken is none of ours"))?)
            }
        };
        let history = match request.history_length {
            None => 0,
            some => history_of(some)?.min(HISTORY_MAX),
        };
        let artifacts = request.include_artifacts.unwrap_or(false);
        Ok(Self {
            context: request.context_id.filter(|context| !context.is_empty()),
            nothing: phases == Some(None),
            phases: phases.flatten().unwrap_or_default(),
            state,
            before,
            size: page_size(request.page_size)?,
            since: request.status_timestamp_after,
            wanted: Wanted { history, artifact_bytes: artifacts.then_some(LISTED_BYTES_MAX) },
        })
    }

    pub(super) fn answer(
        &self,
        service: &dyn Service,
        visit: &Visit,
    ) -> Result<ListTasksResponse, Problem> {
        if self.nothing {
            return Ok(self.page(Vec::new(), None, 0));
        }
        let limit = u32::try_from(self.size).unwrap_or(COUNTED_AT_ONCE);
        let page = ask(service, self.query(limit, self.before))?;
        let mut tasks = self.tasks(service, &page, visit)?;
        let mut total = self.count(service, &page)?;
        if let Some(first) = self.first_of_context(service)? {
            total += 1;
            // The oldest of its context, so it belongs on the last page.
            if page.next.is_none() {
                tasks.push(self.show(service, &first, visit)?);
            }
        }
        tasks.sort_by_key(|task| std::cmp::Reverse(task.status.timestamp));
        Ok(self.page(tasks, page.next, total))
    }

    fn query(&self, limit: u32, before: Option<u64>) -> TaskQuery {
        let (context, phases) = (self.context.clone(), self.phases.clone());
        TaskQuery { limit, before, budget: None, context, phases }
    }

    fn page(&self, tasks: Vec<Task>, next: Option<u64>, total: usize) -> ListTasksResponse {
        ListTasksResponse {
            tasks,
            next_page_token: next.map(|number| number.to_string()).unwrap_or_default(),
            page_size: self.size,
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        }
    }

    fn tasks(
        &self,
        service: &dyn Service,
        page: &TaskPage,
        visit: &Visit,
    ) -> Result<Vec<Task>, Problem> {
        let fitting = page.tasks.iter().filter(|view| self.fits(view));
        fitting.map(|view| self.show(service, view, visit)).collect()
    }

    fn show(&self, service: &dyn Service, view: &TaskView, visit: &Visit) -> Result<Task, Problem> {
        match self.wanted.history {
            0 => picture::paint(service, view, &[], visit, self.wanted),
            _ => picture::look(service, view.id, visit, self.wanted).map(|(task, _)| task),
        }
    }

    /// Whether a task in one of the phases is in the state that was asked for.
    fn fits(&self, view: &TaskView) -> bool {
        let changed = picture::timestamp(view.ended.unwrap_or(view.opened));
        self.state.as_ref().is_none_or(|state| *state == picture::state(view))
            && self.since.is_none_or(|since| changed.is_some_and(|changed| changed >= since))
    }

    /// How many there are in all, up to the limit.
    fn count(&self, service: &dyn Service, first: &TaskPage) -> Result<usize, Problem> {
        let fitting = |page: &TaskPage| page.tasks.iter().filter(|view| self.fits(view)).count();
        if self.before.is_none() && first.next.is_none() {
            return Ok(fitting(first));
        }
        let (mut before, mut total, mut seen) = (None, 0, 0);
        loop {
            let page = ask(service, self.query(COUNTED_AT_ONCE, before))?;
            total += fitting(&page);
            seen += page.tasks.len();
            before = page.next;
            if before.is_none() || seen >= COUNT_MAX {
                return Ok(total);
            }
        }
    }

    /// A task announced without a context is the first of the context named after it.
    fn first_of_context(&self, service: &dyn Service) -> Result<Option<TaskView>, Problem> {
        let named = self.context.as_ref().and_then(|context| context.parse::<TaskId>().ok());
        let Some(task) = named else { return Ok(None) };
        match picture::view(service, task) {
            Ok(view) => Ok(Some(view).filter(|view| view.context.is_none() && self.fits(view))),
            Err(problem) if problem.code == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

fn ask(service: &dyn Service, query: TaskQuery) -> Result<TaskPage, Problem> {
    match service.perform(Operation::TaskList(query))? {
        Reply::Tasks(page) => Ok(page),
        _ => Err(unexpected()),
    }
}
