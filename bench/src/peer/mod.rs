//! What a user would pick instead.

pub(crate) mod privacyidea;
