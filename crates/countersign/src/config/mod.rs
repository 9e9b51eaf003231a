//! The server's configuration: one TOML file, and the same keys as environment variables.
//!
//! [`keys`] is the single list of what exists; the file reader, the environment reader, `countersign check` and the
//! support bundle all walk it, so a key cannot be known to one of them and not to the others.

mod database;
mod error;
mod keys;
mod mail;
mod master_key;
mod source;
mod telephony;
mod value;
mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cs_core::policy::Country;
use cs_store::audit::Syslog;
use ipnet::IpNet;

pub use database::DatabaseUrl;
pub use error::{ConfigError, ConfigErrors, Origin};
pub use keys::{KEYS, Key};
pub use mail::{MailConfig, MailPassword, MailSecurity, PasswordError};
pub use master_key::{MasterKeyError, MasterKeySource};
pub(crate) use source::distance;
pub use source::{Loaded, load, load_from};
pub use telephony::{BodyTemplate, Gateway, HttpGateway, TelephonyConfig};
pub use value::ValueError;
pub(crate) use value::host_name;
pub use webhooks::{WebhookSecret, WebhookUrl, Webhooks};

/// Everything an operator can set. Paths are absolute once loaded: relative ones are taken from [`Config::data_dir`].
#[derive(Debug, Clone)]
pub struct Config {
    /// The data directory: database, certificates and keys unless set elsewhere.
    pub data_dir: PathBuf,
    pub hosts: Hosts,
    pub listen: Listen,
    pub tls: Tls,
    pub database: DatabaseUrl,
    pub master_key: MasterKeySource,
    /// Peers whose `X-Forwarded-For` is believed. Empty: the header is ignored.
    pub trusted_proxies: Vec<IpNet>,
    /// An MMDB file that maps addresses to countries.
    pub country_database: Option<PathBuf>,
    /// Where policies take addresses of private networks to be.
    pub private_country: Option<Country>,
    /// Lists of anonymous networks.
    pub anonymous_lists: Vec<PathBuf>,
    /// Where signed checkpoints of the audit chains are appended, outside the database.
    pub checkpoint_file: Option<PathBuf>,
    /// A syslog server that they are sent to.
    pub checkpoint_syslog: Option<Syslog>,
    /// A webhook that they are posted to.
    pub checkpoint_webhook: Option<WebhookUrl>,
    /// Program and arguments that are run for each alert, with the alert as JSON on standard input. Empty: alerts are only logged.
    pub alert_command: Vec<String>,
    /// The mail server. Without one no mail is sent, and whoever would have mail sent is told so.
    pub mail: Option<MailConfig>,
    /// A webhook that alerts are posted to.
    pub alert_webhook: Option<WebhookUrl>,
    /// What all webhooks share; present where there is one.
    pub webhooks: Option<Webhooks>,
    /// How phones are woken.
    pub push: PushSettings,
    /// What sends messages and makes calls. Without it neither is offered.
    pub telephony: Option<TelephonyConfig>,
    pub limits: Limits,
    /// How long waiting logins may take to get their answer after a stop signal.
    pub drain: Duration,
    pub log: Log,
}

/// How phones are woken by the push services of their browsers.
#[derive(Debug, Clone)]
pub struct PushSettings {
    /// Whether they are.
    pub enabled: bool,
    /// PEM certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Networks that may be spoken to although they are not public.
    pub allowed_networks: Vec<IpNet>,
}

impl Default for PushSettings {
    fn default() -> Self {
        Self { enabled: true, ca: None, allowed_networks: Vec::new() }
    }
}

/// The names clients use. They are fixed at bootstrap: passkeys, device keys and cookies bind to them.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// The WebAuthn RP ID; every other host is this name or below it.
    pub parent: String,
    /// Host of the APIs and the prompt.
    pub api: PublicHost,
    /// Host of the authenticator; nothing of users or administrators is served there.
    pub authenticator: PublicHost,
    /// Origins on other domains whose pages may use the passkeys of this one.
    pub related_origins: Vec<String>,
}

/// A host name as clients write it, with the port when it differs from the one listened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHost {
    /// Lower-case DNS name.
    pub name: String,
    /// The port clients use, where a port forwarding makes it another than the listener's.
    pub port: Option<u16>,
}

impl PublicHost {
    /// `name`, or `name:port` when the port is not 443; `bound` is the port listened on.
    #[must_use]
    pub fn authority(&self, bound: u16) -> String {
        match self.port.unwrap_or(bound) {
            443 => self.name.clone(),
            port => format!("{}:{port}", self.name),
        }
    }

    /// The web origin, `https://name[:port]`.
    #[must_use]
    pub fn origin(&self, bound: u16) -> String {
        format!("https://{}", self.authority(bound))
    }
}

/// Addresses to listen on; port 0 takes a free one. Equal addresses share one listener, told apart by host name.
#[derive(Debug, Clone)]
pub struct Listen {
    pub api: SocketAddr,
    pub authenticator: SocketAddr,
    /// Plain HTTP with health and metrics: keep it on loopback or a management network.
    pub operations: SocketAddr,
}

/// Where the server certificate comes from.
#[derive(Debug, Clone)]
pub struct Tls {
    /// PEM chain and key. Without them a local authority issues and renews.
    pub files: Option<CertificateFiles>,
    /// Further DNS names and addresses for a certificate of the local authority.
    pub extra_names: Vec<String>,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Bounds on what clients can make the server do.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections served at a time, all listeners together; further ones get 429.
    pub connections: usize,
    /// Longest request body, in bytes.
    pub body_bytes: usize,
    /// From accept to a finished TLS handshake.
    pub handshake_timeout: Duration,
    /// From the first byte of a request to the end of its headers.
    pub header_timeout: Duration,
    /// From the end of the headers to the end of the body.
    pub body_timeout: Duration,
    /// How long a connection may stay open between requests.
    pub idle_timeout: Duration,
    /// Login calls worked on at a time (waiting ones are not counted); further ones get 429.
    pub logins_in_flight: usize,
    /// Waiting calls (long polls, synchronous push) at a time; further ones get 429.
    pub waiting: usize,
    /// Lists and reports at a time; further ones wait briefly, then get 429.
    pub lists_in_flight: usize,
    /// Refused requests (401, 403, 404) a second that one address may cause before it is answered 429; 0 is no limit.
    pub refusals_per_second: u32,
    /// Requests a second of one integration; 0 is no limit.
    pub integration_per_second: u32,
}

/// What is logged and how.
#[derive(Debug, Clone)]
pub struct Log {
    pub format: LogFormat,
    /// A `tracing` filter: `info`, or `info,countersign=debug`.
    pub filter: String,
}

/// Shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    Text,
    Json,
}

impl Config {
    /// The configuration of an empty file for `data_dir`.
    #[must_use]
    pub fn for_dir(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            hosts: Hosts {
                parent: "localhost".to_owned(),
                api: PublicHost { name: "localhost".to_owned(), port: None },
                authenticator: PublicHost { name: "localhost".to_owned(), port: None },
                related_origins: Vec::new(),
            },
            listen: Listen {
                api: SocketAddr::from(([127, 0, 0, 1], 8443)),
                authenticator: SocketAddr::from(([127, 0, 0, 1], 8444)),
                operations: SocketAddr::from(([127, 0, 0, 1], 8449)),
            },
            tls: Tls { files: None, extra_names: Vec::new() },
            database: DatabaseUrl::Sqlite(data_dir.join("countersign.db")),
            master_key: MasterKeySource::File(data_dir.join("master.key")),
            trusted_proxies: Vec::new(),
            country_database: None,
            private_country: None,
            anonymous_lists: Vec::new(),
            checkpoint_file: None,
            checkpoint_syslog: None,
            checkpoint_webhook: None,
            alert_command: Vec::new(),
            mail: None,
            alert_webhook: None,
            webhooks: None,
            push: PushSettings::default(),
            telephony: None,
            limits: Limits::default(),
            drain: Duration::from_secs(70),
            log: Log { format: LogFormat::Auto, filter: "info".to_owned() },
        }
    }

    /// As [`Config::for_dir`], listening on free loopback ports: for tests and the demo.
    #[must_use]
    pub fn ephemeral(data_dir: &Path) -> Self {
        let mut config = Self::for_dir(data_dir);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        config.listen = Listen { api: any, authenticator: any, operations: any };
        config
    }

    /// Whether API and authenticator share one listener and are told apart by host name.
    #[must_use]
    pub fn shares_listener(&self) -> bool {
        self.listen.api == self.listen.authenticator && self.listen.api.port() != 0
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            body_bytes: 1 << 20,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(360),
            logins_in_flight: 1_024,
            waiting: 12_000,
            lists_in_flight: 8,
            refusals_per_second: 50,
            integration_per_second: 0,
        }
    }
}
