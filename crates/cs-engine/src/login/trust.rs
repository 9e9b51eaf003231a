//! What is remembered from an earlier login, so that nobody is asked again.
//!
//! A *token* is for clients that can keep one: it carries its own proof, so that honouring it reads nothing. A *grant for an address* is a row, for SSH, RDP and
//! VPN, whose clients keep nothing: it is for one user, one source address and one application. Both are bound to the user's trust epoch (raise it and all is
//! forgotten), to the database's generation (a restore ends them all), and to the policy that granted them and the time it granted: under another one they are void.
//! Neither is ever given for a bypass code or for another thing remembered: only a factor earns it.

use aws_lc_rs::{constant_time, hmac};
use cs_core::login::AllowReason;
use cs_core::policy::facts::Grant;
use cs_core::policy::sections::{RememberFor, RememberMethod};
use cs_core::policy::{Effective, Word as _};
use cs_core::user::User;
use cs_store::Step;
use cs_store::remembered::RememberedAddress;
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

use crate::{Access, Caller, Engine, EngineError};

impl Engine {
    /// A token for `user`, if the policy remembers for clients of this kind.
    pub(super) fn remember(
        &self,
        caller: &Caller,
        user: &User,
        effective: &Effective<'_>,
        now: Timestamp,
    ) -> Result<Option<String>, EngineError> {
        let Some(time) = token_time(effective) else { return Ok(None) };
        let Ok(until) = now.checked_add(time.duration()) else { return Ok(None) };
        let (granted_at, until) = (now.as_second(), until.as_second());
        let tag = self.trust_tag(caller, user, &granted_by(effective, time), granted_at, until)?;
        Ok(Some(format!("2.{granted_at}.{until}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))))
    }

    /// What `token` grants, if it is one of ours for this user and application under the policy in force.
    pub(super) fn browser_grant(
        &self,
        caller: &Caller,
        user: &User,
        effective: &Effective<'_>,
        token: &str,
    ) -> Result<Option<Grant>, EngineError> {
        let Some(time) = token_time(effective) else { return Ok(None) };
        let mut parts = token.splitn(4, '.');
        let (Some("2"), Some(granted_at), Some(until), Some(tag)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Ok(None);
        };
        let (Ok(granted_at), Ok(until), Ok(tag)) =
            (granted_at.parse::<i64>(), until.parse::<i64>(), BASE64URL_NOPAD.decode(tag.as_bytes()))
        else {
            return Ok(None);
        };
        let expected = self.trust_tag(caller, user, &granted_by(effective, time), granted_at, until)?;
        if constant_time::verify_slices_are_equal(expected.as_ref(), &tag).is_err() {
            return Ok(None);
        }
        let (Ok(granted_at), Ok(until)) = (Timestamp::from_second(granted_at), Timestamp::from_second(until)) else {
            return Ok(None);
        };
        Ok(Some(Grant { application: caller.integration.key, granted_at, until }))
    }

    fn trust_tag(
        &self,
        caller: &Caller,
        user: &User,
        policy: &str,
        granted_at: i64,
        until: i64,
    ) -> Result<hmac::Tag, EngineError> {
        let (account, ikey, user_id) = (caller.account.id, caller.integration.key, user.id);
        let key =
            self.store().vault().digest(account.as_str(), "remembered-device", b"key").map_err(EngineError::vault)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let generation = self.store().generation();
        // Ids have fixed lengths and numbers no separator in them, so the text is unambiguous.
        let text = format!("{account}{ikey}{user_id}:{granted_at}:{until}:{}:{generation}:{policy}", user.trust_epoch);
        Ok(hmac::sign(&key, text.as_bytes()))
    }

    /// What is remembered of the address the user comes from. Reads nothing where the policy remembers no addresses.
    pub(super) async fn address_grant(
        &self,
        caller: &Caller,
        user: &User,
        effective: &Effective<'_>,
        access: &Access,
    ) -> Result<Option<Grant>, EngineError> {
        let (Some(time), Some(address)) = (address_time(effective), access.address) else { return Ok(None) };
        let (account, ikey) = (caller.account.id, caller.integration.key);
        let Some(found) = self.store().remembered_address(account, user.id, ikey, address).await? else {
            return Ok(None);
        };
        let is_valid = found.trust_epoch == user.trust_epoch && found.policy == granted_by(effective, time);
        Ok(is_valid.then_some(Grant { application: ikey, granted_at: found.granted_at, until: found.until }))
    }

    /// Remembers the address, if the policy does and the user got in by a factor of their own.
    pub(super) fn remember_address(
        &self,
        caller: &Caller,
        user: &User,
        effective: &Effective<'_>,
        access: &Access,
        why: AllowReason,
        now: Timestamp,
    ) -> Option<Step> {
        let (time, address) = (address_time(effective)?, access.address?);
        let is_factor = match why {
            AllowReason::UserApproved | AllowReason::ValidPasscode => true,
            AllowReason::AllowUnenrolledUser
            | AllowReason::AllowUnenrolledUserOnTrustedNetwork
            | AllowReason::AllowedByPolicy
            | AllowReason::BypassUser
            | AllowReason::RememberedDevice
            | AllowReason::TrustedLocation
            | AllowReason::TrustedNetwork => false,
        };
        // Whoever leaves an anonymising network shares its address with everybody there.
        if !is_factor || self.inner.geo.is_anonymous(address) {
            return None;
        }
        let until = now.checked_add(time.duration()).ok()?;
        let grant = RememberedAddress {
            granted_at: now,
            until,
            policy: granted_by(effective, time),
            trust_epoch: user.trust_epoch,
        };
        Some(grant.insert(caller.account.id, user.id, caller.integration.key, address))
    }
}

/// How long a token holds. Remembering by risk needs a browser to watch, and these clients show none: only where someone chose to remember users is there a token.
pub(super) fn token_time(effective: &Effective<'_>) -> Option<RememberFor> {
    let apps = &effective.remembered_devices.browser_apps;
    (apps.enabled && apps.remember_method == RememberMethod::UserBased).then_some(apps.user_based)
}

fn address_time(effective: &Effective<'_>) -> Option<RememberFor> {
    let address = &effective.remembered_devices.address;
    address.enabled.then_some(address.time)
}

/// The policy that grants, and for how long: `POXXXXXXXXXXXXXXXXXX/60minutes`.
pub(super) fn granted_by(effective: &Effective<'_>, time: RememberFor) -> String {
    let level = effective.remembered_devices.level;
    let (value, unit) = (time.value, time.unit.as_str());
    match effective.policy(level) {
        Some(policy) => format!("{}/{value}{unit}", policy.key),
        None => format!("{}/{value}{unit}", level.as_str()),
    }
}
