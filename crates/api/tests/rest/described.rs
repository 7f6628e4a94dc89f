//! The OpenAPI document.
use std::path::Path;

use serde_json::Value;

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
