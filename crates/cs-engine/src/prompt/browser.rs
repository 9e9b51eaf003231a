//! Browsers that are remembered: a token for each user and browser, replaced at every use.
//!
//! A token that was replaced and comes again was stolen: either from the person, or by whoever used it in between. Nobody can tell which of the two is the thief, so the
//! browser is forgotten, administrators are told, and both have to show a factor. Pages opened side by side use the same token within a moment; that is no theft.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use cs_core::id::{AccountId, BrowserId, TxId, UserId};
use cs_core::login::AllowReason;
use cs_core::policy::Word as _;
use cs_core::policy::facts::Grant;
use cs_core::prompt::{Admitted, State};
use cs_core::user::User;
use cs_store::audit::{LogKind, LogRecord};
use cs_store::facts::UserRef;
use cs_store::remembered_browsers::{RememberedBrowser, forget_browser};
use cs_store::{Job, Step, args};
use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use rand_core::RngCore as _;
use serde_json::json;
use zeroize::Zeroizing;

use super::session::{Changed, Prompt, Visit};
use crate::admin::{Actor, admin_record};
use crate::error::Retry;
use crate::login::{Remembering, reference};
use crate::{Access, Caller, Engine, EngineError, SystemRng};

/// For how long the token before the last one is still no theft: pages loaded side by side, or an answer that was slow.
const SIDE_BY_SIDE: SignedDuration = SignedDuration::from_secs(60);

/// A token as the browser sent it.
#[derive(Clone)]
pub struct BrowserToken {
    /// Whose it says it is.
    pub user: UserId,
    browser: BrowserId,
    secret: Zeroizing<[u8; 32]>,
}

/// A browser that is remembered, as of now.
pub(super) struct Recognised {
    /// What it was given.
    pub(super) grant: Grant,
    /// What takes the token's place, and the step that does it; none where a page side by side has done it.
    pub(super) next: Option<(NewToken, Step)>,
}

/// A token for the browser to keep.
#[derive(Debug)]
pub struct NewToken {
    /// The token.
    pub token: BrowserToken,
    /// Until when it can be good.
    pub until: Timestamp,
}

impl BrowserToken {
    /// Reads `DU….BR….SECRET`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (user, browser, secret) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(secret.as_bytes()).ok()?);
        let secret = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?);
        Some(Self { user: user.parse().ok()?, browser: browser.parse().ok()?, secret })
    }

    /// Which browser it is of.
    pub fn browser(&self) -> BrowserId {
        self.browser
    }

    /// As it is kept in the browser.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}.{}.{}", self.user, self.browser, BASE64URL_NOPAD.encode(&self.secret[..])))
    }

    fn generate(user: UserId, browser: BrowserId) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        SystemRng.fill_bytes(&mut secret[..]);
        Self { user, browser, secret }
    }
}

impl fmt::Debug for BrowserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrowserToken({}, {}, ..)", self.user, self.browser)
    }
}

impl Engine {
    /// What is remembered of this browser for `user`, if it brings a token of theirs that is good. The token is to be replaced together with what it lets in.
    pub(super) async fn recognise(
        &self,
        prompt: &Prompt,
        user: &User,
        visit: &Visit,
        changed: &mut Changed,
    ) -> Result<Option<Recognised>, EngineError> {
        let Some(token) = visit.tokens.iter().find(|token| token.user == user.id) else { return Ok(None) };
        let (account, now) = (prompt.caller.account.id, self.clock().now());
        let found = self.store().remembered_browser(account, token.browser).await?;
        let found = found.filter(|found| found.user == user.id && found.until > now);
        let Some(found) = found.filter(|found| found.trust_epoch == user.trust_epoch) else {
            changed.forgotten = Some(user.id);
            return Ok(None);
        };
        let digest = self.browser_digest(account, token)?;
        let is_previous = found.previous_digest.is_some_and(|old| verify_slices_are_equal(&digest, &old).is_ok());
        let next = if verify_slices_are_equal(&digest, &found.digest).is_ok() {
            let next = replacement(prompt, token);
            let step = found.rotate(account, &self.browser_digest(account, &next)?, &visit.access.source(), now);
            Some((NewToken { token: next, until: found.until }, step))
        } else if is_previous && now.duration_since(found.rotated_at) <= SIDE_BY_SIDE {
            None
        } else {
            self.forget_stolen(&prompt.caller, user, &found, &visit.access, now).await?;
            changed.forgotten = Some(user.id);
            return Ok(None);
        };
        // A cookie that has come into another browser, or to another system, is no word of this person. Versions change under everybody's hands.
        if found.name != name_of(&visit.access) {
            return Ok(None);
        }
        let grant = Grant { application: found.integration, granted_at: found.granted_at, until: found.until };
        Ok(Some(Recognised { grant, next }))
    }

    /// The token that this login has put in the place of the browser's, where the browser still shows the one before: the answer that brought the new one was lost on
    /// its way, or the page was left before it came. Without it the next login would look like a thief's.
    pub(super) async fn unheard_token(&self, prompt: &Prompt, visit: &Visit) -> Result<Option<NewToken>, EngineError> {
        let State::Done(Admitted { why: AllowReason::RememberedDevice, .. }) = prompt.state else { return Ok(None) };
        let account = prompt.caller.account.id;
        for token in &visit.tokens {
            let next = replacement(prompt, token);
            if verify_slices_are_equal(&next.secret[..], &token.secret[..]).is_ok() {
                continue;
            }
            let Some(found) = self.store().remembered_browser(account, token.browser).await? else { continue };
            let (shown, new) = (self.browser_digest(account, token)?, self.browser_digest(account, &next)?);
            let was_shown = found.previous_digest.is_some_and(|old| verify_slices_are_equal(&shown, &old).is_ok());
            if found.user == token.user && was_shown && verify_slices_are_equal(&new, &found.digest).is_ok() {
                return Ok(Some(NewToken { token: next, until: found.until }));
            }
        }
        Ok(None)
    }

    async fn forget_stolen(
        &self,
        caller: &Caller,
        user: &User,
        browser: &RememberedBrowser,
        access: &Access,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let account = caller.account.id;
        let txid = TxId::at(now, &mut SystemRng);
        let mut record = LogRecord::new(account.as_str(), LogKind::Activity, txid.to_string(), now);
        record.user_id = Some(user.id.to_string());
        record.integration = Some(caller.integration.key.to_string());
        record.result = Some("remembered_browser_reused".to_owned());
        record.body = json!({"browser": browser.id.as_str(), "reference": reference(txid)}).to_string();
        let personal = json!({
            "username": user.username, "access_ip": access.address, "name": browser.name, "last_used_from": browser.address,
        });
        record.personal = Some(personal.to_string());
        let job = Job::new().step(forget_browser(account, user.id, browser.id)).log(record).effect(self.alert(
            caller,
            user,
            "remembered_browser_reused",
            txid,
            now,
        ));
        // Somebody else may have forgotten it at the same moment.
        self.holds(job).await.map(drop)
    }

    /// Remembers the browser of somebody who has just got in by a factor of their own.
    pub(super) fn remember_browser(
        &self,
        caller: &Caller,
        user: &User,
        remembering: &Remembering,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Option<(NewToken, Vec<Step>)>, EngineError> {
        let account = caller.account.id;
        let Ok(until) = now.checked_add(remembering.time.duration()) else { return Ok(None) };
        let token = BrowserToken::generate(user.id, BrowserId::generate(&mut SystemRng));
        let browser = RememberedBrowser {
            id: token.browser,
            user: user.id,
            integration: caller.integration.key,
            digest: self.browser_digest(account, &token)?,
            previous_digest: None,
            rotation: 0,
            rotated_at: now,
            name: name_of(&visit.access),
            address: visit.access.source(),
            granted_at: now,
            until,
            policy: remembering.granted_by.clone(),
            trust_epoch: user.trust_epoch,
        };
        // What this browser had before is replaced.
        let before = visit.tokens.iter().find(|token| token.user == user.id).map(|token| {
            Step::any(
                "DELETE FROM remembered_browser WHERE account = $1 AND browser_id = $2 AND user_id = $3",
                args![account.as_str(), token.browser.as_str(), user.id.as_str()],
            )
        });
        let steps = before.into_iter().chain(browser.insert(account)).collect();
        Ok(Some((NewToken { token, until }, steps)))
    }

    /// The browsers that are remembered for a user, those used last at first; not those whose grant is over.
    pub async fn remembered_browsers(
        &self,
        account: AccountId,
        user: UserId,
    ) -> Result<Vec<RememberedBrowser>, EngineError> {
        let now = self.clock().now();
        let facts = self.store().user_facts(account, UserRef::Id(user), None, now).await?;
        let epoch = facts.ok_or(EngineError::NotFound)?.user.trust_epoch;
        let mut browsers = self.store().reader().remembered_browsers(account, user).await?;
        browsers.retain(|browser| browser.until > now && browser.trust_epoch == epoch);
        Ok(browsers)
    }

    /// Forgets one remembered browser of a user, in the name of an administrator.
    pub async fn forget_browser(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        browser: BrowserId,
    ) -> Result<(), EngineError> {
        let now = self.clock().now();
        let description = json!({"user_id": user.as_str(), "browser_id": browser.as_str()});
        let record = admin_record(account, actor, "remembered_browser_delete", user.as_str(), &description, now);
        let job = Job::new().step(forget_browser(account, user, browser)).log(record);
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(()),
            Err(Retry::Conflict(_)) => Err(EngineError::NotFound),
            Err(Retry::Fail(error)) => Err(error),
        }
    }

    fn browser_digest(&self, account: AccountId, token: &BrowserToken) -> Result<[u8; 32], EngineError> {
        // The browser's id has a fixed length, so the bytes are unambiguous.
        let bytes = Zeroizing::new([token.browser.as_bytes(), &token.secret[..]].concat());
        self.store().vault().digest(account.as_str(), "remembered-browser", &bytes).map_err(EngineError::vault)
    }
}

/// What takes the place of `token` in this login: made from the secret of the login's own cookie, so that it can be given to its browser once more.
fn replacement(prompt: &Prompt, token: &BrowserToken) -> BrowserToken {
    // The texts of proofs have a number behind the colon: none of them is this one.
    BrowserToken { user: token.user, browser: token.browser, secret: prompt.secret.derive("browser:secret") }
}

/// Whether, having got in so, there is anything to remember.
pub(super) fn earns(admitted: &Admitted, user: Option<&User>, remembering: Option<&Remembering>) -> bool {
    admitted.is_by_own_factor() && user.is_some() && remembering.is_some()
}

/// As people know a browser: "Firefox on Linux".
pub(super) fn name_of(access: &Access) -> String {
    let device = access.device.as_deref();
    let browser = device.and_then(|device| device.browser).map(|browser| titled(browser.product.as_str()));
    let os = device.and_then(|device| device.os).map(|os| titled(os.product.as_str()));
    match (browser, os) {
        (Some(browser), Some(os)) => format!("{browser} on {os}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "Browser".to_owned(),
    }
}

/// A policy's word as a name: `chrome-mobile` is "Chrome mobile".
pub(super) fn titled(word: &str) -> String {
    match word {
        "ios" => "iOS".to_owned(),
        "macos" => "macOS".to_owned(),
        "chromeos" => "ChromeOS".to_owned(),
        "ie" => "Internet Explorer".to_owned(),
        word => {
            let mut letters = word.replace('-', " ").into_bytes();
            if let Some(first) = letters.first_mut() {
                first.make_ascii_uppercase();
            }
            // Words are ASCII.
            String::from_utf8(letters).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else() {
        let (user, browser) = ("DUAAAAAAAAAAAAAAAAAA".parse().unwrap(), "BRAAAAAAAAAAAAAAAAAA".parse().unwrap());
        let token = BrowserToken::generate(user, browser);
        let text = token.expose();
        let read = BrowserToken::parse(&text).unwrap();
        assert_eq!((read.user, read.browser, &read.secret[..]), (user, browser, &token.secret[..]));
        assert!(!format!("{token:?}").contains(&text[42..]));
        for wrong in ["", "..", &text[1..], &format!("{}.x", *text), &text.replace("BR", "DU"), &text[..text.len() - 1]]
        {
            assert!(BrowserToken::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn words_become_names() {
        for (word, name) in
            [("chrome-mobile", "Chrome mobile"), ("ios", "iOS"), ("linux", "Linux"), ("ie", "Internet Explorer")]
        {
            assert_eq!(titled(word), name);
        }
        assert_eq!(name_of(&Access::default()), "Browser");
    }
}
