//! What a caller is told when a request is not served: one code, one HTTP status, one reason.
use std::collections::BTreeMap;

use a2a_types::errordetails::{ERROR_INFO_TYPE, PROTOCOL_DOMAIN};
use a2a_types::{A2AError, JsonRpcError, error_code, error_reason};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::http::document::{Refusal, a2a_code, status};
use crate::problem::{Code, Problem};

/// A refusal as every binding tells it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    pub(crate) code: i32,
    status: StatusCode,
    message: String,
    /// Facts for programs.
    facts: BTreeMap<&'static str, String>,
}

impl Error {
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        let error = A2AError::new(code, message);
        let status = match code {
            error_code::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
            _ => StatusCode::from_u16(error.http_status_code())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        Self { code, status, message: error.message, facts: BTreeMap::new() }
    }

    /// The same error with another HTTP status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(error_code::INVALID_PARAMS, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(error_code::UNSUPPORTED_OPERATION, message)
    }

    pub(crate) fn content_type(message: impl Into<String>) -> Self {
        Self::new(error_code::CONTENT_TYPE_NOT_SUPPORTED, message)
    }

    pub(crate) fn no_task(task: &str) -> Self {
        Self::new(error_code::TASK_NOT_FOUND, format!("there is no task '{task}'"))
    }

    pub(crate) fn is_no_task(&self) -> bool {
        self.code == error_code::TASK_NOT_FOUND
    }

    /// The node has no place for this call now.
    pub(crate) fn is_busy(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// It may be otherwise later.
    pub(crate) fn is_passing(&self) -> bool {
        self.is_busy() || self.status == StatusCode::TOO_MANY_REQUESTS
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// For JSON-RPC: an error object whose data begins with the reason.
    pub(crate) fn json_rpc(&self) -> JsonRpcError {
        JsonRpcError {
            code: self.code,
            message: self.message.clone(),
            data: Some(Value::Array(vec![self.info()])),
        }
    }

    /// For HTTP+JSON: a body in the manner of AIP-193.
    pub(crate) fn rest(&self) -> Value {
        json!({
            "error": {
                "code": self.status.as_u16(),
                "status": self.status_word(),
                "message": self.message,
                "details": [self.info()],
            }
        })
    }

    fn info(&self) -> Value {
        json!({
            "@type": ERROR_INFO_TYPE,
            "reason": self.reason(),
            "domain": PROTOCOL_DOMAIN,
            "metadata": self.facts,
        })
    }

    /// The reason, for programs.
    pub(super) fn reason(&self) -> &'static str {
        error_reason(self.code)
    }

    /// Facts for programs, by name.
    pub(super) fn facts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.facts.iter().map(|(name, fact)| (*name, fact.as_str()))
    }

    /// The status in the words of gRPC.
    pub(super) fn status_word(&self) -> &'static str {
        match (self.status, self.code) {
            (StatusCode::NOT_FOUND, _) => "NOT_FOUND",
            (StatusCode::UNAUTHORIZED, _) => "UNAUTHENTICATED",
            (StatusCode::FORBIDDEN, _) => "PERMISSION_DENIED",
            (StatusCode::TOO_MANY_REQUESTS, _) => "RESOURCE_EXHAUSTED",
            (StatusCode::SERVICE_UNAVAILABLE, _) => "UNAVAILABLE",
            (_, error_code::INTERNAL_ERROR | error_code::INVALID_AGENT_RESPONSE) => "INTERNAL",
            (
                _,
                error_code::INVALID_PARAMS
                | error_code::INVALID_REQUEST
                | error_code::PARSE_ERROR
                | error_code::CONTENT_TYPE_NOT_SUPPORTED,
            ) => "INVALID_ARGUMENT",
            _ => "FAILED_PRECONDITION",
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let mut facts = BTreeMap::new();
        if let Ok(Value::String(code)) = serde_json::to_value(problem.code) {
            facts.insert("ainur/code", code);
        }
        let message = match problem.next_step.as_str() {
            "" => problem.message,
            next => format!("{}; {next}", problem.message),
        };
        Self { code: a2a_code(problem.code), status: status(problem.code), message, facts }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.into_problem().into()
    }
}

/// The node answered with something else than what was asked for.
pub(super) fn unexpected() -> Problem {
    Problem::new(Code::Internal, "the node answered with something else")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_keeps_its_code_its_status_and_its_advice() {
        let error = Error::from(Problem::new(Code::BudgetExceeded, "too dear").next("offer less"));
        let rest = error.rest();
        assert_eq!(rest["error"]["code"], 402);
        assert_eq!(rest["error"]["status"], "INVALID_ARGUMENT");
        assert_eq!(rest["error"]["message"], "too dear; offer less");
        assert_eq!(rest["error"]["details"][0]["metadata"]["ainur/code"], "budget-exceeded");
        assert_eq!(error.json_rpc().code, -32600);
    }

    #[test]
    fn every_a2a_error_has_the_status_and_word_of_the_specification() {
        for (code, status, word) in [
            (error_code::TASK_NOT_FOUND, 404, "NOT_FOUND"),
            (error_code::TASK_NOT_CANCELABLE, 400, "FAILED_PRECONDITION"),
            (error_code::PUSH_NOTIFICATION_NOT_SUPPORTED, 400, "FAILED_PRECONDITION"),
            (error_code::UNSUPPORTED_OPERATION, 400, "FAILED_PRECONDITION"),
            (error_code::CONTENT_TYPE_NOT_SUPPORTED, 400, "INVALID_ARGUMENT"),
            (error_code::INVALID_AGENT_RESPONSE, 500, "INTERNAL"),
            (error_code::EXTENDED_CARD_NOT_CONFIGURED, 400, "FAILED_PRECONDITION"),
            (error_code::EXTENSION_SUPPORT_REQUIRED, 400, "FAILED_PRECONDITION"),
            (error_code::VERSION_NOT_SUPPORTED, 400, "FAILED_PRECONDITION"),
            (error_code::INVALID_PARAMS, 400, "INVALID_ARGUMENT"),
            (error_code::METHOD_NOT_FOUND, 404, "NOT_FOUND"),
            (error_code::INTERNAL_ERROR, 500, "INTERNAL"),
        ] {
            let error = &Error::new(code, "x").rest()["error"];
            assert_eq!(
                (error["code"].as_u64(), error["status"].as_str()),
                (Some(status), Some(word))
            );
        }
    }
}
