//! What the program ends with.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use crate::clean::clean;
use crate::error::{Error, StoreError};

/// The program's exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The server refused, or the login was closed.
    Refused = 1,
    /// Wrong or missing arguments.
    Usage = 2,
    /// Nothing is waiting.
    NothingWaiting = 3,
    /// The server cannot be reached.
    Network = 4,
    /// The key store cannot be used.
    Store = 5,
    /// What came is not for this device, or not this protocol.
    Untrusted = 6,
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Device(#[from] Error),
    #[error("no account on this machine yet; run: countersign-device activate CODE_OR_URI")]
    NoAccounts,
    #[error("there are several accounts; choose one with --account: {names}")]
    SeveralAccounts { names: String },
    #[error("--account matches no account here; see: countersign-device list")]
    UnknownAccount,
    #[error("{count} logins are waiting; say which: give a TXID from `countersign-device show`, or --latest")]
    SeveralWaiting { count: usize },
    #[error("no login is waiting for this device; log in first, and answer within a minute")]
    NoneWaiting,
    #[error("not confirmed; add --yes to do it without a question")]
    NotConfirmed,
    #[error(
        "this device may not approve by itself: an administrator can allow it for a time (countersign admin phone auto-approve)"
    )]
    NotAutomatic,
    #[error("cannot read {}: {source}", path.display())]
    CaFile { path: PathBuf, source: io::Error },
    #[error("this link is too long for a QR code")]
    Qr,
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::Device(error.into())
    }
}

impl CliError {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Device(error) => match error {
                Error::Refused(_) => Exit::Refused,
                Error::Network { .. } => Exit::Network,
                Error::NotThisProtocol { .. } | Error::NotOurs { .. } => Exit::Untrusted,
                Error::NothingWaiting => Exit::NothingWaiting,
                Error::Store(StoreError::NoAccount)
                | Error::Activation(_)
                | Error::CaCertificate
                | Error::NumberNeeded { .. }
                | Error::NumberShape { .. } => Exit::Usage,
                Error::Store(_) | Error::Signing | Error::Otp => Exit::Store,
                Error::Tls(_) => Exit::Network,
            },
            Self::NoneWaiting => Exit::NothingWaiting,
            Self::NoAccounts
            | Self::SeveralAccounts { .. }
            | Self::UnknownAccount
            | Self::SeveralWaiting { .. }
            | Self::NotConfirmed
            | Self::CaFile { .. }
            | Self::Qr => Exit::Usage,
            Self::NotAutomatic => Exit::Refused,
            Self::Output(_) => Exit::Store,
        }
    }

    /// A word for programs: the protocol's code where the server refused.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Device(Error::Refused(refusal)) if !refusal.code.is_empty() => &refusal.code,
            Self::NotAutomatic => "not_automatic",
            Self::NotConfirmed => "not_confirmed",
            Self::Device(Error::NumberNeeded { .. }) => "number_needed",
            Self::Device(Error::NotOurs { .. }) => "not_ours",
            _ => match self.exit() {
                Exit::Done | Exit::Refused => "refused",
                Exit::Usage => "usage",
                Exit::NothingWaiting => "nothing_waiting",
                Exit::Network => "network",
                Exit::Store => "store",
                Exit::Untrusted => "not_this_protocol",
            },
        }
    }

    /// One line for people, safe for a terminal: what failed, why, and what to do.
    pub(crate) fn text(&self) -> String {
        let mut text = self.to_string();
        let mut cause = match self {
            Self::Device(error) => error.source(),
            _ => None,
        };
        let mut last = String::new();
        while let Some(error) = cause {
            last = error.to_string();
            cause = error.source();
        }
        // Connection libraries wrap the cause several times: only the innermost says something.
        if !last.is_empty() && !text.contains(&last) {
            text = format!("{text}: {last}");
        }
        if text.contains("UnknownIssuer") || text.contains("unknown issuer") {
            text.push_str("; if the site runs its own authority, activate with --ca-cert PEM");
        }
        clean(&text, 600)
    }
}
