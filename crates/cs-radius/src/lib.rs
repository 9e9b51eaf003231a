//! RADIUS packets and attributes, pure: bytes into checked views and back.
//!
//! A packet is read in place and never changed: what we do not know travels as it came. Nothing here reads a clock or a socket, draws a random number or knows
//! a rule. Everything follows RFC 2865 (authentication), RFC 2866 (accounting), RFC 2868 (tunnels), RFC 2869 and 3579 (extensions, EAP), RFC 2548 (Microsoft's
//! attributes), RFC 5176 (dynamic authorization) and RFC 5997 (Status-Server).
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod attribute;
mod builder;
pub mod chap;
mod code;
pub mod dictionary;
pub mod eap;
#[doc(hidden)]
pub mod fuzz;
mod integrity;
pub mod mschap;
mod packet;
pub mod password;
pub mod salted;
mod secret;
pub mod vendor;

pub use attribute::{Attribute, Attributes, kind};
pub use builder::{Builder, TooLong};
pub use code::Code;
pub use integrity::{Integrity, reply_integrity, reply_is_authentic, request_integrity, request_is_authentic};
pub use packet::{Authenticator, MAX_LEN, MIN_LEN, Malformed, Packet, frame_len};
pub use secret::Secret;
