//! Enrollment, from the link in a mail or in the middle of a first login: choose, do it, add a backup, done.
//!
//! All forms post below [`Visit::base`] with the hidden field `step`: `choose` (`way`), `register` (`credential`: the attestation as JSON, `name`), `confirm`
//! (`same`: `yes` or `no`), `backup` (`way`), `codes` (to have recovery codes), `kept`, `skip`, `finish`. While a phone is awaited, the script posts `step` to `wait`,
//! expects `{"waiting": bool}`, and loads the page at the base anew when that is over.

use askama::Template;

use crate::Chrome;
use crate::language::id;

/// Whose enrollment it is, and where its forms lead.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// The enrollment's own path; every form posts below it.
    pub base: &'a str,
    /// Goes along with every form.
    pub token: &'a str,
    /// Who enrolls.
    pub user: &'a str,
    /// Which of the steps this is: see [`Stage`].
    pub stage: Stage,
}

/// The steps shown above each page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Choose and do.
    First,
    /// A backup.
    Backup,
    /// Done.
    Finish,
}

impl Stage {
    const ALL: [Self; 3] = [Self::First, Self::Backup, Self::Finish];

    fn label(self) -> &'static str {
        match self {
            Self::First => id("stage-first"),
            Self::Backup => id("stage-backup"),
            Self::Finish => id("stage-finish"),
        }
    }

    fn all(self) -> impl Iterator<Item = (Self, bool, bool)> {
        Self::ALL.into_iter().map(move |stage| (stage, (stage as u8) < self as u8, stage == self))
    }
}

/// What can be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewWay {
    /// The authenticator on a phone.
    Phone,
    /// This device's own lock.
    Platform,
    /// A security key.
    SecurityKey,
    /// Printable codes that each work once; a backup only.
    Codes,
}

impl NewWay {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Phone, Self::Platform, Self::SecurityKey, Self::Codes];

    /// What the form sends as `way`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Platform => "platform",
            Self::SecurityKey => "security-key",
            Self::Codes => "codes",
        }
    }

    /// Reads what the form sent.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == text)
    }

    fn label(self) -> &'static str {
        match self {
            Self::Phone => id("new-phone"),
            Self::Platform => id("new-platform"),
            Self::SecurityKey => id("new-security-key"),
            Self::Codes => id("new-codes"),
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Phone => id("new-phone-about"),
            Self::Platform => id("new-platform-about"),
            Self::SecurityKey => id("new-security-key-about"),
            Self::Codes => id("new-codes-about"),
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Platform => "finger",
            Self::SecurityKey => "key",
            Self::Codes => "print",
        }
    }
}

/// How do you want to log in from now on?
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "enroll/choose.html")]
pub struct Choose<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The visit.
    pub visit: Visit<'a>,
    /// What may be set up, best first; the first is marked as recommended.
    pub ways: &'a [NewWay],
}

/// Connect a phone: a code to scan, or a link to follow on the phone itself.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "enroll/phone.html")]
pub struct Phone<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The visit.
    pub visit: Visit<'a>,
    /// The link that the code holds. Shown as a button where the page is open on a phone, and to be copied anywhere else.
    pub link: &'a str,
    /// The code as an image on our own origin, or as a `data:` address.
    pub qr: &'a str,
    /// Whether the page is open on a phone, so that the link comes first.
    pub on_phone: bool,
    /// Whether another way can be chosen.
    pub back: bool,
}

/// The phone has answered: is it yours? The phone shows the same words.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "enroll/compare.html")]
pub struct Compare<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The visit.
    pub visit: Visit<'a>,
    /// What the phone shows too.
    pub code: &'a str,
    /// What the phone calls itself.
    pub device: &'a str,
}

/// Register a security key, or this device.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "enroll/key.html")]
pub struct NewKey<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The visit.
    pub visit: Visit<'a>,
    /// `PublicKeyCredentialCreationOptions` as JSON (WebAuthn, 5.4).
    pub request: &'a str,
    /// Whether it is this device rather than a key to plug in.
    pub platform: bool,
    /// Whether another way can be chosen.
    pub back: bool,
}

/// What if it is lost? A second way, or printed codes.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "enroll/backup.html")]
pub struct Backup<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The visit.
    pub visit: Visit<'a>,
    /// What was just set up, as its owner will know it.
    pub added: &'a str,
    /// What may be set up as well.
    pub ways: &'a [NewWay],
    /// Whether it can be left for later.
    pub skip: bool,
}

/// Recovery codes, shown this once.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "enroll/codes.html")]
pub struct Codes<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// Where its form posts to, when the codes have been kept.
    pub kept: &'a str,
    /// Goes along with the form.
    pub token: &'a str,
    /// Whose they are.
    pub user: &'a str,
    /// The codes, grouped for reading.
    pub codes: &'a [&'a str],
}

/// All is set up.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "enroll/done.html")]
pub struct Done<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The visit.
    pub visit: Visit<'a>,
    /// What has been set up, as its owner will know it.
    pub ways: &'a [&'a str],
    /// The application whose login goes on now; none when there is none.
    pub application: Option<&'a str>,
}
