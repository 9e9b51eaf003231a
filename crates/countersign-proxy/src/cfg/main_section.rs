//! `[main]`: logging, and what holds for every section.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::reader::Reader;
use super::word::words;

words! {
    /// A facility of syslog.
    SyslogFacility {
        /// Ordinary programs.
        User = "LOG_USER",
        /// The kernel.
        Kern = "LOG_KERN",
        /// Mail.
        Mail = "LOG_MAIL",
        /// Daemons.
        Daemon = "LOG_DAEMON",
        /// Security.
        Auth = "LOG_AUTH",
        /// Printers.
        Lpr = "LOG_LPR",
        /// Network news.
        News = "LOG_NEWS",
        /// UUCP.
        Uucp = "LOG_UUCP",
        /// Clocks.
        Cron = "LOG_CRON",
        /// Syslog itself.
        Syslog = "LOG_SYSLOG",
        /// Local use.
        Local0 = "LOG_LOCAL0",
        /// Local use.
        Local1 = "LOG_LOCAL1",
        /// Local use.
        Local2 = "LOG_LOCAL2",
        /// Local use.
        Local3 = "LOG_LOCAL3",
        /// Local use.
        Local4 = "LOG_LOCAL4",
        /// Local use.
        Local5 = "LOG_LOCAL5",
        /// Local use.
        Local6 = "LOG_LOCAL6",
        /// Local use.
        Local7 = "LOG_LOCAL7",
    }
}

/// What `[main]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Main {
    /// Everything that happens, packets included, secrets never.
    pub debug: bool,
    /// Where log files lie.
    pub log_dir: PathBuf,
    /// Logging into files.
    pub log_file: bool,
    /// The configuration says so; otherwise it is done because nothing else is said, where it can be.
    pub log_file_is_asked: bool,
    /// Logging to standard output.
    pub log_stdout: bool,
    /// Logging to syslog.
    pub log_syslog: Option<SyslogFacility>,
    /// A log file is put aside at this size, octets.
    pub log_max_size: u64,
    /// How many old log files stay; zero is all.
    pub log_max_files: u32,
    /// One line of JSON for each step of a login.
    pub log_auth_events: bool,
    /// The same for single sign-on.
    pub log_sso_events: bool,
    /// The authorities that the API host's certificate may come from, instead of the system's.
    pub http_ca_certs_file: Option<PathBuf>,
    /// A proxy for calls of the API.
    pub http_proxy: Option<HttpProxyAddress>,
    /// The address that servers listen at unless they say otherwise.
    pub interface: Option<String>,
    /// The client section of servers that name none.
    pub client: Option<String>,
    /// With `client`: the one server section whose client that is.
    pub server: Option<String>,
    /// Tries every connection before serving.
    pub test_connectivity_on_startup: bool,
    /// What is kept for the time when the server cannot be asked.
    pub outages: PathBuf,
    /// Where metrics and health are served over HTTP; off unless given.
    pub operations: Option<SocketAddr>,
}

/// A proxy that speaks CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProxyAddress {
    /// Name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl HttpProxyAddress {
    /// `http_proxy_host` and `http_proxy_port`.
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let port = reader.number("http_proxy_port", 80, 1..=u16::MAX);
        let host = reader.plain("http_proxy_host")?;
        if host.contains(['/', '@', ' ', '?', '#']) {
            reader.error("http_proxy_host", format!("http_proxy_host is a name or an address alone: {host:?}"));
        }
        Some(Self { host, port })
    }

    /// `HOST:PORT`
    pub fn authority(&self) -> String {
        let Self { host, port } = self;
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl Main {
    /// Reads the section.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        for (key, text) in [
            ("is_logging_insecure", "is_logging_insecure is not set here: passwords are never logged"),
            ("fips_mode", "fips_mode is not known here: TLS is rustls with 1.2 and 1.3, MD5 is used in RADIUS alone"),
        ] {
            if reader.has(key) {
                reader.warning(key, text);
            }
        }
        let log_stdout = reader.flag("log_stdout", false);
        let facility = reader.word("syslog_facility", SyslogFacility::User);
        let log_syslog = reader.flag("log_syslog", false).then_some(facility);
        // systemd makes a folder for logs (LogsDirectory=) and says where it is.
        let log_dir = reader.path("log_dir").or_else(|| reader.variable("LOGS_DIRECTORY").map(PathBuf::from));
        let log_dir = log_dir.unwrap_or_else(|| reader.beside("log"));
        let log_file_is_asked = reader.flag("log_file", false);
        Self {
            debug: reader.flag("debug", false),
            log_dir,
            log_file: reader.flag("log_file", !log_stdout && log_syslog.is_none()),
            log_file_is_asked,
            log_stdout,
            log_syslog,
            log_max_size: reader.number("log_max_size", 10_485_760, 4096..=u64::MAX),
            log_max_files: reader.number("log_max_files", 6, 0..=10_000),
            log_auth_events: reader.flag("log_auth_events", false),
            log_sso_events: reader.flag("log_sso_events", true),
            http_ca_certs_file: reader.path("http_ca_certs_file"),
            http_proxy: HttpProxyAddress::read(reader),
            interface: reader.plain("interface"),
            client: reader.plain("client"),
            server: reader.plain("server"),
            outages: reader.state_path("outages"),
            test_connectivity_on_startup: reader.flag("test_connectivity_on_startup", false),
            operations: operations(reader),
        }
    }
}

/// `operations_listen`: a port of this host, or address and port.
fn operations(reader: &Reader<'_>) -> Option<SocketAddr> {
    let key = "operations_listen";
    let text = reader.plain(key)?;
    let port = || Some(SocketAddr::from((Ipv4Addr::LOCALHOST, text.parse::<u16>().ok()?)));
    let Some(address) = text.parse().ok().or_else(port) else {
        reader.error(key, format!("{key} is a port, or address and port (9812, 127.0.0.1:9812), not {text:?}"));
        return None;
    };
    if !address.ip().is_loopback() {
        reader
            .warning(key, format!("{key}: whoever reaches {address} reads there which devices and servers are asked"));
    }
    Some(address)
}
