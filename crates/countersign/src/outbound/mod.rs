//! What leaves the server for other machines.

pub(crate) mod addresses;
pub mod checkpoints;
pub mod mail;
mod posting;
mod traffic;
pub mod web_push;
pub mod webhook;
