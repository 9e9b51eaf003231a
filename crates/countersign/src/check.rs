//! Looking over an installation: certificate, keys, data directory, limits. Nothing is changed.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use cs_engine::{GeoError, GeoSource};
use cs_store::glance::{EndlessBypasses, endless_bypasses};
use cs_store::{Database, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::{CertificateFiles, Config, DatabaseUrl};
use crate::net::raise_open_files;
use crate::outbound::mail::Sender;
use crate::tls::{LocalCa, read_facts, read_pair};

/// Exits of Tor and of VPNs change within days.
const STALE_LIST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Countries of addresses change within months.
const STALE_PLACES: SignedDuration = SignedDuration::from_hours(180 * 24);
/// A certificate with less time left is worth a warning.
const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long a database may take to answer one question.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// It works now; something should be done.
    Warning,
    /// The server will not start or not work.
    Error,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    /// What was looked at, in one word or two.
    pub subject: &'static str,
    pub message: String,
    /// What to do, unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    fn ok(subject: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Ok, subject, message: message.into(), remedy: None }
    }

    fn new(level: Level, subject: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level, subject, message: message.into(), remedy: Some(remedy.into()) }
    }
}

/// Looks over what `config` names, as the user who runs this.
#[must_use]
pub fn check(config: &Config, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![data_directory(&config.data_dir), master_key(config), database(config)];
    findings.push(certificate(config, now));
    findings.extend(addresses(config, now));
    findings.extend(config.checkpoint_file.as_deref().map(checkpoint_file));
    findings.push(mail(config));
    findings.push(open_files(config));
    findings.push(operations(config));
    findings
}

/// As [`check`], and what of the data themselves is worth a warning.
pub async fn check_with_data(config: &Config, now: Timestamp) -> Vec<Finding> {
    let mut findings = check(config, now);
    if let Some(found) = bypasses(config).await {
        // Where a database cannot be reached that is what is said of it.
        findings.retain(|finding| finding.subject != found.subject);
        findings.push(found);
    }
    findings
}

/// Who gets in without a second factor, and nothing will end it; or that the database cannot be asked.
async fn bypasses(config: &Config) -> Option<Finding> {
    let subject = "bypass";
    let database = match &config.database {
        // Whether it should be there is said elsewhere.
        DatabaseUrl::Sqlite(path) if !path.exists() => return None,
        DatabaseUrl::Sqlite(path) => Database::Sqlite(path.clone()),
        DatabaseUrl::Postgres(url) => Database::Postgres(url.expose().to_owned()),
    };
    let found = match tokio::time::timeout(DATABASE_TIMEOUT, endless_bypasses(database)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            return Some(match error {
                StoreError::Unavailable(_) => unreachable_database(config, &format!("{error}{cause}")),
                _ => {
                    let remedy = "start the server once with this version, or correct `database.url`";
                    Finding::new(Level::Warning, subject, format!("cannot look: {error}{cause}"), remedy)
                }
            });
        }
        Err(_) => return Some(unreachable_database(config, "it does not answer")),
    };
    if found == (EndlessBypasses { users: 0, groups: 0 }) {
        return Some(Finding::ok(subject, "every bypass has an end"));
    }
    let message = format!("{} users and {} groups bypass the second factor without an end", found.users, found.groups);
    let remedy =
        "see them with `countersign admin user list --bypass`; give each an end, or switch off `bypass_without_end`";
    Some(Finding::new(Level::Warning, subject, message, remedy))
}

fn unreachable_database(config: &Config, why: &str) -> Finding {
    let remedy = "see to the database, or correct `database.url`";
    Finding::new(Level::Error, "database", format!("{}: {why}", config.database), remedy)
}

fn data_directory(path: &Path) -> Finding {
    let subject = "data directory";
    let place = path.display();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let remedy = format!("run: countersign bootstrap --data {place}");
            Finding::new(Level::Error, subject, format!("{place} does not exist"), remedy)
        }
        Err(error) => {
            Finding::new(Level::Error, subject, format!("{place}: {error}"), "check its owner and the service's user")
        }
        Ok(metadata) if !metadata.is_dir() => {
            Finding::new(Level::Error, subject, format!("{place} is not a directory"), "name a directory with --data")
        }
        Ok(metadata) if metadata.mode() & 0o027 != 0 => {
            let message = format!("others may enter or change {place} (mode {:04o})", metadata.mode() & 0o7777);
            Finding::new(Level::Warning, subject, message, format!("run: chmod 700 {place}"))
        }
        Ok(_) => Finding::ok(subject, place.to_string()),
    }
}

fn master_key(config: &Config) -> Finding {
    match config.master_key.load() {
        Ok(_) => Finding::ok("master key", config.master_key.to_string()),
        Err(error) => {
            let remedy =
                "without this key stored secrets cannot be read; never make a new one for an existing database";
            Finding::new(Level::Error, "master key", error.to_string(), remedy)
        }
    }
}

fn database(config: &Config) -> Finding {
    let subject = "database";
    match &config.database {
        DatabaseUrl::Postgres(_) => Finding::ok(subject, config.database.to_string()),
        DatabaseUrl::Sqlite(path) => match std::fs::metadata(path) {
            Ok(metadata) if metadata.mode() & 0o077 != 0 => {
                let message = format!("others can read {} (mode {:04o})", path.display(), metadata.mode() & 0o7777);
                Finding::new(Level::Warning, subject, message, format!("run: chmod 600 {}", path.display()))
            }
            Ok(_) => Finding::ok(subject, path.display().to_string()),
            Err(error) => {
                let remedy = "run `countersign bootstrap`, or correct `database.url`";
                Finding::new(Level::Error, subject, format!("{}: {error}", path.display()), remedy)
            }
        },
    }
}

fn certificate(config: &Config, now: Timestamp) -> Finding {
    let subject = "certificate";
    let local = config.tls.files.is_none();
    let files = config.tls.files.clone().unwrap_or_else(|| LocalCa::new(&config.data_dir).server_files());
    if local && !files.certificate.exists() {
        return Finding::ok(subject, "the local authority issues one at the first start");
    }
    match read_pair(&files) {
        Ok(_) => certificate_facts(config, &files, local, now),
        Err(error) => {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            Finding::new(Level::Error, subject, format!("{error}{cause}"), "correct `tls.certificate` and `tls.key`")
        }
    }
}

fn certificate_facts(config: &Config, files: &CertificateFiles, local: bool, now: Timestamp) -> Finding {
    let subject = "certificate";
    let path = files.certificate.display();
    let facts = match read_facts(&files.certificate) {
        Ok(facts) => facts,
        Err(error) => return Finding::new(Level::Error, subject, error.to_string(), "replace the file"),
    };
    let left = facts.not_after.duration_since(now);
    let hosts = [&config.hosts.api.name, &config.hosts.authenticator.name];
    if let Some(host) = hosts.into_iter().find(|host| !facts.covers(host)) {
        let (level, remedy) = if local {
            (Level::Warning, "the next start issues a new one".to_owned())
        } else {
            (Level::Error, format!("get a certificate with {host} among its alternative names"))
        };
        return Finding::new(level, subject, format!("{path} is not for {host}"), remedy);
    }
    if left.is_negative() || facts.not_before > now {
        let message = format!("{path} is valid from {} to {}", facts.not_before, facts.not_after);
        return Finding::new(Level::Error, subject, message, "replace the file, or correct this machine's clock");
    }
    if left < EXPIRES_SOON {
        let message = format!("{path} expires at {}", facts.not_after);
        return Finding::new(Level::Warning, subject, message, "renew it; the server takes up the new file by itself");
    }
    Finding::ok(subject, format!("{path}, until {}", facts.not_after))
}

/// The country database and the lists of anonymous networks, read as the server reads them, and how old they are.
fn addresses(config: &Config, now: Timestamp) -> Vec<Finding> {
    let subject =
        |source: &GeoSource| if source.networks.is_some() { "anonymous networks" } else { "country database" };
    let remedy = "correct the path, the mode or the line; the server does not start without the file";
    let geo = match crate::site::geo(config) {
        Ok(geo) => geo,
        Err(error) => {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            let subject = match &error {
                GeoError::Database { .. } => "country database",
                GeoError::Unreadable { .. } | GeoError::TooLong { .. } | GeoError::NotANetwork { .. } => {
                    "anonymous networks"
                }
            };
            return vec![Finding::new(Level::Error, subject, format!("{error}{cause}"), remedy)];
        }
    };
    let judge = |source: GeoSource| {
        let subject = subject(&source);
        let networks = source.networks.map_or_else(String::new, |networks| format!(", {networks} networks"));
        let age = source.modified.map(|modified| now.duration_since(modified));
        let days = age.map_or_else(String::new, |age| format!(", {} days old", age.as_hours().max(0) / 24));
        let message = format!("{}{networks}{days}", source.path.display());
        let stale = if source.networks.is_some() { STALE_LIST } else { STALE_PLACES };
        if age.is_some_and(|age| age > stale) {
            return Finding::new(
                Level::Warning,
                subject,
                message,
                "fetch a newer one; the server takes it up by itself",
            );
        }
        Finding::ok(subject, message)
    };
    geo.sources().into_iter().map(judge).collect()
}

fn checkpoint_file(path: &Path) -> Finding {
    let subject = "checkpoints";
    match path.parent().map(std::fs::metadata) {
        Some(Ok(metadata)) if metadata.is_dir() => Finding::ok(subject, path.display().to_string()),
        _ => Finding::new(
            Level::Error,
            subject,
            format!("the directory of {} does not exist", path.display()),
            "create it",
        ),
    }
}

/// Nothing is sent: `countersign admin mail test` does that.
fn mail(config: &Config) -> Finding {
    let subject = "mail";
    let Some(mail) = &config.mail else {
        return Finding::ok(subject, "no mail is sent; links are handed over by whoever makes them");
    };
    match Sender::new(mail.clone()).check() {
        Ok(()) => Finding::ok(subject, format!("{}:{}, from {}", mail.host, mail.port, mail.from)),
        Err(error) => Finding::new(Level::Error, subject, error.explained(), "correct the `mail` keys"),
    }
}

fn open_files(config: &Config) -> Finding {
    let (allowed, wanted) = (raise_open_files(), config.limits.connections as u64 + 256);
    if allowed >= wanted {
        return Finding::ok("open files", format!("{allowed} allowed"));
    }
    let message = format!("{allowed} allowed, {wanted} needed for `limits.connections`");
    Finding::new(Level::Warning, "open files", message, "raise LimitNOFILE, or lower `limits.connections`")
}

fn operations(config: &Config) -> Finding {
    let address = config.listen.operations;
    if address.ip().is_loopback() {
        return Finding::ok("operations", address.to_string());
    }
    let message = format!("health and metrics are served without TLS or login on {address}");
    Finding::new(Level::Warning, "operations", message, "keep `listen.operations` on loopback or a management network")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn level(findings: &[Finding], subject: &str) -> Level {
        findings.iter().find(|finding| finding.subject == subject).unwrap().level
    }

    #[test]
    fn what_is_wrong_is_named_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut config = Config::for_dir(directory.path());
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let before = check(&config, now);
        assert_eq!(level(&before, "data directory"), Level::Ok);
        assert_eq!(level(&before, "master key"), Level::Error);
        assert_eq!(level(&before, "database"), Level::Error);

        config.master_key.load_or_create().unwrap();
        std::fs::write(directory.path().join("countersign.db"), "").unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        LocalCa::new(directory.path()).ensure(&["localhost".to_owned()], now).unwrap();
        config.listen.operations = "0.0.0.0:1".parse().unwrap();
        let after = check(&config, now);
        assert_eq!(level(&after, "master key"), Level::Ok);
        assert_eq!(level(&after, "certificate"), Level::Ok);
        for subject in ["data directory", "database", "operations"] {
            assert_eq!(level(&after, subject), Level::Warning, "{subject}");
        }
        assert!(after.iter().all(|finding| finding.remedy.is_some() != (finding.level == Level::Ok)));
    }

    #[test]
    fn an_old_or_foreign_certificate_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let ca = LocalCa::new(directory.path());
        ca.ensure(&["localhost".to_owned()], now).unwrap();
        let mut config = Config::for_dir(directory.path());
        config.tls.files = Some(ca.server_files());
        let days = |days: i64| now + SignedDuration::from_hours(24 * days);
        assert_eq!(level(&check(&config, now), "certificate"), Level::Ok);
        assert_eq!(level(&check(&config, days(50)), "certificate"), Level::Warning);
        assert_eq!(level(&check(&config, days(100)), "certificate"), Level::Error);
        config.hosts.api.name = "other.example".to_owned();
        assert_eq!(level(&check(&config, now), "certificate"), Level::Error);
    }

    #[test]
    fn lists_of_anonymous_networks_are_read_and_their_age_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::for_dir(directory.path());
        let list = directory.path().join("tor.txt");
        config.anonymous_lists = vec![list.clone()];
        let written = || Timestamp::try_from(std::fs::metadata(&list).unwrap().modified().unwrap()).unwrap();
        let found = |now| {
            let findings = check(&config, now);
            let found = findings.into_iter().find(|finding| finding.subject == "anonymous networks").unwrap();
            (found.level, found.message)
        };
        let (level, message) = found(Timestamp::UNIX_EPOCH);
        assert!(level == Level::Error && message.contains("No such file"), "{message}");
        std::fs::write(&list, "192.0.2.0/24\nnonsense\n").unwrap();
        assert_eq!(found(written()).1, format!("{}, line 2: no address, range or CIDR block", list.display()));
        std::fs::write(&list, "192.0.2.0/24\n198.51.100.7\n").unwrap();
        assert_eq!(found(written()), (Level::Ok, format!("{}, 2 networks, 0 days old", list.display())));
        let (level, message) = found(written() + SignedDuration::from_hours(8 * 24));
        assert_eq!((level, message), (Level::Warning, format!("{}, 2 networks, 8 days old", list.display())));
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_reached_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        // A port that nobody listens at while we have it.
        let taken = tokio::net::TcpSocket::new_v4().unwrap();
        taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = taken.local_addr().unwrap().port();
        let url = ("COUNTERSIGN_DATABASE_URL".to_owned(), format!("postgres://nobody@127.0.0.1:{port}/none"));
        let config = crate::config::load_from(directory.path(), None, [url]).unwrap().config;
        let findings = check_with_data(&config, "2026-01-01T00:00:00Z".parse().unwrap()).await;
        let said: Vec<_> = findings.iter().filter(|finding| finding.subject == "database").collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].level, Level::Error);
    }
}
