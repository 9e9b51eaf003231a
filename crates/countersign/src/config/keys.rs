//! The one list of configuration keys.

use std::time::Duration;

use cs_core::policy::Country;
use cs_store::audit::Syslog;

use super::database::DatabaseUrl;
use super::mail::{self, MailDraft, MailPassword, MailSecurity};
use super::telephony::{self, BodyTemplate, GatewayPlace, TelephonyDraft};
use super::value::{Raw, ValueError};
use super::webhooks::{WebhookSecret, WebhookUrl, WebhooksDraft};
use super::{CertificateFiles, Config, LogFormat, MasterKeySource};

/// One key: its name in the file, its meaning, and how a value gets into [`Config`].
pub struct Key {
    /// Dotted name; the part before the dot is the TOML table.
    pub name: &'static str,
    /// One sentence for people.
    pub about: &'static str,
    /// Whether the value may hold a secret: it is never printed.
    pub is_secret: bool,
    pub(super) set: fn(&mut Draft, Raw) -> Result<(), ValueError>,
}

impl Key {
    /// The environment variable of this key: `listen.api` is `COUNTERSIGN_LISTEN_API`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("COUNTERSIGN_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }
}

/// A configuration being read: keys that only make sense together are kept apart until the end.
pub(super) struct Draft {
    pub(super) config: Config,
    pub(super) certificate: Option<std::path::PathBuf>,
    pub(super) key: Option<std::path::PathBuf>,
    pub(super) parent_was_set: bool,
    pub(super) mail: MailDraft,
    pub(super) webhooks: WebhooksDraft,
    pub(super) telephony: TelephonyDraft,
}

impl Draft {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            certificate: None,
            key: None,
            parent_was_set: false,
            mail: MailDraft::default(),
            webhooks: WebhooksDraft::default(),
            telephony: TelephonyDraft::default(),
        }
    }

    pub(super) fn files(&self) -> Option<CertificateFiles> {
        let (certificate, key) = (self.certificate.clone()?, self.key.clone()?);
        Some(CertificateFiles { certificate, key })
    }
}

/// Keys that the Admin Panel will use: named in an error of their own instead of being ignored.
pub(super) const RESERVED: [&str; 2] = ["listen.panel", "hosts.panel"];

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

const fn key(name: &'static str, about: &'static str, set: fn(&mut Draft, Raw) -> Result<(), ValueError>) -> Key {
    Key { name, about, is_secret: false, set }
}

macro_rules! set {
    ($($field:ident).+ = $parse:expr) => {
        |draft, raw| {
            draft.config.$($field).+ = $parse(raw)?;
            Ok(())
        }
    };
}

macro_rules! set_mail {
    ($field:ident = $parse:expr) => {
        |draft, raw| {
            draft.mail.$field = Some($parse(raw)?);
            Ok(())
        }
    };
}

macro_rules! set_telephony {
    ($field:ident = $parse:expr) => {
        |draft, raw| {
            draft.telephony.$field = Some($parse(raw)?);
            Ok(())
        }
    };
}

/// Every key there is, in the order of the example file.
pub const KEYS: &[Key] = &[
    key(
        "hosts.parent",
        "Parent domain of all hosts and WebAuthn RP ID; fixed once users have enrolled.",
        |draft, raw| {
            draft.config.hosts.parent = raw.host_name()?;
            draft.parent_was_set = true;
            Ok(())
        },
    ),
    key(
        "hosts.api",
        "Host of the APIs and the prompt, `name` or `name:port` as clients write it.",
        set!(hosts.api = Raw::public_host),
    ),
    key(
        "hosts.authenticator",
        "Host of the authenticator, `name` or `name:port`.",
        set!(hosts.authenticator = Raw::public_host),
    ),
    key(
        "hosts.related_origins",
        "Origins on other domains, `https://host`, that may use the passkeys of hosts.parent.",
        |draft, raw| {
            draft.config.hosts.related_origins = raw.origins()?;
            Ok(())
        },
    ),
    key("listen.api", "Address and port of the APIs and the prompt.", set!(listen.api = Raw::address)),
    key(
        "listen.authenticator",
        "Address and port of the authenticator; may equal listen.api when the host names differ.",
        set!(listen.authenticator = Raw::address),
    ),
    key(
        "listen.operations",
        "Plain-HTTP address of /healthz, /readyz, /status and /metrics; keep it private.",
        set!(listen.operations = Raw::address),
    ),
    key(
        "listen.trusted_proxies",
        "Addresses or networks whose X-Forwarded-For is believed.",
        set!(trusted_proxies = Raw::networks),
    ),
    key("tls.certificate", "PEM certificate chain; without it a local authority issues one.", |draft, raw| {
        draft.certificate = Some(raw.path()?);
        Ok(())
    }),
    key("tls.key", "PEM private key of tls.certificate, mode 0600.", |draft, raw| {
        draft.key = Some(raw.path()?);
        Ok(())
    }),
    key(
        "tls.extra_names",
        "Further DNS names and addresses in a certificate of the local authority.",
        set!(tls.extra_names = Raw::list),
    ),
    Key {
        name: "database.url",
        about: "`sqlite:FILE` or `postgres://user:password@host/name`.",
        is_secret: true,
        set: set!(database = DatabaseUrl::parse),
    },
    key(
        "master_key.source",
        "Where the master key is: `file:PATH`, `env:VARIABLE` or `credential:NAME` (systemd).",
        set!(master_key = MasterKeySource::parse),
    ),
    key("country.database", "MMDB file that maps addresses to countries.", |draft, raw| {
        draft.config.country_database = Some(raw.path()?);
        Ok(())
    }),
    key(
        "country.private",
        "Country code that policies see for addresses of private networks, such as XA; without it their place is unknown.",
        |draft, raw| {
            let text = raw.text()?;
            let country = Country::parse(&text).ok_or(ValueError::Expected("a country code of two letters"))?;
            draft.config.private_country = Some(country);
            Ok(())
        },
    ),
    key(
        "anonymous.lists",
        "Files that list anonymous networks (Tor exits, open proxies, VPNs), one a line; read again when they change.",
        |draft, raw| {
            draft.config.anonymous_lists = raw.list()?.into_iter().map(std::path::PathBuf::from).collect();
            Ok(())
        },
    ),
    key(
        "alerts.command",
        "Program and arguments, as a list, run for each alert with the alert as JSON on its standard input.",
        set!(alert_command = Raw::list),
    ),
    Key {
        name: "alerts.webhook",
        about: "Address that each alert is posted to, signed; needs `webhooks.secret`.",
        is_secret: true,
        set: |draft, raw| {
            draft.config.alert_webhook = Some(WebhookUrl::parse(raw)?);
            Ok(())
        },
    },
    Key {
        name: "webhooks.secret",
        about: "Key that webhooks are signed with: `whsec_` and at least 24 bytes in base64.",
        is_secret: true,
        set: |draft, raw| {
            draft.webhooks.secret = Some(WebhookSecret::parse(raw)?);
            Ok(())
        },
    },
    key("webhooks.ca", "PEM certificates to trust for webhooks instead of the system's.", |draft, raw| {
        draft.webhooks.ca = Some(raw.path()?);
        Ok(())
    }),
    key(
        "webhooks.allowed_networks",
        "Private addresses or networks that webhooks may go to; plain HTTP goes nowhere else.",
        |draft, raw| {
            draft.webhooks.allowed_networks = raw.networks()?;
            Ok(())
        },
    ),
    key(
        "push.wake",
        "Whether phones are woken by the push services of their browsers: `on` or `off`.",
        |draft, raw| {
            draft.config.push.enabled = match raw.text()?.as_str() {
                "on" => true,
                "off" => false,
                _ => return Err(ValueError::Expected("`on` or `off`")),
            };
            Ok(())
        },
    ),
    key("push.ca", "PEM certificates to trust for push services instead of the system's.", |draft, raw| {
        draft.config.push.ca = Some(raw.path()?);
        Ok(())
    }),
    key(
        "push.allowed_networks",
        "Private addresses or networks in which there is a push service of your own.",
        |draft, raw| {
            draft.config.push.allowed_networks = raw.networks()?;
            Ok(())
        },
    ),
    Key {
        name: "telephony.gateway",
        about: "Where SMS and calls go: `file:PATH`, or an `https://` address that they are posted to; without it neither is offered.",
        is_secret: true,
        set: set_telephony!(gateway = GatewayPlace::parse),
    },
    key(
        "telephony.offer",
        "What the gateway is used for: `sms`, `phone`, or both; `phone` needs telephony.secret.",
        set_telephony!(offer = telephony::offer),
    ),
    Key {
        name: "telephony.secret",
        about: "Key that requests to the gateway, and its reports of pressed keys, are signed with: `whsec_` and at least 24 bytes in base64.",
        is_secret: true,
        set: set_telephony!(secret = WebhookSecret::parse),
    },
    Key {
        name: "telephony.authorization",
        about: "Authorization header for the gateway: `Bearer TOKEN`, or `Basic USER:PASSWORD`; better in the environment or in a file.",
        is_secret: true,
        set: set_telephony!(authorization = |raw: Raw| raw.text().map(|text| MailPassword::Text(text.into()))),
    },
    key(
        "telephony.authorization_file",
        "File, mode 0600, whose first line is the Authorization header for the gateway.",
        set_telephony!(authorization_file = |raw: Raw| raw.path().map(MailPassword::File)),
    ),
    key(
        "telephony.body",
        "Body of a message in the gateway's own format, JSON or a form, with `{to}`, `{text}` and `{id}` in it.",
        set_telephony!(body = |raw: Raw| BodyTemplate::parse_text(&raw.text()?)),
    ),
    key(
        "telephony.ca",
        "PEM certificates to trust for the gateway instead of the system's.",
        set_telephony!(ca = Raw::path),
    ),
    key(
        "telephony.allowed_networks",
        "Private addresses or networks that the gateway may be in; plain HTTP goes nowhere else.",
        set_telephony!(allowed_networks = Raw::networks),
    ),
    key(
        "telephony.timeout",
        "The longest the gateway may take for one request.",
        set_telephony!(timeout = |raw: Raw| raw.duration(SECOND, MINUTE)),
    ),
    key(
        "telephony.most_per_day",
        "The most messages and calls of one account within 24 hours.",
        set_telephony!(most_per_day = |raw: Raw| raw.number(0, 10_000_000)),
    ),
    key(
        "telephony.prefixes",
        "What numbers must begin with, such as `+49`, to be texted or called at all; any unless set.",
        set_telephony!(prefixes = telephony::prefixes),
    ),
    key(
        "audit.checkpoint_syslog",
        "Syslog server that log checkpoints are sent to: `/dev/log`, `udp:HOST:PORT` or `tcp:HOST:PORT`.",
        |draft, raw| {
            let shape = ValueError::Expected("`/dev/log`, `udp:HOST:PORT` or `tcp:HOST:PORT`");
            draft.config.checkpoint_syslog = Some(Syslog::parse(&raw.text()?).ok_or(shape)?);
            Ok(())
        },
    ),
    Key {
        name: "audit.checkpoint_webhook",
        about: "Address that log checkpoints are posted to, signed; needs `webhooks.secret`.",
        is_secret: true,
        set: |draft, raw| {
            draft.config.checkpoint_webhook = Some(WebhookUrl::parse(raw)?);
            Ok(())
        },
    },
    key(
        "mail.host",
        "The mail server that messages are handed to; without it none are sent.",
        set_mail!(host = mail::host),
    ),
    key("mail.port", "Its port: 587, 465 or 25, as `mail.security` is, unless set.", set_mail!(port = port)),
    key(
        "mail.security",
        "`starttls`, `tls`, or `none`, which only a server on this machine may have.",
        set_mail!(security = MailSecurity::parse),
    ),
    key("mail.user", "User name for the mail server.", set_mail!(user = Raw::text)),
    Key {
        name: "mail.password",
        about: "Password for the mail server; better in the environment or in a file.",
        is_secret: true,
        set: set_mail!(password = |raw: Raw| raw.text().map(|text| MailPassword::Text(text.into()))),
    },
    key(
        "mail.password_file",
        "File, mode 0600, whose first line is the password for the mail server.",
        set_mail!(password_file = |raw: Raw| raw.path().map(MailPassword::File)),
    ),
    key("mail.from", "Sender of every message: an address, or `Name <address>`.", set_mail!(from = mail::sender)),
    key("mail.ca", "PEM certificates to trust for the mail server instead of the system's.", set_mail!(ca = Raw::path)),
    key(
        "mail.timeout",
        "The longest the mail server may take for one message.",
        set_mail!(timeout = |raw: Raw| raw.duration(SECOND, 5 * MINUTE)),
    ),
    key(
        "audit.checkpoint_file",
        "File, best on another machine's disk, to which signed log checkpoints are appended.",
        |draft, raw| {
            draft.config.checkpoint_file = Some(raw.path()?);
            Ok(())
        },
    ),
    key(
        "limits.connections",
        "Connections served at a time; further ones are answered 429.",
        set!(limits.connections = |raw: Raw| raw.size(16, 1_000_000)),
    ),
    key(
        "limits.body_bytes",
        "Longest request body, in bytes.",
        set!(limits.body_bytes = |raw: Raw| raw.size(4_096, 64 << 20)),
    ),
    key(
        "limits.handshake_timeout",
        "Longest TLS handshake.",
        set!(limits.handshake_timeout = |raw: Raw| raw.duration(SECOND, HOUR)),
    ),
    key(
        "limits.header_timeout",
        "Longest time to send a request's headers.",
        set!(limits.header_timeout = |raw: Raw| raw.duration(SECOND, HOUR)),
    ),
    key(
        "limits.body_timeout",
        "Longest time to send a request's body.",
        set!(limits.body_timeout = |raw: Raw| raw.duration(SECOND, HOUR)),
    ),
    key(
        "limits.idle_timeout",
        "How long a connection stays open between requests; people sit at a prompt for minutes.",
        set!(limits.idle_timeout = |raw: Raw| raw.duration(SECOND, 24 * HOUR)),
    ),
    key(
        "limits.logins_in_flight",
        "Login calls worked on at a time; further ones are answered 429.",
        set!(limits.logins_in_flight = |raw: Raw| raw.size(1, 1_000_000)),
    ),
    key(
        "limits.waiting",
        "Calls that wait for a person at a time; further ones are answered 429.",
        set!(limits.waiting = |raw: Raw| raw.size(1, 1_000_000)),
    ),
    key(
        "limits.lists_in_flight",
        "Lists and reports at a time; further ones wait briefly, then are answered 429.",
        set!(limits.lists_in_flight = |raw: Raw| raw.size(1, 10_000)),
    ),
    key(
        "limits.refusals_per_second",
        "Refused requests a second one address may cause before it is answered 429; 0 is no limit.",
        set!(limits.refusals_per_second = rate),
    ),
    key(
        "limits.integration_per_second",
        "Requests a second of one integration; 0 is no limit.",
        set!(limits.integration_per_second = rate),
    ),
    key(
        "shutdown.drain",
        "How long waiting logins may take to get their answer after a stop signal.",
        set!(drain = |raw: Raw| raw.duration(Duration::ZERO, HOUR)),
    ),
    key("log.format", "`auto` (text on a terminal, JSON otherwise), `text` or `json`.", set!(log.format = log_format)),
    key(
        "log.level",
        "`error`, `warn`, `info`, `debug`, or a filter such as `info,countersign=debug`.",
        set!(log.filter = log_filter),
    ),
];

/// A filter of log lines. A word alone that is no level would be taken for the name of a module, and everything else fall silent.
fn log_filter(raw: Raw) -> Result<String, ValueError> {
    let filter = raw.text()?;
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |part: &str| levels.contains(&part.trim().to_ascii_lowercase().as_str());
    if filter.contains('=') || filter.split(',').any(is_level) {
        Ok(filter)
    } else {
        Err(ValueError::Expected("error, warn, info, debug, or a filter such as info,countersign=debug"))
    }
}

fn port(raw: Raw) -> Result<u16, ValueError> {
    let (min, max) = (1, 65_535);
    u16::try_from(raw.number(min, max)?).map_err(|_| ValueError::OutOfRange { min, max })
}

fn rate(raw: Raw) -> Result<u32, ValueError> {
    let (min, max) = (0, 10_000_000);
    u32::try_from(raw.number(min, max)?).map_err(|_| ValueError::OutOfRange { min, max })
}

fn log_format(raw: Raw) -> Result<LogFormat, ValueError> {
    match raw.text()?.as_str() {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(ValueError::Expected("`auto`, `text` or `json`")),
    }
}
