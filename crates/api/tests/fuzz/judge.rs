//! What every answer must be like, whatever was asked.
use serde_json::Value;

use crate::answer::Answer;
use crate::corpus::Surface;

/// Statuses of the server's own making above 500: the node is busy, HTTP/2 is needed, the disk is
/// full.
const FAULTS: [u16; 3] = [503, 505, 507];

/// What is known of a request that was changed.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// The protocol, where what was changed leaves no doubt of it.
    pub(crate) surface: Option<Surface>,
    /// The body of a request whose envelope decides under which id it is answered.
    pub(crate) body: Option<Vec<u8>>,
}

/// Says what is wrong with an answer.
pub(crate) fn check(answer: &Answer, expected: &Expected) -> Result<(), String> {
    // What the SDK of MCP says when one request ends the session of another that is under way. Only
    // the fixtures of the conformance tests have sessions.
    let has_lost_session = answer.body.ends_with(b"Session service terminated");
    if answer.status >= 500 && !FAULTS.contains(&answer.status) && !has_lost_session {
        return Err(format!("status {}", answer.status));
    }
    if answer.status == 401 && answer.header("www-authenticate") != Some("Bearer") {
        return Err("who is unknown is not told how to say who it is".into());
    }
    if !answer.whole || answer.bare {
        return Ok(());
    }
    let media_type = answer.media_type();
    match media_type {
        "application/problem+json" => return problem(answer),
        "text/event-stream" => return events(answer, expected),
        "application/json" | "application/a2a+json" => {}
        _ => return plain(answer, expected),
    }
    let body: Value = serde_json::from_slice(&answer.body).map_err(|error| {
        format!("{media_type} that is none ({error}): {}", answer.body.escape_ascii())
    })?;
    match expected.surface {
        _ if body.get("jsonrpc").is_some() => message(&body, expected),
        Some(Surface::Rpc) => Err(format!("no JSON-RPC: {body}")),
        Some(Surface::A2a) if answer.status >= 400 => aip_193(&body, answer.status),
        Some(Surface::Rest) if answer.status >= 400 => Err(format!("no problem: {body}")),
        _ => Ok(()),
    }
}

/// Whether an answer without a status that says so is an error.
pub(crate) fn is_error(answer: &Answer) -> bool {
    answer.status < 300 && answer.body.windows(8).any(|eight| eight == b"\"error\":")
}

/// An answer that is neither JSON nor a stream.
fn plain(answer: &Answer, expected: &Expected) -> Result<(), String> {
    let is_refusal = answer.status >= 400;
    // The parser of HTTP/1 answers by itself, without a body; the SDK of MCP with a line of text.
    let is_parsers = matches!(answer.status, 400 | 414 | 431) && answer.body.is_empty();
    match expected.surface {
        Some(Surface::Mcp) | None => Ok(()),
        Some(_) if is_refusal && !is_parsers => {
            Err(format!("a refusal {} of no kind: {answer:?}", answer.status))
        }
        Some(Surface::Rpc) if !is_refusal => Err(format!("no JSON-RPC: {answer:?}")),
        Some(_) => Ok(()),
    }
}

/// A document in the manner of RFC 9457.
fn problem(answer: &Answer) -> Result<(), String> {
    let wrong = || format!("no problem document: {}", answer.body.escape_ascii());
    let document: Value = serde_json::from_slice(&answer.body).map_err(|_| wrong())?;
    let is_text = |name: &str| document[name].as_str().is_some_and(|text| !text.is_empty());
    let is_right = answer.status >= 400
        && document["status"] == answer.status
        && ["type", "title", "detail", "code"].iter().all(|name| is_text(name));
    if is_right { Ok(()) } else { Err(wrong()) }
}

/// An error in the manner of AIP-193.
fn aip_193(body: &Value, status: u16) -> Result<(), String> {
    let error = &body["error"];
    let is_right =
        error["code"] == status && error["status"].is_string() && error["message"].is_string();
    if is_right { Ok(()) } else { Err(format!("no error of HTTP+JSON: {body}")) }
}

/// A message of JSON-RPC 2.0 that a server sends.
fn message(message: &Value, expected: &Expected) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {message}"));
    if message["jsonrpc"] != "2.0" {
        return wrong("another version of JSON-RPC");
    }
    if message.get("method").is_some() {
        return Ok(());
    }
    let (result, error) = (message.get("result"), message.get("error"));
    if result.is_some() == error.is_some() {
        return wrong("neither a result nor an error, or both");
    }
    let code = error.map(|error| (error["code"].as_i64(), error["message"].as_str()));
    let code = match code {
        None => None,
        Some((Some(code), Some(_))) => Some(code),
        Some(_) => return wrong("an error without a code or a message"),
    };
    if code == Some(-32603) && !may_be_internal(message) {
        return wrong("a fault of the server's own");
    }
    let id = message.get("id").cloned().unwrap_or_default();
    let Some(asked) = expected.body.as_deref() else { return Ok(()) };
    let asked = asked_id(asked);
    let is_unreadable = id.is_null() && matches!(code, Some(-32700..=-32600 | -32020 | -32022));
    // A number may be written in more than one way.
    let is_equal =
        |asked: &Value| *asked == id || (asked.is_number() && asked.as_f64() == id.as_f64());
    if asked.is_some_and(|asked| is_equal(&asked)) || is_unreadable {
        Ok(())
    } else {
        wrong("another id than was asked")
    }
}

/// To A2A 0.3 a version that is not served is an internal error, and so is a busy node to MCP.
fn may_be_internal(message: &Value) -> bool {
    let text = message["error"]["message"].as_str().unwrap_or_default();
    ["is stopping", "is not served here", "too many"].iter().any(|known| text.contains(known))
}

/// The id of a request, as far as it has one.
fn asked_id(body: &[u8]) -> Option<Value> {
    let envelope: Value = serde_json::from_slice(body).ok()?;
    Some(envelope.as_object()?.get("id").cloned().unwrap_or_default())
}

/// Server-sent events, each of which is whole.
fn events(answer: &Answer, expected: &Expected) -> Result<(), String> {
    let text = std::str::from_utf8(&answer.body).map_err(|_| "events that are no text")?;
    for event in text.split("\n\n").filter(|event| !event.is_empty()) {
        let mut data = String::new();
        for line in event.lines() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            match name {
                "" | "id" | "event" | "retry" => {}
                "data" => data.push_str(value.strip_prefix(' ').unwrap_or(value)),
                _ => return Err(format!("a line {line:?} in an event")),
            }
        }
        if data.is_empty() {
            continue;
        }
        let value: Value =
            serde_json::from_str(&data).map_err(|error| format!("{error} in {data:?}"))?;
        if value.get("jsonrpc").is_some() {
            message(&value, expected)?;
        } else if expected.surface == Some(Surface::Rpc) {
            return Err(format!("an event that is no JSON-RPC: {value}"));
        }
    }
    Ok(())
}
