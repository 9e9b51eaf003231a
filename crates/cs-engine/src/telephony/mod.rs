//! What goes out by telephone: messages with passcodes or links, and calls that ask for a key.
//!
//! | file | what |
//! | --- | --- |
//! | `order` | what a gateway is told, as it lies sealed in the outbox |
//! | `codes` | batches of passcodes by SMS: asked for in a login, by an administrator, or because the last was used |
//! | `say` | what is written and spoken |
//!
//! A message is queued in the commit that keeps its codes and counts it, so none goes out uncounted and no code is good that was not sent. Delivery is the gateway's,
//! from the outbox; see `docs/telephony.md`.

mod codes;
mod order;
mod say;

use cs_core::id::{AccountId, TxId, UserId};
use cs_core::telephony::{MOST_FOR_NUMBER, MOST_FOR_USER, USER_PAUSE};
use cs_store::audit::{LogKind, LogRecord};
use cs_store::telephony::count_use;
use cs_store::{Job, Step};
use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

pub use codes::NotSent;
pub use order::{CALL, CallOrder, SMS, SmsOrder};
pub(crate) use say::{proof_spoken, proof_text, spoken};

use crate::{Engine, EngineError, SystemRng};

/// What the operator's gateway can do, and how much of it.
#[derive(Debug, Clone, Default)]
pub struct Telephony {
    /// It sends messages.
    pub sms: bool,
    /// It makes calls and tells which key was pressed.
    pub calls: bool,
    /// The most messages and calls of one account in a day.
    pub most_per_day: i64,
    /// What a number must begin with, such as `+49`; empty: any.
    pub prefixes: Vec<String>,
}

/// What a message or call is for, in the telephony log's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// A login.
    Authentication,
    /// An administrator sends codes or links.
    Administrator,
    /// Whose number is it?
    Enrollment,
}

impl Context {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Administrator => "administrator",
            Self::Enrollment => "enrollment",
        }
    }
}

/// What is written down of a message or call.
pub(crate) struct Sent<'a> {
    pub(crate) account: AccountId,
    /// The log's word: `sms` or `phone`.
    pub(crate) kind: &'static str,
    pub(crate) context: Context,
    pub(crate) user: Option<(UserId, &'a str)>,
    pub(crate) number: &'a str,
    /// The login that it belongs to.
    pub(crate) txid: Option<TxId>,
    pub(crate) now: Timestamp,
}

impl Engine {
    /// What the operator's gateway can do.
    pub fn telephony(&self) -> &Telephony {
        &self.inner.telephony
    }

    /// Whether anything goes to `number` at all: it is one, and the operator has not left its country out.
    pub fn may_dial(&self, number: &str) -> bool {
        let prefixes = &self.inner.telephony.prefixes;
        let is_left = prefixes.is_empty() || prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()));
        cs_core::telephony::is_dialable(number) && is_left
    }

    /// Counts one message or call: for the account, the number and the user, in the order of their rows. One that does not hold is a limit.
    pub(crate) fn counted(
        &self,
        account: AccountId,
        user: Option<UserId>,
        number: &str,
        now: Timestamp,
    ) -> Result<Vec<Step>, EngineError> {
        let digest = self.store().vault().digest(account.as_str(), "telephone", number.as_bytes());
        let of_number = format!("number:{}", HEXLOWER.encode(&digest.map_err(EngineError::vault)?));
        let most = self.inner.telephony.most_per_day;
        let mut steps = Vec::with_capacity(6);
        steps.extend(count_use(account, "account", most, SignedDuration::ZERO, now));
        steps.extend(count_use(account, &of_number, MOST_FOR_NUMBER, SignedDuration::ZERO, now));
        if let Some(user) = user {
            steps.extend(count_use(account, &format!("user:{user}"), MOST_FOR_USER, USER_PAUSE, now));
        }
        Ok(steps)
    }

    /// Writes down that a message or call could not be made, once the outbox has given it up.
    pub async fn telephony_failed(&self, account: AccountId, kind: &'static str, why: &str) -> Result<(), EngineError> {
        let now = self.clock().now();
        let mut record =
            LogRecord::new(account.as_str(), LogKind::Activity, TxId::at(now, &mut SystemRng).to_string(), now);
        record.result = Some("telephony_failed".to_owned());
        record.reason = Some(kind.to_owned());
        record.body = json!({"error": why}).to_string();
        self.holds(Job::new().log(record)).await.map(drop)
    }
}

impl Sent<'_> {
    /// The entry of the telephony log.
    pub(crate) fn record(&self) -> LogRecord {
        let id = TxId::at(self.now, &mut SystemRng).to_string();
        let mut record = LogRecord::new(self.account.as_str(), LogKind::Telephony, id, self.now);
        record.user_id = self.user.map(|(id, _)| id.to_string());
        record.result = Some(self.kind.to_owned());
        let txid = self.txid.map(|txid| txid.to_string());
        // What a message costs is between the operator and the gateway.
        record.body = json!({"context": self.context.as_str(), "txid": txid, "credits": 0}).to_string();
        let username = self.user.map(|(_, name)| name);
        record.personal = Some(json!({"phone": self.number, "username": username}).to_string());
        record
    }
}
