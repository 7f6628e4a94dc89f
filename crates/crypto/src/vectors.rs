//! Reading the test vectors under `tests/data`.
use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::Value;

/// A file of test vectors.
pub(crate) fn load(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Calls `check` with every group and test, and returns how many tests there were.
pub(crate) fn each_test(file: &str, mut check: impl FnMut(&Value, &Value)) -> usize {
    let mut count = 0;
    for group in load(file)["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            check(group, test);
            count += 1;
        }
    }
    count
}

/// The bytes of a field in hexadecimal; empty when there is none.
pub(crate) fn bytes(value: &Value, field: &str) -> Vec<u8> {
    let text = value[field].as_str().unwrap_or_default().to_ascii_lowercase();
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// What the file expects.
pub(crate) fn is_valid(test: &Value) -> bool {
    test["result"] == "valid"
}

/// True when the test carries the flag.
pub(crate) fn has_flag(test: &Value, flag: &str) -> bool {
    test["flags"].as_array().is_some_and(|flags| flags.iter().any(|each| each == flag))
}
