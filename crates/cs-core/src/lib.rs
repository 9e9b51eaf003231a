//! The rules of Countersign, pure: no I/O, no clock, no ambient randomness.
//!
//! Time arrives as an argument ([`jiff::Timestamp`]), chance as `&mut impl CryptoRng`. A decision is a `#[must_use]` value that says what
//! was decided and why; `cs-engine` carries it out. Nothing here is `Serialize`: surfaces and stores convert at their own borders.
#![forbid(unsafe_code)]

pub mod account;
pub mod admin;
pub mod bypass;
pub mod bypass_code;
pub mod device;
pub mod directory;
pub mod enrollment;
pub mod exception;
pub mod group;
pub mod id;
pub mod integration;
pub mod language;
pub mod lockout;
pub mod login;
pub mod network;
pub mod otp;
pub mod policy;
pub mod prompt;
pub mod secret;
pub mod telephony;
pub mod user;
pub mod user_agent;
pub mod username;
pub mod web_origin;
pub mod webauthn;
