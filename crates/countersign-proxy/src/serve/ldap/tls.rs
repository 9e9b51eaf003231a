//! Our certificate, for LDAPS and StartTLS.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::cfg::ldap_server::{LdapTls, TlsVersion};

/// Fails if certificate or key cannot be read, or do not belong together.
pub(super) fn acceptor(tls: &LdapTls) -> anyhow::Result<TlsAcceptor> {
    let versions = match tls.minimum {
        TlsVersion::Tls13 => &[&TLS13][..],
        // What is older is not spoken; the configuration is warned of that.
        TlsVersion::Tls12 | TlsVersion::Tls11 | TlsVersion::Tls10 | TlsVersion::Ssl3 => &[&TLS13, &TLS12][..],
    };
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .with_context(|| format!("cannot take a key from ssl_key_path {}", tls.key.display()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_single_cert(chain(&tls.certificate)?, key)
        .context("ssl_cert_path and ssl_key_path do not belong together")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let chain = read().with_context(|| format!("cannot take a certificate from ssl_cert_path {}", path.display()))?;
    ensure!(!chain.is_empty(), "ssl_cert_path {} holds no certificate", path.display());
    Ok(chain)
}
