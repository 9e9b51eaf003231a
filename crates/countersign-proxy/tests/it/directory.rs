//! `[ad_client]` against directories that do as they please.

mod fake;
mod honest;
mod lying;
