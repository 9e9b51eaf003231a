//! Logins whose first factor travels to another server, and what such a server asks in its turn.
//!
//! ```text
//! CHAP, MS-CHAP, EAP ─► the other server ─► asks: shown to the device, whose answer goes back there
//!                           │ yes               (EAP: many rounds)
//!                           ▼
//!                       second factor as after a password; in EAP nothing can be typed
//!
//! change of password ─► second factor ─► the other server
//! ```

use std::sync::Arc;

use super::{AcceptedBy, Event, Login, Outage, Preauth, Primary, State, Wanted, Wish};
use crate::cfg::application::FailMode;
use crate::cfg::radius_server::Mode;
use crate::radius::proof::{Credential, Proof, Protocol, Relay};

/// What another server may ask in one login. The longest EAP exchanges, with long chains of certificates, take about fifty.
const MOST_ROUNDS: u8 = 100;

const NO_TYPING: &str = "A code cannot be typed in this kind of login (EAP): a push or a call is needed.";

impl Login {
    /// Begins with a proof: what is to be done first.
    ///
    /// A name that needs no second factor is no such name in EAP: what is sent outside of a tunnel need not be who logs in inside.
    pub fn begin_relayed(mode: Arc<Mode>, failmode: FailMode, exempt: bool, proof: Proof) -> (Self, Wish) {
        let protocol = proof.protocol;
        let mut login = Self::new(mode, failmode, exempt && protocol != Protocol::Eap);
        login.protocol = Some(protocol);
        let wish = match (&*login.mode, protocol) {
            (Mode::Eap { .. }, Protocol::Eap) => {
                // What comes out of the tunnel is a password.
                (login.protocol, login.state) = (None, State::Tunnel);
                Wish::Tunnel(proof)
            }
            (Mode::Concat(_) | Mode::DuoOnly | Mode::Eap { .. }, _) => login
                .refuse(format!("{} hides what is typed: set the device to PAP for this section.", protocol.name())),
            (Mode::Auto { .. } | Mode::Challenge { .. }, Protocol::ChangePassword) if !login.exempt => {
                login.deferred = Some(proof);
                login.preauth()
            }
            (Mode::Auto { .. } | Mode::Challenge { .. }, _) => login.relay(proof),
        };
        (login, wish)
    }

    /// The protocol of the first factor; `None` for passwords.
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    /// The first factor was shown by a proof and is right, and the server is asked about the second.
    pub fn asks_after_proof(&self) -> bool {
        self.state == State::Preauth && self.protocol.is_some() && self.deferred.is_none()
    }

    /// The first factor came out of a tunnel of ours and is right, nothing was typed behind it, and the server is asked about the second.
    pub fn asks_after_password_alone(&self) -> bool {
        self.state == State::Preauth && self.typed.is_none()
    }

    /// Nothing can be asked where this login is: it ends, with the text if that says what to do.
    pub fn cannot_ask(&mut self, text: String) -> Wish {
        // Whoever cannot be shown a menu gets what the server takes for the best.
        if matches!((&self.state, &*self.mode), (State::Menu, Mode::Eap { .. })) {
            return self.auth(Wanted::Auto);
        }
        if self.state == State::Enrolling { self.reject(Some(text)) } else { self.refuse(NO_TYPING) }
    }

    /// What is left to other places comes back.
    pub(super) fn on_relayed(&mut self, event: Event) -> Result<Option<Wish>, Event> {
        Ok(Some(match (self.state.clone(), event) {
            (State::Primary, Event::Primary(Primary::Right)) if self.granted.is_some() => match self.granted.take() {
                Some((text, why)) => self.accept(text, why),
                None => return Err(Event::Primary(Primary::Right)),
            },
            (State::Primary, Event::Primary(Primary::Wrong { text })) if self.protocol.is_some() => {
                self.pass_on_refusal(text)
            }
            (State::Primary, Event::Primary(Primary::Asks(_))) if self.rounds >= MOST_ROUNDS => {
                self.refuse("The other server asks without end.")
            }
            (State::Primary, Event::Primary(Primary::Asks(question))) => {
                self.rounds += 1;
                let text = question.text.clone();
                self.state = State::Asked(question);
                Wish::AskOn { text }
            }
            // Without its second factor nobody learns that a password is right.
            (State::Primary, Event::Primary(Primary::ChangePassword { text })) => {
                self.state = State::Expired { text };
                Wish::Preauth { menu: false }
            }
            (State::Expired { text }, Event::Preauth(answer)) => match (answer, self.failmode) {
                (Ok(Preauth::Allow { .. } | Preauth::Auth { .. } | Preauth::Emergency), _)
                | (Err(Outage::Away), FailMode::Safe) => self.pass_on_refusal(text),
                (Ok(Preauth::Deny { text } | Preauth::Enroll { text }), _) => self.reject(Some(text)),
                (Err(Outage::Away), FailMode::Secure | FailMode::Offline) | (Err(Outage::Refused), _) => {
                    self.refuse("The second factor cannot be checked now. Try again in a minute.")
                }
            },
            (State::Asked(question), Event::Answer(typed)) => {
                self.state = State::Primary;
                Wish::Relay(Relay { credential: Credential::Typed(typed), after: Some(question) })
            }
            (State::Asked(question), Event::Proof(proof)) => {
                self.state = State::Primary;
                Wish::Relay(Relay { credential: Credential::Proof(proof), after: Some(question) })
            }
            (_, Event::Proof(_)) if self.waits_for_typing() => {
                self.refuse("What is typed here must be sent as a password (PAP).")
            }
            (_, Event::Proof(_)) => return Ok(None),
            // EAP has no place for a question of ours: a push goes out where a menu would be shown.
            (State::Preauth, Event::Preauth(Ok(Preauth::Auth { can_push, can_phone, .. })))
                if self.protocol == Some(Protocol::Eap) && matches!(*self.mode, Mode::Challenge { .. }) =>
            {
                if can_push || can_phone { self.auth(Wanted::Auto) } else { self.refuse(NO_TYPING) }
            }
            (State::Auth, Event::NoAnswerYet) if self.protocol == Some(Protocol::Eap) => return Ok(None),
            (_, event) => return Err(event),
        }))
    }

    /// A wish as the protocol can carry it.
    pub(super) fn within_protocol(&mut self, wish: Wish) -> Wish {
        match wish {
            Wish::Challenge { text } if self.protocol == Some(Protocol::Eap) => self.cannot_ask(text),
            other => other,
        }
    }

    /// Instead of letting in: the first factor that waited for the second.
    pub(super) fn deferred_first_factor(&mut self, text: &Option<String>, why: AcceptedBy) -> Option<Wish> {
        let proof = self.deferred.take()?;
        self.granted = Some((text.clone(), why));
        Some(self.relay(proof))
    }

    fn relay(&mut self, proof: Proof) -> Wish {
        self.state = State::Primary;
        Wish::Relay(Relay { credential: Credential::Proof(proof), after: None })
    }

    fn pass_on_refusal(&mut self, text: Option<String>) -> Wish {
        self.state = State::Over;
        Wish::PassOnRefusal { text }
    }
}
