//! Somebody in a browser whom a cookie knows: what an enrollment and the portal have in common.

use std::sync::Arc;

use aws_lc_rs::constant_time;
use cs_core::id::{AccountId, UserId, VisitId};
use cs_store::Job;
use cs_store::visits::{VisitKind, VisitRow};
use data_encoding::BASE64URL_NOPAD;
use jiff::SignedDuration;

use crate::cookie::CookieSecret;
use crate::{AccountEntry, Engine, EngineError, SystemRng};

/// What a visit's cookie holds.
pub type VisitSecret = CookieSecret<VisitId>;

/// A visit, in the browser that it belongs to.
pub(crate) struct Visiting {
    pub(crate) account: AccountEntry,
    pub(crate) row: VisitRow,
    pub(crate) secret: VisitSecret,
}

impl Visiting {
    /// The proof that goes along with the forms of this step.
    pub(crate) fn step_token(&self) -> String {
        format!("{}.{}", self.row.version, self.secret.proof("step", self.row.version))
    }

    /// The proof that goes along with every form, whichever tab it is in.
    pub(crate) fn form_token(&self) -> String {
        BASE64URL_NOPAD.encode(&self.secret.derive("form")[..])
    }
}

/// Compares without telling how much of it was right.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

impl Engine {
    /// Begins a visit. A new secret every time: whatever cookie the browser had before is worth nothing here.
    pub(crate) async fn begin_visit(
        &self,
        account: AccountId,
        kind: VisitKind,
        user: UserId,
        state: String,
        lasts: SignedDuration,
    ) -> Result<(VisitId, VisitSecret), EngineError> {
        let (id, secret, now) = (VisitId::generate(&mut SystemRng), VisitSecret::generate(), self.clock().now());
        let secret_digest = self.visit_digest(account, &secret)?;
        let expires_at = now + lasts;
        let row = VisitRow { account, id, secret_digest, kind, user, state, version: 1, created_at: now, expires_at };
        if self.holds(Job::new().step(row.insert())).await? { Ok((id, secret)) } else { Err(EngineError::Contention) }
    }

    /// The visit `id`, if `secret` is its browser's and it is not over. Without the secret there is none, whoever asks.
    pub(crate) async fn visiting(
        &self,
        account: &AccountEntry,
        kind: VisitKind,
        id: VisitId,
        secret: VisitSecret,
    ) -> Result<Option<Visiting>, EngineError> {
        let Some(row) = self.store().visit(account.id, id).await? else { return Ok(None) };
        let digest = self.visit_digest(account.id, &secret)?;
        let is_its = constant_time::verify_slices_are_equal(&digest, &row.secret_digest).is_ok();
        let is_on = row.kind == kind && row.expires_at > self.clock().now();
        Ok((is_its && is_on).then(|| Visiting { account: Arc::clone(account), row, secret }))
    }

    fn visit_digest(&self, account: AccountId, secret: &VisitSecret) -> Result<[u8; 32], EngineError> {
        self.store().vault().digest(account.as_str(), "visit", secret.bytes()).map_err(EngineError::vault)
    }
}
