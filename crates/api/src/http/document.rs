//! A [`Problem`] on the wire: one status for each code, and a body in the manner of RFC 9457.
use std::borrow::Cow;

use a2a_types::error_code;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The HTTP status that stands for a code.
pub const fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidRequest => StatusCode::BAD_REQUEST,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::InsufficientFunds | Code::BudgetExceeded => StatusCode::PAYMENT_REQUIRED,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::UnknownCapability | Code::NoBidder | Code::InvalidAgent => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Code::LimitReached => StatusCode::TOO_MANY_REQUESTS,
        Code::Corrupted | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Code::Storage => StatusCode::INSUFFICIENT_STORAGE,
    }
}

/// The A2A error code that stands for a code; over HTTP it goes with [`status`].
pub(crate) const fn a2a_code(code: Code) -> i32 {
    match code {
        Code::NotFound => error_code::TASK_NOT_FOUND,
        Code::InvalidRequest | Code::UnknownCapability | Code::InvalidAgent => {
            error_code::INVALID_PARAMS
        }
        Code::Conflict | Code::NoBidder => error_code::UNSUPPORTED_OPERATION,
        Code::Unauthorized
        | Code::Forbidden
        | Code::InsufficientFunds
        | Code::BudgetExceeded
        | Code::LimitReached => error_code::INVALID_REQUEST,
        Code::Busy | Code::Corrupted | Code::Storage | Code::Internal => error_code::INTERNAL_ERROR,
    }
}

/// The code that an answer without a problem document stands for.
pub(crate) fn code_of(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthorized,
        StatusCode::FORBIDDEN => Code::Forbidden,
        StatusCode::SERVICE_UNAVAILABLE => Code::Busy,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => Code::LimitReached,
        other if other.is_client_error() => Code::InvalidRequest,
        _ => Code::Internal,
    }
}

/// The body of an answer that is not a reply.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ProblemDocument")]
pub(crate) struct Document<'a> {
    r#type: Cow<'a, str>,
    title: Cow<'a, str>,
    status: u16,
    detail: String,
    code: Code,
    #[serde(default)]
    next_step: String,
}

impl Document<'_> {
    /// What is said of a refusal.
    pub(crate) fn of(refusal: Refusal) -> Self {
        Self {
            r#type: "about:blank".into(),
            title: refusal.status.canonical_reason().unwrap_or_default().into(),
            status: refusal.status.as_u16(),
            detail: refusal.problem.message,
            code: refusal.problem.code,
            next_step: refusal.problem.next_step,
        }
    }
}

impl From<Document<'_>> for Problem {
    fn from(document: Document<'_>) -> Self {
        Self { code: document.code, message: document.detail, next_step: document.next_step }
    }
}

/// A problem and the status it is answered with: its code's own, or one that HTTP has for exactly
/// this case.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    problem: Problem,
}

impl Refusal {
    /// The same of a request that is well-formed: 422 in place of 400.
    pub(crate) fn unprocessable(self) -> Self {
        match self.status {
            StatusCode::BAD_REQUEST => {
                Self { status: StatusCode::UNPROCESSABLE_ENTITY, problem: self.problem }
            }
            _ => self,
        }
    }

    pub(crate) fn with_status(status: StatusCode, problem: Problem) -> Self {
        Self { status, problem }
    }

    /// The problem, for answers that are no problem documents.
    pub(crate) fn into_problem(self) -> Problem {
        self.problem
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Problem::new(Code::InvalidRequest, message).into()
    }

    pub(crate) fn busy(message: &str) -> Self {
        Problem::new(Code::Busy, message).next("try again in a moment").into()
    }

    /// It may be otherwise in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        self.problem.code == Code::Busy
    }

    pub(crate) fn timeout() -> Self {
        Self::with_status(
            StatusCode::REQUEST_TIMEOUT,
            Problem::new(Code::InvalidRequest, "the body of the request took too long to arrive"),
        )
    }

    pub(crate) fn too_large(bytes_max: u64) -> Self {
        Self::with_status(
            StatusCode::PAYLOAD_TOO_LARGE,
            Problem::new(
                Code::LimitReached,
                format!("a body here holds {bytes_max} bytes at most"),
            ),
        )
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { status: status(problem.code), problem }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status;
        let body =
            serde_json::to_vec(&Document::of(self)).expect("strings and numbers become JSON");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
