//! The comparison.
//!
//! People are looked at one after another, in the order of their keys, and whatever is decided about one is taken as done for the next: a name that one gives up is
//! free for another. That is repeated until nothing more is decided, so that a plan, carried out in its order, leaves nothing to do.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rand_core::CryptoRng;

use super::wish::{Wish, comparable};
use super::{BeforeTrash, Fields, Known, Link, Owner, Remark, Snapshot, What};
use crate::id::UserId;
use crate::user::UserStatus;

/// The most groups of one user.
const MAX_GROUPS: usize = 100;
/// How often everybody is looked at. Longer chains of people who take over each other's names are finished by the next run.
const ROUNDS: usize = 16;

/// Who was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everybody: who is not told of is gone.
    Everybody,
    /// One person: nothing follows for others.
    One,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One change of one user each.
    pub acts: Vec<Act>,
    /// What was left out.
    pub remarks: Vec<Remark>,
    /// How many people are as they should be.
    pub unchanged: usize,
    /// How many users go to the trash or are disabled.
    pub removals: usize,
    /// Of how many users of the directory.
    pub of: usize,
    /// How many users would have gone to the trash if not for a group that is missing.
    pub held: usize,
    /// Whether the directory told of nobody.
    pub is_empty_answer: bool,
}

/// One change of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What it comes to.
    pub kind: Kind,
    /// Whom it is about; with [`Kind::Create`] an id that nobody has.
    pub user: UserId,
    /// As which they were read: the act is void for somebody who has changed since. Nothing for [`Kind::Create`].
    pub version: i64,
    /// The name before; with [`Kind::Create`] the new one.
    pub username: String,
    /// What changes, for people.
    pub changes: Vec<Change>,
    /// What the user is to be. Of somebody who goes to the trash only link and status count.
    pub wanted: Wanted,
}

/// What an act comes to, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A new user.
    Create,
    /// A user of the same name, who belonged to no directory, belongs to this one.
    TakeOver,
    /// Somebody is back from the trash.
    Restore,
    /// The directory has disabled somebody.
    Disable,
    /// Something else about somebody has changed.
    Update,
    /// Somebody is gone from all groups.
    Trash,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 6] = [Self::Create, Self::TakeOver, Self::Restore, Self::Disable, Self::Update, Self::Trash];

    /// A word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::TakeOver => "take_over",
            Self::Restore => "restore",
            Self::Disable => "disable",
            Self::Update => "update",
            Self::Trash => "trash",
        }
    }
}

/// One field, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub field: &'static str,
    /// What it was.
    pub from: String,
    /// What it becomes.
    pub to: String,
}

/// What a user is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// How they hang together with the directory.
    pub link: Link,
    /// The name.
    pub username: String,
    /// By slot.
    pub aliases: BTreeMap<u8, String>,
    /// Full name.
    pub realname: Option<String>,
    /// Address.
    pub email: String,
    /// Remarks.
    pub notes: String,
    /// Status.
    pub status: UserStatus,
    /// Groups to come into.
    pub join: BTreeSet<usize>,
    /// Groups to leave.
    pub leave: BTreeSet<usize>,
    /// Numbers of new phones.
    pub new_numbers: BTreeSet<String>,
    /// Numbers that came from the directory and are no longer there.
    pub old_numbers: BTreeSet<String>,
}

/// What becomes of users when `snapshot` is what their directory says. Of `known` there are all users of the account, for names must be free.
pub fn plan(snapshot: &Snapshot, known: Vec<Known>, fields: &Fields, scope: Scope, rng: &mut impl CryptoRng) -> Plan {
    let of = known.iter().filter(|user| is_standing(user)).count();
    let mut state = State::new(snapshot, known);
    let (wishes, present) = state.wishes(snapshot, fields);
    let (mut acts, mut remarks, mut unchanged) = (Vec::new(), Vec::new(), 0_usize);
    for _ in 0..ROUNDS {
        let (decided, mut told) = (acts.len(), Vec::new());
        unchanged = 0;
        for wish in &wishes {
            let mut remark = |what| told.push(Remark { username: wish.username.clone(), what });
            wish.remarks.iter().cloned().for_each(&mut remark);
            match state.settle(wish, &mut remark, rng) {
                Ok(Some(act)) => acts.push(act),
                Ok(None) => unchanged += 1,
                Err(what) => remark(what),
            }
        }
        remarks = told;
        if acts.len() == decided {
            break;
        }
    }
    let taken = acts.iter().filter(|act: &&Act| act.kind == Kind::TakeOver).count();
    let changed: HashSet<UserId> = acts.iter().map(|act| act.user).collect();
    let unchanged = unchanged.saturating_sub(changed.len());
    remarks.splice(0..0, state.remarks.drain(..));
    let mut held = 0;
    if scope == Scope::Everybody {
        let gone = state.gone(&present);
        if state.missing.is_empty() {
            acts.extend(gone);
        } else {
            held = gone.len();
        }
    }
    let removals = acts.iter().filter(|act| act.takes_away()).count();
    Plan { acts, remarks, unchanged, removals, of: of + taken, held, is_empty_answer: snapshot.people.is_empty() }
}

impl Act {
    /// Whether somebody who could log in no longer can.
    fn takes_away(&self) -> bool {
        let is_disabled = self.wanted.status == UserStatus::Disabled;
        self.kind == Kind::Trash
            || (is_disabled
                && self.changes.iter().any(|change| change.field == "status" && change.from != PENDING)
                && self.kind != Kind::Create)
    }
}

const PENDING: &str = UserStatus::PendingDeletion.as_str();

/// Whether a user belongs to the directory and is not in the trash.
fn is_standing(user: &Known) -> bool {
    matches!(user.owner, Owner::This(_)) && user.status != UserStatus::PendingDeletion
}

/// The users, as they are after all that was decided so far.
struct State {
    users: Vec<Known>,
    /// Who has a name, and at which slot.
    names: HashMap<String, (usize, u8)>,
    linked: HashMap<String, usize>,
    /// Names that people of the directory have: never aliases of others.
    claimed: HashMap<String, usize>,
    /// Groups that were asked for and are not there.
    missing: BTreeSet<usize>,
    remarks: Vec<Remark>,
}

impl State {
    fn new(snapshot: &Snapshot, users: Vec<Known>) -> Self {
        let (mut names, mut linked) = (HashMap::new(), HashMap::new());
        for (at, user) in users.iter().enumerate() {
            for (name, slot) in names_of(user) {
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
    fn wishes(&mut self, snapshot: &Snapshot, fields: &Fields) -> (Vec<Wish>, HashSet<String>) {
        let mut people: BTreeMap<&str, super::Told> = BTreeMap::new();
        for told in &snapshot.people {
            // Told twice, which a directory that changes while it is read may bring about.
            let known = people.entry(&told.key).or_insert_with(|| told.clone());
            known.groups.extend(&told.groups);
        }
        let present = people.keys().map(|key| (*key).to_owned()).collect();
        let mut wishes = Vec::with_capacity(people.len());
        for told in people.values() {
            match Wish::of(told, fields) {
                Ok(wish) => {
                    *self.claimed.entry(wish.name.clone()).or_default() += 1;
                    wishes.push(wish);
                }
                Err(what) => self.remarks.push(Remark { username: told.username.chars().take(256).collect(), what }),
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
    fn is_free(&self, name: &str, at: Option<usize>) -> bool {
        self.names.get(name).is_none_or(|(holder, _)| Some(*holder) == at)
    }

    /// Decides about somebody; `None` if all is as it should be.
    fn settle(
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
                    (_, 1..) => return Err(What::AliasOf(user.username.clone())),
                    (Owner::This(_), 0) => return Err(What::OtherPerson),
                    (Owner::Nobody, 0) if user.status == UserStatus::PendingDeletion => return Err(What::InTrash),
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
            && user.status == UserStatus::PendingDeletion
            && link.trashed.is_none()
        {
            return Err(What::InTrash);
        }
        let wanted = self.wanted(wish, at, before.as_ref(), link.as_ref(), remark);
        let act = match (at, before) {
            (Some(at), Some(before)) => {
                let act = changed(&before, link.as_ref(), wanted);
                let Some(act) = act else { return Ok(None) };
                self.take(at, &act);
                act
            }
            _ => self.create(wanted, rng),
        };
        Ok(Some(act))
    }

    fn wanted(
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
                (comparable(&user.username).map(|(name, _)| name).unwrap_or_default(), user.username.clone())
            }
            _ => (wish.name.clone(), wish.username.clone()),
        };
        let aliases = match (&wish.aliases, before) {
            (Some(wished), _) => self.free_aliases(wished, &name, at, remark),
            // An alias that has become the name is no alias any more.
            (None, Some(user)) => user
                .aliases
                .iter()
                .filter(|(_, alias)| comparable(alias).is_none_or(|(alias, _)| alias != name))
                .map(|(slot, alias)| (*slot, alias.clone()))
                .collect(),
            (None, None) => BTreeMap::new(),
        };
        let (status, disabled) = standing(before.map(|user| user.status), link, wish.disabled);
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
        let has = before.map_or(&none_of(), |user| &user.numbers).clone();
        let synced = before.map_or_else(BTreeSet::new, |user| user.synced_numbers.clone());
        let numbers = wish.numbers.as_ref();
        Wanted {
            link: Link { key: wish.key.clone(), disabled, trashed: None },
            username,
            aliases,
            realname: wish.realname.clone().unwrap_or_else(|| before.and_then(|user| user.realname.clone())),
            email: wish.email.clone().unwrap_or_else(|| before.map(|user| user.email.clone()).unwrap_or_default()),
            notes: wish.notes.clone().unwrap_or_else(|| before.map(|user| user.notes.clone()).unwrap_or_default()),
            status,
            join: groups.difference(is_in).copied().collect(),
            leave: is_in.difference(&groups).copied().collect(),
            new_numbers: numbers.map(|numbers| numbers.difference(&has).cloned().collect()).unwrap_or_default(),
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

    /// Takes a change as done.
    fn take(&mut self, at: usize, act: &Act) {
        for (name, _) in names_of(&self.users[at]) {
            self.names.remove(&name);
        }
        let (user, wanted) = (&mut self.users[at], &act.wanted);
        user.username.clone_from(&wanted.username);
        user.aliases.clone_from(&wanted.aliases);
        user.realname.clone_from(&wanted.realname);
        user.email.clone_from(&wanted.email);
        user.notes.clone_from(&wanted.notes);
        user.status = wanted.status;
        user.groups = user.groups.difference(&wanted.leave).chain(&wanted.join).copied().collect();
        user.numbers.extend(wanted.new_numbers.iter().cloned());
        user.synced_numbers.extend(wanted.new_numbers.iter().cloned());
        user.synced_numbers.retain(|number| !wanted.old_numbers.contains(number));
        user.owner = Owner::This(wanted.link.clone());
        let names: Vec<(String, u8)> = names_of(user).collect();
        for (name, slot) in names {
            self.names.insert(name, (at, slot));
        }
        self.linked.insert(wanted.link.key.clone(), at);
    }

    fn create(&mut self, wanted: Wanted, rng: &mut impl CryptoRng) -> Act {
        let act = Act {
            kind: Kind::Create,
            user: UserId::generate(rng),
            version: 0,
            username: wanted.username.clone(),
            changes: Vec::new(),
            wanted,
        };
        let at = self.users.len();
        self.users.push(Known {
            id: act.user,
            version: 0,
            username: String::new(),
            aliases: BTreeMap::new(),
            realname: None,
            email: String::new(),
            notes: String::new(),
            status: UserStatus::Active,
            owner: Owner::Nobody,
            groups: BTreeSet::new(),
            other_groups: 0,
            numbers: BTreeSet::new(),
            synced_numbers: BTreeSet::new(),
        });
        self.take(at, &act);
        act
    }

    /// Users of the directory that it tells nothing of.
    fn gone(&self, present: &HashSet<String>) -> Vec<Act> {
        let gone = self.users.iter().filter_map(|user| match &user.owner {
            Owner::This(link) if is_standing(user) && !present.contains(&link.key) => Some((user, link)),
            Owner::This(_) | Owner::Nobody | Owner::Other => None,
        });
        gone.map(|(user, link)| {
            let was = if user.status == UserStatus::Disabled { BeforeTrash::Disabled } else { BeforeTrash::Enabled };
            let status = UserStatus::PendingDeletion;
            Act {
                kind: Kind::Trash,
                user: user.id,
                version: user.version,
                username: user.username.clone(),
                changes: vec![Change {
                    field: "status",
                    from: user.status.as_str().to_owned(),
                    to: status.as_str().to_owned(),
                }],
                wanted: Wanted {
                    link: Link { trashed: Some(was), ..link.clone() },
                    username: user.username.clone(),
                    aliases: user.aliases.clone(),
                    realname: user.realname.clone(),
                    email: user.email.clone(),
                    notes: user.notes.clone(),
                    status,
                    join: BTreeSet::new(),
                    leave: BTreeSet::new(),
                    new_numbers: BTreeSet::new(),
                    old_numbers: BTreeSet::new(),
                },
            }
        })
        .collect()
    }
}

fn none_of() -> BTreeSet<String> {
    BTreeSet::new()
}

/// The names of a user as they are compared, each with its slot.
fn names_of(user: &Known) -> impl Iterator<Item = (String, u8)> + '_ {
    let all = std::iter::once((0, &user.username)).chain(user.aliases.iter().map(|(slot, alias)| (*slot, alias)));
    all.filter_map(|(slot, name)| comparable(name).map(|(name, _)| (name, slot)))
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

/// The act that makes `before` what is wanted, if anything is to be done.
fn changed(before: &Known, link: Option<&Link>, wanted: Wanted) -> Option<Act> {
    let mut changes = Vec::new();
    let mut note = |field, from: &str, to: &str| {
        if from != to {
            changes.push(Change { field, from: from.to_owned(), to: to.to_owned() });
        }
    };
    let list = |aliases: &BTreeMap<u8, String>| aliases.values().cloned().collect::<Vec<_>>().join(", ");
    note("username", &before.username, &wanted.username);
    note("aliases", &list(&before.aliases), &list(&wanted.aliases));
    note("realname", before.realname.as_deref().unwrap_or_default(), wanted.realname.as_deref().unwrap_or_default());
    note("email", &before.email, &wanted.email);
    note("notes", &before.notes, &wanted.notes);
    note("status", before.status.as_str(), wanted.status.as_str());
    let numbers = |numbers: &BTreeSet<String>| numbers.iter().cloned().collect::<Vec<_>>().join(", ");
    note("phones", &numbers(&wanted.old_numbers), &numbers(&wanted.new_numbers));
    if !(wanted.join.is_empty() && wanted.leave.is_empty()) {
        let (left, joined) = (wanted.leave.len(), wanted.join.len());
        changes.push(Change { field: "groups", from: format!("-{left}"), to: format!("+{joined}") });
    }
    let is_same = before.aliases == wanted.aliases && link == Some(&wanted.link);
    let kind = if link.is_none() {
        Kind::TakeOver
    } else if before.status == UserStatus::PendingDeletion {
        Kind::Restore
    } else if before.status != wanted.status && wanted.status == UserStatus::Disabled {
        Kind::Disable
    } else {
        Kind::Update
    };
    let act =
        Act { kind, user: before.id, version: before.version, username: before.username.clone(), changes, wanted };
    (!act.changes.is_empty() || !is_same).then_some(act)
}
