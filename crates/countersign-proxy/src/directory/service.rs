//! A connection of the service account, with what is known of the directory behind it.

use std::collections::HashMap;
use std::time::Instant;

use cs_ldap::{Dn, Filter, Scope, Search};

use super::connection::{Bounds, Connection, Found, Page};
use super::entry::Entry;
use super::groups::Wanted;
use super::trouble::Trouble;

/// Says that a directory is Active Directory, or its lightweight sister.
const ACTIVE_DIRECTORY: [&str; 2] = ["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1851"];

/// No attribute (RFC 4511 §4.5.1.8).
pub(super) const NO_ATTRIBUTE: &str = "1.1";

/// A connection that was bound by the service account.
pub(super) struct Service {
    connection: Connection,
    /// The host's place in the section.
    pub(super) host: usize,
    pub(super) opened: Instant,
    pub(super) is_active_directory: bool,
    /// What it is, in words.
    pub(super) kind: String,
    /// Where groups may lie.
    contexts: Vec<String>,
    /// Where Active Directory keeps the names of its domains.
    configuration: Option<String>,
    /// The domains' NetBIOS names, by their DNS names.
    domains: HashMap<String, Option<String>>,
    /// `security_group_dn`, as this directory has it.
    pub(super) group: Option<Wanted>,
}

impl Service {
    /// Asks a directory what it is, and for the group that people must be in: its name, and whether groups within it count. One that does not tell is taken for a plain one.
    pub(super) async fn survey(
        mut connection: Connection,
        host: usize,
        now: Instant,
        group: Option<(&str, bool)>,
    ) -> Result<Self, Trouble> {
        let attributes =
            ["supportedCapabilities", "namingContexts", "configurationNamingContext", "vendorName", "objectClass"];
        let root = one("", Filter::Present("objectClass".to_owned()), &attributes);
        let found = match connection.search(&root).await {
            Err(Trouble::Refused { .. }) => Found::default(),
            found => found?,
        };
        let root = found.entries.first();
        let texts = |name| root.map(|root| root.texts(name).map(str::to_owned).collect()).unwrap_or_default();
        let capabilities: Vec<String> = texts("supportedCapabilities");
        let is_active_directory = capabilities.iter().any(|known| ACTIVE_DIRECTORY.contains(&known.as_str()));
        let mut service = Self {
            connection,
            host,
            opened: now,
            is_active_directory,
            kind: kind(is_active_directory, texts("vendorName").pop(), &texts("objectClass")),
            contexts: texts("namingContexts"),
            configuration: texts("configurationNamingContext").pop(),
            domains: HashMap::new(),
            group: None,
        };
        if let Some((dn, nested)) = group {
            service.group = Some(Wanted::look_up(&mut service, dn, nested).await?);
        }
        Ok(service)
    }

    pub(super) async fn search(&mut self, search: &Search) -> Result<Found, Trouble> {
        self.connection.search(search).await
    }

    /// One entry, if it is there and the filter fits it.
    pub(super) async fn read(
        &mut self,
        dn: &str,
        filter: Filter,
        attributes: &[&str],
    ) -> Result<Option<Entry>, Trouble> {
        Ok(self.connection.search(&one(dn, filter, attributes)).await?.entries.pop())
    }

    /// As [`Connection::takes`].
    pub(super) fn takes(&mut self, bounds: Bounds) {
        self.connection.takes(bounds);
    }

    /// As [`Connection::page`].
    pub(super) async fn page(&mut self, search: &Search, after: &[u8]) -> Result<Page, Trouble> {
        self.connection.page(search, after).await
    }

    pub(super) async fn leave(self) {
        self.connection.leave().await;
    }

    pub(super) async fn is_quiet(&mut self) -> bool {
        self.connection.is_quiet().await
    }

    /// The tree that an entry lies in.
    pub(super) fn context_of(&self, dn: &str) -> Option<&str> {
        let dn = Dn::parse(dn).ok()?;
        let within = |context: &&String| Dn::parse(context).is_ok_and(|context| dn.is_at_or_under(&context));
        self.contexts.iter().filter(within).max_by_key(|context| context.len()).map(String::as_str)
    }

    /// The NetBIOS name of a domain, from its DNS name.
    pub(super) async fn netbios_name(&mut self, domain: &str) -> Result<Option<String>, Trouble> {
        if let Some(known) = self.domains.get(domain) {
            return Ok(known.clone());
        }
        let Some(configuration) = self.configuration.clone() else { return Ok(None) };
        let search = Search {
            base: configuration,
            scope: Scope::Subtree,
            size_limit: 2,
            time_limit_seconds: 0,
            filter: Filter::And(vec![
                Filter::equal("objectClass", "crossRef"),
                Filter::equal("dnsRoot", domain),
                Filter::Present("nETBIOSName".to_owned()),
            ]),
            attributes: vec!["nETBIOSName".to_owned()],
        };
        let found = self.search(&search).await?;
        let name = found.entries.first().and_then(|entry| entry.text("nETBIOSName")).map(str::to_owned);
        self.domains.insert(domain.to_owned(), name.clone());
        Ok(name)
    }
}

/// What a directory is, for administrators.
fn kind(is_active_directory: bool, vendor: Option<String>, classes: &[String]) -> String {
    let vendor: Option<String> = vendor.map(|vendor| vendor.chars().filter(|c| !c.is_control()).take(60).collect());
    match (is_active_directory, vendor) {
        (true, Some(vendor)) if vendor.contains("Samba") => "Active Directory (Samba)".to_owned(),
        (true, _) => "Active Directory".to_owned(),
        (false, Some(vendor)) => vendor,
        (false, None) if classes.iter().any(|class| class == "OpenLDAProotDSE") => "OpenLDAP".to_owned(),
        (false, None) => "LDAP directory".to_owned(),
    }
}

/// A search for one entry.
fn one(dn: &str, filter: Filter, attributes: &[&str]) -> Search {
    Search {
        base: dn.to_owned(),
        scope: Scope::Base,
        size_limit: 1,
        time_limit_seconds: 0,
        filter,
        attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// The DNS name that a distinguished name ends with: `CN=alice,DC=lab,DC=test` is in `lab.test`.
pub(super) fn domain_of(dn: &str) -> Option<String> {
    let label = |part: &str| {
        let (kind, value) = part.split_once('=')?;
        kind.trim().eq_ignore_ascii_case("dc").then(|| value.trim().to_lowercase())
    };
    let mut labels: Vec<String> = dn.rsplit(',').map_while(label).collect();
    labels.reverse();
    if labels.is_empty() { None } else { Some(labels.join(".")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_with_its_domain() {
        assert_eq!(domain_of("CN=Alice\\, A.,OU=x,DC=Lab,DC=test").as_deref(), Some("lab.test"));
        assert_eq!(domain_of("uid=alice,ou=people"), None);
    }
}
