//! What was just done, told by the next page: a form is answered with the way to that page, so that loading it again does nothing twice. What is to be said travels in
//! a cookie that the page takes away. Nobody vouches for it: it says something, and does nothing.

use axum::response::Response;
use cs_pages::portal::Said;
use data_encoding::BASE64URL_NOPAD;
use jiff::SignedDuration;

use crate::frame::{Visitor, keep_value, see_other};

/// The cookie.
const SAID: &str = "said";
/// How long the browser may take to the next page.
const WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// The longest name that is repeated.
const MAX_NAME_BYTES: usize = 512;

/// What is to be said.
pub(super) struct Told {
    word: String,
    name: String,
}

impl Told {
    /// What the browser brings.
    pub(super) fn of(visitor: &Visitor) -> Option<Self> {
        let (word, name) = visitor.kept(SAID)?.split_once('.')?;
        let name = Some(name).filter(|name| name.len() <= MAX_NAME_BYTES)?;
        let name = String::from_utf8(BASE64URL_NOPAD.decode(name.as_bytes()).ok()?).ok()?;
        Some(Self { word: word.to_owned(), name })
    }

    /// The same in the page's words.
    pub(super) fn said(&self) -> Option<Said<'_>> {
        let name = self.name.as_str();
        Some(match self.word.as_str() {
            "renamed" => Said::Renamed(name),
            "removed" => Said::Removed(name),
            "lost" => Said::Lost(name),
            "default" => Said::Default(name),
            "forgotten" => Said::Forgotten,
            "all-forgotten" => Said::AllForgotten,
            "reported" => Said::Reported,
            "test-not-sent" => Said::TestNotSent(name),
            _ => return None,
        })
    }
}

/// Answers a form with the way to `page`, which says `word` about `name`.
pub(super) fn see_said(page: &str, word: &str, name: &str) -> Response {
    let mut response = see_other(page);
    let value = format!("{word}.{}", BASE64URL_NOPAD.encode(name.as_bytes()));
    keep_value(response.headers_mut(), SAID, &value, WITHIN);
    response
}

/// Takes away what `response` has said.
pub(super) fn once(mut response: Response, visitor: &Visitor) -> Response {
    if visitor.kept(SAID).is_some() {
        keep_value(response.headers_mut(), SAID, "", SignedDuration::ZERO);
    }
    response
}

/// The name that was typed for a device before a factor was asked for again.
const TYPED: &str = "typed";
/// How long that may take.
const FOR_A_LOGIN: SignedDuration = cs_core::prompt::PROMPT_TTL;

/// Keeps the `name` that was typed for `device` until its form is shown again.
pub(super) fn keep_typed(mut response: Response, device: &str, name: &str) -> Response {
    if name.len() <= MAX_NAME_BYTES / 2 && device.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let value = format!("{device}.{}", BASE64URL_NOPAD.encode(name.as_bytes()));
        keep_value(response.headers_mut(), TYPED, &value, FOR_A_LOGIN);
    }
    response
}

/// What was typed: for which device, and the name.
pub(super) fn typed(visitor: &Visitor) -> Option<(String, String)> {
    let (device, name) = visitor.kept(TYPED)?.split_once('.')?;
    let name = Some(name).filter(|name| name.len() <= MAX_NAME_BYTES)?;
    Some((device.to_owned(), String::from_utf8(BASE64URL_NOPAD.decode(name.as_bytes()).ok()?).ok()?))
}

/// Takes it away.
pub(super) fn forget_typed(mut response: Response, visitor: &Visitor) -> Response {
    if visitor.kept(TYPED).is_some() {
        keep_value(response.headers_mut(), TYPED, "", SignedDuration::ZERO);
    }
    response
}
