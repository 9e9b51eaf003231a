//! Duo's request signatures: reading and checking them, and making them.
//!
//! A signature is an HMAC over a few lines of text, in four versions that cover different parts of a
//! request. [`verify`] finds the version that matches and gives out *only* the parameters which that
//! version covers.

mod canonical;
mod client;
mod credentials;
mod date;
mod received;
mod verify;

pub use crate::encoding::encode_params;
pub use canonical::{HashAlgorithm, SigVersion};
pub use client::{Outgoing, Scheme, SignedHeaders, sign};
pub use credentials::{AuthError, Credentials, credentials};
pub use date::{CLOCK_SKEW, format_date, parse_date};
pub use received::{ReceivedRequest, split_target};
pub use verify::{Allowed, LegacyV1, PublicName, Verified, VerifyError, verify};
