//! Which version of the protocol a caller speaks.
use a2a_types::{SVC_PARAM_VERSION, error_code};
use axum::http::HeaderMap;

use super::error::Error;

/// A version that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Version {
    /// 0.3.
    Legacy,
    /// 1.0.
    Current,
}

impl Version {
    /// The version that a header states, or a query parameter of the same name; who states none
    /// speaks 0.3.
    pub(super) fn of(headers: &HeaderMap, query: Option<&str>) -> Result<Self, Error> {
        let in_header = headers.get(SVC_PARAM_VERSION).map(|value| value.to_str().unwrap_or("?"));
        let in_query = query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.eq_ignore_ascii_case(SVC_PARAM_VERSION).then_some(value)
        });
        let stated = in_header.or(in_query).unwrap_or_default().trim();
        // A third number says nothing about what is understood.
        let mut numbers = stated.splitn(3, '.');
        match (numbers.next(), numbers.next()) {
            (Some("1"), Some("0")) => Ok(Self::Current),
            (Some("0"), Some("3")) | (Some(""), None) => Ok(Self::Legacy),
            _ => Err(Error::new(
                error_code::VERSION_NOT_SUPPORTED,
                format!("A2A version '{stated}' is not served here: use 1.0 or 0.3"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_counts_then_the_query_and_silence_is_0_3() {
        let of = |header: Option<&str>, query| {
            let mut headers = HeaderMap::new();
            if let Some(value) = header {
                headers.insert("a2a-version", value.parse().unwrap());
            }
            Version::of(&headers, query).ok()
        };
        assert_eq!(of(None, None), Some(Version::Legacy));
        assert_eq!(of(Some(""), None), Some(Version::Legacy));
        assert_eq!(of(Some("0.3"), None), Some(Version::Legacy));
        assert_eq!(of(Some("1.0"), None), Some(Version::Current));
        assert_eq!(of(Some("1.0.7"), None), Some(Version::Current));
        assert_eq!(of(None, Some("x=1&A2A-Version=1.0")), Some(Version::Current));
        assert_eq!(of(Some("0.3"), Some("A2A-Version=1.0")), Some(Version::Legacy));
        for unknown in ["99.0", "1", "1.1", "2.0", "0.2", "x", "1.0x"] {
            assert_eq!(of(Some(unknown), None), None, "{unknown}");
        }
    }
}
