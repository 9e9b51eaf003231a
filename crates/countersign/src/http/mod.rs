//! What the HTTP surfaces share: the edge every request passes, answers in the envelope, limits and rates.

mod answered;
mod body;
mod client;
mod clients;
mod edge;
mod envelope;
mod failure;
mod login_call;
mod logo;
mod look;
mod observe;
mod overload;
mod page;
mod qr;
mod rate;
mod refused;
mod request_id;
mod signed;

pub(crate) use answered::tell_when_answered;
pub use body::BodyBytes;
pub use client::client_address;
pub(crate) use clients::LoginClients;
pub use edge::{Edge, RequestInfo, request_host};
pub use envelope::Envelope;
pub use failure::{Failure, SHORTLY, with_fallbacks};
pub(crate) use login_call::{
    access, allowed_text, decided_text, enroll_text, enroll_url, menu_factors, refused_text, request_digest,
    waiting_text,
};
pub(crate) use logo::logo_response;
pub(crate) use look::{Look, Whose, looks};
pub use observe::Observe;
pub use overload::{Gate, GateLoad, ListSlot, LoginSlot, Permit};
pub(crate) use page::{Page, Reader, assets};
pub use qr::{MAX_QR_BYTES, qr_svg};
pub use rate::{Limited, RateLimiter};
pub(crate) use refused::RefusedClients;
pub use request_id::{RequestId, RequestIds};
pub use signed::{AuthV2, Authentic, Door, FromParams, LoginDoor, NoParams, RestV1, Signed, authenticate};
pub(crate) use signed::{LegacyUses, host_name};
