//! A whole site in one test: server, clock, clients, virtual phones and tokens.
//!
//! ```text
//! let site = Site::start().await;
//! let alice = site.user("alice").await;
//! let phone = alice.phone().await;
//! let answer = site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await;
//! ```
//!
//! Everything here panics when it cannot do what a test asks of it.
#![expect(clippy::expect_used, reason = "for tests only: what fails must fail the test")]

mod client;
mod key;
mod mmdb;
mod phone;
mod site;
mod user;
mod web;

pub use client::{Answer, Api};
pub use key::{Forge, VirtualKey};
pub use mmdb::Mmdb;
pub use phone::VirtualPhone;
pub use site::Site;
pub use user::{TestUser, VirtualToken};
pub use web::{Browser, Page, REDIRECT, STATE, WebApp};
