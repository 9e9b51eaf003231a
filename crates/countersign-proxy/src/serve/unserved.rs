//! What the configuration may say and this version does not do.

use anyhow::bail;

use crate::cfg::Config;
use crate::cfg::client::Client;

/// Fails if it says so: better no proxy than one that does half.
pub(super) fn refuse_unserved(config: &Config) -> anyhow::Result<()> {
    let mut unserved: Vec<String> = Vec::new();
    let accounting = config.accounting.as_ref().and_then(|section| config.clients.get(section.client.as_ref()?));
    if matches!(accounting, Some(Client::Radius(radius)) if radius.tls.is_some()) {
        unserved.push("[radius_acct] for a radius_client by TLS".to_owned());
    }
    if unserved.is_empty() {
        return Ok(());
    }
    bail!(
        "not served yet: {}. What is served: radius_server_auto, _challenge, _concat, _duo_only and _eap, radius_client, ad_client, ldap_server_auto, cloud and sso",
        unserved.join(", ")
    );
}
