//! EAP that ends here: PEAP with a password as a generic token card (GTC), and TTLS with a password. TLS is rustls's; nothing here knows sockets or a clock.
//!
//! ```text
//! identity ─► PEAP or TTLS begins ─► TLS, in pieces ─► name and password from inside
//!                                                          │ checked as any other login; what must be typed is asked inside (PEAP)
//!                                                          ▼
//!                                                     result, confirmed inside (PEAP) ─► EAP-Success and keys
//! ```

pub mod keys;
pub mod session;
mod tunnel;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::cfg::ldap_server::TlsVersion;

/// How a section ends EAP.
#[derive(Clone)]
pub struct Terms {
    tls: Arc<ServerConfig>,
    /// What asks for a password.
    prompt: String,
}

/// Without keys.
impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Terms({:?})", self.prompt)
    }
}

impl Terms {
    /// With certificates and key in these files (PEM).
    ///
    /// Fails if they cannot be read or do not belong together.
    pub fn load(certificates: &Path, key: &Path, minimum: TlsVersion, prompt: &str) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::from)
        };
        let chain = read(certificates).with_context(|| format!("cannot read certs {}", certificates.display()))?;
        ensure!(!chain.is_empty(), "certs {} holds no certificate", certificates.display());
        let key = PrivateKeyDer::from_pem_file(key).with_context(|| format!("cannot read pkey {}", key.display()))?;
        Self::new(chain, key, minimum, prompt)
    }

    /// With these certificates and key.
    ///
    /// Fails if they do not belong together.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        minimum: TlsVersion,
        prompt: &str,
    ) -> anyhow::Result<Self> {
        let versions: &[_] = if minimum == TlsVersion::Tls13 { &[&TLS13] } else { &[&TLS13, &TLS12] };
        let builder =
            ServerConfig::builder_with_provider(Arc::new(default_provider())).with_protocol_versions(versions)?;
        let mut config =
            builder.with_no_client_auth().with_single_cert(chain, key).context("certs and pkey do not fit together")?;
        // A tunnel that is taken up again would spare the password (RFC 9427 §4).
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { tls: Arc::new(config), prompt: prompt.to_owned() })
    }
}
