//! What is taken from a document: the service, and its operations with all that is needed to ask for
//! them. What cannot be asked for is left out with a reason.
use std::fmt::Write;

use ainur_primitives::Digest;
use reqwest::{Method, Url};
use serde_json::Value;

use super::parameter::Parameter;
use super::reader::{Reader, text};
use super::reference::resolved;
use super::request::Path;
use crate::failure::Failure;
use crate::limits::{API_OPERATIONS_BYTES_MAX, NAME_BYTES_MAX, TOOLS_MAX};
use crate::remote::address::Reach;
use crate::remote::program::ApiDocument;

/// The methods that are looked at, the harmless first.
const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

/// An operation, as far as it is needed to ask for it.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// Method and path, which no other operation has: `GET /pets/{id}`.
    pub(super) key: String,
    pub(super) method: Method,
    /// Where its path begins.
    pub(super) server: Url,
    pub(super) reach: Reach,
    /// The server is where the document is, so the credential may be sent there.
    pub(super) is_trusted: bool,
    pub(super) path: Path,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    /// What it answers with, as the document has it.
    pub(super) output_media_type: String,
    /// Of all that is said about it, and the URL of its server.
    pub(super) digest: Digest,
}

impl Operation {
    /// Bytes it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let parameter =
            |known: &Parameter| size_of::<Parameter>() + known.name.len() + known.property.len();
        let body = self.body.as_ref().map_or(0, |body| body.media_type.len());
        let texts = self.key.len() + self.server.as_str().len() + self.output_media_type.len();
        // The path is the key again, in pieces.
        let path = self.key.len() + self.path.pieces() * size_of::<Value>();
        size_of::<Self>()
            + texts
            + body
            + path
            + self.parameters.iter().map(parameter).sum::<usize>()
    }
}

/// What is sent along with a request.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) media_type: String,
    pub(super) is_required: bool,
}

/// An operation beside what the document says about it.
pub(super) struct Reading<'a> {
    pub(super) operation: Operation,
    /// What the service calls it.
    pub(super) id: Option<&'a str>,
    pub(super) summary: &'a str,
    /// One for each parameter, in their order: its schema and its description.
    pub(super) parameters: Vec<(Option<&'a Value>, &'a str)>,
    pub(super) body: Option<&'a Value>,
    pub(super) output: Option<&'a Value>,
}

/// All of a document.
pub(super) struct Readings<'a> {
    pub(super) is_version_3_0: bool,
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) version: &'a str,
    pub(super) operations: Vec<Reading<'a>>,
    /// What was left out, and why.
    pub(super) left_out: Vec<(String, String)>,
}

/// Reads a document that was found at a URL.
pub(super) fn read<'a>(
    root: &'a Value,
    document: &ApiDocument,
    at: &Url,
) -> Result<Readings<'a>, Failure> {
    let version = text(root, "openapi");
    if !["3.0", "3.1"].iter().any(|known| version.starts_with(&format!("{known}."))) {
        return Err(Failure::crashed(match text(root, "swagger") {
            "" if version.is_empty() => "this is no OpenAPI document".into(),
            "" => format!("the document is of OpenAPI {version}: 3.0 and 3.1 are understood"),
            old => format!("the document is of Swagger {old}: OpenAPI 3.0 and 3.1 are understood"),
        }));
    }
    let information = root.get("info").unwrap_or(&Value::Null);
    let description = match text(information, "summary") {
        "" => text(information, "description"),
        summary => summary,
    };
    let mut readings = Readings {
        is_version_3_0: version.starts_with("3.0."),
        title: text(information, "title"),
        description,
        version: text(information, "version"),
        operations: Vec::new(),
        left_out: Vec::new(),
    };
    let mut reader = Reader::new(root, document, at);
    let mut bytes_left = API_OPERATIONS_BYTES_MAX;
    let mut beyond = 0u64;
    for (path, item) in root.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let is_enough =
            |known: &Readings<'_>| known.operations.len() + known.left_out.len() >= TOOLS_MAX;
        let Some(item) = resolved(root, item) else {
            match is_enough(&readings) {
                true => beyond += 1,
                false => {
                    readings.left_out.push((shown(path), "what it refers to is not there".into()))
                }
            }
            continue;
        };
        for (method, said) in METHODS.iter().filter_map(|method| Some((*method, item.get(method)?)))
        {
            if is_enough(&readings) {
                beyond += 1;
                continue;
            }
            let method = method.to_ascii_uppercase();
            match reader.operation(path, item, said, &method) {
                Ok(reading) if reading.operation.bytes() <= bytes_left => {
                    bytes_left -= reading.operation.bytes();
                    readings.operations.push(reading);
                }
                Ok(_) => {
                    let why = format!("all take more than {API_OPERATIONS_BYTES_MAX} bytes");
                    readings.left_out.push((shown(&format!("{method} {path}")), why));
                }
                Err(why) => readings.left_out.push((shown(&format!("{method} {path}")), why)),
            }
        }
    }
    if beyond > 0 {
        let why = format!("left out, {TOOLS_MAX} are looked at");
        readings.left_out.push((format!("{beyond} more operations"), why));
    }
    Ok(readings)
}

/// A name as far as a person wants to read it.
fn shown(text: &str) -> String {
    text.chars().take(NAME_BYTES_MAX).collect()
}

/// The beginning of a digest, to tell names apart that were cut.
pub(super) fn mark(text: &str) -> String {
    let mut mark = String::new();
    for byte in &blake3::hash(text.as_bytes()).as_bytes()[..4] {
        write!(mark, "{byte:02x}").expect("a String takes everything");
    }
    mark
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_server(server: Value) -> Value {
        json!({
            "openapi": "3.1.0",
            "servers": [server],
            "paths": {"/x": {"get": {}}},
        })
    }

    fn read_at(root: &Value, at: &str) -> (Vec<Operation>, Vec<String>) {
        let document = ApiDocument {
            credential_header: Some("X-Key".into()),
            ..ApiDocument::new(at.into(), false)
        };
        let readings = read(root, &document, &Url::parse(at).unwrap()).ok().unwrap();
        let operations = readings.operations.into_iter().map(|reading| reading.operation);
        (operations.collect(), readings.left_out.into_iter().map(|(_, why)| why).collect())
    }

    #[test]
    fn openapi_public_document_leads_to_no_private_server() {
        for server in [
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://0x7f.1/",
            "//10.0.0.1/",
            "file:///etc",
        ] {
            let root = with_server(json!({ "url": server }));
            let (operations, left_out) = read_at(&root, "https://api.example/openapi.json");
            assert!(operations.is_empty(), "{server}");
            assert!(left_out[0].contains("its server cannot be used"), "{server}: {left_out:?}");
        }
    }

    #[test]
    fn openapi_credential_is_for_the_origin_of_the_document_only() {
        for (server, place, is_trusted) in [
            ("/v1", "https://api.example/v1", true),
            ("v1/", "https://api.example/docs/v1/", true),
            ("https://api.example:443/v1?a#b", "https://api.example/v1", true),
            ("https://api.example:8443/v1", "https://api.example:8443/v1", false),
            ("https://other.example/", "https://other.example/", false),
            ("//other.example/", "https://other.example/", false),
            ("https://{host}/", "https://other.example/", false),
        ] {
            let variables = json!({"host": {"default": "other.example"}});
            let root = with_server(json!({ "url": server, "variables": variables }));
            let (operations, _) = read_at(&root, "https://api.example/docs/openapi.json");
            assert_eq!(operations[0].server.as_str(), place);
            assert_eq!(operations[0].is_trusted, is_trusted, "{server}");
        }
    }

    #[test]
    fn openapi_parameters_never_set_headers_of_the_connection() {
        let names = ["Host", "CONTENT-LENGTH", "authorization", "Transfer-Encoding", "x-key", "ok"];
        let parameters = names.map(|name| json!({"name": name, "in": "header", "required": true}));
        let mut root = with_server(json!({"url": "/"}));
        root["paths"]["/x"]["get"]["parameters"] = json!(parameters);
        let (operations, _) = read_at(&root, "https://api.example/openapi.json");
        let kept: Vec<&str> = operations[0].parameters.iter().map(|known| &*known.name).collect();
        assert_eq!(kept, ["ok"]);
    }

    #[test]
    fn openapi_operation_of_its_own_replaces_what_its_path_says() {
        let mut root = with_server(json!({"url": "/root"}));
        root["paths"]["/x"] = json!({
            "servers": [{"url": "/path"}],
            "parameters": [{"name": "a", "in": "query"}, {"name": "b", "in": "query"}],
            "get": {
                "servers": [{"url": "/own"}],
                "parameters": [{"name": "a", "in": "query", "required": true}],
            },
            "put": {},
        });
        let (operations, _) = read_at(&root, "https://api.example/openapi.json");
        assert_eq!(operations[0].server.path(), "/own");
        assert_eq!(operations[1].server.path(), "/path");
        let required = |operation: &Operation| {
            operation.parameters.iter().filter(|known| known.is_required).count()
        };
        assert_eq!((required(&operations[0]), operations[0].parameters.len()), (1, 2));
        assert_eq!((required(&operations[1]), operations[1].parameters.len()), (0, 2));
    }
}
