//! Passcodes by SMS.

use cs_core::device::Phone;
use cs_core::id::{AccountId, PhoneId};
use cs_core::secret::PlainCode;
use cs_core::telephony::sms_codes;
use cs_core::user::User;
use cs_store::attempts::count_attempt;
use cs_store::facts::UserRef;
use cs_store::telephony::{NewSmsCode, void_sms_codes};
use cs_store::{Job, Step};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{Context, SMS, Sent, SmsOrder};
use crate::admin::{Actor, admin_record};
use crate::error::Retry;
use crate::{AccountEntry, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// A message that was not sent an hour ago is of no use to anyone.
const SEND_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// A message with passcodes, ready to be committed.
pub(crate) struct Batch {
    /// Voids the codes before, keeps the new ones.
    pub(crate) codes: Vec<Step>,
    /// Counts it. One that does not hold is a limit.
    pub(crate) counts: Vec<Step>,
    /// Log and effect.
    pub(crate) rest: Job,
}

/// Why no message was sent.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// No gateway sends messages.
    #[error("no telephony gateway is configured that sends messages")]
    NoGateway,
    /// The phone takes none, or its country is left out.
    #[error("nothing can be sent to this phone's number")]
    NoNumber,
    /// Nobody has the phone, or several do, and codes are one person's.
    #[error("the phone must be exactly one user's")]
    NotOneUser,
    /// Too many, or one just now.
    #[error("a message went out less than half a minute ago, or as many as there may be in a day")]
    Limit,
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<cs_store::StoreError> for NotSent {
    fn from(error: cs_store::StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl Engine {
    /// New passcodes for `phone` of `user`, which takes messages.
    pub(crate) fn sms_batch(
        &self,
        account: &AccountEntry,
        user: &User,
        phone: &Phone,
        context: Context,
        now: Timestamp,
    ) -> Result<Batch, EngineError> {
        let number = |name: &str, usual: i64| account.settings.get(name).and_then(Json::as_i64).unwrap_or(usual);
        let codes = sms_codes(usize::try_from(number("sms_batch", 1)).unwrap_or(1), &mut SystemRng);
        let minutes = number("sms_expiration", DEFAULT_EXPIRATION_MINUTES);
        let expires_at = (minutes > 0).then(|| now + SignedDuration::from_mins(minutes));
        let mut steps = vec![void_sms_codes(account.id, user.id, phone.id)];
        for (place, code) in codes.iter().enumerate() {
            let digest = self.bypass_digest(account.id, code.expose())?;
            let digit = code.expose().chars().next().unwrap_or('0');
            let (user, phone, number) = (user.id, phone.id, phone.number.as_str());
            let kept = NewSmsCode { user, phone, number, digest, digit, place, expires_at };
            steps.push(kept.insert(account.id, now));
        }
        let order = SmsOrder {
            to: phone.number.clone(),
            text: message(account, &codes),
            expires: (now + SEND_WITHIN).as_second(),
        };
        let sent = Sent {
            account: account.id,
            kind: "sms",
            context,
            user: Some((user.id, &user.username)),
            number: &phone.number,
            txid: None,
            now,
        };
        let effect = self.telephony_effect(SMS, account.id, &order, now)?;
        Ok(Batch {
            codes: steps,
            counts: self.counted(account.id, Some(user.id), &phone.number, now)?,
            rest: Job::new().log(sent.record()).effect(effect),
        })
    }

    /// Sends passcodes to `phone`, whose user is not logging in: an administrator asks for it, or the last of the codes before was used.
    pub async fn send_sms_passcodes(
        &self,
        account: &AccountEntry,
        actor: Option<&Actor>,
        phone: PhoneId,
    ) -> Result<(), NotSent> {
        if !self.telephony().sms {
            return Err(NotSent::NoGateway);
        }
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let owners = self.store().users_of_phone(account.id, phone).await?;
            let [owner] = owners.as_slice() else { return Err(NotSent::NotOneUser) };
            let facts = self.store().user_facts(account.id, UserRef::Id(*owner), None, now).await?;
            let user = facts.ok_or(EngineError::NotFound)?.user;
            let texted = user.phones.iter().find(|one| one.id == phone).ok_or(EngineError::NotFound)?;
            if !texted.can_text() || !self.may_dial(&texted.number) {
                return Err(NotSent::NoNumber);
            }
            let context = if actor.is_some() { Context::Administrator } else { Context::Authentication };
            let batch = self.sms_batch(account, &user, texted, context, now)?;
            let limits = batch.codes.len()..batch.codes.len() + batch.counts.len();
            let mut job = batch.rest;
            job.guards.extend(batch.codes);
            job.guards.extend(batch.counts);
            job = job.step(count_attempt(account.id, &user, &user.lockout));
            if let Some(actor) = actor {
                let description = json!({"phone_id": phone.as_str()});
                job =
                    job.log(admin_record(account.id, actor, "phone_sms_passcodes", &user.username, &description, now));
            }
            match self.store().commit(job).await.map_err(Retry::from) {
                Ok(_) => return Ok(()),
                Err(Retry::Conflict(step)) if limits.contains(&step) => return Err(NotSent::Limit),
                Err(Retry::Conflict(_)) => {}
                Err(Retry::Fail(error)) => return Err(error.into()),
            }
        }
        Err(EngineError::Contention.into())
    }

    /// Sends `text`, an administrator's, to `phone`.
    pub async fn send_sms_text(
        &self,
        account: AccountId,
        actor: &Actor,
        phone: PhoneId,
        action: &'static str,
        text: String,
    ) -> Result<(), NotSent> {
        if !self.telephony().sms {
            return Err(NotSent::NoGateway);
        }
        let now = self.clock().now();
        let record = self.store().reader().phone(account, phone).await?.ok_or(EngineError::NotFound)?;
        if record.kind == "Landline" || !self.may_dial(&record.number) {
            return Err(NotSent::NoNumber);
        }
        let sent = Sent {
            account,
            kind: "sms",
            context: Context::Administrator,
            user: None,
            number: &record.number,
            txid: None,
            now,
        };
        let order = SmsOrder { to: record.number.clone(), text, expires: (now + SEND_WITHIN).as_second() };
        let mut job = Job::new().log(sent.record()).effect(self.telephony_effect(SMS, account, &order, now)?);
        job.guards = self.counted(account, None, &record.number, now)?;
        let description = json!({"phone_id": phone.as_str()});
        job = job.log(admin_record(account, actor, action, &record.number, &description, now));
        match self.apply(job).await? {
            None => Ok(()),
            Some(_) => Err(NotSent::Limit),
        }
    }
}

/// How long codes are good unless the account says otherwise: the default of `sms_expiration`.
const DEFAULT_EXPIRATION_MINUTES: i64 = 10;

/// What the message says: the account's words, and the codes.
fn message(account: &AccountEntry, codes: &[PlainCode]) -> String {
    let words = account.settings.get("sms_message").and_then(Json::as_str).unwrap_or("SMS passcodes");
    let codes: Vec<&str> = codes.iter().map(PlainCode::expose).collect();
    format!("{words}: {}", codes.join(" "))
}
