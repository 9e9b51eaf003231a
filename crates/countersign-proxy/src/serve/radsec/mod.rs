//! RADIUS over TLS (RFC 6614): packets one after another on a connection, both ends known by their certificates, and `radsec` as the secret of each hop.

mod client;
mod server;

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::cfg::client::TlsFiles;

pub(super) use client::Connections;
pub(super) use server::{Door, Guests};

/// The secret inside TLS (RFC 6614 §2.3).
pub(super) const SECRET: &[u8] = b"radsec";

/// Who listens: the other end must show a certificate of the section's authorities.
///
/// Fails if a file cannot be read or does not hold what it should.
pub(super) fn server_config(files: &TlsFiles) -> anyhow::Result<Arc<ServerConfig>> {
    let provider = Arc::new(default_provider());
    let roots = Arc::new(authorities(&files.ca)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let (certificates, key) = identity(files)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)
        .with_context(|| format!("{} and {} do not fit together", files.certificate.display(), files.key.display()))?;
    Ok(Arc::new(config))
}

/// Who asks: it shows its own certificate, and the other end must be called as the configuration calls it.
///
/// Fails as [`server_config`].
pub(super) fn client_config(files: &TlsFiles) -> anyhow::Result<Arc<ClientConfig>> {
    let (certificates, key) = identity(files)?;
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities(&files.ca)?)
        .with_client_auth_cert(certificates, key)
        .with_context(|| format!("{} and {} do not fit together", files.certificate.display(), files.key.display()))?;
    Ok(Arc::new(config))
}

fn authorities(path: &Path) -> anyhow::Result<RootCertStore> {
    let read = || {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path)? {
            roots.add(certificate?)?;
        }
        anyhow::ensure!(!roots.is_empty(), "it holds no certificate");
        Ok(roots)
    };
    read().with_context(|| format!("cannot take authorities from tls_ca_file {}", path.display()))
}

fn identity(files: &TlsFiles) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let certificates = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot take a certificate from tls_cert_file {}", files.certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("cannot take a key from tls_key_file {}", files.key.display()))?;
    Ok((certificates, key))
}

/// Reads one packet. `None` where the other end has closed between two.
///
/// Fails where it closes within one, or sends what is no RADIUS: what follows cannot be read either.
pub(super) async fn read_packet(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut octets = vec![0; 4];
    let (first, rest) = octets.split_at_mut(1);
    if stream.read(first).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(rest).await?;
    let len = octets.get(2..4).and_then(|len| Some(usize::from(u16::from_be_bytes(len.try_into().ok()?))));
    let len = len.filter(|len| (20..=4096).contains(len));
    let len = len.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what came is no RADIUS"))?;
    octets.resize(len, 0);
    stream.read_exact(octets.get_mut(4..).unwrap_or_default()).await?;
    Ok(Some(octets))
}

#[cfg(test)]
pub(super) mod tests;
