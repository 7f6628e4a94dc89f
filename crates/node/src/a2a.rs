//! What the node gives its A2A server: the key that signs its card, and a way to post notifications
//! that reaches no private address unless the operator allows it.
use std::net::SocketAddr;
use std::sync::Arc;

use ainur_api::a2a::{CardKey, Config, Deliver, Desk, PushDelivery, PushFailure};
use ainur_api::problem::{Code, Problem};
use ainur_runtime::remote::http::{PostError, Poster};

use crate::founding::KEY_FILE;
use crate::keys::KeyPair;
use crate::node::Node;

/// Where requested notifications are kept.
const PUSH_FILE: &str = "push.json";

impl Node {
    /// The settings of an A2A server over this node.
    ///
    /// # Errors
    /// When the node's key cannot be read.
    pub fn a2a(&self, desk: Desk, public_url: Option<String>) -> Result<Config, Problem> {
        let keys = KeyPair::load(&self.directory, KEY_FILE)?.ok_or_else(|| {
            Problem::new(Code::Corrupted, "the node's key is missing").next("restore a backup")
        })?;
        // A card names the address it was asked at; one that anyone may make up is not signed.
        let loopback = |listen: &String| {
            listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
        };
        let known = public_url.is_some() || self.options.listen.as_ref().is_none_or(loopback);
        let sign = move |input: &[u8]| {
            let input = std::str::from_utf8(input).unwrap_or_default();
            keys.signing.sign_jose(input).to_vec()
        };
        Ok(Config {
            desk,
            public_url,
            key: known
                .then(|| CardKey { id: format!("{}#ed25519-0", self.did), sign: Arc::new(sign) }),
            deliver: Some(deliver(self.config.allow_private_push)),
            push_file: Some(self.directory.path(PUSH_FILE)),
            ..Config::default()
        })
    }
}

fn deliver(allow_private: bool) -> Deliver {
    let poster = Poster::new(allow_private);
    Arc::new(move |push: PushDelivery| {
        let poster = poster.clone();
        Box::pin(async move {
            match poster.post(&push.url, &push.headers, push.body).await {
                Ok(200..=299) => Ok(()),
                Ok(408 | 429 | 500..=599) | Err(PostError::Unanswered(_)) => {
                    Err(PushFailure::Temporary)
                }
                Ok(_) | Err(PostError::Address(_) | PostError::Client(_)) => {
                    Err(PushFailure::Permanent)
                }
            }
        })
    })
}
