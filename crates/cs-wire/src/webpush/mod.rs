//! Web Push, the sender's side: messages that only the browser can read (RFC 8291), and whom they come from (RFC 8292).

mod encrypt;
mod vapid;

pub use encrypt::{MAX_PLAIN_BYTES, Recipient, SenderKey, encrypt};
pub use vapid::VapidKey;

/// A key or subscription that is none, or a message that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebPushError {
    /// `p256dh` is no point of P-256, or `auth` has not 16 bytes.
    #[error("the subscription's keys are not those of a browser")]
    InvalidSubscription,
    /// A private key that is no P-256 key.
    #[error("not a usable P-256 key")]
    InvalidKey,
    /// More than [`MAX_PLAIN_BYTES`].
    #[error("the message is too long for a push")]
    TooLong,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
}
