//! WebAuthn credentials: what one is, what an assertion with it is worth, and who may add one.
//!
//! The cryptography (signatures, attestation, what the browser signed) is `cs-engine::passkeys`; what is decided from it is here.

mod assertion;
mod credential;
mod registration;

#[cfg(test)]
pub(crate) use credential::tests;

pub use assertion::{Ask, Purpose, Seen, Used, UserVerification, check_counter, judge, methods, user_verification};
pub use credential::{Aaguid, AaguidError, AaguidList, Class, Credential, Transport};
pub use registration::{
    FACTOR_TTL, INACTIVE_AFTER, Proof, RegistrationRefusal, Standings, Wanted, is_strong_enough, may_register,
};

use jiff::SignedDuration;

/// How long a ceremony can be finished.
pub const CEREMONY_TTL: SignedDuration = SignedDuration::from_mins(5);

/// The most credentials of one user: the browser is given the list at every login.
pub const MAX_CREDENTIALS_PER_USER: usize = 20;

/// The most characters of a credential's name.
pub const MAX_NAME: usize = 64;
