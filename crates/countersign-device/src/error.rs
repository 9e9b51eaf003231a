//! What can go wrong, one variant per thing a caller treats differently.

use std::path::PathBuf;

use crate::clean::clean;

/// Why the authenticator could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server understood and said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server could not be reached, or the connection broke.
    #[error("cannot reach {origin}")]
    Network {
        /// The origin that was asked.
        origin: String,
        /// What the connection reported.
        #[source]
        source: reqwest::Error,
    },
    /// The server answered with something that is not this protocol.
    #[error("{origin} does not answer as an authenticator server ({what}); check the address")]
    NotThisProtocol {
        /// The origin that was asked.
        origin: String,
        /// What was wrong with the answer.
        what: &'static str,
    },
    /// What is to be signed names another origin, account, device or login than this key was activated for.
    #[error(
        "refusing to sign: the request's {member} is not the one this device was activated for; report this to your administrator"
    )]
    NotOurs {
        /// The statement's member that differs.
        member: &'static str,
    },
    /// The activation code, link or origin cannot be used as written.
    #[error(transparent)]
    Activation(#[from] crate::activation::ActivationError),
    /// A certificate authority file holds no usable certificate.
    #[error("the file of --ca-cert holds no usable PEM certificate; it is tls/ca.pem of the server's data directory")]
    CaCertificate,
    /// The HTTP client could not be built.
    #[error("cannot set up TLS")]
    Tls(#[source] reqwest::Error),
    /// The key store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No login with that transaction id waits for this device.
    #[error("no such login is waiting for this device; it may have been answered, cancelled or be older than a minute")]
    NothingWaiting,
    /// The login asks for the number on the other screen.
    #[error("this login asks for the {digits}-digit number on the screen where you log in")]
    NumberNeeded {
        /// How many digits are asked for.
        digits: u8,
    },
    /// Something was typed that is not the number asked for.
    #[error("the number must be {digits} digits")]
    NumberShape {
        /// How many digits are asked for.
        digits: u8,
    },
    /// The key cannot sign: the crypto library refused.
    #[error("signing failed")]
    Signing,
    /// The one-time password parameters cannot produce a code.
    #[error("this account has no usable passcode generator; activate the device again")]
    Otp,
}

/// A refusal with the protocol's code (`docs/device-protocol.md`, "Refusals").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The code, e.g. `closed`; empty where the body was not this protocol's.
    pub code: String,
    /// The server's advice, as received: not safe for a terminal.
    pub message: String,
    /// The server's clock, which comes with `clock`.
    pub server_time: Option<i64>,
    /// What became of the login, which comes with `closed`.
    pub state: Option<String>,
    /// How long to wait, which comes with `busy`.
    pub retry_after_s: Option<u64>,
}

impl Refusal {
    /// One sentence that says what to do, safe for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let own = match self.code.as_str() {
            "activation_invalid" => "the activation code was used, has expired or was replaced; ask for a new one".to_owned(),
            "inactive" => "this device is not active at the server; confirm it on the page that showed the code, or activate it again".to_owned(),
            "no_such_request" => "no such login is waiting for this device".to_owned(),
            "closed" => {
                let state = self.state.as_deref().unwrap_or("closed");
                format!("this login is closed already ({}); log in again to get a new request", clean(state, 40))
            }
            "number" => "that is not the number on the screen; look again (three wrong numbers deny the login)".to_owned(),
            "clock" => "this machine's clock is too far from the server's; set the clock".to_owned(),
            "statement" => "the server does not recognise what was signed; log in again and report it if it happens twice".to_owned(),
            "busy" => match self.retry_after_s {
                Some(seconds) => format!("the server is busy; try again in {seconds} s"),
                None => "the server is busy; try again shortly".to_owned(),
            },
            _ => String::new(),
        };
        match (own.is_empty(), self.message.is_empty()) {
            (false, _) => own,
            (true, false) => format!("the server refused: {}", clean(&self.message, 300)),
            (true, true) => format!("the server refused with HTTP status {}", self.status),
        }
    }

    /// Whether asking again with the same key is pointless: the device was removed or never confirmed.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self.code.as_str(), "inactive" | "signature")
    }
}

/// Why the key store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Neither `COUNTERSIGN_DEVICE_HOME`, `XDG_DATA_HOME` nor `HOME` says where keys live.
    #[error("no place for keys: set COUNTERSIGN_DEVICE_HOME to a directory of your own")]
    NoHome,
    /// Others could read the keys, or replace them.
    #[error("{} is open to other users (mode {mode:o}); run: chmod {wanted:o} {}", path.display(), path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
    },
    /// The file is not a key file, or was cut.
    #[error("{} is not a key file of this program; move it away and activate again", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("{} was written by a newer version of this program (format {version}); upgrade", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format version.
        version: u64,
    },
    /// Reading or writing failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No such account on this machine.
    #[error("there is no such account on this machine; see: countersign-device list")]
    NoAccount,
}
