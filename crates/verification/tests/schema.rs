//! Schemas from strangers: what is accepted, what is refused, and that refusing is quick.
use ainur_verification::schema::{
    Error, Mismatch, OUTPUT_BYTES_MAX, PARAMETERS_BYTES_MAX, PROBLEMS_MAX, SCHEMA_BYTES_MAX,
};
use ainur_verification::{Schema, SchemaCache};
use serde_json::{Value, json};

fn compile(schema: &Value) -> Schema {
    Schema::compile(&schema.to_string()).expect("a good schema")
}

fn refusal(schema: &Value) -> String {
    Schema::compile(&schema.to_string()).expect_err("not to be taken").to_string()
}

#[test]
fn parameters_are_checked_with_path_and_expectation() {
    let schema = compile(&json!({
        "type": "object",
        "properties": {"level": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["level"],
        "additionalProperties": false
    }));
    assert_eq!(schema.check_parameters(r#"{"level":3}"#), Ok(()));
    let message = schema.check_parameters(r#"{"level":10}"#).unwrap_err().to_string();
    assert!(message.starts_with("at /level: ") && message.contains('9'), "{message}");
    let message = schema.check_parameters("{}").unwrap_err().to_string();
    assert!(message.starts_with("at the top: ") && message.contains("\"level\""), "{message}");
    assert!(schema.check_parameters(r#"{"level":3,"speed":1}"#).is_err());
}

#[test]
fn parameters_in_another_spelling_are_refused() {
    let any = compile(&json!(true));
    assert_eq!(any.check_parameters(r#"{"a": 1}"#), Err(Mismatch::NotCanonical(5)));
    assert!(matches!(any.check_parameters("{"), Err(Mismatch::NotJson(_))));
    assert!(matches!(any.check_parameters("1 2"), Err(Mismatch::NotJson(_))));
    let long = format!("\"{}\"", "a".repeat(PARAMETERS_BYTES_MAX));
    assert!(matches!(any.check_parameters(&long), Err(Mismatch::TooLarge { .. })));
    assert_eq!(any.check_output(br#"{"a": 1}"#), Ok(()), "an output may be spelled freely");
    assert!(matches!(any.check_output(b"\xff"), Err(Mismatch::NotJson(_))));
    let long = vec![b' '; OUTPUT_BYTES_MAX + 1];
    assert!(matches!(any.check_output(&long), Err(Mismatch::TooLarge { .. })));
}

#[test]
fn only_the_first_problems_are_named_and_no_value_is_quoted() {
    let schema = compile(&json!({"items": {"type": "string"}}));
    let Err(Mismatch::Refused { problems, more }) = schema.check(&json!(vec![123_456; 9])) else {
        panic!("numbers are no strings");
    };
    assert_eq!((problems.len(), more), (PROBLEMS_MAX, true));
    assert_eq!(problems[4].path, "/4");
    assert!(!problems[0].expected.contains("123456"), "{:?}", problems[0]);
    let Err(Mismatch::Refused { problems, more }) = schema.check(&json!(["a", 1])) else {
        panic!("one is a number");
    };
    assert_eq!((problems.len(), more), (1, false));
    let Err(Mismatch::Refused { problems, more }) = schema.check(&json!(vec![1; 30_000])) else {
        panic!("numbers are no strings");
    };
    assert_eq!((problems.len(), more), (1, true), "a large document gets one");
}

#[test]
fn schemas_that_are_none_are_refused() {
    assert!(matches!(Schema::compile("{"), Err(Error::NotJson(_))));
    let long = format!("{{\"description\":\"{}\"}}", "a".repeat(SCHEMA_BYTES_MAX));
    assert_eq!(Schema::compile(&long).unwrap_err(), Error::TooLarge(long.len()));
    assert!(refusal(&json!({"type": "strong"})).contains("/type"));
    assert!(refusal(&json!({"minimum": "1"})).contains("/minimum"));
    assert!(refusal(&json!({"pattern": "("})).contains("pattern"));
    assert!(refusal(&json!({"pattern": "(?=a)b"})).contains("pattern"), "needs backtracking");
    assert!(refusal(&json!({"pattern": "(a{1000}){1000}"})).contains("pattern"), "too large");
}

#[test]
fn nothing_is_fetched() {
    for reference in [
        "https://example.com/schema.json",
        "http://127.0.0.1:1/x",
        "file:///etc/passwd",
        "other.json",
        "#anchor",
        "#/missing",
        "#/default",
    ] {
        let message = refusal(&json!({"default": {}, "properties": {"a": {"$ref": reference}}}));
        assert!(message.contains("/properties/a/$ref"), "{message}");
    }
    assert!(refusal(&json!({"$dynamicRef": "#a"})).contains("dynamic"));
    assert!(refusal(&json!({"items": {"$id": "https://a.b/c"}})).contains("id"));
    assert!(refusal(&json!({"$schema": "https://example.com/mine"})).contains("not a usable"));
}

#[test]
fn names_and_data_are_not_taken_for_keywords() {
    let schema = compile(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/whole",
        "properties": {
            "$ref": {"type": "string"},
            "id": {"type": "string"},
            "default": {"$ref": "#/$defs/a~1b%20c"}
        },
        "default": {"id": "x", "$ref": "https://example.com"},
        "$defs": {"a/b c": {"type": "integer"}}
    }));
    assert!(schema.check(&json!({"$ref": "a", "id": "b", "default": 1})).is_ok());
    assert!(schema.check(&json!({"default": "1"})).is_err());
    let hidden = json!({"properties": {"default": {"$ref": "https://example.com"}}});
    assert!(refusal(&hidden).contains("/properties/default/$ref"));
}

#[test]
fn recursive_schemas_work_within_bounds() {
    let tree = compile(&json!({"properties": {"child": {"$ref": "#"}}, "type": "object"}));
    let mut document = json!({});
    for _ in 0..60 {
        document = json!({"child": document});
    }
    assert_eq!(tree.check(&document), Ok(()));
    document = json!({"child": {"child": 1}});
    assert!(tree.check(&document).unwrap_err().to_string().starts_with("at /child/child: "));
}

#[test]
fn endless_and_exponential_schemas_are_refused_quickly() {
    let endless = compile(&json!({"$ref": "#"}));
    assert_eq!(endless.check(&json!(1)), Err(Mismatch::TooMuchWork));
    let mutual = compile(&json!({
        "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}},
        "$ref": "#/$defs/a"
    }));
    assert_eq!(mutual.check(&json!(1)), Err(Mismatch::TooMuchWork));

    let mut definitions = serde_json::Map::new();
    definitions.insert("d0".into(), json!({"type": "integer"}));
    for level in 1..60 {
        let reference = json!({"$ref": format!("#/$defs/d{}", level - 1)});
        definitions.insert(format!("d{level}"), json!({"allOf": [reference, reference]}));
    }
    let bomb = compile(&json!({"$defs": definitions, "$ref": "#/$defs/d59"}));
    assert_eq!(bomb.check(&json!(1)), Err(Mismatch::TooMuchWork));

    let twice = json!({"properties": {"a": {"$ref": "#"}}});
    let descending = compile(&json!({"allOf": [twice, twice]}));
    let mut document = json!({});
    for _ in 0..60 {
        document = json!({"a": document});
    }
    assert_eq!(descending.check(&document), Err(Mismatch::TooMuchWork));
    assert_eq!(descending.check(&json!({"a": {"a": {}}})), Ok(()));

    // Each level looks at the results of the one inside it a second time.
    let mut looking = json!({});
    for _ in 0..40 {
        looking = json!({"allOf": [looking], "unevaluatedProperties": {}});
    }
    assert_eq!(compile(&looking).check(&json!({})), Err(Mismatch::TooMuchWork));

    let unique = compile(&json!({"uniqueItems": true}));
    assert_eq!(unique.check(&json!(vec![json!({}); 100_000])), Err(Mismatch::TooMuchWork));
}

#[test]
fn patterns_run_in_linear_time() {
    let schema = compile(&json!({"pattern": "^(a+)+$"}));
    let hostile = format!("{}!", "a".repeat(50_000));
    assert!(schema.check(&json!(hostile)).is_err());
}

#[test]
fn a_cached_schema_is_the_same() {
    let mut cache = SchemaCache::default();
    let text = r#"{"type":"integer"}"#;
    for _ in 0..3 {
        assert!(cache.get(text).unwrap().check(&json!("1")).is_err());
    }
    assert_eq!(cache.len(), 1);
}
