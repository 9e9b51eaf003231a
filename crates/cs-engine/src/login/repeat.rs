//! A request sent again under its idempotency key: a passcode is judged once, and whoever lost the answer gets the same.
//!
//! Pushes need none of this: their row carries the key (see `push`).

use cs_core::login::FactorRequest;
use cs_core::user::User;
use cs_store::Step;
use cs_store::answers::{AnswerKey, KeptAnswer};
use jiff::Timestamp;

use super::decided::Decided;
use super::deferred::Sealed;
use super::request::{AuthRequest, Wanted};
use crate::{Caller, Engine, EngineError};

impl Engine {
    /// What was decided at once under the request's key; [`EngineError::IdempotencyMismatch`] if that request was another one.
    ///
    /// Whether the rules have come to refuse the user meanwhile is for the caller to look at.
    pub(super) async fn repeated(
        &self,
        caller: &Caller,
        request: &AuthRequest,
        wanted: &Wanted,
        user: &User,
    ) -> Result<Option<Decided>, EngineError> {
        let Some(key) = answer_key(caller, request, user) else { return Ok(None) };
        if let Some(kept) = self.store().kept_answer(key).await? {
            if kept.request_digest != request.digest {
                return Err(EngineError::IdempotencyMismatch);
            }
            let opened = self.store().vault().open(key.account.as_str(), "answer", "sealed", &row(key), &kept.sealed);
            let sealed: Sealed = serde_json::from_slice(&opened.map_err(EngineError::vault)?)
                .map_err(|_| EngineError::Invalid("idempotency_key"))?;
            return Ok(sealed.decided());
        }
        if matches!(wanted, Wanted::Passcode(_) | Wanted::Factor { request: FactorRequest::Sms, .. }) {
            // The key of a push: that was another request.
            let push = self.store().login_by_idempotency_key(key.account, key.integration, key.user, key.key).await?;
            if push.is_some() {
                return Err(EngineError::IdempotencyMismatch);
            }
        }
        Ok(None)
    }

    /// Keeps what is being decided for the same request sent again; nothing without a key. Does not hold if that happened meanwhile.
    pub(super) fn keep_answer(
        &self,
        caller: &Caller,
        request: &AuthRequest,
        user: &User,
        decided: &Decided,
        now: Timestamp,
    ) -> Result<Option<Step>, EngineError> {
        let Some(key) = answer_key(caller, request, user) else { return Ok(None) };
        let text =
            serde_json::to_vec(&Sealed::of(decided, now)).map_err(|_| EngineError::Invalid("idempotency_key"))?;
        let sealed = self.store().vault().seal(key.account.as_str(), "answer", "sealed", &row(key), &text);
        let kept = KeptAnswer { request_digest: request.digest, sealed: sealed.map_err(EngineError::vault)? };
        Ok(Some(kept.insert(key, now)))
    }
}

fn answer_key<'a>(caller: &Caller, request: &'a AuthRequest, user: &User) -> Option<AnswerKey<'a>> {
    let key = request.idempotency_key.as_deref()?;
    Some(AnswerKey { account: caller.account.id, integration: caller.integration.key, user: user.id, key })
}

/// What the sealed answer is bound to. Ids have fixed lengths, so the text is unambiguous.
fn row(key: AnswerKey<'_>) -> String {
    format!("{}{}{}", key.integration, key.user, key.key)
}
