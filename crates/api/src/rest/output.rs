//! `/v1/tasks/{id}/output`: the bytes that were bought.
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use schemars::{Schema, SchemaGenerator};
use serde::de::IgnoredAny;

use super::OUTPUT_LOOK_BYTES_MAX;
use super::ask::Ask;
use super::route::{Access, Gives, JSON, Method, Route, TASK};
use crate::http::OCTETS;
use crate::http::document::Refusal;
use crate::http::server::route::blob;
use crate::problem::{Code, Problem};

/// The table.
pub(super) static ROUTES: [Route; 1] = [Route {
    method: Method::Get,
    path: "/v1/tasks/{id}/output",
    name: "get_task_output",
    summary: "The accepted, or last delivered, output",
    access: Access::Read,
    parameters: &[TASK],
    takes: None,
    gives: &[Gives {
        status: 200,
        description: "The bytes: called JSON when they are that and not too many to look at",
        content: &[(JSON, anything), (OCTETS, bytes)],
        headers: &[("ETag", "The content id of the bytes")],
    }],
    refusals: &[404],
    handler: Some(|ask| Box::pin(output(ask))),
}];

fn anything(_: &mut SchemaGenerator) -> Schema {
    true.into()
}

/// Any bytes.
pub(super) fn bytes(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "string", "format": "binary" })
}

async fn output(ask: Ask) -> Result<Response, Refusal> {
    let task = ask.task().await?;
    let Some(content) = task.output else {
        let message = format!("the task {} has no output", task.id);
        return Err(Problem::new(Code::NotFound, message)
            .next("wait for its end, and see its events for what happened")
            .into());
    };
    let body = blob(&ask.calls, ask.caller()?, content).await?;
    let (body, media_type) = match task.output_bytes {
        0..=OUTPUT_LOOK_BYTES_MAX => looked_at(body).await?,
        _ => (body, OCTETS),
    };
    let mut response = ([(header::CONTENT_TYPE, media_type)], body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, task.output_bytes.into());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{content}\"")) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Few bytes, and what they are.
async fn looked_at(body: Body) -> Result<(Body, &'static str), Refusal> {
    let broken = |_| Problem::new(Code::Corrupted, "the output broke off");
    let bytes = body.collect().await.map_err(broken)?.to_bytes();
    let is_json = serde_json::from_slice::<IgnoredAny>(&bytes).is_ok();
    Ok((Body::from(bytes), if is_json { JSON } else { OCTETS }))
}
