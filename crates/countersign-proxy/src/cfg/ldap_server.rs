//! `[ldap_server_auto]`: applications ask here by LDAP.

use std::path::PathBuf;
use std::time::Duration;

use super::application::{Append, Application, Factor, FailMode, factors};
use super::main_section::Main;
use super::reader::Reader;
use super::word::words;

/// A section of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapServer {
    /// Its name, for logs.
    pub name: String,
    /// The application it is.
    pub application: Application,
    /// The `[ad_client]` behind it; resolved when the whole file was read.
    pub client: Option<String>,
    /// Where it listens; every address unless given.
    pub interface: Option<String>,
    /// Clear text and StartTLS.
    pub port: u16,
    /// LDAPS, and the certificate of it and of StartTLS.
    pub tls: Option<LdapTls>,
    /// In the order of preference.
    pub factors: Vec<Factor>,
    /// A factor behind the password.
    pub append: Option<Append>,
    /// The first bind of a connection needs no second factor.
    pub exempt_primary_bind: bool,
    /// Binds at or under these names need none.
    pub exempt_ous: Vec<String>,
    /// Whether anything is answered after a bind with a second factor.
    pub allow_searches_after_bind: bool,
    /// Whether such a bind may be followed by others.
    pub allow_unlimited_binds: bool,
    /// Applications' connections at a time.
    pub max_connections: usize,
    /// A bind with the same name and password needs no second factor again for so long.
    pub bind_reuse: Duration,
    /// For the directory's answer.
    pub network_timeout: Duration,
    /// For the application's next question.
    pub idle_timeout: Duration,
}

/// `ssl_…`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapTls {
    /// LDAPS.
    pub port: u16,
    /// Our certificate and its chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// At least.
    pub minimum: TlsVersion,
}

words! {
    /// Versions of TLS; those before 1.2 are not spoken.
    TlsVersion {
        /// RFC 5246
        Tls12 = "tls1.2",
        /// RFC 8446
        Tls13 = "tls1.3",
        /// RFC 4346
        Tls11 = "tls1.1",
        /// RFC 2246
        Tls10 = "tls1.0",
        /// Older yet.
        Ssl3 = "ssl3",
    }
}

/// `minimum_tls_version`, at least 1.2.
pub(super) fn minimum_tls(reader: &Reader<'_>) -> TlsVersion {
    if reader.has("cipher_list") {
        reader.warning("cipher_list", "cipher_list is not needed: only ciphers without known weakness are spoken");
    }
    match reader.word("minimum_tls_version", TlsVersion::Tls12) {
        TlsVersion::Tls13 => TlsVersion::Tls13,
        TlsVersion::Tls12 => TlsVersion::Tls12,
        TlsVersion::Tls11 | TlsVersion::Tls10 | TlsVersion::Ssl3 => {
            reader
                .warning("minimum_tls_version", "versions before TLS 1.2 are broken and not spoken; 1.2 is the least");
            TlsVersion::Tls12
        }
    }
}

impl LdapServer {
    /// Reads a section. `None` where something needed is missing, which is noted.
    pub(super) fn read(reader: &Reader<'_>, main: &Main) -> Option<Self> {
        let application = Application::read(reader, main);
        let exempt_primary_bind = reader.flag("exempt_primary_bind", true);
        // Each bind of a person needs a second factor of its own, so that one more does no harm.
        let allow_unlimited_binds = reader.flag("allow_unlimited_binds", true);
        if exempt_primary_bind && allow_unlimited_binds && reader.has("allow_unlimited_binds") {
            reader.error(
                "allow_unlimited_binds",
                "allow_unlimited_binds=true needs exempt_primary_bind=false: the first bind of each connection would need no second factor, and every login can open a connection",
            );
        }
        let mut exempt_ous: Vec<String> = reader.plain("exempt_ou").into_iter().collect();
        exempt_ous.extend(
            reader.numbers("exempt_ou").iter().filter_map(|number| reader.plain(&format!("exempt_ou_{number}"))),
        );
        for name in exempt_ous.iter().filter(|name| !cs_ldap::Dn::parse(name).is_ok_and(|dn| !dn.is_root())) {
            reader.error("exempt_ou", format!("{name:?} is no distinguished name, as ou=services,dc=example,dc=org"));
        }
        let allow_concat = reader.flag("allow_concat", true);
        let append = Append::read(reader);
        if !allow_concat && application.as_ref().is_some_and(|of| of.failmode == FailMode::Offline) {
            reader.error(
                "allow_concat",
                "failmode=offline needs allow_concat=true: by LDAP a code can only be typed behind the password",
            );
        }
        let seconds = |key: &str, usual: u64| Duration::from_secs(reader.number(key, usual, 1..=86_400));
        Some(Self {
            name: reader.name().to_owned(),
            client: reader.plain("client"),
            interface: reader.plain("interface").or_else(|| main.interface.clone()),
            port: reader.number("port", 389, 1..=u16::MAX),
            tls: tls(reader),
            factors: factors(reader),
            append: allow_concat.then_some(append),
            exempt_primary_bind,
            exempt_ous,
            allow_searches_after_bind: reader.flag("allow_searches_after_bind", true),
            allow_unlimited_binds,
            max_connections: reader.number("max_connections", 1000, 1..=100_000),
            bind_reuse: Duration::from_secs(reader.number("bind_reuse", 10, 0..=3600)),
            network_timeout: seconds("network_timeout", 600),
            idle_timeout: seconds("idle_timeout", 3600),
            application: application?,
        })
    }
}

fn tls(reader: &Reader<'_>) -> Option<LdapTls> {
    let port = reader.number("ssl_port", 636, 1..=u16::MAX);
    let minimum = minimum_tls(reader);
    match (reader.path("ssl_cert_path"), reader.path("ssl_key_path")) {
        (Some(certificate), Some(key)) => Some(LdapTls { port, certificate, key, minimum }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            reader.error("ssl_cert_path", "ssl_cert_path and ssl_key_path belong together");
            None
        }
    }
}
