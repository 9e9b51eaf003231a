//! A login whose second factor nobody can be asked about: the fail mode decides, or a code for outages.

use zeroize::Zeroizing;

use super::{AcceptedBy, Login, Outage, State, Wish};
use crate::cfg::application::FailMode;
use crate::cfg::radius_server::Mode;
use crate::radius::split::Typed;

/// What a person is told while nobody can be asked and the section lets nobody in for that.
const AWAY: &str = "The login service cannot be reached, so nobody is let in without the second factor. Try again in a minute, or call your help desk.";
/// The server is there and will not talk to this proxy: trying again does not help.
const REFUSED: &str = "The second factor cannot be checked: this login is not set up rightly. Call your help desk.";

impl Login {
    /// The server has not said what this person needs.
    pub(super) fn nobody_to_ask(&mut self, outage: Outage) -> Wish {
        match (outage, self.failmode) {
            (Outage::Away, FailMode::Safe) => self.accept_without_server(AcceptedBy::FailSafe),
            (Outage::Away, FailMode::Secure | FailMode::Offline) | (Outage::Refused, _) => self.keep_out(outage),
        }
    }

    /// The first factor is enough for a while.
    pub(super) fn accept_without_server(&mut self, why: AcceptedBy) -> Wish {
        match *self.mode {
            // Without a first factor there is nothing that could be enough.
            Mode::DuoOnly => self.keep_out(Outage::Away),
            Mode::Auto { .. } | Mode::Challenge { .. } | Mode::Concat(_) | Mode::Eap { .. } => self.accept(None, why),
        }
    }

    pub(super) fn keep_out(&mut self, outage: Outage) -> Wish {
        self.refuse(match outage {
            Outage::Away => AWAY,
            Outage::Refused => REFUSED,
        })
    }

    /// Asks for a code for outages of `group`, unless it was typed behind the password.
    pub(super) fn ask_outage_code(&mut self, group: Option<String>) -> Wish {
        let Some(group) = group else { return self.keep_out(Outage::Away) };
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
            Mode::Concat(_) | Mode::DuoOnly => self.refuse(format!(
                "The login service cannot be reached. Log in with the code for outages of {group:?} from your authenticator."
            )),
        }
    }

    pub(super) fn check_outage_code(&mut self, typed: Zeroizing<String>) -> Wish {
        self.state = State::OutageChecked;
        Wish::Code { typed }
    }
}
