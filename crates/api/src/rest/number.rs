//! Numbers are what they are worth: `5.0` and `5e0` are the integer 5, as JSON Schema and RFC 8785
//! have it, though not every reader of JSON does.
use std::borrow::Cow;

/// The same JSON with whole numbers written as integers. What is no JSON stays none.
pub(super) fn with_plain_integers(json: &[u8]) -> Cow<'_, [u8]> {
    let mut plain = Vec::new();
    // Up to here, `json` has been taken over.
    let (mut taken, mut at) = (0, 0);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => at = end_of_string(json, at),
            b'-' | b'0'..=b'9' => {
                let length = json[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                if let Some(integer) = integer(&json[at..at + length]) {
                    plain.extend_from_slice(&json[taken..at]);
                    plain.extend_from_slice(integer.as_bytes());
                    taken = at + length;
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    if taken == 0 {
        return json.into();
    }
    plain.extend_from_slice(&json[taken..]);
    plain.into()
}

fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

const fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// The integer that a number is, when it is written otherwise and fits 64 bits.
fn integer(number: &[u8]) -> Option<String> {
    if !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return None;
    }
    // What Rust reads as a number and JSON does not stays as it is, to be refused as JSON.
    let value: f64 = serde_json::from_slice(number).ok()?;
    let is_whole = value.fract() == 0.0;
    if is_whole && (0.0..18_446_744_073_709_551_616.0).contains(&value) {
        return Some((value as u64).to_string());
    }
    (is_whole && (-9_223_372_036_854_775_808.0..0.0).contains(&value))
        .then(|| (value as i64).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_become_integers_and_nothing_else_changes() {
        for (json, plain) in [
            (r#"{"a":5.0,"b":[1e3,-2.00,0.5]}"#, r#"{"a":5,"b":[1000,-2,0.5]}"#),
            (r#"{"5.0":"a \"5.0\" \\","b":5.0}"#, r#"{"5.0":"a \"5.0\" \\","b":5}"#),
            ("1.8446744073709552e19", "1.8446744073709552e19"),
            ("1e16", "10000000000000000"),
            ("-0.0", "0"),
            ("12", "12"),
            ("01.0", "01.0"),
            ("1.", "1."),
            ("\"5.0", "\"5.0"),
            ("\"\\", "\"\\"),
            ("1e400", "1e400"),
            ("", ""),
        ] {
            assert_eq!(with_plain_integers(json.as_bytes()), plain.as_bytes(), "{json}");
        }
    }
}
