//! The pages of a login in the browser, in the order they can come.

use askama::Template;

use crate::Chrome;
use crate::language::id;

/// Where a page's forms lead, and the proof that they belong to this step of this login.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The login's own path; every form posts below it.
    pub base: &'a str,
    /// Goes along with every form: a step that was left cannot be posted again.
    pub token: &'a str,
    /// The application that is logged in to.
    pub application: &'a str,
}

/// A first look at the browser: the script tells what it is and goes on; without script there is a button.
#[derive(Debug, Template)]
#[template(path = "prompt/checking.html")]
pub struct Checking<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
}

/// A push is on its way.
#[derive(Debug, Template)]
#[template(path = "prompt/push.html")]
pub struct Push<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
    /// The device, as its owner knows it.
    pub device: &'a str,
    /// The digits to type there, if any.
    pub number: Option<&'a str>,
    /// Seconds until it can no longer be answered.
    pub seconds: u32,
    /// Whether a passcode would do as well.
    pub passcode: bool,
    /// Whether there is anything else to choose.
    pub options: bool,
}

/// Type a passcode.
#[derive(Debug, Template)]
#[template(path = "prompt/passcode.html")]
pub struct Passcode<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
    /// Where codes come from: what the user has.
    pub sources: PasscodeSources,
    /// Why the last one was refused.
    pub error: Option<&'a str>,
    /// Whether there is anything else to choose.
    pub options: bool,
}

/// Where a user's passcodes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PasscodeSources {
    /// The authenticator.
    pub authenticator: bool,
    /// A hardware token.
    pub token: bool,
    /// The help desk.
    pub bypass: bool,
}

impl PasscodeSources {
    fn hint(self) -> &'static str {
        match (self.authenticator, self.token) {
            (true, true) => id("passcode-from-app-or-token"),
            (true, false) => id("passcode-from-app"),
            (false, true) => id("passcode-from-token"),
            (false, false) => id("passcode-from-help-desk"),
        }
    }
}

/// Use a security key, or the device's own lock.
#[derive(Debug, Template)]
#[template(path = "prompt/key.html")]
pub struct Key<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
    /// `PublicKeyCredentialRequestOptions` as JSON (WebAuthn, 5.5).
    pub request: &'a str,
    /// Whether it is the device's own lock rather than a key to plug in.
    pub platform: bool,
    /// Whether there is anything else to choose.
    pub options: bool,
}

/// One way to go on.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// What the form sends: `push`, `passcode`, `key`, `bypass`.
    pub method: Method,
    /// The device's id, where one is meant.
    pub device: &'a str,
    /// The device's name.
    pub name: &'a str,
}

/// The methods a person can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A push.
    Push,
    /// A passcode.
    Passcode,
    /// A security key.
    SecurityKey,
    /// The device's own lock.
    Platform,
    /// A bypass code.
    Bypass,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 5] = [Self::Push, Self::Passcode, Self::SecurityKey, Self::Platform, Self::Bypass];

    /// What the form sends.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Passcode => "passcode",
            Self::SecurityKey => "security-key",
            Self::Platform => "platform",
            Self::Bypass => "bypass",
        }
    }

    /// Reads what the form sent.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    fn label(self) -> &'static str {
        match self {
            Self::Push => id("method-push"),
            Self::Passcode => id("method-passcode"),
            Self::SecurityKey => id("method-security-key"),
            Self::Platform => id("method-platform"),
            Self::Bypass => id("method-bypass"),
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Push => id("about-push"),
            Self::Passcode => id("about-passcode"),
            Self::SecurityKey => id("about-security-key"),
            Self::Platform => id("about-platform"),
            Self::Bypass => id("about-bypass"),
        }
    }
}

/// Every way to go on.
#[derive(Debug, Template)]
#[template(path = "prompt/options.html")]
pub struct Options<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
    /// The ways, best first.
    pub ways: &'a [Way<'a>],
    /// Where the person's devices can be looked after, if anywhere.
    pub manage: Option<&'a str>,
}

/// It did not work; try again or choose another way.
#[derive(Debug, Template)]
#[template(path = "prompt/again.html")]
pub struct Again<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
    /// What happened and what to do.
    pub message: &'a str,
    /// The way to try again.
    pub way: Way<'a>,
    /// Whether there is anything else to choose.
    pub options: bool,
    /// Under what the log keeps it.
    pub reference: &'a str,
}

/// Is this your device?
#[derive(Debug, Template)]
#[template(path = "prompt/trust.html")]
pub struct Trust<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
    /// For how many days it would be remembered.
    pub days: usize,
}

/// In; on the way back to the application.
#[derive(Debug, Template)]
#[template(path = "prompt/success.html")]
pub struct Success<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The application.
    pub application: &'a str,
    /// Where to. Checked when the login began.
    pub redirect: &'a str,
}
