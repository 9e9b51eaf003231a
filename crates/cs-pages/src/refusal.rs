//! Why somebody cannot go on: what happened in plain words, what to do, and one button that does it.

use askama::Template;

use crate::Chrome;
use crate::language::id;

/// Where a button leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go<'a> {
    /// To an address.
    To(&'a str),
    /// Sends a form.
    Post {
        /// Where to.
        url: &'a str,
        /// The proof that the form is ours; sent as `step`.
        token: &'a str,
        /// Further fields, hidden.
        fields: &'a [(&'a str, &'a str)],
    },
}

/// Where the button of a refusal can lead from here. A refusal shows the first door that helps and is open; what is not here is not offered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Doors<'a> {
    /// Tries the same once more: the same push to the same phone, the same passcode page.
    pub again: Option<Go<'a>>,
    /// Shows every other way to log in.
    pub other: Option<Go<'a>>,
    /// Begins enrollment.
    pub enroll: Option<Go<'a>>,
    /// Logs in by a passkey in place of the password.
    pub passkey: Option<Go<'a>>,
    /// Where the person's devices are looked after.
    pub manage: Option<&'a str>,
    /// Where it is said how to update or install what is missing.
    pub update: Option<&'a str>,
    /// The application, to begin anew there.
    pub application: Option<&'a str>,
}

/// A door by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Again,
    Other,
    Enroll,
    Passkey,
    Manage,
    Update,
    Application,
}

macro_rules! whys {
    ($($(#[doc = $doc:literal])+ $name:ident $word:literal $icon:literal [$($door:ident)*];)+) => {
        /// Everything that can be in the way.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Why {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Why {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word for it: the authentication log's `reason` where there is one.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$name => concat!("why-", $word, "-title")),+ }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => concat!("why-", $word)),+ }
            }

            const fn icon(self) -> &'static str {
                match self { $(Self::$name => $icon),+ }
            }

            const fn doors(self) -> &'static [Door] {
                match self { $(Self::$name => &[$(Door::$door),*]),+ }
            }
        }
    };
}

whys! {
    // What the log has a reason for.
    /// The desktop app's report was not signed, or not by the person's own device.
    AgentReportUnverified "agent_report_unverified" "laptop" [Again Application];
    /// Too many pushes went unanswered.
    AnomalousPush "anomalous_push" "clock" [Other Application];
    /// A message or call went out just now, or too many.
    TelephonyLimit "telephony_limit" "clock" [Again Other Application];
    /// Tor, a public proxy or VPN.
    AnonymousNetwork "anonymous_ip" "globe" [Again Application];
    /// A key of which there is a copy.
    KeyCopied "cloned_credential" "alert" [Other Application];
    /// Nothing could be said about a device that must be managed.
    DeviceUnknown "could_not_determine_if_endpoint_was_trusted" "laptop" [Again Application];
    /// The application is closed to all.
    Closed "denied_by_policy" "lock" [Application];
    /// A network that is not let in.
    Network "denied_network" "globe" [Again Application];
    /// Nothing to log in with, and no way to change that here.
    NotEnrolled "deny_unenrolled_user" "person" [Application];
    /// The desktop app is missing.
    DesktopAppRequired "desktop_agent_required" "laptop" [Update Again Application];
    /// A device that is not managed.
    DeviceNotManaged "endpoint_is_not_in_management_system" "laptop" [Again Application];
    /// A device that its management does not vouch for.
    DeviceNotTrusted "endpoint_is_not_trusted" "laptop" [Again Application];
    /// Something failed on our side.
    Service "error" "cloud" [Again Application];
    /// No way to log in is left.
    NoOptions "factor_restricted" "lock" [Manage Other Enroll Application];
    /// The computer's firewall is off.
    FirewallOff "firewall_off" "laptop" [Again Application];
    /// A key that was not accepted.
    KeyRefused "invalid_credential" "key" [Again Other Application];
    /// A device that is not the person's.
    InvalidDevice "invalid_device" "phone" [Other Again Application];
    /// A wrong code, where the page with the field cannot be shown again.
    InvalidPasscode "invalid_passcode" "keypad" [Again Other Application];
    /// A country that is not let in.
    Location "location_restricted" "globe" [Again Application];
    /// Too many failures in a row.
    LockedOut "locked_out" "lock" [Application];
    /// The page was left for too long.
    SessionTimedOut "login_expired" "clock" [Application Again];
    /// Only the authenticator would do, and there is none.
    NoAuthenticator "no_activated_duo_mobile_account" "phone" [Manage Enroll Application];
    /// A device without encryption.
    NotEncrypted "no_disk_encryption" "laptop" [Again Other Application];
    /// Nobody answered the push.
    TimedOut "no_response" "clock" [Again Other Application];
    /// A phone without screen lock.
    NoScreenLock "no_screen_lock" "phone" [Again Other Application];
    /// A security program that is missing.
    NoSecurityAgent "no_security_agent" "laptop" [Again Application];
    /// A computer without a password.
    NoSystemPassword "no_system_password" "laptop" [Again Application];
    /// A push without the number that the phone asks for.
    NumberNotShown "number_not_shown" "phone" [Again Other Application];
    /// Old software.
    OutOfDate "out_of_date" "update" [Update Again Application];
    /// An operating system that is not let in.
    Platform "platform_restricted" "laptop" [Application];
    /// Another push waits.
    PushInProgress "push_in_progress" "phone" [Other Again Application];
    /// A phone that has been tampered with.
    Rooted "rooted_device" "phone" [Other Application];
    /// A browser that is not let in.
    Browser "software_restricted" "browser" [Application];
    /// A phone whose authenticator asks for no finger or face.
    NoBiometrics "touch_id_disabled" "phone" [Again Other Application];
    /// Given up.
    Cancelled "user_cancelled" "stop" [Again Application];
    /// The account is disabled.
    Disabled "user_disabled" "lock" [Application];
    /// Denied on the phone, as fraud.
    Fraud "user_marked_fraud" "alert" [Application];
    /// Denied on the phone, by mistake.
    Mistake "user_mistake" "stop" [Again Other Application];
    /// Not a member of a group that may.
    NotPermitted "user_not_in_permitted_group" "lock" [Application];
    /// A key that did not check who touched it.
    KeyUnverified "user_not_verified" "key" [Again Other Application];
    /// The account waits to be deleted.
    PendingDeletion "user_pending_deletion" "lock" [Application];
    /// An old authenticator.
    AuthenticatorTooOld "version_restricted" "update" [Update Again Other Application];

    // What only pages know.
    /// A refusal that has no page of its own.
    Denied "denied" "lock" [Again Application];
    /// Enrollment comes first.
    EnrollmentNeeded "enrollment_needed" "person" [Enroll Application];
    /// A link that was good once.
    LinkExpired "link_expired" "link" [Again Application];
    /// A link that has done its work.
    LinkUsed "link_used" "link" [Manage Application];
    /// A link that nothing is behind.
    LinkUnknown "link_unknown" "link" [Application];
    /// A form that does not belong to what the server has: another tab went on, or the back button was used.
    OutOfStep "out_of_step" "reload" [Again Application];
    /// Cookies are off.
    NoCookies "no_cookies" "browser" [Again Application];
    /// Too old a browser, or one inside of another program.
    BrowserUnsupported "browser_unsupported" "browser" [Other Application];
    /// An application's request that has ended: it was left for too long, or the application's clock is slow.
    RequestTooOld "request_too_old" "clock" [Application];
    /// An application's request from the future: its clock is fast.
    ClockAhead "application_clock" "clock" [Application];
    /// Nobody has logged in here lately, and devices are shown to nobody else.
    LogInFirst "log_in_first" "person" [Passkey Application];
    /// Too many requests at once.
    TooMany "too_many_requests" "clock" [Again Application];
    /// No such page.
    NotFound "not_found" "search" [Manage Application];
    /// A portal session is over.
    SignInAgain "sign_in_again" "clock" [Again Application];
    /// The key or device could not be saved.
    PasskeyNotSaved "passkey_not_saved" "key" [Again Other Application];
    /// Not one of the models that the organisation lets in.
    PasskeyModel "passkey_model" "key" [Other Manage Application];
    /// The key is registered already.
    PasskeyKnown "passkey_known" "key" [Other Manage Application];
    /// The number of the page and of the phone were not the same.
    ActivationMismatch "activation_mismatch" "alert" [Again Application];
    /// There is a stronger factor, which must be used to add another.
    StrongerFactor "stronger_factor_needed" "lock" [Again Application];
    /// Self-service is off.
    SelfServiceOff "self_service_off" "lock" [Application];
}

impl Why {
    /// What the log's `reason` means to the person. None for a word that no page is made for; then [`Why::Denied`] will do.
    pub fn of_reason(reason: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|why| why.word() == reason)
    }

    /// Whether somebody should be told rather than something be tried again.
    const fn is_alarming(self) -> bool {
        matches!(self, Self::Fraud | Self::KeyCopied | Self::ActivationMismatch | Self::Rooted)
    }
}

/// The page.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "refusal.html")]
pub struct Refusal<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// What is in the way.
    pub why: Why,
    /// The application's name, if one is logged in to.
    pub application: Option<&'a str>,
    /// Where it can go from here.
    pub doors: Doors<'a>,
    /// Minutes until it ends by itself: a lock, a pause. For a request of an application, how far its time is off.
    pub minutes: Option<usize>,
    /// How to update what is too old, where that is it.
    pub how: Option<Update>,
    /// Under what the log keeps it.
    pub reference: Option<&'a str>,
}

impl<'a> Refusal<'a> {
    /// The one button: what it says and where it leads.
    fn button(&self) -> Option<(String, Go<'a>)> {
        self.why.doors().iter().find_map(|door| Some((self.label(*door), self.open(*door)?)))
    }

    /// The other ways to log in, below the button, unless that is the button.
    fn other(&self) -> Option<Go<'a>> {
        let offers_other = self.why.doors().contains(&Door::Other);
        let is_button = self.button().is_some_and(|(_, go)| Some(go) == self.doors.other);
        self.doors.other.filter(|_| offers_other && !is_button)
    }

    fn open(&self, door: Door) -> Option<Go<'a>> {
        match door {
            Door::Again => self.doors.again,
            Door::Other => self.doors.other,
            Door::Enroll => self.doors.enroll,
            Door::Passkey => self.doors.passkey,
            Door::Manage => self.doors.manage.map(Go::To),
            Door::Update => self.doors.update.map(Go::To),
            Door::Application => self.doors.application.map(Go::To),
        }
    }

    fn label(&self, door: Door) -> String {
        let text = &self.chrome.text;
        match (door, self.application) {
            (Door::Again, _) => text.say("try-again"),
            (Door::Other, _) => text.say("other-options"),
            (Door::Enroll, _) => text.say("enroll-begin"),
            (Door::Passkey, _) => text.say("passkey-title"),
            (Door::Manage, _) => text.say("manage-devices"),
            (Door::Update, _) => text.say("how-to-update"),
            (Door::Application, Some(name)) => text.say_with("back-to", "application", name),
            (Door::Application, None) => text.say("back"),
        }
    }

    /// When it will be over, or how far off a time is: in minutes, or in hours when those are many.
    fn until(&self) -> Option<String> {
        let minutes = self.minutes?;
        let (few, many) = match self.why {
            Why::RequestTooOld => (id("request-late-minutes"), id("request-late-hours")),
            Why::ClockAhead => (id("request-early-minutes"), id("request-early-hours")),
            _ => (id("over-in-minutes"), id("over-in-hours")),
        };
        let text = &self.chrome.text;
        Some(if minutes <= 90 {
            text.say_count(few, minutes.max(1))
        } else {
            text.say_count(many, minutes.div_ceil(60))
        })
    }
}

/// How software is updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// The browser does it from its own menu.
    Browser,
    /// By the app store of the phone.
    Store,
    /// In the settings of the device.
    System,
}

impl Update {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Browser, Self::Store, Self::System];

    fn text(self) -> &'static str {
        match self {
            Self::Browser => id("update-browser"),
            Self::Store => id("update-store"),
            Self::System => id("update-system"),
        }
    }
}

/// Old software that may be used for a while: how to update, or go on as it is.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "outdated.html")]
pub struct Outdated<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// What is old, and its version: `Firefox 128`.
    pub software: &'a str,
    /// How to update it, in a sentence.
    pub how: Option<Update>,
    /// Where it is said how to update it.
    pub update: Option<&'a str>,
    /// Days until it will be refused, if it will be.
    pub days: Option<usize>,
    /// Goes on without updating.
    pub skip: Go<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, Text};

    #[test]
    fn every_word_is_one() {
        for (number, why) in Why::ALL.iter().enumerate() {
            assert_eq!(Why::of_reason(why.word()), Some(*why));
            assert!(Why::ALL[number + 1..].iter().all(|other| other.word() != why.word()), "{why:?}");
        }
        assert_eq!(Why::of_reason("no_such_reason"), None);
    }

    #[test]
    fn a_refusal_shows_one_button_and_it_is_the_first_that_helps() {
        let chrome = Chrome::plain(Text(Language::En), "Example");
        let again = Go::Post { url: "/again", token: "1", fields: &[("method", "push")] };
        let other = Go::To("/other");
        let mut page = Refusal {
            chrome,
            why: Why::TimedOut,
            application: Some("Payroll"),
            doors: Doors { again: Some(again), other: Some(other), application: Some("/app"), ..Doors::default() },
            minutes: None,
            how: None,
            reference: Some("4F7A21BC"),
        };
        assert_eq!(page.button(), Some(("Try again".into(), again)));
        assert_eq!(page.other(), Some(other));
        let html = page.render().unwrap();
        assert!(html.contains("name=\"method\" value=\"push\"") && html.contains("4F7A21BC"), "{html}");
        assert_eq!(html.matches("class=\"button\"").count() + html.matches("<button>").count(), 1, "{html}");

        page.doors.again = None;
        assert_eq!(page.button(), Some(("Other options".into(), other)));
        assert_eq!(page.other(), None, "not twice");
        page.doors.other = None;
        assert_eq!(page.button(), Some(("Back to Payroll".into(), Go::To("/app"))));
        page.doors.application = None;
        assert_eq!(page.button(), None);
    }

    #[test]
    fn a_lock_says_when_it_ends() {
        let chrome = Chrome::plain(Text(Language::En), "Example");
        let page = |minutes| {
            let page = Refusal {
                chrome,
                why: Why::LockedOut,
                application: None,
                doors: Doors::default(),
                minutes,
                how: None,
                reference: None,
            };
            page.until()
        };
        assert_eq!(page(Some(1)).unwrap(), "You can try again in 1 minute.");
        assert_eq!(page(Some(15)).unwrap(), "You can try again in 15 minutes.");
        assert_eq!(page(Some(121)).unwrap(), "You can try again in 3 hours.");
        assert_eq!(page(None), None);
    }
}
