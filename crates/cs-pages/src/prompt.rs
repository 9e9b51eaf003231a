//! The pages of a login in the browser, in the order they can come.
//!
//! All forms post below [`Step::base`], with the hidden field `step`: `begin` (`facts`: JSON, or empty without script), `choose` (`method`, `device`), `options`,
//! `passcode` (`passcode`), `key` (`credential`: the assertion as JSON), `trust` (`trust`: `yes` or `no`). While a push waits, the script posts `step` to `wait` and
//! expects `{"waiting": bool, "approved": bool, "seen": bool}` (the last two may be missing); when nothing is waited for any more it loads the page at the base anew.

use askama::Template;

use crate::Chrome;
use crate::language::id;

/// For how many seconds a push can be answered.
const PUSH_SECONDS: u32 = 60;

/// Where a page's forms lead, and the proof that they belong to this step of this login.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The login's own path; every form posts below it.
    pub base: &'a str,
    /// Goes along with every form: a step that was left cannot be posted again.
    pub token: &'a str,
    /// The application that is logged in to.
    pub application: &'a str,
    /// Who logs in, by the name the application gave.
    pub user: &'a str,
}

/// A first look at the browser: the script tells what it is and goes on; without script there is a button.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "prompt/checking.html")]
pub struct Checking<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
}

/// A push is on its way.
#[derive(Debug, Clone, Copy, Template)]
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
    /// Whether the phone is known to have fetched the request.
    pub seen: bool,
    /// The authenticator's own address for this request, where this very device may hold it.
    pub here: Option<&'a str>,
    /// Whether a passcode would do as well.
    pub passcode: bool,
    /// Whether there is anything else to choose.
    pub options: bool,
}

impl Push<'_> {
    /// For how many seconds it has been waiting.
    fn age(&self) -> u32 {
        PUSH_SECONDS.saturating_sub(self.seconds)
    }
}

/// A phone is being called.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "prompt/call.html")]
pub struct Call<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
    /// The phone, as its owner knows it.
    pub device: &'a str,
    /// Seconds until it is given up.
    pub seconds: u32,
    /// Whether there is anything else to choose.
    pub options: bool,
}

/// Type a passcode.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "prompt/passcode.html")]
pub struct Passcode<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
    /// Where codes come from: what the user has.
    pub sources: PasscodeSources,
    /// The codes that were sent, when that is where they come from.
    pub sent: Option<Sent<'a>>,
    /// A push that still waits meanwhile, and may be answered instead.
    pub push: Option<Waiting<'a>>,
    /// Why the last one was refused.
    pub error: Option<CodeError<'a>>,
    /// Whether there is anything else to choose.
    pub options: bool,
}

/// Codes that went out as a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent<'a> {
    /// The phone's id, to send again.
    pub device: &'a str,
    /// The phone, as its owner knows it.
    pub name: &'a str,
}

/// A push that waits beside another page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// The digits to type there, if any.
    pub number: Option<&'a str>,
    /// Seconds until it can no longer be answered.
    pub seconds: u32,
}

/// A code was refused: wrong, used, or out of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeError<'a> {
    /// So many more may be tried, when that is said.
    pub left: Option<usize>,
    /// Under what the log keeps it.
    pub reference: &'a str,
    /// Not the code was wrong: no other message could be sent for now, and those before are good.
    pub not_sent: bool,
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

    /// A phone then shows its keys for digits.
    fn digits_only(self) -> bool {
        self.authenticator && !self.token && !self.bypass
    }
}

/// Use a security key, or the device's own lock.
#[derive(Debug, Clone, Copy, Template)]
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

/// Say with a passkey who you are: chosen from what the browser offers in the field, or asked for by the button. Nothing that is typed is sent.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "prompt/passkey.html")]
pub struct Passkey<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step. Nobody is named in it yet.
    pub step: Step<'a>,
    /// `PublicKeyCredentialRequestOptions` as JSON (WebAuthn, 5.5), of no credential in particular.
    pub request: &'a str,
    /// Under what the log keeps the last answer, if it was refused.
    pub refused: Option<&'a str>,
    /// The application, to log in there otherwise.
    pub back: Option<&'a str>,
}

/// One way to go on.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// What the form sends as `method`.
    pub method: Method,
    /// The device's id, where one is meant; sent as `device`.
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
    /// A code by text message.
    Sms,
    /// A call.
    Call,
    /// A bypass code.
    Bypass,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 7] =
        [Self::Push, Self::Passcode, Self::SecurityKey, Self::Platform, Self::Sms, Self::Call, Self::Bypass];

    /// What the form sends.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Passcode => "passcode",
            Self::SecurityKey => "security-key",
            Self::Platform => "platform",
            Self::Sms => "sms",
            Self::Call => "call",
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
            Self::Sms => id("method-sms"),
            Self::Call => id("method-call"),
            Self::Bypass => id("method-bypass"),
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Push => id("about-push"),
            Self::Passcode => id("about-passcode"),
            Self::SecurityKey => id("about-security-key"),
            Self::Platform => id("about-platform"),
            Self::Sms => id("about-sms"),
            Self::Call => id("about-call"),
            Self::Bypass => id("about-bypass"),
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Push => "phone",
            Self::Passcode => "keypad",
            Self::SecurityKey => "key",
            Self::Platform => "finger",
            Self::Sms => "message",
            Self::Call => "call",
            Self::Bypass => "ring",
        }
    }
}

/// Every way to go on.
#[derive(Debug, Clone, Copy, Template)]
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

/// Is this your device?
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "prompt/trust.html")]
pub struct Trust<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The step.
    pub step: Step<'a>,
    /// For how many days it would be remembered.
    pub days: usize,
}

/// In; on the way back to the application, at once. A redirect would do, were it not for browsers that follow none to elsewhere after a form (`form-action`).
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "prompt/success.html")]
pub struct Success<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The application.
    pub application: &'a str,
    /// Where to. Checked when the login began.
    pub redirect: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, Text};

    /// Eight seconds after the request was sent, however often the page was loaded since.
    #[test]
    fn a_request_that_nobody_answers_is_spoken_of_after_eight_seconds() {
        let style = include_str!("../assets/style.css");
        let delay_of = |class: &str| -> u32 {
            let (_, rest) = style.split_once(&format!(".hint{class} {{")).unwrap();
            let rule = rest.split('}').next().unwrap();
            let mut words = rule.split([' ', ';']).filter_map(|word| word.strip_suffix('s')?.parse().ok());
            words.next_back().unwrap()
        };
        let step = Step { base: "/b", token: "t", application: "Payroll", user: "alice" };
        let chrome = Chrome::plain(Text(Language::En), "Example");
        for seconds in 0..=60 {
            let page = Push {
                chrome,
                step,
                device: "Phone",
                number: None,
                seconds,
                seen: false,
                here: None,
                passcode: true,
                options: true,
            };
            let html = page.render().unwrap();
            let class = html.split_once("<p class=\"hint ").unwrap().1.split('"').next().unwrap();
            match 60 - seconds {
                0 => assert_eq!((class, delay_of("")), ("age-0", 8)),
                age @ 1..8 => {
                    assert_eq!((class, delay_of(&format!(".{class}"))), (format!("age-{age}").as_str(), 8 - age))
                }
                _ => assert_eq!(class, "late"),
            }
        }
    }

    /// A page that goes on by itself after a while gives nobody the time they need (WCAG 2.2.1); at once it is a way, not a page.
    #[test]
    fn no_page_goes_on_by_itself_after_a_delay() {
        for (name, html) in crate::examples::all(Language::En).unwrap() {
            let scripted: String = html
                .split("<noscript>")
                .map(|part| part.split_once("</noscript>").map_or(part, |(_, rest)| rest))
                .collect();
            for (_, rest) in scripted.match_indices("http-equiv=\"refresh\"").map(|(at, _)| scripted.split_at(at)) {
                assert!(rest.starts_with("http-equiv=\"refresh\" content=\"0; url="), "{name}");
            }
        }
    }
}
