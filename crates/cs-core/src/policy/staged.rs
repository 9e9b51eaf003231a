//! The next version of a policy, while it applies to some people only.
//!
//! Who is in is decided by the user's id and the policy's key alone: the same people at every login, on every node and after every restart. A greater
//! percentage keeps everybody who was in. The key is part of it so that it is not always the same people who go first.

use std::fmt;

use super::stack::Sections;
use crate::group::Membership;
use crate::id::{GroupId, PolicyKey, UserId};

/// To whom a staged version applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To a share of the users.
    Percent(Percent),
    /// To the members of a group.
    Group(GroupId),
}

/// A share of users, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// `None` unless it is 1 to 100.
    pub fn new(percent: u8) -> Option<Self> {
        (1..=100).contains(&percent).then_some(Self(percent))
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Reach {
    /// Whether the staged version of `policy` applies to `user`, a member of `groups`.
    pub fn includes(self, policy: PolicyKey, user: UserId, groups: &[Membership]) -> bool {
        match self {
            Self::Percent(percent) => place(policy, user) < percent.get(),
            Self::Group(group) => groups.iter().any(|member| member.group == group),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{}% of the users", percent.get()),
            Self::Group(group) => write!(f, "members of {group}"),
        }
    }
}

/// The staged version of one policy, as logins use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Which policy.
    pub policy: PolicyKey,
    /// How explanations and the log call the policy where this version applies.
    pub label: String,
    /// In the place of the policy's own; of the global policy, all sections.
    pub sections: Sections,
    /// To whom it applies.
    pub reach: Reach,
}

impl Staged {
    /// `name` is the policy's.
    pub fn new(policy: PolicyKey, name: &str, sections: Sections, reach: Reach) -> Self {
        Self { policy, label: format!("{name} (staged for {reach})"), sections, reach }
    }
}

/// The place of a user among those to whom a policy comes, 0 to 99. FNV-1a, mixed as in SplitMix64: ids differ in few letters. Nobody chooses an id,
/// so nothing is gained by a keyed hash.
fn place(policy: PolicyKey, user: UserId) -> u8 {
    let bytes = policy.as_str().bytes().chain(user.as_str().bytes());
    let mut hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    // Below 100, so that nothing is cut off.
    ((hash ^ (hash >> 31)) % 100) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::GroupStatus;

    fn policy(n: u32) -> PolicyKey {
        format!("PO{n:018}").parse().unwrap()
    }

    fn user(n: u32) -> UserId {
        format!("DU{n:018}").parse().unwrap()
    }

    fn percent(n: u8) -> Reach {
        Reach::Percent(Percent::new(n).unwrap())
    }

    #[test]
    fn a_greater_share_keeps_everybody_who_was_in() {
        for n in 0..500 {
            let mut was_in = false;
            for share in 1..=100 {
                let is_in = percent(share).includes(policy(1), user(n), &[]);
                assert!(is_in || !was_in, "{n} fell out at {share}%");
                was_in = is_in;
            }
            assert!(was_in, "{n} is among all");
        }
        assert_eq!((Percent::new(0), Percent::new(101)), (None, None));
    }

    #[test]
    fn the_share_is_about_what_it_says_and_not_the_same_people_for_every_policy() {
        for share in [1, 10, 50, 90] {
            let count = (0..20_000).filter(|n| percent(share).includes(policy(1), user(*n), &[])).count();
            let expected = 200 * usize::from(share);
            assert!(count.abs_diff(expected) < 300, "{share}%: {count} of 20,000");
        }
        let both = (0..20_000).filter(|n| (1..=2).all(|key| percent(10).includes(policy(key), user(*n), &[]))).count();
        assert!((120..280).contains(&both), "a tenth of a tenth: {both}");
    }

    #[test]
    fn these_users_have_these_places_for_ever() {
        let places: Vec<u8> = (0..6).map(|n| place(policy(1), user(n))).collect();
        assert_eq!(places, PLACES, "whoever changes the hash moves people in and out of stages under way");
    }
    const PLACES: [u8; 6] = [36, 82, 32, 48, 52, 27];

    #[test]
    fn a_group_is_its_members() {
        let group = |n: u32| format!("DG{n:018}").parse::<GroupId>().unwrap();
        let member =
            |n| Membership { group: group(n), name: String::new(), status: GroupStatus::Active, bypass_until: None };
        let reach = Reach::Group(group(1));
        assert!(reach.includes(policy(1), user(1), &[member(2), member(1)]));
        assert!(!reach.includes(policy(1), user(1), &[member(2)]));
        assert!(!reach.includes(policy(1), user(1), &[]));
    }
}
