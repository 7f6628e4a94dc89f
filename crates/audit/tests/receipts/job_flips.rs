//! Every single field of a job changed, signed and logged by the issuer as it is: always detected,
//! but for the issuer's word.
use std::ops::Range;

use ainur_audit::receipt::ReceiptBody;
use ainur_primitives::canonical_json::{from_canonical_json, to_canonical_json};

use crate::fixture::World;
use crate::jobs::report;

/// Where the values of a JSON text are that are neither objects nor lists, each with the keys and
/// indices that lead to it.
fn leaves(text: &[u8]) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    read(text, 0, "", &mut found);
    found
}

/// Reads one value; returns where it ends.
fn read(text: &[u8], at: usize, path: &str, found: &mut Vec<(String, Range<usize>)>) -> usize {
    let string = |at: usize| {
        let mut end = at + 1;
        while text[end] != b'"' {
            end += if text[end] == b'\\' { 2 } else { 1 };
        }
        end + 1
    };
    let mut at = at;
    match text[at] {
        b'{' | b'[' => {
            let is_object = text[at] == b'{';
            at += 1;
            let mut index = 0;
            while !matches!(text[at], b'}' | b']') {
                if text[at] == b',' {
                    at += 1;
                }
                let mut key = index.to_string();
                if is_object {
                    let end = string(at);
                    key = String::from_utf8_lossy(&text[at + 1..end - 1]).into_owned();
                    at = end + 1;
                }
                at = read(text, at, &format!("{path}.{key}"), found);
                index += 1;
            }
            at + 1
        }
        first => {
            let end = match first {
                b'"' => string(at),
                _ => at + text[at..].iter().position(|byte| b",]}".contains(byte)).unwrap(),
            };
            found.push((path.to_owned(), at..end));
            end
        }
    }
}

/// What the proofs do not cover: how long outputs are that other parts worked on.
const WORDS: [&str; 2] = [".job.parts.0.output.bytes", ".job.parts.1.output.bytes"];

#[test]
fn every_changed_field_of_a_job_is_detected_though_the_issuer_signs_and_logs_it() {
    let mut world = World::of_job();
    let honest = world.finished_job(1);
    let text = to_canonical_json(&honest).unwrap();
    let (mut read_back, mut unreadable) = (0, 0);
    for (path, range) in leaves(&text) {
        if !path.starts_with(".job.") {
            continue;
        }
        let mut changed = text.clone();
        // Another character of the same kind, in the middle.
        let middle = range.start + (range.len() - 1) / 2;
        changed[middle] = match changed[middle] {
            b'9' | b'z' | b'Z' => changed[middle] - 1,
            byte if byte.is_ascii_alphanumeric() => changed[middle] + 1,
            _ => b'0',
        };
        let Ok(body) = from_canonical_json::<ReceiptBody>(&changed) else {
            unreadable += 1;
            continue;
        };
        assert_ne!(body, honest, "{path} is not read");
        read_back += 1;
        let ok = report(&mut world, body).ok();
        assert_eq!(ok, WORDS.contains(&path.as_str()), "{path}");
    }
    println!("{read_back} changed fields read back, {unreadable} did not");
    assert!(read_back > 200, "{read_back} of {unreadable}");
}
