//! Addresses and connections.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::StoreError;
use super::bell::{Listening, News};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Set on every connection. `lock_timeout` ends what could become a deadlock of batches early.
const SESSION: &str = "SET lock_timeout = '100ms'; SET idle_in_transaction_session_timeout = '10s'; \
    SET default_transaction_isolation = 'read committed'; SET client_encoding = 'UTF8'";

/// Where the server is and how it is spoken to.
pub(in crate::db) struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Address {
    /// Reads a URL or `key=value` pairs as libpq does, with `sslmode` and `sslrootcert`.
    ///
    /// A server that is not reached by a Unix socket or a loopback address needs TLS with a root certificate, or an explicit `sslmode=disable`:
    /// unlike libpq we never encrypt without knowing to whom.
    pub(super) fn parse(address: &str) -> Result<Self, StoreError> {
        let (rest, options) = split_tls_options(address);
        let mut config: Config = rest.parse().map_err(|_| StoreError::Address("it cannot be read"))?;
        config.application_name("countersign").connect_timeout(CONNECT_TIMEOUT);
        config.keepalives(true).keepalives_idle(Duration::from_secs(5)).tcp_user_timeout(Duration::from_secs(5));
        let local = config.get_hosts().iter().all(|host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        });
        // `hostaddr` is where the connection goes, whatever the name says.
        let local = local && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
        let tls = match (options.mode.as_deref(), &options.root) {
            (Some("disable"), _) => None,
            (None, None) if local => None,
            (_, Some(root)) => Some(tls(root)?),
            (_, None) => {
                return Err(StoreError::Address("TLS needs sslrootcert=FILE; without TLS say sslmode=disable"));
            }
        };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config, tls })
    }

    /// Opens a connection and runs `setup` on it.
    pub(super) async fn connect(&self, setup: &str) -> Result<Client, StoreError> {
        let client = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                tokio::spawn(watch(connection));
                client
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(watch(connection));
                client
            }
        };
        client.batch_execute(SESSION).await?;
        client.batch_execute(setup).await?;
        Ok(client)
    }

    /// Opens a connection whose notifications go to `news`.
    pub(super) async fn connect_listening(&self, news: News) -> Result<Listening, StoreError> {
        let (client, watching) = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                (client, tokio::spawn(news.watch(connection)))
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                (client, tokio::spawn(news.watch(connection)))
            }
        };
        client.batch_execute(SESSION).await?;
        Ok((client, watching))
    }
}

async fn watch(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::warn!(%error, "a connection to PostgreSQL ended");
    }
}

#[derive(Default)]
struct TlsOptions {
    mode: Option<String>,
    root: Option<String>,
}

impl TlsOptions {
    /// Takes an option that is ours; the driver would refuse it.
    fn take(&mut self, pair: &str) -> bool {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => self.mode = Some(mode.to_owned()),
            Some(("sslrootcert", root)) => self.root = Some(root.to_owned()),
            _ => return false,
        }
        true
    }
}

fn split_tls_options(address: &str) -> (String, TlsOptions) {
    let mut options = TlsOptions::default();
    let rest = if address.contains("://") {
        let (base, query) = address.split_once('?').unwrap_or((address, ""));
        let kept: Vec<_> = query.split('&').filter(|pair| !pair.is_empty() && !options.take(pair)).collect();
        if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) }
    } else {
        let kept: Vec<_> = address.split_whitespace().filter(|pair| !options.take(pair)).collect();
        kept.join(" ")
    };
    (rest, options)
}

fn tls(root: &str) -> Result<MakeRustlsConnect, StoreError> {
    let file = |cause| StoreError::File { path: root.to_owned(), cause };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(root).map_err(|error| file(Arc::new(error)))? {
        let certificate = certificate.map_err(|error| file(Arc::new(error)))?;
        roots.add(certificate).map_err(|error| file(Arc::new(error)))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| file(Arc::new(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_server_needs_tls_or_an_explicit_refusal_of_it() {
        for plain in [
            "postgres://a@localhost/db",
            "host=/run/postgresql user=a",
            "postgres://a@db.example.org/x?sslmode=disable",
            "postgres:///db?host=/run/postgresql&user=a",
        ] {
            assert!(Address::parse(plain).is_ok_and(|address| address.tls.is_none()), "{plain}");
        }
        for refused in [
            "postgres://a@db.example.org/x",
            "host=10.0.0.1 sslmode=require",
            "postgres://a@localhost/x?sslmode=require",
            "host=localhost hostaddr=10.0.0.1 user=a",
            "postgres://a@localhost/x?hostaddr=192.0.2.1",
        ] {
            assert!(matches!(Address::parse(refused), Err(StoreError::Address(_))), "{refused}");
        }
        assert!(matches!(
            Address::parse("postgres://a@h/x?sslrootcert=/nonexistent.pem&sslmode=verify-full"),
            Err(StoreError::File { .. })
        ));
    }
}
