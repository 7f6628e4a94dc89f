//! A text that must not be shown: never printed, never written with what it belongs to, wiped when
//! it is dropped.
use std::fmt;
use std::hash::{Hash, Hasher};

use reqwest::RequestBuilder;
use reqwest::header::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// A credential for a remote agent. The node reads it from a file only its user can read.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for whoever has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Adds a credential to a request: in a header as it is, or as `Authorization: Bearer …`.
pub(super) fn attach(
    request: RequestBuilder,
    header: Option<&str>,
    credential: Option<&Secret>,
) -> Result<RequestBuilder, Failure> {
    let Some(credential) = credential else { return Ok(request) };
    let wrong = || Failure::infrastructure("the credential does not fit into its header");
    Ok(match header {
        None => request.bearer_auth(credential.expose()),
        Some(header) => {
            let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(credential.expose()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            request.header(name, value)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_hold_the_secret() {
        assert!(!format!("{:?}", Secret::new("hunter2".into())).contains("hunter2"));
    }
}
