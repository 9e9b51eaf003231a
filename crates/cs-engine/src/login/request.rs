//! What a client asks for, and what it is told.

use cs_core::id::TxId;
use cs_core::login::{Choice, FactorRequest, Selection, Ticket, TicketError, parse_selection};
use cs_core::policy::Effective;
use cs_core::policy::risk::Assessment;
use cs_core::policy::sections::PushWithoutDisplay;
use cs_core::webauthn::Ask;

use super::Who;
use super::decided::Decided;
use super::passkey::Assertion;
use crate::{Access, Caller, Surface};

/// The factor a client asks for.
#[derive(Debug, Clone)]
pub enum FactorInput {
    /// By name.
    Named(FactorRequest, Choice),
    /// A passcode.
    Passcode(String),
    /// Whatever was answered to a menu: an option or a passcode.
    Menu(String),
    /// A browser's answer to a ceremony.
    Assertion(Box<Assertion>),
}

/// One request to authenticate.
#[derive(Debug, Clone)]
pub struct AuthRequest {
    /// Whom.
    pub who: Who,
    /// With what.
    pub factor: FactorInput,
    /// From where.
    pub access: Access,
    /// What the phone calls it; "Login request" unless the client says otherwise.
    pub push_type: Option<String>,
    /// The name the phone shows instead of the username.
    pub display_username: Option<String>,
    /// Further lines for the phone.
    pub info: Vec<(String, String)>,
    /// The transaction id that `preauth` gave, for a push whose number is on the screen.
    pub ticket: Option<TxId>,
    /// The caller's idempotency key.
    pub idempotency_key: Option<String>,
    /// What every proxy of this application calls this login: see [`same`](super::SAME_LOGIN_GRACE).
    pub login_key: Option<String>,
    /// A digest over everything that was sent, and by whom.
    pub digest: [u8; 32],
    /// The id under which the log keeps what is decided at once; `None` = a new one. A push has its own.
    pub log_as: Option<TxId>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthAnswer {
    /// Decided, and in the log.
    Decided(Decided),
    /// A push is on its way: ask for its status.
    Started {
        /// Its id.
        txid: TxId,
        /// The device, for the message: "Pushed a login request to …".
        device: String,
    },
}

/// A factor as asked for, once menus are read.
pub(super) enum Wanted {
    Passcode(String),
    Factor { request: FactorRequest, device: Choice, ticket: Option<TxId>, by_menu: bool },
    Assertion(Box<Assertion>),
}

impl Wanted {
    /// Whether it stands beside a password or in its place.
    pub(super) fn ask(&self) -> Ask {
        match self {
            Self::Passcode(_) | Self::Factor { .. } => Ask::SecondFactor,
            Self::Assertion(asserted) => asserted.ask,
        }
    }

    /// Whether the client can show a number before the answer, as far as the request tells.
    pub(super) fn shows_number(
        &self,
        caller: &Caller,
        ticket: Option<&Result<Ticket, TicketError>>,
        effective: &Effective<'_>,
        risk: &Assessment,
    ) -> bool {
        match (self, ticket) {
            (Self::Passcode(_) | Self::Factor { request: FactorRequest::Sms | FactorRequest::Phone, .. }, _) => {
                // Where no push is asked for, what the rules say of pushes does not matter, save under risk: whoever has no other strong factor and is where no
                // number can be shown may then use codes. A menu and the prompt show numbers; of any other caller it is not known, and a policy that refuses
                // those that cannot is not to be softened.
                let methods = effective.authentication_methods.value;
                let refuses = methods.require_verified_push && methods.without_display == PushWithoutDisplay::Deny;
                let shows = match caller.surface {
                    Surface::Prompt => true,
                    Surface::AuthV2 | Surface::RestV1 => caller.integration.kind.shows_menu(),
                };
                risk.enforced().is_none() || refuses || shows
            }
            // The page of a browser shows numbers.
            (Self::Assertion(_), _) => true,
            (Self::Factor { .. }, Some(Ok(ticket))) => ticket.is_shown(),
            (Self::Factor { .. }, Some(Err(_))) => false,
            // The menu shows one, and its option carries it: see `push_number`.
            (Self::Factor { by_menu, .. }, None) => *by_menu && caller.integration.kind.shows_menu(),
        }
    }
}

impl AuthRequest {
    pub(super) fn wanted(&self) -> Wanted {
        match &self.factor {
            FactorInput::Passcode(typed) => Wanted::Passcode(typed.clone()),
            FactorInput::Named(request, device) => {
                Wanted::Factor { request: *request, device: *device, ticket: self.ticket, by_menu: false }
            }
            FactorInput::Assertion(asserted) => Wanted::Assertion(asserted.clone()),
            FactorInput::Menu(text) => match parse_selection(text) {
                Selection::Passcode => Wanted::Passcode(text.clone()),
                Selection::Factor { request, device, txid } => {
                    Wanted::Factor { request, device, ticket: txid.or(self.ticket), by_menu: true }
                }
            },
        }
    }
}
