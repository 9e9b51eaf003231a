//! Policies as administrators make them and logins read them.
//!
//! | file | what |
//! | --- | --- |
//! | `json` | the Admin API's documents |
//! | `book` | parsed, as logins read them |
//! | `draft` | in memory, as administrators change them |
//! | `document` | whole policies as they are given, exported and imported |
//! | `bulk` | several at once |
//! | `edit` | from a draft to one commit |
//! | `lockout` | changes that could lock everybody out |
//! | `calculate` | what is in force for one user at one application |
//! | `explain` | what would happen at a login, and why |
//! | `simulate` | past logins under other policies |
//! | `stage` | a next version for some users first |
//! | `trial` | changes that are taken back unless confirmed |
//! | `setting` | `section.key=value` |

mod book;
mod bulk;
mod calculate;
mod document;
mod draft;
mod edit;
mod error;
mod explain;
pub mod json;
mod lockout;
mod setting;
mod simulate;
mod stage;
mod trial;

pub use book::PolicyBook;
pub use bulk::BulkChange;
pub use calculate::{Calculated, Element};
pub use document::{GroupsInApplication, PolicyDocument};
pub use draft::{Draft, GLOBAL, LONGEST_NAME, MOST_POLICIES, MOST_USES, PolicyView};
pub use edit::{Difference, Edited, Editor, LARGEST_POLICY, LockoutRisk};
pub use error::PolicyError;
pub use explain::{Explanation, Person, Question, Step, client};
pub use lockout::{Danger, Knowledge, Whence};
pub use setting::{Setting, flat};
pub use simulate::{Example, NOT_KEPT, Replay, Simulation, Tally};
pub use stage::{Stage, percent};
pub use trial::{CONFIRM_WITHIN, TakenBack};
