//! Passcodes by SMS, asked for in a login.
//!
//! Asking is no attempt to get in and is answered like a refusal (`sent`): what was sent must be typed in a request of its own. It is counted among the attempts of the
//! user all the same, so that two requests at a time send one message, and pages shown again send none.

use cs_core::device::Phone;
use cs_core::login::{Denial, DenyReason, FactorUsed};
use cs_store::attempts::count_attempt;

use super::auth::{self, Round};
use super::decided::Decided;
use super::request::AuthAnswer;
use crate::error::Retry;
use crate::telephony::Context;
use crate::{Engine, EngineError};

impl Engine {
    pub(super) async fn send_codes(
        &self,
        asked: &auth::Login<'_>,
        phone: &Phone,
    ) -> Result<Round<AuthAnswer>, EngineError> {
        let auth::Login { caller, request, facts, rules, now, .. } = *asked;
        let (account, user) = (caller.account.id, &facts.user);
        if !self.may_dial(&phone.number) {
            let denial =
                Denial::new(DenyReason::FactorRestricted, "SMS passcodes: nothing is sent to numbers like this");
            return self.deny(asked, FactorUsed::SmsPasscode, denial).await.map(Round::Done);
        }
        let decided = Decided::sent();
        let batch = self.sms_batch(&caller.account, user, phone, Context::Authentication, now)?;
        // In the order of the tables' names: see `cs_store::attempts`.
        let mut job = batch.rest;
        job.guards.extend(self.keep_answer(caller, request, user, &decided, now)?);
        job.guards.extend(rules.unchanged(caller));
        job.guards.extend(batch.codes);
        let limits = job.guards.len()..job.guards.len() + batch.counts.len();
        job.guards.extend(batch.counts);
        let job = job.step(count_attempt(account, user, &user.lockout));
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => Ok(Round::Done(AuthAnswer::Decided(decided))),
            Err(Retry::Conflict(step)) if limits.contains(&step) => {
                let denial =
                    Denial::new(DenyReason::TelephonyLimit, "no further message for now: see docs/telephony.md");
                self.deny(asked, FactorUsed::SmsPasscode, denial).await.map(Round::Done)
            }
            Err(Retry::Conflict(_)) => {
                self.directory().invalidate();
                Ok(Round::Again)
            }
            Err(Retry::Fail(error)) => Err(error),
        }
    }

    /// Sends the next message if the account wants that and the code just used was the last one of `phone`. Whatever becomes of it, the login is over.
    pub(super) async fn refresh_codes(&self, asked: &auth::Login<'_>, phone: &Phone) {
        let account = &asked.caller.account;
        let wants = account.settings.get("sms_refresh").and_then(serde_json::Value::as_i64) == Some(1);
        if !wants || phone.sms.is_some_and(|waiting| waiting.count > 1) {
            return;
        }
        if let Err(error) = self.send_sms_passcodes(account, None, phone.id).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the next passcodes were not sent");
        }
    }
}
