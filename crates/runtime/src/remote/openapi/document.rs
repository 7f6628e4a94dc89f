//! What is taken from a document: the service, and its operations with all that is needed to ask for
//! them. What cannot be asked for is left out with a reason.
use std::fmt::Write;

use ainur_primitives::Digest;
use reqwest::{Method, Url};
use serde_json::{Map, Value, json};

use super::parameter::{Parameter, Place, Style};
use super::reference::{Digests, resolved};
use super::request::{BODY, Path};
use crate::detail;
use crate::failure::Failure;
use crate::limits::{API_PARAMETERS_MAX, API_URL_BYTES_MAX, TOOLS_MAX};
use crate::remote::address::{Reach, check_url};
use crate::remote::program::ApiDocument;

/// The methods that are looked at, the harmless first.
const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

/// Headers a parameter never sets: they belong to the connection, to the message or to the
/// credential, or are said by other parts of the document.
const HEADERS_NEVER_SET: [&str; 20] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method-override",
];

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
    let mut reader = Reader { root, document, at, digests: Digests::new(root) };
    let mut beyond = 0u64;
    for (path, item) in root.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let Some(item) = resolved(root, item) else {
            readings.left_out.push((path.clone(), "what it refers to is not there".into()));
            continue;
        };
        for (method, said) in METHODS.iter().filter_map(|method| Some((*method, item.get(method)?)))
        {
            if readings.operations.len() + readings.left_out.len() >= TOOLS_MAX {
                beyond += 1;
                continue;
            }
            let key = format!("{} {path}", method.to_ascii_uppercase());
            match reader.operation(path, item, said, &key) {
                Ok(reading) => readings.operations.push(reading),
                Err(why) => readings.left_out.push((key, why)),
            }
        }
    }
    if beyond > 0 {
        let why = format!("left out, {TOOLS_MAX} are looked at");
        readings.left_out.push((format!("{beyond} more operations"), why));
    }
    Ok(readings)
}

struct Reader<'a, 'b> {
    root: &'a Value,
    document: &'b ApiDocument,
    at: &'b Url,
    digests: Digests<'a>,
}

impl<'a> Reader<'a, '_> {
    fn operation(
        &mut self,
        template: &str,
        item: &'a Value,
        said: &'a Value,
        key: &str,
    ) -> Result<Reading<'a>, String> {
        let (server, reach) = self.server(item, said)?;
        let path = Path::read(template).filter(|path| path.fits(&server));
        let path = path.ok_or("its path cannot be understood")?;
        let mut parameters = Vec::new();
        let mut described = Vec::new();
        for said in self.parameters(item, said)? {
            if let Some(parameter) = self.parameter(said, &parameters)? {
                parameters.push(parameter);
                described.push((schema_of(said), text(said, "description")));
            }
        }
        let is_known = |name: &str| {
            parameters.iter().any(|known| known.place == Place::Path && known.name == name)
        };
        if !path.names().all(is_known) {
            return Err("its path has a parameter that is not described".into());
        }
        let (body, body_schema) = self.body(said)?;
        let (output_media_type, output) = self.output(said);
        let beside = json!({ "operation": key, "server": server.as_str() });
        let parts = [Some(said), item.get("parameters")];
        let digest = self.digests.digest(&parts, beside).map_err(|error| error.to_string())?;
        let summary = match text(said, "description") {
            "" => text(said, "summary"),
            description => description,
        };
        let method = key.split(' ').next().and_then(|method| method.parse().ok());
        let operation = Operation {
            key: key.to_owned(),
            method: method.ok_or("its method cannot be understood")?,
            is_trusted: server.origin() == self.at.origin(),
            server,
            reach,
            path,
            parameters,
            body,
            output_media_type,
            digest,
        };
        Ok(Reading {
            operation,
            id: said.get("operationId").and_then(Value::as_str),
            summary,
            parameters: described,
            body: body_schema,
            output,
        })
    }

    /// The first server of the operation, of its path or of the document.
    fn server(&self, item: &Value, said: &Value) -> Result<(Url, Reach), String> {
        let first = [said, item, self.root]
            .into_iter()
            .find_map(|level| level.get("servers")?.as_array()?.first());
        let mut url = first.map_or("/", |server| text(server, "url")).to_owned();
        let variables = first.and_then(|server| server.get("variables")?.as_object());
        for (name, variable) in variables.into_iter().flatten().take(API_PARAMETERS_MAX) {
            let (name, value) = (format!("{{{name}}}"), text(variable, "default"));
            // Before it is made: values that name others would double it each time.
            let longer = url.matches(&name).count().saturating_mul(value.len());
            if url.len().saturating_add(longer) > API_URL_BYTES_MAX {
                return Err(format!("its server's URL has more than {API_URL_BYTES_MAX} bytes"));
            }
            url = url.replace(&name, value);
        }
        let refused = |error: &dyn std::fmt::Display| format!("its server cannot be used: {error}");
        let mut url = self.at.join(&url).map_err(|error| refused(&error))?;
        url.set_query(None);
        url.set_fragment(None);
        check_url(url.as_str(), self.document.allow_private).map_err(|error| refused(&error))
    }

    /// The parameters of an operation and those of its path that it does not replace.
    fn parameters(&self, item: &'a Value, said: &'a Value) -> Result<Vec<&'a Value>, String> {
        let mut all: Vec<&Value> = Vec::new();
        let lists =
            [said, item].into_iter().filter_map(|level| level.get("parameters")?.as_array());
        for parameter in lists.flatten() {
            let parameter = resolved(self.root, parameter);
            let parameter = parameter.ok_or("a parameter it refers to is not there")?;
            let is_same = |other: &&Value| {
                ["name", "in"].iter().all(|part| other.get(part) == parameter.get(part))
            };
            if all.iter().any(is_same) {
                continue;
            }
            if all.len() >= API_PARAMETERS_MAX {
                return Err(format!("it has more than {API_PARAMETERS_MAX} parameters"));
            }
            all.push(parameter);
        }
        let place =
            |parameter: &&Value| Place::read(text(parameter, "in")).map(|place| place as u8);
        all.sort_by_key(place);
        Ok(all)
    }

    /// One parameter; `None` when it can be left away.
    fn parameter(&self, said: &Value, others: &[Parameter]) -> Result<Option<Parameter>, String> {
        let name = text(said, "name");
        let shown = detail::clean(name);
        let is_required = said.get("required") == Some(&Value::Bool(true));
        let Some(place) = Place::read(text(said, "in")) else {
            let why = format!("its parameter '{shown}' has a place that is not supported");
            return if is_required { Err(why) } else { Ok(None) };
        };
        let is_credential = self
            .document
            .credential_header
            .as_ref()
            .is_some_and(|header| header.eq_ignore_ascii_case(name));
        let is_forbidden = HEADERS_NEVER_SET.contains(&&*name.to_ascii_lowercase());
        if place == Place::Header && (is_credential || is_forbidden) {
            return Ok(None);
        }
        let style = match said.get("content") {
            Some(_) => Some(Style::Json),
            None => Style::read(said.get("style").and_then(Value::as_str), place),
        };
        let Some(style) = style else {
            let why = format!("its parameter '{shown}' has a style that is not supported");
            return if is_required { Err(why) } else { Ok(None) };
        };
        let is_taken = |property: &str| {
            property == BODY || others.iter().any(|other| other.property == property)
        };
        let mut property = name.to_owned();
        if is_taken(&property) {
            property = format!("{}.{name}", place.word());
        }
        if name.is_empty() || is_taken(&property) {
            return Err(format!("its parameter '{shown}' has a name that is not free"));
        }
        let exploded = said.get("explode").and_then(Value::as_bool);
        Ok(Some(Parameter {
            name: name.to_owned(),
            property,
            place,
            style,
            is_exploded: exploded.unwrap_or(place == Place::Query && style == Style::Plain),
            is_required: is_required || place == Place::Path,
        }))
    }

    fn body(&self, said: &'a Value) -> Result<(Option<Body>, Option<&'a Value>), String> {
        let Some(body) = said.get("requestBody") else { return Ok((None, None)) };
        let body = resolved(self.root, body).ok_or("the body it refers to is not there")?;
        let is_required = body.get("required") == Some(&Value::Bool(true));
        let content = body.get("content").and_then(Value::as_object);
        match content.and_then(json_of) {
            Some((media_type, schema)) => {
                Ok((Some(Body { media_type: media_type.into(), is_required }), schema))
            }
            None if is_required => Err("its body is not JSON".into()),
            None => Ok((None, None)),
        }
    }

    /// The media type of what it answers with when all is well, and its schema if that is JSON.
    fn output(&self, said: &'a Value) -> (String, Option<&'a Value>) {
        let answers = said.get("responses").and_then(Value::as_object);
        let good = answers.into_iter().flatten().find(|(status, _)| status.starts_with('2'));
        let answer = good.map(|(_, answer)| answer).or_else(|| answers?.get("default"));
        let answer = answer.and_then(|answer| resolved(self.root, answer));
        let content = answer.and_then(|answer| answer.get("content")?.as_object());
        if let Some((media_type, schema)) = content.and_then(json_of) {
            return (media_type.into(), schema);
        }
        let first = content.and_then(|content| content.keys().next());
        let is_fit = |media_type: &&String| {
            media_type.len() <= 127 && !media_type.contains('*') && is_media_type(media_type)
        };
        let media_type = first.filter(is_fit).map_or("application/octet-stream", |name| name);
        (media_type.to_owned(), None)
    }
}

/// Media type and schema of the first content that is JSON.
fn json_of(content: &Map<String, Value>) -> Option<(&str, Option<&Value>)> {
    let plain = content.get_key_value("application/json");
    let (name, content) = plain.or_else(|| content.iter().find(|(name, _)| is_json(name)))?;
    // Anything: JSON then.
    let name = if name.contains('*') { "application/json" } else { name };
    Some((name, content.get("schema")))
}

/// Whether a media type is one of JSON.
pub(super) fn is_json(media_type: &str) -> bool {
    let plain = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = plain == "application/json" || plain.ends_with("+json");
    (is_json && is_media_type(media_type)) || plain == "*/*" || plain == "application/*"
}

/// It can be sent and shown.
fn is_media_type(text: &str) -> bool {
    text.contains('/')
        && text.len() <= 127
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn schema_of(parameter: &Value) -> Option<&Value> {
    let content = || parameter.get("content")?.as_object()?.values().next()?.get("schema");
    parameter.get("schema").or_else(content)
}

/// A text, empty when there is none.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
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
