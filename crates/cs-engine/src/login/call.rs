//! Calls: the person is called and presses a key. A call waits as a push does; what was pressed is told by the gateway that makes it, never by a device.

use std::net::IpAddr;

use cs_core::device::Phone;
use cs_core::id::{AccountId, TxId};
use cs_core::login::{Denial, DenyReason, FactorUsed, Push};
use cs_core::telephony::{CALL_TTL, CallKeys};
use cs_store::Job;
use cs_store::logins::{AskedBy, Login, may_have_another, no_cool_down};
use cs_store::telephony::call_answered;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::answer::{Answer, AnswerError, Answered};
use super::auth::{self, Round};
use super::close::Withdrawn;
use super::push::{Other, user_version};
use super::request::AuthAnswer;
use crate::error::Retry;
use crate::letters::language_of;
use crate::telephony::{CALL, CallOrder, Context, Sent, spoken};
use crate::{Caller, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// The steps of the job that opens a call, in order; counts follow.
const AT_INTEGRATION: usize = 0;
const AT_LOGIN: usize = 1;
const AT_COOL_DOWN: usize = 2;
const AT_LIVE: usize = 3;
const AT_POLICIES: usize = 4;
const AT_COUNTS: usize = 5;

/// What is kept of a call with its login: what was dialled, and which key means what.
#[derive(Serialize, Deserialize)]
pub(super) struct Dialled {
    pub(super) number: String,
    approve: char,
    fraud: char,
}

impl Dialled {
    /// Of a call's row; `None` if it is none.
    pub(super) fn of(login: &Login) -> Option<Self> {
        (login.factor == AskedBy::Call).then(|| serde_json::from_str(&login.statement).ok()).flatten()
    }

    fn keys(&self) -> CallKeys {
        CallKeys { approve: self.approve, fraud: self.fraud }
    }
}

/// What a gateway tells of a call that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallNews {
    /// Somebody has picked up.
    Answered,
    /// A key was pressed.
    Key(char),
    /// It is over without a key: hung up, busy, not answered, not connected.
    Ended,
}

/// A call's news, whose origin was checked.
#[derive(Debug, Clone)]
pub struct CallReport {
    /// The account.
    pub account: AccountId,
    /// The login.
    pub txid: TxId,
    /// What is told.
    pub news: CallNews,
    /// What was sent, and its signature, for the log.
    pub evidence: String,
    /// Where it came from.
    pub address: Option<IpAddr>,
}

/// How far a call has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallState {
    /// It is being dialled: the number with all but its end hidden.
    Dialling(String),
    /// Somebody has picked up.
    PickedUp,
}

impl Engine {
    pub(super) async fn call(&self, asked: &auth::Login<'_>, phone: &Phone) -> Result<Round<AuthAnswer>, EngineError> {
        let auth::Login { caller, request, facts, rules, now, .. } = *asked;
        let (account, user) = (caller.account.id, &facts.user);
        let deny = |reason, fact: &str| self.deny(asked, FactorUsed::PhoneCall, Denial::new(reason, fact));
        if !self.may_dial(&phone.number) {
            return deny(DenyReason::FactorRestricted, "phone calls: numbers like this are not called")
                .await
                .map(Round::Done);
        }
        let Some(record) = self.store().phone(account, phone.id).await? else { return Ok(Round::Again) };
        let setting = |name: &str| caller.account.settings.get(name).and_then(Json::as_str).unwrap_or_default();
        let keys = CallKeys::of(setting("keypress_confirm"), setting("keypress_fraud"), &mut SystemRng);
        let dialled = Dialled { number: phone.number.clone(), approve: keys.approve, fraud: keys.fraud };
        let txid = TxId::at(now, &mut SystemRng);
        let mut login = self.new_login(asked, phone, txid, 0);
        login.factor = AskedBy::Call;
        // A slot of its own: a push that waits, perhaps somebody else's, does not keep its owner from being called.
        login.source = format!("call {}", request.access.source());
        login.statement = serde_json::to_string(&dialled).map_err(|_| EngineError::Invalid("statement"))?;
        (login.push, login.expires_at) = (Push::Waiting { expires_at: now + CALL_TTL }, now + CALL_TTL);
        let language = language_of(&caller.account);
        let order = CallOrder {
            id: txid.to_string(),
            to: phone.number.clone(),
            extension: record.extension,
            predelay: record.predelay,
            postdelay: record.postdelay,
            caller_id: setting("caller_id").to_owned(),
            text: spoken(language, &caller.integration.greeting, &caller.integration.name, keys),
            language: language.tag().to_owned(),
            approve_key: Some(keys.approve),
            fraud_key: Some(keys.fraud),
            expires: login.expires_at.as_second(),
        };
        let sent = Sent {
            account,
            kind: "phone",
            context: Context::Authentication,
            user: Some((user.id, &user.username)),
            number: &phone.number,
            txid: Some(txid),
            now,
        };
        let counts = self.counted(account, Some(user.id), &phone.number, now)?;
        let named = self.begun_under_name(asked, txid);
        let at_counts = AT_COUNTS + usize::from(named.is_some());
        let limits = at_counts..at_counts + counts.len();
        let [integration, policies] = rules.unchanged(caller);
        let mut job = Job::new()
            .step(integration)
            .step(login.open())
            .step(no_cool_down(account, user.id, caller.integration.key, &login.source, now))
            .step(may_have_another(account, user.id, now))
            .step(policies);
        job.guards.extend(named);
        job.guards.extend(counts);
        let job = job
            .step(user_version(&login, user))
            .log(sent.record())
            .effect(self.telephony_effect(CALL, account, &order, now)?);
        let started = |login: &Login| AuthAnswer::Started { txid: login.txid, device: phone.menu_name() };
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => {
                self.inner.waiters.opened(txid, caller.connection.clone(), login.expires_at);
                Ok(Round::Done(started(&login)))
            }
            Err(Retry::Conflict(AT_LOGIN)) => match self.other_login(asked, &login).await? {
                Other::Gone => Ok(Round::Again),
                Other::Joined(first) => Ok(Round::Done(started(&first))),
                Other::InTheWay => deny(DenyReason::PushInProgress, "another call is under way").await.map(Round::Done),
            },
            Err(Retry::Conflict(AT_COOL_DOWN)) => {
                deny(DenyReason::AnomalousPush, "three calls went unanswered within ten minutes").await.map(Round::Done)
            }
            Err(Retry::Conflict(AT_LIVE)) => {
                deny(DenyReason::PushInProgress, "as many of this user's logins wait as may at a time")
                    .await
                    .map(Round::Done)
            }
            Err(Retry::Conflict(step)) if limits.contains(&step) => {
                deny(DenyReason::TelephonyLimit, "no further call for now: see docs/telephony.md")
                    .await
                    .map(Round::Done)
            }
            Err(Retry::Conflict(step)) => {
                if step == AT_INTEGRATION || step == AT_POLICIES {
                    self.directory().invalidate();
                }
                Ok(Round::Again)
            }
            Err(Retry::Fail(error)) => Err(error),
        }
    }

    /// Takes what a gateway tells of a call. A key closes the login, as an answer of a device does; what comes late, or a second time, changes nothing.
    ///
    /// Fails with [`AnswerError::NoSuchRequest`] where no call of that id was made in that account.
    pub async fn call_reported(&self, report: &CallReport) -> Result<Option<Answered>, AnswerError> {
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let login = self.store().login(report.account, report.txid).await?;
            let login = login.ok_or(AnswerError::NoSuchRequest)?;
            let dialled = Dialled::of(&login).ok_or(AnswerError::NoSuchRequest)?;
            let decision = match report.news {
                CallNews::Answered => {
                    self.holds(Job::new().step(call_answered(login.account, login.txid, now))).await?;
                    return Ok(None);
                }
                CallNews::Ended => {
                    // Nobody has done anything wrong: the person may be without reception.
                    self.withdraw(&login, Withdrawn::Because(DenyReason::NoResponse), now).await?;
                    return Ok(None);
                }
                CallNews::Key(key) => dialled.keys().decision(key),
            };
            let answer = Answer {
                account: login.account,
                device: login.phone,
                txid: login.txid,
                decision,
                number: None,
                evidence: report.evidence.clone(),
                address: None,
            };
            if let Err(closed) = login.push.answer(decision, now) {
                self.log_void_answer(&login, &answer, closed.state.as_str(), now).await?;
                return Err(closed.into());
            }
            match self.close_by_answer(&login, &answer, now).await? {
                Round::Again => {}
                Round::Done(answered) => return answered.map(Some),
            }
        }
        Err(EngineError::Contention.into())
    }

    /// How far the call `txid` has come, where the caller waits for one; `None` where it waits for a push.
    pub async fn call_state(&self, caller: &Caller, txid: TxId) -> Result<Option<CallState>, EngineError> {
        if !self.telephony().calls {
            return Ok(None);
        }
        let login = self.login_of(caller, txid).await?;
        Ok(Dialled::of(&login).map(|dialled| match login.is_picked_up {
            true => CallState::PickedUp,
            false => CallState::Dialling(cs_core::device::masked(&dialled.number)),
        }))
    }
}

/// Whether `phone` is still what was dialled for `login`: a number that was changed meanwhile answers for nobody.
pub(super) fn is_still_its_number(login: &Login, phone: &Phone) -> bool {
    Dialled::of(login).is_some_and(|dialled| phone.can_call() && phone.number == dialled.number)
}
