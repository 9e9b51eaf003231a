//! A section as it judges binds.

use std::sync::Arc;
use std::time::Duration;

use cs_ldap::Dn;

use crate::cfg::application::{Append, FailMode};
use crate::cfg::ldap_server::LdapServer;
use crate::cfg::radius_server::{Enroll, Mode};

/// A person has a minute for a push; a server that says nothing for so long will say nothing.
const SECOND_FACTOR: Duration = Duration::from_secs(90);

/// What a section wants, shared by its connections.
#[derive(Debug)]
pub struct Rules {
    /// Its name.
    pub section: String,
    /// Its integration key.
    pub ikey: String,
    pub(super) mode: Arc<Mode>,
    pub(super) append: Option<Append>,
    pub(super) failmode: FailMode,
    pub(super) exempt_primary_bind: bool,
    pub(super) exempt_ous: Vec<Dn>,
    pub(super) allow_searches_after_bind: bool,
    pub(super) allow_unlimited_binds: bool,
    pub(super) network_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) second_factor: Duration,
    /// There is a certificate for StartTLS.
    pub(super) has_tls: bool,
}

impl Rules {
    /// Of a configuration, whose names were checked when it was read.
    pub fn new(server: &LdapServer) -> Self {
        let mode = Mode::Auto {
            factors: server.factors.clone(),
            append: server.append.clone(),
            // There is nothing that could be shown but why it was refused.
            enroll: Enroll::Reject,
            fallback: None,
        };
        Self {
            section: server.name.clone(),
            ikey: server.application.ikey.clone(),
            mode: Arc::new(mode),
            append: server.append.clone(),
            failmode: server.application.failmode,
            exempt_primary_bind: server.exempt_primary_bind,
            exempt_ous: server.exempt_ous.iter().filter_map(|text| Dn::parse(text).ok()).collect(),
            allow_searches_after_bind: server.allow_searches_after_bind,
            allow_unlimited_binds: server.allow_unlimited_binds,
            network_timeout: server.network_timeout,
            idle_timeout: server.idle_timeout,
            second_factor: server.application.api_timeout.unwrap_or(SECOND_FACTOR),
            has_tls: server.tls.is_some(),
        }
    }

    /// Whether a name is at or under one of `exempt_ou_N`.
    pub(super) fn is_exempt(&self, name: &Dn) -> bool {
        self.exempt_ous.iter().any(|base| name.is_at_or_under(base))
    }
}
