//! The HTTP client for agents that live elsewhere: checked addresses, TLS with post-quantum key
//! exchange preferred, no redirects, no proxy, and time limits.
use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls_platform_verifier::BuilderVerifierExt;

use super::address::{AddressError, CheckedResolver, Reach, check_url};
use super::budget::Held;
use crate::failure::Failure;
use crate::limits::{
    HTTP_CONNECT_MS_MAX, HTTP_IDLE_CONNECTIONS_MAX, HTTP_IDLE_MS_MAX, POST_MS_MAX,
};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No certificates to trust, or no algorithms.
    #[error("cannot set up TLS: {0}")]
    Tls(#[source] rustls::Error),
    /// Anything else.
    #[error("cannot set up an HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}

/// A client that connects only where `reach` allows. It checks what names resolve to; the URL
/// itself has to go through [`check_url`], because an address that
/// stands in it is not resolved.
///
/// # Errors
/// When this machine has no certificates to trust.
pub fn client(reach: Reach) -> Result<reqwest::Client, ClientError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?;
    let tls = match reach {
        // Plain connections: nothing to trust, and no certificates needed to find that out.
        Reach::Private => tls.with_root_certificates(rustls::RootCertStore::empty()),
        Reach::Public | Reach::Any => tls.with_platform_verifier().map_err(ClientError::Tls)?,
    }
    .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(CheckedResolver(reach))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .https_only(reach == Reach::Public)
        .connect_timeout(Duration::from_millis(HTTP_CONNECT_MS_MAX))
        .pool_idle_timeout(Duration::from_millis(HTTP_IDLE_MS_MAX))
        .pool_max_idle_per_host(HTTP_IDLE_CONNECTIONS_MAX)
        .tcp_nodelay(true)
        .user_agent(concat!("ainur/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(ClientError::Client)
}

/// Why nothing answered, for people. The URL is left out: it may hold what is nobody's business.
pub(super) fn why_unreachable(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the server did not answer in time".into();
    }
    let mut text = String::from("cannot reach the server");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Why a body was not received.
pub(super) enum BodyError {
    /// It is longer than it may be.
    TooLong,
    /// There is no memory for it.
    Memory(Failure),
    /// It ended early, or late.
    Broken(reqwest::Error),
}

/// Receives a body of no more than so many bytes, paid for as they arrive.
pub(super) async fn body(
    response: &mut reqwest::Response,
    bytes_max: u64,
    held: &mut Held,
) -> Result<Vec<u8>, BodyError> {
    if response.content_length().is_some_and(|bytes| bytes > bytes_max) {
        return Err(BodyError::TooLong);
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(BodyError::Broken)? {
        if (body.len() + piece.len()) as u64 > bytes_max {
            return Err(BodyError::TooLong);
        }
        if body.capacity() - body.len() < piece.len() {
            // Room is paid for before it is taken, and there is never more than can be needed.
            let whole = response.content_length().unwrap_or(bytes_max).min(bytes_max);
            let whole = usize::try_from(whole).unwrap_or(usize::MAX);
            let needed = body.len() + piece.len();
            let room = (2 * needed).min(whole).max(needed);
            held.cover(room).map_err(BodyError::Memory)?;
            body.reserve_exact(room - body.len());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The clients made so far: reading the system's certificates takes its time.
#[derive(Default)]
pub(super) struct Clients {
    made: Mutex<HashMap<Reach, reqwest::Client>>,
}

impl Clients {
    pub(super) fn get(&self, reach: Reach) -> Result<reqwest::Client, ClientError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&reach) {
            return Ok(client.clone());
        }
        let client = client(reach)?;
        made.insert(reach, client.clone());
        Ok(client)
    }
}

/// Posts to addresses that strangers gave.
#[derive(Clone)]
pub struct Poster {
    clients: Arc<Clients>,
    allow_private: bool,
}

/// Why nothing was posted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The address may not be posted to.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There is no client, or a header cannot be sent.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody answered.
    #[error("not delivered: {0}")]
    Unanswered(#[source] reqwest::Error),
}

impl Poster {
    /// One that posts to public addresses, and to private ones if that is allowed.
    pub fn new(allow_private: bool) -> Self {
        Self { clients: Arc::default(), allow_private }
    }

    /// Posts once and gives the status of the answer. Must be polled by a tokio runtime; ends
    /// within [`POST_MS_MAX`].
    ///
    /// # Errors
    /// When the address is refused or nobody answers.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<u16, PostError> {
        let (url, reach) = check_url(url, self.allow_private)?;
        let mut request = self.clients.get(reach)?.post(url).body(body);
        request = request.timeout(Duration::from_millis(POST_MS_MAX));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer =
            request.send().await.map_err(|error| PostError::Unanswered(error.without_url()))?;
        Ok(answer.status().as_u16())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn key_exchange_prefers_the_post_quantum_group() {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let first = provider.kx_groups.first().unwrap().name();
        assert_eq!(first, rustls::NamedGroup::X25519MLKEM768);
    }
}
