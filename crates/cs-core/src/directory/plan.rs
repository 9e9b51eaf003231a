//! The comparison.
//!
//! People are looked at one after another, in the order of their keys, and whatever is decided about one is taken as done for the next: a name that one gives up is
//! free for another. That is repeated until nothing more is decided, so that a plan, carried out in its order, leaves nothing to do.

use std::collections::{HashMap, HashSet};

use rand_core::CryptoRng;

use super::act::{Act, Kind};
use super::state::State;
use super::{Fields, Known, Remark, Snapshot};
use crate::id::UserId;

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
    /// How many users go to the trash, are disabled or lose their name.
    pub removals: usize,
    /// Of how many users of the directory.
    pub of: usize,
    /// Other users to whom that has happened lately, without an administrator's word.
    pub lately: Lately,
    /// How many users would have gone to the trash if not for a group that is missing.
    pub held: usize,
    /// Whether the directory told of nobody.
    pub is_empty_answer: bool,
}

/// Users from whom runs before have taken login or name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lately {
    /// How many.
    pub removals: usize,
    /// How many of them are in the trash, and so not among [`Plan::of`].
    pub trashed: usize,
}

/// What becomes of users when `snapshot` is what their directory says. Of `known` there are all users of the account, for names must be free.
pub fn plan(snapshot: &Snapshot, known: Vec<Known>, fields: &Fields, scope: Scope, rng: &mut impl CryptoRng) -> Plan {
    let of = known.iter().filter(|user| user.is_standing()).count();
    let lately: HashMap<UserId, bool> =
        known.iter().filter(|user| user.lately).map(|user| (user.id, user.is_standing())).collect();
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
    let removed: HashSet<UserId> = acts.iter().filter(|act| act.takes_away()).map(|act| act.user).collect();
    let back: HashSet<UserId> = acts.iter().filter(|act| act.gives_back()).map(|act| act.user).collect();
    let others = lately.iter().filter(|(user, _)| !removed.contains(user) && !back.contains(user));
    let lately = others.fold(Lately::default(), |lately, (_, is_standing)| Lately {
        removals: lately.removals + 1,
        trashed: lately.trashed + usize::from(!is_standing),
    });
    let (removals, of, is_empty_answer) = (removed.len(), of + taken, snapshot.people.is_empty());
    Plan { acts, remarks, unchanged, removals, of, lately, held, is_empty_answer }
}
