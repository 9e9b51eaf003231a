//! An authenticator answers.

use std::net::IpAddr;

use cs_core::id::{AccountId, PhoneId, TxId};
use cs_core::login::{AllowReason, Decision, Denial, DenyReason, NUMBER_TRIES, Push, PushClosed, Ticket};
use cs_core::policy::facts::Remembered;
use cs_core::policy::{Method, PushRule};
use cs_core::webauthn::Ask;
use cs_store::Job;
use cs_store::attempts::{count_failed_push, count_success};
use cs_store::facts::UserRef;
use cs_store::logins::{AskedBy, Login, close, count_wrong_number};
use jiff::Timestamp;

use super::auth::Round;
use super::decide::{Question, known_phones};
use super::record::Entry;
use super::refusals::void_answer;
use super::status::{access_of, push_factor, who_of};
use crate::{Engine, EngineError, MAX_ROUNDS};

/// A login that waits for a device.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its id.
    pub txid: TxId,
    /// The statement to show and to sign, as JSON text.
    pub statement: String,
    /// How many digits must be typed; 0 = none.
    pub digits: u8,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it can no longer be answered.
    pub expires_at: Timestamp,
    login: Box<Login>,
}

/// An answer whose signature was checked with the device's key, and whose statement was compared with the one asked.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The account.
    pub account: AccountId,
    /// The device that signed.
    pub device: PhoneId,
    /// The login.
    pub txid: TxId,
    /// The answer.
    pub decision: Decision,
    /// What was typed.
    pub number: Option<String>,
    /// The JWS, verbatim.
    pub evidence: String,
    /// The address it came from.
    pub address: Option<IpAddr>,
}

/// What came of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The user is in.
    Approved,
    /// The user is out, by mistake.
    Denied,
    /// The user is out, and administrators hear of it.
    Fraud,
    /// Approved, but the rules had changed: out.
    Refused(DenyReason),
}

/// An answer that changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// No login of that id was sent to that device.
    #[error("no such login request")]
    NoSuchRequest,
    /// Answered already, too late, or withdrawn.
    #[error(transparent)]
    Closed(#[from] PushClosed),
    /// The typed number is not the one on the screen.
    #[error("the number does not match")]
    WrongNumber {
        /// How many more tries there are; 0 = the login is closed as denied.
        tries_left: i64,
    },
    /// No decision.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<cs_store::StoreError> for AnswerError {
    fn from(error: cs_store::StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<Login> for Asked {
    fn from(login: Login) -> Self {
        Self {
            txid: login.txid,
            statement: login.statement.clone(),
            digits: login.digits,
            created_at: login.created_at,
            expires_at: login.expires_at,
            login: Box::new(login),
        }
    }
}

impl Engine {
    /// The logins that wait for `device`, oldest first.
    pub async fn asked(&self, account: AccountId, device: PhoneId) -> Result<Vec<Asked>, EngineError> {
        let logins = self.store().logins_waiting_for(account, device, self.clock().now()).await?;
        Ok(logins.into_iter().map(Asked::from).collect())
    }

    /// The same for the device with this key; `None` if it is not, or not any more, the one that is bound and confirmed.
    pub async fn asked_by_key(
        &self,
        account: AccountId,
        device: PhoneId,
        public_key: &str,
    ) -> Result<Option<Vec<Asked>>, EngineError> {
        let now = self.clock().now();
        let logins = self.store().logins_waiting_for_key(account, device, public_key, now).await?;
        Ok(logins.map(|logins| logins.into_iter().map(Asked::from).collect()))
    }

    /// The login `txid` as it was sent to `device`, whatever its state.
    pub async fn asked_one(
        &self,
        account: AccountId,
        device: PhoneId,
        txid: TxId,
    ) -> Result<Option<Asked>, EngineError> {
        let login = self.store().login(account, txid).await?;
        Ok(login.filter(|login| is_asked_on(login, device)).map(Asked::from))
    }

    /// Closes a login by the answer of the device it was sent to.
    ///
    /// The rules are asked again before an approval counts: a user disabled or locked out since must not pass.
    pub async fn answer(&self, answer: &Answer) -> Result<Answered, AnswerError> {
        self.answer_from(answer, None).await
    }

    /// As [`Engine::answer`], for a login that [`Engine::asked_one`] has just read: it is read again only if it has changed since, which its guards tell.
    pub async fn answer_asked(&self, answer: &Answer, asked: Asked) -> Result<Answered, AnswerError> {
        self.answer_from(answer, Some(*asked.login)).await
    }

    async fn answer_from(&self, answer: &Answer, mut read: Option<Login>) -> Result<Answered, AnswerError> {
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let is_asked = |login: &Login| login.account == answer.account && login.txid == answer.txid;
            let login = match read.take().filter(is_asked) {
                Some(login) => Some(login),
                None => self.store().login(answer.account, answer.txid).await?,
            };
            let login = login.filter(|login| is_asked_on(login, answer.device)).ok_or(AnswerError::NoSuchRequest)?;
            if let Err(closed) = login.push.answer(answer.decision, now) {
                self.log_void_answer(&login, answer, closed.state.as_str(), now).await?;
                return Err(closed.into());
            }
            let round = if answer.decision == Decision::Approve && !self.number_matches(&login, answer)? {
                self.wrong_number(&login, answer, now).await?
            } else {
                self.close_by_answer(&login, answer, now).await?
            };
            match round {
                Round::Again => {}
                Round::Done(result) => return result,
            }
        }
        Err(EngineError::Contention.into())
    }

    fn number_matches(&self, login: &Login, answer: &Answer) -> Result<bool, EngineError> {
        if login.digits == 0 {
            // Where none was asked for, whoever typed one answers something else.
            return Ok(answer.number.is_none());
        }
        let key = self.ticket_key(login.account)?;
        // A push that asks for digits was opened with a ticket shown to the person; checked as of then.
        let ticket = Ticket::check(&key, login.txid, login.account, login.integration, login.user, login.created_at);
        let Ok(ticket) = ticket else { return Ok(false) };
        let expected = ticket.number(&key, login.digits);
        let typed = answer.number.as_deref().unwrap_or_default();
        Ok(aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), typed.as_bytes()).is_ok())
    }

    async fn wrong_number(
        &self,
        login: &Login,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<Round<Result<Answered, AnswerError>>, AnswerError> {
        let tries_left = NUMBER_TRIES - 1 - login.number_tries;
        if tries_left <= 0 {
            let last = Answer { decision: Decision::Deny, ..answer.clone() };
            return Ok(match self.close_by_answer(login, &last, now).await? {
                Round::Again => Round::Again,
                Round::Done(result) => Round::Done(result.and(Err(AnswerError::WrongNumber { tries_left: 0 }))),
            });
        }
        let job = Job::new()
            .step(count_wrong_number(login.account, login.txid, login.number_tries, now))
            .log(void_answer(login, answer, "wrong_number", now));
        Ok(match self.settle(job).await? {
            Round::Again => Round::Again,
            Round::Done(()) => Round::Done(Err(AnswerError::WrongNumber { tries_left })),
        })
    }

    pub(super) async fn close_by_answer(
        &self,
        login: &Login,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<Round<Result<Answered, AnswerError>>, AnswerError> {
        if login.is_identity_check() {
            return self.close_identity_check(login, answer, now).await;
        }
        let account = login.account;
        // An application that was deleted meanwhile lets nobody in.
        let Some(caller) = self.caller_of(login).await? else { return Err(AnswerError::NoSuchRequest) };
        let rules = self.rules(&caller, now).await?;
        let facts = self.store().user_facts(account, UserRef::Id(login.user), None, now).await?;
        let Some(facts) = facts else { return Err(AnswerError::NoSuchRequest) };
        let user = &facts.user;
        let access = access_of(login);
        let effective = rules.effective(Some(user));
        let phone = user.phones.iter().find(|phone| phone.id == login.phone);
        let place = self.place_of(&access);
        // A denial counts among the signals that it may be one of, so that administrators hear of it even if no login follows.
        let failed = match answer.decision {
            Decision::Approve => None,
            Decision::Deny => Some(user.risk.push_failed(now)),
            Decision::Fraud => Some(user.risk.fraud_reported(now)),
        };
        let record = failed.as_ref().unwrap_or(&user.risk);
        let risk = self.assess_with(account, &effective, user, record, (access.address, place), now);
        let entry = Entry {
            caller: &caller,
            txid: login.txid,
            who: &who_of(login),
            user: Some(user),
            access: &access,
            factor: push_factor(login),
            device: Some((login.phone.to_string(), phone.map(|phone| phone.display_name()).unwrap_or_default())),
            evidence: Some(&answer.evidence),
            answered_from: answer.address,
            trace: None,
            risk: &risk,
            now,
        };
        let phones = known_phones(Some(user));
        let question = Question {
            caller: &caller,
            user: Some(user),
            phones: &phones,
            exemptions: &facts.exemptions,
            access: &access,
            shows_number: login.digits > 0,
            offered: self.offered(caller.surface, Ask::SecondFactor),
            remembered: Remembered::default(),
            risk: &risk,
            now,
        };
        let verdict = self.decide_again(&effective, &question, login);
        // In the order of the tables' names: see `cs_store::attempts`.
        let [integration, policies] = rules.unchanged(&caller);
        let mut job = Job::new().step(integration);
        let (push, answered) = match (answer.decision, verdict) {
            (Decision::Approve, Ok(())) => {
                let Ok(after) = user.lockout.succeed() else { return Ok(Round::Again) };
                let why = AllowReason::UserApproved;
                job = job.step(close(account, login.txid, Push::Approved, None, now)).step(policies);
                job.guards.extend(self.remember_address(&caller, user, &effective, &access, why, now));
                let rule = if login.digits > 0 { PushRule::Verified { digits: login.digits } } else { PushRule::Plain };
                let method = match login.factor {
                    AskedBy::Push => Method::DuoPush,
                    AskedBy::Call => Method::Phonecall,
                };
                let after_risk = user.risk.succeeded(place, method, rule, now);
                job = job.step(count_success(account, user, &after, &after_risk, now)).log(entry.allowed(
                    self,
                    why,
                    "the device's owner approved",
                ));
                (Push::Approved, Answered::Approved)
            }
            (Decision::Approve, Err(denial)) => {
                job = job
                    .step(close(account, login.txid, Push::Refused, Some(denial.reason), now))
                    .log(entry.denied(self, &denial));
                (Push::Refused, Answered::Refused(denial.reason))
            }
            (Decision::Deny | Decision::Fraud, _) => {
                let (push, reason, answered) = if answer.decision == Decision::Fraud {
                    (Push::Fraud, DenyReason::UserMarkedFraud, Answered::Fraud)
                } else {
                    (Push::Denied, DenyReason::UserMistake, Answered::Denied)
                };
                let denial = Denial::new(reason, "the device's owner denied");
                job = job.step(close(account, login.txid, push, Some(reason), now)).step(policies);
                job = job.log(entry.denied(self, &denial));
                // A denial counts towards lockout; one of a user already locked out does no more.
                let attempt = user.lockout.begin_attempt(rules.lockout(), now).ok();
                let lockout = attempt.as_ref().map_or(&user.lockout, |attempt| &attempt.state);
                job = job.step(count_failed_push(account, user, lockout, record));
                if attempt.as_ref().is_some_and(|attempt| attempt.locks) {
                    job = job.effect(self.alert(&caller, user, "locked_out", login.txid, now));
                }
                if answer.decision == Decision::Fraud {
                    job = job.effect(self.alert(&caller, user, "fraud", login.txid, now));
                }
                (push, answered)
            }
        };
        job.effects.extend(entry.review());
        Ok(match self.settle(job).await? {
            Round::Again => Round::Again,
            Round::Done(()) => {
                match answered {
                    Answered::Approved => {
                        self.inner.seen.succeeded(account, access.address, place, now);
                    }
                    Answered::Denied | Answered::Fraud => {
                        self.inner.seen.push_failed(account, access.address, user.id, now);
                    }
                    Answered::Refused(_) => {}
                }
                self.announce(login, push);
                Round::Done(Ok(answered))
            }
        })
    }
}

/// Whether `login` is for the authenticator on `device` to answer: a call to the same phone is not.
fn is_asked_on(login: &Login, device: PhoneId) -> bool {
    login.phone == device && login.factor == AskedBy::Push
}
