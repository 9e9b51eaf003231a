//! A bundle of what is needed to help somebody, with every secret taken out.

mod redact;
mod tar;

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::cfg::explain::explain;
use crate::cfg::fault::Fault;
use crate::cfg::grammar;
use crate::cfg::reader::Sources;
use crate::cfg::{self};
use crate::connectivity::Finding;
use redact::Redactor;

/// Of each log, the last so many octets.
const LOG: u64 = 4 << 20;
/// Of an answer of `operations_listen`, at most so many.
const ANSWER: u64 = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(3);
/// Logs that are put into it, as they are called in `log_dir`.
const LOGS: [&str; 4] = ["authproxy.log", "authproxy.log.1", "authevents.log", "authevents.log.1"];

/// Files by name.
pub struct Bundle {
    files: Vec<(String, String)>,
    folder: String,
    time: Timestamp,
}

impl Bundle {
    /// Gathers it. `text` is the configuration as it stands in its file, `findings` what was tried. What cannot be had is said in its place.
    pub fn of(text: &str, sources: &dyn Sources, findings: &[Finding], time: Timestamp) -> Self {
        let stamp = time.strftime("%Y%m%d-%H%M%S");
        let mut bundle = Self { files: Vec::new(), folder: format!("countersign-proxy-support-{stamp}"), time };
        let mut redactor = Redactor::default();
        files_of(text, sources, &mut redactor);
        let shown = redactor.configuration(text);
        let (config, faults) = cfg::read(text, sources);
        let mut add = |name: &str, text: &str| {
            let text = redactor.text(text);
            bundle.files.push((format!("{}/{name}", bundle.folder), text));
        };
        add("versions.txt", &versions(time));
        add("authproxy.cfg", &shown);
        add("check.txt", &lines(faults.iter().map(Fault::to_string)));
        add("connectivity.txt", &lines(findings.iter().map(Finding::to_string)));
        if let Some(config) = config {
            add("explain.txt", &explain(&config));
            for path in ["readyz", "metrics"] {
                let Some(address) = config.main.operations else { continue };
                let answer = ask(address, path).unwrap_or_else(|error| format!("no answer: {error}\n"));
                add(&format!("{path}.txt"), &answer);
            }
            for name in LOGS {
                if let Ok(text) = tail(&config.main.log_dir.join(name)) {
                    add(name, &text);
                }
            }
        }
        bundle
    }

    /// What it is called.
    pub fn name(&self) -> String {
        format!("{}.tar", self.folder)
    }

    /// Its files, each with the folder before its name.
    pub fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// As one file that only its owner can read.
    ///
    /// Fails if there is such a file, or it cannot be written.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let time = u64::try_from(self.time.as_second()).unwrap_or_default();
        file.write_all(&tar::archive(&self.files, time))
    }
}

/// Secrets that the configuration keeps in files: nothing of them is shown, but a log could repeat them.
fn files_of(text: &str, sources: &dyn Sources, redactor: &mut Redactor) {
    for section in grammar::parse(text, &mut cfg::fault::Faults::default()) {
        for entry in &section.entries {
            let stem = entry.key.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
            let is_secret = ["skey_file", "secret_file", "password_file"].iter().any(|end| stem.ends_with(end));
            if is_secret && let Ok(secret) = sources.file(&sources.folder().join(&*entry.value)) {
                redactor.add(secret.trim());
            }
            if stem.ends_with("_protected")
                && let Ok(secret) = sources.unprotect(&entry.value)
            {
                redactor.add(&secret);
            }
        }
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

fn versions(time: Timestamp) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let system = read("/etc/os-release");
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    let kernel = read("/proc/sys/kernel/osrelease");
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "countersign-proxy {version}\nsystem {}\nkernel {}\nwritten at {time}\n",
        system.trim_matches('"'),
        kernel.trim()
    )
}

/// `GET /path` of a proxy that runs.
fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER).read_to_string(&mut answer)?;
    Ok(answer)
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG)))?;
    let mut octets = Vec::new();
    file.take(LOG).read_to_end(&mut octets)?;
    let text = String::from_utf8_lossy(&octets).into_owned();
    // The first line is cut, and half a secret does not look like one.
    Ok(if length <= LOG { text } else { text.split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Host;

    #[test]
    fn cve_2023_20207_no_secret_gets_into_a_bundle_also_from_files_and_logs() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = [
            "0123456789012345678901234567890123456789",
            "a-long-device-secret",
            "from-a-file-5ecret",
            "the-servers-secret",
        ];
        std::fs::write(folder.path().join("secret.txt"), secrets[2]).unwrap();
        std::fs::create_dir(folder.path().join("log")).unwrap();
        std::fs::write(folder.path().join("log/authproxy.log"), format!("a line with {}\n", secrets.join(" and ")))
            .unwrap();
        let text = format!(
            "[main]\nlog_dir=log\n[radius_client]\nhost=192.0.2.1\nsecret={}\n[radius_server_auto]\nikey=DIXXXXXXXXXXXXXXXXXX\nskey={}\n\
            api_host=a.example.org\nradius_ip_1=192.0.2.9\nradius_secret_1={}\nradius_ip_2=192.0.2.8\nradius_secret_file_2=secret.txt\n",
            secrets[3], secrets[0], secrets[1]
        );
        let host = Host::for_file(&folder.path().join("authproxy.cfg"));
        let bundle = Bundle::of(&text, &host, &[], Timestamp::from_second(1_700_000_000).unwrap());
        assert_eq!(bundle.name(), "countersign-proxy-support-20231114-221320.tar");
        let all: Vec<&str> = bundle.files().iter().map(|(_, text)| text.as_str()).collect();
        for secret in secrets {
            assert!(!all.iter().any(|text| text.contains(secret)), "{secret}");
        }
        let names: Vec<&str> = bundle.files().iter().filter_map(|(name, _)| name.rsplit('/').next()).collect();
        assert_eq!(
            names,
            ["versions.txt", "authproxy.cfg", "check.txt", "connectivity.txt", "explain.txt", "authproxy.log"]
        );
        assert!(all[1].contains("api_host=a.example.org") && all[4].contains("192.0.2.9"));
        let path = folder.path().join("out.tar");
        bundle.write(&path).unwrap();
        // Nothing is written over.
        assert!(bundle.write(&path).is_err());
    }
}
