//! One login through two proxies: a device that loses patience with one asks the other, which knows nothing of the first.
//!
//! Both make the same name of it (`login_key`): person, place, device and factor under a key that only they and this server have. While its push waits, the second one
//! joins; what was decided is told again for [`GRACE`], and then the name means nothing any more: it is the same again tomorrow, and yesterday's yes lets nobody in.

use cs_core::id::TxId;
use cs_core::login::Push;
use cs_core::user::User;
use cs_store::same_logins::{Same, SameKey, one_less};
use cs_store::{Job, Step};
use jiff::{SignedDuration, Timestamp};

use super::decided::Decided;
use super::deferred::Sealed;
use super::request::{AuthAnswer, AuthRequest, Wanted};
use crate::error::Retry;
use crate::{Caller, Engine, EngineError};

/// For so long after a decision the same login through another proxy is told the same.
pub const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// What a login's name leads to.
pub(super) enum Before {
    /// The same login, under way or decided a moment ago.
    Is(AuthAnswer),
    /// Nothing that counts any more: a new login. What is to be written down under the name goes on from here.
    New(Option<i64>),
    /// It is just being changed.
    Again,
}

impl Engine {
    /// Looks for the same login through another proxy, and joins it.
    pub(super) async fn same_login(
        &self,
        caller: &Caller,
        request: &AuthRequest,
        wanted: &Wanted,
        user: &User,
        now: Timestamp,
    ) -> Result<Before, EngineError> {
        let Some(key) = same_key(caller, request, wanted) else { return Ok(Before::New(None)) };
        let Some(same) = self.store().same_login(key).await? else { return Ok(Before::New(Some(0))) };
        let new = Before::New(Some(same.generation));
        if same.user != user.id {
            return Ok(new);
        }
        if let Some(txid) = live(&same, now) {
            let Some(login) = self.store().login(key.account, txid).await? else { return Ok(Before::Again) };
            let source = login.source.strip_prefix("call ").unwrap_or(&login.source);
            if source != request.access.source() {
                return Ok(new);
            }
            return match self.store().commit(Job::new().step(key.joined(txid))).await.map_err(Retry::from) {
                Ok(_) => {
                    let phone = user.phones.iter().find(|phone| phone.id == login.phone);
                    let device = phone.map(|phone| phone.menu_name()).unwrap_or_default();
                    Ok(Before::Is(AuthAnswer::Started { txid, device }))
                }
                Err(Retry::Conflict(_)) => Ok(Before::Again),
                Err(Retry::Fail(error)) => Err(error),
            };
        }
        match (&same.sealed, now < same.at + GRACE) {
            (Some(sealed), true) => {
                let decided = self.opened(key, sealed)?.decided();
                Ok(decided.map_or(new, |decided| Before::Is(AuthAnswer::Decided(decided))))
            }
            (Some(_) | None, _) => Ok(new),
        }
    }

    /// Whether something was written under the login's name since it was looked for. Then that is no other login: it can be joined.
    pub(super) async fn was_named_since(&self, asked: &super::auth::Login<'_>) -> Result<bool, EngineError> {
        let (Some(key), Some(generation)) = (named(asked.caller, asked.request), asked.same) else { return Ok(false) };
        Ok(self.store().same_login(key).await?.map_or(0, |same| same.generation) != generation)
    }

    /// Writes down that a push or a call began under the login's name; nothing without one.
    pub(super) fn begun_under_name(&self, asked: &super::auth::Login<'_>, txid: TxId) -> Option<Step> {
        let key = named(asked.caller, asked.request)?;
        Some(key.begun(asked.facts.user.id, txid, asked.same?, asked.now))
    }

    /// Writes down what was decided at once under the login's name; nothing without one.
    pub(super) fn decided_under_name(
        &self,
        asked: &super::auth::Login<'_>,
        decided: &Decided,
    ) -> Result<Option<Step>, EngineError> {
        let (Some(key), Some(generation)) = (named(asked.caller, asked.request), asked.same) else { return Ok(None) };
        let text =
            serde_json::to_vec(&Sealed::of(decided, asked.now)).map_err(|_| EngineError::Invalid("login_key"))?;
        let sealed = self.store().vault().seal(key.account.as_str(), "same_login", "sealed", &row(key), &text);
        Ok(Some(key.decided(asked.facts.user.id, &sealed.map_err(EngineError::vault)?, generation, asked.now)))
    }

    /// One of several proxies gives up a login for which the others still wait. False if nobody else does.
    pub(super) async fn leave_to_others(&self, caller: &Caller, txid: TxId) -> Result<bool, EngineError> {
        self.holds(Job::new().step(one_less(caller.account.id, caller.integration.key, txid))).await
    }

    fn opened(&self, key: SameKey<'_>, sealed: &[u8]) -> Result<Sealed, EngineError> {
        let opened = self.store().vault().open(key.account.as_str(), "same_login", "sealed", &row(key), sealed);
        serde_json::from_slice(&opened.map_err(EngineError::vault)?).map_err(|_| EngineError::Invalid("login_key"))
    }
}

/// The push that may still be joined: somebody waits for it, or a person has decided it a moment ago.
fn live(same: &Same, now: Timestamp) -> Option<TxId> {
    let (txid, push) = (same.txid?, same.push?);
    let is_recent = same.closed_at.is_some_and(|at| now < at + GRACE);
    let joins = match push.at(now) {
        Push::Waiting { .. } => true,
        Push::Approved | Push::Denied | Push::Fraud | Push::Refused => is_recent,
        // Nobody has decided anything: whoever asks now begins anew.
        Push::TimedOut | Push::Cancelled => false,
    };
    joins.then_some(txid)
}

/// The name of a login that may have one: a factor by name or a code, and nothing that hangs on a menu or a number shown before.
fn same_key<'a>(caller: &Caller, request: &'a AuthRequest, wanted: &Wanted) -> Option<SameKey<'a>> {
    let may = match wanted {
        Wanted::Passcode(_) => true,
        Wanted::Factor { ticket, by_menu, .. } => ticket.is_none() && !by_menu,
        Wanted::Assertion(_) => false,
    };
    named(caller, request).filter(|_| may)
}

fn named<'a>(caller: &Caller, request: &'a AuthRequest) -> Option<SameKey<'a>> {
    let key = request.login_key.as_deref()?;
    Some(SameKey { account: caller.account.id, integration: caller.integration.key, key })
}

/// What the sealed answer is bound to.
fn row(key: SameKey<'_>) -> String {
    format!("{}{}", key.integration, key.key)
}
