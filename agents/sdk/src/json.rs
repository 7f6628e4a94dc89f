//! Writing JSON without a library, for what every guest has to say about itself.
use std::fmt::Write;

/// Appends `text` as a JSON string, quoted and escaped.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                out.push_str("\\u00");
                for shift in [4, 0] {
                    let digit = (u32::from(control) >> shift) & 0xf;
                    out.push(char::from_digit(digit, 16).unwrap_or('0'));
                }
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Writes one JSON object, member by member.
#[derive(Debug)]
pub struct ObjectWriter {
    out: String,
}

impl Default for ObjectWriter {
    fn default() -> Self {
        Self { out: String::from("{") }
    }
}

impl ObjectWriter {
    fn key(&mut self, name: &str) {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        push_string(&mut self.out, name);
        self.out.push(':');
    }

    /// A member with a text.
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.key(name);
        push_string(&mut self.out, value);
        self
    }

    /// A member whose value is JSON already.
    pub fn raw(mut self, name: &str, value: &str) -> Self {
        self.key(name);
        self.out.push_str(value);
        self
    }

    /// A member with a number.
    pub fn number(mut self, name: &str, value: u64) -> Self {
        self.key(name);
        // Writing into a string cannot fail.
        write!(self.out, "{value}").unwrap_or_default();
        self
    }

    /// A member with a truth value.
    pub fn flag(self, name: &str, value: bool) -> Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// The object.
    pub fn finish(mut self) -> String {
        self.out.push('}');
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_reads_back() {
        let hard: String = (0u32..0x250).filter_map(char::from_u32).collect();
        let mut out = String::new();
        push_string(&mut out, &hard);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), hard);
    }

    #[test]
    fn members_are_separated_and_keys_are_escaped() {
        let object = ObjectWriter::default().text("a\"b", "c").number("n", 7).flag("f", true);
        let value: serde_json::Value = serde_json::from_str(&object.finish()).unwrap();
        assert_eq!(value, serde_json::json!({"a\"b": "c", "n": 7, "f": true}));
    }
}
