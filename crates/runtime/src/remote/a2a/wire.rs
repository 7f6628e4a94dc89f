//! Requests to an agent, and their answers within limits.
use std::time::Duration;

use a2a::{JsonRpcId, JsonRpcRequest, JsonRpcResponse, SVC_PARAM_VERSION, VERSION};
use ainur_primitives::{FailureReason, TraceContext};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::limits::{A2A_REQUEST_MS_MAX, REMOTE_MESSAGE_BYTES_MAX, REMOTE_PARSED_BYTES_MAX};
use crate::remote::budget::{Account, Held};
use crate::remote::http::{self, BodyError};
use crate::remote::program::AgentPeer;
use crate::remote::{secret, trace, weight};

/// Code of JSON-RPC for parameters that were not understood.
const INVALID_PARAMS: i32 = -32602;

/// Asks for a document, which is paid for with `held`, and so is reading it.
pub(super) async fn get(
    client: &reqwest::Client,
    peer: &AgentPeer,
    url: Url,
    bytes_max: usize,
    held: &mut Held,
) -> Result<Vec<u8>, Failure> {
    let request = with_credential(client.get(url), peer)?;
    let (status, body) = send(request, VERSION, bytes_max, held).await?;
    if status.is_success() { Ok(body) } else { Err(refused(status)) }
}

/// Where a method is called.
pub(super) struct To<'a> {
    pub(super) url: &'a Url,
    /// The credential may be sent there.
    pub(super) is_trusted: bool,
    /// Of the protocol.
    pub(super) version: &'static str,
    /// Where the call belongs in a trace.
    pub(super) trace: Option<&'a TraceContext>,
    /// Who pays for the answer until it is read.
    pub(super) account: &'a Account,
}

/// Calls a method.
pub(super) async fn call<A: DeserializeOwned>(
    client: &reqwest::Client,
    peer: &AgentPeer,
    to: To<'_>,
    method: &str,
    params: &impl Serialize,
) -> Result<A, Failure> {
    let ours = |error| Failure::infrastructure(format!("cannot write a request: {error}"));
    let params = serde_json::to_value(params).map_err(ours)?;
    let request = JsonRpcRequest::new(JsonRpcId::Number(1), method, Some(params));
    let body = serde_json::to_vec(&request).map_err(ours)?;
    let request = client.post(to.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
    let request = request.headers(trace::headers(to.trace));
    let request = if to.is_trusted { with_credential(request, peer)? } else { request };
    let mut held = to.account.open();
    let (status, answer) = send(request, to.version, REMOTE_MESSAGE_BYTES_MAX, &mut held).await?;
    // Errors of JSON-RPC come with any status.
    let answer: JsonRpcResponse = match serde_json::from_slice(&answer) {
        Ok(answer) => answer,
        Err(error) if status.is_success() => return Err(broken(error)),
        Err(_) => return Err(refused(status)),
    };
    match (answer.result, answer.error) {
        (_, Some(error)) => {
            let reason = match error.code {
                INVALID_PARAMS => FailureReason::Declined,
                _ => FailureReason::Crashed,
            };
            Err(Failure::new(reason, format!("the agent said: {}", error.message)))
        }
        (Some(result), None) => serde_json::from_value(result).map_err(broken),
        (None, None) => Err(Failure::crashed("the agent answered with neither result nor error")),
    }
}

fn refused(status: StatusCode) -> Failure {
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Failure::crashed("the agent wants a credential, or another one");
    }
    Failure::crashed(format!("the agent answered with HTTP status {status}"))
}

fn broken(error: serde_json::Error) -> Failure {
    Failure::crashed(format!("the agent broke the protocol: {error}"))
}

fn with_credential(request: RequestBuilder, peer: &AgentPeer) -> Result<RequestBuilder, Failure> {
    secret::attach(request, peer.credential_header.as_deref(), peer.credential.as_ref())
}

async fn send(
    request: RequestBuilder,
    version: &'static str,
    bytes_max: usize,
    held: &mut Held,
) -> Result<(StatusCode, Vec<u8>), Failure> {
    let unreachable = |error| Failure::crashed(http::why_unreachable(&error));
    let mut response: Response = request
        .header(ACCEPT, "application/json")
        .header(SVC_PARAM_VERSION, version)
        .timeout(Duration::from_millis(A2A_REQUEST_MS_MAX))
        .send()
        .await
        .map_err(unreachable)?;
    let status = response.status();
    let body = http::body(&mut response, bytes_max as u64, held).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLong => {
            Failure::limit(format!("it sent an answer longer than {bytes_max} bytes"))
        }
        BodyError::Memory(failure) => failure,
        BodyError::Broken(error) => unreachable(error),
    })?;
    let weight = weight::of_text(&body);
    if weight > REMOTE_PARSED_BYTES_MAX {
        return Err(Failure::limit(format!(
            "it sent an answer that takes more than {REMOTE_PARSED_BYTES_MAX} bytes to read"
        )));
    }
    held.grow(weight)?;
    Ok((status, body))
}
