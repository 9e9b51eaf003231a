//! One message, one SMTP connection.

use std::path::PathBuf;
use std::time::Duration;

use cs_engine::letters::Letter;
use jiff::Timestamp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::render::message;
use crate::config::{MailConfig, MailSecurity, PasswordError};

/// Hands letters to the configured server.
#[derive(Debug, Clone)]
pub struct Sender {
    config: MailConfig,
}

/// Why a letter was not taken by the mail server.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("the recipient's address cannot be written to")]
    Recipient,
    #[error("the message cannot be made")]
    Message(#[source] lettre::error::Error),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("cannot read the certificates in {}", path.display())]
    Certificates {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`mail.ca` holds no usable certificate, or the system has none")]
    Tls(#[source] lettre::transport::smtp::Error),
    #[error("the mail server did not take the message within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the mail server did not take the message")]
    Smtp(#[source] lettre::transport::smtp::Error),
}

impl MailError {
    /// Whether trying again cannot help: the message itself is refused.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Recipient | Self::Message(_) => true,
            // 5xx is about this message, except what is about us: credentials, or not being allowed to send (RFC 5321, section 4.2.3; RFC 4954).
            Self::Smtp(error) => {
                let code = error.status().map(u16::from);
                error.is_permanent() && !matches!(code, Some(500..=504 | 530 | 534 | 535 | 538))
            }
            Self::Password(_) | Self::Certificates { .. } | Self::Tls(_) | Self::TimedOut(_) => false,
        }
    }

    /// The whole chain in one line, for people who look for the cause.
    #[must_use]
    pub fn explained(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let next = error.to_string();
            if !text.ends_with(&next) {
                text.push_str(&format!(": {next}"));
            }
            cause = error.source();
        }
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1000).collect()
    }
}

impl Sender {
    /// Sends by the server of `config`.
    #[must_use]
    pub fn new(config: MailConfig) -> Self {
        Self { config }
    }

    /// Sends one letter; `id` names it for good. Returns once the server has taken it, within `mail.timeout`.
    pub async fn send(&self, letter: &Letter, id: &str, now: Timestamp) -> Result<(), MailError> {
        let message = message(letter, id, &self.config.from, now)?;
        let limit = self.config.timeout;
        let attempt = async {
            let transport = self.transport()?;
            transport.send(message).await.map_err(MailError::Smtp).map(drop)
        };
        // The library bounds connecting only: a server that goes silent afterwards would hold us for ever.
        tokio::time::timeout(limit, attempt).await.unwrap_or(Err(MailError::TimedOut(limit)))
    }

    /// Whether everything that the configuration names can be read; nothing is sent.
    pub fn check(&self) -> Result<(), MailError> {
        self.transport().map(drop)
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
        let config = &self.config;
        let tls = match config.security {
            MailSecurity::StartTls => Tls::Required(self.tls()?),
            MailSecurity::Tls => Tls::Wrapper(self.tls()?),
            MailSecurity::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls)
            .hello_name(ClientId::default())
            .timeout(Some(config.timeout));
        if let Some((user, password)) = &config.login {
            transport = transport.credentials(Credentials::new(user.clone(), password.load()?.to_string()));
        }
        Ok(transport.build())
    }

    fn tls(&self) -> Result<TlsParameters, MailError> {
        let mut parameters = TlsParameters::builder(self.config.host.clone());
        if let Some(path) = &self.config.ca {
            let pem = std::fs::read(path).map_err(|source| MailError::Certificates { path: path.clone(), source })?;
            let certificate = Certificate::from_pem(&pem).map_err(MailError::Tls)?;
            parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(certificate);
        }
        parameters.build().map_err(MailError::Tls)
    }
}
