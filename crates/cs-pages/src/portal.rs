//! Where people look after their own devices.
//!
//! All forms post to the paths named at each page, below [`Session::base`], with the hidden field `step`. Lists and pages: the base itself (devices), `logins`,
//! `browsers`, `codes`. A device's forms: `devices/ID/rename` (`name`), `…/default`, `…/test`, `…/remove`, `…/lost`; the last two lead to a page that asks
//! ([`Remove`], [`Lost`]), whose form posts to the same path with `sure` = `yes`. `logins/ID/not-me`, `browsers/ID/forget`, `browsers/forget-all`, `codes/new`,
//! `leave`. A new device is the enrollment's matter: [`Devices::add`].

use askama::Template;

use crate::Chrome;
use crate::language::id;

/// Whose portal it is.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// The portal's path.
    pub base: &'a str,
    /// Goes along with every form.
    pub token: &'a str,
    /// Who is in.
    pub user: &'a str,
    /// What was just done, to be said above the page.
    pub said: Option<Said<'a>>,
}

/// What was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// A device bears another name.
    Renamed(&'a str),
    /// A device is gone.
    Removed(&'a str),
    /// A lost device is gone, with its sessions and remembered browsers.
    Lost(&'a str),
    /// A device is asked first from now on.
    Default(&'a str),
    /// A device is there.
    Added(&'a str),
    /// The test request was approved.
    TestApproved(&'a str),
    /// The test request was not answered or was denied.
    TestFailed(&'a str),
    /// A test request could not be sent: another one waits, or too many went unanswered.
    TestNotSent(&'a str),
    /// A browser is forgotten.
    Forgotten,
    /// All browsers are forgotten.
    AllForgotten,
    /// A login was reported.
    Reported,
}

impl Said<'_> {
    fn text(&self) -> (&'static str, &str) {
        match self {
            Self::Renamed(name) => (id("said-renamed"), name),
            Self::Removed(name) => (id("said-removed"), name),
            Self::Lost(name) => (id("said-lost"), name),
            Self::Default(name) => (id("said-default"), name),
            Self::Added(name) => (id("said-added"), name),
            Self::TestApproved(name) => (id("said-test-approved"), name),
            Self::TestFailed(name) => (id("said-test-failed"), name),
            Self::TestNotSent(name) => (id("said-test-not-sent"), name),
            Self::Forgotten => (id("said-forgotten"), ""),
            Self::AllForgotten => (id("said-all-forgotten"), ""),
            Self::Reported => (id("said-reported"), ""),
        }
    }

    fn is_bad(&self) -> bool {
        matches!(self, Self::TestFailed(_) | Self::TestNotSent(_))
    }
}

/// The pages of the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Devices,
    Logins,
    Browsers,
    Codes,
}

impl Tab {
    pub(crate) const ALL: [Self; 4] = [Self::Devices, Self::Logins, Self::Browsers, Self::Codes];

    fn label(self) -> &'static str {
        match self {
            Self::Devices => id("tab-devices"),
            Self::Logins => id("tab-logins"),
            Self::Browsers => id("tab-browsers"),
            Self::Codes => id("tab-codes"),
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Devices => "",
            Self::Logins => "/logins",
            Self::Browsers => "/browsers",
            Self::Codes => "/codes",
        }
    }
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A phone with the authenticator.
    Phone,
    /// A security key.
    SecurityKey,
    /// A computer's or phone's own lock.
    Platform,
    /// A hardware token.
    Token,
}

impl DeviceKind {
    fn label(self) -> &'static str {
        match self {
            Self::Phone => id("kind-phone"),
            Self::SecurityKey => id("kind-security-key"),
            Self::Platform => id("kind-platform"),
            Self::Token => id("kind-token"),
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::SecurityKey => "key",
            Self::Platform => "finger",
            Self::Token => "keypad",
        }
    }
}

/// A device, in a list.
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    /// Its id, as it stands in addresses.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The name that its owner gave it, to be changed; may be empty.
    pub given: &'a str,
    /// What it is.
    pub kind: DeviceKind,
    /// When it was last used (RFC 3339), if ever.
    pub last_used: Option<&'a str>,
    /// Whether it is refused, because there may be a copy of it.
    pub refused: bool,
    /// Whether it is asked first.
    pub is_default: bool,
    /// Whether it can be made the one asked first.
    pub may_be_default: bool,
    /// Whether it can be sent a test request.
    pub may_test: bool,
    /// Whether its owner may rename and remove it; a token belongs to the organisation.
    pub may_change: bool,
}

/// The person's devices.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "portal/devices.html")]
pub struct Devices<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The session.
    pub session: Session<'a>,
    /// The devices.
    pub devices: &'a [Device<'a>],
    /// Where a device is added, if that is allowed.
    pub add: Option<&'a str>,
}

impl Devices<'_> {
    /// One device and nothing to fall back on.
    fn is_thin(&self) -> bool {
        self.devices.len() == 1
    }
}

/// How many ways to log in a removal would leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// More than one.
    Enough,
    /// One.
    One,
    /// None, and that is allowed: the person could not log in any more.
    None,
    /// None, and therefore it is not done.
    NotAllowed,
}

/// Remove this device?
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "portal/remove.html")]
pub struct Remove<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The session.
    pub session: Session<'a>,
    /// The device.
    pub device: Device<'a>,
    /// What would be left.
    pub remaining: Remaining,
    /// Where a device is added, if that is allowed.
    pub add: Option<&'a str>,
}

/// Is this device lost?
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "portal/lost.html")]
pub struct Lost<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The session.
    pub session: Session<'a>,
    /// The device.
    pub device: Device<'a>,
    /// What would be left.
    pub remaining: Remaining,
}

/// A test request is on its way. The script posts `step` to `devices/ID/test/wait`, as a login's does.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "portal/test.html")]
pub struct TestPush<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The session.
    pub session: Session<'a>,
    /// The device.
    pub device: Device<'a>,
    /// The digits to type there, if any.
    pub number: Option<&'a str>,
    /// Seconds until it can no longer be answered.
    pub seconds: u32,
}

/// A login, in a list.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// Its id, as it stands in addresses.
    pub id: &'a str,
    /// When (RFC 3339).
    pub at: &'a str,
    /// The application.
    pub application: &'a str,
    /// Whether it was let in.
    pub allowed: bool,
    /// With what, as its owner knows it.
    pub device: Option<&'a str>,
    /// From where: a place, an address, a browser; what is known.
    pub from: &'a str,
    /// Whether it was reported.
    pub reported: bool,
}

/// Recent logins.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "portal/logins.html")]
pub struct Logins<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The session.
    pub session: Session<'a>,
    /// The newest first.
    pub logins: &'a [Login<'a>],
}

/// This was not you? Says what will be done; its form posts to `logins/ID/not-me` with `sure` = `yes`.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "portal/not_me.html")]
pub struct NotMe<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The session.
    pub session: Session<'a>,
    /// The login.
    pub login: Login<'a>,
}

/// A browser that is remembered.
#[derive(Debug, Clone, Copy)]
pub struct RememberedBrowser<'a> {
    /// Its id, as it stands in addresses.
    pub id: &'a str,
    /// What it is: `Firefox 140 on Windows`.
    pub name: &'a str,
    /// When it was last used (RFC 3339).
    pub last_used: &'a str,
    /// Until when (RFC 3339).
    pub until: &'a str,
    /// Whether it is the one in use.
    pub is_this: bool,
}

/// Browsers that are remembered.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "portal/browsers.html")]
pub struct Browsers<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The session.
    pub session: Session<'a>,
    /// The one used last first.
    pub browsers: &'a [RememberedBrowser<'a>],
}

/// Recovery codes: how many are left, and new ones. New ones are shown by [`crate::enroll::Codes`].
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "portal/codes.html")]
pub struct RecoveryCodes<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The session.
    pub session: Session<'a>,
    /// How many are unused.
    pub left: usize,
}

/// The portal has been left.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "portal/left.html")]
pub struct Left<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// Where to come in again.
    pub again: &'a str,
}

macro_rules! tabs {
    ($($page:ident $tab:ident;)+) => {
        $(impl $page<'_> {
            fn tabs(&self) -> impl Iterator<Item = (Tab, bool)> {
                Tab::ALL.into_iter().map(|tab| (tab, tab == Tab::$tab))
            }
        })+
    };
}

tabs! {
    Devices Devices;
    Remove Devices;
    Lost Devices;
    TestPush Devices;
    Logins Logins;
    NotMe Logins;
    Browsers Browsers;
    RecoveryCodes Codes;
}
