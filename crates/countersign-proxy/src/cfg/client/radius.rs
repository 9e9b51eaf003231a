//! `[radius_client]`: another RADIUS server.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::PassThrough;
use crate::cfg::reader::Reader;
use crate::cfg::word::words;

/// `[radius_client]`
#[derive(Clone, PartialEq, Eq)]
pub struct RadiusClient {
    /// Hosts and ports in their order.
    pub hosts: Vec<(String, u16)>,
    /// Shared with all of them.
    pub secret: Zeroizing<String>,
    /// How often a request is sent again, in all.
    pub retries: u32,
    /// Between two sendings.
    pub retry_wait: Duration,
    /// What NAS-IP-Address becomes; `None`: see `preserve_nas`.
    pub nas_ip: Option<std::net::Ipv4Addr>,
    /// The device's own NAS-IP-Address and NAS-Identifier stay.
    pub preserve_nas: bool,
    /// What of the answer travels back.
    pub pass_through: PassThrough,
    /// Encoding of passwords.
    pub pw_codec: String,
    /// TLS instead of UDP (RFC 6614).
    pub tls: Option<TlsFiles>,
    /// Whether answers must carry a Message-Authenticator.
    pub require_message_authenticator: Demand,
}

/// Certificates of one end of a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities of the other end.
    pub ca: PathBuf,
    /// Our certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

words! {
    /// Whether something that old devices lack is demanded.
    Demand {
        /// As soon as it was seen once.
        Auto = "auto",
        /// Always.
        Yes = "yes",
        /// Never.
        No = "no",
    }
}

impl std::fmt::Debug for RadiusClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RadiusClient").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl RadiusClient {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let tls = if reader.word("transport", RadiusTransport::Udp) == RadiusTransport::Tls {
            TlsFiles::read(reader)
        } else {
            None
        };
        let hosts = radius_hosts(reader, if tls.is_some() { 2083 } else { 1812 });
        // RFC 6614 §2.3 fixes the secret inside TLS.
        let secret = if tls.is_some() && reader.secret("secret").is_none() {
            Some(Zeroizing::new("radsec".to_owned()))
        } else {
            reader.required_secret("secret")
        };
        let nas_ip = reader.plain("nas_ip").and_then(|text| {
            let parsed =
                text.parse().map_err(|_| reader.error("nas_ip", format!("nas_ip is an IPv4 address, not {text:?}")));
            parsed.ok()
        });
        let demand = reader.word("require_message_authenticator", Demand::Auto);
        let forced = reader.flag("force_message_authenticator", false);
        Some(Self {
            retries: reader.number("retries", 3, 0..=100),
            retry_wait: Duration::from_secs(reader.number("retry_wait", 2, 1..=600)),
            preserve_nas: reader.word("nas_identity", NasIdentity::Overwrite) == NasIdentity::Preserve,
            pass_through: PassThrough::read(reader),
            pw_codec: pw_codec(reader),
            require_message_authenticator: if forced { Demand::Yes } else { demand },
            hosts: Some(hosts).filter(|hosts| !hosts.is_empty())?,
            secret: secret?,
            nas_ip,
            tls,
        })
    }
}

words! {
    /// What RADIUS travels in.
    RadiusTransport {
        /// RFC 2865
        Udp = "udp",
        /// RFC 6614
        Tls = "tls",
    }
}

words! {
    /// As whom the proxy asks the next server.
    NasIdentity {
        /// As itself.
        Overwrite = "overwrite",
        /// As the device that asked.
        Preserve = "preserve",
    }
}

impl TlsFiles {
    pub(in crate::cfg) fn read(reader: &Reader<'_>) -> Option<Self> {
        for key in ["tls_ca_file", "tls_cert_file", "tls_key_file"] {
            if !reader.has(key) {
                reader.error(key, format!("[{}] speaks TLS and needs {key}", reader.name()));
            }
        }
        let [ca, certificate, key] = ["tls_ca_file", "tls_cert_file", "tls_key_file"].map(|key| reader.path(key));
        Some(Self { ca: ca?, certificate: certificate?, key: key? })
    }
}

/// The only encoding of passwords besides UTF-8 that can be meant: of the others none is a RADIUS server's.
pub(in crate::cfg) fn pw_codec(reader: &Reader<'_>) -> String {
    let codec = reader.plain("pw_codec").unwrap_or_else(|| "utf-8".to_owned()).to_lowercase().replace('_', "-");
    if !["utf-8", "utf8", "ascii", "latin-1", "latin1", "iso-8859-1"].contains(&codec.as_str()) {
        reader.error("pw_codec", format!("pw_codec is utf-8 or latin-1, not {codec:?}"));
    }
    if codec.contains("latin") || codec.contains("8859") { "latin-1".to_owned() } else { "utf-8".to_owned() }
}

fn radius_hosts(reader: &Reader<'_>, usual_port: u16) -> Vec<(String, u16)> {
    let port = reader.number("port", usual_port, 1..=u16::MAX);
    let mut hosts: Vec<(String, u16)> = reader.host("host", "port").into_iter().map(|host| (host, port)).collect();
    // The first host may be written `host` or `host_1`.
    let first = if hosts.is_empty() || reader.has("host_1") { 1 } else { 2 };
    for number in reader.gapless("host", first) {
        let port_key = format!("port_{number}");
        let port = reader.number(&port_key, usual_port, 1..=u16::MAX);
        hosts.extend(reader.host(&format!("host_{number}"), &port_key).map(|host| (host, port)));
    }
    if hosts.is_empty() {
        reader.error("host", format!("[{}] needs host", reader.name()));
    }
    hosts
}
