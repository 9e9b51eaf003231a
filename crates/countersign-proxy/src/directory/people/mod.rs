//! Everybody in some groups, for the server's own list of people: read page by page, and told in parts as they are read.
//!
//! ```text
//! groups asked for ─► groups within them ─► people under search_dn, page by page ─► who is in one of them ─► parts of at most 200
//! ```
//!
//! Whoever is missing at the end will be put out of the server's list. So whatever is not whole is no answer at all: a search that was cut off, a limit that was met, an
//! entry without a key, and a host that falls silent when something was told already.

mod attributes;
mod members;
mod reading;

use std::collections::HashMap;
use std::time::Instant;

use cs_client::agent::{self, Group, MOST_PEOPLE, Person, Query};
use cs_ldap::{Filter, Scope, Search};
use tokio::sync::mpsc;

use super::entry::{Entry, key_of};
use super::find::is_person;
use super::{Directory, Trouble};
use attributes::Wanted;
use members::{Members, name_key};
use reading::{Pages, Reading};

/// More people than this are not told at a time.
const MOST: usize = 2_000_000;

/// All people were told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The groups asked for, in the order of the query.
    pub groups: Vec<Group>,
    /// How many people.
    pub count: u64,
    /// Of them, who was left out because they have no name to log in by.
    pub nameless: u64,
    /// Members of the groups that are no people under `search_dn`; not counted where Active Directory is asked.
    pub elsewhere: u64,
}

/// Why people were not told, or not all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// What kind of trouble.
    pub trouble: agent::Trouble,
    /// For administrators: what happened and what to do.
    pub words: String,
}

impl Directory {
    /// Tells everybody whom `query` means, in parts of at most [`MOST_PEOPLE`]; waits while nobody takes them.
    ///
    /// Fails if not everybody could be told; then nothing that was told may be used.
    pub async fn people(&self, query: &Query, tell: &mpsc::Sender<Vec<Person>>) -> Result<Told, Untold> {
        let wanted = Wanted::read(query).map_err(|words| Untold { trouble: agent::Trouble::Proxy, words })?;
        let mut last = None;
        for place in self.hosts.in_order(Instant::now()) {
            if let Some(why) = self.hosts.barred(Instant::now()) {
                return Err(Untold { trouble: agent::Trouble::Refused, words: format!("[{}] {why}", self.section) });
            }
            let mut telling = Telling::new(tell);
            match self.tell(place, &wanted, &mut telling).await {
                Ok(told) => {
                    self.hosts.is_well(place);
                    return Ok(told);
                }
                Err(trouble) => {
                    let words = format!("[{}] {}", self.section, self.noted(place, &trouble));
                    last = Some(Untold { trouble: kind(&trouble), words });
                    // What was told cannot be taken back, and another host would tell it again.
                    if telling.has_told {
                        break;
                    }
                }
            }
        }
        // A section without a host is refused as it is read.
        let none = || Untold { trouble: agent::Trouble::Proxy, words: "there is no host".to_owned() };
        Err(last.unwrap_or_else(none))
    }

    async fn tell(&self, place: usize, wanted: &Wanted, telling: &mut Telling<'_>) -> Result<Told, Trouble> {
        let served = tokio::time::timeout(self.config.timeout, self.serve(place, None)).await;
        let service = served.unwrap_or(Err(Trouble::Silent(self.config.timeout)))?;
        let mut reading = Reading::new(service);
        let mut members = Members::look_up(&mut reading, &wanted.groups).await?;
        for filter in members.filters() {
            let mut all = vec![is_person(), filter];
            all.extend(wanted.only.as_ref().map(|name| Filter::equal(wanted.username.as_str(), name.as_str())));
            let mut pages = Pages::of(Search {
                base: self.config.search_dn.clone(),
                scope: Scope::Subtree,
                size_limit: 0,
                time_limit_seconds: reading::SECONDS,
                filter: Filter::And(all),
                attributes: wanted.attributes(members.attributes()),
            });
            while let Some(page) = pages.next(&mut reading, "search_dn").await? {
                for entry in page {
                    telling.consider(entry, wanted, &mut members, &mut reading).await?;
                }
            }
        }
        telling.finish().await?;
        reading.leave().await;
        let elsewhere = if wanted.only.is_some() { 0 } else { members.unmet() };
        Ok(Told { groups: members.into_groups(), count: telling.count, nameless: telling.nameless, elsewhere })
    }
}

/// Parts as they fill.
struct Telling<'a> {
    tell: &'a mpsc::Sender<Vec<Person>>,
    part: Vec<Person>,
    /// By their keys, the names of those that were met.
    met: HashMap<String, String>,
    has_told: bool,
    count: u64,
    nameless: u64,
}

impl<'a> Telling<'a> {
    fn new(tell: &'a mpsc::Sender<Vec<Person>>) -> Self {
        Self { tell, part: Vec::new(), met: HashMap::new(), has_told: false, count: 0, nameless: 0 }
    }

    async fn consider(
        &mut self,
        mut entry: Entry,
        wanted: &Wanted,
        members: &mut Members,
        reading: &mut Reading,
    ) -> Result<(), Trouble> {
        if entry.dn.is_empty() {
            return Err(Trouble::Unasked);
        }
        let groups = members.groups_of(&mut entry, reading).await?;
        if groups.is_empty() {
            return Ok(());
        }
        let Some(key) = key_of(&entry) else { return Err(keyless(&entry.dn)) };
        let name = name_key(&entry.dn);
        match self.met.get(&key) {
            // Several questions may find somebody who is in several groups.
            Some(known) if *known == name => return Ok(()),
            Some(_) => return Err(twice(&key, &entry.dn)),
            None if self.met.len() >= MOST => return Err(Trouble::TooMany(MOST, "people")),
            None => drop(self.met.insert(key.clone(), name)),
        }
        let Some(person) = wanted.person(&entry, key, groups) else {
            self.nameless += 1;
            return Ok(());
        };
        self.part.push(person);
        if self.part.len() >= MOST_PEOPLE { self.finish().await } else { Ok(()) }
    }

    /// Tells what was not told yet.
    async fn finish(&mut self) -> Result<(), Trouble> {
        let part = std::mem::take(&mut self.part);
        if part.is_empty() {
            return Ok(());
        }
        self.has_told = true;
        self.count += u64::try_from(part.len()).unwrap_or_default();
        self.tell.send(part).await.map_err(|_| Trouble::Unheard)
    }
}

fn keyless(dn: &str) -> Trouble {
    let dn = dn.escape_debug();
    Trouble::Contradiction(format!(
        "it gives no objectGUID, entryUUID or nsUniqueId of {dn}, by which people are known when they are renamed: let the service account read it"
    ))
}

fn twice(key: &str, dn: &str) -> Trouble {
    let dn = dn.escape_debug();
    Trouble::Contradiction(format!(
        "it found two people with the key {key}, {dn} among them: was somebody moved meanwhile?"
    ))
}

/// How the server is told.
fn kind(trouble: &Trouble) -> agent::Trouble {
    match trouble {
        Trouble::Connect(_)
        | Trouble::Broken(_)
        | Trouble::Closed
        | Trouble::HungUp(_)
        | Trouble::Tls(_)
        | Trouble::NoStartTls(_)
        | Trouble::Silent(_) => agent::Trouble::Unreachable,
        Trouble::Service(_) | Trouble::NeedsTls(_) | Trouble::NeedsSigning(_) | Trouble::ChannelBinding => {
            agent::Trouble::Refused
        }
        Trouble::Malformed(_)
        | Trouble::Unasked
        | Trouble::TooMuch
        | Trouble::Referral
        | Trouble::NoSuchEntry { .. }
        | Trouble::Limited { .. }
        | Trouble::Contradiction(_)
        | Trouble::TooMany(..)
        | Trouble::TooManyGroups(_)
        | Trouble::Ntlm
        | Trouble::Refused { .. } => agent::Trouble::Directory,
        Trouble::Busy | Trouble::NoChance | Trouble::Unheard => agent::Trouble::Proxy,
    }
}
