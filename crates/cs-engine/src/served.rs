//! The ways to authenticate that this server can do: the one list that logins, explanations, simulations and warnings go by.

use cs_core::policy::{Method, Set};

/// Those that need no browser. Bypass codes are not among them: they are never restricted, so nobody asks.
const ANYWHERE: [Method; 3] = [Method::DuoPush, Method::DuoPasscode, Method::HardwareToken];
/// Those that need one.
const IN_A_BROWSER: [Method; 2] = [Method::WebauthnPlatform, Method::WebauthnRoaming];
/// Those in place of the password.
const PASSWORDLESS: [Method; 2] = [Method::WebauthnPlatformPwl, Method::WebauthnRoamingPwl];

/// Second factors without a browser.
pub(crate) fn anywhere() -> Set<Method> {
    Set::of(&ANYWHERE)
}

/// Second factors in a browser: all that there are.
pub(crate) fn in_a_browser() -> Set<Method> {
    anywhere().union(Set::of(&IN_A_BROWSER))
}

/// In place of the password, in a browser.
pub(crate) fn passwordless() -> Set<Method> {
    Set::of(&PASSWORDLESS)
}

/// Whether `method` shows that a login was in a browser.
pub(crate) fn needs_a_browser(method: Method) -> bool {
    IN_A_BROWSER.contains(&method)
}
