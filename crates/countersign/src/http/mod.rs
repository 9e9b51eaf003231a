//! What the HTTP surfaces share: the edge every request passes, answers in the envelope, limits and rates.

mod body;
mod client;
mod edge;
mod envelope;
mod failure;
mod observe;
mod overload;
mod rate;
mod request_id;
mod signed;

pub use body::BodyBytes;
pub use client::client_address;
pub use edge::{Edge, RequestInfo, request_host};
pub use envelope::Envelope;
pub use failure::{Failure, with_fallbacks};
pub use observe::Observe;
pub use overload::{Gate, GateLoad, ListSlot, LoginSlot, Permit};
pub use rate::{Limited, RateLimiter, address_key};
pub use request_id::{RequestId, RequestIds};
pub(crate) use signed::LegacyUses;
pub use signed::{Authentic, AuthV2, Door, FromParams, LoginDoor, NoParams, RestV1, Signed, authenticate};
