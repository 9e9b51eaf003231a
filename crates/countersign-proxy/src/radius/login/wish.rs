//! What a login needs done by others before it can go on, and how it ends.

use zeroize::Zeroizing;

use crate::radius::proof::{Proof, Relay};
use crate::radius::split::Typed;

/// What a login needs done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Ask about the first factor.
    Primary {
        /// What the directory shall check.
        password: Zeroizing<String>,
    },
    /// Have another server check what is no password, or the answer to what it asked.
    Relay(Relay),
    /// Speak EAP, which ends here, until somebody's name and password come out of it.
    Tunnel(Proof),
    /// Show what the other server asks, as it came.
    AskOn {
        /// What it says to the person.
        text: Option<String>,
    },
    /// Keep out, as the other server said it.
    PassOnRefusal {
        /// For the person.
        text: Option<String>,
    },
    /// Ask the server what this person needs.
    Preauth {
        /// With a menu to show.
        menu: bool,
    },
    /// Ask the server for the second factor, and tell when it is decided.
    Auth(Wanted),
    /// Show a text and wait for what is typed.
    Challenge {
        /// The text.
        text: String,
    },
    /// Have a code for outages checked.
    Code {
        /// As it was typed.
        typed: Zeroizing<String>,
    },
    /// Let in.
    Accept {
        /// For the person.
        text: Option<String>,
        /// Why, for the log.
        why: AcceptedBy,
    },
    /// Keep out.
    Reject {
        /// For the person.
        text: Option<String>,
    },
}

/// Why somebody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedBy {
    /// Both factors, or the server asked for none.
    Server,
    /// The configuration asks for no second factor of this name.
    Exemption,
    /// The server cannot be asked and the section says `failmode=safe`.
    FailSafe,
    /// The server cannot be asked, the section says `failmode=offline`, and a code for outages is right.
    OutageCode,
    /// An Owner gave leave to do without the second factor for a while.
    Emergency,
}

/// The second factor that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What the server takes for the best.
    Auto,
    /// Typed: a word or a code.
    Typed(Typed),
    /// Chosen from the menu that the server made.
    Choice(Zeroizing<String>),
}

impl Wanted {
    /// In a word, for the log: never a code.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Choice(_) => "prompt",
            Self::Typed(Typed::Push(_)) => "push",
            Self::Typed(Typed::Phone(_)) => "phone",
            Self::Typed(Typed::Sms(_)) => "sms",
            Self::Typed(Typed::Passcode(_)) => "passcode",
        }
    }
}
