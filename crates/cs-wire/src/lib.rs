//! Wire formats, pure: Duo-compatible requests, signatures and answers; the device protocol.
//!
//! Everything here turns bytes into types and back. Nothing here reads a clock, a socket or a
//! database, and nothing here knows a rule.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod agent;
pub mod auth_api;
pub mod bson;
pub mod device;
mod encoding;
pub mod envelope;
#[doc(hidden)]
pub mod fuzz;
pub mod json;
pub mod oidc;
pub mod outage;
pub mod params;
pub mod pushinfo;
pub mod rest_v1;
pub mod signing;
pub mod web_sdk;
pub mod webpush;
