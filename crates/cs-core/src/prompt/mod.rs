//! A login in a browser, as one machine of states (`product.md` 1.1).
//!
//! ```text
//! Checking ──► Push / Passcode / Key ◄──► Options      one way after another, a notice about old software before the first; a push stays good while another way is looked at
//!     │              │        └────────► Again         it did not work: try once more
//!     │              ▼
//!     │            Trust ──► Done                      in: "is this your device?" only after a real factor
//!     ├──► Done, MustEnroll, Refused                   in without a factor, sent to enroll, or out
//!     └──► Passkey ──► Trust, Done, Refused            nobody is named: a passkey says who it is, in place of the password
//! ```
//!
//! There is no way to [`State::Done`] but an [`Event::Admitted`], which only whoever has judged a factor, or the policies, can tell.

mod ways;

use jiff::Timestamp;

use crate::id::{PhoneId, TxId};
use crate::login::{AllowReason, DenyReason};
use crate::policy::Method;

pub use ways::{Keys, Means, Way, automatic, ways};

/// How long a login in a browser may take, from `authorize` to its end.
pub const PROMPT_TTL: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// How long the code that the browser brings back is good for.
pub const CODE_TTL: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// Where a login in a browser stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing is known of the browser yet.
    Checking,
    /// The person is told that their software is old. They may go on.
    Outdated,
    /// A push is on its way.
    Push(LivePush),
    /// A code is to be typed.
    Passcode {
        /// Whether the help desk's is meant rather than one's own. Whatever is typed is judged the same.
        means: Means,
        /// The phone that codes were just sent to.
        sent: Option<PhoneId>,
        /// Why the last one was refused.
        wrong: Option<Failure>,
        /// A push that can still be answered.
        push: Option<LivePush>,
    },
    /// A security key or the device's own lock is asked.
    Key {
        /// Which of the two.
        means: Means,
        /// A push that can still be answered.
        push: Option<LivePush>,
    },
    /// Whoever has a passkey says with it who they are.
    Passkey {
        /// Why the last one was refused.
        wrong: Option<Failure>,
    },
    /// The person looks at all ways.
    Options {
        /// A push that can still be answered.
        push: Option<LivePush>,
    },
    /// A way did not work.
    Again {
        /// Which.
        way: Way,
        /// Why.
        failure: Failure,
    },
    /// In. Is this your device?
    Trust(Admitted),
    /// In, and on the way back to the application.
    Done(Admitted),
    /// Out, until a first factor is set up: the policies send the person to enroll. Never the same as [`State::Refused`] with the log's same reason, which says that the
    /// policies let newcomers neither in nor enroll.
    MustEnroll(Failure),
    /// Out.
    Refused(Failure),
}

/// A push that was sent from here, or a call that was made, and can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivePush {
    /// Which of the two.
    pub means: Means,
    /// Its id.
    pub txid: TxId,
    /// Where to.
    pub phone: PhoneId,
    /// How many digits are to be typed there; 0 = none.
    pub digits: u8,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Why something did not work, and what the log knows it as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The rule.
    pub reason: DenyReason,
    /// For the help desk.
    pub reference: String,
}

/// How somebody got in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// The log's entry.
    pub txid: TxId,
    /// Why.
    pub why: AllowReason,
    /// When.
    pub at: Timestamp,
    /// By which way; `None` without a factor.
    pub way: Option<Way>,
}

impl Admitted {
    /// The factor that was done, for whoever lets somebody add another; `None` where none was.
    pub fn factor(&self) -> Option<Method> {
        let means = self.way?.means;
        match self.why {
            AllowReason::UserApproved | AllowReason::ValidPasscode => Some(means.method()),
            // With a way: a code of the help desk, wherever it was typed.
            AllowReason::BypassUser => Some(Method::Bypass),
            AllowReason::AllowUnenrolledUser
            | AllowReason::AllowUnenrolledUserOnTrustedNetwork
            | AllowReason::AllowedByPolicy
            | AllowReason::RememberedDevice
            | AllowReason::TrustedLocation
            | AllowReason::TrustedNetwork => None,
        }
    }

    /// Whether a factor of the person's own was used. Only that earns a browser that is remembered: not a bypass code, not a remembered browser, not a network.
    pub fn is_by_own_factor(&self) -> bool {
        match self.why {
            AllowReason::UserApproved | AllowReason::ValidPasscode => true,
            AllowReason::AllowUnenrolledUser
            | AllowReason::AllowUnenrolledUserOnTrustedNetwork
            | AllowReason::AllowedByPolicy
            | AllowReason::BypassUser
            | AllowReason::RememberedDevice
            | AllowReason::TrustedLocation
            | AllowReason::TrustedNetwork => false,
        }
    }
}

/// What a page sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// What the browser is, and go on.
    Begin,
    /// Show all ways.
    Options,
    /// Take this way.
    Choose,
    /// A code.
    Passcode,
    /// Has anybody answered?
    Wait,
    /// What a security key said.
    Key,
    /// Whether this is one's own device.
    Trust,
}

impl Post {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Begin, Self::Options, Self::Choose, Self::Passcode, Self::Wait, Self::Key, Self::Trust];
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something old is to be spoken of before anything else.
    Warned,
    /// The person wants to see all ways.
    Looked,
    /// A push was sent.
    Pushed(LivePush),
    /// A code will be typed; by SMS, it was sent to the phone of the way.
    WillType(Way),
    /// A key will be asked.
    WillTouch(Means),
    /// Nobody is named: a passkey will say who it is.
    Nameless,
    /// A way did not work; it, or another one, may be tried.
    Failed(Way, Failure),
    /// The policies, or a factor, let the person in.
    Admitted(Admitted, Question),
    /// The person said whether it is their device.
    Answered,
    /// The policies send the person to enroll.
    MustEnroll(Failure),
    /// The person is out, whatever they try.
    Refused(Failure),
}

/// Whether to ask "is this your device?" before going back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Ask.
    Asked,
    /// Nothing would come of it.
    NotAsked,
}

/// Something that cannot happen here: a page that was left long ago, or somebody who makes up requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this login has moved on")]
pub struct OutOfOrder;

impl State {
    /// Whether `post` makes sense here at all.
    pub fn takes(&self, post: Post) -> bool {
        match (self, post) {
            (Self::Checking | Self::Outdated, Post::Begin)
            | (Self::Push(_), Post::Options | Post::Choose | Post::Wait)
            | (Self::Passcode { push: Some(_), .. }, Post::Wait)
            | (Self::Passcode { .. }, Post::Options | Post::Choose | Post::Passcode)
            | (Self::Key { .. }, Post::Options | Post::Choose | Post::Key)
            | (Self::Passkey { .. }, Post::Key)
            | (Self::Options { .. }, Post::Options | Post::Choose)
            | (Self::Again { .. }, Post::Options | Post::Choose)
            | (Self::Trust(_), Post::Trust) => true,
            (
                Self::Checking
                | Self::Outdated
                | Self::Push(_)
                | Self::Passcode { .. }
                | Self::Key { .. }
                | Self::Passkey { .. }
                | Self::Options { .. }
                | Self::Again { .. }
                | Self::Trust(_)
                | Self::Done(_)
                | Self::MustEnroll(_)
                | Self::Refused(_),
                Post::Begin | Post::Options | Post::Choose | Post::Passcode | Post::Wait | Post::Key | Post::Trust,
            ) => false,
        }
    }

    /// What `event` makes of it.
    pub fn after(self, event: Event) -> Result<Self, OutOfOrder> {
        let push = self.live_push();
        match self {
            Self::Checking
            | Self::Outdated
            | Self::Push(_)
            | Self::Passcode { .. }
            | Self::Key { .. }
            | Self::Options { .. }
            | Self::Again { .. } => match event {
                Event::Warned => match self {
                    Self::Checking => Ok(Self::Outdated),
                    // Once is enough.
                    _ => Err(OutOfOrder),
                },
                Event::Looked => Ok(Self::Options { push }),
                Event::Pushed(sent) => Ok(Self::Push(sent)),
                Event::WillType(way) => Ok(Self::Passcode { means: way.means, sent: way.phone, wrong: None, push }),
                Event::WillTouch(means) => Ok(Self::Key { means, push }),
                Event::Failed(way, failure) => Ok(match self {
                    // What was typed wrong is typed again.
                    Self::Passcode { means, sent, .. } if way.means.is_typed() => {
                        Self::Passcode { means, sent, wrong: Some(failure), push }
                    }
                    _ => Self::Again { way, failure },
                }),
                Event::Admitted(admitted, Question::Asked) => Ok(Self::Trust(admitted)),
                Event::Admitted(admitted, Question::NotAsked) => Ok(Self::Done(admitted)),
                Event::MustEnroll(failure) => Ok(Self::MustEnroll(failure)),
                Event::Refused(failure) => Ok(Self::Refused(failure)),
                Event::Nameless if self == Self::Checking => Ok(Self::Passkey { wrong: None }),
                Event::Nameless | Event::Answered => Err(OutOfOrder),
            },
            // Nobody is known yet, so there is nothing else to choose.
            Self::Passkey { .. } => match event {
                Event::Failed(_, failure) => Ok(Self::Passkey { wrong: Some(failure) }),
                Event::Admitted(admitted, Question::Asked) => Ok(Self::Trust(admitted)),
                Event::Admitted(admitted, Question::NotAsked) => Ok(Self::Done(admitted)),
                Event::Refused(failure) => Ok(Self::Refused(failure)),
                Event::Warned
                | Event::Looked
                | Event::Pushed(_)
                | Event::WillType(_)
                | Event::WillTouch(_)
                | Event::Nameless
                | Event::MustEnroll(_)
                | Event::Answered => Err(OutOfOrder),
            },
            Self::Trust(admitted) => match event {
                Event::Answered => Ok(Self::Done(admitted)),
                // Whoever is disabled while the question stands does not get in.
                Event::Refused(failure) => Ok(Self::Refused(failure)),
                Event::Warned
                | Event::Looked
                | Event::Pushed(_)
                | Event::WillType(_)
                | Event::WillTouch(_)
                | Event::Nameless
                | Event::Failed(..)
                | Event::MustEnroll(_)
                | Event::Admitted(..) => Err(OutOfOrder),
            },
            Self::Done(_) | Self::MustEnroll(_) | Self::Refused(_) => Err(OutOfOrder),
        }
    }

    /// The push that was sent from here and was not given up.
    pub fn live_push(&self) -> Option<LivePush> {
        match self {
            Self::Push(push) => Some(*push),
            Self::Passcode { push, .. } | Self::Key { push, .. } | Self::Options { push } => *push,
            Self::Checking
            | Self::Outdated
            | Self::Passkey { .. }
            | Self::Again { .. }
            | Self::Trust(_)
            | Self::Done(_)
            | Self::MustEnroll(_)
            | Self::Refused(_) => None,
        }
    }

    /// The same without its push, which has ended while another way was looked at.
    #[must_use]
    pub fn without_push(self) -> Self {
        match self {
            Self::Passcode { means, sent, wrong, .. } => Self::Passcode { means, sent, wrong, push: None },
            Self::Key { means, .. } => Self::Key { means, push: None },
            Self::Options { .. } => Self::Options { push: None },
            other => other,
        }
    }

    /// Whether nothing more can happen.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done(_) | Self::MustEnroll(_) | Self::Refused(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure { reason: DenyReason::NoResponse, reference: "4F7A21BC".to_owned() }
    }

    fn push() -> LivePush {
        LivePush {
            means: Means::Push,
            txid: TxId::from_bytes([1; 16]),
            phone: "DPAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            digits: 6,
            expires_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn admitted(why: AllowReason) -> Admitted {
        Admitted { txid: TxId::from_bytes([2; 16]), why, at: Timestamp::UNIX_EPOCH, way: None }
    }

    #[test]
    fn only_a_factor_that_was_done_proves_anything() {
        let way = |means| Some(Way::of(means));
        for (why, way, proves) in [
            (AllowReason::UserApproved, way(Means::Platform), Some(Method::WebauthnPlatform)),
            (AllowReason::ValidPasscode, way(Means::Passcode), Some(Method::DuoPasscode)),
            (AllowReason::BypassUser, way(Means::Passcode), Some(Method::Bypass)),
            (AllowReason::BypassUser, None, None),
            (AllowReason::RememberedDevice, None, None),
            (AllowReason::TrustedNetwork, None, None),
        ] {
            assert_eq!(Admitted { way, ..admitted(why) }.factor(), proves, "{why:?}");
        }
    }

    fn states() -> Vec<(&'static str, State)> {
        let in_by_push = admitted(AllowReason::UserApproved);
        vec![
            ("checking", State::Checking),
            ("outdated", State::Outdated),
            ("push", State::Push(push())),
            ("passcode", State::Passcode { means: Means::Passcode, sent: None, wrong: None, push: Some(push()) }),
            ("key", State::Key { means: Means::SecurityKey, push: None }),
            ("passkey", State::Passkey { wrong: None }),
            ("options", State::Options { push: Some(push()) }),
            ("again", State::Again { way: Way::of(Means::Passcode), failure: failure() }),
            ("trust", State::Trust(in_by_push)),
            ("done", State::Done(in_by_push)),
            ("must enroll", State::MustEnroll(failure())),
            ("refused", State::Refused(failure())),
        ]
    }

    fn events() -> Vec<(&'static str, Event)> {
        let in_by_push = admitted(AllowReason::UserApproved);
        vec![
            ("warned", Event::Warned),
            ("looked", Event::Looked),
            ("pushed", Event::Pushed(push())),
            ("will type", Event::WillType(Way::of(Means::Bypass))),
            ("will touch", Event::WillTouch(Means::Platform)),
            ("nameless", Event::Nameless),
            ("failed", Event::Failed(Way::of(Means::Passcode), failure())),
            ("admitted", Event::Admitted(in_by_push, Question::Asked)),
            ("admitted at once", Event::Admitted(in_by_push, Question::NotAsked)),
            ("answered", Event::Answered),
            ("must enroll", Event::MustEnroll(failure())),
            ("refused", Event::Refused(failure())),
        ]
    }

    fn name(state: &State) -> &'static str {
        match state {
            State::Checking => "checking",
            State::Outdated => "outdated",
            State::Push(_) => "push",
            State::Passcode { .. } => "passcode",
            State::Key { .. } => "key",
            State::Passkey { .. } => "passkey",
            State::Options { .. } => "options",
            State::Again { .. } => "again",
            State::Trust(_) => "trust",
            State::Done(_) => "done",
            State::MustEnroll(_) => "must enroll",
            State::Refused(_) => "refused",
        }
    }

    /// One row for each state, one column for each event, in the order of [`events`]; a dash is out of order.
    const TABLE: [[&str; 12]; 12] = [
        [
            "outdated",
            "options",
            "push",
            "passcode",
            "key",
            "passkey",
            "again",
            "trust",
            "done",
            "-",
            "must enroll",
            "refused",
        ],
        ["-", "options", "push", "passcode", "key", "-", "again", "trust", "done", "-", "must enroll", "refused"],
        ["-", "options", "push", "passcode", "key", "-", "again", "trust", "done", "-", "must enroll", "refused"],
        ["-", "options", "push", "passcode", "key", "-", "passcode", "trust", "done", "-", "must enroll", "refused"],
        ["-", "options", "push", "passcode", "key", "-", "again", "trust", "done", "-", "must enroll", "refused"],
        ["-", "-", "-", "-", "-", "-", "passkey", "trust", "done", "-", "-", "refused"],
        ["-", "options", "push", "passcode", "key", "-", "again", "trust", "done", "-", "must enroll", "refused"],
        ["-", "options", "push", "passcode", "key", "-", "again", "trust", "done", "-", "must enroll", "refused"],
        ["-", "-", "-", "-", "-", "-", "-", "-", "-", "done", "-", "refused"],
        ["-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"],
        ["-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"],
        ["-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"],
    ];

    #[test]
    fn every_event_in_every_state() {
        for ((from, state), row) in states().into_iter().zip(TABLE) {
            for ((event_name, event), expected) in events().into_iter().zip(row) {
                let after = state.clone().after(event);
                let found = after.as_ref().map_or("-", name);
                assert_eq!(found, expected, "{from} after {event_name}");
            }
        }
    }

    #[test]
    fn keycloak_cve_2026_94218_every_post_belongs_to_its_page() {
        use Post::{Begin, Choose, Key, Options, Passcode, Trust, Wait};
        for (name, state) in states() {
            let expected: &[Post] = match name {
                "checking" | "outdated" => &[Begin],
                "push" => &[Options, Choose, Wait],
                // Beside a push.
                "passcode" => &[Options, Choose, Passcode, Wait],
                "key" => &[Options, Choose, Key],
                "passkey" => &[Key],
                "options" | "again" => &[Options, Choose],
                "trust" => &[Trust],
                _ => &[],
            };
            let taken: Vec<Post> = Post::ALL.into_iter().filter(|post| state.takes(*post)).collect();
            assert_eq!(taken, expected, "{name}");
            assert_eq!(state.is_over(), expected.is_empty());
        }
    }

    #[test]
    fn a_push_stays_good_while_another_way_is_looked_at_and_not_after() {
        let looked = State::Push(push()).after(Event::Looked).unwrap();
        let typing = looked.after(Event::WillType(Way::of(Means::Passcode))).unwrap();
        assert_eq!(typing.live_push(), Some(push()));
        let wrong = typing.after(Event::Failed(Way::of(Means::Passcode), failure())).unwrap();
        assert_eq!(wrong.live_push(), Some(push()));
        assert_eq!(wrong.clone().without_push().live_push(), None);
        let done = wrong.after(Event::Admitted(admitted(AllowReason::ValidPasscode), Question::NotAsked)).unwrap();
        assert_eq!(done.live_push(), None);
    }

    #[test]
    fn only_a_factor_of_ones_own_earns_a_remembered_browser() {
        let earns: Vec<AllowReason> =
            AllowReason::ALL.into_iter().filter(|why| admitted(*why).is_by_own_factor()).collect();
        assert_eq!(earns, [AllowReason::UserApproved, AllowReason::ValidPasscode]);
    }
}
