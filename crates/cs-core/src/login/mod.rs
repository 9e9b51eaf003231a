//! One login, from the first question to the verdict: the same rules for every surface.
//!
//! [`crate::policy::evaluate`] decides whether a second factor is needed at all, and which. [`choose`] turns what the client asked for into a concrete
//! factor of those. [`Push`] is the state of a request on a phone. Every refusal is a [`Denial`] that carries its reason, the deciding fact and a remedy.

mod choice;
mod menu;
mod passcode;
mod push;
mod reason;
mod ticket;

pub use choice::{Choice, Chosen, FactorRequest, choose, may_use, telephones};
pub use menu::{Menu, MenuDefault, MenuEntry, Selection, menu, parse_selection};
pub use passcode::{Evaluation, KeptCodes, Match, Move, SealedSecret, evaluate};
pub use push::{Decision, HOLD, LEGACY_HOLD, LEGACY_POLL_LIMIT, NUMBER_TRIES, PUSH_TTL, Push, PushClosed};
pub use reason::{AllowReason, Denial, DenyReason, FactorUsed};
pub use ticket::{TICKET_TTL, Ticket, TicketError};
