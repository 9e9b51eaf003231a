//! What the login APIs share: wire words into the engine's, and the engine's into texts.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use cs_core::login::{AllowReason, Menu};
use cs_engine::login::{CallState, Decided, Refused, Who};
use cs_engine::{Access, Caller, EngineError};
use cs_wire::auth_api::Origin;
use cs_wire::params::Params;

use crate::app::App;

/// Shown while a push waits.
const PUSHED: &str = "Pushed a login request to your phone...";

/// What a person is told while nobody has answered: a push, or how far a call has come.
pub(crate) fn waiting_text(call: Option<&CallState>) -> String {
    match call {
        None => PUSHED.to_owned(),
        Some(CallState::Dialling(number)) => format!("Dialing {number}..."),
        Some(CallState::PickedUp) => "Answered. Press the key that the call names to log in.".to_owned(),
    }
}

/// From where, as the rules see it. What is no address is none.
pub(crate) fn access(origin: &Origin) -> Access {
    Access {
        address: origin.ipaddr.as_deref().and_then(cs_core::network::parse_address),
        hostname: origin.hostname.clone(),
        device: None,
    }
}

/// What a person is told who must enroll before they can log in, and can do so themselves.
pub(crate) fn enroll_text(refused: &Refused, url: &str) -> String {
    format!("You are not enrolled. Please enroll at {url} (reference {})", refused.reference)
}

/// Where somebody enrolls who must before they can log in; `None` for whom only an administrator can help.
pub(crate) async fn enroll_url(app: &App, caller: &Caller, who: &Who) -> Result<Option<String>, EngineError> {
    let code = app.engine().enrollment_in_login(caller, who).await?;
    Ok(code.map(|code| app.enrollment_url(&code)))
}

/// A digest over who asks and everything that was signed: the same for the same request sent again, and for no other.
pub(crate) fn request_digest(caller: &Caller, params: &Params) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    // Ids have fixed lengths, and the canonical text is unambiguous.
    for part in [caller.account.id.as_str(), caller.integration.key.as_str(), caller.surface.as_str(), "\n"] {
        context.update(part.as_bytes());
    }
    context.update(params.canonical_text(&[]).as_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// What a person is told who gets in without a factor.
pub(crate) const fn allowed_text(why: AllowReason) -> &'static str {
    match why {
        AllowReason::AllowUnenrolledUser | AllowReason::AllowUnenrolledUserOnTrustedNetwork => "Allowing unknown user",
        AllowReason::AllowedByPolicy | AllowReason::TrustedLocation | AllowReason::TrustedNetwork => {
            "No second factor is needed here"
        }
        AllowReason::BypassUser => "Account is in bypass",
        AllowReason::RememberedDevice => "This device is remembered",
        AllowReason::UserApproved | AllowReason::ValidPasscode => "Account is active",
    }
}

/// What a person is told who does not: the reason, and what their help desk can look for.
pub(crate) fn refused_text(refused: &Refused) -> String {
    with_reference(refused.denial.reason.user_text(), &refused.reference)
}

/// The same after a factor.
pub(crate) fn decided_text(decided: &Decided) -> String {
    match &decided.reference {
        Some(reference) => with_reference(&decided.message, reference),
        None => decided.message.clone(),
    }
}

fn with_reference(message: &str, reference: &str) -> String {
    format!("{message} (reference {reference})")
}

/// The menu's options by their numbers, and `default` where there is one.
pub(crate) fn menu_factors(menu: &Menu) -> BTreeMap<String, String> {
    let numbered = menu.entries.iter().enumerate().map(|(at, entry)| ((at + 1).to_string(), entry.factor.clone()));
    let default = menu.default.iter().map(|factor| ("default".to_owned(), factor.clone()));
    default.chain(numbered).collect()
}
