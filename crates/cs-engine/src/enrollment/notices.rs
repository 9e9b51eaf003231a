//! What the log and the user are told of what users do with their own devices.

use std::net::IpAddr;

use cs_core::id::AccountId;
use cs_core::user::User;
use cs_store::audit::{LogKind, LogRecord};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::letters::{About, Letter};
use crate::{Access, AccountEntry, Engine, EngineError, SystemRng};

impl Engine {
    /// An entry of the activity log about what users do with their own devices.
    pub(crate) fn self_record(
        &self,
        account: AccountId,
        user: &User,
        what: &str,
        body: &Json,
        access: &Access,
        now: Timestamp,
    ) -> LogRecord {
        let id = cs_core::id::TxId::at(now, &mut SystemRng).to_string();
        let mut record = LogRecord::new(account.as_str(), LogKind::Activity, id, now);
        record.user_id = Some(user.id.to_string());
        record.result = Some(what.to_owned());
        record.body = body.to_string();
        record.personal = Some(json!({"username": user.username, "access_ip": access.address}).to_string());
        record
    }

    /// The letter that tells `user` of a change, of `device` if it is one; `None` where no mail can be sent or nobody knows where to.
    pub(crate) fn notice(
        &self,
        account: &AccountEntry,
        user: &User,
        about: About,
        device: &str,
        now: Timestamp,
    ) -> Result<Option<cs_store::outbox::Effect>, EngineError> {
        self.notice_from(account, user, about, device, None, now)
    }

    /// The same of what was asked for from `address`.
    pub(crate) fn notice_from(
        &self,
        account: &AccountEntry,
        user: &User,
        about: About,
        device: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<cs_store::outbox::Effect>, EngineError> {
        if user.email.is_empty() {
            return Ok(None);
        }
        let letter = Letter::notice(account, &user.email, &user.username, about, device, address, now);
        self.letter(account.id, &letter, now)
    }
}
