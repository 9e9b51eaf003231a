//! The server's certificate: from files or from a local authority, replaced while connections stay open.

mod error;
mod files;
mod local_ca;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub use error::TlsError;
pub use files::{CertificateFacts, read_facts, read_pair};
pub use local_ca::{LEAF_DAYS, LocalCa, RENEW_DAYS};

use crate::config::{CertificateFiles, Config};

/// The certificate being served and the means to replace it. Clones share it.
#[derive(Clone)]
pub struct Certificates(Arc<Inner>);

struct Inner {
    source: Source,
    resolver: Arc<Resolver>,
    state: std::sync::Mutex<State>,
}

enum Source {
    Files(CertificateFiles),
    Local { ca: LocalCa, names: Vec<String> },
}

struct State {
    stamp: Option<[SystemTime; 2]>,
    facts: Option<CertificateFacts>,
}

/// What a check for a new certificate found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    Unchanged,
    /// New handshakes get the new certificate; open connections are not touched.
    Replaced,
}

impl Certificates {
    /// Reads the certificate of `config`, making the local authority and its certificate first where they are missing or due.
    pub fn open(config: &Config, now: Timestamp) -> Result<Self, TlsError> {
        let source = match &config.tls.files {
            Some(files) => Source::Files(files.clone()),
            None => Source::Local { ca: LocalCa::new(&config.data_dir), names: certificate_names(config) },
        };
        source.prepare(now)?;
        let stamp = source.stamp();
        let served = files::served(&source.files())?;
        Ok(Self(Arc::new(Inner {
            source,
            resolver: Arc::new(Resolver(ArcSwap::new(served.key))),
            state: std::sync::Mutex::new(State { stamp, facts: served.facts }),
        })))
    }

    /// Renews a local certificate that is due and takes up files that changed.
    ///
    /// On an error the old certificate stays in use: a typing mistake in a new file must not end service.
    pub fn refresh(&self, now: Timestamp) -> Result<Reload, TlsError> {
        self.0.source.prepare(now)?;
        let stamp = self.0.source.stamp();
        if stamp.is_some() && stamp == self.lock().stamp {
            return Ok(Reload::Unchanged);
        }
        self.reload()
    }

    /// Reads the files again even if they look unchanged.
    pub fn reload(&self) -> Result<Reload, TlsError> {
        let stamp = self.0.source.stamp();
        let served = files::served(&self.0.source.files())?;
        let is_same = self.0.resolver.0.load().cert == served.key.cert;
        self.0.resolver.0.store(served.key);
        *self.lock() = State { stamp, facts: served.facts };
        Ok(if is_same { Reload::Unchanged } else { Reload::Replaced })
    }

    /// Validity and names of the certificate being served.
    #[must_use]
    pub fn facts(&self) -> Option<CertificateFacts> {
        self.lock().facts.clone()
    }

    /// PEM file clients must trust, when the local authority is in use.
    #[must_use]
    pub fn authority(&self) -> Option<PathBuf> {
        match &self.0.source {
            Source::Files(_) => None,
            Source::Local { ca, .. } => Some(ca.certificate_path()),
        }
    }

    /// TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2, session tickets whose key rotates.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.0.resolver.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        // Clients keep their connection for a whole login; one ticket to come back with is enough.
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while holding it, and a half-written state cannot exist: it is replaced whole.
        self.0.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Everything in this process that speaks TLS as a client uses this one provider; a second call only finds it installed.
pub(crate) fn install_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl Source {
    fn files(&self) -> CertificateFiles {
        match self {
            Self::Files(files) => files.clone(),
            Self::Local { ca, .. } => ca.server_files(),
        }
    }

    fn prepare(&self, now: Timestamp) -> Result<(), TlsError> {
        match self {
            Self::Files(_) => Ok(()),
            Self::Local { ca, names } => ca.ensure(names, now).map(drop),
        }
    }

    fn stamp(&self) -> Option<[SystemTime; 2]> {
        let files = self.files();
        let modified = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        Some([modified(&files.certificate)?, modified(&files.key)?])
    }
}

/// Host names, `localhost` and the addresses listened on: whatever a client may have been configured with.
#[must_use]
pub fn certificate_names(config: &Config) -> Vec<String> {
    let mut names =
        vec![config.hosts.api.name.clone(), config.hosts.authenticator.name.clone(), "localhost".to_owned()];
    for address in [config.listen.api.ip(), config.listen.authenticator.ip()] {
        if !address.is_unspecified() {
            names.push(address.to_string());
        }
    }
    names.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
    names.extend(config.tls.extra_names.iter().map(|name| name.to_ascii_lowercase()));
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

#[derive(Debug)]
struct Resolver(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}
