//! Sections beside servers and clients: directory synchronisation, single sign-on, the HTTP proxy, accounting, dynamic authorization.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::application::{is_api_host, keys_have_their_lengths};
use super::main_section::{HttpProxyAddress, Main};
use super::network::AddressRange;
use super::reader::Reader;

/// `[cloud]` and `[sso]`: what the server asks of this proxy, over a connection that the proxy opens.
#[derive(Clone, PartialEq, Eq)]
pub struct Agent {
    /// The section's name.
    pub name: String,
    /// Which agent it is: the integration key, or `rikey` for single sign-on.
    pub key: String,
    /// Its secret.
    pub secret: Zeroizing<String>,
    /// The server.
    pub api_host: String,
    /// Of the server.
    pub api_port: u16,
    /// An account of its own for the directory.
    pub service_account: Option<(String, Zeroizing<String>)>,
    /// The directory: a client section; resolved when the whole file was read.
    pub client: Option<String>,
    /// On the way to the server.
    pub http_proxy: Option<HttpProxyAddress>,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}] {} at {}", self.name, self.key, self.api_host)
    }
}

impl Agent {
    pub(super) fn cloud(reader: &Reader<'_>, main: &Main) -> Option<Self> {
        let (key, secret, host) =
            (reader.required("ikey"), reader.required_secret("skey"), reader.required("api_host"));
        Self::read(reader, main, ("ikey", key), secret, host)
    }

    pub(super) fn sso(reader: &Reader<'_>, main: &Main) -> Option<Self> {
        let key = reader.required("rikey");
        let (secret, host) = (reader.secret("rskey"), reader.plain("api_host"));
        let is_given = ["rskey", "rskey_protected", "rskey_file"].iter().any(|form| reader.has(form));
        if !is_given || host.is_none() {
            let missing: Vec<&str> =
                [(!is_given).then_some("rskey"), host.is_none().then_some("api_host")].into_iter().flatten().collect();
            let text = format!(
                "[{}] needs {}: what authproxy_update_sso_enrollment_code did for Duo's service is written here. rikey and rskey are the integration key and secret key that the server shows for the directory, api_host is the server's name",
                reader.name(),
                missing.join(" and ")
            );
            reader.error("rikey", text);
        }
        Self::read(reader, main, ("rikey", key), secret, host)
    }

    fn read(
        reader: &Reader<'_>,
        main: &Main,
        (key_name, key): (&str, Option<String>),
        secret: Option<Zeroizing<String>>,
        api_host: Option<String>,
    ) -> Option<Self> {
        let name = reader.plain("service_account_username");
        let password = reader.secret("service_account_password");
        if name.is_some() != password.is_some() {
            let text = "service_account_username and service_account_password belong together";
            reader.error("service_account_username", text);
        }
        let secret_name = if key_name == "rikey" { "rskey" } else { "skey" };
        let given = secret.as_deref().map(String::as_str);
        keys_have_their_lengths(reader, (key_name, key.as_deref()), (secret_name, given));
        if let Some(host) = api_host.as_deref() {
            is_api_host(reader, host);
        }
        let (client, api_port) = (reader.plain("client"), reader.number("api_port", 443, 1..=u16::MAX));
        let http_proxy = HttpProxyAddress::read(reader).or_else(|| main.http_proxy.clone());
        Some(Self {
            name: reader.name().to_owned(),
            key: key?,
            secret: secret?,
            api_host: api_host?,
            api_port,
            service_account: name.zip(password),
            client,
            http_proxy,
        })
    }

    /// The server as it stands in `Host`.
    pub fn authority(&self) -> String {
        let Self { api_host, api_port, .. } = self;
        if api_host.contains(':') || *api_port == 443 { api_host.clone() } else { format!("{api_host}:{api_port}") }
    }
}

/// `[http_proxy]`: lets clients elsewhere reach the server, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProxy {
    /// The only host that can be reached.
    pub api_host: String,
    /// Where it listens.
    pub interface: Option<String>,
    /// Its port.
    pub port: u16,
    /// Who may ask; everybody unless given.
    pub clients: Vec<AddressRange>,
    /// At a time.
    pub max_connections: usize,
}

impl HttpProxy {
    pub(super) fn read(reader: &Reader<'_>, main: &Main) -> Option<Self> {
        let range = |text: &String| {
            AddressRange::parse(text).map_err(|error| reader.error("client_ip", format!("client_ip: {error}"))).ok()
        };
        let texts = reader.list("client_ip");
        if texts.is_empty() {
            reader.warning("client_ip", "without client_ip, whoever reaches this port reaches the server through it");
        }
        let clients = texts.iter().filter_map(range).collect();
        let port = reader.number("port", 80, 1..=u16::MAX);
        let interface = reader.plain("interface").or_else(|| main.interface.clone());
        let max_connections = reader.number("max_connections", 200, 1..=100_000);
        Some(Self { api_host: reader.required("api_host")?, interface, port, clients, max_connections })
    }
}

/// `[radius_acct]`: accounting (RFC 2866), relayed to a `[radius_client]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounting {
    /// Where it listens.
    pub interface: Option<String>,
    /// UDP.
    pub port: u16,
    /// The client section; resolved when the whole file was read.
    pub client: Option<String>,
    /// Of that server.
    pub upstream_port: u16,
    /// The folder where records wait for that server.
    pub spool: PathBuf,
    /// How much may wait, in MiB.
    pub spool_mb: u64,
    /// How long a record may wait, in days.
    pub spool_days: u64,
}

impl Accounting {
    pub(super) fn read(reader: &Reader<'_>, main: &Main) -> Self {
        Self {
            interface: reader.plain("interface").or_else(|| main.interface.clone()),
            port: reader.number("port", 1813, 1..=u16::MAX),
            client: reader.plain("client"),
            upstream_port: reader.number("upstream_port", 1813, 1..=u16::MAX),
            spool: reader.state_path("spool"),
            spool_mb: reader.number("spool_mb", 256, 4..=1 << 20),
            spool_days: reader.number("spool_days", 7, 1..=365),
        }
    }
}

/// `[radius_coa]`: changes and ends of sessions (RFC 5176), from the next server to the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coa {
    /// Where it listens.
    pub interface: Option<String>,
    /// UDP: 3799 is the standard's, 1700 Cisco's.
    pub ports: Vec<u16>,
    /// Sessions of people who were disabled are ended.
    pub ends_disabled: bool,
    /// How often the server is asked who is.
    pub every: Duration,
}

impl Coa {
    pub(super) fn read(reader: &Reader<'_>, main: &Main) -> Self {
        let texts = reader.list("port");
        let port = |text: &String| text.parse().map_err(|_| reader.error("port", format!("{text:?} is no port"))).ok();
        let ports: Vec<u16> = texts.iter().filter_map(port).collect();
        let interface = reader.plain("interface").or_else(|| main.interface.clone());
        let ends_disabled = reader.flag("disconnect_disabled", true);
        let every = Duration::from_secs(reader.number("disconnect_every", 30, 1..=3600));
        Self { interface, ports: if ports.is_empty() { vec![1700, 3799] } else { ports }, ends_disabled, every }
    }
}
