//! The users of a measurement and their codes: user `n` has one HOTP token, whose secret anyone can compute.

use aws_lc_rs::digest;
use cs_core::otp::{Digits, OtpAlgorithm, hotp};

/// The name of user `n`.
pub(crate) fn name(user: u64) -> String {
    format!("user{user}")
}

/// The secret of user `n`'s token, 20 bytes.
pub(crate) fn secret(user: u64) -> Vec<u8> {
    let hash = digest::digest(&digest::SHA256, format!("countersign bench {user}").as_bytes());
    hash.as_ref()[..20].to_vec()
}

/// The code of login number `login`, when `users` take turns: every code is a new one, and the next of its token.
pub(crate) fn code(login: u64, users: u64) -> String {
    hotp(&secret(login % users), login / users, Digits::Six, OtpAlgorithm::Sha1).to_string()
}
