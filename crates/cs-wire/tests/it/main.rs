//! What unmodified clients send, and what must never be taken from them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod properties;
mod quirks;
mod request;
mod vectors;
