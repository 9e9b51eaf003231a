//! Bringing an account to another device: by a recovery code or a passkey, and what the devices before and beside it hear of that.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::activation::ActivationCode;
use super::bytes::Nonce;
use super::messages::{Account, User};

/// Body of `POST /authenticator/v1/move/passkey`: asks for what a passkey is to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovePasskeyRequest {
    /// Made by the device for this one attempt; what is begun with it is finished with it alone.
    pub session: Nonce,
}

/// What a passkey is to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovePasskeyResponse {
    /// For [`MoveProof::Passkey`].
    pub ceremony: String,
    /// `PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3, section 5.1.9).
    pub options: Json,
}

/// A recovery code as it was typed; of any form, since what is wrong is judged like what is right.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedCode(Zeroizing<String>);

impl TypedCode {
    /// The code itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for TypedCode {
    fn from(typed: &str) -> Self {
        Self(Zeroizing::new(typed.to_owned()))
    }
}

impl Serialize for TypedCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TypedCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|typed| Self(Zeroizing::new(typed)))
    }
}

/// Body of `POST /authenticator/v1/move`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// Why the person is believed to be the user.
    pub proof: MoveProof,
}

/// Why the person at a new device is believed to be the user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MoveProof {
    /// They know a code that was printed for this.
    Code {
        /// Whose.
        username: String,
        /// As typed.
        code: TypedCode,
    },
    /// Their passkey signed.
    Passkey {
        /// As in [`MovePasskeyRequest`].
        session: Nonce,
        /// As in [`MovePasskeyResponse`].
        ceremony: String,
        /// `JSON.stringify(credential.toJSON())`.
        response: String,
    },
}

impl fmt::Debug for MoveProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { .. } => f.write_str("Code(..)"),
            Self::Passkey { .. } => f.write_str("Passkey(..)"),
        }
    }
}

/// An activation code for the device that proved it, and what it may replace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveResponse {
    /// To be used at once, by [`super::ActivateRequest`].
    pub code: ActivationCode,
    /// Until when.
    pub expires: i64,
    /// Whose.
    pub account: Account,
    /// Whose.
    pub user: User,
    /// The user's devices, the one that is replaced unless another is named at first.
    pub devices: Vec<MovableDevice>,
}

/// A device of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovableDevice {
    /// `DP…`.
    pub device_id: String,
    /// As it is called.
    pub name: String,
}

/// Body of `POST /authenticator/v1/move/contest`: it was not me.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContestRequest {
    /// What was moved to another device, `DP…`.
    pub device: String,
}

/// What a device hears of a move that was not its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveNotice {
    /// What was moved, `DP…`.
    pub device: String,
    /// What the new device calls itself.
    pub name: String,
    /// When.
    pub at: i64,
    /// Whether the person can still say that it was not them.
    pub contestable: bool,
    /// Whether somebody has.
    pub contested: bool,
    /// Whether nothing was there before: a device was added, by a link that somebody was given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub added: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn proofs_read_as_the_document_has_them() {
        let read = |json: Json| serde_json::from_value::<MoveRequest>(json).ok().map(|request| request.proof);
        let code = MoveProof::Code { username: "alice".into(), code: "123456789".into() };
        assert_eq!(read(json!({"proof":{"kind":"code","username":"alice","code":"123456789"}})), Some(code.clone()));
        assert!(!format!("{code:?}").contains("123456789"));
        let passkey =
            json!({"proof":{"kind":"passkey","session":"AAAAAAAAAAAAAAAAAAAAAA","ceremony":"c","response":"{}"}});
        assert!(matches!(read(passkey), Some(MoveProof::Passkey { .. })));
        for wrong in [
            json!({"proof":{"kind":"code","username":"alice"}}),
            json!({"proof":{"kind":"code","username":"alice","code":"1","more":1}}),
            json!({"proof":{"kind":"password","username":"alice","code":"1"}}),
            json!({"proof":{"kind":"passkey","session":"short","ceremony":"c","response":"{}"}}),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }
}
