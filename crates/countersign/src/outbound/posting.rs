//! What is shared by everything that posts to addresses of others.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::{Certificate, Client, RequestBuilder, redirect};

use super::addresses::{AllowedNetworks, Guard, Refused};
use crate::config::WebhookUrl;

/// Why nothing can be posted at all.
#[derive(Debug, thiserror::Error)]
pub enum PostSetupError {
    #[error("cannot read {} (`{key}`)", path.display())]
    Unreadable {
        path: PathBuf,
        /// The key of the configuration that names the file.
        key: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("{} (`{key}`) holds no certificate", path.display())]
    NoCertificate { path: PathBuf, key: &'static str },
    #[error("TLS for what is posted cannot be set up")]
    Tls(#[source] reqwest::Error),
}

/// Why a post was not taken. Says nothing of the address: who has it can post there too.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("no answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("answered {0}, and redirections are not followed")]
    Redirected(u16),
    #[error("answered {0}")]
    Answered(u16),
    #[error("{0}")]
    Failed(String),
}

/// Where something is posted to, as the configuration has it.
pub(super) struct Destination<'a> {
    pub(super) url: &'a WebhookUrl,
    /// PEM certificates to trust instead of the system's, and the key that names their file.
    pub(super) ca: (Option<&'a Path>, &'static str),
    /// Networks that may be spoken to although they are not public.
    pub(super) allowed_networks: &'a [IpNet],
    /// From the first look at the name to the answer's headers.
    pub(super) timeout: Duration,
}

/// Posts to one address.
#[derive(Clone)]
pub(super) struct Poster {
    client: Client,
    url: WebhookUrl,
    guard: Guard,
    timeout: Duration,
}

impl Poster {
    pub(super) fn new(to: &Destination<'_>) -> Result<Self, PostSetupError> {
        crate::tls::install_provider();
        let guard = Guard::new(to.url.expose(), AllowedNetworks(to.allowed_networks.into()));
        let mut builder = Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            // A redirection names an address that nobody has chosen; a proxy would look names up for us.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(guard.clone()))
            // A connection that was kept might outlive a change of the name.
            .pool_max_idle_per_host(0)
            .http1_only();
        if let (Some(path), key) = to.ca {
            builder = builder.tls_certs_only(certificates(path).map_err(|error| {
                let path = path.to_owned();
                match error {
                    NoCertificates::Unreadable(source) => PostSetupError::Unreadable { path, key, source },
                    NoCertificates::Empty => PostSetupError::NoCertificate { path, key },
                }
            })?);
        }
        let client = builder.build().map_err(PostSetupError::Tls)?;
        Ok(Self { client, url: to.url.clone(), guard, timeout: to.timeout })
    }

    #[cfg(test)]
    pub(super) fn patient_for(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(super) fn url(&self) -> &WebhookUrl {
        &self.url
    }

    /// Posts `body` with the headers that `with` adds. Any answer of class 2xx means that it was taken.
    pub(super) async fn post(
        &self,
        body: String,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<(), PostError> {
        self.guard.check_literal(self.url.expose())?;
        let request = with(self.client.post(self.url.expose().clone())).timeout(self.timeout).body(body);
        // The answer's body is nobody's business, and may not end.
        let status = request.send().await.map_err(|error| self.failed(error))?.status();
        match status.as_u16() {
            200..300 => Ok(()),
            code @ 300..400 => Err(PostError::Redirected(code)),
            code => Err(PostError::Answered(code)),
        }
    }

    fn failed(&self, error: reqwest::Error) -> PostError {
        match no_answer(error) {
            NoAnswer::TimedOut => PostError::TimedOut(self.timeout),
            NoAnswer::Refused(refused) => PostError::Refused(refused),
            NoAnswer::Failed(cause) => PostError::Failed(cause),
        }
    }
}

/// Why there was no answer at all.
#[derive(Debug)]
pub(super) enum NoAnswer {
    TimedOut,
    Refused(Refused),
    Failed(String),
}

/// Why a file of certificates cannot be used.
#[derive(Debug)]
pub(super) enum NoCertificates {
    Unreadable(io::Error),
    Empty,
}

/// Why there was no answer. Says nothing of the address: who has it can post there too.
pub(super) fn no_answer(error: reqwest::Error) -> NoAnswer {
    if error.is_timeout() {
        return NoAnswer::TimedOut;
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    loop {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return NoAnswer::Refused(refused.clone());
        }
        match cause.source() {
            Some(source) => cause = source,
            None => return NoAnswer::Failed(cause.to_string()),
        }
    }
}

/// The certificates in the PEM file `path`, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<Certificate>, NoCertificates> {
    let pem = std::fs::read(path).map_err(NoCertificates::Unreadable)?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() { Err(NoCertificates::Empty) } else { Ok(found) }
}
