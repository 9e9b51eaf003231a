//! What a login is called at the server, so that another proxy that it comes to joins it there: a device that loses patience with one proxy asks its second one.
//!
//! The password is no part of it: both proxies have had it checked before they ask, and whoever keeps the server's secrets must not be able to guess it from a name.

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;

use super::login::Wanted;
use super::request::Request;
use super::same;
use super::split::Typed;
use crate::cfg::radius_server::RadiusServer;

/// Keeps this use of an application's secret from every other.
const PURPOSE: &[u8] = b"countersign-proxy login across proxies, 1";

/// The name of a login: equal for the same person, place, device, service and factor, made under a key that only the proxies of the application and the server
/// have. `None` for what was chosen from a menu: only the proxy that has shown it knows what that means.
///
/// Proxies of other versions must make the same: what goes into [`same::digest`] does not change.
pub(super) fn name(server: &RadiusServer, request: &Request, wanted: &Wanted) -> Option<String> {
    let factor = match wanted {
        Wanted::Auto => "auto".to_owned(),
        Wanted::Typed(Typed::Push(number)) => format!("push {number:?}"),
        Wanted::Typed(Typed::Phone(number)) => format!("phone {number:?}"),
        Wanted::Typed(Typed::Passcode(code)) => format!("code {}", code.as_str()),
        Wanted::Typed(Typed::Sms(_)) | Wanted::Choice(_) => return None,
    };
    let secret = hmac::Key::new(hmac::HMAC_SHA256, server.application.skey.as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&secret, PURPOSE).as_ref());
    Some(BASE64URL_NOPAD.encode(&same::digest(&key, server, request, &[&factor])))
}
