//! The mail server that messages are handed to.

use std::fmt;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use zeroize::Zeroizing;

use super::error::ConfigError;
use super::value::{Raw, ValueError};

/// How long the mail server may take for one message unless set otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A mail server, and how to speak to it.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// A DNS name or an address.
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    /// User name and password, for servers that ask for them.
    pub login: Option<(String, MailPassword)>,
    /// The sender of every message.
    pub from: Mailbox,
    /// PEM certificates that the server's may be issued by, instead of the system's.
    pub ca: Option<PathBuf>,
    /// The longest one message may take, from connecting to the last answer.
    pub timeout: Duration,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// By STARTTLS, without which nothing is sent (port 587).
    StartTls,
    /// TLS from the first byte (port 465).
    Tls,
    /// Not at all: only to a server on this machine (port 25).
    None,
}

/// The password of the mail server.
#[derive(Clone)]
pub enum MailPassword {
    /// As configured.
    Text(Zeroizing<String>),
    /// The first line of a file that only its owner can read, looked at for each message.
    File(PathBuf),
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
}

impl MailPassword {
    /// The password.
    pub fn load(&self) -> Result<Zeroizing<String>, PasswordError> {
        let path = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(path) => path,
        };
        let read = |source| PasswordError::Read { path: path.clone(), source };
        let mode = std::fs::metadata(path).map_err(read)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(PasswordError::OpenToOthers { path: path.clone(), mode });
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(read)?);
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() { Err(PasswordError::Empty(path.clone())) } else { Ok(Zeroizing::new(line.to_owned())) }
    }
}

impl fmt::Debug for MailPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("MailPassword(..)"),
            Self::File(path) => write!(f, "MailPassword({})", path.display()),
        }
    }
}

impl MailSecurity {
    pub(super) fn parse(raw: Raw) -> Result<Self, ValueError> {
        match raw.text()?.as_str() {
            "starttls" => Ok(Self::StartTls),
            "tls" => Ok(Self::Tls),
            "none" => Ok(Self::None),
            _ => Err(ValueError::Expected("`starttls`, `tls` or `none`")),
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// The `mail.…` keys as they are read, one by one.
#[derive(Debug, Default)]
pub(super) struct MailDraft {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) security: Option<MailSecurity>,
    pub(super) user: Option<String>,
    pub(super) password: Option<MailPassword>,
    pub(super) password_file: Option<MailPassword>,
    pub(super) from: Option<Mailbox>,
    pub(super) ca: Option<PathBuf>,
    pub(super) timeout: Option<Duration>,
}

impl MailDraft {
    /// The mail server, if one is configured; what does not fit together goes to `errors`.
    pub(super) fn finish(self, errors: &mut Vec<ConfigError>) -> Option<MailConfig> {
        let mut conflict = |first, second, problem| errors.push(ConfigError::Conflict { first, second, problem });
        let Some(host) = self.host else {
            let is_set = [
                ("mail.port", self.port.is_some()),
                ("mail.security", self.security.is_some()),
                ("mail.user", self.user.is_some()),
                ("mail.password", self.password.is_some()),
                ("mail.password_file", self.password_file.is_some()),
                ("mail.from", self.from.is_some()),
                ("mail.ca", self.ca.is_some()),
                ("mail.timeout", self.timeout.is_some()),
            ];
            for (name, _) in is_set.into_iter().filter(|(_, is_set)| *is_set) {
                conflict(name, "mail.host", "must be set together");
            }
            return None;
        };
        if self.password.is_some() && self.password_file.is_some() {
            conflict("mail.password", "mail.password_file", "are two places for one password; keep one");
        }
        let login = match (self.user, self.password.or(self.password_file)) {
            (None, None) => None,
            (Some(user), Some(password)) => Some((user, password)),
            (Some(_), None) | (None, Some(_)) => {
                conflict("mail.user", "mail.password", "(or `mail.password_file`) must be set together");
                None
            }
        };
        let security = self.security.unwrap_or(MailSecurity::StartTls);
        if security == MailSecurity::None && !is_loopback(&host) {
            let problem = "do not fit: without TLS mail is only sent to this machine (localhost, 127.0.0.1 or ::1)";
            conflict("mail.security", "mail.host", problem);
        }
        let Some(from) = self.from else {
            conflict("mail.host", "mail.from", "must be set together");
            return None;
        };
        Some(MailConfig {
            host,
            port: self.port.unwrap_or(security.port()),
            security,
            login,
            from,
            ca: self.ca,
            timeout: self.timeout.unwrap_or(TIMEOUT),
        })
    }
}

fn is_loopback(host: &str) -> bool {
    host.parse::<IpAddr>().map_or(host == "localhost", |address| address.is_loopback())
}

pub(super) fn host(raw: Raw) -> Result<String, ValueError> {
    let text = raw.clone().text()?;
    if text.parse::<IpAddr>().is_ok() { Ok(text) } else { raw.host_name() }
}

pub(super) fn sender(raw: Raw) -> Result<Mailbox, ValueError> {
    let shape = ValueError::Expected("an address such as \"countersign@example.org\" or \"Example <mfa@example.org>\"");
    raw.text()?.parse().map_err(|_| shape)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn finish(change: impl FnOnce(&mut MailDraft)) -> (Option<MailConfig>, Vec<String>) {
        let mut draft = MailDraft {
            host: Some("mail.example.org".to_owned()),
            from: Some("mfa@example.org".parse().unwrap()),
            ..MailDraft::default()
        };
        change(&mut draft);
        let mut errors = Vec::new();
        let mail = draft.finish(&mut errors);
        (mail, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn protection_is_the_default_and_its_absence_stays_on_this_machine() {
        let (mail, errors) = finish(|_| {});
        let mail = mail.unwrap();
        assert_eq!((mail.security, mail.port, errors.len()), (MailSecurity::StartTls, 587, 0));
        let none = |host: &str| {
            finish(|draft| {
                draft.host = Some(host.to_owned());
                draft.security = Some(MailSecurity::None);
            })
        };
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1"] {
            assert_eq!(none(host).1, [""; 0], "{host}");
        }
        for host in ["mail.example.org", "10.0.0.1", "localhost.example.org", "0.0.0.0"] {
            assert!(none(host).1[0].contains("only sent to this machine"), "{host}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let text = || Some(MailPassword::Text(Zeroizing::new("s3cret".to_owned())));
        assert!(finish(|draft| draft.from = None).1[0].contains("`mail.host` and `mail.from`"));
        assert!(finish(|draft| draft.host = None).1[0].contains("`mail.from` and `mail.host`"));
        assert!(finish(|draft| draft.user = Some("u".to_owned())).1[0].contains("`mail.user`"));
        assert!(finish(|draft| draft.password = text()).1[0].contains("`mail.user`"));
        let both = finish(|draft| {
            draft.user = Some("u".to_owned());
            draft.password = text();
            draft.password_file = Some(MailPassword::File("x".into()));
        });
        assert!(both.1[0].contains("one password"), "{both:?}");
        assert!(!format!("{both:?}").contains("s3cret"));
    }

    #[test]
    fn a_password_file_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        let password = MailPassword::File(path.clone());
        assert!(matches!(password.load(), Err(PasswordError::Read { .. })));
        std::fs::write(&path, "s3cret\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(password.load(), Err(PasswordError::OpenToOthers { mode: 0o640, .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(password.load().unwrap().as_str(), "s3cret");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(password.load(), Err(PasswordError::Empty(_))));
    }
}
