//! `new_user`: what happens to people without a usable factor.

use crate::account::NewUserPolicy;
use crate::policy::fault::SectionError;

/// The section. Unknown facts: there are none, a user either has a factor or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewUser {
    /// `new_user_behavior` (`enroll`, `no-mfa`, `deny`); global default: `enroll`.
    pub behavior: NewUserPolicy,
    /// Ours, `unknown_user_behavior`: for names that no user has, where it should differ. `deny` here and `enroll` above closes the door that mistyped
    /// or differently written names find open, and still lets those who were created in advance enroll.
    pub unknown: Option<NewUserPolicy>,
}

impl NewUser {
    /// What happens to someone with this record, or of a name without one.
    pub fn for_user(&self, user: Option<&crate::user::User>) -> NewUserPolicy {
        match user {
            Some(_) => self.behavior,
            None => self.unknown.unwrap_or(self.behavior),
        }
    }

    /// Nothing here can contradict itself.
    pub const fn validate(&self) -> Result<(), SectionError> {
        Ok(())
    }
}
