//! `[ad_client]` against directories that do as they please.

pub(crate) mod fake;
mod honest;
mod lying;
pub(crate) mod people;
