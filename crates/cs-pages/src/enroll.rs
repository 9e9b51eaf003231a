//! Enrollment, from the link in a mail or in the middle of a first login: choose, do it, add a backup, done.
//!
//! All forms post below [`Visit::base`] with the hidden field `step`: `choose` (`way`), `register` (`credential`: the attestation as JSON, `name`), `confirm`
//! (`same`: `yes` or `no`), `number` (`number`; `by`: `sms` or `call`), `check` (`code`), `backup` (`way`), `codes` (to have recovery codes), `kept`, `skip`, `finish`. While a phone is awaited, the script posts `step` to `wait`,
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
    /// A passkey, wherever the person keeps such.
    Passkey,
    /// A number that takes messages or calls.
    Number,
    /// Printable codes that each work once; a backup only.
    Codes,
}

impl NewWay {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Phone, Self::Platform, Self::SecurityKey, Self::Passkey, Self::Number, Self::Codes];

    /// What the form sends as `way`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Platform => "platform",
            Self::SecurityKey => "security-key",
            Self::Passkey => "passkey",
            Self::Number => "number",
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
            Self::Passkey => id("new-passkey"),
            Self::Number => id("new-number"),
            Self::Codes => id("new-codes"),
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Phone => id("new-phone-about"),
            Self::Platform => id("new-platform-about"),
            Self::SecurityKey => id("new-security-key-about"),
            Self::Passkey => id("new-passkey-about"),
            Self::Number => id("new-number-about"),
            Self::Codes => id("new-codes-about"),
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Platform => "finger",
            Self::SecurityKey => "key",
            Self::Passkey => "person",
            Self::Number => "message",
            Self::Codes => "print",
        }
    }

    /// What the page says where the browser cannot do it; nothing where every browser can.
    fn missing(self) -> Option<&'static str> {
        match self {
            Self::Phone | Self::Number | Self::Codes => None,
            Self::Platform => Some(id("new-platform-missing")),
            Self::SecurityKey | Self::Passkey => Some(id("key-unsupported")),
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

impl Choose<'_> {
    fn needs_script(&self) -> bool {
        need_script(self.ways)
    }
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

/// Which number takes messages or calls?
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "enroll/number.html")]
pub struct Number<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The visit.
    pub visit: Visit<'a>,
    /// Whether a code can go there as a message.
    pub sms: bool,
    /// Whether it can be spoken in a call.
    pub call: bool,
    /// Why the last number was not taken.
    pub error: Option<NumberError>,
}

/// Why a number was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberError {
    /// It is none that can be dialled from here.
    Number,
    /// Too many messages, or one just now.
    Limit,
    /// The code was wrong too often, or too late.
    Code,
}

impl NumberError {
    fn text(self) -> &'static str {
        match self {
            Self::Number => id("number-wrong"),
            Self::Limit => id("number-limit"),
            Self::Code => id("number-code-over"),
        }
    }
}

/// Type the code that went to the number.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "enroll/number_code.html")]
pub struct NumberCode<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The visit.
    pub visit: Visit<'a>,
    /// Where it went.
    pub number: &'a str,
    /// Whether the last one typed was wrong.
    pub wrong: bool,
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
    /// This device, a security key or a passkey.
    pub way: NewWay,
    /// Whether another way can be chosen.
    pub back: bool,
}

impl NewKey<'_> {
    fn title(&self) -> &'static str {
        match self.way {
            NewWay::Platform => id("add-platform-title"),
            NewWay::Passkey => id("add-passkey-title"),
            NewWay::SecurityKey | NewWay::Phone | NewWay::Number | NewWay::Codes => id("add-key-title"),
        }
    }

    fn what(&self) -> &'static str {
        match self.way {
            NewWay::Platform => id("add-platform-what"),
            NewWay::Passkey => id("add-passkey-what"),
            NewWay::SecurityKey | NewWay::Phone | NewWay::Number | NewWay::Codes => id("add-key-what"),
        }
    }
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

impl Backup<'_> {
    fn needs_script(&self) -> bool {
        need_script(self.ways)
    }
}

/// Whether some of `ways` need a script.
fn need_script(ways: &[NewWay]) -> bool {
    ways.iter().any(|way| way.missing().is_some())
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
    /// Where the person came from to add a device; none when they came by a link.
    pub devices: Option<&'a str>,
}
