//! Who is in which of the groups asked for, directly or by groups within groups.
//!
//! Active Directory names the groups within a group by itself (matching rule 1.2.840.113556.1.4.1941), and each person names the groups that they are in. Other
//! directories are walked downwards: their groups name members, by `member`, `uniqueMember` or `memberUid`, and members that are groups are read in their turn.

use std::collections::{HashMap, HashSet};

use cs_client::agent::Group;
use cs_ldap::{Dn, Filter};

use super::reading::{Pages, Reading};
use crate::directory::Trouble;
use crate::directory::entry::Entry;
use crate::directory::groups::{any, in_chain};

/// Groups that are read, those within others included.
const MOST_GROUPS: usize = 20_000;
/// Groups within groups, so deep.
const DEEPEST: usize = 32;
/// Members of them all.
const MOST_MEMBERS: usize = 2_000_000;
/// Groups that one question asks about.
const AT_A_TIME: usize = 32;
/// What makes an entry a group that has members by name.
const CLASSES: [&str; 6] =
    ["groupOfNames", "groupOfUniqueNames", "groupOfMembers", "groupOfEntries", "posixGroup", "group"];

/// A group that was read.
struct Node {
    /// As the directory writes its name.
    dn: String,
    /// Groups right within it.
    children: Vec<usize>,
    /// The groups asked for that it is in, or is.
    of: Vec<usize>,
}

/// Who is in which group.
#[derive(Default)]
pub(super) struct Members {
    is_active_directory: bool,
    groups: Vec<Group>,
    nodes: Vec<Node>,
    by_name: HashMap<String, usize>,
    /// Of groups that name their members: the groups by the members' names.
    members: HashMap<String, Vec<u32>>,
    /// The same by `memberUid`.
    uids: HashMap<String, Vec<u32>>,
    /// Of Active Directory's groups: which one people name as their primary group by the last part of this.
    sids: HashMap<Vec<u8>, usize>,
    /// Members that were met among the people.
    met: u64,
}

/// A distinguished name, to be looked up by: the same for all ways in which it may be written.
pub(super) fn name_key(dn: &str) -> String {
    // What cannot be read is compared as it stands; no key begins so, for a type stands at its beginning.
    Dn::parse(dn).map_or_else(|_| format!("?{}", dn.to_lowercase()), |dn| dn.to_key())
}

impl Members {
    /// Looks up the groups with these names. One that is not there has nobody in it.
    pub(super) async fn look_up(reading: &mut Reading, names: &[String]) -> Result<Self, Trouble> {
        let mut members = Self { is_active_directory: reading.is_active_directory(), ..Self::default() };
        if members.is_active_directory {
            for (place, name) in names.iter().enumerate() {
                members.chain(reading, place, name).await?;
            }
        } else {
            members.walk(reading, names).await?;
        }
        Ok(members)
    }

    /// What has to be asked so that everybody is found: each filter finds some of them, perhaps beside others.
    pub(super) fn filters(&self) -> Vec<Filter> {
        if !self.is_active_directory {
            let is_empty = self.members.is_empty() && self.uids.is_empty();
            return if is_empty { Vec::new() } else { vec![any()] };
        }
        let by_rid: HashMap<usize, u32> = self.sids.iter().filter_map(|(sid, node)| Some((*node, rid(sid)?))).collect();
        let of = |(place, node): (usize, &Node)| {
            let primary = by_rid.get(&place).map(|rid| Filter::equal("primaryGroupID", rid.to_string()));
            [Some(Filter::equal("memberOf", node.dn.as_str())), primary].into_iter().flatten().collect::<Vec<_>>()
        };
        let all: Vec<Vec<Filter>> = self.nodes.iter().enumerate().map(of).collect();
        all.chunks(AT_A_TIME).map(|some| Filter::Or(some.concat())).collect()
    }

    /// What an entry must be read with to tell its groups.
    pub(super) fn attributes(&self) -> &'static [&'static str] {
        if self.is_active_directory { &["memberOf", "primaryGroupID", "objectSid"] } else { &["uid"] }
    }

    /// The groups asked for that somebody is in, by their places.
    pub(super) async fn groups_of(&mut self, entry: &mut Entry, reading: &mut Reading) -> Result<Vec<usize>, Trouble> {
        let nodes = if self.is_active_directory {
            let nodes = self.named_by(entry, reading).await?;
            // A global catalog has other domains, whose groups have the same numbers.
            let rid = entry.text("primaryGroupID").and_then(|rid| rid.parse::<u32>().ok());
            let is_by_number = self.sids.keys().any(|sid| rid.is_some() && self::rid(sid) == rid);
            if nodes.is_empty() && !is_by_number {
                let dn = entry.dn.escape_debug();
                return Err(Trouble::Contradiction(format!(
                    "it found {dn} in a group and does not say in which: let the service account read memberOf"
                )));
            }
            nodes
        } else {
            let by_name = self.members.get(&name_key(&entry.dn));
            self.met += u64::from(by_name.is_some());
            let by_uid = entry.texts("uid").filter_map(|uid| self.uids.get(uid));
            let nodes = by_name.into_iter().chain(by_uid).flatten();
            nodes.filter_map(|node| usize::try_from(*node).ok()).collect()
        };
        let of = |node: usize| self.nodes.get(node).map(|node| node.of.as_slice()).unwrap_or_default();
        let mut places: Vec<usize> = nodes.into_iter().flat_map(of).copied().collect();
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }

    /// How many members by name were not met among the people.
    pub(super) fn unmet(&self) -> u64 {
        u64::try_from(self.members.len()).unwrap_or(u64::MAX).saturating_sub(self.met)
    }

    pub(super) fn into_groups(self) -> Vec<Group> {
        self.groups
    }

    /// The groups that somebody of Active Directory is in.
    async fn named_by(&self, entry: &mut Entry, reading: &mut Reading) -> Result<Vec<usize>, Trouble> {
        let names = reading.values(entry, "memberOf").await?;
        let texts = names.iter().filter_map(|name| std::str::from_utf8(name).ok());
        let mut nodes: Vec<usize> = texts.filter_map(|name| self.by_name.get(&name_key(name)).copied()).collect();
        let rid = entry.text("primaryGroupID").and_then(|rid| rid.parse::<u32>().ok());
        if let Some((sid, rid)) = entry.values("objectSid").first().zip(rid)
            && let Some(domain) = sid.len().checked_sub(4).and_then(|len| sid.get(..len))
        {
            nodes.extend(self.sids.get(&[domain, &rid.to_le_bytes()].concat()).copied());
        }
        Ok(nodes)
    }

    /// A group as a node; whether it is a new one.
    fn node(&mut self, dn: &str) -> Result<(usize, bool), Trouble> {
        let key = name_key(dn);
        if let Some(known) = self.by_name.get(&key) {
            return Ok((*known, false));
        }
        if self.nodes.len() >= MOST_GROUPS {
            return Err(Trouble::TooMany(MOST_GROUPS, "groups"));
        }
        let place = self.nodes.len();
        self.nodes.push(Node { dn: dn.to_owned(), children: Vec::new(), of: Vec::new() });
        self.by_name.insert(key, place);
        Ok((place, true))
    }

    fn is_of(&mut self, node: usize, place: usize) {
        if let Some(node) = self.nodes.get_mut(node).filter(|node| !node.of.contains(&place)) {
            node.of.push(place);
        }
    }

    /// A group asked for, and all within it, as Active Directory tells them.
    async fn chain(&mut self, reading: &mut Reading, place: usize, name: &str) -> Result<(), Trouble> {
        let Some(group) = reading.read(name, &["cn", "objectSid"]).await? else {
            self.groups.push(Group { dn: name.to_owned(), name: None });
            return Ok(());
        };
        self.groups.push(Group { dn: name.to_owned(), name: Some(called(&group)) });
        self.add_sid(&group, place)?;
        let base = context_of(reading, &group.dn)?;
        let within = Filter::And(vec![Filter::equal("objectClass", "group"), in_chain("memberOf", &group.dn)]);
        let mut pages = Pages::all(&base, within, &["objectSid"]);
        while let Some(page) = pages.next(reading, "search_dn").await? {
            for group in page {
                self.add_sid(&group, place)?;
            }
        }
        Ok(())
    }

    fn add_sid(&mut self, group: &Entry, place: usize) -> Result<(), Trouble> {
        let (node, _) = self.node(&group.dn)?;
        self.is_of(node, place);
        if let Some(sid) = group.values("objectSid").first() {
            self.sids.insert(sid.clone(), node);
        }
        Ok(())
    }

    /// Down from the groups asked for, level by level. A group that was met is not read again, so that a circle ends.
    async fn walk(&mut self, reading: &mut Reading, names: &[String]) -> Result<(), Trouble> {
        let (mut roots, mut level, mut contexts) = (Vec::new(), Vec::new(), Vec::<String>::new());
        for name in names {
            let Some(group) = reading.read(name, &["cn", "member", "uniqueMember", "memberUid"]).await? else {
                self.groups.push(Group { dn: name.clone(), name: None });
                roots.push(None);
                continue;
            };
            self.groups.push(Group { dn: name.clone(), name: Some(called(&group)) });
            let (node, is_new) = self.node(&group.dn)?;
            roots.push(Some(node));
            let context = context_of(reading, &group.dn)?;
            if !contexts.contains(&context) {
                contexts.push(context);
            }
            if is_new {
                level.push((node, group));
            }
        }
        let known = if level.is_empty() { HashSet::new() } else { all_groups(reading, &contexts).await? };
        for _ in 0..DEEPEST {
            let mut within = Vec::new();
            for (node, group) in level {
                for child in self.add_members(node, group, &known, reading).await? {
                    let (place, is_new) = self.node(&child)?;
                    if let Some(node) = self.nodes.get_mut(node) {
                        node.children.push(place);
                    }
                    if is_new {
                        let group = reading.read(&child, &["member", "uniqueMember", "memberUid"]).await?;
                        within.push((place, group.ok_or_else(|| vanished(&child))?));
                    }
                }
            }
            if within.is_empty() {
                roots.iter().enumerate().for_each(|(place, root)| self.spread(*root, place));
                return Ok(());
            }
            level = within;
        }
        Err(Trouble::TooMany(DEEPEST, "levels of groups"))
    }

    /// Notes a group's members, and returns those that are groups.
    async fn add_members(
        &mut self,
        node: usize,
        mut group: Entry,
        known: &HashSet<String>,
        reading: &mut Reading,
    ) -> Result<Vec<String>, Trouble> {
        let mut groups = Vec::new();
        let number = u32::try_from(node).unwrap_or(u32::MAX);
        for attribute in ["member", "uniqueMember"] {
            for name in reading.values(&mut group, attribute).await? {
                let Ok(name) = String::from_utf8(name) else { continue };
                let key = name_key(&name);
                if known.contains(&key) {
                    groups.push(name);
                } else {
                    self.members.entry(key).or_default().push(number);
                }
            }
        }
        for uid in reading.values(&mut group, "memberUid").await? {
            let Ok(uid) = String::from_utf8(uid) else { continue };
            self.uids.entry(uid).or_default().push(number);
        }
        if self.members.len() + self.uids.len() > MOST_MEMBERS {
            return Err(Trouble::TooMany(MOST_MEMBERS, "members"));
        }
        Ok(groups)
    }

    /// A group asked for is what all groups within it are of.
    fn spread(&mut self, root: Option<usize>, place: usize) {
        let (mut open, mut met): (Vec<usize>, HashSet<usize>) = (root.into_iter().collect(), HashSet::new());
        while let Some(node) = open.pop() {
            if met.insert(node) {
                self.is_of(node, place);
                open.extend(self.nodes.get(node).map(|node| node.children.as_slice()).unwrap_or_default());
            }
        }
    }
}

/// The tree that a group lies in: groups within it are looked for there.
///
/// Fails if the directory does not tell: groups would be missed, and with them people.
fn context_of(reading: &Reading, dn: &str) -> Result<String, Trouble> {
    let unknown = || {
        let dn = dn.escape_debug();
        Trouble::Contradiction(format!(
            "it has {dn} and names no tree that it lies in: let the service account read namingContexts of the root"
        ))
    };
    reading.context_of(dn).map(str::to_owned).ok_or_else(unknown)
}

/// The names of all groups there are, so that members that are groups are known.
async fn all_groups(reading: &mut Reading, contexts: &[String]) -> Result<HashSet<String>, Trouble> {
    let is_group = Filter::Or(CLASSES.iter().map(|class| Filter::equal("objectClass", *class)).collect());
    let mut names = HashSet::new();
    for context in contexts {
        let mut pages = Pages::all(context, is_group.clone(), &[crate::directory::service::NO_ATTRIBUTE]);
        while let Some(page) = pages.next(reading, "namingContexts").await? {
            names.extend(page.iter().map(|group| name_key(&group.dn)));
            if names.len() > MOST_MEMBERS {
                return Err(Trouble::TooMany(MOST_MEMBERS, "groups"));
            }
        }
    }
    Ok(names)
}

/// A group's `cn`, or the whole of its name.
fn called(group: &Entry) -> String {
    let name = group.text("cn").filter(|name| !name.is_empty()).unwrap_or(&group.dn);
    name.chars().take(super::attributes::LONGEST_NAME).collect()
}

fn vanished(dn: &str) -> Trouble {
    let dn = dn.escape_debug();
    Trouble::Contradiction(format!("the group {dn} is there and cannot be read: let the service account read it"))
}

/// The last of a SID's numbers, of one within a domain.
fn rid(sid: &[u8]) -> Option<u32> {
    let last = sid.len().checked_sub(4)?;
    sid.get(last..)?.try_into().ok().map(u32::from_le_bytes)
}
