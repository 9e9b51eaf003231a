//! What a gateway is told. It lies sealed in the outbox: a message holds passcodes, and nobody but the gateway needs the number.

use cs_core::id::{AccountId, TxId};
use cs_store::outbox::{Effect, Leased};
use data_encoding::BASE64;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::{Engine, EngineError, SystemRng};
use cs_core::language::Language;

/// The kind of the effects that are messages.
pub const SMS: &str = "sms";
/// The kind of the effects that are calls.
pub const CALL: &str = "call";

/// A message to send.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsOrder {
    /// E.164.
    pub to: String,
    /// What it says.
    pub text: String,
    /// Not to be sent after this, unix seconds: nobody waits for it any more.
    pub expires: i64,
}

/// A call to make.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOrder {
    /// The login's id, by which the gateway reports what became of the call; of a call that only speaks, nobody waits to hear.
    pub id: String,
    /// E.164.
    pub to: String,
    /// Digits, `*`, `#` and commas to dial once somebody has picked up; may be empty.
    pub extension: String,
    /// Seconds before the extension, as an administrator gave them; may be empty.
    pub predelay: String,
    /// Seconds after it; may be empty.
    pub postdelay: String,
    /// The number to call from, if the account has set one.
    pub caller_id: String,
    /// What is spoken.
    pub text: String,
    /// The language of that: `en`, `de` or `fr`.
    pub language: String,
    /// The key that lets the person in; none where a call only speaks.
    pub approve_key: Option<char>,
    /// The key that says that it was somebody else.
    pub fraud_key: Option<char>,
    /// No key counts after this, unix seconds.
    pub expires: i64,
}

impl CallOrder {
    /// A call that speaks `text`, which is in `language`, and asks for no key.
    pub(crate) fn speaking(to: &str, language: Language, text: String, expires: i64) -> Self {
        Self {
            id: TxId::generate(&mut SystemRng).to_string(),
            to: to.to_owned(),
            extension: String::new(),
            predelay: String::new(),
            postdelay: String::new(),
            caller_id: String::new(),
            text,
            language: language.tag().to_owned(),
            approve_key: None,
            fraud_key: None,
            expires,
        }
    }
}

impl std::fmt::Debug for SmsOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SmsOrder(..)")
    }
}

impl std::fmt::Debug for CallOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CallOrder({}, ..)", self.id)
    }
}

impl Engine {
    /// The effect that has the gateway do `order`.
    pub(crate) fn telephony_effect(
        &self,
        kind: &'static str,
        account: AccountId,
        order: &impl Serialize,
        now: Timestamp,
    ) -> Result<Effect, EngineError> {
        let mut effect = Effect::new(kind, account.as_str(), String::new(), now);
        let plain = Zeroizing::new(serde_json::to_string(order).map_err(|_| EngineError::Invalid("payload"))?);
        let sealed = self.store().vault().seal(account.as_str(), "effect", "payload", &effect.id, plain.as_bytes());
        effect.payload = json!({"sealed": BASE64.encode(&sealed.map_err(EngineError::vault)?)}).to_string();
        Ok(effect)
    }

    /// The message that `effect` is to send.
    pub fn sms_order(&self, effect: &Leased) -> Result<SmsOrder, EngineError> {
        self.open_order(effect)
    }

    /// The call that `effect` is to make.
    pub fn call_order(&self, effect: &Leased) -> Result<CallOrder, EngineError> {
        self.open_order(effect)
    }

    fn open_order<T: DeserializeOwned>(&self, effect: &Leased) -> Result<T, EngineError> {
        let unusable = || EngineError::Invalid("payload");
        let payload: Json = serde_json::from_str(&effect.payload).map_err(|_| unusable())?;
        let sealed = payload.get("sealed").and_then(Json::as_str).ok_or_else(unusable)?;
        let sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| unusable())?;
        let plain = self.store().vault().open(&effect.account, "effect", "payload", &effect.id, &sealed);
        serde_json::from_slice(&plain.map_err(EngineError::vault)?).map_err(|_| unusable())
    }
}
