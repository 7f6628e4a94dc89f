//! Reads the operations of a document, one after the other. Many may be made of the same places, so
//! the places that are looked at are counted.
use std::cell::Cell;

use reqwest::Url;
use serde_json::{Map, Value, json};

use super::document::{Body, Operation, Reading};
use super::parameter::{Parameter, Place, Style};
use super::reference::{Digests, resolved};
use super::request::{BODY, Path};
use crate::detail;
use crate::limits::{API_PARAMETERS_MAX, API_PATH_BYTES_MAX, API_STEPS_MAX, API_URL_BYTES_MAX};
use crate::remote::address::{Reach, check_url};
use crate::remote::program::ApiDocument;

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

/// See the module.
pub(super) struct Reader<'a, 'b> {
    root: &'a Value,
    document: &'b ApiDocument,
    at: &'b Url,
    digests: Digests<'a>,
    /// Places that may still be looked at, because many operations may be made of the same ones.
    steps_left: Cell<u64>,
}

impl<'a, 'b> Reader<'a, 'b> {
    pub(super) fn new(root: &'a Value, document: &'b ApiDocument, at: &'b Url) -> Self {
        let steps_left = Cell::new(API_STEPS_MAX);
        Self { root, document, at, digests: Digests::new(root), steps_left }
    }

    /// Looks at so many places, if that is not too much work.
    fn step(&self, places: usize) -> Result<(), String> {
        let left = self.steps_left.get().checked_sub(places as u64);
        self.steps_left.set(left.unwrap_or(0));
        let why = || format!("more than {API_STEPS_MAX} places would have to be looked at");
        left.map(drop).ok_or_else(why)
    }

    pub(super) fn operation(
        &mut self,
        template: &str,
        item: &'a Value,
        said: &'a Value,
        method: &str,
    ) -> Result<Reading<'a>, String> {
        if template.len() > API_PATH_BYTES_MAX {
            return Err(format!("its path has more than {API_PATH_BYTES_MAX} bytes"));
        }
        let key = format!("{method} {template}");
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
        let (output_media_type, output) = self.output(said)?;
        let beside = json!({ "operation": &key, "server": server.as_str() });
        let parts = [Some(said), item.get("parameters")];
        let digest = self.digests.digest(&parts, beside).map_err(|error| error.to_string())?;
        let summary = match text(said, "description") {
            "" => text(said, "summary"),
            description => description,
        };
        let operation = Operation {
            key,
            method: method.parse().map_err(|_| "its method cannot be understood")?,
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
        let url = first.map_or("/", |server| text(server, "url"));
        let too_long = || format!("its server's URL has more than {API_URL_BYTES_MAX} bytes");
        if url.len() > API_URL_BYTES_MAX {
            return Err(too_long());
        }
        self.step(url.len())?;
        let mut url = url.to_owned();
        let variables = first.and_then(|server| server.get("variables")?.as_object());
        for (name, variable) in variables.into_iter().flatten().take(API_PARAMETERS_MAX) {
            let value = text(variable, "default");
            if name.len() > API_PATH_BYTES_MAX {
                continue;
            }
            self.step(url.len())?;
            let name = format!("{{{name}}}");
            // Before it is made: values that name others would double it each time.
            let longer = url.matches(&name).count().saturating_mul(value.len());
            if url.len().saturating_add(longer) > API_URL_BYTES_MAX {
                return Err(too_long());
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
            self.step(1 + all.len())?;
            let parameter = resolved(self.root, parameter);
            let parameter = parameter.ok_or("a parameter it refers to is not there")?;
            let named =
                |part: &str| parameter.get(part).and_then(Value::as_str).unwrap_or_default();
            if named("name").len().max(named("in").len()) > API_PATH_BYTES_MAX {
                return Err("a parameter of it has a name that is too long".into());
            }
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
        if name.len() > API_PATH_BYTES_MAX {
            return Err(format!("its parameter '{shown}' has a name that is too long"));
        }
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
        self.step(content.map_or(0, Map::len))?;
        match content.and_then(json_of) {
            Some((media_type, schema)) => {
                Ok((Some(Body { media_type: media_type.into(), is_required }), schema))
            }
            // One that may be left out is what the operation is for: a call without it changes nothing.
            None if is_required || content.is_some_and(|content| !content.is_empty()) => {
                Err("its body is not JSON".into())
            }
            None => Ok((None, None)),
        }
    }

    /// The media type of what it answers with when all is well, and its schema if that is JSON.
    fn output(&self, said: &'a Value) -> Result<(String, Option<&'a Value>), String> {
        let answers = said.get("responses").and_then(Value::as_object);
        self.step(answers.map_or(0, Map::len))?;
        let good = answers.into_iter().flatten().find(|(status, _)| status.starts_with('2'));
        let answer = good.map(|(_, answer)| answer).or_else(|| answers?.get("default"));
        let answer = answer.and_then(|answer| resolved(self.root, answer));
        let content = answer.and_then(|answer| answer.get("content")?.as_object());
        self.step(content.map_or(0, Map::len))?;
        if let Some((media_type, schema)) = content.and_then(json_of) {
            return Ok((media_type.into(), schema));
        }
        let first = content.and_then(|content| content.keys().next());
        let is_fit = |media_type: &&String| {
            media_type.len() <= 127 && !media_type.contains('*') && is_media_type(media_type)
        };
        let media_type = first.filter(is_fit).map_or("application/octet-stream", |name| name);
        Ok((media_type.to_owned(), None))
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
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
