//! What leaves the server for other machines.

pub mod mail;
