//! What the HTTP surfaces share: the edge every request passes, answers in the envelope, limits and rates.

mod body;
mod client;
mod edge;
mod failure;
mod observe;
mod overload;
mod rate;
mod request_id;

pub use body::BodyBytes;
pub use client::client_address;
pub use edge::{Edge, RequestInfo, request_host};
pub use failure::{Failure, with_fallbacks};
pub use observe::Observe;
pub use overload::{Gate, GateLoad, ListSlot, LoginSlot, Permit};
pub use rate::{Limited, RateLimiter, address_key};
pub use request_id::{RequestId, RequestIds};
