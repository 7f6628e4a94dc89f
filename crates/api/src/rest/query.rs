//! Query strings, read strictly: what is not known, not decodable or given twice is refused by name.
use super::QUERY_PARAMETERS_MAX;
use super::route::{Parameter, Place};

/// The parameters of a request, decoded.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads what comes after the question mark.
    pub(super) fn read(text: &str, known: &'static [Parameter]) -> Result<Self, String> {
        let mut read = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name).ok_or("a name in the query is not UTF-8")?;
            let taken = known.iter().filter(|parameter| parameter.place == Place::Query);
            let Some(parameter) = taken.clone().find(|parameter| parameter.name == name) else {
                let names: Vec<_> = taken.map(|parameter| parameter.name).collect();
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(format!("unknown query parameter `{name}`; known here: {names}"));
            };
            let value = decoded(value)
                .ok_or_else(|| format!("the query parameter `{name}` is not UTF-8"))?;
            if !parameter.repeated && read.iter().any(|(other, _)| *other == parameter.name) {
                return Err(format!("the query parameter `{name}` occurs twice"));
            }
            if read.len() == QUERY_PARAMETERS_MAX {
                return Err(format!("a query holds {QUERY_PARAMETERS_MAX} parameters at most"));
            }
            read.push((parameter.name, value));
        }
        Ok(Self(read))
    }

    /// The value of a parameter that occurs once.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The same query with one parameter changed, encoded again.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let others = self.0.iter().filter(|(known, _)| *known != name);
        let pairs = others.map(|(name, value)| (*name, value.as_str())).chain([(name, value)]);
        pairs
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// Percent-decoding as forms do it: a plus is a space.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Percent-encoding of everything that could mean something.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KNOWN: [Parameter; 2] = [
        Parameter::query("limit", |_| json!({}), ""),
        Parameter::query("phase", |_| json!({}), "").repeated(),
    ];

    #[test]
    fn what_is_decoded_is_encoded_again() {
        for text in ["", "a b", "ä&=%+/?#", "\u{0}\u{1F600}"] {
            assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        }
        let query = Query::read("phase=a+b&limit=1&phase=%C3%A4", &KNOWN).unwrap();
        assert_eq!(query.all("phase").collect::<Vec<_>>(), ["a b", "ä"]);
        assert_eq!(query.with("limit", "2"), "phase=a%20b&phase=%C3%A4&limit=2");
    }

    #[test]
    fn unknown_doubled_broken_and_endless_queries_are_refused() {
        for (text, reason) in [
            ("colour=red", "unknown query parameter `colour`; known here: limit, phase"),
            ("limit=1&limit=2", "`limit` occurs twice"),
            ("limit=%ff", "`limit` is not UTF-8"),
            ("limit=%4", "`limit` is not UTF-8"),
            ("%ff=1", "not UTF-8"),
            (&"phase=a&".repeat(QUERY_PARAMETERS_MAX + 1), "at most"),
        ] {
            let refused = Query::read(text, &KNOWN).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
