//! Reading certificates and keys, and writing them so that a crash never leaves half a file.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::TlsError;
use crate::config::CertificateFiles;

/// What a certificate says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// DNS names and addresses of the subject alternative names.
    pub names: Vec<String>,
}

impl CertificateFacts {
    /// Whether a client that asks for `host` accepts a certificate of these names (RFC 6125: a wildcard covers one label).
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

/// Reads a chain and its key, and checks that they belong together and that nobody else can read the key.
pub fn read_pair(files: &CertificateFiles) -> Result<CertifiedKey, TlsError> {
    let chain = read_chain(&files.certificate)?;
    let mode = mode_of(&files.key)?;
    if mode & 0o077 != 0 {
        return Err(TlsError::KeyExposed { path: files.key.clone(), mode });
    }
    let pem = zeroize::Zeroizing::new(read(&files.key)?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::NoKey { path: files.key.clone() })?;
    CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider())
        .map_err(|source| TlsError::Mismatch { certificate: files.certificate.clone(), key: files.key.clone(), source })
}

/// The facts of the first certificate in a PEM file.
pub fn read_facts(path: &Path) -> Result<CertificateFacts, TlsError> {
    facts(&read_chain(path)?).ok_or_else(|| TlsError::NoCertificate { path: path.to_owned() })
}

pub(super) fn facts(chain: &[CertificateDer<'_>]) -> Option<CertificateFacts> {
    let (_, certificate) = X509Certificate::from_der(chain.first()?).ok()?;
    let time = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    let validity = certificate.validity();
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names = alternative.map(|extension| extension.value.general_names.iter().filter_map(name).collect());
    Some(CertificateFacts {
        not_before: time(validity.not_before)?,
        not_after: time(validity.not_after)?,
        names: names.unwrap_or_default(),
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| std::net::IpAddr::from(b).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|b| std::net::IpAddr::from(b).to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(TlsError::NoCertificate { path: path.to_owned() }),
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

pub(super) fn mode_of(path: &Path) -> Result<u32, TlsError> {
    let metadata = std::fs::metadata(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    Ok(metadata.mode() & 0o7777)
}

/// Writes through a temporary file in the same directory, synced and renamed.
pub(super) fn write(path: &Path, contents: &[u8], mode: u32) -> Result<(), TlsError> {
    let new = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        // One left by a crash has unknown mode and contents.
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(contents)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        sync_parent(path)
    };
    write().map_err(|source| TlsError::Write { path: path.to_owned(), source })
}

/// Waits until the directory of `path` is on disk: without that a synced file may have no name after a power cut.
pub(super) fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(parent)?.sync_all()
}

/// A certificate ready to serve.
pub(super) struct Served {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) facts: Option<CertificateFacts>,
}

pub(super) fn served(files: &CertificateFiles) -> Result<Served, TlsError> {
    let key = read_pair(files)?;
    let facts = facts(&key.cert);
    Ok(Served { key: Arc::new(key), facts })
}
