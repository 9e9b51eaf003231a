//! What happens to a login: what those say whom it had asked, and what its person or device sends.

use zeroize::Zeroizing;

use crate::radius::proof::{Continued, Proof};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// About the first factor.
    Primary(Primary),
    /// What the server says before a second factor.
    Preauth(Result<Preauth, Outage>),
    /// How the second factor ended.
    Auth(Result<Auth, Outage>),
    /// What was typed after a challenge.
    Answer(Zeroizing<String>),
    /// What a device sent after a challenge and is no typed text.
    Proof(Proof),
    /// The server cannot be asked, and the section says `failmode=offline`.
    Away {
        /// The group whose codes can be checked here; `None` if none can.
        group: Option<String>,
    },
    /// What came of a code for outages; an error is for the person.
    Code(Result<(), String>),
    /// A push waits, and the section wants a code to be asked for by now.
    NoAnswerYet,
    /// The device gives up in a moment.
    Late,
}

/// What became of the first factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Primary {
    /// It is right.
    Right,
    /// It is wrong, or the person may not come in.
    Wrong {
        /// What the other server says to the person.
        text: Option<String>,
    },
    /// Nobody could be asked: nobody is let in.
    Down,
    /// The other server asks something in its turn.
    Asks(Continued),
    /// It is right and has expired; the device's user could change it now.
    ChangePassword {
        /// What the other server says to the person.
        text: Option<String>,
    },
}

/// What the server says before a second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preauth {
    /// The server is not asked: an Owner gave leave to do without the second factor for a while.
    Emergency,
    /// None is needed.
    Allow {
        /// For the person.
        text: String,
    },
    /// Out.
    Deny {
        /// For the person.
        text: String,
    },
    /// The person must enroll first.
    Enroll {
        /// For the person, with the way there.
        text: String,
    },
    /// A factor is needed.
    Auth {
        /// A menu, where it was asked for.
        menu: Option<String>,
        /// Whether some device takes pushes.
        can_push: bool,
        /// Whether some device can be called.
        can_phone: bool,
    },
}

/// How the second factor ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// It is right.
    Allow {
        /// For the person.
        text: String,
    },
    /// It is not.
    Deny {
        /// For the person.
        text: String,
    },
    /// New codes are on their way; one of them is to be typed.
    CodesSent {
        /// For the person.
        text: String,
    },
}

/// Why the server said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// It cannot be reached, or answers what is no answer: what the section's fail mode is for.
    Away,
    /// It refuses to be asked so: wrong keys, wrong clock. Never a reason to let somebody in.
    Refused,
}
