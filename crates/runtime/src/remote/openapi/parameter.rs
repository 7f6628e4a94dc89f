//! Parameters of operations: where they go, and how a value of JSON is written there.
use serde_json::Value;

/// A parameter of an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Parameter {
    /// Its name in the request.
    pub(super) name: String,
    /// Its name among the parameters of a call: the same, or with its place when that is taken.
    pub(super) property: String,
    pub(super) place: Place,
    pub(super) style: Style,
    /// Elements and members stand by themselves.
    pub(super) is_exploded: bool,
    pub(super) is_required: bool,
}

/// Where a parameter goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// How arrays and objects are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// Separated by commas.
    Plain,
    /// Elements separated by spaces.
    Spaces,
    /// Elements separated by bars.
    Bars,
    /// Members as `name[member]=value`.
    Deep,
    /// As JSON.
    Json,
}

impl Place {
    pub(super) fn read(place: &str) -> Option<Self> {
        match place {
            "path" => Some(Self::Path),
            "query" => Some(Self::Query),
            "header" => Some(Self::Header),
            _ => None,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

impl Style {
    /// The style the document names, or the usual one of the place.
    pub(super) fn read(style: Option<&str>, place: Place) -> Option<Self> {
        match (style, place) {
            (None | Some("simple"), Place::Path | Place::Header) => Some(Self::Plain),
            (None | Some("form"), Place::Query) => Some(Self::Plain),
            (Some("spaceDelimited"), Place::Query) => Some(Self::Spaces),
            (Some("pipeDelimited"), Place::Query) => Some(Self::Bars),
            (Some("deepObject"), Place::Query) => Some(Self::Deep),
            _ => None,
        }
    }
}

/// A value that cannot be written in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("must be a text, a number, true or false, or a list or an object of these")]
pub(super) struct UnwritableValue;

impl Parameter {
    /// The value as one text, for paths and headers. `encode` is applied to every part.
    pub(super) fn one(
        &self,
        value: &Value,
        encode: impl Fn(&str) -> String,
    ) -> Result<String, UnwritableValue> {
        if self.style == Style::Json {
            return Ok(encode(&value.to_string()));
        }
        let parts: Vec<String> = match value {
            Value::Array(elements) => elements
                .iter()
                .map(|element| Ok(encode(&scalar(element)?)))
                .collect::<Result<_, _>>()?,
            Value::Object(members) => {
                let between = if self.is_exploded { "=" } else { "," };
                let member = |(name, value): (&String, &Value)| {
                    Ok(format!("{}{between}{}", encode(name), encode(&scalar(value)?)))
                };
                members.iter().map(member).collect::<Result<_, _>>()?
            }
            value => vec![encode(&scalar(value)?)],
        };
        Ok(parts.join(","))
    }

    /// The value as parts of a query, encoded.
    pub(super) fn query(&self, value: &Value) -> Result<Vec<String>, UnwritableValue> {
        let name = encoded(&self.name);
        let pair = |name: &str, value: &Value| Ok(format!("{name}={}", encoded(&scalar(value)?)));
        let joined =
            |separator: &str, parts: Vec<String>| vec![format!("{name}={}", parts.join(separator))];
        match (value, self.style) {
            (Value::Null, _) => Ok(Vec::new()),
            (value, Style::Json) => Ok(vec![format!("{name}={}", encoded(&value.to_string()))]),
            (Value::Array(elements), _) if self.is_exploded => {
                elements.iter().map(|element| pair(&name, element)).collect()
            }
            (Value::Array(elements), style) => {
                let parts = elements.iter().map(|element| Ok(encoded(&scalar(element)?)));
                let separator = match style {
                    Style::Spaces => "%20",
                    Style::Bars => "%7C",
                    Style::Plain | Style::Deep | Style::Json => ",",
                };
                Ok(joined(separator, parts.collect::<Result<_, _>>()?))
            }
            (Value::Object(members), Style::Deep) => members
                .iter()
                .map(|(member, value)| pair(&format!("{name}%5B{}%5D", encoded(member)), value))
                .collect(),
            (Value::Object(members), _) if self.is_exploded => {
                members.iter().map(|(member, value)| pair(&encoded(member), value)).collect()
            }
            (Value::Object(_), _) => Ok(vec![format!("{name}={}", self.one(value, encoded)?)]),
            (value, _) => Ok(vec![pair(&name, value)?]),
        }
    }
}

fn scalar(value: &Value) -> Result<String, UnwritableValue> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(UnwritableValue),
    }
}

/// A text such that nothing in it has a meaning in a URL.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn openapi_parameters_are_written_in_their_style() {
        let parameter = |place, style, is_exploded| Parameter {
            name: "p q".into(),
            property: "p q".into(),
            place,
            style,
            is_exploded,
            is_required: false,
        };
        let query = |style, is_exploded, value: Value| {
            parameter(Place::Query, style, is_exploded).query(&value).unwrap().join("&")
        };
        let (list, object) = (json!(["a&b", 2, true]), json!({"x": 1, "y": "ü"}));
        assert_eq!(query(Style::Plain, true, list.clone()), "p%20q=a%26b&p%20q=2&p%20q=true");
        assert_eq!(query(Style::Plain, false, list.clone()), "p%20q=a%26b,2,true");
        assert_eq!(query(Style::Spaces, false, list.clone()), "p%20q=a%26b%202%20true");
        assert_eq!(query(Style::Bars, false, list.clone()), "p%20q=a%26b%7C2%7Ctrue");
        assert_eq!(query(Style::Deep, true, object.clone()), "p%20q%5Bx%5D=1&p%20q%5By%5D=%C3%BC");
        assert_eq!(query(Style::Plain, true, object.clone()), "x=1&y=%C3%BC");
        assert_eq!(query(Style::Plain, false, object.clone()), "p%20q=x,1,y,%C3%BC");
        assert_eq!(query(Style::Json, true, json!([1])), "p%20q=%5B1%5D");
        assert_eq!(query(Style::Plain, true, json!(null)), "");
        let path = parameter(Place::Path, Style::Plain, false);
        assert_eq!(path.one(&list, encoded).unwrap(), "a%26b,2,true");
        assert_eq!(path.one(&json!("../x?#"), encoded).unwrap(), "..%2Fx%3F%23");
        assert_eq!(path.one(&json!([[1]]), encoded), Err(UnwritableValue));
    }
}
