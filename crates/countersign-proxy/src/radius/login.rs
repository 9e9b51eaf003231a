//! One login: what comes next after each thing that happened. Nothing here knows of packets or sockets.
//!
//! ```text
//! password ─► first factor ─► what does the server say? ─► second factor ─► in
//!                 │ wrong            │ deny, enroll            │ denied
//!                 ▼                  ▼                         ▼            a challenge is shown wherever something must be typed
//!                out                out                       out
//! ```

use std::sync::Arc;

use zeroize::Zeroizing;

use super::proof::{Continued, Proof, Protocol};
use super::split::{Typed, split, split_always};
use crate::cfg::application::FailMode;
use crate::cfg::radius_server::Mode;

mod event;
mod menu;
mod outage;
mod relayed;
mod second;
mod wish;

pub use event::{Auth, Event, Outage, Preauth, Primary};
pub use wish::{AcceptedBy, Wanted, Wish};

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// The first factor is being checked.
    Primary,
    /// The server is asked what the person needs.
    Preauth,
    /// A second factor is being decided.
    Auth,
    /// The menu is shown.
    Menu,
    /// A code is asked for.
    Passcode,
    /// A code for outages is asked for.
    OutageCode,
    /// A code for outages is being checked.
    OutageChecked,
    /// A code is asked for while the push can still be approved.
    PasscodeBesidePush {
        /// It was, and that is the text that came with it.
        approved: Option<String>,
    },
    /// The way to enrollment is shown.
    Enrolling,
    /// EAP is spoken, and nobody is known yet.
    Tunnel,
    /// Another server has asked something.
    Asked(Continued),
    /// A password has expired; whether its user hears so depends on what the server says of them.
    Expired {
        text: Option<String>,
    },
    Over,
}

/// The state of one login.
#[derive(Debug, Clone)]
pub struct Login {
    mode: Arc<Mode>,
    failmode: FailMode,
    exempt: bool,
    typed: Option<Typed>,
    /// Of the first factor, unless it is a password.
    protocol: Option<Protocol>,
    /// A first factor that is checked after the second: a password is not changed before.
    deferred: Option<Proof>,
    /// The second factor is right, and the deferred first one is being checked.
    granted: Option<(Option<String>, AcceptedBy)>,
    /// How often another server has asked something.
    rounds: u8,
    state: State,
}

impl Login {
    /// Begins: what is to be asked first.
    pub fn begin(mode: Arc<Mode>, failmode: FailMode, exempt: bool, password: &str) -> (Self, Wish) {
        let mut login = Self::new(mode, failmode, exempt);
        let wish = login.first(password);
        (login, wish)
    }

    /// Begins after the first factor, which was checked elsewhere; `typed` came with it.
    pub fn after_primary(mode: Arc<Mode>, failmode: FailMode, typed: Option<Typed>) -> (Self, Wish) {
        let mut login = Self { typed, ..Self::new(mode, failmode, false) };
        let wish = login.preauth();
        (login, wish)
    }

    fn new(mode: Arc<Mode>, failmode: FailMode, exempt: bool) -> Self {
        Self {
            mode,
            failmode,
            exempt,
            typed: None,
            protocol: None,
            deferred: None,
            granted: None,
            rounds: 0,
            state: State::Primary,
        }
    }

    /// Parts a password from what was typed behind it, and has it checked.
    fn first(&mut self, password: &str) -> Wish {
        if password.is_empty() {
            return self.refuse(NO_PASSWORD);
        }
        let parts = match &*self.mode {
            Mode::DuoOnly => {
                self.typed = Some(Typed::of(password));
                return self.preauth();
            }
            Mode::Concat(append) => match split_always(password, append) {
                Some(parts) => Some(parts),
                None => {
                    let text = format!("Type the factor behind the password and {:?}.", append.delimiter);
                    return self.refuse(text);
                }
            },
            Mode::Auto { append, .. } | Mode::Eap { append, .. } if !self.exempt => {
                append.as_ref().and_then(|append| split(password, append))
            }
            Mode::Auto { .. } | Mode::Eap { .. } | Mode::Challenge { .. } => None,
        };
        let Some((password, typed)) = parts else {
            return Wish::Primary { password: Zeroizing::new(password.to_owned()) };
        };
        // An empty password would be an anonymous bind, which directories take for right.
        if password.is_empty() {
            return self.refuse(NO_PASSWORD);
        }
        self.typed = Some(typed);
        Wish::Primary { password }
    }

    /// Goes on after something happened; `None` if it means nothing now, as an answer that comes twice.
    pub fn on(&mut self, event: Event) -> Option<Wish> {
        let wish = match self.on_relayed(event) {
            Ok(wish) => wish,
            Err(event) => self.on_other(event),
        };
        wish.map(|wish| self.within_protocol(wish))
    }

    fn on_other(&mut self, event: Event) -> Option<Wish> {
        Some(match (self.state.clone(), event) {
            (State::Over, _) => return None,
            (State::Primary, Event::Primary(Primary::Right)) if self.exempt => self.accept(None, AcceptedBy::Exemption),
            (State::Primary, Event::Primary(Primary::Right)) => self.preauth(),
            (State::Primary, Event::Primary(Primary::Wrong { text })) => self.reject(text),
            (State::Primary, Event::Primary(Primary::Down)) => {
                self.refuse("Your password cannot be checked now. Try again in a minute.")
            }
            (State::Preauth, Event::Preauth(Ok(answer))) => self.second(answer),
            (State::Preauth, Event::Preauth(Err(outage))) => self.nobody_to_ask(outage),
            (State::Preauth, Event::Away { group }) => self.ask_outage_code(group),
            (State::OutageCode, Event::Answer(typed)) => self.check_outage_code(typed),
            (State::OutageChecked, Event::Code(Ok(()))) => self.accept(None, AcceptedBy::OutageCode),
            (State::OutageChecked, Event::Code(Err(text))) => self.reject(Some(text)),
            (State::Auth, Event::Auth(result)) => self.decided(result),
            (State::Auth, Event::NoAnswerYet) => self.ask_beside_push(),
            (State::PasscodeBesidePush { .. }, Event::Auth(Ok(Auth::Allow { text }))) => {
                self.state = State::PasscodeBesidePush { approved: Some(text) };
                return None;
            }
            // The push is over without a yes; the code that is being typed still counts.
            (State::PasscodeBesidePush { approved: None }, Event::Auth(_)) => {
                self.state = State::Passcode;
                return None;
            }
            (State::PasscodeBesidePush { approved: Some(text) }, Event::Answer(_)) => {
                self.accept(Some(text), AcceptedBy::Server)
            }
            // Enter was pressed before the push was approved: it still can be.
            (State::PasscodeBesidePush { approved: None }, Event::Answer(typed)) if typed.trim().is_empty() => {
                self.state = State::Auth;
                return None;
            }
            (State::PasscodeBesidePush { approved: None } | State::Passcode, Event::Answer(typed)) => {
                self.auth(Wanted::Typed(Typed::of(&typed)))
            }
            (State::Menu, Event::Answer(typed)) => self.auth(Wanted::Choice(typed)),
            (State::Enrolling, Event::Answer(_)) => self.refuse("When you have enrolled, log in again."),
            (_, Event::Late) => self.refuse("There was no answer in time. Log in again."),
            _ => return None,
        })
    }

    /// Whether somebody must type something before it goes on.
    pub fn waits_for_typing(&self) -> bool {
        match self.state {
            State::Menu
            | State::OutageCode
            | State::Passcode
            | State::PasscodeBesidePush { .. }
            | State::Enrolling
            | State::Tunnel
            | State::Asked(_) => true,
            State::Primary
            | State::Preauth
            | State::Auth
            | State::OutageChecked
            | State::Expired { .. }
            | State::Over => false,
        }
    }

    fn accept(&mut self, text: Option<String>, why: AcceptedBy) -> Wish {
        if let Some(relay) = self.deferred_first_factor(&text, why) {
            return relay;
        }
        self.state = State::Over;
        Wish::Accept { text, why }
    }

    /// Keeps out, with what somebody else says about it.
    fn reject(&mut self, text: Option<String>) -> Wish {
        self.state = State::Over;
        Wish::Reject { text }
    }

    /// Keeps out, with a text of our own.
    fn refuse(&mut self, text: impl Into<String>) -> Wish {
        self.reject(Some(text.into()))
    }
}

const NO_PASSWORD: &str = "No password was sent.";
