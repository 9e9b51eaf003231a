//! `[ad_client]`: a directory.

use std::path::PathBuf;
use std::time::Duration;

use cs_ldap::Filter;
use zeroize::Zeroizing;

use crate::cfg::reader::Reader;
use crate::cfg::word::words;

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

impl std::fmt::Debug for AdClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdClient")
            .field("hosts", &self.hosts)
            .field("search_dn", &self.search_dn)
            .finish_non_exhaustive()
    }
}

impl AdClient {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
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
            ldap_filter: ldap_filter(reader),
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

fn ldap_filter(reader: &Reader<'_>) -> Option<String> {
    let text = reader.plain("ldap_filter")?;
    if let Err(fault) = Filter::parse(&text) {
        reader.error("ldap_filter", format!("ldap_filter is no filter (RFC 4515): {fault}"));
    }
    Some(text)
}

fn ad_hosts(reader: &Reader<'_>) -> Vec<String> {
    let mut hosts: Vec<String> = reader.host("host", "port").into_iter().collect();
    hosts.extend(reader.numbers("host").iter().filter_map(|number| reader.host(&format!("host_{number}"), "port")));
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
