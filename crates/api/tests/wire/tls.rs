//! TLS on the same port, with a generated certificate.
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ainur_api::http::{Bounds, tls};
use axum::http::StatusCode;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, NamedGroup, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::bazaar::{Bazaar, Served};
use crate::client::Http2;

struct Sealed {
    served: Served,
    folder: TempDir,
}

impl Sealed {
    fn start(bounds: Bounds) -> Self {
        let folder = TempDir::new().unwrap();
        let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let config = tls::Config::self_signed(&names, &chain, &key).unwrap();
        let served = Served::of(Arc::new(Bazaar::default()), |server| {
            server.with_bounds(bounds).with_tls(config)
        });
        Self { served, folder }
    }

    async fn connect(
        &self,
        trusting: bool,
        versions: &[&'static SupportedProtocolVersion],
        protocol: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        if trusting {
            let chain = self.folder.path().join("chain.pem");
            roots.add(CertificateDer::from_pem_file(chain).unwrap()).unwrap();
        }
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(versions)
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let tcp = TcpStream::connect(self.served.address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    }
}

#[tokio::test]
async fn trusting_client_gets_http2_behind_keys_that_quantum_computers_do_not_find() {
    let sealed = Sealed::start(Bounds::default());
    let stream = sealed.connect(true, rustls::ALL_VERSIONS, b"h2").await.unwrap();
    let (_, session) = stream.get_ref();
    let group = session.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
    let (authority, token) = (sealed.served.address.to_string(), sealed.served.token.to_text());
    let (http2, _ended) = Http2::over(stream, "https", &authority, &token).await;
    let card = http2.get("/.well-known/agent-card.json").await;
    let card: serde_json::Value = serde_json::from_slice(&card.body).unwrap();
    let url = format!("https://{authority}/a2a");
    assert_eq!(card["supportedInterfaces"][0]["url"], url);
    let mut page = http2.request(axum::http::Method::GET, "/healthz");
    page.headers_mut().insert("origin", "http://localhost:3000".parse().unwrap());
    assert_eq!(http2.send(page, b"").await.status, StatusCode::FORBIDDEN);
    let mut stranger = http2.request(axum::http::Method::GET, "/v1/agents");
    stranger.headers_mut().remove("authorization");
    assert_eq!(http2.send(stranger, b"").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn older_clients_get_http1_over_tls_1_2() {
    let sealed = Sealed::start(Bounds::default());
    let versions = [&rustls::version::TLS12];
    let mut stream = sealed.connect(true, &versions, b"http/1.1").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let host = sealed.served.address;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn client_that_does_not_trust_the_certificate_goes_away() {
    let sealed = Sealed::start(Bounds::default());
    let refused = sealed.connect(false, rustls::ALL_VERSIONS, b"h2").await.unwrap_err();
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    sealed.connect(true, rustls::ALL_VERSIONS, b"h2").await.unwrap();
}

#[tokio::test]
async fn what_is_not_encrypted_gets_no_answer() {
    let sealed = Sealed::start(Bounds::default());
    for plain in [
        &b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = std::net::TcpStream::connect(sealed.served.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(plain).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        assert!(!answer.windows(4).any(|four| four == b"HTTP"), "{answer:?}");
    }
    sealed.connect(true, rustls::ALL_VERSIONS, b"h2").await.unwrap();
}

#[tokio::test]
async fn handshake_that_stalls_is_dropped_in_time() {
    let bounds = Bounds { handshake_ms_max: 300, connections_max: 1, ..Bounds::default() };
    let sealed = Sealed::start(bounds);
    // The beginning of a greeting that does not go on.
    for beginning in [&b""[..], &[0x16, 3, 1, 2, 0]] {
        let mut stream = std::net::TcpStream::connect(sealed.served.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let started = Instant::now();
        stream.write_all(beginning).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        assert!(answer.is_empty(), "{answer:?}");
        assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        // Its place is free again.
        let mut tries = 0;
        while sealed.connect(true, rustls::ALL_VERSIONS, b"h2").await.is_err() {
            tries += 1;
            assert!(tries < 100);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn generated_files_are_for_their_owner_and_are_read_again() {
    let folder = TempDir::new().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    // What was there before does not lend its permissions.
    std::fs::write(&key, "old").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    tls::Config::self_signed(&["node.example".into()], &chain, &key).unwrap();
    for file in [&chain, &key] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    tls::Config::from_files(&chain, &key).unwrap();
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_name() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (chain, key) = (at("chain.pem"), at("key.pem"));
    let names = ["localhost".to_owned()];
    tls::Config::self_signed(&names, &chain, &key).unwrap();
    let other = at("other.pem");
    tls::Config::self_signed(&names, &at("other-chain.pem"), &other).unwrap();
    let broken = at("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n")
        .unwrap();
    let large = at("large.pem");
    std::fs::write(&large, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    let refused = |chain: &PathBuf, key: &PathBuf| {
        tls::Config::from_files(chain, key).unwrap_err().to_string()
    };
    for (told, file, hint) in [
        (refused(&at("none.pem"), &key), "none.pem", "cannot use"),
        (refused(&key, &key), "key.pem", "holds 0 certificates"),
        (refused(&broken, &key), "broken.pem", "not in PEM form"),
        (refused(&large, &key), "large.pem", "more than"),
        (refused(&chain, &chain), "chain.pem", "no private key"),
        (refused(&chain, &other), "other.pem", "made for"),
    ] {
        assert!(told.contains(file) && told.contains(hint), "{told}");
    }
    let names = vec!["x".to_owned(); 65];
    assert!(tls::Config::self_signed(&names, &chain, &key).is_err());
    tls::Config::from_files(&chain, &key).unwrap();
}
