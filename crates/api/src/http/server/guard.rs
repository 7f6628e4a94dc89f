//! Who may ask: holders of a token, through a name of this machine, and no foreign web page.
use std::net::{IpAddr, SocketAddr};

use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderMap, StatusCode, Uri, header};

use crate::access::Caller;
use crate::http::Token;
use crate::http::document::Refusal;
use crate::problem::{Code, Problem};
use crate::service::Service;

/// What every request is held against before anything of its body is read.
#[derive(Debug)]
pub(super) struct Guard {
    token: Token,
    address: SocketAddr,
    scheme: Scheme,
}

impl Guard {
    pub(super) const fn new(token: Token, address: SocketAddr, scheme: Scheme) -> Self {
        Self { token, address, scheme }
    }

    /// Only programs on this machine can ask.
    pub(super) fn is_local(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// Refuses web pages: those of other sites by their origin, and those whose name was made to
    /// point at this machine (DNS rebinding) by the host they ask for.
    pub(super) fn check_source(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        for origin in headers.get_all(header::ORIGIN) {
            if !origin.to_str().is_ok_and(|origin| self.is_local_origin(origin)) {
                return Err(forbidden(
                    StatusCode::FORBIDDEN,
                    "pages of other sites may not ask this node",
                ));
            }
        }
        // Bound elsewhere, the names by which it is reached are not known here.
        if self.is_local() && !self.is_own_host(uri, headers) {
            return Err(forbidden(
                StatusCode::MISDIRECTED_REQUEST,
                "the request is meant for another host",
            ));
        }
        Ok(())
    }

    /// Whom the token stands for that the request carries.
    pub(super) fn caller(
        &self,
        headers: &HeaderMap,
        service: &dyn Service,
    ) -> Result<Caller, Refusal> {
        let shown = single(headers, header::AUTHORIZATION)
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, text)| Token::from_text(text.trim()).ok());
        match shown {
            Some(shown) if shown == self.token => return Ok(Caller::Owner),
            Some(shown) => {
                if let Some(client) = service.client(&shown) {
                    return Ok(Caller::Client { client, token: Some(shown) });
                }
            }
            None => {}
        }
        Err(Problem::new(Code::Unauthorized, "the request does not carry a valid token")
            .next(
                "send 'Authorization: Bearer' and a token: ainur token create makes one with a \
                 budget",
            )
            .into())
    }

    /// Pages that were not encrypted may not ask a node that is.
    fn is_local_origin(&self, origin: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let is_known = scheme == "https" || (scheme == "http" && self.scheme == Scheme::HTTP);
        is_known
            && authority.parse::<Authority>().is_ok_and(|authority| {
                is_local_name(authority.host()) && !authority.as_str().contains('@')
            })
    }

    fn is_own_host(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(host) = single(headers, header::HOST) else { return false };
        let Ok(host) = host.parse::<Authority>() else { return false };
        // A request line may name a host too, and then it is the one that counts.
        let named = uri.authority().into_iter().chain([&host]);
        let usual = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        named.into_iter().all(|authority| {
            let port = authority.port_u16().unwrap_or(usual);
            is_local_name(authority.host())
                && port == self.address.port()
                && !authority.as_str().contains('@')
        })
    }
}

fn forbidden(status: StatusCode, message: &str) -> Refusal {
    Refusal::with_status(status, Problem::new(Code::Forbidden, message))
}

/// The value of a header that occurs once.
fn single(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_local_name(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(listen: &str, uri: &str, pairs: &[(header::HeaderName, &str)]) -> bool {
        source_over(Scheme::HTTP, listen, uri, pairs)
    }

    fn source_over(
        scheme: Scheme,
        listen: &str,
        uri: &str,
        pairs: &[(header::HeaderName, &str)],
    ) -> bool {
        let guard = Guard::new(Token::generate().unwrap(), listen.parse().unwrap(), scheme);
        let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        guard.check_source(&uri.parse().unwrap(), &map).is_ok()
    }

    #[test]
    fn only_names_of_this_machine_with_its_port_are_its_host() {
        let own = |host: &str| source("127.0.0.1:7117", "/healthz", &[(header::HOST, host)]);
        for host in ["127.0.0.1:7117", "localhost:7117", "LOCALHOST:7117", "[::1]:7117"] {
            assert!(own(host), "{host}");
        }
        for host in [
            "evil.example:7117",
            "localhost.evil.example:7117",
            "127.0.0.1.evil.example:7117",
            "evil.example@localhost:7117",
            "localhost@evil.example:7117",
            "10.0.0.1:7117",
            "localhost:7118",
            "localhost",
            "",
        ] {
            assert!(!own(host), "{host}");
        }
        assert!(!source("127.0.0.1:7117", "/healthz", &[]), "no host at all");
        let twice = [(header::HOST, "localhost:7117"), (header::HOST, "localhost:7117")];
        assert!(!source("127.0.0.1:7117", "/healthz", &twice));
        let local = [(header::HOST, "localhost:7117")];
        assert!(!source("127.0.0.1:7117", "http://evil.example:7117/healthz", &local));
        assert!(source("127.0.0.1:80", "/healthz", &[(header::HOST, "localhost")]));
    }

    #[test]
    fn any_name_is_taken_when_bound_beyond_loopback() {
        assert!(source("0.0.0.0:7117", "/healthz", &[(header::HOST, "node.example:7117")]));
        let foreign = [(header::HOST, "node.example"), (header::ORIGIN, "https://evil.example")];
        assert!(!source("0.0.0.0:7117", "/healthz", &foreign));
    }

    #[test]
    fn only_origins_of_this_machine_are_let_in() {
        let from = |origin: &str| {
            let pairs = [(header::HOST, "localhost:7117"), (header::ORIGIN, origin)];
            source("127.0.0.1:7117", "/healthz", &pairs)
        };
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:7117"] {
            assert!(from(origin), "{origin}");
        }
        for origin in ["null", "", "https://evil.example", "http://localhost.evil.example"] {
            assert!(!from(origin), "{origin}");
        }
        for origin in ["file://localhost", "http://localhost@evil.example", "http://10.0.0.1"] {
            assert!(!from(origin), "{origin}");
        }
    }

    #[test]
    fn encrypted_node_has_another_usual_port_and_hears_only_encrypted_pages() {
        let source = |pairs: &[_]| source_over(Scheme::HTTPS, "127.0.0.1:443", "/healthz", pairs);
        let host = (header::HOST, "localhost");
        assert!(source(std::slice::from_ref(&host)));
        assert!(!source(&[(header::HOST, "localhost:80")]));
        assert!(source(&[host.clone(), (header::ORIGIN, "https://localhost:3000")]));
        assert!(!source(&[host.clone(), (header::ORIGIN, "http://localhost:3000")]));
        assert!(!source(&[host, (header::ORIGIN, "https://evil.example")]));
    }
}
