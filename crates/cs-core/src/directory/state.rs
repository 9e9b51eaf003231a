//! The users while a plan is made: as they are after all that was decided so far.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rand_core::CryptoRng;

use super::act::{Act, Wanted};
use super::wish::{Wish, shown};
use super::{BeforeTrash, Fields, Known, Link, Owner, Profile, Remark, Snapshot, Told, What};
use crate::id::UserId;
use crate::user::UserStatus;

/// The users, as they are after all that was decided so far.
pub(super) struct State {
    users: Vec<Known>,
    /// Who has a name, and at which slot.
    names: HashMap<String, (usize, u8)>,
    linked: HashMap<String, usize>,
    /// Names that people of the directory have: never aliases of others.
    pub(super) claimed: HashMap<String, usize>,
    /// Groups that were asked for and are not there.
    pub(super) missing: BTreeSet<usize>,
    pub(super) remarks: Vec<Remark>,
}

impl State {
    pub(super) fn new(snapshot: &Snapshot, users: Vec<Known>) -> Self {
        let (mut names, mut linked) = (HashMap::new(), HashMap::new());
        for (at, user) in users.iter().enumerate() {
            for (name, slot) in user.profile.names() {
                names.insert(name, (at, slot));
            }
            if let Owner::This(link) = &user.owner {
                linked.insert(link.key.clone(), at);
            }
        }
        let missing = snapshot.groups.iter().enumerate().filter(|(_, group)| group.name.is_none()).map(|(at, _)| at);
        Self { users, names, linked, claimed: HashMap::new(), missing: missing.collect(), remarks: Vec::new() }
    }

    /// What is wanted of everybody who can be a user, and the keys of everybody who is there.
    pub(super) fn wishes(&mut self, snapshot: &Snapshot, fields: &Fields) -> (Vec<Wish>, HashSet<String>) {
        let mut people: BTreeMap<&str, (&Told, BTreeSet<usize>)> = BTreeMap::new();
        for told in &snapshot.people {
            // Told twice, which a directory that changes while it is read may bring about.
            let (_, groups) = people.entry(&told.key).or_insert_with(|| (told, BTreeSet::new()));
            groups.extend(&told.groups);
        }
        let present = people.keys().map(|key| (*key).to_owned()).collect();
        let mut wishes = Vec::with_capacity(people.len());
        for (told, groups) in people.into_values() {
            match Wish::of(told, groups, fields) {
                Ok(wish) => {
                    *self.claimed.entry(wish.name.clone()).or_default() += 1;
                    wishes.push(wish);
                }
                Err(what) => self.remarks.push(Remark { username: shown(&told.username, 256), what }),
            }
        }
        let remarks = &mut self.remarks;
        let (names, linked, claimed) = (&self.names, &self.linked, &self.claimed);
        wishes.retain(|wish| {
            let has_it = linked.get(&wish.key).is_some_and(|at| names.get(&wish.name) == Some(&(*at, 0)));
            let is_clear = has_it || claimed.get(&wish.name) == Some(&1);
            if !is_clear {
                remarks.push(Remark { username: wish.username.clone(), what: What::SameName });
            }
            is_clear
        });
        (wishes, present)
    }

    /// Whose `name` is, if not the user's at `at`.
    pub(super) fn is_free(&self, name: &str, at: Option<usize>) -> bool {
        self.names.get(name).is_none_or(|(holder, _)| Some(*holder) == at)
    }

    /// Decides about somebody; `None` if all is as it should be.
    pub(super) fn settle(
        &mut self,
        wish: &Wish,
        remark: &mut impl FnMut(What),
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Act>, What> {
        let at = match (self.linked.get(&wish.key), self.names.get(&wish.name)) {
            (Some(at), _) => Some(*at),
            (None, None) => None,
            (None, Some((at, slot))) => {
                let user = &self.users[*at];
                match (&user.owner, slot) {
                    (Owner::Other, _) => return Err(What::OtherDirectory),
                    (_, 1..) => return Err(What::AliasOf(user.profile.username.clone())),
                    (Owner::This(_), 0) => return Err(What::OtherPerson),
                    (Owner::Nobody, 0) if user.profile.status == UserStatus::PendingDeletion => {
                        return Err(What::InTrash);
                    }
                    (Owner::Nobody, 0) => Some(*at),
                }
            }
        };
        let before = at.map(|at| self.users[at].clone());
        let link = match before.as_ref().map(|user| &user.owner) {
            Some(Owner::This(link)) => Some(link.clone()),
            Some(Owner::Nobody | Owner::Other) | None => None,
        };
        if let (Some(user), Some(link)) = (&before, &link)
            && user.profile.status == UserStatus::PendingDeletion
            && link.trashed.is_none()
        {
            return Err(What::InTrash);
        }
        let wanted = self.wanted(wish, at, before.as_ref(), link.as_ref(), remark);
        let act = match (at, before) {
            (Some(at), Some(before)) => {
                let Some(act) = Act::of(&before, link.as_ref(), wanted) else { return Ok(None) };
                self.take(at, &act);
                act
            }
            _ => self.create(wanted, rng),
        };
        Ok(Some(act))
    }

    /// Takes a change as done.
    fn take(&mut self, at: usize, act: &Act) {
        for (name, _) in self.users[at].profile.names() {
            self.names.remove(&name);
        }
        let (user, wanted) = (&mut self.users[at], &act.wanted);
        user.profile.clone_from(&wanted.profile);
        user.groups = user.groups.difference(&wanted.leave).chain(&wanted.join).copied().collect();
        user.numbers.extend(wanted.new_numbers.iter().cloned());
        user.synced_numbers.extend(wanted.new_numbers.iter().cloned());
        user.synced_numbers.retain(|number| !wanted.old_numbers.contains(number));
        user.owner = Owner::This(wanted.link.clone());
        for (name, slot) in user.profile.names() {
            self.names.insert(name, (at, slot));
        }
        self.linked.insert(wanted.link.key.clone(), at);
    }

    fn create(&mut self, wanted: Wanted, rng: &mut impl CryptoRng) -> Act {
        let act = Act::create(UserId::generate(rng), wanted);
        let at = self.users.len();
        self.users.push(Known {
            id: act.user,
            version: 0,
            profile: Profile::default(),
            owner: Owner::Nobody,
            lately: false,
            groups: BTreeSet::new(),
            other_groups: 0,
            numbers: BTreeSet::new(),
            synced_numbers: BTreeSet::new(),
        });
        self.take(at, &act);
        act
    }

    /// Users of the directory that it tells nothing of.
    pub(super) fn gone(&self, present: &HashSet<String>) -> Vec<Act> {
        let gone = self.users.iter().filter_map(|user| match &user.owner {
            Owner::This(link) if user.is_standing() && !present.contains(&link.key) => Some((user, link)),
            Owner::This(_) | Owner::Nobody | Owner::Other => None,
        });
        let act = |(user, link): (&Known, &Link)| {
            let is_disabled = user.profile.status == UserStatus::Disabled;
            let was = if is_disabled { BeforeTrash::Disabled } else { BeforeTrash::Enabled };
            Act::trash(user, Link { trashed: Some(was), ..link.clone() })
        };
        gone.map(act).collect()
    }
}
