//! Which addresses a remote agent may have: none of this machine or of private networks, unless
//! the operator said so. Checked on the address in the URL and on every address a name resolves to,
//! each time it is resolved, so that a name cannot change its mind.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses may be talked to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reach {
    /// Public ones only.
    Public,
    /// Public ones and private ones.
    Any,
    /// Private ones only: for connections that are not encrypted.
    Private,
}

/// Why an address or a URL is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressError {
    /// Not a URL.
    #[error("'{0}' is not a URL")]
    NotUrl(String),
    /// Neither `http` nor `https`.
    #[error("'{0}' is not an http or https URL")]
    Scheme(String),
    /// A name or password in the URL.
    #[error("a URL must not hold a user name or password")]
    UserInfo,
    /// Not encrypted, and not allowed to be private.
    #[error("plain http is for allowed private addresses only: use https")]
    Plain,
    /// An address of this machine, or of a private network.
    #[error("{0} is a private address, which was not allowed for this agent")]
    Private(IpAddr),
    /// A public address over a connection that is not encrypted.
    #[error("{0} is a public address: use https")]
    Public(IpAddr),
    /// An address nothing answers at.
    #[error("{0} is not the address of a server")]
    Unusable(IpAddr),
    /// A name without addresses.
    #[error("cannot find the address of {0}")]
    Unresolved(String),
}

/// Checks a URL and says which addresses its host may resolve to.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_url(url: &str, allow_private: bool) -> Result<(Url, Reach), AddressError> {
    let parsed = Url::parse(url).map_err(|_| AddressError::NotUrl(crate::detail::clean(url)))?;
    let reach = match (parsed.scheme(), allow_private) {
        ("https", false) => Reach::Public,
        ("https", true) => Reach::Any,
        ("http", true) => Reach::Private,
        ("http", false) => return Err(AddressError::Plain),
        (scheme, _) => return Err(AddressError::Scheme(crate::detail::clean(scheme))),
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(AddressError::UserInfo);
    }
    let host = parsed.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = literal.parse() {
        check(address, reach)?;
    }
    Ok((parsed, reach))
}

/// Checks one address.
///
/// # Errors
/// Says why it is refused.
pub fn check(address: IpAddr, reach: Reach) -> Result<(), AddressError> {
    match (class(address), reach) {
        (Class::Unusable, _) => Err(AddressError::Unusable(address)),
        (Class::Private, Reach::Public) => Err(AddressError::Private(address)),
        (Class::Public, Reach::Private) => Err(AddressError::Public(address)),
        (Class::Private, Reach::Any | Reach::Private)
        | (Class::Public, Reach::Any | Reach::Public) => Ok(()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Public,
    Private,
    Unusable,
}

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    let [a, b, c, _] = address.octets();
    if a == 0 || a >= 224 {
        // This network, multicast, reserved, broadcast.
        return Class::Unusable;
    }
    let private = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        // Shared by the customers of one carrier.
        || (a == 100 && (64..128).contains(&b))
        // Protocol assignments, documentation, benchmarks: not anyone's public server.
        || matches!((a, b, c), (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113))
        || (a == 198 && (18..20).contains(&b));
    if private { Class::Private } else { Class::Public }
}

fn class_v6(address: Ipv6Addr) -> Class {
    if address.is_unspecified() || address.is_multicast() {
        return Class::Unusable;
    }
    if address.is_loopback() {
        return Class::Private;
    }
    let segments = address.segments();
    let [high, low] = [segments[6], segments[7]].map(u16::to_be_bytes);
    let last = Ipv4Addr::new(high[0], high[1], low[0], low[1]);
    match segments {
        // ::ffff:a.b.c.d, ::a.b.c.d, and 64:ff9b::a.b.c.d of a translator.
        [0, 0, 0, 0, 0, 0xffff | 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => class_v4(last),
        // A network's own translator: where it leads is not known.
        [0x64, 0xff9b, 1, ..] => Class::Private,
        // 2002:a.b.c.d::, the relay leads there.
        [0x2002, high, low, ..] => {
            let [high, low] = [high, low].map(u16::to_be_bytes);
            class_v4(Ipv4Addr::new(high[0], high[1], low[0], low[1]))
        }
        // Teredo, documentation, local, link-local, site-local.
        [0x2001, 0 | 0xdb8, ..] => Class::Private,
        [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xff80 == 0xfe80 => Class::Private,
        [first, ..] if first & 0xe000 == 0x2000 => Class::Public,
        // Nothing else is given out.
        _ => Class::Private,
    }
}

/// Asks the system's resolver and refuses a name if any of its addresses is refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedResolver(pub(super) Reach);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = match found {
                Ok(found) => found.collect(),
                Err(_) => Vec::new(),
            };
            if found.is_empty() {
                return Err(AddressError::Unresolved(crate::detail::clean(name.as_str())).into());
            }
            for address in &found {
                check(address.ip(), reach)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_private_address_is_refused() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001:0:1::",
            "2001:db8::1",
        ];
        for text in private {
            let address = text.parse().unwrap();
            assert_eq!(class(address), Class::Private, "{text}");
            assert!(check(address, Reach::Public).is_err(), "{text}");
            assert!(check(address, Reach::Any).is_ok(), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_reached_and_not_without_encryption() {
        let public = ["1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2002:101:101::1"];
        for text in public {
            let address = text.parse().unwrap();
            assert!(check(address, Reach::Public).is_ok(), "{text}");
            assert!(check(address, Reach::Private).is_err(), "{text}");
        }
        for text in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0"] {
            assert!(check(text.parse().unwrap(), Reach::Any).is_err(), "{text}");
        }
    }

    #[test]
    fn url_must_be_plain_in_form_and_encrypted_in_public() {
        let refused = [
            ("nonsense", true),
            ("ftp://example.org", true),
            ("file:///etc/passwd", true),
            ("https://user:word@example.org", true),
            ("http://example.org", false),
            ("http://1.1.1.1", true),
            ("https://127.0.0.1/mcp", false),
            ("https://2130706433/", false),
            ("https://0x7f.1/", false),
            ("https://[::1]/", false),
            ("https://[::ffff:169.254.169.254]/", false),
        ];
        for (url, allow_private) in refused {
            assert!(check_url(url, allow_private).is_err(), "{url}");
        }
        assert_eq!(check_url("https://example.org/mcp", false).unwrap().1, Reach::Public);
        assert_eq!(check_url("http://127.0.0.1:9/mcp", true).unwrap().1, Reach::Private);
    }
}
