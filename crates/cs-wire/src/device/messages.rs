//! The protocol's bodies and signed payloads, member for member as `docs/device-protocol.md` has them.
//!
//! What the server reads refuses unknown members; what a device reads ignores them, so that a
//! newer server can say more to an older device. Times are whole unix seconds.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::activation::ActivationCode;
use super::bytes::{Digest, Nonce, OtpSeed};
use super::jws::{Payload, Typ};
use super::key::Jwk;
use super::moves::MoveNotice;
use super::statement::Statement;

/// The protocol's version: written as the number 1, and no other number is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum ProtocolVersion {
    /// Version 1.
    #[default]
    V1,
}

impl From<ProtocolVersion> for u8 {
    fn from(version: ProtocolVersion) -> Self {
        match version {
            ProtocolVersion::V1 => 1,
        }
    }
}

impl TryFrom<u8> for ProtocolVersion {
    type Error = UnknownVersion;

    fn try_from(number: u8) -> Result<Self, UnknownVersion> {
        match number {
            1 => Ok(Self::V1),
            _ => Err(UnknownVersion),
        }
    }
}

/// A protocol version that this software does not speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol version")]
pub struct UnknownVersion;

/// Body of `POST /authenticator/v1/activate`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivateRequest {
    /// The one-time code.
    pub code: ActivationCode,
    /// The device's public key.
    pub key: Jwk,
    /// A JWS over [`ActivatePayload`], made with that key.
    pub proof: String,
    /// What the device says about itself.
    pub device: DeviceInfo,
    /// Which of the user's devices it takes the place of, where the code is of a move and several could be meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// What an activation's proof signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivatePayload {
    /// Protocol version.
    pub v: ProtocolVersion,
    /// The one-time code.
    pub code: ActivationCode,
    /// The origin the request is sent to.
    pub origin: String,
    /// When it was signed.
    pub iat: i64,
    /// RFC 7638 thumbprint of the key.
    pub key: Digest,
}

impl Payload for ActivatePayload {
    const TYP: Typ = Typ::Activate;
    const MAX_JWS_BYTES: usize = 4 * 1024;
}

/// What a device says about itself when it is activated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceInfo {
    /// The kind of authenticator.
    pub class: DeviceClass,
    /// The person's name for the device.
    pub name: String,
    /// Operating system or browser, as text for people.
    pub platform: String,
    /// The authenticator's own version.
    pub app_version: String,
    /// Where the private key lives.
    pub key_protection: KeyProtection,
    /// Where the device can be woken, if it can.
    pub push: Option<PushSubscription>,
}

/// The kind of authenticator: a fact for policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceClass {
    /// The installable web page.
    Pwa,
    /// The command line, with a person before it.
    Cli,
    /// The command line, without one.
    Automation,
    /// A native application.
    Native,
}

/// Where a device's private key lives: a fact for policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyProtection {
    /// A file of its owner's.
    File,
    /// WebCrypto, not extractable.
    Browser,
    /// A trusted platform module.
    Tpm,
    /// A secure element.
    SecureElement,
    /// The device does not say.
    Unknown,
}

impl DeviceClass {
    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pwa => "pwa",
            Self::Cli => "cli",
            Self::Automation => "automation",
            Self::Native => "native",
        }
    }
}

impl KeyProtection {
    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Browser => "browser",
            Self::Tpm => "tpm",
            Self::SecureElement => "secure_element",
            Self::Unknown => "unknown",
        }
    }
}

/// A Web Push subscription, as a browser's `PushSubscription` gives it (RFC 8030, RFC 8291).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushSubscription {
    /// The push service's URL for this device.
    pub endpoint: String,
    /// The device's P-256 public key for message encryption, base64url.
    pub p256dh: String,
    /// The authentication secret, base64url.
    pub auth: String,
}

impl fmt::Debug for PushSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who holds endpoint and secret can wake the device with his own words.
        f.write_str("PushSubscription(..)")
    }
}

/// The answer to an activation.
#[derive(Debug, Serialize, Deserialize)]
pub struct ActivateResponse {
    /// The device's id, `DP…`: its `kid` from now on.
    pub device_id: String,
    /// The account the device is bound to.
    pub account: Account,
    /// The user it is bound to.
    pub user: User,
    /// The origin that signed requests name as their audience.
    pub origin: String,
    /// The server's clock.
    pub server_time: i64,
    /// The passcode generator's parameters, with its seed.
    pub otp: OtpParameters,
    /// What the person compares.
    pub confirm: Confirm,
}

/// An account, as a device sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// `DA…`.
    pub id: String,
    /// Its name, for people.
    pub name: String,
}

/// A user, as a device sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user name.
    pub name: String,
}

/// The short string that the enrolling page and the device both show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// See [`confirm_phrase`](super::confirm_phrase).
    pub phrase: String,
    /// Whether the device is inert until the person has confirmed.
    pub required: bool,
}

/// How the device computes passcodes (RFC 4226, RFC 6238; HMAC-SHA1).
#[derive(Debug, Serialize, Deserialize)]
pub struct OtpParameters {
    /// The shared secret.
    pub seed: OtpSeed,
    /// Generator and moving factor.
    #[serde(flatten)]
    pub state: OtpState,
}

/// A passcode generator without its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum OtpState {
    /// Counter-based.
    Hotp {
        /// Digits of a code.
        digits: u8,
        /// The counter of the next code.
        counter: u64,
    },
    /// Time-based.
    Totp {
        /// Digits of a code.
        digits: u8,
        /// Seconds of a time step.
        period: u32,
    },
}

/// What `Authorization: Device` signs: one HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestPayload {
    /// Protocol version.
    pub v: ProtocolVersion,
    /// The server's origin.
    pub aud: String,
    /// The method.
    pub htm: String,
    /// The path with its query, as sent.
    pub htu: String,
    /// When it was signed.
    pub iat: i64,
    /// Makes the proof one of its kind.
    pub jti: Nonce,
    /// SHA-256 of the body.
    pub bsha: Digest,
}

impl Payload for RequestPayload {
    const TYP: Typ = Typ::Request;
    const MAX_JWS_BYTES: usize = 4 * 1024;
}

/// Answer to `GET /authenticator/v1/requests`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestsResponse {
    /// The server's clock.
    pub server_time: i64,
    /// The logins waiting for this device.
    pub requests: Vec<Request>,
}

/// A login that waits for this device; also the data of the `request` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The login's id.
    pub txid: String,
    /// When it began.
    pub created: i64,
    /// When an answer comes too late.
    pub expires: i64,
    /// Digits to type from the other screen; 0 is plain approval.
    pub digits: u8,
    /// The origin of the pages on which people log in, where there are digits: the one of this very browser can be asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<String>,
    /// What is to be signed.
    pub statement: Statement,
}

/// Data of the `closed` event; [`ErrorDetail`](super::ErrorDetail) uses the same states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedEvent {
    /// The login's id.
    pub txid: String,
    /// How it ended.
    pub state: ClosedState,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedState {
    /// Approved.
    Approved,
    /// Denied.
    Denied,
    /// Reported as fraud.
    Fraud,
    /// Nobody answered in time.
    TimedOut,
    /// Ended by the side that logs in.
    Cancelled,
}

/// Body of `POST /authenticator/v1/requests/{txid}/answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// A JWS over [`AnswerPayload`](super::AnswerPayload).
    pub answer: String,
}

/// Answer to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerResponse {
    /// What was recorded.
    pub result: AnswerResult,
}

/// What was recorded for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerResult {
    /// The login was approved.
    Approved,
    /// The login was denied.
    Denied,
    /// The login was reported as fraud.
    Fraud,
}

/// Answer to `GET` and `POST /authenticator/v1/device`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// `DP…`.
    pub device_id: String,
    /// The person's name for it.
    pub name: String,
    /// Whose it is.
    pub user: User,
    /// The account it is bound to.
    pub account: Account,
    /// Whether it may answer logins.
    pub active: bool,
    /// Until when an administrator lets it approve by itself.
    pub auto_approve_until: Option<i64>,
    /// The passcode generator, without its seed.
    pub otp: OtpState,
    /// How it can be woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushStatus>,
    /// Other devices of the user's that were brought to new ones of late.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<MoveNotice>,
    /// What it can show codes for while the server is away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outages: Vec<OutageCodes>,
}

/// A group of proxies that check codes by themselves while the server is away. Its seed is made from the device's own
/// (docs/device-protocol.md), so it is not said here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutageCodes {
    /// The group's name, of which its seed is made.
    pub group: String,
    /// What its person logs in to there.
    pub applications: Vec<String>,
}

/// How a device can be woken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushStatus {
    /// The server's public key (RFC 8292), which a browser ties its subscription to: a point of P-256, base64url.
    pub key: String,
    /// Whether the server has a subscription of this device.
    pub subscribed: bool,
}

/// Body of `POST /authenticator/v1/requests/{txid}/receipt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// How far the login has come.
    pub state: ReceiptState,
}

/// A test that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResponse {
    /// The request's id: it is among those that wait, with the type `Test`.
    pub txid: String,
    /// Whether a push service was asked to wake the device.
    pub wakes: bool,
}

/// How far a test has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestState {
    /// `queued`, `accepted`, `delivered` or `shown`.
    pub state: String,
    /// Whether the push service took its message, whatever the device has fetched by itself.
    pub accepted: bool,
}

/// How far a login has come on its way to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// The device has it.
    Delivered,
    /// The person has it before their eyes.
    Shown,
}

/// What a wake-up says, inside its encryption: where to look, and nothing of the login itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// Protocol version.
    pub v: ProtocolVersion,
    /// The device that is asked, `DP…`: a phone may have several accounts.
    pub device: String,
    /// The login's id.
    pub txid: String,
    /// When an answer comes too late.
    pub expires: i64,
    /// It is not for a login, but because this device of the user's was brought to another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<String>,
    /// That device was added, rather than brought to another one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub added: bool,
}

/// Body of `POST /authenticator/v1/device`: what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceUpdate {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The authenticator was updated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// A new subscription, or `Some(None)` (null) to give it up.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub push: Option<Option<PushSubscription>>,
    /// Facts about the device's state, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posture: Option<BTreeMap<String, serde_json::Value>>,
}

/// Body of `POST /authenticator/v1/exceptions`: the person asks for an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewException {
    /// For what.
    pub kind: ExceptionKind,
    /// Why, for the administrator.
    pub reason: String,
    /// For how long.
    pub seconds: i64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionKind {
    /// No second factor for a time.
    Bypass,
    /// A code that is good once.
    Code,
}

/// Answer to `GET /authenticator/v1/exceptions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionsResponse {
    /// The user's newest requests, newest first.
    pub exceptions: Vec<ExceptionStatus>,
}

/// A request for an exception, as it stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionStatus {
    /// `DQ…`.
    pub id: String,
    /// For what.
    pub kind: ExceptionKind,
    /// Why.
    pub reason: String,
    /// `waiting`, `approved`, `refused` or `expired`.
    pub state: String,
    /// When it was asked.
    pub created: i64,
    /// Until when it can be decided.
    pub expires: i64,
    /// Until when it was granted.
    pub until: Option<i64>,
    /// What the administrator wrote.
    pub note: Option<String>,
    /// The bypass code, for the device that asked, while it works.
    pub code: Option<String>,
}

impl fmt::Debug for ExceptionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The code is a secret.
        f.debug_struct("ExceptionStatus").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// Tells a member that is null from one that is absent.
fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_activation_is_read_as_documented() {
        let body = json!({
            "code": "Abcdefghij0123456789",
            "key": {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                    "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"},
            "proof": "a.b.c",
            "device": {"class":"cli","name":"alice's laptop","platform":"Linux","app_version":"0.1.0",
                       "key_protection":"file","push":null}
        });
        let request: ActivateRequest = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(request.device.class, DeviceClass::Cli);
        assert_eq!(serde_json::to_value(&request).unwrap(), body);
        let mut more = body;
        more["device"]["root"] = json!(true);
        assert!(serde_json::from_value::<ActivateRequest>(more).is_err());
    }

    #[test]
    fn an_activation_answer_is_as_documented() {
        let body = json!({
            "device_id":"DP1","account":{"id":"DA1","name":"Example"},"user":{"name":"alice"},
            "origin":"https://auth.example.org","server_time":1_790_000_000,
            "otp":{"kind":"hotp","seed":"AAECAwQFBgcICQoLDA0ODw","digits":6,"counter":0},
            "confirm":{"phrase":"otter-plum-42","required":false}
        });
        let answer: ActivateResponse = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(answer.otp.state, OtpState::Hotp { digits: 6, counter: 0 });
        assert_eq!(answer.otp.seed.expose().len(), 16);
        assert_eq!(serde_json::to_value(&answer).unwrap(), body);
    }

    #[test]
    fn device_status_and_update_are_as_documented() {
        let status = DeviceStatus {
            device_id: "DP1".into(),
            name: "laptop".into(),
            user: User { name: "alice".into() },
            account: Account { id: "DA1".into(), name: "Example".into() },
            active: true,
            auto_approve_until: None,
            otp: OtpState::Totp { digits: 6, period: 30 },
            push: Some(PushStatus { key: "BA1H".into(), subscribed: false }),
            moves: Vec::new(),
            outages: Vec::new(),
        };
        assert_eq!(
            serde_json::to_value(&status).unwrap(),
            json!({"device_id":"DP1","name":"laptop","user":{"name":"alice"},
                   "account":{"id":"DA1","name":"Example"},"active":true,"auto_approve_until":null,
                   "otp":{"kind":"totp","digits":6,"period":30},"push":{"key":"BA1H","subscribed":false}})
        );
        let receipt = |text: &str| serde_json::from_str::<Receipt>(text).ok().map(|receipt| receipt.state);
        assert_eq!(receipt(r#"{"state":"shown"}"#), Some(ReceiptState::Shown));
        assert_eq!(receipt(r#"{"state":"accepted"}"#), None, "that is the push service's to say");
        let update = |text: &str| serde_json::from_str::<DeviceUpdate>(text).unwrap();
        assert_eq!(update("{}"), DeviceUpdate::default());
        assert_eq!(update(r#"{"push":null}"#).push, Some(None));
        assert!(serde_json::from_str::<DeviceUpdate>(r#"{"active":true}"#).is_err());
    }

    #[test]
    fn words_of_the_wire_agree_with_serde() {
        for class in [DeviceClass::Pwa, DeviceClass::Cli, DeviceClass::Automation, DeviceClass::Native] {
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
        for place in [
            KeyProtection::File,
            KeyProtection::Browser,
            KeyProtection::Tpm,
            KeyProtection::SecureElement,
            KeyProtection::Unknown,
        ] {
            assert_eq!(serde_json::to_value(place).unwrap(), place.as_str());
        }
        assert_eq!(serde_json::to_value(ClosedState::TimedOut).unwrap(), "timed_out");
    }
}
