//! One call of a tool.
use std::time::Duration;

use ainur_primitives::{FailureReason, TraceContext};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, ErrorCode, JsonObject,
    RequestMetaObject, ServerResult,
};
use rmcp::service::{PeerRequestOptions, RequestHandle, RoleClient, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpError;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::client::Progress;
use super::connection::Connection;
use super::connections::Connections;
use crate::failure::Failure;
use crate::limits::{PROGRESS_INTERVAL_MS, REMOTE_CANCEL_MS_MAX};
use crate::remote::budget::Output;
use crate::remote::program::{McpProgram, RemoteTool};
use crate::remote::trace::Call;

/// Calls the tool behind a capability and gives its output. Dropping the future tells the server
/// that the call was cancelled.
pub(in crate::remote) async fn call(
    connections: &Connections,
    program: &McpProgram,
    asked: &Call<'_>,
    mut report: impl FnMut(u64, u64),
) -> Result<Output, Failure> {
    let Call { capability, parameters, trace } = asked;
    let tool = program
        .tools
        .get(*capability)
        .ok_or_else(|| declined(format!("this agent has no tool for {capability}")))?;
    let arguments: JsonObject = serde_json::from_str(parameters)
        .map_err(|_| declined("a tool's parameters are a JSON object"))?;
    let mut is_first = true;
    loop {
        let connection = connections.get(&program.server).await?;
        let result = once(&connection, tool, arguments.clone(), trace.as_ref(), &mut report).await;
        if !matches!(result, Err(Trouble::Answered(_)) | Ok(_)) {
            connections.forget(&program.server, &connection);
        }
        match result {
            Ok(output) => return Ok(output),
            Err(Trouble::NotSent) if is_first => is_first = false,
            Err(Trouble::NotSent) => return Err(connection.obituary().await),
            Err(Trouble::Answered(failure) | Trouble::Broken(failure)) => return Err(failure),
        }
    }
}

/// Why a call has no output.
enum Trouble {
    /// The connection was closed before the server could have begun: another one may do.
    NotSent,
    /// The connection broke, and nobody knows how far the server came.
    Broken(Failure),
    /// The connection is fine; the call is not.
    Answered(Failure),
}

async fn once(
    connection: &Connection,
    tool: &RemoteTool,
    arguments: JsonObject,
    trace: Option<&TraceContext>,
    report: &mut impl FnMut(u64, u64),
) -> Result<Output, Trouble> {
    let permit = connection.calls.acquire().await;
    let _permit = permit.expect("the semaphore is never closed");
    let tools = match connection.tools().await {
        Ok(tools) => tools,
        Err(_) if connection.is_closed() => return Err(Trouble::NotSent),
        Err(failure) => return Err(Trouble::Broken(failure)),
    };
    let known = tools.get(&tool.name).filter(|known| known.digest == tool.digest);
    let known = known.ok_or_else(|| Trouble::Answered(changed(&tool.name)))?;
    let params = CallToolRequestParams::new(tool.name.clone()).with_arguments(arguments);
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
    let mut options = PeerRequestOptions::no_options();
    if let Some(trace) = trace {
        let mut meta = RequestMetaObject::new();
        meta.0.set_traceparent(trace.traceparent());
        if let Some(state) = trace.tracestate() {
            meta.0.set_tracestate(state);
        }
        options = options.with_meta(meta);
    }
    let handle = match connection.peer().send_request_with_option(request, options).await {
        Ok(handle) => handle,
        Err(_) => return Err(Trouble::NotSent),
    };
    let following = connection.client().follow(handle.progress_token.clone());
    let mut progress = following.progress.clone();
    let mut pending = Pending(Some(handle));
    let mut last_report: Option<Instant> = None;
    let interval = Duration::from_millis(PROGRESS_INTERVAL_MS);
    let answer = loop {
        tokio::select! {
            biased;
            answer = pending.answer() => break answer,
            Ok(()) = progress.changed() => {
                let said = *progress.borrow_and_update();
                if last_report.is_none_or(|last| last.elapsed() >= interval)
                    && let Some((done, total)) = whole(said)
                {
                    last_report = Some(Instant::now());
                    report(done, total);
                }
            }
        }
    };
    match answer {
        Ok(ServerResult::CallToolResult(result)) => {
            let bytes = output(result, known.is_structured).map_err(Trouble::Answered)?;
            let held = connection.account.take(bytes.capacity() as u64);
            Ok(Output::new(bytes, held.map_err(Trouble::Answered)?))
        }
        Ok(ServerResult::InputRequiredResult(_)) => {
            Err(Trouble::Answered(declined("the tool asks for more input, which nobody can give")))
        }
        Ok(ServerResult::CreateTaskResult(_)) => Err(Trouble::Answered(declined(
            "the tool answers with a task, which was not asked for",
        ))),
        Ok(_) => {
            let detail = "the server answered a call with something else";
            // The library may keep what it takes for tools: not on a connection that is used again.
            Err(Trouble::Broken(Failure::crashed(detail)))
        }
        Err(error) if was_refused_unread(&error) => Err(Trouble::NotSent),
        Err(ServiceError::McpError(error)) => Err(Trouble::Answered(match error.code {
            ErrorCode::INVALID_PARAMS | ErrorCode::METHOD_NOT_FOUND => declined(error.message),
            _ => Failure::crashed(format!("the server said: {}", error.message)),
        })),
        Err(error) => Err(Trouble::Broken(connection.trouble(&error).await)),
    }
}

/// A request whose server is told when nobody waits for it any more.
struct Pending(Option<RequestHandle<RoleClient>>);

impl Pending {
    async fn answer(&mut self) -> Result<ServerResult, ServiceError> {
        let Some(handle) = &mut self.0 else { return Err(ServiceError::TransportClosed) };
        let answer = (&mut handle.rx).await.unwrap_or(Err(ServiceError::TransportClosed));
        self.0 = None;
        answer
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(handle) = self.0.take() else { return };
        // None when the pool stops: then the connection ends as well.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        drop(runtime.spawn(async move {
            let telling = handle.cancel(Some("nobody waits for it any more".into()));
            let patience = Duration::from_millis(REMOTE_CANCEL_MS_MAX);
            if !matches!(timeout(patience, telling).await, Ok(Ok(()))) {
                tracing::debug!("a server could not be told that a call was cancelled");
            }
        }));
    }
}

/// The server ended the session before it looked at the call.
fn was_refused_unread(error: &ServiceError) -> bool {
    let ServiceError::TransportSend(error) = error else { return false };
    matches!(
        error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>(),
        Some(StreamableHttpError::SessionExpired)
    )
}

fn declined(detail: impl Into<String>) -> Failure {
    Failure::new(FailureReason::Declined, detail)
}

fn changed(name: &str) -> Failure {
    declined(format!(
        "the tool {name} changed since this agent was added: look at it, and accept it with \
         'ainur agent accept NAME'"
    ))
}

/// Progress in whole numbers: a fraction is counted in thousandths, an unknown total is 0.
fn whole((done, total): Progress) -> Option<(u64, u64)> {
    let total = total.unwrap_or(0.0);
    if !(done.is_finite() && total.is_finite() && done >= 0.0 && total >= 0.0) {
        return None;
    }
    let scale = if done.fract() == 0.0 && total.fract() == 0.0 && total != 1.0 { 1.0 } else { 1e3 };
    Some(((done * scale) as u64, (total * scale) as u64))
}

/// The bytes that are delivered.
fn output(result: CallToolResult, is_structured: bool) -> Result<Vec<u8>, Failure> {
    if result.is_error == Some(true) {
        let said = result.content.iter().find_map(|block| block.as_text());
        return Err(declined(said.map_or("the tool said that it failed", |said| &said.text)));
    }
    let output = if is_structured {
        let missing = "the tool promises structured output and gave none";
        result.structured_content.ok_or_else(|| Failure::crashed(missing))?
    } else {
        json!({ "content": result.content })
    };
    serde_json::to_vec(&output)
        .map_err(|error| Failure::crashed(format!("the output cannot be written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_becomes_whole_numbers_or_nothing() {
        assert_eq!(whole((3.0, Some(7.0))), Some((3, 7)));
        assert_eq!(whole((0.25, Some(1.0))), Some((250, 1_000)));
        assert_eq!(whole((1.0, Some(1.0))), Some((1_000, 1_000)));
        assert_eq!(whole((5.0, None)), Some((5, 0)));
        assert_eq!(whole((f64::NAN, None)), None);
        assert_eq!(whole((-1.0, None)), None);
    }
}
