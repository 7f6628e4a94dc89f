//! Bodies held against the OpenAPI document: what it forbids is refused before anything is asked of
//! the node, whatever else would have been wrong with it.
use std::collections::HashMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::{Value, json};

use super::openapi;
use super::route::{JSON, Method};

/// Schemas of JSON bodies by the name of their route.
static SHAPES: LazyLock<HashMap<&'static str, Validator>> = LazyLock::new(|| {
    let document = openapi::document();
    let takes_json = |takes: &super::route::Takes| takes.media_type == JSON;
    super::documented()
        .filter(|route| route.takes.as_ref().is_some_and(takes_json))
        .map(|route| (route.name, validator(&document, route.path, route.method)))
        .collect()
});

fn validator(document: &Value, path: &str, method: Method) -> Validator {
    let body = &document["paths"][path][openapi::method(method)]["requestBody"];
    let schema = &body["content"][JSON]["schema"];
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    jsonschema::draft202012::new(&whole).expect("the document is made of our own types")
}

/// Checks the body of a route.
///
/// # Errors
/// Where it differs from what the document says, in one line.
pub(super) fn check(route: &str, body: &Value) -> Result<(), String> {
    let Some(shape) = SHAPES.get(route) else { return Ok(()) };
    let Err(error) = shape.validate(body) else { return Ok(()) };
    let error = cause(&error);
    let field = error.instance_path().to_string();
    let place = if field.is_empty() { "it".to_owned() } else { format!("`{field}`") };
    // The value itself may be long, and is known to whoever sent it.
    Err(format!("{place} is wrong: {}", error.masked()))
}

/// Of the schemas that could have applied, the one that was meant: its type is right.
fn cause<'a>(error: &'a ValidationError<'a>) -> &'a ValidationError<'a> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return error;
    };
    let is_meant =
        |found: &&ValidationError<'_>| !matches!(found.kind(), ValidationErrorKind::Type { .. });
    match context.iter().filter_map(|branch| branch.first()).find(is_meant) {
        Some(inner) => cause(inner),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_document_forbids_is_named() {
        let task = |deadline: u64| {
            json!({ "capability": "json.echo", "parameters": {}, "reserve": "5",
                    "deadline_ms": deadline })
        };
        assert_eq!(check("create_task", &task(60_000)), Ok(()));
        let refused = check("create_task", &task(1_621_424_237_041)).unwrap_err();
        assert!(refused.contains("/deadline_ms"), "{refused}");
        assert!(refused.contains("82800000"), "{refused}");
    }
}
