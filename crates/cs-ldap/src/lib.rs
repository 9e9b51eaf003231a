//! LDAP messages, filters and names, pure: bytes into checked views and back.
//!
//! What a proxy and a client of a directory need, and no more: messages are cut out of a stream, a few operations are read and written, and every other one
//! stays the octets that it came as. Nothing here reads a clock or a socket, draws a random number or knows a rule. Everything follows RFC 4511 (the protocol, in the
//! BER of its §5.1), RFC 4513 (authentication), RFC 4514 (names) and RFC 4515 (filters).
//!
//! ```text
//! stream ─► frame_len ─► Message::parse ─► Operation::{BindRequest, BindResponse, …} or Other, to be passed on as it is
//! request::{bind, Search::encode, …}, response::{bind_response, …} ─► octets
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod ber;
mod credentials;
pub mod dn;
pub mod filter;
#[doc(hidden)]
pub mod fuzz;
mod message;
pub mod ntlm;
pub mod oid;
pub mod request;
pub mod response;
mod result;

pub use ber::{Malformed, check_depth, frame_len};
pub use credentials::Credentials;
pub use dn::Dn;
pub use filter::Filter;
pub use message::{
    Attribute, Authentication, BindRequest, BindResponse, Entry, ExtendedRequest, ExtendedResponse, LdapResult,
    Message, MessageId, Operation, tag,
};
pub use request::{Scope, Search};
pub use result::ResultCode;
