//! What the conformance tests ask for, by the beginning of a message's id.
use a2a_types::{Part, TaskState};
use serde_json::json;

/// How long a task works that somebody subscribes to, in milliseconds: twice the tests' timeout.
const HOLD_MS: u64 = 4_000;
/// How long a task works that somebody waits for, in milliseconds: once the tests' timeout.
const DELAY_MS: u64 = 2_000;

/// How a message is answered.
#[derive(Debug)]
pub(super) enum Answer {
    Message(&'static str),
    Steps(Vec<Step>),
}

/// What happens to a task.
#[derive(Debug)]
pub(super) enum Step {
    Wait(u64),
    Working,
    Artifact { part: Part, append: bool, last: bool },
    InputRequired,
    AuthRequired,
    Complete(Option<String>),
    Reject(&'static str),
    Cancel,
}

impl Step {
    /// The state it leads to, and what is said about it.
    pub(super) fn status(self) -> (TaskState, Option<String>) {
        match self {
            Self::Wait(_) | Self::Working | Self::Artifact { .. } => (TaskState::Working, None),
            Self::InputRequired => (TaskState::InputRequired, Some("Input required".into())),
            Self::AuthRequired => (TaskState::AuthRequired, Some("Authorization required".into())),
            Self::Complete(text) => (TaskState::Completed, text),
            Self::Reject(why) => (TaskState::Rejected, Some(why.into())),
            Self::Cancel => (TaskState::Canceled, None),
        }
    }
}

/// The answer to a message with this id.
pub(super) fn answer(id: &str) -> Answer {
    let begins = |prefix: &str| id.starts_with(prefix);
    let whole = |part: Part| Step::Artifact { part, append: false, last: true };
    let done = || Step::Complete(None);
    let steps = if begins("tck-message-response") {
        return Answer::Message("Direct message response");
    } else if begins("tck-stream-002") {
        return Answer::Message("Stream message-only response");
    } else if begins("tck-complete-task") {
        vec![Step::Complete(Some("Hello from TCK".into()))]
    } else if begins("tck-delayed-complete") {
        let said = Step::Complete(Some("Done after delay".into()));
        vec![Step::Working, Step::Wait(DELAY_MS), said]
    } else if begins("test-resubscribe-message-id") {
        vec![Step::Working, Step::Wait(HOLD_MS), done()]
    } else if begins("tck-artifact-text") {
        vec![whole(Part::text("Generated text content")), done()]
    } else if begins("tck-artifact-file-url") {
        let part = Part::url("https://example.com/output.txt");
        vec![whole(named(part)), done()]
    } else if begins("tck-artifact-file") {
        vec![whole(named(Part::raw(b"tck".to_vec()))), done()]
    } else if begins("tck-artifact-data") {
        vec![whole(Part::data(json!({ "key": "value", "count": 42 }))), done()]
    } else if begins("tck-input-required") {
        vec![Step::InputRequired]
    } else if begins("tck-auth-required") {
        vec![Step::AuthRequired]
    } else if begins("tck-reject-task") {
        vec![Step::Reject("rejected")]
    } else if begins("tck-stream-artifact-chunked") {
        let chunk = |text, last| Step::Artifact { part: Part::text(text), append: true, last };
        vec![Step::Working, chunk("chunk-1 ", false), chunk("chunk-2", true), done()]
    } else if begins("tck-stream-artifact-file") {
        vec![Step::Working, whole(named(Part::raw(b"tck".to_vec()))), done()]
    } else if let Some(text) = streamed(id) {
        vec![Step::Working, whole(Part::text(text)), done()]
    } else {
        vec![Step::Complete(Some(format!("Unhandled messageId prefix: {id}")))]
    };
    Answer::Steps(steps)
}

fn streamed(id: &str) -> Option<&'static str> {
    let texts = [
        ("tck-stream-artifact-text", "Streamed text content"),
        ("tck-stream-ordering-001", "Ordered output"),
        ("tck-stream-001", "Stream hello from TCK"),
        ("tck-stream-003", "Stream task lifecycle"),
    ];
    texts.into_iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, text)| text)
}

fn named(part: Part) -> Part {
    part.with_media_type("text/plain").with_filename("output.txt")
}
