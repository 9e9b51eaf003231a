//! What can go wrong, each thing a caller treats differently.

use std::time::Duration;

/// Why a call gave no answer. None of these is a decision about the user; what it means is the caller's `failmode`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server's name is not `HOST` or `HOST:PORT`.
    #[error("the API host must be written HOST or HOST:PORT")]
    Host,
    /// The PEM text holds no certificate.
    #[error("the CA file holds no certificate")]
    CaCertificate,
    /// The HTTP client cannot be made.
    #[error("cannot prepare TLS")]
    Tls(#[source] reqwest::Error),
    /// The clock shows a year that HTTP cannot write.
    #[error("the clock shows no usable time")]
    Clock,
    /// The server was not reached, or the connection ended.
    #[error("no answer from the server")]
    Network(#[source] reqwest::Error),
    /// The server said no to the request itself.
    #[error("the server refused the request: {code} {message}{}", detail_text(.detail))]
    Refused {
        /// HTTP status.
        status: u16,
        /// Duo's five-digit code, or 0.
        code: u32,
        /// The server's words.
        message: String,
        /// What in particular, or empty.
        detail: String,
        /// When to come back, where the server says so.
        retry_after: Option<Duration>,
    },
    /// What came back is not this protocol.
    #[error("the answer is not the Auth API's: {0}")]
    NotThisProtocol(&'static str),
}

impl Error {
    /// Whether the server is away or cannot decide, so that a `failmode` may apply. A server that refuses the request, or is busy for a moment (429), is there.
    pub const fn is_away(&self) -> bool {
        match self {
            Self::Network(_) | Self::NotThisProtocol(_) => true,
            Self::Refused { status, .. } => *status >= 500,
            Self::Host | Self::CaCertificate | Self::Tls(_) | Self::Clock => false,
        }
    }

    /// Whether the request may never have been decided on because the way there or back was broken.
    pub(crate) const fn is_lost(&self) -> bool {
        match self {
            Self::Network(_) => true,
            Self::Host
            | Self::CaCertificate
            | Self::Tls(_)
            | Self::Clock
            | Self::Refused { .. }
            | Self::NotThisProtocol(_) => false,
        }
    }
}

fn detail_text(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" ({detail})") }
}
