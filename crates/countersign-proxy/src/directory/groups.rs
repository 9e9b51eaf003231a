//! Groups: whether somebody is in one, and all that somebody is in.
//!
//! Active Directory follows groups within groups by itself (matching rule 1.2.840.113556.1.4.1941) and keeps one group apart, the primary one, which a person names
//! by the last part of its SID. Other directories are walked, upwards from the person.

use std::collections::HashSet;

use cs_ldap::{Dn, Filter, Scope, Search};

use super::entry::Entry;
use super::service::{NO_ATTRIBUTE, Service};
use super::trouble::Trouble;

/// A group that somebody is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its distinguished name.
    pub dn: String,
    /// Its `cn`.
    pub name: Option<String>,
}

impl Group {
    /// Whether a configuration means this group: by its name or its distinguished name, whatever the case.
    pub fn is_called(&self, text: &str) -> bool {
        let by_name = self.name.as_deref().is_some_and(|name| name.to_lowercase() == text.to_lowercase());
        by_name || text.contains('=') && Dn::parse(text).is_ok_and(|dn| Dn::parse(&self.dn) == Ok(dn))
    }
}

/// Microsoft's rule that follows groups within groups.
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
/// More groups than this around one person are not followed; nor does a directory send more at a time.
const MOST_GROUPS: usize = 1000;
/// Groups within groups, so deep.
const DEEPEST: usize = 32;
/// Names that one question asks about.
const AT_A_TIME: usize = 32;

/// `security_group_dn`, as a directory has it.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    dn: String,
    /// The last part of its SID, by which people name their primary group.
    rid: Option<u32>,
    nested: bool,
    is_active_directory: bool,
}

impl Wanted {
    /// Looks the group up.
    ///
    /// Fails if it is not there: nobody could be in it.
    pub(super) async fn look_up(service: &mut Service, dn: &str, nested: bool) -> Result<Self, Trouble> {
        let found = service.read(dn, any(), &["objectSid"]).await?;
        let group = found.ok_or(Trouble::NoSuchEntry { key: "security_group_dn" })?;
        let rid = group.values("objectSid").first().and_then(|sid| rid(sid));
        Ok(Self { dn: group.dn, rid, nested, is_active_directory: service.is_active_directory })
    }

    /// What Active Directory can tell while it searches.
    pub(super) fn filter(&self) -> Option<Filter> {
        if !self.is_active_directory {
            return None;
        }
        let mut either = vec![self.holds("memberOf")];
        either.extend(self.rid.map(|rid| Filter::equal("primaryGroupID", rid.to_string())));
        Some(Filter::Or(either))
    }

    fn holds(&self, attribute: &str) -> Filter {
        if self.nested { in_chain(attribute, &self.dn) } else { Filter::equal(attribute, self.dn.as_str()) }
    }

    /// Whether somebody is in it whom [`filter`](Self::filter) did not find.
    pub(super) async fn has(&self, service: &mut Service, person: &Entry) -> Result<bool, Trouble> {
        if self.is_active_directory {
            return if self.nested { self.has_primary_group_of(service, person).await } else { Ok(false) };
        }
        if service.read(&self.dn, members(person), &[NO_ATTRIBUTE]).await?.is_some()
            || service.read(&person.dn, self.direct(), &[NO_ATTRIBUTE]).await?.is_some()
        {
            return Ok(true);
        }
        if !self.nested {
            return Ok(false);
        }
        let Ok(wanted) = Dn::parse(&self.dn) else { return Ok(false) };
        let groups = walk(service, person).await?;
        Ok(groups.iter().any(|group| Dn::parse(&group.dn).as_ref() == Ok(&wanted)))
    }

    fn direct(&self) -> Filter {
        Filter::equal("memberOf", self.dn.as_str())
    }

    /// Groups around a primary group are no group of the person as the rule sees it.
    async fn has_primary_group_of(&self, service: &mut Service, person: &Entry) -> Result<bool, Trouble> {
        let Some(primary) = primary_group(service, person).await? else { return Ok(false) };
        Ok(service.read(&primary.dn, self.holds("memberOf"), &[NO_ATTRIBUTE]).await?.is_some())
    }
}

/// All groups that somebody is in, by whatever way.
pub(super) async fn of(service: &mut Service, person: &Entry) -> Result<Vec<Group>, Trouble> {
    if !service.is_active_directory {
        return walk(service, person).await;
    }
    let mut groups = around(service, &person.dn).await?;
    if let Some(primary) = primary_group(service, person).await? {
        for group in around(service, &primary.dn).await? {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups.push(primary);
    }
    Ok(groups)
}

/// As Active Directory's rule sees it.
async fn around(service: &mut Service, dn: &str) -> Result<Vec<Group>, Trouble> {
    let filter = Filter::And(vec![Filter::equal("objectClass", "group"), in_chain("member", dn)]);
    groups_by(service, dn, filter).await
}

async fn primary_group(service: &mut Service, person: &Entry) -> Result<Option<Group>, Trouble> {
    let rid = person.text("primaryGroupID").and_then(|rid| rid.parse::<u32>().ok());
    let Some((sid, rid)) = person.values("objectSid").first().zip(rid) else { return Ok(None) };
    let Some(domain) = sid.len().checked_sub(4).and_then(|len| sid.get(..len)) else { return Ok(None) };
    let sid = [domain, &rid.to_le_bytes()].concat();
    let found = groups_by(service, &person.dn, Filter::Equal("objectSid".to_owned(), sid)).await?;
    Ok(found.into_iter().next())
}

/// Up from a person, level by level. A group that was met is not met again, so that a circle ends.
async fn walk(service: &mut Service, person: &Entry) -> Result<Vec<Group>, Trouble> {
    let mut known: HashSet<Dn> = HashSet::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut level = vec![members(person)];
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for some in level.chunks(AT_A_TIME) {
            for group in groups_by(service, &person.dn, Filter::Or(some.to_vec())).await? {
                // What cannot be compared cannot be followed.
                let Ok(dn) = Dn::parse(&group.dn) else { continue };
                if known.insert(dn) {
                    next.push(members_of_name(&group.dn));
                    groups.push(group);
                }
            }
            if groups.len() > MOST_GROUPS {
                return Err(Trouble::TooManyGroups(MOST_GROUPS));
            }
        }
        if next.is_empty() {
            return Ok(groups);
        }
        level = next;
    }
    Err(Trouble::TooManyGroups(DEEPEST))
}

async fn groups_by(service: &mut Service, near: &str, filter: Filter) -> Result<Vec<Group>, Trouble> {
    let Some(base) = service.context_of(near).map(str::to_owned) else { return Ok(Vec::new()) };
    let search = Search {
        base,
        scope: Scope::Subtree,
        size_limit: i32::try_from(MOST_GROUPS).unwrap_or(i32::MAX),
        time_limit_seconds: 0,
        filter,
        attributes: vec!["cn".to_owned()],
    };
    let found = service.search(&search).await?;
    if found.has_more {
        return Err(Trouble::TooManyGroups(MOST_GROUPS));
    }
    let group = |entry: Entry| Group { name: entry.text("cn").map(str::to_owned), dn: entry.dn };
    Ok(found.entries.into_iter().map(group).collect())
}

/// Groups that hold a person: by name, or by `uid` as POSIX groups do.
fn members(person: &Entry) -> Filter {
    let mut either = vec![members_of_name(&person.dn)];
    either.extend(person.text("uid").map(|uid| Filter::equal("memberUid", uid)));
    Filter::Or(either)
}

fn members_of_name(dn: &str) -> Filter {
    Filter::Or(vec![Filter::equal("member", dn), Filter::equal("uniqueMember", dn)])
}

pub(super) fn in_chain(attribute: &str, dn: &str) -> Filter {
    Filter::Extensible {
        rule: Some(IN_CHAIN.to_owned()),
        attribute: Some(attribute.to_owned()),
        value: dn.as_bytes().to_vec(),
        dn_attributes: false,
    }
}

pub(super) fn any() -> Filter {
    Filter::Present("objectClass".to_owned())
}

/// The last of a SID's numbers (MS-DTYP 2.4.2.2): revision, how many, six octets of authority, then that many numbers.
fn rid(sid: &[u8]) -> Option<u32> {
    let (count, numbers) = (usize::from(*sid.get(1)?), sid.get(8..)?);
    let last = numbers.len().checked_sub(4).filter(|_| numbers.len() == count * 4)?;
    numbers.get(last..)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_a_sid_names_a_group_within_its_domain() {
        // S-1-5-21-1-2-513
        let sid = [1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 2, 0, 0];
        assert_eq!(rid(&sid), Some(513));
        assert_eq!(rid(&sid[..20]), None);
        assert_eq!(rid(&[1, 0, 0, 0, 0, 0, 0, 5]), None);
        assert_eq!(rid(b""), None);
    }

    #[test]
    fn a_group_is_meant_by_name_or_whole_name() {
        let group = Group { dn: "CN=VPN Admins,OU=g,DC=lab".to_owned(), name: Some("VPN Admins".to_owned()) };
        for text in ["VPN Admins", "vpn admins", "cn=vpn admins, ou=G, dc=LAB"] {
            assert!(group.is_called(text), "{text}");
        }
        for text in ["VPN", "cn=vpn admins", "", "*"] {
            assert!(!group.is_called(text), "{text}");
        }
    }
}
