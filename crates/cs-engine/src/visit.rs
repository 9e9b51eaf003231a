//! Somebody in a browser whom a cookie knows: what an enrollment and the portal have in common.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{constant_time, hmac};
use cs_core::id::{AccountId, UserId, VisitId};
use cs_store::Job;
use cs_store::visits::{VisitKind, VisitRow};
use data_encoding::BASE64URL_NOPAD;
use jiff::SignedDuration;
use rand_core::RngCore as _;
use zeroize::Zeroizing;

use crate::{AccountEntry, Engine, EngineError, SystemRng};

/// What a visit's cookie holds.
pub struct VisitSecret(Zeroizing<[u8; 32]>);

impl VisitSecret {
    fn generate() -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        SystemRng.fill_bytes(&mut secret[..]);
        Self(secret)
    }

    /// Reads what the cookie holds.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        Some(Self(Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?)))
    }

    /// What the cookie is to hold.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&self.0[..]))
    }

    /// 32 bytes that only this browser's visit can make, for each purpose others.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0[..]), purpose.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }
}

impl fmt::Debug for VisitSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitSecret(..)")
    }
}

/// A visit, in the browser that it belongs to.
pub(crate) struct Visiting {
    pub(crate) account: AccountEntry,
    pub(crate) row: VisitRow,
    pub(crate) secret: VisitSecret,
}

impl Visiting {
    /// The proof that goes along with the forms of this step.
    pub(crate) fn step_token(&self) -> String {
        let proof = self.secret.derive(&format!("step:{}", self.row.version));
        format!("{}.{}", self.row.version, BASE64URL_NOPAD.encode(&proof))
    }

    /// The proof that goes along with every form, whichever tab it is in.
    pub(crate) fn form_token(&self) -> String {
        BASE64URL_NOPAD.encode(&self.secret.derive("form"))
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
        self.store().vault().digest(account.as_str(), "visit", &secret.0[..]).map_err(EngineError::vault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_was_written_and_is_not_printed() {
        let secret = VisitSecret::generate();
        let text = secret.expose();
        assert_eq!(*VisitSecret::parse(&text).unwrap().0, *secret.0);
        assert!(!format!("{secret:?}").contains(text.as_str()));
        for wrong in ["", "AAAA", &text[1..], &format!("{}A", *text)] {
            assert!(VisitSecret::parse(wrong).is_none());
        }
        assert_ne!(secret.derive("step:1"), secret.derive("step:2"));
    }
}
