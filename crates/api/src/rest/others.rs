//! Descriptions of what the server answers outside these tables: operations, blobs, health.
use schemars::{Schema, SchemaGenerator};
use serde_json::json;

use super::output::bytes;
use super::route::{Access, Gives, JSON, Method, Parameter, Route, Takes};
use crate::http::{BLOBS_PATH, HEALTH_PATH, OCTETS, OPERATIONS_PATH, Stored};
use crate::operation::{Operation, Reply};
use crate::schema;

/// The table; no row has a handler.
pub(super) static ROUTES: [Route; 4] = [
    Route {
        method: Method::Post,
        path: OPERATIONS_PATH,
        name: "perform_operation",
        summary: "Any operation, as the command line sends it; prefer the other paths",
        access: Access::Read,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<Operation>)),
        gives: &[Gives {
            status: 200,
            description: "The reply",
            content: &[(JSON, SchemaGenerator::subschema_for::<Reply>)],
            headers: &[],
        }],
        refusals: &[402, 404, 409, 422],
        handler: None,
    },
    Route {
        method: Method::Put,
        path: BLOBS_PATH,
        name: "put_blob",
        summary: "Store bytes under their content id",
        access: Access::Spend,
        parameters: &[],
        takes: Some(Takes { media_type: OCTETS, shape: bytes }),
        gives: &[Gives {
            status: 200,
            description: "Stored, and durable",
            content: &[(JSON, SchemaGenerator::subschema_for::<Stored>)],
            headers: &[],
        }],
        refusals: &[],
        handler: None,
    },
    Route {
        method: Method::Get,
        path: "/v1/blobs/{content}",
        name: "get_blob",
        summary: "The bytes of a blob",
        access: Access::Read,
        parameters: &[Parameter::path(
            "content",
            |generator| json!(generator.subschema_for::<schema::ContentId>()),
            "The content id",
        )],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "The bytes, verified while they are sent",
            content: &[(OCTETS, bytes)],
            headers: &[],
        }],
        refusals: &[404],
        handler: None,
    },
    Route {
        method: Method::Get,
        path: HEALTH_PATH,
        name: "get_health",
        summary: "The server is up",
        access: Access::Public,
        parameters: &[],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "It is",
            content: &[(JSON, health)],
            headers: &[],
        }],
        refusals: &[],
        handler: None,
    },
];

fn health(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({
        "type": "object",
        "properties": { "status": { "const": "ok" } },
        "required": ["status"]
    })
}
