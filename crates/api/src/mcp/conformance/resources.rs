//! The resources that the conformance tests read.
use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::json;

use super::catalog::PNG;

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
const WATCHED: &str = "test://watched-resource";

/// Every resource that has an address of its own.
pub(super) fn all() -> Vec<Resource> {
    let resource = |uri, name, description, mime_type| {
        Resource::new(uri, name).with_description(description).with_mime_type(mime_type)
    };
    vec![
        resource(TEXT, "static-text", "A text that never changes", "text/plain"),
        resource(BINARY, "static-binary", "A picture of one red pixel", "image/png"),
        resource(WATCHED, "watched-resource", "A text to subscribe to", "text/plain"),
    ]
}

/// Every resource whose address has a part to fill in.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("test://template/{id}/data", "template")
            .with_description("Data that names the id of its address")
            .with_mime_type("application/json"),
    ]
}

/// What is at an address.
pub(super) fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
    let contents = match (uri, id) {
        (TEXT, _) => {
            ResourceContents::text("This is the content of the static text resource.", uri)
        }
        (WATCHED, _) => ResourceContents::text("Nothing has happened yet.", uri),
        (BINARY, _) => ResourceContents::blob(PNG, uri).with_mime_type("image/png"),
        (_, Some(id)) => {
            let data = format!("Data for ID: {id}");
            let data = json!({ "id": id, "templateTest": true, "data": data });
            ResourceContents::text(data.to_string(), uri).with_mime_type("application/json")
        }
        _ => {
            let data = Some(json!({ "uri": uri }));
            return Err(ErrorData::resource_not_found("Resource not found", data));
        }
    };
    Ok(ReadResourceResult::new(vec![contents]))
}
