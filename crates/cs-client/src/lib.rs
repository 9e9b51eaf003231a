//! A client of the Auth API: asks a Countersign server (or Duo's) whether a user needs a second factor, and carries the login out.
//!
//! [`Client`] is asynchronous and brings no runtime. It repeats nothing by itself, with one exception: a login with an idempotency key is sent again
//! when its answer was lost on the way, because then the second request joins the first.
#![warn(missing_docs)]

#[cfg(feature = "channel")]
mod channel;
mod client;
mod error;
mod exchange;
mod lanes;
mod login;

#[cfg(feature = "channel")]
pub use channel::{Channels, Ended, Heard, Listener, Said, Speaker};
pub use client::{Client, Config};
#[cfg(feature = "channel")]
pub use cs_wire::agent;
pub use cs_wire::auth_api::{
    AsyncResponse, AuthResponse, AuthResult, AuthStatus, Capability, Device, DeviceKind, EnrollResponse, EnrollStatus,
    PreauthResponse, PreauthResult, TextPrompt, TimeResponse, VerifiedPush,
};
pub use cs_wire::outage;
pub use error::{Absence, Error};
pub use login::{Auth, Factor, Preauth};
