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

use super::proof::{Continued, Proof, Protocol, Relay};
use super::split::{Typed, split, split_always};
use crate::cfg::application::{Factor, FailMode};
use crate::cfg::radius_server::{Enroll, Mode, PromptFormat};

mod relayed;

/// What a login needs done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Ask about the first factor.
    Primary {
        /// What the directory shall check.
        password: Zeroizing<String>,
    },
    /// Have another server check what is no password, or the answer to what it asked.
    Relay(Relay),
    /// Speak EAP, which ends here, until somebody's name and password come out of it.
    Tunnel(Proof),
    /// Show what the other server asks, as it came.
    AskOn {
        /// What it says to the person.
        text: Option<String>,
    },
    /// Keep out, as the other server said it.
    PassOnRefusal {
        /// For the person.
        text: Option<String>,
    },
    /// Ask the server what this person needs.
    Preauth {
        /// With a menu to show.
        menu: bool,
    },
    /// Ask the server for the second factor, and tell when it is decided.
    Auth(Wanted),
    /// Show a text and wait for what is typed.
    Challenge {
        /// The text.
        text: String,
    },
    /// Have a code for outages checked.
    Code {
        /// As it was typed.
        typed: Zeroizing<String>,
    },
    /// Let in.
    Accept {
        /// For the person.
        text: Option<String>,
        /// Why, for the log.
        why: AcceptedBy,
    },
    /// Keep out.
    Reject {
        /// For the person.
        text: Option<String>,
    },
}

/// Why somebody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedBy {
    /// Both factors, or the server asked for none.
    Server,
    /// The configuration asks for no second factor of this name.
    Exemption,
    /// The server cannot be asked and the section says `failmode=safe`.
    FailSafe,
    /// The server cannot be asked, the section says `failmode=offline`, and a code for outages is right.
    OutageCode,
    /// An Owner gave leave to do without the second factor for a while.
    Emergency,
}

/// The second factor that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What the server takes for the best.
    Auto,
    /// Typed: a word or a code.
    Typed(Typed),
    /// Chosen from the menu that the server made.
    Choice(Zeroizing<String>),
}

impl Wanted {
    /// In a word, for the log: never a code.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Choice(_) => "prompt",
            Self::Typed(Typed::Push(_)) => "push",
            Self::Typed(Typed::Phone(_)) => "phone",
            Self::Typed(Typed::Sms(_)) => "sms",
            Self::Typed(Typed::Passcode(_)) => "passcode",
        }
    }
}

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

/// What a person is told while nobody can be asked and the section lets nobody in for that.
const AWAY: &str = "The login service cannot be reached, so nobody is let in without the second factor. Try again in a minute, or call your help desk.";
/// The server is there and will not talk to this proxy: trying again does not help.
const REFUSED: &str = "The second factor cannot be checked: this login is not set up rightly. Call your help desk.";

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Primary,
    Preauth,
    /// A second factor is being decided.
    Auth,
    /// The menu is shown.
    Menu {
        text: String,
    },
    /// A code is asked for.
    Passcode,
    /// A code for outages is asked for.
    OutageCode,
    /// A code for outages is being checked.
    OutageChecked,
    /// A code is asked for while the push can still be approved.
    PasscodeBesidePush {
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
        let (typed, protocol, deferred, granted) = (None, None, None, None);
        Self { mode, failmode, exempt, typed, protocol, deferred, granted, rounds: 0, state: State::Primary }
    }

    fn first(&mut self, password: &str) -> Wish {
        let whole = || Wish::Primary { password: Zeroizing::new(password.to_owned()) };
        if password.is_empty() {
            return self.reject(Some("No password was sent.".to_owned()));
        }
        let parts = match &*self.mode {
            Mode::DuoOnly => {
                self.typed = Some(Typed::of(password));
                return self.preauth();
            }
            Mode::Concat(append) => match split_always(password, append) {
                Some(parts) => Some(parts),
                None => {
                    return self
                        .reject(Some(format!("Type the factor behind the password and {:?}.", append.delimiter)));
                }
            },
            Mode::Auto { append, .. } | Mode::Eap { append, .. } if !self.exempt => {
                append.as_ref().and_then(|append| split(password, append))
            }
            Mode::Auto { .. } | Mode::Eap { .. } | Mode::Challenge { .. } => None,
        };
        let Some((password, typed)) = parts else { return whole() };
        // An empty password would be an anonymous bind, which directories take for right.
        if password.is_empty() {
            return self.reject(Some("No password was sent.".to_owned()));
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
                self.reject(Some("Your password cannot be checked now. Try again in a minute.".to_owned()))
            }
            (State::Preauth, Event::Preauth(Ok(answer))) => self.second(answer),
            (State::Preauth, Event::Preauth(Err(outage))) => self.outage(outage),
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
            (State::Menu { .. }, Event::Answer(typed)) => self.auth(Wanted::Choice(typed)),
            (State::Enrolling, Event::Answer(_)) => {
                self.reject(Some("When you have enrolled, log in again.".to_owned()))
            }
            (_, Event::Late) => self.reject(Some("There was no answer in time. Log in again.".to_owned())),
            _ => return None,
        })
    }

    /// Whether somebody must type something before it goes on.
    pub fn waits_for_typing(&self) -> bool {
        match self.state {
            State::Menu { .. }
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

    fn preauth(&mut self) -> Wish {
        self.state = State::Preauth;
        Wish::Preauth { menu: matches!(*self.mode, Mode::Challenge { .. } | Mode::Eap { menu: true, .. }) }
    }

    fn second(&mut self, answer: Preauth) -> Wish {
        match answer {
            // Without a first factor there is nothing that could be enough.
            Preauth::Emergency if *self.mode == Mode::DuoOnly => self.reject(Some(AWAY.to_owned())),
            Preauth::Emergency => self.accept(None, AcceptedBy::Emergency),
            Preauth::Allow { text } => self.accept(Some(text), AcceptedBy::Server),
            Preauth::Deny { text } => self.reject(Some(text)),
            Preauth::Enroll { text } => self.enroll(text),
            Preauth::Auth { menu, can_push, can_phone } => {
                if let Some(typed) = self.typed.take() {
                    return self.auth(Wanted::Typed(typed));
                }
                match &*self.mode {
                    Mode::Challenge { prompt_format, .. } => {
                        let text = shown(menu.as_deref(), *prompt_format);
                        self.menu(text)
                    }
                    Mode::Eap { menu: true, .. } => {
                        let text = shown(menu.as_deref(), PromptFormat::Console);
                        self.menu(text)
                    }
                    Mode::Auto { factors, .. } | Mode::Eap { factors, .. } => {
                        let fits = |factor: &&Factor| match factor {
                            Factor::Auto | Factor::Passcode => true,
                            Factor::Push => can_push,
                            Factor::Phone => can_phone,
                        };
                        match factors.iter().find(fits).copied() {
                            // Whoever has no device that answers by itself types a code.
                            Some(Factor::Auto) if !can_push && !can_phone => self.ask_passcode(),
                            Some(Factor::Auto) => self.auth(Wanted::Auto),
                            Some(Factor::Push) => self.auth(Wanted::Typed(Typed::Push(None))),
                            Some(Factor::Phone) => self.auth(Wanted::Typed(Typed::Phone(None))),
                            Some(Factor::Passcode) => self.ask_passcode(),
                            None => self.reject(Some("None of your devices can be used here.".to_owned())),
                        }
                    }
                    // Both have typed their factor.
                    Mode::Concat(_) | Mode::DuoOnly => self.reject(Some("No factor was typed.".to_owned())),
                }
            }
        }
    }

    fn enroll(&mut self, text: String) -> Wish {
        let shows = match &*self.mode {
            Mode::Auto { enroll, .. } | Mode::Challenge { enroll, .. } => *enroll == Enroll::Challenge,
            Mode::Eap { .. } => true,
            Mode::Concat(_) | Mode::DuoOnly => false,
        };
        if !shows {
            return self.reject(Some(text));
        }
        self.state = State::Enrolling;
        Wish::Challenge { text }
    }

    fn outage(&mut self, outage: Outage) -> Wish {
        match (outage, self.failmode) {
            (Outage::Away, FailMode::Safe) if *self.mode != Mode::DuoOnly => self.accept(None, AcceptedBy::FailSafe),
            // Without a first factor there is nothing that could be enough.
            (Outage::Away, FailMode::Safe | FailMode::Secure | FailMode::Offline) => self.reject(Some(AWAY.to_owned())),
            (Outage::Refused, _) => self.reject(Some(REFUSED.to_owned())),
        }
    }

    fn ask_outage_code(&mut self, group: Option<String>) -> Wish {
        let Some(group) = group else { return self.reject(Some(AWAY.to_owned())) };
        if let Some(Typed::Passcode(typed)) = self.typed.take() {
            return self.check_outage_code(typed);
        }
        match &*self.mode {
            Mode::Auto { .. } | Mode::Challenge { .. } | Mode::Eap { .. } => {
                self.state = State::OutageCode;
                Wish::Challenge {
                    text: format!(
                        "The login service cannot be reached. Type the code for outages of {group:?} from your authenticator:"
                    ),
                }
            }
            Mode::Concat(_) | Mode::DuoOnly => self.reject(Some(format!(
                "The login service cannot be reached. Log in with the code for outages of {group:?} from your authenticator."
            ))),
        }
    }

    fn check_outage_code(&mut self, typed: Zeroizing<String>) -> Wish {
        self.state = State::OutageChecked;
        Wish::Code { typed }
    }

    fn decided(&mut self, result: Result<Auth, Outage>) -> Wish {
        match result {
            Ok(Auth::Allow { text }) => self.accept(Some(text), AcceptedBy::Server),
            Ok(Auth::Deny { text }) => self.reject(Some(text)),
            Ok(Auth::CodesSent { text }) => match &*self.mode {
                Mode::Challenge { .. } => self.menu(text),
                Mode::Auto { .. } | Mode::Eap { .. } => {
                    self.state = State::Passcode;
                    Wish::Challenge { text }
                }
                Mode::Concat(_) | Mode::DuoOnly => self.reject(Some(text)),
            },
            // Once a factor was asked for, silence is a no: otherwise whoever cuts the line is in.
            Err(Outage::Away) => self.reject(Some(AWAY.to_owned())),
            Err(Outage::Refused) => self.reject(Some(REFUSED.to_owned())),
        }
    }

    fn auth(&mut self, wanted: Wanted) -> Wish {
        // The server takes no empty code, and says so as if this login were not set up rightly.
        if let Wanted::Typed(Typed::Passcode(typed)) | Wanted::Choice(typed) = &wanted
            && typed.trim().is_empty()
        {
            return self.reject(Some("Nothing was typed. Log in again.".to_owned()));
        }
        self.state = State::Auth;
        Wish::Auth(wanted)
    }

    fn menu(&mut self, text: String) -> Wish {
        self.state = State::Menu { text: text.clone() };
        Wish::Challenge { text }
    }

    fn ask_passcode(&mut self) -> Wish {
        self.state = State::Passcode;
        Wish::Challenge { text: "Enter passcode:".to_owned() }
    }

    fn ask_beside_push(&mut self) -> Wish {
        self.state = State::PasscodeBesidePush { approved: None };
        Wish::Challenge { text: "No answer yet. Approve the request and press Enter, or type a passcode:".to_owned() }
    }

    fn accept(&mut self, text: Option<String>, why: AcceptedBy) -> Wish {
        if let Some(relay) = self.deferred_first_factor(&text, why) {
            return relay;
        }
        self.state = State::Over;
        Wish::Accept { text, why }
    }

    fn reject(&mut self, text: Option<String>) -> Wish {
        self.state = State::Over;
        Wish::Reject { text }
    }
}

/// The longest text that every device shows.
const SHOWN: usize = 253;

/// The menu as a device shows it.
fn shown(menu: Option<&str>, format: PromptFormat) -> String {
    let bare = || "Enter passcode or push:".to_owned();
    let Some(menu) = menu else { return bare() };
    let text = match format {
        PromptFormat::Console => menu.to_owned(),
        PromptFormat::Html => menu.lines().map(escaped).collect::<Vec<_>>().join("<br>"),
        PromptFormat::Short => short(menu),
    };
    [text, short(menu)].into_iter().find(|text| text.len() <= SHOWN).unwrap_or_else(bare)
}

/// The choices in one line.
fn short(menu: &str) -> String {
    let choices: Vec<&str> =
        menu.lines().map(str::trim).filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    format!("Passcode or: {}", choices.join(", "))
}

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
