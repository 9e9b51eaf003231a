//! The objects of the Admin API as they are written.

use cs_core::group::GroupStatus;
use cs_core::lockout::Lock;
use cs_core::otp::OtpScheme;
use cs_core::telephony::is_dialable;
use cs_core::user::{DefaultFactor, UserStatus};
use cs_core::webauthn::Credential as WebauthnCredential;
use cs_engine::telephony::Telephony;
use cs_store::bypass_codes::BypassCodeRecord;
use cs_store::groups::GroupRecord;
use cs_store::phones::PhoneRecord;
use cs_store::tokens::TokenRecord;
use cs_store::users::UserRecord;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// A user without what is attached to it: so it stands inside phones, tokens and bypass codes.
#[derive(Debug, Serialize)]
pub(super) struct BareUser {
    user_id: String,
    username: String,
    alias1: Option<String>,
    alias2: Option<String>,
    alias3: Option<String>,
    alias4: Option<String>,
    aliases: Map<String, Json>,
    realname: Option<String>,
    firstname: Option<String>,
    lastname: Option<String>,
    email: String,
    notes: String,
    status: &'static str,
    is_enrolled: bool,
    created: i64,
    last_login: Option<i64>,
    last_directory_sync: Option<i64>,
    lockout_reason: Option<&'static str>,
    enable_auto_prompt: bool,
    custom_attributes: Map<String, Json>,
    /// Ours: what `auto` stands for.
    default_factor: Option<&'static str>,
    /// Ours: why the user is in bypass, and until when; null = for ever.
    bypass_reason: Option<String>,
    bypass_until: Option<i64>,
}

impl BareUser {
    pub(super) fn new(user: UserRecord, is_enrolled: bool, now: Timestamp) -> Self {
        let alias = |slot: u8| user.aliases.get(&slot).cloned();
        let is_locked = user.lockout.check(now).is_err();
        let lockout_reason = match user.lockout.lock {
            Lock::ByAdministrator { .. } => Some("Locked out by an administrator"),
            Lock::Until { .. } | Lock::Indefinite { .. } if is_locked => Some("Failed Attempts"),
            Lock::Until { .. } | Lock::Indefinite { .. } | Lock::Open => None,
        };
        let current = user.status_at(now);
        let status = match current {
            UserStatus::Active | UserStatus::Bypass if is_locked => "locked out",
            UserStatus::Active | UserStatus::Bypass | UserStatus::Disabled | UserStatus::PendingDeletion => {
                current.as_str()
            }
        };
        let bypass = user.bypass.as_ref().filter(|_| current == UserStatus::Bypass);
        let bypass_until = bypass.and_then(|bypass| bypass.term.until).map(Timestamp::as_second);
        let bypass_reason = bypass.map(|bypass| bypass.reason.clone());
        Self {
            user_id: user.id.to_string(),
            alias1: alias(1),
            alias2: alias(2),
            alias3: alias(3),
            alias4: alias(4),
            aliases: user.aliases.iter().map(|(slot, name)| (format!("alias{slot}"), name.clone().into())).collect(),
            username: user.username,
            realname: user.realname,
            firstname: user.firstname,
            lastname: user.lastname,
            email: user.email,
            notes: user.notes,
            status,
            is_enrolled,
            created: user.created_at.as_second(),
            last_login: user.last_login.map(Timestamp::as_second),
            last_directory_sync: None,
            lockout_reason,
            enable_auto_prompt: user.auto_prompt,
            custom_attributes: user.custom,
            default_factor: user.default_factor.map(DefaultFactor::as_str),
            bypass_reason,
            bypass_until,
        }
    }
}

impl BareUser {
    /// The same, last synced at `at`.
    pub(super) fn synced(self, at: Option<Timestamp>) -> Self {
        Self { last_directory_sync: at.map(Timestamp::as_second), ..self }
    }
}

/// A user with everything.
#[derive(Debug, Serialize)]
pub(super) struct User {
    #[serde(flatten)]
    pub(super) user: BareUser,
    pub(super) groups: Vec<Group>,
    pub(super) phones: Vec<BarePhone>,
    pub(super) tokens: Vec<BareToken>,
    pub(super) u2ftokens: [(); 0],
    pub(super) webauthncredentials: Vec<BareCredential>,
    pub(super) desktoptokens: [(); 0],
    pub(super) desktop_authenticators: [(); 0],
}

#[derive(Debug, Serialize)]
pub(super) struct Group {
    group_id: String,
    name: String,
    desc: String,
    status: &'static str,
    mobile_otp_enabled: bool,
    push_enabled: bool,
    sms_enabled: bool,
    voice_enabled: bool,
    /// Ours, as for users.
    bypass_reason: Option<String>,
    bypass_until: Option<i64>,
}

impl Group {
    pub(super) fn new(group: GroupRecord, now: Timestamp) -> Self {
        let status = group.status_at(now);
        let bypass = group.bypass.filter(|_| status == GroupStatus::Bypass);
        Self {
            group_id: group.id.to_string(),
            name: group.name,
            desc: group.description,
            status: status.as_str(),
            mobile_otp_enabled: false,
            push_enabled: false,
            sms_enabled: false,
            voice_enabled: false,
            bypass_until: bypass.as_ref().and_then(|bypass| bypass.term.until).map(Timestamp::as_second),
            bypass_reason: bypass.map(|bypass| bypass.reason),
        }
    }
}

/// A phone without its users: so it stands inside users.
#[derive(Debug, Serialize)]
pub(super) struct BarePhone {
    phone_id: String,
    number: String,
    extension: String,
    name: String,
    predelay: Option<String>,
    postdelay: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    platform: String,
    activated: bool,
    capabilities: Vec<&'static str>,
    sms_passcodes_sent: bool,
    model: String,
    last_seen: String,
    encrypted: &'static str,
    fingerprint: &'static str,
    screenlock: &'static str,
    tampered: &'static str,
    /// Ours: whose it is, where several people share one user.
    owner: String,
    /// Ours: until when the device may answer by itself.
    auto_approve_until: Option<i64>,
}

impl BarePhone {
    /// A phone, where `telephony` says what a gateway can do.
    pub(super) fn new(phone: PhoneRecord, telephony: &Telephony) -> Self {
        let (call, text) = (takes_calls(&phone, telephony), takes_messages(&phone, telephony));
        let device = phone.authenticator.filter(|device| device.confirmed);
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            phone_id: phone.id.to_string(),
            number: phone.number,
            extension: phone.extension,
            name: phone.name,
            predelay: filled(phone.predelay),
            postdelay: filled(phone.postdelay),
            kind: phone.kind,
            platform: phone.platform,
            activated: device.is_some(),
            capabilities: [
                ("auto", device.is_some() || call),
                ("push", device.is_some()),
                ("sms", text),
                ("phone", call),
                ("mobile_otp", device.is_some()),
            ]
            .into_iter()
            .filter(|(_, can)| *can)
            .map(|(capability, _)| capability)
            .collect(),
            sms_passcodes_sent: phone.has_sms_codes,
            model: phone.model,
            last_seen: phone.last_seen.map(without_zone).unwrap_or_default(),
            encrypted: "Unknown",
            fingerprint: "Unknown",
            screenlock: "Unknown",
            tampered: "Unknown",
            owner: phone.owner,
            auto_approve_until: device.and_then(|device| device.auto_approve_until).map(Timestamp::as_second),
        }
    }
}

/// Whether a gateway can call `phone`.
pub(super) fn takes_calls(phone: &PhoneRecord, telephony: &Telephony) -> bool {
    telephony.calls && is_dialable(&phone.number)
}

/// Whether a gateway can send it a message.
pub(super) fn takes_messages(phone: &PhoneRecord, telephony: &Telephony) -> bool {
    telephony.sms && is_dialable(&phone.number) && phone.kind != "Landline"
}

/// UTC to the second, without saying so: "2022-02-17T16:42:38".
fn without_zone(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A phone with its users.
#[derive(Debug, Serialize)]
pub(super) struct Phone {
    #[serde(flatten)]
    pub(super) phone: BarePhone,
    pub(super) users: Vec<BareUser>,
}

/// A token without its users.
#[derive(Debug, Serialize)]
pub(super) struct BareToken {
    token_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    serial: String,
    totp_step: Option<u32>,
    /// Ours: whose it is, where several people share one user.
    owner: String,
}

impl From<TokenRecord> for BareToken {
    fn from(token: TokenRecord) -> Self {
        let totp_step = match token.kind.scheme() {
            OtpScheme::Totp(_) => Some(token.step_secs),
            OtpScheme::Hotp(_) | OtpScheme::Yubico => None,
        };
        Self {
            token_id: token.id.to_string(),
            kind: token.kind.as_str(),
            serial: token.serial,
            totp_step,
            owner: token.owner,
        }
    }
}

/// A token with its users.
#[derive(Debug, Serialize)]
pub(super) struct Token {
    #[serde(flatten)]
    pub(super) token: BareToken,
    pub(super) users: Vec<BareUser>,
    /// Tokens belong to users only.
    pub(super) admins: [(); 0],
}

/// A WebAuthn credential without its user: so it stands inside users.
#[derive(Debug, Serialize)]
pub(super) struct BareCredential {
    webauthnkey: String,
    credential_name: String,
    date_added: i64,
    label: String,
    uv_capable: bool,
    passwordless_authorized: bool,
    /// Ours: the model, all zeros where it does not say.
    aaguid: String,
    /// Ours: when it last let its user in.
    last_used: Option<i64>,
    /// Ours: whether its maker keeps copies of the key.
    backed_up: bool,
    /// Ours: since when it is refused, because its counter went back.
    cloned: Option<i64>,
}

impl From<WebauthnCredential> for BareCredential {
    fn from(credential: WebauthnCredential) -> Self {
        Self {
            webauthnkey: credential.key.to_string(),
            passwordless_authorized: credential.is_passwordless(),
            credential_name: credential.name,
            date_added: credential.created_at.as_second(),
            label: credential.label,
            uv_capable: credential.verifies,
            aaguid: credential.aaguid.to_string(),
            last_used: credential.last_used.map(Timestamp::as_second),
            backed_up: credential.backed_up,
            cloned: credential.cloned_at.map(Timestamp::as_second),
        }
    }
}

/// A WebAuthn credential with its user.
#[derive(Debug, Serialize)]
pub(super) struct Credential {
    #[serde(flatten)]
    pub(super) credential: BareCredential,
    pub(super) user: Option<BareUser>,
    /// Credentials belong to users only.
    pub(super) admin: Option<()>,
}

#[derive(Debug, Serialize)]
pub(super) struct BypassCodeObject {
    bypass_code_id: String,
    admin_email: String,
    created: i64,
    expiration: Option<i64>,
    reuse_count: Option<i64>,
    /// Ours: why it was made.
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<BareUser>,
}

impl BypassCodeObject {
    /// With its user where the list is not that user's own.
    pub(super) fn new(code: BypassCodeRecord, user: Option<BareUser>) -> Self {
        Self {
            bypass_code_id: code.id.to_string(),
            admin_email: code.created_by,
            created: code.created_at.as_second(),
            expiration: code.expires_at.map(Timestamp::as_second),
            reuse_count: code.uses_left,
            reason: code.reason,
            user,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_has_seconds() {
        let time = Timestamp::from_millisecond(1_645_116_158_900).unwrap();
        assert_eq!(without_zone(time), "2022-02-17T16:42:38");
    }
}
