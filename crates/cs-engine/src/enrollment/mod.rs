//! Enrollment: how somebody who has no second factor gets a first one, by a link or in the middle of a login.
//!
//! | file | what |
//! | --- | --- |
//! | `link` | links: made, mailed, looked at |
//! | `opening` | an enrollment begins, and is found again by its browser |
//! | `wizard` | the pages that follow: choose, do it, a backup, done |
//! | `pages` | what they send and show |
//! | `phone` | the authenticator on a phone |
//! | `key` | passkeys and security keys among them |
//! | `finish` | back to the login that it was in the middle of |
//! | `gate` | who may enroll here and now, and what the log says of whoever may not |
//! | `number` | numbers that take calls and messages |
//! | `codes` | recovery codes |
//! | `notices` | what the log and the user are told |
//! | `kept` | where that stands, as the database keeps it |
//!
//! CISA AA22-074A tells of a dormant user whose guessed password was enough to enroll a device. Here nobody enrolls by a link who has a factor already, nor who is
//! disabled, locked out or in the trash; and by a password alone nobody who was not there for long.

mod codes;
mod finish;
mod gate;
mod kept;
mod key;
mod link;
mod notices;
mod number;
mod opening;
mod pages;
mod phone;
mod wizard;

pub use codes::{CODES_MADE, RECOVERY_CODES};
pub use finish::Back;
pub use gate::{NotNow, REFUSED, WhyNot};
pub use key::NotSaved;
pub(crate) use link::is_active;
pub use link::{Invitation, Invite, LINK_TTL, LOGIN_LINK_TTL, Link, LinkState};
pub use number::{CodeBy, NumberFault};
pub use pages::{EnrollInput, EnrollView, Enrolled, NewFactor};
pub use phone::MISMATCH;
pub use wizard::Enrollment;
