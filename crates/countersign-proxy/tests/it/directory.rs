//! `[ad_client]` against directories that do as they please.

mod honest;
mod lying;
pub(crate) mod people;
mod section;
