//! What came of a run, or would.

use std::collections::BTreeMap;

use cs_core::directory::{Kind, Plan, Remark, Snapshot};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::apply::Applied;

/// The most remarks and names that are kept of a run.
const KEPT: usize = 100;

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// `ok`, `halted` (too many would have gone) or `failed`.
    pub result: String,
    /// The same for administrators.
    pub words: String,
    /// When it began, Unix seconds.
    pub began: i64,
    /// How many seconds it took.
    pub seconds: i64,
    /// How many people the directory told of.
    pub people: usize,
    /// How many users of each kind of change.
    pub counts: BTreeMap<String, usize>,
    /// How many were as they should be.
    pub unchanged: usize,
    /// How many would have gone to the trash or been disabled; if the run was halted, the number to confirm.
    pub removals: usize,
    /// Of how many.
    pub of: usize,
    /// How many would have gone to the trash if a group were not missing.
    pub held: usize,
    /// How many remarks there are.
    pub remarks_total: usize,
    /// The first of them.
    pub remarks: Vec<Told>,
}

/// A remark about somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Their name.
    pub username: String,
    /// What.
    pub words: String,
    /// Whether all of them was left out.
    pub is_all: bool,
}

/// What a run would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The same as of a run; `halted` if it would be.
    pub outcome: Outcome,
    /// Each change: kind, name, and the fields as they are and would be. At most 20,000.
    pub acts: Vec<ComparedAct>,
    /// Groups that the directory does not have.
    pub missing: Vec<String>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedAct {
    /// `create`, `take_over`, `restore`, `disable`, `update` or `trash`.
    pub kind: String,
    /// Whom.
    pub username: String,
    /// Field, before, after.
    pub changes: Vec<(String, String, String)>,
}

pub(super) fn outcome_of(plan: &Plan, snapshot: &Snapshot) -> Outcome {
    let told = |remark: &Remark| Told {
        username: remark.username.clone(),
        words: remark.what.words(),
        is_all: remark.what.is_all(),
    };
    let missing = snapshot.groups.iter().filter(|group| group.name.is_none()).count();
    let words = match (missing, plan.remarks.len()) {
        (0, 0) => "all users are as the directory says".to_owned(),
        (0, remarks) => format!("done, with {remarks} remarks"),
        (missing, _) => format!(
            "{missing} of the groups are not in the directory; until they are back or no longer selected nobody is removed ({} would be)",
            plan.held
        ),
    };
    Outcome {
        result: "ok".to_owned(),
        words,
        people: snapshot.people.len(),
        unchanged: plan.unchanged,
        removals: plan.removals,
        of: plan.of,
        held: plan.held,
        remarks_total: plan.remarks.len(),
        remarks: plan.remarks.iter().take(KEPT).map(told).collect(),
        ..Outcome::default()
    }
}

pub(super) fn take_in(outcome: &mut Outcome, applied: &Applied) {
    for kind in Kind::ALL {
        if let Some(count) = applied.counts.get(&kind) {
            outcome.counts.insert(kind.as_str().to_owned(), *count);
        }
    }
    outcome.remarks_total += applied.left.len();
    let room = KEPT.saturating_sub(outcome.remarks.len());
    outcome.remarks.extend(applied.left.iter().take(room).map(|username| Told {
        username: username.clone(),
        words: "left for the next run: somebody has changed this user meanwhile".to_owned(),
        is_all: true,
    }));
}

impl Outcome {
    /// What was kept of the last run; `None` before the first.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// When it began.
    pub fn began_at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.began).ok()
    }
}
