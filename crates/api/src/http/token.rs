//! The secret that a caller shows: whoever can read the node's endpoint file has it.
use std::fmt;

use ainur_crypto::entropy::random_bytes;
use ainur_crypto::hash;
use ainur_primitives::Digest;
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use super::Error;

/// Thirty-two random bytes, shown as 43 characters of base64url.
///
/// Comparing two takes the same time wherever they differ, and debug output does not show it.
#[derive(Clone)]
pub struct Token([u8; 32]);

/// A token that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token reads as 43 characters of base64url")]
pub struct TokenError;

impl Token {
    /// A new token.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn generate() -> Result<Self, Error> {
        Ok(Self(random_bytes()?))
    }

    /// Reads what [`Token::to_text`] writes.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn from_text(text: &str) -> Result<Self, TokenError> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| TokenError)?;
        bytes.try_into().map(Self).map_err(|_| TokenError)
    }

    /// What is kept of a token: enough to know it again, too little to make it.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/token/v1", &[&self.0])
    }

    /// The secret itself, for the endpoint file and the `Authorization` header.
    pub fn to_text(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_reads_back_what_it_writes_and_nothing_else() {
        let token = Token::generate().unwrap();
        let text = token.to_text();
        assert_eq!(text.len(), 43);
        assert_eq!(Token::from_text(&text), Ok(token.clone()));
        for damaged in [&text[1..], &format!("{text}="), &format!("{text}A"), "", " "] {
            assert_eq!(Token::from_text(damaged), Err(TokenError));
        }
        assert_ne!(token, Token::generate().unwrap());
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let token = Token::generate().unwrap();
        assert!(!format!("{token:?}").contains(&token.to_text()));
    }
}
