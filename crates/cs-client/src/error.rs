//! What can go wrong, each thing a caller treats differently.

use std::time::Duration;

/// Why a call gave no answer. None of these is a decision about the user; what it means is the caller's `failmode`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server's name is not `HOST` or `HOST:PORT`.
    #[error("the API host must be written HOST or HOST:PORT")]
    Host,
    /// The proxy's name is not `HOST:PORT`.
    #[error("the HTTP proxy must be written HOST:PORT")]
    HttpProxy,
    /// The PEM text holds no certificate.
    #[error("the CA file holds no PEM certificate")]
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
            Self::Host | Self::HttpProxy | Self::CaCertificate | Self::Tls(_) | Self::Clock => false,
        }
    }

    /// How the server is away; `None` where it is there. For words in a log and for [what a fail mode is for](Self::is_away), which this does not change.
    pub fn absence(&self) -> Option<Absence> {
        match self {
            Self::Network(error) => Some(match tls_error(error) {
                Some(rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidYet))
                | Some(rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidYetContext { .. })) => {
                    Absence::NotValidYet
                }
                Some(_) => Absence::Tls,
                None if error.is_timeout() => Absence::TimedOut,
                None => Absence::Unreachable,
            }),
            Self::NotThisProtocol(_) => Some(Absence::Nonsense),
            Self::Refused { status, .. } => (*status >= 500).then_some(Absence::CannotDecide),
            Self::Host | Self::HttpProxy | Self::CaCertificate | Self::Tls(_) | Self::Clock => None,
        }
    }

    /// Whether the request may never have been decided on because the way there or back was broken.
    pub(crate) const fn is_lost(&self) -> bool {
        match self {
            Self::Network(_) => true,
            Self::Host
            | Self::HttpProxy
            | Self::CaCertificate
            | Self::Tls(_)
            | Self::Clock
            | Self::Refused { .. }
            | Self::NotThisProtocol(_) => false,
        }
    }
}

/// How a server is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absence {
    /// No connection, or it broke.
    Unreachable,
    /// Nothing came in time.
    TimedOut,
    /// Its certificate is not one that is trusted, or TLS failed otherwise.
    Tls,
    /// Its certificate is not valid yet: the clock of this host is wrong.
    NotValidYet,
    /// It says itself that it cannot decide (HTTP 5xx).
    CannotDecide,
    /// What answers does not speak this protocol.
    Nonsense,
}

/// What TLS says, somewhere below an error of the network.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    // Causes are few; the bound is for one that names itself.
    for _ in 0..16 {
        let error = next?;
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // An error of input and output that wraps another tells of that one's cause, and not of itself.
        if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
            && let Some(found) = tls_error(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn detail_text(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" ({detail})") }
}
