//! From the parameters of a call to a request. Nothing a caller writes can change where it goes.
use ainur_primitives::FailureReason;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::document::Operation;
use super::parameter::{Place, encoded};
use crate::detail;
use crate::failure::Failure;
use crate::limits::{API_PARAMETERS_MAX, API_URL_BYTES_MAX};

/// The name of the body among the parameters of a call.
pub(super) const BODY: &str = "body";

/// What is sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<Vec<u8>>,
}

/// Makes a request of parameters, or declines them.
pub(super) fn build(operation: &Operation, parameters: &str) -> Result<Request, Failure> {
    let mut values: Map<String, Value> = serde_json::from_str(parameters)
        .map_err(|_| declined("an operation's parameters are a JSON object"))?;
    let body = values.remove(BODY);
    let mut path = operation.path.clone();
    let mut query = Vec::new();
    let mut headers = Vec::new();
    for parameter in &operation.parameters {
        let property = &parameter.property;
        let wrong = |what: &dyn std::fmt::Display| {
            declined(format!("the parameter '{}' {what}", detail::clean(property)))
        };
        let Some(value) = values.remove(property) else {
            if parameter.is_required {
                return Err(wrong(&"is missing"));
            }
            continue;
        };
        match parameter.place {
            Place::Path => {
                let text = parameter.one(&value, encoded).map_err(|error| wrong(&error))?;
                if text.is_empty() {
                    return Err(wrong(&"is empty, and would lead to another path"));
                }
                path.fill(&parameter.name, &text);
            }
            Place::Query => {
                query.extend(parameter.query(&value).map_err(|error| wrong(&error))?);
            }
            Place::Header => {
                let text = parameter.one(&value, str::to_owned).map_err(|error| wrong(&error))?;
                let name = HeaderName::from_bytes(parameter.name.as_bytes());
                let (Ok(name), Ok(text)) = (name, HeaderValue::from_str(&text)) else {
                    return Err(wrong(&"cannot be sent in a header"));
                };
                headers.push((name, text));
            }
        }
    }
    if let Some(unknown) = values.keys().next() {
        let unknown = detail::clean(unknown);
        return Err(declined(format!("there is no parameter '{unknown}'")));
    }
    let body = match (body, &operation.body) {
        (None, Some(body)) if body.is_required => return Err(declined("the body is missing")),
        (Some(_), None) => return Err(declined("this operation takes no body")),
        (None, _) => None,
        (Some(body), Some(_)) => Some(body.to_string().into_bytes()),
    };
    let url = locate(&operation.server, &path.text(), &query.join("&"))?;
    Ok(Request { url, headers, body })
}

fn locate(server: &Url, path: &str, query: &str) -> Result<Url, Failure> {
    let mut url = server.clone();
    let path = format!("{}{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    // As a browser would: `..` goes up, and `%2e` is a dot.
    if url.path() != path {
        return Err(declined("the parameters of the path would lead to another path"));
    }
    if !query.is_empty() {
        url.set_query(Some(query));
    }
    if url.as_str().len() > API_URL_BYTES_MAX {
        return Err(declined(format!("the URL would have more than {API_URL_BYTES_MAX} bytes")));
    }
    Ok(url)
}

fn declined(detail: impl Into<String>) -> Failure {
    Failure::new(FailureReason::Declined, detail)
}

/// A path with places for parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Path(Vec<Segment>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Segment {
    Text(String),
    Parameter(String),
}

impl Path {
    /// Reads `/pets/{id}`. `None` when it is no such path.
    pub(super) fn read(template: &str) -> Option<Self> {
        let mut segments = Vec::new();
        let mut rest = template;
        if !rest.starts_with('/') {
            return None;
        }
        while let Some((text, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            segments.push(Segment::Text(text.to_owned()));
            segments.push(Segment::Parameter(name.to_owned()));
            rest = after;
        }
        segments.push(Segment::Text(rest.to_owned()));
        if segments.len() > 2 * API_PARAMETERS_MAX + 1 {
            return None;
        }
        let is_plain = |segment: &Segment| match segment {
            Segment::Text(text) => !text.contains(['{', '}', '?', '#', '\\']),
            Segment::Parameter(name) => !name.is_empty() && !name.contains('{'),
        };
        segments.iter().all(is_plain).then_some(Self(segments))
    }

    /// The names of the parameters in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(&**name),
            Segment::Text(_) => None,
        })
    }

    /// Texts and parameters it is made of.
    pub(super) fn pieces(&self) -> usize {
        self.0.len()
    }

    /// It can be asked for at a server, with harmless parameters at least.
    pub(super) fn fits(&self, server: &Url) -> bool {
        let mut path = self.clone();
        for name in self.names() {
            path.fill(name, "x");
        }
        locate(server, &path.text(), "").is_ok()
    }

    fn fill(&mut self, name: &str, value: &str) {
        for segment in &mut self.0 {
            if matches!(segment, Segment::Parameter(parameter) if parameter == name) {
                *segment = Segment::Text(value.to_owned());
            }
        }
    }

    fn text(&self) -> String {
        let text = |segment: &Segment| match segment {
            Segment::Text(text) => text.clone(),
            // Its parameter is required: the document is not used otherwise.
            Segment::Parameter(name) => encoded(name),
        };
        self.0.iter().map(text).collect()
    }
}
