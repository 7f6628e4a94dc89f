//! A2A over gRPC, asked by a small client of its own.
use std::sync::Arc;
use std::time::{Duration, Instant};

use ainur_api::a2a::Config;
use ainur_api::http::Bounds;
use ainur_api::view::Scope;
use ainur_primitives::Amount;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use pbjson_types::{Struct, Value, value::Kind};
use prost::Message as _;
use tokio::time::timeout;

use crate::bazaar::Served;
use crate::client::{Http2, SOON};
use messages::{part::Content, send_message_response, stream_response};

mod messages {
    #![expect(
        unreachable_pub,
        unused_qualifications,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        clippy::enum_variant_names,
        clippy::too_many_lines,
        reason = "generated: a server, of which only the messages are used here"
    )]
    include!(concat!(env!("OUT_DIR"), "/lf.a2a.v1.rs"));
}

const SERVICE: &str = "/lf.a2a.v1.A2AService/";

/// How a call ended.
#[derive(Debug, PartialEq)]
struct Ended {
    code: u32,
    message: String,
    /// The reason in its details.
    reason: String,
}

#[derive(prost::Message)]
struct Told {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

#[derive(prost::Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(prost::Message)]
struct Info {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

fn request(http2: &Http2, method: &str) -> Request<()> {
    let mut request = http2.request(Method::POST, &format!("{SERVICE}{method}"));
    let headers = request.headers_mut();
    headers.insert("content-type", "application/grpc".parse().unwrap());
    headers.insert("te", "trailers".parse().unwrap());
    headers.insert("a2a-version", "1.0".parse().unwrap());
    request
}

fn ended(headers: &HeaderMap) -> Ended {
    let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
    let details = text("grpc-status-details-bin").trim_end_matches('=');
    let details = data_encoding::BASE64_NOPAD.decode(details.as_bytes()).unwrap();
    let told = Told::decode(details.as_slice()).unwrap();
    let reason = told.details.first().map_or(String::new(), |detail| {
        assert_eq!(detail.type_url, "type.googleapis.com/google.rpc.ErrorInfo");
        let info = Info::decode(detail.value.as_slice()).unwrap();
        assert_eq!(info.domain, "a2a-protocol.org");
        assert_eq!(told.code.to_string(), text("grpc-status"));
        assert!(!told.message.is_empty());
        info.reason
    });
    let code = text("grpc-status").parse().unwrap();
    Ended { code, message: text("grpc-message").into(), reason }
}

/// Sends bytes and reads every message of the answer, and how it ended.
async fn exchange(http2: &Http2, request: Request<()>, body: &[u8]) -> (Vec<Vec<u8>>, Ended) {
    let (response, mut stream) = http2.begin(request).await;
    stream.send_data(Bytes::copy_from_slice(body), true).unwrap();
    let response = timeout(SOON, response).await.expect("an answer in time").unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let headers = response.headers().clone();
    if headers.contains_key("grpc-status") {
        return (Vec::new(), ended(&headers));
    }
    let (bytes, trailers) = crate::client::read(response.into_body()).await.unwrap();
    let (mut rest, mut all) = (bytes.as_slice(), Vec::new());
    while let [0, a, b, c, d, more @ ..] = rest {
        let (message, more) = more.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        all.push(message.to_vec());
        rest = more;
    }
    assert!(rest.is_empty());
    (all, ended(&trailers.expect("trailers")))
}

/// Calls a method that answers.
async fn call<A: prost::Message + Default>(
    http2: &Http2,
    method: &str,
    message: &impl prost::Message,
) -> Vec<A> {
    let asked = framed(&message.encode_to_vec());
    let (answers, ended) = exchange(http2, request(http2, method), &asked).await;
    assert_eq!(ended.code, 0, "{method}: {ended:?}");
    answers.iter().map(|answer| A::decode(answer.as_slice()).unwrap()).collect()
}

async fn one<A: prost::Message + Default>(
    http2: &Http2,
    method: &str,
    message: &impl prost::Message,
) -> A {
    let mut answers = call(http2, method, message).await;
    assert_eq!(answers.len(), 1, "{method}");
    answers.remove(0)
}

/// Calls a method that refuses.
async fn refused(http2: &Http2, method: &str, message: &impl prost::Message) -> Ended {
    let asked = framed(&message.encode_to_vec());
    let (answers, ended) = exchange(http2, request(http2, method), &asked).await;
    assert_eq!(answers.len(), 0, "{method}");
    ended
}

fn text(value: &str) -> Value {
    Value { kind: Some(Kind::StringValue(value.into())) }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    Value { kind: Some(Kind::StructValue(Struct { fields: fields.into_iter().collect() })) }
}

fn order(id: &str, capability: &str, immediately: bool) -> messages::SendMessageRequest {
    let count = Value { kind: Some(Kind::NumberValue(2.0)) };
    let parameters = object([("say", text("hi")), ("count", count)]);
    let data = object([("capability", text(capability)), ("parameters", parameters)]);
    let part = messages::Part { content: Some(Content::Data(data)), ..Default::default() };
    messages::SendMessageRequest {
        message: Some(messages::Message {
            message_id: id.into(),
            role: messages::Role::User.into(),
            parts: vec![part],
            ..Default::default()
        }),
        configuration: Some(messages::SendMessageConfiguration {
            return_immediately: immediately,
            ..Default::default()
        }),
        ..Default::default()
    }
}

async fn send(http2: &Http2, request: &messages::SendMessageRequest) -> messages::Task {
    let sent: messages::SendMessageResponse = one(http2, "SendMessage", request).await;
    let Some(send_message_response::Payload::Task(task)) = sent.payload else { panic!("{sent:?}") };
    task
}

fn state(task: &messages::Task) -> messages::TaskState {
    task.status.as_ref().unwrap().state()
}

fn get(id: &str) -> messages::GetTaskRequest {
    messages::GetTaskRequest { id: id.into(), ..Default::default() }
}

#[tokio::test]
async fn metadata_says_where_a_task_belongs_in_a_trace() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (index, method) in ["SendMessage", "SendStreamingMessage"].into_iter().enumerate() {
        let mut asked = request(&http2, method);
        asked.headers_mut().insert("traceparent", parent.parse().unwrap());
        asked.headers_mut().insert("tracestate", "a=1".parse().unwrap());
        let order = order(method, "json.echo", false).encode_to_vec();
        let (_, ended) = exchange(&http2, asked, &framed(&order)).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let trace = served.bazaar.requests.lock().unwrap()[index].trace.clone().unwrap();
        assert_eq!((&*trace.traceparent(), trace.tracestate()), (parent, Some("a=1")));
    }
    send(&http2, &order("m1", "json.echo", false)).await;
    assert_eq!(served.bazaar.requests.lock().unwrap()[2].trace, None);
}

#[tokio::test]
async fn message_becomes_a_task_that_is_got_and_listed() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let task = send(&http2, &order("m1", "json.echo", false)).await;
    assert_eq!(state(&task), messages::TaskState::Completed);
    let Some(Content::Data(data)) = &task.artifacts[0].parts[0].content else { panic!("{task:?}") };
    let Some(Kind::StructValue(said)) = &data.kind else { panic!("{data:?}") };
    assert_eq!(said.fields["say"], text("hi"));
    assert_eq!(said.fields["count"].kind, Some(Kind::NumberValue(2.0)));
    // What was whole is bought as whole.
    assert_eq!(served.bazaar.requests.lock().unwrap()[0].parameters["count"].to_string(), "2");
    let got: messages::Task = one(&http2, "GetTask", &get(&task.id)).await;
    assert_eq!(got, task);
    let bytes = send(&http2, &order("m2", "bytes.make", false)).await;
    let Some(Content::Raw(raw)) = &bytes.artifacts[0].parts[0].content else { panic!("{bytes:?}") };
    assert_eq!(raw[..], [0xff, 0, 1]);
    let ask = messages::ListTasksRequest { page_size: Some(1), ..Default::default() };
    let page: messages::ListTasksResponse = one(&http2, "ListTasks", &ask).await;
    assert_eq!((page.tasks.len(), page.total_size), (1, 2));
    let ask = messages::ListTasksRequest { page_token: page.next_page_token, ..ask };
    let other: messages::ListTasksResponse = one(&http2, "ListTasks", &ask).await;
    assert_eq!(other.tasks[0].id, task.id);
}

#[tokio::test]
async fn stream_tells_the_task_and_its_news_to_the_end() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let asked = order("m1", "json.echo", false);
    let told: Vec<messages::StreamResponse> = call(&http2, "SendStreamingMessage", &asked).await;
    let kinds = told.iter().map(|event| match event.payload.as_ref().unwrap() {
        stream_response::Payload::Task(_) => "task",
        stream_response::Payload::Message(_) => "message",
        stream_response::Payload::StatusUpdate(_) => "status",
        stream_response::Payload::ArtifactUpdate(_) => "artifact",
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, ["task", "status", "status", "artifact", "status"], "{told:?}");
}

#[tokio::test]
async fn running_task_is_followed_and_cancelled() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let task = send(&http2, &order("m1", "task.wait", true)).await;
    let following = {
        let (http2, id) = (http2.clone(), task.id.clone());
        let ask = messages::SubscribeToTaskRequest { id, ..Default::default() };
        tokio::spawn(async move { call(&http2, "SubscribeToTask", &ask).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let ask = messages::CancelTaskRequest { id: task.id.clone(), ..Default::default() };
    let cancelled: messages::Task = one(&http2, "CancelTask", &ask).await;
    assert_eq!(state(&cancelled), messages::TaskState::Canceled);
    let told: Vec<messages::StreamResponse> =
        timeout(SOON, following).await.expect("the stream ends in time").unwrap();
    let Some(stream_response::Payload::StatusUpdate(last)) = &told.last().unwrap().payload else {
        panic!("{told:?}")
    };
    assert_eq!(last.status.as_ref().unwrap().state(), messages::TaskState::Canceled);
    let id = send(&http2, &order("m2", "json.echo", false)).await.id;
    let done = messages::CancelTaskRequest { id, ..Default::default() };
    let again = refused(&http2, "CancelTask", &done).await;
    assert_eq!((again.code, &*again.reason), (9, "TASK_NOT_CANCELABLE"));
    let ended = messages::SubscribeToTaskRequest { id: task.id, ..Default::default() };
    let ended = refused(&http2, "SubscribeToTask", &ended).await;
    assert_eq!((ended.code, &*ended.reason), (9, "UNSUPPORTED_OPERATION"));
}

#[tokio::test]
async fn notifications_are_asked_for_shown_and_taken_back() {
    let deliver = Arc::new(|_| Box::pin(async { Ok(()) }) as ainur_api::a2a::Delivery);
    let config = Config { deliver: Some(deliver), ..Config::default() };
    let served = Served::with(config, Bounds::default());
    let (http2, _ended) = Http2::plain(&served).await;
    let task = send(&http2, &order("m1", "task.wait", true)).await;
    let config = messages::TaskPushNotificationConfig {
        task_id: task.id.clone(),
        id: "c1".into(),
        url: "https://hooks.example/a".into(),
        token: "secret".into(),
        ..Default::default()
    };
    let made: messages::TaskPushNotificationConfig =
        one(&http2, "CreateTaskPushNotificationConfig", &config).await;
    assert_eq!((&made.task_id, &made.url), (&config.task_id, &config.url));
    let named = messages::GetTaskPushNotificationConfigRequest {
        task_id: task.id.clone(),
        id: made.id.clone(),
        ..Default::default()
    };
    let method = "GetTaskPushNotificationConfig";
    assert_eq!(one::<messages::TaskPushNotificationConfig>(&http2, method, &named).await, made);
    let all = messages::ListTaskPushNotificationConfigsRequest {
        task_id: task.id.clone(),
        ..Default::default()
    };
    let listed: messages::ListTaskPushNotificationConfigsResponse =
        one(&http2, "ListTaskPushNotificationConfigs", &all).await;
    assert_eq!(listed.configs, std::slice::from_ref(&made));
    let gone = messages::DeleteTaskPushNotificationConfigRequest {
        task_id: task.id,
        id: made.id,
        ..Default::default()
    };
    let pbjson_types::Empty {} = one(&http2, "DeleteTaskPushNotificationConfig", &gone).await;
    assert_eq!(refused(&http2, method, &named).await.code, 5);
    let none = Served::start();
    let (http2, _ended) = Http2::plain(&none).await;
    let refused = refused(&http2, "CreateTaskPushNotificationConfig", &config).await;
    assert_eq!((refused.code, &*refused.reason), (9, "PUSH_NOTIFICATION_NOT_SUPPORTED"));
}

#[tokio::test]
async fn extended_card_has_prices_and_names_this_interface() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let ask = messages::GetExtendedAgentCardRequest::default();
    let card: messages::AgentCard = one(&http2, "GetExtendedAgentCard", &ask).await;
    let interface = card.supported_interfaces.iter().find(|found| found.protocol_binding == "GRPC");
    let interface = interface.expect("the card names gRPC");
    assert_eq!(interface.url, served.address.to_string());
    assert_eq!(interface.protocol_version, "1.0");
    let extensions = card.capabilities.unwrap().extensions;
    assert!(extensions[0].params.as_ref().unwrap().fields.contains_key("offers"));
    assert!(card.security_schemes["bearer"].scheme.is_some());
    assert!(card.security_requirements[0].schemes.contains_key("bearer"));
}

#[tokio::test]
async fn refusals_have_their_code_and_reason() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let nobody = refused(&http2, "GetTask", &get("nobody")).await;
    assert_eq!((nobody.code, &*nobody.reason), (5, "TASK_NOT_FOUND"));
    let empty = refused(&http2, "SendMessage", &messages::SendMessageRequest::default()).await;
    assert_eq!((empty.code, &*empty.reason), (3, "INVALID_PARAMS"));
    let nan = Value { kind: Some(Kind::NumberValue(f64::NAN)) };
    let mut strange = order("m1", "json.echo", false);
    strange.message.as_mut().unwrap().parts[0].content = Some(Content::Data(nan));
    assert_eq!(refused(&http2, "SendMessage", &strange).await.code, 3);
    let long = refused(&http2, "GetTask", &get(&"x".repeat(1024 * 1024))).await;
    assert!(long.code == 5 && long.message.len() < 2_048, "{}", long.message.len());
    let mut old = request(&http2, "GetTask");
    old.headers_mut().insert("a2a-version", "0.3".parse().unwrap());
    let (_, old) = exchange(&http2, old, &framed(&get("x").encode_to_vec())).await;
    assert_eq!((old.code, &*old.reason), (9, "VERSION_NOT_SUPPORTED"));
    let (_, unknown) = exchange(&http2, request(&http2, "Nothing"), &framed(b"")).await;
    assert_eq!(unknown.code, 12);
}

#[tokio::test]
async fn callers_without_a_token_are_unauthenticated() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let asked = framed(&get("x").encode_to_vec());
    let mut stranger = request(&http2, "GetTask");
    stranger.headers_mut().remove("authorization");
    let (_, ended) = exchange(&http2, stranger, &asked).await;
    assert_eq!(ended.code, 16, "{ended:?}");
    let mut page = request(&http2, "GetTask");
    page.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(exchange(&http2, page, &asked).await.1.code, 7);
}

/// A message as a field of another.
fn within(tag: u8, message: &[u8]) -> Vec<u8> {
    let mut outer = vec![tag];
    prost::encoding::encode_varint(message.len() as u64, &mut outer);
    outer.extend_from_slice(message);
    outer
}

#[tokio::test]
async fn what_is_too_large_too_deep_or_no_message_is_refused() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let send = |body: Vec<u8>| {
        let http2 = &http2;
        async move { exchange(http2, request(http2, "SendMessage"), &body).await.1 }
    };
    let large = ainur_api::a2a::limits::BODY_BYTES_MAX + 1;
    assert_eq!(send(framed(&vec![0; large])).await.code, 8);
    // A length that is not there.
    assert_ne!(send(vec![0, 0xff, 0xff, 0xff, 0xff]).await.code, 0);
    assert_ne!(send(vec![0, 0, 0, 0, 9, 1]).await.code, 0);
    assert_ne!(send(framed(&[0xff; 40])).await.code, 0);
    // Said to be compressed, which was not agreed on.
    assert_ne!(send([&[1][..], &framed(b"")[1..]].concat()).await.code, 0);
    assert_ne!(send(Vec::new()).await.code, 0);
    // A list of a list of a list: Value.list_value and ListValue.values in turn.
    let mut bytes = Vec::new();
    for _ in 0..10_000 {
        bytes = within(0x32, &within(0x0a, &bytes));
    }
    // Part.data in Message.parts in SendMessageRequest.message.
    let deep = within(0x12, &within(0x2a, &within(0x22, &bytes)));
    assert_ne!(send(framed(&deep)).await.code, 0);
    assert_eq!(http2.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn http1_is_told_to_come_back_with_http2() {
    let served = Served::start();
    let path = format!("{SERVICE}GetTask");
    let heard = served.ask("POST", &path, "Content-Type: application/grpc\r\n", b"");
    assert_eq!(heard.status, 505);
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_a_stream_too() {
    let served = Served::start();
    let (http2, _ended) = Http2::plain(&served).await;
    let timed = |method: &str, stated: &'static str| {
        let mut request = request(&http2, method);
        request.headers_mut().insert("grpc-timeout", stated.parse().unwrap());
        request
    };
    let waits = framed(&order("m1", "task.wait", false).encode_to_vec());
    let begun = Instant::now();
    let (answers, ended) = exchange(&http2, timed("SendMessage", "300m"), &waits).await;
    assert_eq!((answers.len(), ended.code), (0, 4), "{ended:?}");
    assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let task = send(&http2, &order("m1", "task.wait", true)).await;
    let subscribe = messages::SubscribeToTaskRequest { id: task.id, ..Default::default() };
    let subscribe = framed(&subscribe.encode_to_vec());
    let (answers, ended) = exchange(&http2, timed("SubscribeToTask", "1S"), &subscribe).await;
    assert!(!answers.is_empty() && ended.code == 4, "{ended:?}");
    let (_, ended) = exchange(&http2, timed("SendMessage", "soon"), &waits).await;
    assert_eq!(ended.code, 3, "{ended:?}");
    let quick = framed(&order("m2", "json.echo", false).encode_to_vec());
    let (answers, ended) = exchange(&http2, timed("SendMessage", "99999999H"), &quick).await;
    assert_eq!((answers.len(), ended.code), (1, 0), "{ended:?}");
}

#[tokio::test]
async fn a_stream_ends_when_its_token_is_taken_back() {
    let served = Served::start();
    let token = served.bazaar.client("gone", Scope::Spend, Amount::ainu(5));
    let (http2, _ended) = Http2::plain_as(&served, &token).await;
    let task = send(&http2, &order("m1", "task.wait", true)).await;
    let revoked = tokio::spawn({
        let bazaar = Arc::clone(&served.bazaar);
        async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            bazaar.revoke(&token);
        }
    });
    let subscribe = messages::SubscribeToTaskRequest { id: task.id, ..Default::default() };
    let subscribe = framed(&subscribe.encode_to_vec());
    let begun = Instant::now();
    let (answers, ended) = exchange(&http2, request(&http2, "SubscribeToTask"), &subscribe).await;
    assert!(!answers.is_empty() && ended.code == 16, "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    revoked.await.unwrap();
}
