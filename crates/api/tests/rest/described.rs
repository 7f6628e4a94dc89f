//! The OpenAPI document.
use std::path::Path;

use ainur_primitives::{
    AcceptanceCheck, Amount, ContentId, Did, Digest, DurationMs, ExecutionLimits, FailureReason,
    SelectionRule, Timestamp,
};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::served::Served;

/// Rewritten by `AINUR_GOLDEN_WRITE=1`.
#[test]
fn the_openapi_document_is_the_golden_one() {
    let served = Served::start();
    let answer = served.ask("GET /openapi.json", "");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/openapi.json");
    if std::env::var_os("AINUR_GOLDEN_WRITE").is_some() {
        let text = serde_json::to_string_pretty(&answer.json()).unwrap() + "\n";
        std::fs::write(&path, text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&stored).unwrap(), answer.json());
}

#[test]
fn every_described_path_and_method_is_answered() {
    let served = Served::start();
    let document = served.ask("GET /openapi.json", "").json();
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let place = path.replace("{id}", "00000000").replace("{name}", "a.b");
            let line = format!("{} {place}", method.to_uppercase());
            let answer = served.ask(&line, &served.owner);
            assert_ne!(answer.status, 405, "{line}");
            let described = &document["paths"][path][method]["responses"];
            assert!(described[answer.status.to_string()].is_object(), "{line}: {answer:?}");
            asked += 1;
        }
    }
    assert!(asked >= 35, "{asked}");
}

/// A schema of the document with everything that it refers to.
fn validator(document: &Value, name: &str) -> Validator {
    let reference = format!("#/components/schemas/{name}");
    let schema = json!({ "$ref": reference, "components": document["components"] });
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn golden_operations_and_replies_fit_their_description() {
    let served = Served::start();
    let document = served.ask("GET /openapi.json", "").json();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/operations.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    for (list, name, tag) in
        [("operations", "Operation", "operation"), ("replies", "Reply", "reply")]
    {
        let validator = validator(&document, name);
        for example in golden[list].as_array().unwrap() {
            if let Err(error) = validator.validate(example) {
                panic!("{example}: {error} at {}", error.instance_path());
            }
            let mut unknown = example.clone();
            unknown[tag] = json!("something-else");
            assert!(!validator.is_valid(&unknown), "{unknown}");
        }
    }
}

#[test]
fn every_primitive_fits_its_description() {
    let served = Served::start();
    let document = served.ask("GET /openapi.json", "").json();
    let rules = [
        SelectionRule::Scored,
        SelectionRule::Cheapest,
        SelectionRule::Fastest,
        SelectionRule::BestReputation,
    ];
    let reasons = [
        FailureReason::CheckFailed,
        FailureReason::Crashed,
        FailureReason::TimedOut,
        FailureReason::LimitExceeded,
        FailureReason::Declined,
        FailureReason::BuyerRefused,
        FailureReason::Infrastructure,
    ];
    let content = |byte: u8| ContentId(Digest([byte; 32]));
    let leaves = vec![
        AcceptanceCheck::Schema,
        AcceptanceCheck::Digest { expected: content(0) },
        AcceptanceCheck::Verifier { component: content(255) },
        AcceptanceCheck::Reexecution,
        AcceptanceCheck::BuyerWord { window_ms: DurationMs((1 << 53) - 1) },
    ];
    let all = AcceptanceCheck::All { checks: leaves.clone() };
    let examples = (rules.iter().map(|rule| ("SelectionRule", json!(rule))))
        .chain(reasons.iter().map(|reason| ("FailureReason", json!(reason))))
        .chain(leaves.iter().chain([&all]).map(|check| ("AcceptanceCheck", json!(check))))
        .chain((0..=255).map(|byte| ("ContentId", json!(content(byte)))))
        .chain((0..=255).map(|byte| ("Did", json!(Did(Digest([byte; 32]))))))
        .chain([0, 1, 10, u128::MAX].map(|units| ("Amount", json!(Amount(units)))))
        .chain([("ExecutionLimits", json!(ExecutionLimits::default()))])
        .chain([("Timestamp", json!(Timestamp(1_795_254_600_123)))]);
    for (name, example) in examples {
        assert!(validator(&document, name).is_valid(&example), "{name}: {example}");
    }
    for (name, wrong) in [
        ("Amount", json!("01")),
        ("Amount", json!("-1")),
        ("Amount", json!("340282366920938463463374607431768211456")),
        ("Did", json!("did:key:z6Mk")),
        ("Digest", json!("AB".repeat(32))),
        ("CapabilityName", json!("compress")),
        ("AcceptanceCheck", json!({ "kind": "schema", "more": 1 })),
        ("SelectionRule", json!("random")),
    ] {
        assert!(!validator(&document, name).is_valid(&wrong), "{name}: {wrong}");
    }
}
