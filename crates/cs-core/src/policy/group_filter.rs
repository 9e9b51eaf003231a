//! A quick "certainly not" for long lists of groups.
//!
//! A user may be in a hundred groups and a hundred may be permitted: comparing each with each is ten thousand comparisons in every login. A bit for each group of one
//! list answers most of them; what it lets through is looked up.

use crate::id::GroupId;

const BITS: usize = 4096;

/// The groups of a list, as bits. A group that is in the list always passes; of the others about one in `4096 / length`.
#[derive(Debug, Clone)]
pub(super) struct GroupFilter([u64; BITS / 64]);

impl GroupFilter {
    pub(super) const EMPTY: Self = Self([0; BITS / 64]);

    pub(super) fn of<'g>(groups: impl IntoIterator<Item = &'g GroupId>) -> Self {
        let mut filter = Self::EMPTY;
        for group in groups {
            let bit = bit(group);
            filter.0[bit / 64] |= 1 << (bit % 64);
        }
        filter
    }

    /// Whether `group` may be in the list.
    pub(super) fn may_hold(&self, group: &GroupId) -> bool {
        let bit = bit(group);
        self.0[bit / 64] & (1 << (bit % 64)) != 0
    }
}

/// The last characters differ even where ids were counted up; nobody gains by collisions, which cost a look-up.
fn bit(group: &GroupId) -> usize {
    let tail = group.as_bytes().iter().rev().take(4);
    tail.fold(0_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(*byte))) % BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_list_passes_and_little_else() {
        let group = |n: u32| -> GroupId { format!("DG{n:018}").parse().unwrap() };
        let listed: Vec<_> = (0..100).map(group).collect();
        let filter = GroupFilter::of(&listed);
        assert!(listed.iter().all(|group| filter.may_hold(group)));
        let others = (1000..2000).map(group).filter(|group| filter.may_hold(group)).count();
        assert!(others < 200, "{others} of 1000 pass");
        assert!(!GroupFilter::EMPTY.may_hold(&group(1)));
    }
}
