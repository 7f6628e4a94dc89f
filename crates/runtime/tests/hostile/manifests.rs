//! What a program says about itself, and programs that are none.
use ainur_runtime::{Program, inspect};

use crate::guest::{Guest, MANIFEST, file, program};
use crate::stage::config;

fn refused(program: Program, words: &str) {
    let error = inspect(config(), program).unwrap_err().to_string();
    assert!(error.contains(words), "{error:?} should contain {words:?}");
}

pub(crate) fn component_describes_itself() {
    let manifest = inspect(config(), Guest::good().program()).unwrap();
    assert_eq!(manifest.name, "guest");
    assert!(manifest.capabilities[0].deterministic);
}

pub(crate) fn manifest_that_is_no_json_is_refused() {
    refused(Guest { manifest: "{oops".into(), ..Guest::good() }.program(), "not JSON");
}

pub(crate) fn manifest_that_lies_is_refused() {
    let lie = MANIFEST.replace("bytes.copy", "copy");
    refused(Guest { manifest: lie, ..Guest::good() }.program(), "noun.verb");
    let lie = MANIFEST.replace(r#""deterministic":true"#, r#""input_schema":"[""#);
    refused(Guest { manifest: lie, ..Guest::good() }.program(), "not a JSON Schema");
}

pub(crate) fn endless_manifest_is_refused() {
    let mut guest = Guest { memory: "64".into(), ..Guest::good() };
    let wat = guest.wat();
    let length = format!("(i32.const {})", guest.manifest.len());
    assert!(wat.contains(&length));
    guest.manifest = String::new();
    let endless = wat.replace(&length, "(i32.const 3000000)");
    refused(program(&wat::parse_str(endless).unwrap()), "more data in one call than it may");
}

pub(crate) fn unknown_import_is_named() {
    let guest = Guest {
        component: r#"(import "evil:kernel/root@1.0.0" (instance (export "shell" (func))))"#.into(),
        ..Guest::good()
    };
    refused(guest.program(), "evil:kernel/root");
}

pub(crate) fn core_module_is_named() {
    let module = wat::parse_str("(module (func (export \"describe\")))").unwrap();
    refused(program(&module), "core WebAssembly module, not a component");
}

pub(crate) fn text_file_is_named() {
    refused(program(b"#!/bin/sh\n"), "not WebAssembly");
    let missing = Program::Component {
        content: ainur_primitives::ContentId::default(),
        path: "/nowhere.wasm".into(),
    };
    refused(missing, "/nowhere.wasm");
    let other = Program::Component {
        content: ainur_primitives::ContentId::default(),
        path: file("other.wasm", &Guest::good().bytes()),
    };
    refused(other, "is not the component");
}

pub(crate) fn truncated_component_is_refused() {
    let bytes = Guest::good().bytes();
    for length in [8, 9, bytes.len() / 2, bytes.len() - 1] {
        let error = inspect(config(), program(&bytes[..length])).unwrap_err().to_string();
        let named = ["not a valid component", "does not export"];
        assert!(named.iter().any(|words| error.contains(words)), "{length}: {error}");
    }
}

pub(crate) fn component_without_exports_is_named() {
    refused(program(&wat::parse_str("(component)").unwrap()), "describe");
}
