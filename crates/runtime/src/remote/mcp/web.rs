//! A server with a URL: the streamable HTTP transport, over the checked client.
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

use super::judge::{Judge, Web};
use crate::failure::Failure;
use crate::limits::{REMOTE_CALLS_PER_SERVER_MAX, REMOTE_MESSAGE_BYTES_MAX};
use crate::remote::address::check_url;
use crate::remote::http::Clients;
use crate::remote::program::ToolServer;

/// A transport to a URL, which is checked first.
pub(super) fn transport(
    clients: &Clients,
    server: &ToolServer,
    url: &str,
    allow_private: bool,
    judge: Judge,
) -> Result<StreamableHttpClientTransport<Web>, Failure> {
    let (url, reach) =
        check_url(url, allow_private).map_err(|error| Failure::crashed(error.to_string()))?;
    let client = clients.get(reach).map_err(|error| Failure::infrastructure(error.to_string()))?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .max_concurrent_requests(REMOTE_CALLS_PER_SERVER_MAX)
        .max_sse_event_size(REMOTE_MESSAGE_BYTES_MAX)
        // A new session may have other tools: it is a new connection, with all its checks.
        .reinit_on_expired_session(false);
    // What waits in channels was read and is paid for by nobody.
    config.channel_buffer_capacity = 1;
    match (&server.credential, &server.credential_header) {
        (None, _) => {}
        (Some(credential), None) => config.auth_header = Some(credential.expose().to_owned()),
        (Some(credential), Some(header)) => {
            let wrong = || Failure::infrastructure("the credential does not fit into its header");
            let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(credential.expose()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            config.custom_headers.insert(name, value);
        }
    }
    Ok(StreamableHttpClientTransport::with_client(Web::new(client, judge), config))
}
