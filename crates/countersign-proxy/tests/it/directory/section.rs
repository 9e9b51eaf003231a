//! Sections that ask a directory of the test's own.

use countersign_proxy::cfg::client::Client;
use countersign_proxy::directory::Directory;

use crate::support::config::{KEYS, read};
use crate::support::directory::Fake;

impl Fake {
    /// A section that asks it, by passwords in clear where `options` say nothing else.
    pub(crate) fn section(&self, options: &str) -> Directory {
        section(&[self], options)
    }
}

/// A section that asks these, in this order.
pub(crate) fn section(hosts: &[&Fake], options: &str) -> Directory {
    let names: Vec<String> =
        hosts.iter().enumerate().map(|(at, fake)| format!("host_{}={}\n", at + 1, fake.address)).collect();
    let port = hosts[0].port;
    let usual = if options.contains("auth_type") { "" } else { "auth_type=plain\nbind_dn=cn=svc,dc=lab\n" };
    let text = format!(
        "[ad_client]\n{}port={port}\n{usual}service_account_username=svc\nservice_account_password=svc-pw\nsearch_dn=dc=lab\nusername_attribute=uid\n\
        at_attribute=mail\n{options}\n[radius_server_auto]\n{KEYS}api_host=api.example.org\n\
        radius_ip_1=192.0.2.0/24\nradius_secret_1=a-long-shared-secret\n",
        names.concat()
    );
    let config = read(&text);
    let Some(Client::Ad(ad)) = config.clients.get("ad_client") else { panic!("no section") };
    Directory::new("ad_client", ad, options.contains("nested_groups")).unwrap()
}
