//! What comes next in a login by EAP, and why it may be over.

use cs_radius::eap::ttls::PasswordLogin;
use zeroize::Zeroizing;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this EAP packet, and hand on what answers it.
    Ask {
        /// The packet.
        message: Vec<u8>,
        /// Somebody types the answer.
        waits_for_person: bool,
    },
    /// Somebody logs in.
    Login(PasswordLogin),
    /// What was typed after a question.
    Typed(Zeroizing<Vec<u8>>),
    /// The yes has arrived.
    Done,
    /// It is over.
    Fail(Why),
}

/// Why a login failed within EAP, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Why {
    /// What came is no EAP, or none of what was begun.
    #[error("the device sent EAP that belongs to nothing")]
    Malformed,
    /// Neither PEAP nor TTLS is wanted.
    #[error("the device wants neither PEAP nor TTLS")]
    Method,
    /// TLS failed at our end; the alert says why.
    #[error("TLS failed: the device offers nothing that is spoken here, or sent no TLS")]
    Tls,
    /// TLS failed at the other end: most often it does not trust the certificate.
    #[error(
        "the device has ended TLS: does it trust the certificate of certs=, and is its name the one that it expects?"
    )]
    Refused,
    /// Inside of PEAP something else than a password is wanted.
    #[error("the device wants another method inside of PEAP: set it to GTC, since only a password can be checked here")]
    NoGtc,
    /// Inside of TTLS is no password.
    #[error("the device sends no password inside of TTLS: set it to PAP, since only a password can be checked here")]
    NoPap,
    /// It never ends.
    #[error("the device goes on without end")]
    Endless,
}
