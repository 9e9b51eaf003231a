//! Remembered devices: a token that stands for an earlier second factor of the same user at the same integration.
//!
//! The token carries its own proof, so that honouring it reads nothing. It is bound to account, user and integration, to the user's trust epoch (raise it
//! and every token is worthless) and to the database's generation (a restore ends them all).

use aws_lc_rs::{constant_time, hmac};
use cs_core::integration::Integration;
use cs_core::user::User;
use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};

use crate::{Engine, EngineError};

impl Engine {
    /// A token for `user` at `integration`, if the integration remembers devices.
    pub(super) fn remember(
        &self,
        integration: &Integration,
        user: &User,
        now: Timestamp,
    ) -> Result<Option<String>, EngineError> {
        let Some(days) = integration.remembered_days else { return Ok(None) };
        let until = (now + SignedDuration::from_hours(24 * i64::from(days))).as_second();
        let tag = self.trust_tag(integration, user, until)?;
        Ok(Some(format!("1.{until}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))))
    }

    /// Whether `token` is one of ours for this user and integration, and not over.
    pub(super) fn is_remembered(
        &self,
        integration: &Integration,
        user: &User,
        token: &str,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        let Some(days) = integration.remembered_days else { return Ok(false) };
        let mut parts = token.splitn(3, '.');
        let (Some("1"), Some(until), Some(tag)) = (parts.next(), parts.next(), parts.next()) else { return Ok(false) };
        let (Ok(until), Ok(tag)) = (until.parse::<i64>(), BASE64URL_NOPAD.decode(tag.as_bytes())) else {
            return Ok(false);
        };
        let left = until - now.as_second();
        // A setting shortened since counts at once.
        if left <= 0 || left > 24 * 3600 * i64::from(days) {
            return Ok(false);
        }
        let expected = self.trust_tag(integration, user, until)?;
        Ok(constant_time::verify_slices_are_equal(expected.as_ref(), &tag).is_ok())
    }

    fn trust_tag(&self, integration: &Integration, user: &User, until: i64) -> Result<hmac::Tag, EngineError> {
        let account = integration.account;
        let key =
            self.store().vault().digest(account.as_str(), "remembered-device", b"key").map_err(EngineError::vault)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let (ikey, user_id) = (integration.key.as_str(), user.id.as_str());
        // Ids have fixed lengths and numbers no separator in them, so the text is unambiguous.
        let text = format!("{account}{ikey}{user_id}:{until}:{}:{}", user.trust_epoch, self.store().generation());
        Ok(hmac::sign(&key, text.as_bytes()))
    }
}
