//! A2A over gRPC: messages that are right, and what is made of them.
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request};
use h2::Reason;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::market::{ECHO, SLOW};
use crate::protobuf::{self, Field, message, object, text, value, varint};
use crate::random::Random;
use crate::world::Names;

const SERVICE: &str = "/lf.a2a.v1.A2AService/";
/// Bytes of the message that a refusal may carry.
const MESSAGE_BYTES_MAX: usize = 8 * 1024;
/// Pieces that a message is sent in.
const PIECES_MAX: usize = 12;
/// The largest code of gRPC.
const CODE_MAX: u32 = 16;

/// One call.
pub(crate) struct Call {
    path: String,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    /// What is sent, in pieces.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// The last piece is the last, and says so.
    ends: bool,
}

/// Why a call has no end that can be judged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server is to blame.
    Wrong(String),
    /// The connection ended.
    Lost(String),
}

/// Every method and a message that it takes.
fn seeds(names: &Names) -> Vec<(&'static str, Vec<Field>)> {
    let (ended, running) = (names.ended.as_str(), names.running.as_str());
    let order = |id: &str, capability: &str| {
        let form = json!({ "capability": capability, "parameters": { "a": [1, null, true, "x"] } });
        let part = message(5, vec![value(4, &form), text(7, "application/json")]);
        let sent = vec![
            text(1, id),
            text(2, "c1"),
            varint(4, 1),
            part,
            object(6, &json!({ "ainur/reserve": "0.00000000005" })),
        ];
        let configuration = vec![text(1, "application/json"), varint(3, 2), varint(4, 0)];
        vec![message(2, sent), message(3, configuration), object(4, &json!({ "b": 2 }))]
    };
    let notify = vec![
        text(2, "n1"),
        text(3, running),
        text(4, "https://hooks.example/a"),
        text(5, "t"),
        message(6, vec![text(1, "Bearer"), text(2, "c")]),
    ];
    let named = vec![text(2, ended), text(3, "n1")];
    vec![
        ("SendMessage", order("g1", ECHO)),
        ("SendMessage", order("g2", SLOW)),
        ("SendStreamingMessage", order("g3", ECHO)),
        ("SendStreamingMessage", order("g4", SLOW)),
        ("GetTask", vec![text(2, ended), varint(3, 1)]),
        (
            "ListTasks",
            vec![
                text(2, "c1"),
                varint(4, 2),
                message(7, vec![varint(1, 1_700_000_000), varint(2, 5)]),
                varint(8, 1),
            ],
        ),
        ("CancelTask", vec![text(2, running)]),
        ("SubscribeToTask", vec![text(2, running)]),
        ("CreateTaskPushNotificationConfig", notify),
        ("GetTaskPushNotificationConfig", named.clone()),
        ("ListTaskPushNotificationConfigs", vec![text(1, running), varint(2, 1)]),
        ("DeleteTaskPushNotificationConfig", named),
        ("GetExtendedAgentCard", vec![]),
    ]
}

/// Headers with values that are wrong here, or too much.
const HEADERS: [(&str, &[u8]); 22] = [
    ("content-type", b"application/grpc+proto"),
    ("content-type", b"application/grpc;x"),
    ("content-type", b"application/grpc-web"),
    ("content-type", b"application/json"),
    ("te", b""),
    ("grpc-timeout", b"1n"),
    ("grpc-timeout", b"99999999H"),
    ("grpc-timeout", b"-1S"),
    ("grpc-timeout", b"1234567890123S"),
    ("grpc-timeout", b"\xff"),
    ("grpc-encoding", b"gzip"),
    ("grpc-encoding", b"identity"),
    ("grpc-accept-encoding", b"gzip,\xff"),
    ("a2a-version", b"0.3"),
    ("a2a-version", b"\xff"),
    ("a2a-extensions", b"https://a.example"),
    ("x-bin", b"AAA"),
    ("grpc-status-details-bin", b"!!!"),
    ("grpc-message", b"%ff%00"),
    ("origin", b"https://evil.example"),
    ("expect", b"100-continue"),
    ("host", b"evil.example"),
];

/// A call that was changed.
pub(crate) fn call(names: &Names, authorization: Option<&str>, random: &mut Random) -> Call {
    let seeds = seeds(names);
    let (method, mut fields) = random.pick(&seeds).clone();
    let mut call = plain(method, authorization);
    if random.chance(75) {
        protobuf::mutate(&mut fields, random);
    }
    let mut body = protobuf::to_bytes(&fields);
    if random.chance(10) {
        crate::bytes::mutate(&mut body, random);
    }
    let mut sent = framed(&body);
    match random.below(30) {
        0 => sent[0] = *random.pick(&[1, 2, 255]),
        1 => sent[4] = sent[4].wrapping_add(random.next() as u8),
        2 => sent[1] = 0xff,
        3 => sent.extend(framed(&body)),
        4 => sent.clear(),
        5 => {
            let length = random.below(sent.len());
            sent.truncate(length);
        }
        6 => sent.extend(random.bytes(3)),
        _ => {}
    }
    if random.chance(20) {
        let (name, value) = *random.pick(&HEADERS);
        call.headers.retain(|(known, _)| *known != name);
        call.headers.push((name, value.to_vec()));
    }
    if random.chance(5) {
        let names = ["", "Nothing", "GetTask/", "%ff", "../a2a"];
        call.path = format!("{SERVICE}{}", random.pick(&names));
    }
    let size = 1 + sent.len() / PIECES_MAX + random.length(sent.len().max(1));
    call.pieces = sent.chunks(size).map(<[u8]>::to_vec).collect();
    call.ends = random.chance(97);
    call
}

fn plain(method: &str, authorization: Option<&str>) -> Call {
    let mut headers =
        vec![("content-type", b"application/grpc".to_vec()), ("te", b"trailers".to_vec())];
    headers.extend(authorization.map(|it| ("authorization", it.as_bytes().to_vec())));
    Call { path: format!("{SERVICE}{method}"), headers, pieces: Vec::new(), ends: true }
}

/// Every call as it should be, and its method.
pub(crate) fn right(names: &Names, authorization: &str) -> Vec<(&'static str, Call)> {
    let calls = seeds(names).into_iter().map(|(method, fields)| {
        let mut call = plain(method, Some(authorization));
        call.pieces = vec![framed(&protobuf::to_bytes(&fields))];
        (method, call)
    });
    calls.collect()
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

impl Call {
    /// All that is sent, for whoever wants to see it.
    pub(crate) fn described(&self) -> String {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.escape_ascii()))
            .collect();
        let pieces: Vec<_> =
            self.pieces.iter().map(|piece| piece.escape_ascii().to_string()).collect();
        format!("{} {headers:?} {pieces:?} ends: {}", self.path, self.ends)
    }

    /// Makes the call; the code it ended with, where it did with one.
    pub(crate) async fn make(&self, address: SocketAddr) -> Result<Option<u32>, Failure> {
        let io =
            TcpStream::connect(address).await.map_err(|error| Failure::Lost(error.to_string()))?;
        let handshake = h2::client::Builder::new().handshake::<_, Bytes>(io).await;
        let (sender, connection) = handshake.map_err(|error| lost(&error))?;
        let driven = tokio::spawn(connection);
        let ended = self.exchange(sender, address).await;
        driven.abort();
        ended
    }

    async fn exchange(
        &self,
        sender: h2::client::SendRequest<Bytes>,
        address: SocketAddr,
    ) -> Result<Option<u32>, Failure> {
        let mut request = Request::post(format!("http://{address}{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value.as_slice());
        }
        // What cannot even be said is not the server's affair.
        let Ok(request) = request.body(()) else { return Ok(None) };
        let mut sender = sender.ready().await.map_err(|error| lost(&error))?;
        let sent = sender.send_request(request, self.pieces.is_empty() && self.ends);
        let (response, mut stream) = match sent {
            Ok(sent) => sent,
            Err(error) if error.reason().is_none() && !error.is_io() => return Ok(None),
            Err(error) => return fault(&error),
        };
        for (index, piece) in self.pieces.iter().enumerate() {
            let is_last = index + 1 == self.pieces.len() && self.ends;
            // A server that refuses early may have reset the stream already.
            if stream.send_data(Bytes::copy_from_slice(piece), is_last).is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let response = match response.await {
            Ok(response) => response,
            Err(error) => return fault(&error),
        };
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(data) = body.data().await {
            match data {
                Ok(data) => {
                    drop(body.flow_control().release_capacity(data.len()));
                    bytes.extend_from_slice(&data);
                }
                Err(error) => return fault(&error),
            }
        }
        let trailers = timeout(Duration::from_secs(5), body.trailers()).await;
        let trailers = trailers.map_err(|_| Failure::Wrong("the trailers do not come".into()))?;
        let trailers = trailers.map_err(|error| lost(&error))?;
        check(head.status.as_u16(), &head.headers, &bytes, trailers.as_ref())
            .map_err(Failure::Wrong)
    }
}

fn lost(error: &h2::Error) -> Failure {
    Failure::Lost(format!("{error:?}"))
}

/// How a stream ended that was not answered: it may be refused, but must not have failed.
fn fault(error: &h2::Error) -> Result<Option<u32>, Failure> {
    match error.reason() {
        _ if error.is_io() => Err(lost(error)),
        Some(Reason::NO_ERROR) if error.is_go_away() => Err(lost(error)),
        Some(Reason::INTERNAL_ERROR) | None => {
            Err(Failure::Wrong(format!("the stream failed: {error:?}")))
        }
        Some(_) => Ok(None),
    }
}

fn check(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    trailers: Option<&HeaderMap>,
) -> Result<Option<u32>, String> {
    let text = |map: &HeaderMap, name: &str| {
        map.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let media_type = text(headers, "content-type").unwrap_or_default();
    let wrong = |what: &str| {
        Err(format!("{what}: {status} {headers:?} {} {trailers:?}", body.escape_ascii()))
    };
    if media_type != "application/grpc" {
        let is_refusal = (400..500).contains(&status) || [503, 505].contains(&status);
        let document = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
        let is_problem = media_type == "application/problem+json" && document["status"] == status;
        return if is_refusal && is_problem {
            Ok(None)
        } else {
            wrong("neither gRPC nor a problem")
        };
    }
    let ended = trailers.unwrap_or(headers);
    let code = text(ended, "grpc-status").and_then(|code| code.parse::<u32>().ok());
    let Some(code) = code.filter(|code| *code <= CODE_MAX && status == 200) else {
        return wrong("no status of gRPC");
    };
    let message = text(ended, "grpc-message").unwrap_or_default();
    if message.len() > MESSAGE_BYTES_MAX {
        return wrong("too many words");
    }
    // What tonic says of messages that it cannot read.
    let is_unread = ["decode", "protocol", "ompress", "Missing", "Unexpected", "message"];
    if code == 2 || (code == 13 && !is_unread.iter().any(|known| message.contains(known))) {
        return wrong("a fault of the server's own");
    }
    let mut rest = body;
    while let Some((prefix, after)) = rest.split_at_checked(5) {
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        match after.split_at_checked(length) {
            Some((_, after)) if prefix[0] == 0 => rest = after,
            _ => return wrong("a message that is none"),
        }
    }
    match (rest.is_empty(), code == 0 && body.is_empty() && trailers.is_none()) {
        (true, false) => Ok(Some(code)),
        (false, _) => wrong("more than messages"),
        (_, true) => wrong("success without a message"),
    }
}
