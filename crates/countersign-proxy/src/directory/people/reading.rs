//! A connection while people are read on it: each search has its time, and pages follow one another.

use std::time::Duration;

use cs_ldap::{Filter, Search};

use crate::directory::Trouble;
use crate::directory::connection::Bounds;
use crate::directory::entry::Entry;
use crate::directory::groups::any;
use crate::directory::service::Service;

/// For each search, page by page.
pub(super) const SECONDS: i32 = 60;
const PATIENCE: Duration = Duration::from_secs(60);
/// What one search may find: a directory without pages sends everybody at once, and a group without parts all its members.
const BOUNDS: Bounds = Bounds { entries: 100_000, octets: 64 << 20 };
/// Pages of one search.
const MOST_PAGES: usize = 100_000;
/// Values of one attribute.
const MOST_VALUES: usize = 2_000_000;

/// A connection of the service account.
pub(super) struct Reading(Service);

impl Reading {
    pub(super) fn new(mut service: Service) -> Self {
        service.takes(BOUNDS);
        Self(service)
    }

    pub(super) fn is_active_directory(&self) -> bool {
        self.0.is_active_directory
    }

    pub(super) fn context_of(&self, dn: &str) -> Option<&str> {
        self.0.context_of(dn)
    }

    /// One entry, if it is there.
    pub(super) async fn read(&mut self, dn: &str, attributes: &[&str]) -> Result<Option<Entry>, Trouble> {
        let read = self.0.read(dn, any(), attributes);
        tokio::time::timeout(PATIENCE, read).await.unwrap_or(Err(Trouble::Silent(PATIENCE)))
    }

    /// All values of an attribute of an entry that was found, also of one that comes in parts.
    pub(super) async fn values(&mut self, entry: &mut Entry, name: &str) -> Result<Vec<Vec<u8>>, Trouble> {
        let Some((mut values, mut next)) = entry.take_range(name) else { return Ok(entry.take(name)) };
        while let Some(from) = next {
            let part = format!("{name};range={from}-*");
            let cut =
                || Trouble::Contradiction(format!("it stops in the middle of {name} of {}", entry.dn.escape_debug()));
            let mut more = self.read(&entry.dn, &[&part]).await?.ok_or_else(cut)?;
            let (more, following) = more.take_range(name).ok_or_else(cut)?;
            if more.is_empty() || following.is_some_and(|following| following <= from) {
                return Err(cut());
            }
            values.extend(more);
            if values.len() > MOST_VALUES {
                return Err(Trouble::TooMany(MOST_VALUES, "values"));
            }
            next = following;
        }
        Ok(values)
    }

    pub(super) async fn leave(self) {
        self.0.leave().await;
    }
}

/// A search that goes on page by page.
pub(super) struct Pages {
    search: Search,
    /// What ended the page before.
    after: Option<Vec<u8>>,
    count: usize,
}

impl Pages {
    pub(super) fn of(search: Search) -> Self {
        Self { search, after: Some(Vec::new()), count: 0 }
    }

    /// Every group or person that a filter finds.
    pub(super) fn all(base: &str, filter: Filter, attributes: &[&str]) -> Self {
        Self::of(Search {
            base: base.to_owned(),
            scope: cs_ldap::Scope::Subtree,
            size_limit: 0,
            time_limit_seconds: SECONDS,
            filter,
            attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
        })
    }

    /// The next page, if there is one. `key` is the option that says where the search begins.
    pub(super) async fn next(
        &mut self,
        reading: &mut Reading,
        key: &'static str,
    ) -> Result<Option<Vec<Entry>>, Trouble> {
        let Some(after) = self.after.take() else { return Ok(None) };
        let asked = tokio::time::timeout(PATIENCE, reading.0.page(&self.search, &after));
        let page = asked.await.unwrap_or(Err(Trouble::Silent(PATIENCE)))?;
        if page.is_nowhere {
            return Err(Trouble::NoSuchEntry { key });
        }
        self.count += 1;
        if self.count > MOST_PAGES {
            return Err(Trouble::TooMany(MOST_PAGES, "pages"));
        }
        self.after = page.next;
        Ok(Some(page.entries))
    }
}
