//! The second factor of a login: which one, and how it ended.

use super::menu::shown;
use super::{AcceptedBy, Auth, Login, Outage, Preauth, State, Wanted, Wish};
use crate::cfg::application::Factor;
use crate::cfg::radius_server::{Enroll, Mode, PromptFormat};
use crate::radius::split::Typed;

impl Login {
    /// The first factor is right, or there is none: what does the server say?
    pub(super) fn preauth(&mut self) -> Wish {
        self.state = State::Preauth;
        Wish::Preauth { menu: matches!(*self.mode, Mode::Challenge { .. } | Mode::Eap { menu: true, .. }) }
    }

    /// The server has said what this person needs.
    pub(super) fn second(&mut self, answer: Preauth) -> Wish {
        match answer {
            Preauth::Emergency => self.accept_without_server(AcceptedBy::Emergency),
            Preauth::Allow { text } => self.accept(Some(text), AcceptedBy::Server),
            Preauth::Deny { text } => self.reject(Some(text)),
            Preauth::Enroll { text } => self.enroll(text),
            Preauth::Auth { menu, can_push, can_phone } => match self.typed.take() {
                Some(typed) => self.auth(Wanted::Typed(typed)),
                None => self.choose(menu.as_deref(), can_push, can_phone),
            },
        }
    }

    /// Nothing was typed behind the password: the person chooses, or the section does.
    fn choose(&mut self, menu: Option<&str>, can_push: bool, can_phone: bool) -> Wish {
        match &*self.mode {
            Mode::Challenge { prompt_format, .. } => {
                let text = shown(menu, *prompt_format);
                self.menu(text)
            }
            Mode::Eap { menu: true, .. } => self.menu(shown(menu, PromptFormat::Console)),
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
                    None => self.refuse("None of your devices can be used here."),
                }
            }
            // Both have typed their factor.
            Mode::Concat(_) | Mode::DuoOnly => self.refuse("No factor was typed."),
        }
    }

    fn enroll(&mut self, text: String) -> Wish {
        let is_shown = match &*self.mode {
            Mode::Auto { enroll, .. } | Mode::Challenge { enroll, .. } => *enroll == Enroll::Challenge,
            Mode::Eap { .. } => true,
            Mode::Concat(_) | Mode::DuoOnly => false,
        };
        if !is_shown {
            return self.reject(Some(text));
        }
        self.state = State::Enrolling;
        Wish::Challenge { text }
    }

    /// The second factor has come to its end.
    pub(super) fn decided(&mut self, result: Result<Auth, Outage>) -> Wish {
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
            Err(outage) => self.keep_out(outage),
        }
    }

    pub(super) fn auth(&mut self, wanted: Wanted) -> Wish {
        // The server takes no empty code, and says so as if this login were not set up rightly.
        if let Wanted::Typed(Typed::Passcode(typed)) | Wanted::Choice(typed) = &wanted
            && typed.trim().is_empty()
        {
            return self.refuse("Nothing was typed. Log in again.");
        }
        self.state = State::Auth;
        Wish::Auth(wanted)
    }

    pub(super) fn ask_beside_push(&mut self) -> Wish {
        self.state = State::PasscodeBesidePush { approved: None };
        Wish::Challenge { text: "No answer yet. Approve the request and press Enter, or type a passcode:".to_owned() }
    }

    fn menu(&mut self, text: String) -> Wish {
        self.state = State::Menu;
        Wish::Challenge { text }
    }

    fn ask_passcode(&mut self) -> Wish {
        self.state = State::Passcode;
        Wish::Challenge { text: "Enter passcode:".to_owned() }
    }
}
