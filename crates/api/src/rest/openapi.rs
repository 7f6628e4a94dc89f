//! `/openapi.json`: the tables as an OpenAPI 3.1 document.
use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::OPENAPI_PATH;
use super::ask::Ask;
use super::route::{Access, Gives, JSON, Method, Parameter, Place, Route};
use crate::http::document::Refusal;
use crate::http::document::{Document, PROBLEM_JSON};

/// The table.
pub(super) static ROUTES: [Route; 1] = [Route {
    method: Method::Get,
    path: OPENAPI_PATH,
    name: "get_openapi",
    summary: "This document",
    access: Access::Public,
    parameters: &[],
    takes: None,
    gives: &[Gives {
        status: 200,
        description: "OpenAPI 3.1",
        content: &[(JSON, super::tasks::any_object)],
        headers: &[],
    }],
    refusals: &[],
    handler: Some(|ask| Box::pin(serve(ask))),
}];

/// The version of what is described; it changes when a path or a shape does.
const VERSION: &str = "1.0.0";
/// Statuses that every request may be refused with.
const ALWAYS: [u16; 7] = [400, 403, 421, 429, 500, 503, 507];
/// Statuses that a request with a body may be refused with.
const WITH_BODY: [u16; 3] = [408, 413, 415];

static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| document().to_string().into_bytes());

async fn serve(_: Ask) -> Result<Response, Refusal> {
    let headers = [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, "max-age=300")];
    Ok((headers, DOCUMENT.as_slice()).into_response())
}

/// Collects the shapes of bodies that are read and of bodies that are written: what is optional in
/// one is always there in the other.
struct Shapes {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

/// The document.
pub(super) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut shapes = Shapes {
        read: settings.clone().for_deserialize().into_generator(),
        written: settings.for_serialize().into_generator(),
    };
    let mut paths = Map::new();
    let mut refusals = BTreeSet::new();
    for route in super::documented() {
        let described = operation(route, &mut shapes);
        refusals.extend(refused(route));
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[method(route.method)] = described;
    }
    let responses: Map<_, _> =
        refusals.into_iter().map(|status| (name(status), refusal(status, &mut shapes))).collect();
    let mut schemas = shapes.written.take_definitions(true);
    schemas.extend(shapes.read.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ainur",
            "version": VERSION,
            "summary": "An open economy for software agents",
            "description": "Buy work from agents that compete for it, within a budget, and pay \
                            only for work that is accepted. Amounts are decimal strings of base \
                            units; one AINU is 10^12 of them.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The node's own token, or a client's: `ainur token create`"
                }
            }
        }
    })
}

fn operation(route: &Route, shapes: &mut Shapes) -> Value {
    let mut responses = Map::new();
    for gives in route.gives {
        responses.insert(gives.status.to_string(), answer(gives, shapes));
    }
    for status in refused(route) {
        let reference = format!("#/components/responses/{}", name(status));
        responses.insert(status.to_string(), json!({ "$ref": reference }));
    }
    let parameters: Vec<_> =
        route.parameters.iter().map(|known| parameter(known, &mut shapes.read)).collect();
    let mut described = json!({
        "operationId": route.name,
        "summary": route.summary,
        "tags": [tag(route.path)],
        "security": security(route.access),
        "responses": responses,
    });
    if let Some(needs) = needs(route.access) {
        described["description"] = json!(needs);
    }
    if !parameters.is_empty() {
        described["parameters"] = json!(parameters);
    }
    if let Some(takes) = &route.takes {
        let schema = (takes.shape)(&mut shapes.read);
        // No bytes are bytes too.
        let is_required = takes.media_type == JSON;
        described["requestBody"] = json!({ "required": is_required, "content": { takes.media_type: { "schema": schema } } });
    }
    described
}

fn parameter(parameter: &Parameter, generator: &mut SchemaGenerator) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.place == Place::Path,
        "description": parameter.description,
        "schema": (parameter.schema)(generator),
    })
}

fn answer(gives: &Gives, shapes: &mut Shapes) -> Value {
    let mut described = json!({ "description": gives.description });
    if !gives.content.is_empty() {
        let content: Map<String, Value> = gives
            .content
            .iter()
            .map(|(media_type, shape)| {
                let schema: Schema = shape(&mut shapes.written);
                ((*media_type).to_owned(), json!({ "schema": schema }))
            })
            .collect();
        described["content"] = content.into();
    }
    if !gives.headers.is_empty() {
        let header = |text: &str| json!({ "description": text, "schema": { "type": "string" } });
        let headers: Map<_, _> =
            gives.headers.iter().map(|(name, text)| ((*name).to_owned(), header(text))).collect();
        described["headers"] = headers.into();
    }
    described
}

/// Every status that a request to this route may be refused with.
fn refused(route: &Route) -> BTreeSet<u16> {
    let needs_token = !matches!(route.access, Access::Public);
    let with_body = if route.takes.is_some() { &WITH_BODY[..] } else { &[] };
    let token = needs_token.then_some(401);
    ALWAYS
        .into_iter()
        .chain(token)
        .chain(with_body.iter().copied())
        .chain(route.refusals.iter().copied())
        .collect()
}

fn refusal(status: u16, shapes: &mut Shapes) -> Value {
    let schema = shapes.written.subschema_for::<Document<'static>>();
    let mut described = json!({
        "description": reason(status),
        "content": { PROBLEM_JSON: { "schema": schema } },
    });
    if status == 401 {
        described["headers"] = json!({ "WWW-Authenticate": { "schema": { "type": "string" } } });
    }
    described
}

fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Refused")
}

/// A name for the answers with this status.
fn name(status: u16) -> String {
    reason(status).chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The name of a method, as paths have it.
pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Delete => "delete",
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Local => json!([{}, { "bearer": [] }]),
        Access::Read | Access::Spend | Access::Admin => json!([{ "bearer": [] }]),
    }
}

fn needs(access: Access) -> Option<&'static str> {
    match access {
        Access::Public => None,
        Access::Local => Some("Needs no token when the node listens on loopback only"),
        Access::Read => Some("Needs a token of any scope"),
        Access::Spend => Some("Needs a token of scope `spend` or `admin`"),
        Access::Admin => Some("Needs the node's own token or one of scope `admin`"),
    }
}

/// The first word of the path that is no version.
fn tag(path: &str) -> &str {
    path.split('/').find(|part| !matches!(*part, "" | "v1")).unwrap_or("node")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_unique() {
        let mut names = BTreeSet::new();
        for route in crate::rest::documented() {
            assert!(names.insert(route.name.to_owned()), "{}", route.name);
            let place = format!("{} {}", method(route.method), route.path);
            assert!(names.insert(place.clone()), "{place}");
        }
    }

    #[test]
    fn every_name_in_a_path_is_a_parameter_and_the_other_way_round() {
        for route in crate::rest::documented() {
            let known = route.parameters.iter().filter(|known| known.place == Place::Path);
            let known: Vec<_> = known.map(|known| format!("{{{}}}", known.name)).collect();
            let named: Vec<_> =
                route.path.split('/').filter(|part| part.starts_with('{')).collect();
            assert_eq!(known, named, "{}", route.path);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let mut seen = 0;
        for rest in text.split("\"$ref\":\"#").skip(1) {
            let pointer = rest.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            seen += 1;
        }
        assert!(seen > 100, "{seen}");
    }
}
