//! End-to-end tests with unmodified real clients.
//!
//! [`Site`] is a server as an operator runs it: `countersign bootstrap`, then `countersign serve`, both as processes. [`Phone`] is
//! `countersign-device`. [`unix`] runs Debian's `pam_duo` and `login_duo` at a [`Terminal`]. [`browser`] drives Chromium. The clients' programs are in `clients/`.
//! What is missing on the machine is installed by `cargo xtask test`; nothing here skips.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "for tests only: a failure here is the test's failure")]

mod api;
pub mod browser;
mod child;
pub mod crash;
mod cutter;
pub mod directory;
mod files;
pub mod first_run;
pub mod ldap;
mod mail;
pub mod namespace;
mod network;
mod old_app;
mod phone;
mod ports;
pub mod radius;
pub mod radsec;
mod sample;
pub mod shim;
mod site;
pub mod slapd;
mod terminal;
mod tools;
pub mod unix;

pub use api::{Answer, Api, Keys};
pub use child::{Lines, PATIENCE};
pub use cutter::Cutter;
pub use files::Files;
pub use mail::MailSink;
pub use network::Network;
pub use old_app::OldApp;
pub use phone::{Phone, Request, Watch};
pub use ports::free_port;
pub use sample::{Sample, Sdk};
pub use site::{Site, User};
pub use terminal::Terminal;
pub use tools::{bin, ldap3_python, mail_python, npm, program, push_python, python, universal_python};
