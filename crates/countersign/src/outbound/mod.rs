//! What leaves the server for other machines.

pub(crate) mod addresses;
pub mod checkpoints;
pub mod mail;
pub mod posting;
pub mod telephony;
mod traffic;
pub mod web_push;
pub mod webhook;
