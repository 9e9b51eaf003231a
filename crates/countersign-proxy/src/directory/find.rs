//! Who is meant by a typed name, and whether the section lets them in.

use cs_core::username::{Username, UsernameNormalization};
use cs_ldap::{Filter, Scope, Search};

use super::entry::{Entry, KEYS, key_of};
use super::groups::{self, Group};
use super::name::Typed;
use super::refusal::Refusal;
use super::service::{Service, domain_of};
use super::trouble::Trouble;

/// Whom a section looks for.
pub(super) struct Rules {
    pub(super) search_dn: String,
    pub(super) username_attribute: String,
    pub(super) at_attribute: String,
    pub(super) security_group_dn: Option<String>,
    pub(super) nested_groups: bool,
    /// `ldap_filter`
    pub(super) condition: Option<Filter>,
    /// `ntlm_domain`, where a directory does not say which domain somebody is in.
    pub(super) usual_domain: String,
    /// The groups of each person are asked for.
    pub(super) wants_groups: bool,
}

/// Somebody that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) dn: String,
    /// The value of `username_attribute`.
    pub(super) name: String,
    /// For NTLM: the domain and the name within it.
    pub(super) account: (String, String),
    pub(super) groups: Vec<Group>,
    /// What stays the same when they are renamed.
    pub(super) key: Option<String>,
    /// How the directory spells what was typed, where that is not the same name.
    pub(super) spelled: Option<String>,
}

/// Several people have a name only if they are in several domains, or by mistake; so many are looked at.
const MOST: i32 = 16;

/// The one that is meant, or why nobody is.
pub(super) async fn find(
    rules: &Rules,
    service: &mut Service,
    typed: Typed<'_>,
) -> Result<Result<Meant, Refusal>, Trouble> {
    let group = service.group.clone();
    let mut members = Vec::new();
    if let Some(in_group) = group.as_ref().and_then(groups::Wanted::filter) {
        members = people(rules, service, typed, Some(in_group)).await?;
    }
    if members.is_empty() {
        // Where a filter cannot tell; and to tell who is not in the group from who is nowhere.
        let everybody = people(rules, service, typed, None).await?;
        if everybody.is_empty() {
            return Ok(Err(Refusal::Unknown));
        }
        for person in everybody {
            let is_member = match &group {
                Some(group) => group.has(service, &person).await?,
                None => true,
            };
            members.extend(is_member.then_some(person));
        }
    }
    let mut members = members.into_iter();
    match (members.next(), members.next()) {
        (None, _) => Ok(Err(Refusal::NotInGroup)),
        (Some(_), Some(_)) => Ok(Err(Refusal::Ambiguous)),
        (Some(person), None) => meant(rules, service, typed, person).await.map(Ok),
    }
}

/// Everybody who has the name. More than [`MOST`] are told as if they were two.
async fn people(
    rules: &Rules,
    service: &mut Service,
    typed: Typed<'_>,
    in_group: Option<Filter>,
) -> Result<Vec<Entry>, Trouble> {
    let mut all = vec![is_person()];
    all.extend(named(rules, typed));
    all.extend(rules.condition.clone());
    all.extend(in_group);
    let own = [&rules.username_attribute, "sAMAccountName", "msDS-PrincipalName", "objectSid", "primaryGroupID", "uid"];
    let own = own.into_iter().chain([rules.at_attribute.as_str()]).chain(KEYS);
    let (base, scope) = match typed {
        Typed::Entry(dn) => (dn, Scope::Base),
        Typed::At(_) | Typed::InDomain { .. } | Typed::Plain(_) => (rules.search_dn.as_str(), Scope::Subtree),
    };
    let search = Search {
        base: base.to_owned(),
        scope,
        size_limit: MOST,
        time_limit_seconds: 0,
        filter: Filter::And(all),
        attributes: own.map(str::to_owned).collect(),
    };
    let found = service.search(&search).await?;
    if found.is_nowhere && scope == Scope::Subtree {
        return Err(Trouble::NoSuchEntry { key: "search_dn" });
    }
    let Typed::InDomain { domain, .. } = typed else { return Ok(found.entries) };
    let mut theirs = Vec::new();
    for person in found.entries {
        if is_in_domain(service, &person, domain).await? {
            theirs.push(person);
        }
    }
    Ok(theirs)
}

fn named(rules: &Rules, typed: Typed<'_>) -> Option<Filter> {
    Some(match typed {
        Typed::Entry(_) => return None,
        Typed::At(name) => Filter::equal(rules.at_attribute.as_str(), name),
        Typed::InDomain { name, .. } => Filter::equal("sAMAccountName", name),
        Typed::Plain(name) => Filter::equal(rules.username_attribute.as_str(), name),
    })
}

/// Accounts of people; those of computers are `user`s too.
pub(super) fn is_person() -> Filter {
    let class = |name: &str| Filter::equal("objectClass", name);
    Filter::Or(vec![
        Filter::And(vec![class("user"), Filter::equal("objectCategory", "person")]),
        class("inetOrgPerson"),
        class("organizationalPerson"),
    ])
}

/// Whether somebody is of the domain that was typed, by its NetBIOS or its DNS name.
async fn is_in_domain(service: &mut Service, person: &Entry, typed: &str) -> Result<bool, Trouble> {
    let dns = domain_of(&person.dn);
    if dns.as_ref().is_some_and(|dns| dns.eq_ignore_ascii_case(typed)) {
        return Ok(true);
    }
    let netbios = netbios_name(service, person).await?;
    Ok(netbios.is_some_and(|name| name.eq_ignore_ascii_case(typed)))
}

/// Active Directory tells it with the person, Samba 4.17 only in its configuration.
async fn netbios_name(service: &mut Service, person: &Entry) -> Result<Option<String>, Trouble> {
    if let Some((domain, _)) = person.text("msDS-PrincipalName").and_then(|name| name.split_once('\\')) {
        return Ok(Some(domain.to_owned()));
    }
    match domain_of(&person.dn) {
        Some(domain) => service.netbios_name(&domain).await,
        None => Ok(None),
    }
}

async fn meant(rules: &Rules, service: &mut Service, typed: Typed<'_>, person: Entry) -> Result<Meant, Trouble> {
    // A bind without a name is anonymous, and right with any password.
    if person.dn.is_empty() {
        return Err(Trouble::Unasked);
    }
    let spelled = spelling(rules, &person, typed);
    let typed = match typed {
        Typed::At(name) | Typed::InDomain { name, .. } | Typed::Plain(name) => name,
        // Nobody is known by a distinguished name; an empty one is refused.
        Typed::Entry(_) => "",
    };
    let name = person.text(&rules.username_attribute).unwrap_or(typed).to_owned();
    let domain = netbios_name(service, &person).await?.unwrap_or_else(|| rules.usual_domain.clone());
    let account = (domain, person.text("sAMAccountName").unwrap_or(&name).to_owned());
    let groups = if rules.wants_groups { groups::of(service, &person).await? } else { Vec::new() };
    let key = key_of(&person);
    Ok(Meant { dn: person.dn, name, account, groups, key, spelled })
}

/// How the directory spells a typed name, where the server could take the two for different people.
fn spelling(rules: &Rules, person: &Entry, typed: Typed<'_>) -> Option<String> {
    let (attribute, name) = match typed {
        Typed::At(name) => (rules.at_attribute.as_str(), name),
        Typed::InDomain { name, .. } => ("sAMAccountName", name),
        Typed::Plain(name) => (rules.username_attribute.as_str(), name),
        Typed::Entry(_) => return None,
    };
    let key = |name: &str| Username::parse(name).ok().map(|name| name.key(UsernameNormalization::None));
    let is_same = |known: &str| known == name || key(known).zip(key(name)).is_some_and(|(one, other)| one == other);
    if person.texts(attribute).any(is_same) {
        return None;
    }
    let known = person.text(attribute)?;
    Some(match typed {
        Typed::InDomain { domain, .. } => format!("{domain}\\{known}"),
        Typed::At(_) | Typed::Plain(_) | Typed::Entry(_) => known.to_owned(),
    })
}
