//! What the pages of an enrollment send and show.

use cs_core::enrollment::Post;
use cs_core::secret::PlainCode;
use cs_core::webauthn::Wanted;

use super::gate::NotNow;
use super::key::NotSaved;
use super::number::{CodeBy, NumberFault};

/// What can be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewFactor {
    /// The authenticator on a phone.
    Phone,
    /// A passkey or security key.
    Key(Wanted),
    /// A number that takes calls or messages.
    Number,
    /// Recovery codes; a backup only.
    Codes,
}

/// What a page sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrollInput {
    /// Set this up; nothing goes back to the choice.
    Choose(Option<NewFactor>),
    /// Whether the phone shows the same words.
    Confirm(bool),
    /// What the browser made.
    Register {
        /// `JSON.stringify(credential.toJSON())`, as it came.
        response: String,
        /// What the person calls it.
        name: String,
    },
    /// A number, and how a code shall go there.
    Number {
        /// As it was typed.
        number: String,
        /// How.
        by: CodeBy,
    },
    /// The code that went there.
    Check(String),
    /// Set this up as well.
    Backup(NewFactor),
    /// The codes have been kept.
    Kept,
    /// Goes on without a backup.
    Skip,
}

impl EnrollInput {
    pub(super) fn post(&self) -> Post {
        match self {
            Self::Choose(_) => Post::Choose,
            Self::Confirm(_) => Post::Confirm,
            Self::Register { .. } => Post::Register,
            Self::Number { .. } => Post::Number,
            Self::Check(_) => Post::Check,
            Self::Backup(_) => Post::Backup,
            Self::Kept => Post::Kept,
            Self::Skip => Post::Skip,
        }
    }
}

/// What becomes of it. In every other case the page shows where the enrollment stands.
#[derive(Debug)]
pub enum Enrolled {
    /// See the page.
    Moved,
    /// Recovery codes, to be shown this once.
    Codes(Vec<PlainCode>),
    /// The words were not the same: the phone is not bound.
    Mismatch,
    /// What the browser made was not accepted.
    NotSaved(NotSaved),
    /// Nobody enrolls here and now.
    Refused(NotNow),
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrollView {
    /// What shall it be?
    Choose {
        /// What the policies leave, the one to recommend first. Perhaps nothing.
        ways: Vec<NewFactor>,
    },
    /// Scan this.
    Phone {
        /// The activation code, made from the browser's secret, so that the page can be loaded again.
        code: String,
    },
    /// Are these words on the phone?
    Compare {
        /// The words.
        phrase: String,
        /// What the phone calls itself.
        device: String,
    },
    /// The browser is asked.
    Key {
        /// For what.
        wanted: Wanted,
        /// `PublicKeyCredentialCreationOptionsJSON`.
        options: String,
    },
    /// Which number?
    Number {
        /// How a code can go there.
        ways: Vec<CodeBy>,
        /// Why the last one was not taken.
        fault: Option<NumberFault>,
    },
    /// Which code?
    NumberCode {
        /// The number that it went to.
        number: String,
        /// Whether the last one typed was wrong.
        is_wrong: bool,
    },
    /// What if it is lost?
    Backup {
        /// What was just set up.
        added: String,
        /// What may be set up as well.
        ways: Vec<NewFactor>,
    },
    /// All is set up.
    Done {
        /// What.
        added: Vec<String>,
    },
    /// Nobody enrolls here and now.
    Refused(NotNow),
}
