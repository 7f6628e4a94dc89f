//! What can be asked in A2A, and the answers: the same for every version and every binding.
use std::sync::Arc;
use std::time::Duration;

use a2a_types::{
    AgentCard, CancelTaskRequest, DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest, GetTaskRequest, ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse, ListTasksRequest, ListTasksResponse,
    SendMessageConfiguration, SendMessageRequest, SendMessageResponse, StreamResponse,
    SubscribeToTaskRequest, Task, TaskPushNotificationConfig, TaskState, error_code,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Config;
use super::card::Cards;
use super::desk::{Clerk, Cursor, Desk, Opened, Visit, Wanted};
use super::error::Error;
use super::limits::{BLOCKING_MS_MAX, EMBEDDED_BYTES_MAX, EVENTS_AHEAD_MAX, STREAMS_MAX};
use super::market::Market;
use super::paging::history_of;
use super::push::Pushes;
use super::version::Version;
use crate::http::server::{Calls, Held, Places};
use crate::problem::{Code, Problem};

/// A question.
#[derive(Debug)]
pub(super) enum Ask {
    Send(SendMessageRequest),
    SendStreaming(SendMessageRequest),
    Get(GetTaskRequest),
    List(ListTasksRequest),
    Cancel(CancelTaskRequest),
    Subscribe(SubscribeToTaskRequest),
    CreatePush(TaskPushNotificationConfig),
    GetPush(GetTaskPushNotificationConfigRequest),
    ListPushes(ListTaskPushNotificationConfigsRequest),
    DeletePush(DeleteTaskPushNotificationConfigRequest),
    ExtendedCard,
}

/// An answer.
pub(super) enum Answer {
    Sent(SendMessageResponse),
    Task(Task),
    Tasks(ListTasksResponse),
    Push(TaskPushNotificationConfig),
    Pushes(ListTaskPushNotificationConfigsResponse),
    Done,
    Card(Box<AgentCard>),
    Stream(Events),
}

/// News of one task until it has ended; dropping it ends the wait.
pub(super) type Events = mpsc::Receiver<Result<StreamResponse, Error>>;

/// The server behind every binding.
pub(crate) struct Handler {
    pub(super) calls: Arc<Calls>,
    pub(super) clerk: Clerk,
    pub(super) cards: Cards,
    pub(super) pushes: Option<Pushes>,
    pub(super) public_url: Option<String>,
    pub(crate) desk: Desk,
    streams: Places,
}

impl Handler {
    /// The server that a configuration asks for.
    ///
    /// # Errors
    /// When what notifications were asked for cannot be read.
    pub(crate) fn new(calls: Arc<Calls>, config: Config) -> std::io::Result<Arc<Self>> {
        let clerk = match config.desk {
            Desk::Market => Clerk::Market(Market::new(Arc::clone(&calls))),
            Desk::Conformance => Clerk::Fixtures(super::conformance::Fixtures::default()),
        };
        let cards = Cards::new(&config);
        let pushes = match config.deliver {
            Some(deliver) => Some(Pushes::open(Arc::clone(&calls), deliver, config.push_file)?),
            None => None,
        };
        Ok(Arc::new(Self {
            calls,
            clerk,
            cards,
            pushes,
            public_url: config.public_url,
            desk: config.desk,
            streams: Places::quartered(STREAMS_MAX as u64),
        }))
    }

    /// Takes up the notifications that were promised before a restart. Must be called from within
    /// the runtime that serves.
    pub(crate) fn start(self: &Arc<Self>) {
        if let Some(pushes) = &self.pushes {
            pushes.resume(self);
        }
    }

    /// Answers a question.
    pub(super) async fn answer(
        self: &Arc<Self>,
        visit: &Visit,
        version: Version,
        ask: Ask,
    ) -> Result<Answer, Error> {
        match ask {
            Ask::Send(request) => self.send(visit, version, request).await.map(Answer::Sent),
            Ask::SendStreaming(request) => {
                self.send_streaming(visit, version, request).await.map(Answer::Stream)
            }
            Ask::Get(request) => {
                let wanted = whole(request.history_length)?;
                self.clerk
                    .show(visit, &request.id, wanted)
                    .await
                    .map(|(task, _)| Answer::Task(task))
            }
            Ask::List(request) => self.clerk.list(visit, request).await.map(Answer::Tasks),
            Ask::Cancel(request) => {
                self.clerk.cancel(visit, &request.id, whole(None)?).await.map(Answer::Task)
            }
            Ask::Subscribe(request) => self.subscribe(visit, &request.id).await.map(Answer::Stream),
            Ask::CreatePush(config) => {
                let pushes = self.pushes()?;
                let (task, cursor) = self.clerk.show(visit, &config.task_id, brief()).await?;
                let config = pushes.create(visit, version, &task.id, config).await?;
                pushes.follow(self, visit, &task.id, cursor);
                Ok(Answer::Push(config))
            }
            Ask::GetPush(request) => {
                let pushes = self.pushes()?;
                self.clerk.show(visit, &request.task_id, brief()).await?;
                pushes.find(&request.task_id, &request.id).map(Answer::Push)
            }
            Ask::ListPushes(request) => {
                let pushes = self.pushes()?;
                self.clerk.show(visit, &request.task_id, brief()).await?;
                let configs = pushes.list(&request.task_id);
                let list =
                    ListTaskPushNotificationConfigsResponse { configs, next_page_token: None };
                Ok(Answer::Pushes(list))
            }
            Ask::DeletePush(request) => {
                let pushes = self.pushes()?;
                self.clerk.show(visit, &request.task_id, brief()).await?;
                pushes.delete(&request.task_id, &request.id).await?;
                Ok(Answer::Done)
            }
            Ask::ExtendedCard => {
                let card = self.cards.extended(&self.calls, visit, self.pushes.is_some()).await?;
                Ok(Answer::Card(Box::new(card)))
            }
        }
    }

    fn pushes(&self) -> Result<&Pushes, Error> {
        self.pushes.as_ref().ok_or_else(|| {
            let message = "this node sends no push notifications: subscribe to the task instead";
            Error::new(error_code::PUSH_NOTIFICATION_NOT_SUPPORTED, message)
        })
    }

    async fn open(
        self: &Arc<Self>,
        visit: &Visit,
        version: Version,
        mut request: SendMessageRequest,
    ) -> Result<(Opened, Wanted, bool), Error> {
        let configuration = request.configuration.take().unwrap_or(SendMessageConfiguration {
            accepted_output_modes: None,
            task_push_notification_config: None,
            history_length: None,
            return_immediately: None,
        });
        let wanted = whole(configuration.history_length)?;
        let push = configuration.task_push_notification_config;
        if let Some(config) = &push {
            self.pushes()?.check(config)?;
        }
        let opened = self.clerk.take(visit, request, wanted).await?;
        if let (Some(config), Opened::Task(task, cursor)) = (push, &opened) {
            let pushes = self.pushes()?;
            pushes.create(visit, version, &task.id, config).await?;
            pushes.follow(self, visit, &task.id, cursor.clone());
        }
        Ok((opened, wanted, configuration.return_immediately.unwrap_or(false)))
    }

    async fn send(
        self: &Arc<Self>,
        visit: &Visit,
        version: Version,
        request: SendMessageRequest,
    ) -> Result<SendMessageResponse, Error> {
        let (opened, wanted, immediately) = self.open(visit, version, request).await?;
        let (task, mut cursor) = match opened {
            Opened::Message(message) => return Ok(SendMessageResponse::Message(message)),
            Opened::Task(task, cursor) => (*task, cursor),
        };
        if immediately || cursor.ended || is_interrupted(&task.status.state) {
            return Ok(SendMessageResponse::Task(task));
        }
        let rest = async {
            while !cursor.ended {
                let news = self.clerk.next(visit, &task.id, &mut cursor).await?;
                if news.iter().any(interrupts) {
                    break;
                }
            }
            Ok::<(), Error>(())
        };
        // A task that takes longer is shown as it is: the caller may subscribe to it.
        tokio::select! {
            ended = timeout(Duration::from_millis(BLOCKING_MS_MAX), rest) => ended.unwrap_or(Ok(()))?,
            lapsed = self.calls.lapsed(&visit.caller) => return Err(lapsed.into()),
        }
        let task = self.clerk.show_bought(visit, &task.id, wanted).await?;
        Ok(SendMessageResponse::Task(task))
    }

    async fn send_streaming(
        self: &Arc<Self>,
        visit: &Visit,
        version: Version,
        request: SendMessageRequest,
    ) -> Result<Events, Error> {
        let place = self.place(visit)?;
        let (opened, _, _) = self.open(visit, version, request).await?;
        match opened {
            Opened::Message(message) => {
                let (sender, events) = mpsc::channel(1);
                // There is room for one, and the other end is in hand.
                drop(sender.try_send(Ok(StreamResponse::Message(message))));
                Ok(events)
            }
            Opened::Task(task, cursor) => Ok(self.stream(visit, *task, cursor, place)),
        }
    }

    async fn subscribe(self: &Arc<Self>, visit: &Visit, task: &str) -> Result<Events, Error> {
        let place = self.place(visit)?;
        let (task, cursor) = self.clerk.show(visit, task, whole(None)?).await?;
        if task.status.state.is_terminal() {
            let message = format!("the task '{}' has ended: get it instead", task.id);
            return Err(Error::unsupported(message));
        }
        Ok(self.stream(visit, task, cursor, place))
    }

    fn place(&self, visit: &Visit) -> Result<Held, Error> {
        self.streams.take(&visit.caller.holder(), 1).ok_or_else(|| {
            Problem::new(Code::Busy, "too many streams are open").next("try again later").into()
        })
    }

    /// The task, and then its news. Waiting takes no thread.
    fn stream(
        self: &Arc<Self>,
        visit: &Visit,
        task: Task,
        mut cursor: Cursor,
        place: Held,
    ) -> Events {
        let (sender, events) = mpsc::channel(EVENTS_AHEAD_MAX);
        let (handler, visit) = (Arc::clone(self), visit.clone());
        tokio::spawn(async move {
            let id = task.id.clone();
            let told = async {
                sender.send(Ok(StreamResponse::Task(task))).await.ok()?;
                while !cursor.ended {
                    match handler.clerk.next(&visit, &id, &mut cursor).await {
                        Ok(news) => {
                            for update in news {
                                sender.send(Ok(update)).await.ok()?;
                            }
                        }
                        Err(error) => {
                            sender.send(Err(error)).await.ok()?;
                            break;
                        }
                    }
                }
                Some(())
            };
            tokio::select! {
                _ = told => {}
                () = sender.closed() => {}
                // Whoever does not take what was told before hears the end alone.
                lapsed = handler.calls.lapsed(&visit.caller) => {
                    drop(sender.try_send(Err(lapsed.into())));
                }
            }
            drop(place);
        });
        events
    }
}

/// A task with its output and so many messages.
fn whole(history: Option<i32>) -> Result<Wanted, Error> {
    Ok(Wanted { history: history_of(history)?, artifact_bytes: Some(EMBEDDED_BYTES_MAX) })
}

/// Only that it is there, and where it stands.
pub(super) const fn brief() -> Wanted {
    Wanted { history: 0, artifact_bytes: None }
}

const fn is_interrupted(state: &TaskState) -> bool {
    matches!(state, TaskState::InputRequired | TaskState::AuthRequired)
}

fn interrupts(update: &StreamResponse) -> bool {
    matches!(update, StreamResponse::StatusUpdate(update) if is_interrupted(&update.status.state))
}
