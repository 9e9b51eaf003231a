//! Administrators: what each role may do.
//!
//! [`Role::may`] is the only place where a right is decided. The table it makes is printed to `tests/golden/roles.txt`,
//! so that a change of rights shows in review.

mod actions;
mod roles;

pub use actions::{Action, ActionRow};
pub use roles::{Role, RoleError};
