//! A bundle of what is needed to help somebody, with every secret taken out.

mod bundle;
mod redact;

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

pub use bundle::Bundle;
pub use redact::Redactor;

use crate::check::Finding;
use crate::cli::Global;
use crate::config::{Config, ConfigErrors, DatabaseUrl, KEYS, Loaded, MasterKeySource};

/// Of each log, the last so many bytes.
const LOG_BYTES: u64 = 4 << 20;
/// Of an answer of the operations listener, at most so many bytes.
const ANSWER_BYTES: u64 = 8 << 20;
const OPERATIONS_TIMEOUT: Duration = Duration::from_secs(3);

/// Gathers the bundle, with the findings of [`crate::check`]. What cannot be had is said in its place.
#[must_use]
pub fn collect(
    global: &Global,
    loaded: Result<&Loaded, &ConfigErrors>,
    findings: &[Finding],
    logs: &[PathBuf],
    now: Timestamp,
) -> Bundle {
    let default_file = global.data.join("countersign.toml");
    let file = global.config.as_deref().unwrap_or(&default_file);
    let file_text = std::fs::read_to_string(file);
    let redactor = redactor(loaded.ok().map(|loaded| &loaded.config), file_text.as_deref().unwrap_or_default());
    let mut bundle = Bundle::new(redactor, now);
    bundle.add("versions.txt", &versions(now));
    bundle.add("config.toml", &file_text.unwrap_or_else(|error| format!("# {}: {error}\n", file.display())));
    match loaded {
        Err(errors) => bundle.add("config-errors.txt", &errors.to_string()),
        Ok(Loaded { config, origins, .. }) => {
            bundle.add("settings.txt", &format!("{config:#?}\n"));
            let origins: String = origins.iter().map(|(key, origin)| format!("{key}: {origin}\n")).collect();
            bundle.add("origins.txt", &origins);
            let findings = serde_json::to_string_pretty(findings);
            bundle.add("check.json", &findings.unwrap_or_default());
            for path in ["status", "metrics"] {
                let answer = ask(config.listen.operations, path);
                bundle.add(&format!("{path}.txt"), &answer.unwrap_or_else(|error| format!("no answer: {error}\n")));
            }
        }
    }
    for (index, path) in logs.iter().enumerate() {
        let text = tail(path).unwrap_or_else(|error| format!("{}: {error}\n", path.display()));
        bundle.add(&format!("log-{index}.txt"), &text);
    }
    bundle
}

/// Knows the secrets of this installation by value, in addition to what looks like one.
fn redactor(config: Option<&Config>, file: &str) -> Redactor {
    let mut redactor = Redactor::default();
    // A configuration with an error still has secrets in its file.
    let secret_keys = KEYS.iter().filter(|key| key.is_secret);
    for name in secret_keys.clone().filter_map(|key| key.name.rsplit('.').next()) {
        for line in file.lines().filter(|line| line.trim_start().starts_with(name)) {
            let value = line.split_once('=').map_or("", |(_, value)| value).trim().trim_matches(['"', '\'']);
            redactor.add_url(value);
            redactor.add(value);
        }
    }
    for value in secret_keys.filter_map(|key| std::env::var(key.variable()).ok()) {
        redactor.add_url(&value);
        redactor.add(&value);
    }
    if let Ok(value) = std::env::var("COUNTERSIGN_MASTER_KEY") {
        redactor.add(value.trim());
    }
    if let Ok(value) = std::env::var("COUNTERSIGN_MAIL_PASSWORD") {
        redactor.add(value.trim());
    }
    if let Some(config) = config {
        if let Some((_, password)) = config.mail.as_ref().and_then(|mail| mail.login.as_ref())
            && let Ok(password) = password.load()
        {
            redactor.add(&password);
        }
        if let DatabaseUrl::Postgres(url) = &config.database {
            redactor.add_url(url.expose());
        }
        match &config.master_key {
            MasterKeySource::File(path) => redactor.add(std::fs::read_to_string(path).unwrap_or_default().trim()),
            MasterKeySource::Environment(name) => redactor.add(std::env::var(name).unwrap_or_default().trim()),
            MasterKeySource::Credential(_) => {}
        }
    }
    redactor
}

fn versions(now: Timestamp) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let system = read("/etc/os-release");
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    format!(
        "countersign {}\nsystem {}\nkernel {}\nwritten at {now}\n",
        env!("CARGO_PKG_VERSION"),
        system.trim_matches('"'),
        read("/proc/sys/kernel/osrelease").trim(),
    )
}

/// `GET /path` on the operations listener, which speaks plain HTTP.
fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, OPERATIONS_TIMEOUT)?;
    stream.set_read_timeout(Some(OPERATIONS_TIMEOUT))?;
    stream.set_write_timeout(Some(OPERATIONS_TIMEOUT))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if length <= LOG_BYTES {
        return Ok(text);
    }
    // The first line is cut, and half a secret does not look like one.
    Ok(text.split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned()))
}
