//! Documents that are built to take long or to take much, and answers that take much.
use std::sync::Arc;
use std::time::{Duration, Instant};

use ainur_primitives::FailureReason;
use ainur_runtime::limits::{
    API_DOCUMENT_BYTES_MAX, CAPABILITIES_MAX, CHUNKS_UNACKNOWLEDGED_MAX, NOTES_MAX,
};
use ainur_runtime::remote::RemoteProgram;
use ainur_runtime::{Event, JobId};
use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::openapi::{FIND, Service, describe, flood, operation};
use crate::stage::{Stage, limits};

/// A document with these paths and components.
fn whole(paths: Value, components: Value) -> Response {
    Json(json!({
        "openapi": "3.1.0", "info": {"title": "h", "version": "1"}, "servers": [{"url": "/v1"}],
        "paths": paths, "components": components,
    }))
    .into_response()
}

/// A document with one operation, whose answer is described by the component `a0`.
fn with_schema(components: Value) -> Response {
    let mut operation = operation("o", "", "application/json");
    operation["responses"]["200"]["content"]["application/json"]["schema"] =
        json!({"$ref": "#/components/a0"});
    whole(json!({"/o": {"get": operation}}), components)
}

/// A document with many paths that are all the same item.
fn shared(item: Value) -> Response {
    let path = |i| (format!("/o{i}"), json!({"$ref": "#/components/item"}));
    whole(Value::Object((0..5_000).map(path).collect()), json!({ "item": item }))
}

pub(crate) async fn hostile(Path(kind): Path<String>) -> Response {
    match &*kind {
        "circle" => with_schema(json!({"a0": {"$ref": "#/components/a1"}, "a1": {
            "allOf": [{"$ref": "#/components/a0"}, {"$ref": "#/components/a1"}],
        }})),
        "doubling" => {
            let next = |i| json!({"$ref": format!("#/components/a{}", i + 1)});
            let all: serde_json::Map<String, Value> = (0..1_000)
                .map(|i| (format!("a{i}"), json!({"allOf": [next(i), next(i), next(i)]})))
                .collect();
            with_schema(all.into())
        }
        "chain" => {
            let all: serde_json::Map<String, Value> = (0..100_000)
                .map(|i| (format!("a{i}"), json!({"$ref": format!("#/components/a{}", i + 1)})))
                .collect();
            with_schema(all.into())
        }
        "operations" => {
            let all: serde_json::Map<String, Value> = (0..10_000)
                .map(|i| (format!("/o{i}"), json!({"get": operation("", "", "text/plain")})))
                .collect();
            whole(all.into(), json!({}))
        }
        "same" => {
            let all: serde_json::Map<String, Value> = (0..10_000)
                .map(|i| (format!("/o{i}"), json!({"$ref": "#/components/item"})))
                .collect();
            let item = json!({"get": operation("x", &"x".repeat(1 << 20), "text/plain")});
            whole(all.into(), json!({ "item": item }))
        }
        "deep" => format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000)).into_response(),
        "huge" => vec![b' '; API_DOCUMENT_BYTES_MAX + 1].into_response(),
        "endless" => flood().await.into_response(),
        "yaml" => "openapi: 3.1.0\ninfo:\n  title: y\n".into_response(),
        "swagger" => r#"{"swagger": "2.0"}"#.into_response(),
        "empty" => whole(json!({}), json!({})),
        "dots" => {
            let mut all = json!({});
            for path in ["/a/../b", "/{x}", "no", "/a?b", "/ü", "/a{", "/%2e%2e/x"] {
                all[path] = json!({"get": operation("", "", "text/plain")});
            }
            whole(all, json!({}))
        }
        other => laborious(other),
    }
}

/// Documents that are short for the work they would make.
fn laborious(kind: &str) -> Response {
    match kind {
        "parameters" => {
            let parameter = json!({"name": "a", "in": "query"});
            let item = json!({"get": {}, "parameters": vec![parameter; 50_000]});
            shared(item)
        }
        "responses" => {
            let responses: serde_json::Map<String, Value> =
                (0..40_000).map(|i| (format!("x{i}"), json!(0))).collect();
            let item = json!({"get": {"responses": responses}});
            shared(item)
        }
        "names" => whole(json!({("/{a}".repeat(200_000)): {"get": {}}}), json!({})),
        "servers" => {
            let item = json!({"get": {}, "servers": [{"url": format!("/{}", "x".repeat(60_000))}]});
            shared(item)
        }
        "shared" => {
            let item = json!({"get": {"x": vec![json!([[], [], []]); 200_000]}});
            shared(item)
        }
        "references" => {
            let reference =
                |i: usize| json!({"$ref": format!("#/components/{}{i}", "x".repeat(900))});
            let all: Vec<Value> = (0..2_000).map(reference).collect();
            let item = json!({"get": {"x": all}});
            shared(item)
        }
        "spellings" => {
            let reference = json!({"$ref": format!("#/{}", "x".repeat(1 << 20))});
            let next = json!({"allOf": vec![reference; 3], "anyOf": vec![json!({"$ref": "#/components/a1"}); 3_000]});
            with_schema(json!({"a0": next, "a1": {"allOf": [{"$ref": "#/components/a0"}]}}))
        }
        "enumerations" => {
            let values: Vec<u32> = (0..300_000).collect();
            let extensions: serde_json::Map<String, Value> =
                (0..50_000).map(|i| (format!("x-{i}"), json!(0))).collect();
            let mut long = json!(extensions);
            (long["enum"], long["required"]) = (json!(values), json!(values));
            let all = vec![json!({"$ref": "#/components/a1"}); 3_000];
            with_schema(json!({"a0": {"allOf": all}, "a1": long}))
        }
        "small" => whole(json!({"/x": {"get": {}}}), vec![json!({"a": 1}); 300_000].into()),
        other => panic!("{other}"),
    }
}

pub(crate) fn hostile_documents_are_refused_or_cut_in_time() {
    let stage = Stage::new();
    let service = Service::start(&stage, "/v1");
    for (kind, expected) in [
        ("circle", Ok(1)),
        ("doubling", Ok(1)),
        ("chain", Err("refers to more than")),
        ("operations", Ok(CAPABILITIES_MAX)),
        ("same", Ok(CAPABILITIES_MAX)),
        ("deep", Err("recursion limit")),
        ("huge", Err("more than")),
        ("endless", Err("more than")),
        ("yaml", Err("YAML is not read")),
        ("swagger", Err("Swagger 2.0")),
        ("empty", Err("no operation")),
        ("dots", Err("path")),
        ("parameters", Ok(19)),
        ("responses", Ok(49)),
        ("names", Err("path has more than")),
        ("servers", Ok(17)),
        ("shared", Ok(CAPABILITIES_MAX)),
        ("references", Ok(50)),
        ("spellings", Ok(1)),
        ("enumerations", Ok(1)),
        ("small", Err("to read")),
    ] {
        let start = Instant::now();
        let program = service.program_at(&format!("/docs/hostile/{kind}"));
        match (describe(&stage, program), expected) {
            (Ok(description), Ok(count)) => {
                assert_eq!(description.manifest.capabilities.len(), count, "{kind}");
                assert!((1..=NOTES_MAX).contains(&description.notes.len()), "{kind}");
            }
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{kind}: {error}");
            }
            (found, _) => panic!("{kind}: {found:?}"),
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{kind}: {:?}", start.elapsed());
    }
}

pub(crate) fn outputs_of_one_agent_take_their_share_of_memory_and_no_more() {
    let stage = Stage::new();
    let service = Service::start(&stage, "/v1");
    let (program, other) = (stage.accepted(service.program()), Service::start(&stage, "/v1"));
    let other = stage.accepted(other.program());
    let calls = 20;
    for _ in 0..calls {
        stage.start(&program, "pet-store.larger", json!({}), limits(20_000));
    }
    // Outputs wait for acknowledgements, until there is room for no more of them.
    let (mut chunks, mut refused, mut executed) = (Vec::new(), 0, 0);
    while refused + chunks.len() / (CHUNKS_UNACKNOWLEDGED_MAX as usize) < calls {
        match stage.events.recv_timeout(Duration::from_secs(15)).unwrap() {
            Event::Chunk { job, index, .. } => chunks.push((job, index)),
            Event::Failed { reason, detail, .. } => {
                assert_eq!(reason, FailureReason::Infrastructure);
                assert!(detail.contains("bytes of one remote agent at once"), "{detail}");
                refused += 1;
            }
            event => panic!("{event:?}"),
        }
    }
    assert!((1..calls).contains(&refused), "{refused}");
    // Others are served meanwhile, and this one again when there is room.
    answer_while(&stage, &other, &mut chunks);
    while executed < calls - refused {
        chunks.drain(..).for_each(|(job, index)| stage.pool.acknowledge(job, index));
        match stage.events.recv_timeout(Duration::from_secs(10)).unwrap() {
            Event::Chunk { job, index, .. } => chunks.push((job, index)),
            Event::Executed { output_bytes, .. } => {
                assert_eq!(output_bytes, 20 << 20);
                executed += 1;
            }
            event => panic!("{event:?}"),
        }
    }
    let outcome = stage.call(&program, "pet-store.larger", json!({}));
    assert_eq!(outcome.output.len(), 20 << 20);
}

/// Calls an agent while others wait.
fn answer_while(stage: &Stage, program: &Arc<RemoteProgram>, chunks: &mut Vec<(JobId, u32)>) {
    let job = stage.start(program, FIND, json!({"petId": "1"}), limits(5_000));
    loop {
        match stage.events.recv_timeout(Duration::from_secs(10)).unwrap() {
            Event::Chunk { job, index, .. } => chunks.push((job, index)),
            Event::Executed { job: ended, .. } if ended == job => return,
            event => panic!("{event:?}"),
        }
    }
}
