//! One request of an operation, and what came of it.
use std::time::Duration;

use ainur_primitives::FailureReason;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Response, StatusCode};
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::time::timeout;

use super::documents::Documents;
use super::reader::is_json;
use super::request;
use crate::detail;
use crate::failure::Failure;
use crate::limits::{API_PROBLEM_BYTES_MAX, API_PROBLEM_CHARACTERS_MAX, API_PROBLEM_MS_MAX};
use crate::remote::budget::{Held, Output};
use crate::remote::http::{self, BodyError};
use crate::remote::program::OpenApiProgram;
use crate::remote::secret;
use crate::remote::trace::{self, Call};

/// Asks for the operation behind a capability and gives its output, of no more than so many bytes.
/// Dropping the future closes the connection.
pub(in crate::remote) async fn call(
    documents: &Documents,
    program: &OpenApiProgram,
    asked: &Call<'_>,
    bytes_max: u64,
) -> Result<Output, Failure> {
    let Call { capability, parameters, trace } = asked;
    let tool = program
        .tools
        .get(*capability)
        .ok_or_else(|| declined(format!("this agent has no operation for {capability}")))?;
    let document = &program.document;
    let service = documents.service(document);
    let permit = service.calls.acquire().await;
    let _permit = permit.expect("the semaphore is never closed");
    let operations = documents.operations(&service, document).await?;
    let known = operations.iter().find(|operation| operation.key == tool.name);
    let Some(operation) = known.filter(|operation| operation.digest == tool.digest) else {
        return Err(declined(format!(
            "the operation {} changed since this agent was added: look at it, and accept it with \
             'ainur agent accept NAME'",
            tool.name
        )));
    };
    let made = request::build(operation, parameters)?;
    let client = documents.client(operation.reach)?;
    let mut request = client.request(operation.method.clone(), made.url);
    let mut context = trace::headers(trace.as_ref());
    for (name, _) in &made.headers {
        // A parameter of the operation goes before.
        context.remove(name);
    }
    request = request.headers(context);
    for (name, value) in made.headers {
        request = request.header(name, value);
    }
    let is_json = is_json(&operation.output_media_type);
    request = request.header(ACCEPT, if is_json { "application/json" } else { "*/*" });
    if let (Some(bytes), Some(body)) = (made.body, &operation.body) {
        request = request.header(CONTENT_TYPE, &body.media_type).body(bytes);
    }
    if operation.is_trusted {
        let header = document.credential_header.as_deref();
        request = secret::attach(request, header, document.credential.as_ref())?;
    }
    let response = request.send().await.map_err(|error| unreachable(&error))?;
    let response = check_status(response).await?;
    let output = receive(response, bytes_max, service.account.open()).await?;
    // A HEAD request has no body to parse.
    if is_json && operation.method != reqwest::Method::HEAD {
        serde_json::from_slice::<IgnoredAny>(&output.bytes).map_err(|error| {
            Failure::crashed(format!("the service promises JSON and sent something else: {error}"))
        })?;
    }
    Ok(output)
}

/// Where a redirect would lead. It is not followed: what is there was neither checked nor accepted.
pub(super) fn why_redirected(response: &Response) -> Option<String> {
    if !response.status().is_redirection() {
        return None;
    }
    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    let to = to.map_or("elsewhere", |to| to.split(['?', '#']).next().unwrap_or(to));
    Some(format!("it redirects to {to}, which is not followed"))
}

async fn check_status(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if let Some(why) = why_redirected(&response) {
        return Err(Failure::crashed(format!("the service answered with {status}: {why}")));
    }
    let said = timeout(Duration::from_millis(API_PROBLEM_MS_MAX), problem(response)).await;
    let said = said.unwrap_or_default();
    let told = |what: &str| match &*said {
        "" => what.to_owned(),
        said => format!("{what}: {said}"),
    };
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS => declined(told("the service has too much to do (429)")),
        StatusCode::SERVICE_UNAVAILABLE => declined(told("the service is not available (503)")),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let what = format!("the service wants a credential, or another one ({status})");
            declined(told(&what))
        }
        _ if status.is_client_error() => declined(told(&format!("the service refused ({status})"))),
        _ => Failure::crashed(told(&format!("the service failed ({status})"))),
    })
}

/// What a service says about a request it did not fulfil, as far as it says it in words.
async fn problem(mut response: Response) -> String {
    let mut body = Vec::new();
    while body.len() < API_PROBLEM_BYTES_MAX {
        let Ok(Some(piece)) = response.chunk().await else { break };
        body.extend_from_slice(&piece[..piece.len().min(API_PROBLEM_BYTES_MAX - body.len())]);
    }
    let body = String::from_utf8_lossy(&body);
    let said = match serde_json::from_str::<Value>(&body) {
        Ok(problem) => said(&problem).unwrap_or_else(|| body.into_owned()),
        Err(_) => body.into_owned(),
    };
    let cleaned = detail::clean(&said);
    cleaned.chars().take(API_PROBLEM_CHARACTERS_MAX).collect()
}

/// The words in a problem: as RFC 9457 has it, or as is usual.
fn said(problem: &Value) -> Option<String> {
    let names = ["detail", "message", "error_description", "error", "title"];
    names.iter().find_map(|name| match problem.get(name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Object(inner) => Some(inner.get("message")?.as_str()?.to_owned()),
        _ => None,
    })
}

async fn receive(
    mut response: Response,
    bytes_max: u64,
    mut held: Held,
) -> Result<Output, Failure> {
    match http::body(&mut response, bytes_max, &mut held).await {
        Ok(bytes) => Ok(Output::new(bytes, held)),
        Err(BodyError::TooLong) => {
            Err(Failure::limit(format!("more than {bytes_max} bytes of output")))
        }
        Err(BodyError::Memory(failure)) => Err(failure),
        Err(BodyError::Broken(error)) => Err(broken(error)),
    }
}

fn unreachable(error: &reqwest::Error) -> Failure {
    Failure::crashed(http::why_unreachable(error))
}

fn broken(error: reqwest::Error) -> Failure {
    // The URL may hold what is nobody's business.
    tracing::debug!(error = %error.without_url(), "an answer ended early");
    Failure::crashed("the answer ended before its time")
}

fn declined(detail: impl Into<String>) -> Failure {
    Failure::new(FailureReason::Declined, detail)
}
