//! Encryption between a server and its callers: TLS 1.3, or 1.2 for those who know no better, with
//! a key exchange that stands up to quantum computers wherever the caller has one too.
//!
//! The first protocol offered is HTTP/2, then HTTP/1.1. Callers show no certificates: a token says
//! who they are.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

/// Bytes in a file with certificates or a key.
pub const PEM_BYTES_MAX: u64 = 1024 * 1024;
/// Certificates in a chain.
pub const CHAIN_MAX: usize = 16;
/// Names in a certificate that is generated.
pub const NAMES_MAX: usize = 64;

/// Days that a generated certificate is valid; clients refuse much longer ones.
const VALID_DAYS: u32 = 397;
/// How far the clocks of callers may be behind.
const CLOCKS_APART: Duration = Duration::from_secs(24 * 60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The certificate and key of a server.
#[derive(Debug, Clone)]
pub struct Config(Arc<ServerConfig>);

/// Why a server cannot be given TLS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A file is too large to be what it should be.
    #[error("{} holds more than {PEM_BYTES_MAX} bytes: name a file in PEM form", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file is damaged.
    #[error(
        "{} is not in PEM form: it is text with lines such as -----BEGIN CERTIFICATE-----",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// There is no certificate in the file, or too many.
    #[error(
        "{} holds {count} certificates: put the server's first, then those that vouch for it, at \
         most {CHAIN_MAX}",
        path.display()
    )]
    Chain {
        /// The file.
        path: PathBuf,
        /// Certificates in it.
        count: usize,
    },
    /// There is no private key in the file.
    #[error(
        "{} holds no private key: it is text with a section such as -----BEGIN PRIVATE KEY-----, \
         without a password",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key are not for each other, or of a kind that is not supported.
    #[error(
        "the certificate in {} and the key in {} cannot be used together: name the key that the \
         certificate was made for",
        chain.display(),
        key.display()
    )]
    Mismatch {
        /// The file with the certificates.
        chain: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// What is wrong with them.
        #[source]
        source: rustls::Error,
    },
    /// The names cannot be put into a certificate.
    #[error("no certificate can be made for these names: give host names and IP addresses")]
    Names(#[source] rcgen::Error),
    /// More names than a certificate holds.
    #[error("a certificate holds {NAMES_MAX} names at most")]
    NamesMax,
    /// No key or certificate could be generated.
    #[error("cannot generate a certificate")]
    Generate(#[source] rcgen::Error),
    /// The versions of TLS are not those of the cryptography that is built in.
    #[error("cannot set up TLS")]
    Provider(#[source] rustls::Error),
}

impl Config {
    /// A certificate, followed by those that vouch for it, and its private key, each from a file in
    /// PEM form.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else, or the two do not belong together.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, Error> {
        let certificates = read_chain(chain)?;
        let secret = read_key(key)?;
        Self::new(certificates, secret)?.map_err(|source| Error::Mismatch {
            chain: chain.into(),
            key: key.into(),
            source,
        })
    }

    /// A new certificate that vouches for itself, for these host names and IP addresses. It and its
    /// key are written over the files named, for their owner alone: a caller who is given the first
    /// trusts this server. Valid for 397 days.
    ///
    /// # Errors
    /// When the names are none, or the files cannot be written.
    pub fn self_signed(names: &[String], chain: &Path, key: &Path) -> Result<Self, Error> {
        if names.len() > NAMES_MAX {
            return Err(Error::NamesMax);
        }
        let mut params = CertificateParams::new(names).map_err(Error::Names)?;
        let now = SystemTime::now();
        params.not_before = (now - CLOCKS_APART).into();
        params.not_after = (now + DAY * VALID_DAYS).into();
        params.distinguished_name.push(DnType::CommonName, "ainur");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let secret = KeyPair::generate().map_err(Error::Generate)?;
        let certificate = params.self_signed(&secret).map_err(Error::Generate)?;
        write(key, &secret.serialize_pem())?;
        write(chain, &certificate.pem())?;
        Self::from_files(chain, key)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Result<Self, rustls::Error>, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(Error::Provider)?
            .with_no_client_auth()
            .with_single_cert(chain, key);
        Ok(config.map(|mut config| {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Self(Arc::new(config))
        }))
    }

    pub(super) fn into_inner(self) -> Arc<ServerConfig> {
        self.0
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|source| Error::File { path: path.into(), source })?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(Error::TooLarge { path: path.into() });
    }
    Ok(bytes)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bytes = read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let certificates =
        certificates.map_err(|source| Error::Malformed { path: path.into(), source })?;
    match certificates.len() {
        1..=CHAIN_MAX => Ok(certificates),
        count => Err(Error::Chain { path: path.into(), count }),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|source| match source {
        pem::Error::NoItemsFound => Error::NoKey { path: path.into() },
        source => Error::Malformed { path: path.into(), source },
    })
}

/// Puts a file in place, whole or not at all, for its owner alone.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    let write = || {
        // One that a killed process left may have other permissions.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(|source| Error::File { path: path.into(), source })
}
