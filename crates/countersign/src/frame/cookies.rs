//! What is kept in the browser. Every name begins with `__Host-`: the browser takes such a cookie only from us, over TLS, for the whole host and for no other.
//!
//! | cookie | holds | for |
//! | --- | --- | --- |
//! | `__Host-cs-PR…` | the secret of one login: tabs do not get in each other's way | ten minutes |
//! | `__Host-cs-VS…` | the secret of one enrollment | an hour |
//! | `__Host-cs-portal` | the secret of a portal session | half an hour |
//! | `__Host-cs-entering` | which login for the portal this browser has begun | ten minutes |
//! | `__Host-cs-browser` | tokens of browsers that are remembered, one for each user | as long as the longest of them |
//! | `__Host-cs-last` | the ways used last, one for each user | a year |
//! | `__Host-cs-language` | the language that was chosen | a year |

use cs_core::id::{PromptId, UserId, VisitId};
use cs_core::prompt::{Means, PROMPT_TTL, Way};
use cs_engine::VisitSecret;
use cs_engine::prompt::{BrowserToken, Changed, PromptSecret};
use cs_pages::Language;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

const PREFIX: &str = "__Host-cs-";
const BROWSER: &str = "browser";
const LAST: &str = "last";
const LANGUAGE: &str = "language";

/// The most logins under way in one browser. The oldest is given up for a further one, so that the header does not grow without bounds.
const MOST_LOGINS: usize = 12;
/// The most users of one browser that anything is kept for.
const MOST_USERS: usize = 6;
/// Between entries. No character of an entry.
const BETWEEN: char = '~';
const A_YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// Our cookies as the browser sent them, in its order: the oldest first.
pub(super) struct Jar(Vec<(String, Zeroizing<String>)>);

impl Jar {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        // Another application of the same domain may keep what is no ASCII, or not even text: that must not hide ours.
        let pairs = headers.get_all(COOKIE).into_iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let texts = pairs.filter_map(|pair| std::str::from_utf8(pair).ok().filter(|text| text.is_ascii()));
        let pairs = texts.filter_map(|pair| pair.trim().split_once('='));
        let ours = pairs.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value)));
        Self(ours.map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned()))).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret of login `id`.
    pub(super) fn secret(&self, id: PromptId) -> Option<PromptSecret> {
        PromptSecret::parse(self.get(id.as_str())?)
    }

    /// What is kept under `name`.
    pub(super) fn kept(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The login that was begun last.
    pub(super) fn newest_login(&self) -> Option<PromptId> {
        self.0.iter().rev().find_map(|(name, _)| name.parse().ok())
    }

    /// The enrollment that was begun last.
    pub(super) fn newest_visit(&self) -> Option<VisitId> {
        self.0.iter().rev().find_map(|(name, _)| name.parse().ok())
    }

    /// The secret of visit `id`.
    pub(super) fn visit_secret(&self, id: VisitId) -> Option<VisitSecret> {
        VisitSecret::parse(self.get(id.as_str())?)
    }

    pub(super) fn language(&self) -> Option<Language> {
        self.get(LANGUAGE).and_then(Language::parse)
    }

    /// Tokens of earlier logins.
    pub(super) fn tokens(&self) -> Vec<BrowserToken> {
        self.entries(BROWSER).filter_map(BrowserToken::parse).collect()
    }

    /// Ways of earlier logins. Nobody vouches for them: they choose among the ways that are allowed, and nothing more.
    pub(super) fn last(&self) -> Vec<(UserId, Way)> {
        let read = |entry: &str| {
            let mut parts = entry.split('.');
            let (user, means) = (parts.next()?.parse().ok()?, Means::parse(parts.next()?)?);
            let phone = match parts.next() {
                Some(phone) => Some(phone.parse().ok()?),
                None => None,
            };
            Some((user, Way { means, phone }))
        };
        self.entries(LAST).filter_map(read).collect()
    }

    /// Logins under way, the oldest first.
    pub(super) fn logins(&self) -> Vec<PromptId> {
        self.0.iter().filter_map(|(name, _)| name.parse().ok()).collect()
    }

    /// Logins that are given up so that another one has room.
    pub(super) fn too_many(&self) -> impl Iterator<Item = PromptId> {
        let ids = self.logins();
        let surplus = (ids.len() + 1).saturating_sub(MOST_LOGINS);
        ids.into_iter().take(surplus)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn entries(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).unwrap_or_default().split(BETWEEN).take(MOST_USERS)
    }
}

/// Keeps the secret of login `id`.
pub(super) fn set_secret(headers: &mut HeaderMap, id: PromptId, secret: &PromptSecret) {
    set(headers, id.as_str(), &secret.expose(), PROMPT_TTL);
}

/// Keeps the secret of visit `id`.
pub(crate) fn set_visit_secret(headers: &mut HeaderMap, id: VisitId, secret: &VisitSecret, lasts: SignedDuration) {
    set(headers, id.as_str(), &secret.expose(), lasts);
}

/// Keeps `value` under `name`; nothing, for no time at all, takes it away.
pub(crate) fn keep_value(headers: &mut HeaderMap, name: &str, value: &str, lasts: SignedDuration) {
    set(headers, name, value, lasts);
}

/// Gives up login `id`.
pub(super) fn forget(headers: &mut HeaderMap, id: PromptId) {
    set(headers, id.as_str(), "", SignedDuration::ZERO);
}

pub(super) fn set_language(headers: &mut HeaderMap, language: Language) {
    set(headers, LANGUAGE, language.tag(), A_YEAR);
}

/// Keeps what a step has changed.
pub(super) fn keep(headers: &mut HeaderMap, jar: &Jar, changed: &Changed, now: Timestamp) {
    let own = changed.token.as_ref().map(|new| new.token.user);
    if own.is_some() || changed.forgotten.is_some() {
        let is_kept = |token: &BrowserToken| Some(token.user) != own && Some(token.user) != changed.forgotten;
        let others: Vec<_> = jar.tokens().into_iter().filter(is_kept).take(MOST_USERS - 1).collect();
        let mut all: Vec<Zeroizing<String>> = others.iter().map(BrowserToken::expose).collect();
        let mut lasts = if all.is_empty() { SignedDuration::ZERO } else { A_YEAR };
        if let Some(new) = &changed.token {
            all.insert(0, new.token.expose());
            // The others' end is not known here, and each is checked when it comes.
            lasts = lasts.max(new.until.duration_since(now));
        }
        let texts: Vec<&str> = all.iter().map(|text| text.as_str()).collect();
        set(headers, BROWSER, &Zeroizing::new(texts.join(&BETWEEN.to_string())), lasts);
    }
    if let Some((user, way)) = changed.last {
        let entry = |(user, way): (UserId, Way)| match way.phone {
            Some(phone) => format!("{user}.{}.{phone}", way.means.as_str()),
            None => format!("{user}.{}", way.means.as_str()),
        };
        let others = jar.last().into_iter().filter(|(other, _)| *other != user).take(MOST_USERS - 1);
        let all: Vec<String> = std::iter::once((user, way)).chain(others).map(entry).collect();
        set(headers, LAST, &all.join(&BETWEEN.to_string()), A_YEAR);
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: &str, lasts: SignedDuration) {
    let age = lasts.as_secs().max(0);
    let text = Zeroizing::new(format!("{PREFIX}{name}={value}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Lax"));
    // Names and values are ids, words and base64url.
    if let Ok(mut value) = HeaderValue::from_str(&text) {
        value.set_sensitive(true);
        headers.append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(text: &str) -> Jar {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, text.parse().unwrap());
        Jar::of(&headers)
    }

    #[test]
    fn only_our_own_cookies_are_read() {
        let (user, phone) = ("DUAAAAAAAAAAAAAAAAAA", "DPAAAAAAAAAAAAAAAAAA");
        let all = format!(
            "cs-language=ja; __Host-cs-language=de; a=b;;=; __Host-cs-last={user}.push.{phone}~nonsense~{user}.passcode; __Host-cs-browser=x~y"
        );
        let jar = jar(&all);
        assert_eq!(jar.language(), Some(Language::De));
        let user: UserId = user.parse().unwrap();
        let ways = [(user, Way::push(phone.parse().unwrap())), (user, Way::of(Means::Passcode))];
        assert_eq!(jar.last(), ways);
        assert!(jar.tokens().is_empty());
        assert!(Jar::of(&HeaderMap::new()).is_empty());
    }

    #[test]
    fn a_cookie_of_another_application_that_is_no_ascii_hides_none_of_ours() {
        for foreign in ["name=J\u{fc}rgen".as_bytes(), b"raw=\xff\xfe", "__Host-cs-last=\u{fc}".as_bytes()] {
            let mut header = foreign.to_vec();
            header.extend_from_slice(b"; __Host-cs-language=de; ");
            header.extend_from_slice(foreign);
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_bytes(&header).unwrap());
            let jar = Jar::of(&headers);
            assert_eq!(jar.language(), Some(Language::De));
            assert!(jar.last().is_empty());
        }
    }

    #[test]
    fn the_oldest_login_makes_room_for_a_further_one() {
        let name = |at: usize| format!("PR{}", char::from(b'A' + at as u8).to_string().repeat(18));
        let cookies = |count| (0..count).map(|at| format!("__Host-cs-{}=x", name(at))).collect::<Vec<_>>().join("; ");
        assert_eq!(jar(&cookies(MOST_LOGINS - 1)).too_many().count(), 0);
        let gone: Vec<String> = jar(&cookies(MOST_LOGINS + 1)).too_many().map(|id| id.to_string()).collect();
        assert_eq!(gone, [name(0), name(1)]);
    }

    #[test]
    fn a_way_is_kept_for_each_user_and_the_newest_comes_first() {
        let user = |letter: &str| -> UserId { format!("DU{}", letter.repeat(18)).parse().unwrap() };
        let before = format!("__Host-cs-last={}.passcode~{}.platform", user("A"), user("B"));
        let changed = Changed { last: Some((user("B"), Way::of(Means::Passcode))), ..Changed::default() };
        let mut headers = HeaderMap::new();
        keep(&mut headers, &jar(&before), &changed, Timestamp::UNIX_EPOCH);
        let cookie = headers[SET_COOKIE].to_str().unwrap();
        let expected =
            format!("__Host-cs-last={}.passcode~{}.passcode; Path=/; Max-Age=31536000; ", user("B"), user("A"));
        assert!(cookie.starts_with(&expected), "{cookie}");
        assert!(cookie.ends_with("Secure; HttpOnly; SameSite=Lax"), "{cookie}");
        assert_eq!(headers.get_all(SET_COOKIE).iter().count(), 1);
    }

    #[test]
    fn a_token_that_is_no_longer_good_goes() {
        let user: UserId = "DUAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let before = format!("__Host-cs-browser={user}.BRAAAAAAAAAAAAAAAAAA.{}", "A".repeat(43));
        assert_eq!(jar(&before).tokens().len(), 1);
        let mut headers = HeaderMap::new();
        let changed = Changed { forgotten: Some(user), ..Changed::default() };
        keep(&mut headers, &jar(&before), &changed, Timestamp::UNIX_EPOCH);
        let cookie = headers[SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with("__Host-cs-browser=; Path=/; Max-Age=0; "), "{cookie}");
    }
}
