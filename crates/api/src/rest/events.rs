//! `/v1/tasks/{id}/events`: what happens to a task, as a list or as a stream.
//!
//! A stream is server-sent events: one for each event of the task with its number as `id`, and at
//! last one of type `end` with the task. Who was cut off asks again with `Last-Event-ID` and misses
//! nothing. A stream holds no thread; it waits to be told.
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use schemars::SchemaGenerator;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::ask::{Ask, reply, unexpected};
use super::follow::News;
use super::route::{Access, Gives, JSON, Method, Parameter, Route, TASK};
use crate::access::Caller;
use crate::http::document::{Document, Refusal};
use crate::http::server::Held;
use crate::operation::{Operation, Reply};
use crate::problem::{Code, Problem};
use crate::view::{TaskEvent, TaskNews};
use ainur_primitives::DurationMs;

/// The media type of a stream.
const EVENT_STREAM: &str = "text/event-stream";
/// Frames of a stream that a slow caller has not taken yet.
const FRAMES_AHEAD_MAX: usize = 16;
/// How a stream begins: after how many milliseconds a browser that was cut off asks again.
const PREAMBLE: &[u8] = b"retry: 2000\n\n";

/// The table.
pub(super) static ROUTES: [Route; 1] = [Route {
    method: Method::Get,
    path: "/v1/tasks/{id}/events",
    name: "get_task_events",
    summary: "What has happened to a task: a list, or with `Accept: text/event-stream` a stream \
              that lasts until the task has ended",
    access: Access::Read,
    parameters: &[
        TASK,
        Parameter::query(
            "after",
            |_| json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX, "default": 0 }),
            "Only events with a larger number",
        ),
        Parameter::header(
            "Last-Event-ID",
            |_| json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
            "The same for a stream that is taken up again; it counts when both are given",
        ),
    ],
    takes: None,
    gives: &[Gives {
        status: 200,
        description: "Events, oldest first. In a stream, `id` is the event's number and `data` the \
                      event; the last has `event: end` and the task as `data`, or `event: problem` \
                      and a problem document when the token is not good any more",
        content: &[
            (JSON, SchemaGenerator::subschema_for::<Vec<TaskEvent>>),
            (EVENT_STREAM, SchemaGenerator::subschema_for::<String>),
        ],
        headers: &[],
    }],
    refusals: &[404],
    handler: Some(|ask| Box::pin(events(ask))),
}];

async fn events(ask: Ask) -> Result<Response, Refusal> {
    let mut after = ask.parameter("after")?.unwrap_or(0);
    if let Some(last) = ask.header("Last-Event-ID")? {
        let number = last.bytes().all(|byte| byte.is_ascii_digit()).then(|| last.parse().ok());
        after = number.flatten().ok_or_else(|| {
            Refusal::invalid("the header Last-Event-ID is not the number of an event")
        })?;
    }
    let accept = ask.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let wants_stream = accept.is_some_and(|accept| accept.contains(EVENT_STREAM));
    if wants_stream {
        return stream(ask, after).await;
    }
    let task = ask.task_id()?;
    match ask.perform(Operation::TaskEvents { task, after, wait_ms: DurationMs(0) }).await? {
        Reply::TaskEvents(events) => reply(StatusCode::OK, &[], &events),
        other => Err(unexpected(&other).into()),
    }
}

async fn stream(ask: Ask, after: u32) -> Result<Response, Refusal> {
    let caller = ask.caller()?;
    let place = ask.calls.streams.take(&caller.holder(), 1).ok_or_else(|| {
        let problem = Problem::new(Code::LimitReached, "too many streams are open (STREAMS_MAX)");
        problem.next("ask for the list from time to time instead")
    })?;
    let task = ask.task_id()?;
    // Before anything is answered: a task that is not there is refused in the usual way.
    let first = News::of(&ask.calls, &caller, task.clone(), after).await?;
    let (frames, taken) = mpsc::channel(FRAMES_AHEAD_MAX);
    let writer = Writer { ask, caller, task, frames, _place: place };
    tokio::spawn(writer.write(first));
    let headers = [
        (header::CONTENT_TYPE, EVENT_STREAM),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, Body::new(Frames(taken))).into_response())
}

/// One stream.
struct Writer {
    ask: Ask,
    caller: Caller,
    task: String,
    frames: mpsc::Sender<Bytes>,
    _place: Held,
}

/// The caller is gone.
struct Gone;

impl Writer {
    async fn write(self, first: News) {
        let written = async {
            self.send(PREAMBLE).await?;
            let mut next = first;
            loop {
                let Some(told) = self.wait(next).await? else {
                    return self.comment("the node is stopping").await;
                };
                let news = match told {
                    Ok(news) => news,
                    Err(problem) => return self.comment(&problem.message).await,
                };
                match self.pass_on(news).await? {
                    None => return self.end().await,
                    Some(after) => match self.ask_again(after).await {
                        Ok(news) => next = news,
                        Err(_) => return self.comment("too busy; ask again").await,
                    },
                }
            }
        };
        let ended: Result<(), Gone> = tokio::select! {
            written = written => written,
            lapsed = self.ask.calls.lapsed(&self.caller) => self.refuse(lapsed),
        };
        // Nobody is left to be told.
        drop(ended);
    }

    /// News, or nothing when the node stops.
    async fn wait(&self, news: News) -> Result<Option<Result<TaskNews, Problem>>, Gone> {
        let silence = Duration::from_millis(self.ask.calls.bounds.keep_alive_ms);
        let told = news.told();
        tokio::pin!(told);
        loop {
            tokio::select! {
                told = &mut told => return Ok(Some(told)),
                () = self.ask.calls.stop.stopped() => return Ok(None),
                () = self.frames.closed() => return Err(Gone),
                () = sleep(silence) => self.comment("").await?,
            }
        }
    }

    /// Writes what happened; the number of the last event when more is to come.
    async fn pass_on(&self, news: TaskNews) -> Result<Option<u32>, Gone> {
        let mut last = None;
        for event in &news.events {
            self.event(&format!("id: {}\n", event.number), event).await?;
            last = Some(event.number);
        }
        Ok(last.filter(|_| !news.phase.is_final()))
    }

    async fn ask_again(&self, after: u32) -> Result<News, Refusal> {
        let calls = &self.ask.calls;
        calls.patiently(|| News::of(calls, &self.caller, self.task.clone(), after)).await
    }

    async fn end(&self) -> Result<(), Gone> {
        match self.ask.calls.patiently(|| self.ask.show(self.task.clone())).await {
            Ok(task) => self.event("event: end\n", &task).await,
            Err(_) => self.comment("the task cannot be shown").await,
        }
    }

    /// The last that is heard, unless there is no room for it: whoever may not be told more is not
    /// waited for.
    fn refuse(&self, problem: Problem) -> Result<(), Gone> {
        let data = serde_json::to_string(&Document::of(problem.into())).map_err(|_| Gone)?;
        let event = format!("event: problem\ndata: {data}\n\n");
        self.frames.try_send(event.into()).map_err(|_| Gone)
    }

    async fn event(&self, head: &str, data: &impl Serialize) -> Result<(), Gone> {
        // JSON on one line has no line breaks, which would end the field.
        let data = serde_json::to_string(data).map_err(|_| Gone)?;
        self.send(format!("{head}data: {data}\n\n").as_bytes()).await
    }

    async fn comment(&self, text: &str) -> Result<(), Gone> {
        let line: String = text.chars().filter(|letter| !letter.is_control()).collect();
        self.send(format!(": {line}\n\n").as_bytes()).await
    }

    async fn send(&self, bytes: &[u8]) -> Result<(), Gone> {
        self.frames.send(Bytes::copy_from_slice(bytes)).await.map_err(|_| Gone)
    }
}

/// The frames as a body for hyper.
struct Frames(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
