//! `[ad_client]` at work: a first factor is checked by a directory.

pub mod ntlm;
mod refusal;

pub use refusal::Refusal;
