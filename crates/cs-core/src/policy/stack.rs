//! Which policy says what: levels, and their merge section by section.
//!
//! A custom policy holds only the sections it wants to change. For each section the highest level that has it decides, whole: nothing is merged inside a
//! section. From high to low: policy of application and group, policy of the application, the application's own old setting, policy of a user group, global.
//! Of several policies on one of the two group levels, the first in the administrator's order whose group the user is in applies, and no other of that level.

use std::ops::Deref;
use std::sync::Arc;

use super::fault::SectionError;
use super::group_filter::GroupFilter;
use super::names::Section;
use super::sections::*;
use super::staged::Staged;
use crate::account::LoginSettings;
use crate::each_section;
use crate::group::Membership;
use crate::id::{GroupId, PolicyKey, UserId};

/// Where a section comes from, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The global policy.
    Global,
    /// A policy of a group, for every application.
    Group,
    /// A setting of the application that is older than policies (`enroll_policy`, `trusted_device_days`).
    ApplicationSetting,
    /// A policy of the application.
    Application,
    /// A policy of the application for a group.
    ApplicationGroup,
}

impl Level {
    const COUNT: usize = 5;

    /// The word shown and logged.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Group => "group",
            Self::ApplicationSetting => "application setting",
            Self::Application => "application",
            Self::ApplicationGroup => "application and group",
        }
    }
}

/// A section in force, and where it comes from.
#[derive(Debug)]
pub struct Of<'a, T> {
    /// What it says.
    pub value: &'a T,
    /// Whose it is.
    pub level: Level,
}

impl<T> Clone for Of<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Of<'_, T> {}

impl<T> Deref for Of<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T: PartialEq> PartialEq for Of<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.level == other.level && self.value == other.value
    }
}

macro_rules! sections {
    ($($field:ident: $section:ident,)+) => {
        /// The sections of a custom policy: those it has.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Sections {
            $(#[doc = concat!("`", stringify!($field), "`")] pub $field: Option<$section>,)+
        }

        /// Every section, as the global policy has them.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Complete {
            $(#[doc = concat!("`", stringify!($field), "`")] pub $field: $section,)+
        }

        /// The sections in force for one user at one application.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Effective<'a> {
            $(#[doc = concat!("`", stringify!($field), "`")] pub $field: Of<'a, $section>,)+
            policies: [Option<Name<'a>>; Level::COUNT],
        }

        impl Sections {
            /// Which sections there are.
            pub fn present(&self) -> impl Iterator<Item = Section> {
                [$(self.$field.as_ref().map(|_| Section::$section),)+].into_iter().flatten()
            }

            /// Removes a section, so that the level below decides.
            pub fn remove(&mut self, section: Section) {
                match section { $(Section::$section => self.$field = None,)+ }
            }

            /// Takes over every section that `changes` has.
            pub fn put(&mut self, changes: Self) {
                $(if changes.$field.is_some() { self.$field = changes.$field; })+
            }

            /// Checks every section there is.
            pub fn validate(&self) -> Result<(), SectionError> {
                $(if let Some(section) = &self.$field { section.validate()?; })+
                Ok(())
            }
        }

        impl Complete {
            /// Takes over every section that `changes` has.
            pub fn put(&mut self, changes: Sections) {
                $(if let Some(section) = changes.$field { self.$field = section; })+
            }

            /// Puts a section back to its default: the global policy has all of them, so none can be removed.
            pub fn reset(&mut self, section: Section) {
                match section { $(Section::$section => self.$field = $section::default(),)+ }
            }

            /// Checks every section.
            pub fn validate(&self) -> Result<(), SectionError> {
                $(self.$field.validate()?;)+
                Ok(())
            }
        }

        impl From<Complete> for Sections {
            fn from(complete: Complete) -> Self {
                Self { $($field: Some(complete.$field),)+ }
            }
        }

        impl<'a> Effective<'a> {
            /// The global policy alone.
            pub fn global(global: &'a GlobalPolicy) -> Self {
                let mut policies = [None; Level::COUNT];
                policies[Level::Global as usize] = Some(Name { key: global.key, name: &global.name });
                Self { $($field: Of { value: &global.sections.$field, level: Level::Global },)+ policies }
            }

            /// Lays `sections` over what is there.
            fn lay(&mut self, sections: &'a Sections, level: Level) {
                $(if let Some(value) = &sections.$field { self.$field = Of { value, level }; })+
            }

            /// The level each section comes from.
            pub fn level_of(&self, section: Section) -> Level {
                match section { $(Section::$section => self.$field.level,)+ }
            }

            /// A copy of all sections, for `calculate`.
            pub fn to_complete(&self) -> Complete {
                Complete { $($field: self.$field.value.clone(),)+ }
            }
        }
    };
}

each_section!(sections);

impl Complete {
    /// The global policy of an account that has settings and no policies yet: the defaults, with the account's new-user policy and number matching in
    /// their sections.
    pub fn from_settings(settings: &LoginSettings) -> Self {
        Self {
            new_user: NewUser { behavior: settings.new_user, unknown: None },
            authentication_methods: AuthenticationMethods::from_number_matching(settings.number_matching),
            ..Self::default()
        }
    }
}

/// A custom policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its id, `PO…`.
    pub key: PolicyKey,
    /// What administrators call it.
    pub name: String,
    /// What it changes.
    pub sections: Sections,
}

/// The global policy: built in, always applies, cannot be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobalPolicy {
    /// Its id, `PO…`.
    pub key: PolicyKey,
    /// What administrators call it.
    pub name: String,
    /// Everything.
    pub sections: Complete,
}

/// Which policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// Its id.
    pub key: PolicyKey,
    /// What administrators call it.
    pub name: &'a str,
}

/// A policy on groups, in the administrator's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The groups.
    pub groups: Vec<GroupId>,
    /// What applies to their members.
    pub policy: Arc<Policy>,
}

/// An ordered list of policies on groups, indexed by group: a user's groups are looked up, the list is not walked.
#[derive(Debug, Clone)]
pub struct Ranked {
    policies: Vec<Arc<Policy>>,
    /// Sorted by group. A sorted list and no hash table: as quick at this size, and every run does the same steps.
    first: Vec<(GroupId, usize)>,
    groups: GroupFilter,
}

impl Default for Ranked {
    fn default() -> Self {
        Self { policies: Vec::new(), first: Vec::new(), groups: GroupFilter::EMPTY }
    }
}

impl Ranked {
    /// Indexes `attached`, which is in order.
    pub fn new(attached: impl IntoIterator<Item = Attached>) -> Self {
        let mut ranked = Self::default();
        for (rank, Attached { groups, policy }) in attached.into_iter().enumerate() {
            ranked.first.extend(groups.into_iter().map(|group| (group, rank)));
            ranked.policies.push(policy);
        }
        // A group that is named twice keeps its first place.
        ranked.first.sort_unstable();
        ranked.first.dedup_by_key(|(group, _)| *group);
        ranked.groups = GroupFilter::of(ranked.first.iter().map(|(group, _)| group));
        ranked
    }

    /// Whether there is no policy in it.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The first policy for a member of these groups.
    pub fn for_member(&self, groups: &[Membership]) -> Option<&Policy> {
        if self.first.is_empty() {
            return None;
        }
        let rank_of = |group: &GroupId| {
            let at = self.first.binary_search_by_key(group, |(group, _)| *group).ok()?;
            self.first.get(at).map(|(_, rank)| *rank)
        };
        let perhaps = groups.iter().filter(|member| self.groups.may_hold(&member.group));
        let rank = perhaps.filter_map(|member| rank_of(&member.group)).min()?;
        self.policies.get(rank).map(Arc::as_ref)
    }
}

/// Every policy that may matter at one application; made when policies change, read by every login.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The account's global policy.
    pub global: Arc<GlobalPolicy>,
    /// The account's policies on user groups.
    pub groups: Arc<Ranked>,
    /// What the application's old settings amount to, if it has any.
    pub setting: Option<Arc<Sections>>,
    /// The application's policy.
    pub application: Option<Arc<Policy>>,
    /// The application's policies on groups.
    pub application_groups: Arc<Ranked>,
    /// Next versions of policies that apply to some users already. Empty nearly always, and then costs one look.
    pub staged: Arc<[Staged]>,
}

impl Stack {
    /// The sections in force for a name that no user has: no staged version applies. `groups` is there for those who ask what groups alone come to.
    pub fn effective(&self, groups: &[Membership]) -> Effective<'_> {
        self.merge(groups, |_| None)
    }

    /// The sections in force for `user`, a member of `groups`. Copies nothing.
    pub fn effective_for(&self, user: UserId, groups: &[Membership]) -> Effective<'_> {
        if self.staged.is_empty() {
            return self.effective(groups);
        }
        let applies = |staged: &&Staged| staged.reach.includes(staged.policy, user, groups);
        self.merge(groups, |key| self.staged.iter().find(|staged| staged.policy == key).filter(applies))
    }

    fn merge<'a>(&'a self, groups: &[Membership], staged: impl Fn(PolicyKey) -> Option<&'a Staged>) -> Effective<'a> {
        let mut effective = Effective::global(&self.global);
        if let Some(staged) = staged(self.global.key) {
            effective.lay(&staged.sections, Level::Global);
            effective.policies[Level::Global as usize] = Some(Name { key: staged.policy, name: &staged.label });
        }
        let policies = [
            (Level::Group, self.groups.for_member(groups)),
            (Level::Application, self.application.as_deref()),
            (Level::ApplicationGroup, self.application_groups.for_member(groups)),
        ];
        for (level, policy) in policies {
            if level == Level::Application
                && let Some(setting) = &self.setting
            {
                effective.lay(setting, Level::ApplicationSetting);
            }
            if let Some(policy) = policy {
                let (sections, name) = match staged(policy.key) {
                    Some(staged) => (&staged.sections, &staged.label),
                    None => (&policy.sections, &policy.name),
                };
                effective.lay(sections, level);
                effective.policies[level as usize] = Some(Name { key: policy.key, name });
            }
        }
        effective
    }
}

impl<'a> Effective<'a> {
    /// The policy that applies at `level`; `None` if none does there, and for the application's own setting, which is no policy.
    pub fn policy(&self, level: Level) -> Option<Name<'a>> {
        self.policies[level as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::NewUserPolicy;
    use crate::group::GroupStatus;
    use crate::policy::staged::Reach;
    use crate::policy::word::Word as _;

    fn group(n: u8) -> GroupId {
        format!("DG{n:018}").parse().unwrap()
    }

    fn member(n: u8) -> Membership {
        Membership { group: group(n), name: format!("group {n}"), status: GroupStatus::Active, bypass_until: None }
    }

    fn key(n: u8) -> PolicyKey {
        format!("PO{n:018}").parse().unwrap()
    }

    fn policy(n: u8, sections: Sections) -> Arc<Policy> {
        Arc::new(Policy { key: key(n), name: format!("policy {n}"), sections })
    }

    fn new_user(behavior: NewUserPolicy) -> Sections {
        Sections { new_user: Some(NewUser { behavior, unknown: None }), ..Sections::default() }
    }

    fn stack() -> Stack {
        Stack {
            global: Arc::new(GlobalPolicy { key: key(0), name: "Global".to_owned(), sections: Complete::default() }),
            groups: Arc::default(),
            setting: None,
            application: None,
            application_groups: Arc::default(),
            staged: Arc::default(),
        }
    }

    #[test]
    fn a_staged_version_takes_the_place_of_its_policy_for_those_it_reaches() {
        let user: UserId = "DUAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let lock = Sections { screen_lock: Some(ScreenLock::default()), ..Sections::default() };
        let mut stack = stack();
        stack.application = Some(policy(1, new_user(NewUserPolicy::Deny)));
        let everything =
            Complete { new_user: NewUser { behavior: NewUserPolicy::Allow, unknown: None }, ..Complete::default() };
        let in_group = |n| Reach::Group(group(n));
        stack.staged = Arc::new([
            Staged::new(key(0), "Global", everything.into(), in_group(2)),
            Staged::new(key(1), "policy 1", lock, in_group(1)),
        ]);
        let found = |groups: &[Membership]| {
            let effective = stack.effective_for(user, groups);
            let names = [Level::Global, Level::Application].map(|level| effective.policy(level).unwrap().name);
            (effective.new_user.value.behavior, effective.screen_lock.level, names.map(str::to_owned))
        };
        let (staged_global, staged_policy) = (
            format!("Global (staged for members of {})", group(2)),
            format!("policy 1 (staged for members of {})", group(1)),
        );
        let (global, own) = ("Global".to_owned(), "policy 1".to_owned());
        let default = Complete::default().new_user.behavior;
        for (groups, expected) in [
            (&[][..], (NewUserPolicy::Deny, Level::Global, [global.clone(), own.clone()])),
            // The section that the staged version no longer has is decided below.
            (&[member(1)], (default, Level::Application, [global, staged_policy.clone()])),
            (&[member(2)], (NewUserPolicy::Deny, Level::Global, [staged_global.clone(), own])),
            (&[member(1), member(2)], (NewUserPolicy::Allow, Level::Application, [staged_global, staged_policy])),
        ] {
            assert_eq!(found(groups), expected, "{groups:?}");
        }
        assert_eq!(stack.effective(&[member(1)]).new_user.level, Level::Application, "nobody of that name");
    }

    #[test]
    fn the_highest_level_that_has_a_section_decides_it_whole() {
        let mut stack = stack();
        let groups = [member(1), member(2)];
        assert_eq!(stack.effective(&groups).new_user.level, Level::Global);
        stack.groups = Arc::new(Ranked::new([Attached {
            groups: vec![group(2)],
            policy: policy(1, new_user(NewUserPolicy::Deny)),
        }]));
        assert_eq!(stack.effective(&groups).new_user.level, Level::Group);
        assert_eq!(stack.effective(&groups[..1]).new_user.level, Level::Global);
        stack.setting = Some(Arc::new(new_user(NewUserPolicy::Allow)));
        assert_eq!(stack.effective(&groups).new_user.level, Level::ApplicationSetting);
        stack.application = Some(policy(2, new_user(NewUserPolicy::Enroll)));
        assert_eq!(stack.effective(&groups).new_user.level, Level::Application);
        let top = Sections {
            screen_lock: Some(ScreenLock { require_screen_lock: false, block_unknown: false }),
            ..Sections::default()
        };
        stack.application_groups = Arc::new(Ranked::new([Attached { groups: vec![group(1)], policy: policy(3, top) }]));
        let effective = stack.effective(&groups);
        assert_eq!(
            (effective.new_user.level, effective.screen_lock.level),
            (Level::Application, Level::ApplicationGroup)
        );
        assert_eq!(effective.policy(Level::ApplicationGroup).unwrap().name, "policy 3");
        assert_eq!(effective.policy(Level::ApplicationSetting), None);
    }

    #[test]
    fn of_several_group_policies_the_first_in_order_applies_and_no_other() {
        let lock = Sections { screen_lock: Some(ScreenLock::default()), ..Sections::default() };
        let attached = [
            Attached { groups: vec![group(9)], policy: policy(1, new_user(NewUserPolicy::Deny)) },
            Attached { groups: vec![group(3), group(2)], policy: policy(2, lock) },
            Attached { groups: vec![group(1), group(2)], policy: policy(3, new_user(NewUserPolicy::Allow)) },
        ];
        let ranked = Ranked::new(attached);
        let first = |groups: &[Membership]| ranked.for_member(groups).map(|policy| policy.key);
        assert_eq!(first(&[member(1), member(2)]), Some(key(2)), "order of the list, not of the memberships");
        assert_eq!(first(&[member(1)]), Some(key(3)));
        assert_eq!(first(&[member(4)]), None);
        assert_eq!(first(&[]), None);
    }

    #[test]
    fn sections_are_put_removed_and_listed_by_name() {
        let mut sections = Sections::from(Complete::default());
        assert_eq!(sections.present().count(), Section::ALL.len());
        for section in Section::ALL {
            sections.remove(*section);
        }
        assert_eq!(sections, Sections::default());
        sections.put(new_user(NewUserPolicy::Deny));
        sections.put(Sections::default());
        assert_eq!(sections.present().collect::<Vec<_>>(), [Section::NewUser]);
        let mut global = Complete::default();
        global.put(sections);
        assert_eq!(global.new_user.behavior, NewUserPolicy::Deny);
        global.reset(Section::NewUser);
        assert_eq!(global, Complete::default());
    }

    #[test]
    fn the_defaults_are_valid_and_are_what_the_settings_of_a_new_account_amount_to() {
        assert_eq!(Complete::default().validate(), Ok(()));
        assert_eq!(Complete::from_settings(&LoginSettings::default()), Complete::default());
    }
}
