//! The ways to authenticate that this server can do: the one list that logins, explanations, simulations and warnings go by.

use cs_core::policy::{Method, Set};

use crate::telephony::Telephony;

/// Those that need no browser. Bypass codes are not among them: they are never restricted, so nobody asks.
const ANYWHERE: [Method; 3] = [Method::DuoPush, Method::DuoPasscode, Method::HardwareToken];
/// Those that need one.
const IN_A_BROWSER: [Method; 2] = [Method::WebauthnPlatform, Method::WebauthnRoaming];
/// Those in place of the password.
const PASSWORDLESS: [Method; 2] = [Method::WebauthnPlatformPwl, Method::WebauthnRoamingPwl];

/// Second factors without a browser: messages and calls where a gateway makes them.
pub(crate) fn anywhere(telephony: &Telephony) -> Set<Method> {
    let by_telephone = [(telephony.sms, Method::Sms), (telephony.calls, Method::Phonecall)];
    let by_telephone = by_telephone.into_iter().filter(|(can, _)| *can).map(|(_, method)| method).collect();
    Set::of(&ANYWHERE).union(by_telephone)
}

/// Second factors in a browser: all that there are.
pub(crate) fn in_a_browser(telephony: &Telephony) -> Set<Method> {
    anywhere(telephony).union(Set::of(&IN_A_BROWSER))
}

/// In place of the password, in a browser.
pub(crate) fn passwordless() -> Set<Method> {
    Set::of(&PASSWORDLESS)
}

/// Whether `method` shows that a login was in a browser.
pub(crate) fn needs_a_browser(method: Method) -> bool {
    IN_A_BROWSER.contains(&method)
}
