//! gRPC: the service of A2A 1.0 on the port of everything else, over HTTP/2.
//!
//! A request is read whole, within the limits of any other, and then answered as its JSON would be.
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Version as HttpVersion, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::timeout;
use tonic::Status;
use tonic::codegen::tokio_stream::Stream;
use tonic::codegen::{Service, async_trait};

use super::error::Error;
use super::handler::{Answer, Ask, Events, Handler};
use super::limits::{BODY_BYTES_MAX, GRPC_ANSWER_BYTES_MAX};
use super::rpc;
use super::version::Version;
use super::wire;
use crate::access::Caller;
use crate::http::document::Refusal;
use crate::http::server::collect;
use crate::problem::{Code, Problem};
use deadline::{Deadline, Timed};
use messages::a2a_service_server::{A2aService, A2aServiceServer};

mod deadline;
mod messages;
mod status;

pub(crate) use status::refuse;

/// Under which every method is.
pub(super) const PATH: &str = "/lf.a2a.v1.A2AService/{method}";

/// What a message has before it: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

type Answered<T> = Result<tonic::Response<T>, Status>;

/// Whether a caller expects to be answered as gRPC does.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|value| {
        let essence = value.split(['+', ';']).next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/grpc")
    })
}

/// Answers `POST /lf.a2a.v1.A2AService/…`.
pub(super) async fn serve(State(handler): State<Arc<Handler>>, request: Request) -> Response {
    let refusal = |status, message: &str| {
        let problem = Problem::new(Code::InvalidRequest, message);
        Refusal::with_status(status, problem).into_response()
    };
    if request.version() != HttpVersion::HTTP_2 {
        return refusal(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "gRPC is spoken over HTTP/2");
    }
    if !is_grpc(request.headers()) {
        return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/grpc to this path");
    }
    let deadline = match Deadline::of(request.headers()) {
        Ok(deadline) => deadline,
        Err(status) => return status.into_http(),
    };
    let (parts, body) = request.into_parts();
    let time_max = Duration::from_millis(handler.calls.bounds.operation_ms_max);
    let sent = collect(Request::from_parts(parts.clone(), body), BODY_BYTES_MAX + PREFIX_BYTES);
    let sent = timeout(deadline.within(time_max), sent);
    let sent = sent.await.unwrap_or_else(|_| Err(Refusal::timeout()));
    let bytes = match sent {
        Ok(bytes) => bytes,
        Err(refusal) => return refuse(refusal),
    };
    let headers = parts.headers.clone();
    let mut server = A2aServiceServer::new(Methods { handler })
        .max_decoding_message_size(BODY_BYTES_MAX)
        .max_encoding_message_size(GRPC_ANSWER_BYTES_MAX);
    let answered = async {
        let Ok(response) = server.call(Request::from_parts(parts, Body::from(bytes))).await;
        Timed::begin(response, deadline).await
    };
    match deadline.before(answered).await {
        Ok(response) => wire::with_extensions(response, &headers),
        Err(status) => status.into_http(),
    }
}

/// The methods of the service.
struct Methods {
    handler: Arc<Handler>,
}

impl Methods {
    async fn ask<M: Serialize, T: DeserializeOwned>(
        &self,
        request: tonic::Request<M>,
        ask: impl FnOnce(T) -> Ask + Send,
    ) -> Result<Answer, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let headers = metadata.into_headers();
        let asked = check_version(&headers).and_then(|()| messages::read(message)).map(ask);
        let caller = extensions.get::<Caller>().cloned();
        let caller = caller.expect("the guard lets nobody in without saying who it is");
        let visit = wire::visit(&self.handler, caller, &headers);
        let answered = async { self.handler.answer(&visit, Version::Current, asked?).await };
        answered.await.map_err(|error| status::of(&error))
    }

    /// Answers with one message.
    async fn one<M: Serialize, T: DeserializeOwned, A: DeserializeOwned>(
        &self,
        request: tonic::Request<M>,
        ask: impl FnOnce(T) -> Ask + Send,
    ) -> Answered<A> {
        let answer = self.ask(request, ask).await?;
        messages::write(rpc::result(&answer)).map(tonic::Response::new)
    }

    /// Answers with news until the last.
    async fn many<M: Serialize, T: DeserializeOwned>(
        &self,
        request: tonic::Request<M>,
        ask: impl FnOnce(T) -> Ask + Send,
    ) -> Answered<News> {
        match self.ask(request, ask).await? {
            Answer::Stream(events) => Ok(tonic::Response::new(News(events))),
            _ => Err(Status::internal("the node answered with something else")),
        }
    }
}

/// Who states no version means that of the service, whose name says it.
fn check_version(headers: &HeaderMap) -> Result<(), Error> {
    if !headers.contains_key(a2a_types::SVC_PARAM_VERSION) {
        return Ok(());
    }
    match Version::of(headers, None)? {
        Version::Current => Ok(()),
        Version::Legacy => Err(Error::new(
            a2a_types::error_code::VERSION_NOT_SUPPORTED,
            "this service is that of A2A 1.0",
        )),
    }
}

/// News of a task, as messages.
pub(super) struct News(Events);

impl Stream for News {
    type Item = Result<messages::StreamResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| {
            event.map(|event| match event {
                Ok(update) => messages::write(wire::news(&update)),
                Err(error) => Err(status::of(&error)),
            })
        })
    }
}

#[async_trait]
impl A2aService for Methods {
    type SendStreamingMessageStream = News;
    type SubscribeToTaskStream = News;

    async fn send_message(
        &self,
        request: tonic::Request<messages::SendMessageRequest>,
    ) -> Answered<messages::SendMessageResponse> {
        self.one(request, Ask::Send).await
    }

    async fn send_streaming_message(
        &self,
        request: tonic::Request<messages::SendMessageRequest>,
    ) -> Answered<News> {
        self.many(request, Ask::SendStreaming).await
    }

    async fn get_task(
        &self,
        request: tonic::Request<messages::GetTaskRequest>,
    ) -> Answered<messages::Task> {
        self.one(request, Ask::Get).await
    }

    async fn list_tasks(
        &self,
        request: tonic::Request<messages::ListTasksRequest>,
    ) -> Answered<messages::ListTasksResponse> {
        self.one(request, Ask::List).await
    }

    async fn cancel_task(
        &self,
        request: tonic::Request<messages::CancelTaskRequest>,
    ) -> Answered<messages::Task> {
        self.one(request, Ask::Cancel).await
    }

    async fn subscribe_to_task(
        &self,
        request: tonic::Request<messages::SubscribeToTaskRequest>,
    ) -> Answered<News> {
        self.many(request, Ask::Subscribe).await
    }

    async fn create_task_push_notification_config(
        &self,
        request: tonic::Request<messages::TaskPushNotificationConfig>,
    ) -> Answered<messages::TaskPushNotificationConfig> {
        self.one(request, Ask::CreatePush).await
    }

    async fn get_task_push_notification_config(
        &self,
        request: tonic::Request<messages::GetTaskPushNotificationConfigRequest>,
    ) -> Answered<messages::TaskPushNotificationConfig> {
        self.one(request, Ask::GetPush).await
    }

    async fn list_task_push_notification_configs(
        &self,
        request: tonic::Request<messages::ListTaskPushNotificationConfigsRequest>,
    ) -> Answered<messages::ListTaskPushNotificationConfigsResponse> {
        self.one(request, Ask::ListPushes).await
    }

    async fn get_extended_agent_card(
        &self,
        request: tonic::Request<messages::GetExtendedAgentCardRequest>,
    ) -> Answered<messages::AgentCard> {
        self.one(request, |_: IgnoredAny| Ask::ExtendedCard).await
    }

    async fn delete_task_push_notification_config(
        &self,
        request: tonic::Request<messages::DeleteTaskPushNotificationConfigRequest>,
    ) -> Answered<pbjson_types::Empty> {
        self.one(request, Ask::DeletePush).await
    }
}
