//! Why a job has no result.
use ainur_primitives::FailureReason;

/// A reason, and a line for people. It travels through wasmtime as an error of the host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Failure {
    pub(crate) reason: FailureReason,
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    pub(crate) fn crashed(detail: impl Into<String>) -> Self {
        Self::new(FailureReason::Crashed, detail)
    }

    pub(crate) fn limit(detail: impl Into<String>) -> Self {
        Self::new(FailureReason::LimitExceeded, detail)
    }

    pub(crate) fn infrastructure(detail: impl Into<String>) -> Self {
        Self::new(FailureReason::Infrastructure, detail)
    }
}
