//! What is done to a good answer: to its values, and to its bytes.
use serde_json::{Map, Value, json};

use super::random::Random;

/// Texts that something may stumble over.
const TEXTS: [&str; 16] = [
    "",
    " ",
    "\u{0}",
    "..",
    "/",
    "#",
    "é日本\u{202e}\u{feff}",
    "{\"a\":1}",
    "-1",
    "http://127.0.0.1:1/",
    "http://169.254.169.254/",
    "file:///etc/passwd",
    "2026-07-28",
    "TASK_STATE_COMPLETED",
    "notifications/tools/list_changed",
    "application/json",
];

/// Changes some of the values of an answer.
pub(crate) fn values(random: &mut Random, value: &mut Value) {
    for _ in 0..1 + random.below(4) {
        let depth = 1 + random.below(10);
        change(random, value, depth);
    }
}

/// Goes down at random, and changes what is there.
fn change(random: &mut Random, value: &mut Value, depth: usize) {
    let is_here = depth == 0 || random.once_in(6);
    match value {
        Value::Object(members) if !is_here && !members.is_empty() => {
            let at = random.below(members.len());
            if let Some((_, member)) = members.iter_mut().nth(at) {
                change(random, member, depth - 1);
            }
        }
        Value::Array(elements) if !is_here && !elements.is_empty() => {
            let at = random.below(elements.len());
            change(random, &mut elements[at], depth - 1);
        }
        value => replace(random, value),
    }
}

fn replace(random: &mut Random, value: &mut Value) {
    match random.below(5) {
        0 => {
            if let Value::Object(members) = value {
                rename(random, members);
                return;
            }
        }
        1 => {
            if let Value::Array(elements) = value
                && let Some(first) = elements.first().cloned()
            {
                let more = [1, 3, 100, 1_000][random.below(4)];
                elements.extend(std::iter::repeat_n(first.clone(), more.min(room(&first))));
                return;
            }
        }
        2 => {
            if let Value::String(text) = value {
                let other = random.pick(&TEXTS);
                let at = random.below(text.chars().count() + 1);
                let kept: String = text.chars().take(at).collect();
                *text = format!("{kept}{other}");
                return;
            }
        }
        _ => {}
    }
    *value = any(random);
}

/// How often a value may be repeated: this process holds the answers as well as their reader.
fn room(value: &Value) -> usize {
    (4 << 20) / value.to_string().len().max(1)
}

fn rename(random: &mut Random, members: &mut Map<String, Value>) {
    let at = random.below(members.len().max(1));
    let Some(name) = members.keys().nth(at).cloned() else { return };
    let value = members.remove(&name).unwrap_or_default();
    match random.below(4) {
        0 => {}
        1 => drop(members.insert(random.pick(&TEXTS).to_owned(), value)),
        2 => drop(members.insert("$ref".into(), "#/paths/~1items~1{id}/get".into())),
        _ => {
            for index in 0..random.below(300).min(room(&value)) {
                members.insert(format!("{name}{index}"), value.clone());
            }
        }
    }
}

/// A value of any kind.
pub(crate) fn any(random: &mut Random) -> Value {
    match random.below(15) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1e308),
        5 => json!({}),
        6 => json!([]),
        7 => json!("x".repeat([10, 1_000, 70_000, 1_000_000][random.below(4)])),
        8 => json!(["a", 1, null, {"b": []}]),
        9 => json!({"$ref": "#"}),
        10 => json!({"$ref": "#/components/schemas/Item"}),
        11 => (0..2 + random.below(110)).fold(json!(1), |inner, _| json!([inner])),
        12 => (0..2 + random.below(110)).fold(json!(1), |inner, _| json!({"properties": inner})),
        13 => vec![json!({"a": 1}); [3, 30, 300, 10_000][random.below(4)]].into(),
        _ => json!(random.pick(&TEXTS)),
    }
}

/// Changes some bytes.
pub(crate) fn bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(64)).min(bytes.len());
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece.repeat(1 + random.below(50)));
            }
            3 => drop(bytes.splice(at..at, *b"\xff\xfe\xc0\x80")),
            4 => drop(bytes.splice(at..at, b"9".repeat(400))),
            5 => drop(bytes.splice(at..at, *b"\r\n\r\n")),
            6 => drop(bytes.splice(at..at, b"[".repeat(100_000))),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
}
