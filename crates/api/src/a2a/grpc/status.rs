//! Refusals as gRPC tells them: a code, a message and, for those of A2A, the reason for programs.
use std::collections::HashMap;

use a2a_types::errordetails::{ERROR_INFO_TYPE, PROTOCOL_DOMAIN};
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use prost::Message;
use tonic::{Code, Status};

use crate::a2a::error::Error;
use crate::a2a::limits::STATUS_MESSAGE_BYTES_MAX;
use crate::http::document::Refusal;

/// `google.rpc.Status`.
#[derive(Message)]
struct Told {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Message)]
struct Info {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(map = "string, string", tag = "3")]
    metadata: HashMap<String, String>,
}

/// A refusal of A2A.
pub(super) fn of(error: &Error) -> Status {
    let code = match error.status_word() {
        "NOT_FOUND" => Code::NotFound,
        "UNAUTHENTICATED" => Code::Unauthenticated,
        "PERMISSION_DENIED" => Code::PermissionDenied,
        "RESOURCE_EXHAUSTED" => Code::ResourceExhausted,
        "UNAVAILABLE" => Code::Unavailable,
        "INTERNAL" => Code::Internal,
        "INVALID_ARGUMENT" => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    };
    let message = shortened(error.to_string());
    let facts = error.facts().map(|(name, fact)| (name.to_owned(), fact.to_owned()));
    let info = Info {
        reason: error.reason().into(),
        domain: PROTOCOL_DOMAIN.into(),
        metadata: facts.collect(),
    };
    let detail = Detail { type_url: ERROR_INFO_TYPE.into(), value: info.encode_to_vec() };
    let told = Told { code: code.into(), message: message.clone(), details: vec![detail] };
    Status::with_details(code, message, told.encode_to_vec().into())
}

/// A refusal of whoever stands before A2A, as the whole answer.
pub(crate) fn refuse(refusal: Refusal) -> Response {
    let code = match refusal.status() {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => Code::PermissionDenied,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        other if other.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    };
    let problem = refusal.into_problem();
    let message = match problem.next_step.as_str() {
        "" => problem.message,
        next => format!("{}; {next}", problem.message),
    };
    Status::new(code, shortened(message)).into_http::<Body>()
}

/// A message travels in a header: one that repeats what the caller sent must not fill it.
fn shortened(mut message: String) -> String {
    if message.len() > STATUS_MESSAGE_BYTES_MAX {
        message.truncate(message.floor_char_boundary(STATUS_MESSAGE_BYTES_MAX));
        message.push('…');
    }
    message
}
