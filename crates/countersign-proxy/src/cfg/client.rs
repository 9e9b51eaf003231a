//! Client sections: who checks the first factor.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::reader::Reader;
use super::word::words;

/// Who checks the first factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// A directory.
    Ad(Box<AdClient>),
    /// Another RADIUS server.
    Radius(Box<RadiusClient>),
    /// Nobody: every first factor is right.
    DuoOnly,
}

words! {
    /// How connections to a directory are protected.
    LdapTransport {
        /// Not at all.
        Clear = "clear",
        /// TLS from within LDAP.
        StartTls = "starttls",
        /// TLS from the beginning.
        Ldaps = "ldaps",
    }
}

words! {
    /// How the proxy and people prove who they are to a directory.
    LdapAuth {
        /// NTLM, version 2.
        Ntlm2 = "ntlm2",
        /// A name and a password.
        Plain = "plain",
        /// NTLM, version 1, which is broken: version 2 is used.
        Ntlm1 = "ntlm1",
        /// The Windows account of the proxy's host.
        Sspi = "sspi",
    }
}

/// `[ad_client]`
#[derive(Clone, PartialEq, Eq)]
pub struct AdClient {
    /// In the order in which they are tried.
    pub hosts: Vec<String>,
    /// Of all hosts.
    pub port: u16,
    /// The account that looks people up.
    pub service_account_username: String,
    /// Its password.
    pub service_account_password: Zeroizing<String>,
    /// Where people are searched, with all below.
    pub search_dn: String,
    /// The group that people must be in.
    pub security_group_dn: Option<String>,
    /// Groups within that group count too.
    pub nested_groups: bool,
    /// A further condition of the search.
    pub ldap_filter: Option<String>,
    /// For everything on one host.
    pub timeout: Duration,
    /// See [`LdapTransport`].
    pub transport: LdapTransport,
    /// Authorities of the directory's certificate.
    pub ssl_ca_certs_file: Option<PathBuf>,
    /// Whether the certificate must be for the host's name.
    pub ssl_verify_hostname: bool,
    /// See [`LdapAuth`].
    pub auth_type: LdapAuth,
    /// The service account's DN, for plain binds.
    pub bind_dn: Option<String>,
    /// NTLM's domain.
    pub ntlm_domain: String,
    /// NTLM's workstation.
    pub ntlm_workstation: String,
    /// Where a name is looked for.
    pub username_attribute: String,
    /// Where a name with one `@` is looked for.
    pub at_attribute: String,
}

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

/// Which attributes are copied from one hop to the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PassThrough {
    /// Every one.
    pub all: bool,
    /// These, by number within a vendor or the RFCs.
    pub attributes: Vec<(Option<u32>, u8)>,
}

impl PassThrough {
    /// `pass_through_attr_names` and `pass_through_all`.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let key = "pass_through_attr_names";
        let mut attributes = Vec::new();
        for name in reader.list(key) {
            match cs_radius::dictionary::by_name(&name) {
                Some(entry) => attributes.push((entry.vendor, entry.kind)),
                None => reader.error(key, unknown_attribute(&name)),
            }
        }
        Self { all: reader.flag("pass_through_all", false), attributes }
    }

    /// Whether an attribute is among them.
    pub fn has(&self, vendor: Option<u32>, kind: u8) -> bool {
        self.all || self.attributes.contains(&(vendor, kind))
    }
}

/// The sentence for a name that the dictionary has not.
pub(super) fn unknown_attribute(name: &str) -> String {
    match cs_radius::dictionary::nearest(name) {
        Some(like) => format!("no attribute is called {name:?}; {like} was meant?"),
        None => format!("no attribute is called {name:?}"),
    }
}

impl Client {
    /// Reads a section `[ad_client…]`, `[radius_client…]` or `[duo_only_client…]`; `None` where something needed is missing, which is noted.
    pub(super) fn read(kind: &str, reader: &Reader<'_>) -> Option<Self> {
        match kind {
            "ad_client" => AdClient::read(reader).map(Box::new).map(Self::Ad),
            "radius_client" => RadiusClient::read(reader).map(Box::new).map(Self::Radius),
            _ => Some(Self::DuoOnly),
        }
    }
}

impl AdClient {
    fn read(reader: &Reader<'_>) -> Option<Self> {
        let transport = reader.word("transport", LdapTransport::Clear);
        let auth_type = auth_type(reader);
        let hosts = ad_hosts(reader);
        let username = reader.required("service_account_username");
        let password = reader.required_secret("service_account_password");
        let search_dn = reader.required("search_dn");
        let bind_dn = reader.plain("bind_dn");
        if auth_type == LdapAuth::Plain && bind_dn.is_none() {
            reader.error("auth_type", "auth_type=plain needs bind_dn, the service account's distinguished name");
        }
        let ssl_verify_hostname = reader.flag("ssl_verify_hostname", true);
        let ssl_ca_certs_file = reader.path("ssl_ca_certs_file");
        check_tls(reader, transport, ssl_verify_hostname, ssl_ca_certs_file.is_some(), &hosts);
        if reader.has("ssl_verify_depth") {
            reader.warning(
                "ssl_verify_depth",
                "ssl_verify_depth is not needed: chains are checked whatever their length",
            );
        }
        let usual_port = if transport == LdapTransport::Ldaps { 636 } else { 389 };
        Some(Self {
            port: reader.number("port", usual_port, 1..=u16::MAX),
            security_group_dn: reader.plain("security_group_dn"),
            nested_groups: reader.flag("nested_groups", false),
            ldap_filter: reader.plain("ldap_filter"),
            timeout: Duration::from_secs(reader.number("timeout", 10, 1..=600)),
            ntlm_domain: reader.plain("ntlm_domain").unwrap_or_default(),
            ntlm_workstation: reader.plain("ntlm_workstation").unwrap_or_default(),
            username_attribute: reader.plain("username_attribute").unwrap_or_else(|| "sAMAccountName".to_owned()),
            at_attribute: reader.plain("at_attribute").unwrap_or_else(|| "userPrincipalName".to_owned()),
            hosts: Some(hosts).filter(|hosts| !hosts.is_empty())?,
            service_account_username: username?,
            service_account_password: password?,
            search_dn: search_dn?,
            transport,
            ssl_ca_certs_file,
            ssl_verify_hostname,
            auth_type,
            bind_dn,
        })
    }
}

fn auth_type(reader: &Reader<'_>) -> LdapAuth {
    let auth_type = reader.word("auth_type", LdapAuth::Ntlm2);
    match auth_type {
        LdapAuth::Ntlm1 => {
            reader.warning(
                "auth_type",
                "NTLM version 1 is broken; version 2 is used, which every domain controller takes",
            );
            LdapAuth::Ntlm2
        }
        LdapAuth::Sspi => {
            reader.error("auth_type", "sspi exists on Windows only: use ntlm2 or plain with a service account");
            LdapAuth::Ntlm2
        }
        LdapAuth::Plain | LdapAuth::Ntlm2 => auth_type,
    }
}

fn ad_hosts(reader: &Reader<'_>) -> Vec<String> {
    let mut hosts: Vec<String> = reader.plain("host").into_iter().collect();
    hosts.extend(reader.numbers("host").iter().filter_map(|number| reader.plain(&format!("host_{number}"))));
    if hosts.is_empty() {
        reader.error("host", format!("[{}] needs host", reader.name()));
    }
    hosts
}

fn check_tls(reader: &Reader<'_>, transport: LdapTransport, verify_name: bool, has_ca: bool, hosts: &[String]) {
    if transport == LdapTransport::Clear {
        reader.warning(
            "transport",
            "passwords travel in clear to the directory: transport=ldaps or starttls protects them",
        );
        return;
    }
    match (verify_name, has_ca) {
        (true, false) => reader.error("transport", "TLS needs ssl_ca_certs_file, the authorities of the directory's certificate"),
        (false, false) => reader.warning(
            "ssl_verify_hostname",
            "without ssl_ca_certs_file and with ssl_verify_hostname=false, nothing of the directory's certificate is checked: whoever is on the way can read passwords",
        ),
        (false, true) | (true, true) => {}
    }
    let is_address = |host: &&String| host.parse::<std::net::IpAddr>().is_ok();
    if let Some(host) = hosts.iter().find(is_address).filter(|_| verify_name) {
        let text = format!("the certificate is checked for a name, and {host} is an address; write the host's name");
        reader.warning("host", text);
    }
}

impl RadiusClient {
    fn read(reader: &Reader<'_>) -> Option<Self> {
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
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
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
pub(super) fn pw_codec(reader: &Reader<'_>) -> String {
    let codec = reader.plain("pw_codec").unwrap_or_else(|| "utf-8".to_owned()).to_lowercase().replace('_', "-");
    if !["utf-8", "utf8", "ascii", "latin-1", "latin1", "iso-8859-1"].contains(&codec.as_str()) {
        reader.error("pw_codec", format!("pw_codec is utf-8 or latin-1, not {codec:?}"));
    }
    if codec.contains("latin") || codec.contains("8859") { "latin-1".to_owned() } else { "utf-8".to_owned() }
}

fn radius_hosts(reader: &Reader<'_>, usual_port: u16) -> Vec<(String, u16)> {
    let port = reader.number("port", usual_port, 1..=u16::MAX);
    let mut hosts: Vec<(String, u16)> = reader.plain("host").into_iter().map(|host| (host, port)).collect();
    // The first host may be written `host` or `host_1`.
    let first = if hosts.is_empty() || reader.has("host_1") { 1 } else { 2 };
    for number in reader.gapless("host", first) {
        let port = reader.number(&format!("port_{number}"), usual_port, 1..=u16::MAX);
        hosts.extend(reader.plain(&format!("host_{number}")).map(|host| (host, port)));
    }
    if hosts.is_empty() {
        reader.error("host", format!("[{}] needs host", reader.name()));
    }
    hosts
}

impl std::fmt::Debug for AdClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdClient")
            .field("hosts", &self.hosts)
            .field("search_dn", &self.search_dn)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RadiusClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RadiusClient").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}
