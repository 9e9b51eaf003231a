//! What somebody is to be, by what is wished and what is free.

use std::collections::{BTreeMap, BTreeSet};

use super::act::Wanted;
use super::state::State;
use super::wish::{Wish, comparable};
use super::{BeforeTrash, Known, Link, Profile, What};
use crate::user::UserStatus;

/// The most groups of one user.
const MAX_GROUPS: usize = 100;

impl State {
    pub(super) fn wanted(
        &self,
        wish: &Wish,
        at: Option<usize>,
        before: Option<&Known>,
        link: Option<&Link>,
        remark: &mut impl FnMut(What),
    ) -> Wanted {
        let (name, username) = match before {
            Some(user) if !self.is_free(&wish.name, at) => {
                remark(What::NameTaken);
                let username = &user.profile.username;
                (comparable(username).map(|(name, _)| name).unwrap_or_default(), username.clone())
            }
            _ => (wish.name.clone(), wish.username.clone()),
        };
        let aliases = match (&wish.aliases, before) {
            (Some(wished), _) => self.free_aliases(wished, &name, at, remark),
            // An alias that has become the name is no alias any more.
            (None, Some(user)) => user
                .profile
                .aliases
                .iter()
                .filter(|(_, alias)| comparable(alias).is_none_or(|(alias, _)| alias != name))
                .map(|(slot, alias)| (*slot, alias.clone()))
                .collect(),
            (None, None) => BTreeMap::new(),
        };
        let (status, disabled) = standing(before.map(|user| user.profile.status), link, wish.disabled);
        let none = BTreeSet::new();
        let is_in = before.map_or(&none, |user| &user.groups);
        let room = MAX_GROUPS.saturating_sub(before.map_or(0, |user| user.other_groups));
        let mut groups: BTreeSet<usize> = wish.groups.difference(&self.missing).copied().collect();
        groups.extend(is_in.intersection(&self.missing));
        if groups.len() > room {
            remark(What::TooManyGroups);
            // Those they are in first: otherwise every run would swap them.
            let kept: Vec<usize> =
                groups.intersection(is_in).chain(groups.difference(is_in)).copied().take(room).collect();
            groups = kept.into_iter().collect();
        }
        let none = BTreeSet::new();
        let has = before.map_or(&none, |user| &user.numbers);
        let synced = before.map_or(&none, |user| &user.synced_numbers);
        let numbers = wish.numbers.as_ref();
        let old = before.map(|user| user.profile.clone()).unwrap_or_default();
        let mut profile = Profile {
            username,
            aliases,
            realname: wish.realname.clone().unwrap_or_else(|| old.realname.clone()),
            email: wish.email.clone().unwrap_or_else(|| old.email.clone()),
            notes: wish.notes.clone().unwrap_or_else(|| old.notes.clone()),
            status,
        };
        if profile.status == UserStatus::Bypass && profile.names().any(|(name, _)| !old.has_name(&name)) {
            // It was given to somebody of those names. Whoever writes to the directory could make it anybody's.
            profile.status = UserStatus::Active;
        }
        Wanted {
            link: Link { key: wish.key.clone(), disabled, trashed: None },
            profile,
            join: groups.difference(is_in).copied().collect(),
            leave: is_in.difference(&groups).copied().collect(),
            new_numbers: numbers.map(|numbers| numbers.difference(has).cloned().collect()).unwrap_or_default(),
            old_numbers: numbers.map(|numbers| synced.difference(numbers).cloned().collect()).unwrap_or_default(),
        }
    }

    fn free_aliases(
        &self,
        wished: &[(String, String)],
        username: &str,
        at: Option<usize>,
        remark: &mut impl FnMut(What),
    ) -> BTreeMap<u8, String> {
        let mut found = BTreeMap::new();
        for (name, alias) in wished.iter().filter(|(name, _)| name != username) {
            if self.is_free(name, at) && !self.claimed.contains_key(name) {
                found.insert(u8::try_from(found.len() + 1).unwrap_or(u8::MAX), alias.clone());
            } else {
                remark(What::Alias(alias.clone()));
            }
        }
        found
    }
}

/// The status that somebody gets, and whether it is the directory that disables them. What an administrator has disabled stays so; a bypass stays while nothing
/// speaks against it.
fn standing(status: Option<UserStatus>, link: Option<&Link>, disabled: bool) -> (UserStatus, bool) {
    let by_sync = link.is_some_and(|link| link.disabled);
    let before = match (status, link.and_then(|link| link.trashed)) {
        (Some(UserStatus::PendingDeletion), Some(BeforeTrash::Disabled)) => UserStatus::Disabled,
        (None, _) | (Some(UserStatus::PendingDeletion), _) => UserStatus::Active,
        (Some(status), _) => status,
    };
    match (disabled, before) {
        (true, UserStatus::Disabled) => (before, by_sync),
        (true, _) => (UserStatus::Disabled, true),
        (false, UserStatus::Disabled) if by_sync => (UserStatus::Active, false),
        (false, _) => (before, false),
    }
}
