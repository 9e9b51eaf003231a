//! A decision that is made but fetched later: an asynchronous client wants a transaction id whatever the factor, also for a passcode that is judged at once.
//!
//! The decision itself is in the log already, so nothing needs to be kept: the id *is* the decision, sealed for the integration that asked, for a short time.

use cs_core::login::{AllowReason, Denial, DenyReason, PUSH_TTL};
use cs_core::policy::{Method, Word as _};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Refused;
use super::decided::{Decided, Why};
use crate::{Caller, Engine, EngineError};

/// Tells these ids from those of pushes.
const PREFIX: &str = "d.";
/// The longest one: clients keep less than 256 bytes.
const MAX_BYTES: usize = 255;

/// One decision; short names because the whole must be.
#[derive(Serialize, Deserialize)]
pub(super) struct Sealed {
    /// Good until, unix seconds.
    e: i64,
    /// Allowed: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<String>,
    /// Refused: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<String>,
    /// The reference of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<String>,
    /// Codes were sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    s: bool,
    /// What a code turned out to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<String>,
    /// The token for the next login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<String>,
}

impl Engine {
    /// An id under which the caller can fetch `decided`, as long as a push could have been answered.
    pub fn defer(&self, caller: &Caller, decided: &Decided) -> Result<String, EngineError> {
        let sealed = Sealed::of(decided, self.clock().now() + PUSH_TTL);
        let text = serde_json::to_vec(&sealed).map_err(|_| EngineError::Invalid("txid"))?;
        let (account, ikey) = (caller.account.id, caller.integration.key);
        let vault = self.store().vault();
        let sealed =
            vault.seal(account.as_str(), "login", "deferred", ikey.as_str(), &text).map_err(EngineError::vault)?;
        Ok(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&sealed)))
    }

    /// The decision behind an id that [`Engine::defer`] made for this caller; [`EngineError::NotFound`] if it is none or over.
    pub fn deferred(&self, caller: &Caller, id: &str) -> Result<Decided, EngineError> {
        let encoded = id.strip_prefix(PREFIX).filter(|_| id.len() <= MAX_BYTES).ok_or(EngineError::NotFound)?;
        let sealed = BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| EngineError::NotFound)?;
        let (account, ikey) = (caller.account.id, caller.integration.key);
        let opened = self.store().vault().open(account.as_str(), "login", "deferred", ikey.as_str(), &sealed);
        let text = opened.map_err(|_| EngineError::NotFound)?;
        let sealed: Sealed = serde_json::from_slice(&text).map_err(|_| EngineError::NotFound)?;
        if self.clock().now().as_second() > sealed.e {
            return Err(EngineError::NotFound);
        }
        sealed.decided().ok_or(EngineError::NotFound)
    }
}

impl Sealed {
    pub(super) fn of(decided: &Decided, until: Timestamp) -> Self {
        let (allowed, denied) = match decided.why {
            Why::Allowed(why) => (Some(why.as_str().to_owned()), None),
            Why::Denied(reason) => (None, Some(reason.as_str().to_owned())),
            Why::Sent => (None, None),
        };
        Self {
            e: until.as_second(),
            a: allowed,
            d: denied,
            r: decided.reference.clone(),
            s: decided.why == Why::Sent,
            m: decided.by.map(|method| method.as_str().to_owned()),
            t: decided.trusted_device_token.clone(),
        }
    }

    pub(super) fn decided(self) -> Option<Decided> {
        match (self.a.as_deref().and_then(AllowReason::parse), self.d.as_deref().and_then(DenyReason::parse)) {
            (Some(why), None) => {
                let by = self.m.as_deref().and_then(Method::parse);
                Some(Decided { trusted_device_token: self.t, by, ..Decided::let_in(why) })
            }
            (None, None) if self.s => Some(Decided::sent()),
            (None, Some(reason)) => {
                let denial = Denial::new(reason, String::new());
                Some(Decided::refused(&Refused { denial, reference: self.r.unwrap_or_default() }))
            }
            (Some(_), Some(_)) | (None, None) => None,
        }
    }
}
