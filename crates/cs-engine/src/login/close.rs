//! Pushes that end without anybody's answer: their time is over, or whoever asked gave up.

use cs_core::id::{AccountId, IntegrationKey, TxId};
use cs_core::login::{Denial, DenyReason, Push};
use cs_core::policy::risk::{Assessment, RiskRecord};
use cs_core::user::User;
use cs_store::Job;
use cs_store::attempts::count_failed_push;
use cs_store::audit::LogRecord;
use cs_store::facts::UserRef;
use cs_store::logins::{self, Login};
use cs_store::outbox::Effect;
use jiff::Timestamp;

use super::identity::check_record;
use super::record::{Entry, orphaned};
use super::status::{access_member, access_of, push_factor, who_of};
use crate::error::Retry;
use crate::{Caller, Engine, EngineError, Liveness, MAX_ROUNDS, Surface};

/// The first step of a job that closes a push.
const AT_CLOSE: usize = 0;

/// Why a push is withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// Whoever asked gave up. To the person whose phone rang it is one more request that led nowhere, so it counts as one that nobody answered.
    Because(DenyReason),
    /// The login that it belongs to was let in by another factor: nothing to hold against anybody.
    ForAnotherFactor,
}

/// How a push ends that nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    TimedOut,
    Withdrawn(Withdrawn),
}

impl Ending {
    const fn push(self) -> Push {
        match self {
            Self::TimedOut => Push::TimedOut,
            Self::Withdrawn(_) => Push::Cancelled,
        }
    }

    /// What the log says.
    fn denial(self) -> Denial {
        match self {
            Self::TimedOut => Denial::new(DenyReason::NoResponse, "nobody answered within 60 seconds"),
            Self::Withdrawn(Withdrawn::Because(reason)) => Denial::new(reason, "withdrawn before it was answered"),
            Self::Withdrawn(Withdrawn::ForAnotherFactor) => {
                Denial::new(DenyReason::UserCancelled, "withdrawn: the login succeeded by another factor")
            }
        }
    }

    /// Whether the signals of risk count it among pushes that failed. Lockout never does.
    const fn is_failure(self) -> bool {
        match self {
            Self::TimedOut | Self::Withdrawn(Withdrawn::Because(_)) => true,
            Self::Withdrawn(Withdrawn::ForAnotherFactor) => false,
        }
    }

    fn step(self, login: &Login, now: Timestamp) -> cs_store::Step {
        match self {
            Self::TimedOut => logins::time_out(login.account, login.txid, now),
            Self::Withdrawn(why) => {
                let reason = match why {
                    Withdrawn::Because(reason) => Some(reason),
                    Withdrawn::ForAnotherFactor => None,
                };
                logins::close(login.account, login.txid, Push::Cancelled, reason, now)
            }
        }
    }
}

impl Engine {
    /// Writes down that nobody answered `login` in time. Does nothing if it is closed.
    pub(crate) async fn time_out(&self, login: &Login, now: Timestamp) -> Result<(), EngineError> {
        self.close_unanswered(login, Ending::TimedOut, now).await.map(drop)
    }

    /// Withdraws a push that has not been answered: the application gave up. Never counts towards lockout, but as one that nobody answered.
    ///
    /// True if it was withdrawn, false if it was closed already.
    pub async fn cancel(&self, caller: &Caller, txid: TxId) -> Result<bool, EngineError> {
        // Another proxy that the same login came to still waits for the answer.
        if self.leave_to_others(caller, txid).await? {
            return Ok(false);
        }
        self.withdraw_of(caller, txid, Withdrawn::Because(DenyReason::UserCancelled)).await
    }

    /// Withdraws the caller's push `txid`, for whatever reason.
    pub(crate) async fn withdraw_of(&self, caller: &Caller, txid: TxId, why: Withdrawn) -> Result<bool, EngineError> {
        let now = self.clock().now();
        let login = self.login_of(caller, txid).await?;
        self.withdraw(&login, why, now).await
    }

    /// Closes `login` without anybody's answer. True if it was open.
    pub(super) async fn withdraw(&self, login: &Login, why: Withdrawn, now: Timestamp) -> Result<bool, EngineError> {
        self.close_unanswered(login, Ending::Withdrawn(why), now).await
    }

    async fn close_unanswered(&self, login: &Login, ending: Ending, now: Timestamp) -> Result<bool, EngineError> {
        let account = login.account;
        for _ in 0..MAX_ROUNDS {
            let job = Job::new().step(ending.step(login, now));
            let denial = ending.denial();
            let job = if login.is_identity_check() {
                job.log(check_record(login, ending.push(), Some(denial.reason), now))
            } else {
                let facts = self.store().user_facts(account, UserRef::Id(login.user), None, now).await?;
                let user = facts.as_ref().map(|facts| &facts.user);
                let failed = user.filter(|_| ending.is_failure()).map(|user| user.risk.push_failed(now));
                let known = user.map(|user| (user, failed.as_ref().unwrap_or(&user.risk)));
                let (record, review) = self.closing_record(login, known, &denial, now).await?;
                let mut job = job.log(record);
                let counted = user.zip(failed.as_ref());
                job.guards.extend(counted.map(|(user, risk)| count_failed_push(account, user, &user.lockout, risk)));
                job.effects.extend(review);
                job
            };
            match self.store().commit(job).await.map_err(Retry::from) {
                Ok(_) => {
                    if ending.is_failure() && !login.is_identity_check() {
                        self.inner.seen.push_failed(account, access_of(login).address, login.user, now);
                    }
                    self.announce(login, ending.push());
                    return Ok(true);
                }
                Err(Retry::Conflict(AT_CLOSE)) => return Ok(false),
                // Another attempt of the user's came between.
                Err(Retry::Conflict(_)) => {}
                Err(Retry::Fail(error)) => return Err(error),
            }
        }
        Err(EngineError::Contention)
    }

    /// What closes the pushes that wait on behalf of an application that is being deleted, with their entries for the log, and which these are.
    pub(crate) async fn close_with_application(
        &self,
        account: AccountId,
        application: IntegrationKey,
        now: Timestamp,
    ) -> Result<(Job, Vec<(Login, Push)>), EngineError> {
        let mut job = Job::new();
        let mut closed = Vec::new();
        for login in self.store().logins_waiting_at(account, application).await? {
            let reason = DenyReason::DeniedByPolicy;
            let (ending, denial) = if login.push.at(now).is_waiting() {
                let denial = Denial::new(reason, "the application was deleted while the push was waiting");
                (Ending::Withdrawn(Withdrawn::Because(reason)), denial)
            } else {
                (Ending::TimedOut, Ending::TimedOut.denial())
            };
            let record = if login.is_identity_check() {
                check_record(&login, ending.push(), Some(denial.reason), now)
            } else {
                orphaned(&login, &denial, now)
            };
            job = job.step(ending.step(&login, now)).log(record);
            closed.push((login, ending.push()));
        }
        Ok((job, closed))
    }

    /// The log's entry for a push that closes without an answer, and what the review queue is told; `known` is the user, and what is then known of it for the
    /// signals of risk.
    async fn closing_record(
        &self,
        login: &Login,
        known: Option<(&User, &RiskRecord)>,
        denial: &Denial,
        now: Timestamp,
    ) -> Result<(LogRecord, Option<Effect>), EngineError> {
        // It must close all the same: whoever waits for it waits on every node.
        let Some(caller) = self.caller_of(login).await? else { return Ok((orphaned(login, denial, now), None)) };
        let (user, access) = (known.map(|(user, _)| user), access_of(login));
        let rules = self.rules(&caller, now).await?;
        let effective = rules.effective(user);
        let here = (access.address, self.place_of(&access));
        let risk = known.map_or_else(Assessment::default, |(user, record)| {
            self.assess_with(login.account, &effective, user, record, here, now)
        });
        let phone = user.and_then(|user| user.phones.iter().find(|phone| phone.id == login.phone));
        let entry = Entry {
            caller: &caller,
            txid: login.txid,
            who: &who_of(login),
            user,
            access: &access,
            factor: push_factor(login),
            device: Some((login.phone.to_string(), phone.map(|phone| phone.display_name()).unwrap_or_default())),
            evidence: None,
            answered_from: None,
            trace: None,
            risk: &risk,
            now,
        };
        Ok((entry.denied(self, denial), entry.review()))
    }

    /// Who asked for `login`; `None` if the application is gone, or the login came through a door that this version does not know.
    pub(super) async fn caller_of(&self, login: &Login) -> Result<Option<Caller>, EngineError> {
        let account = self.directory().account(login.account).await?;
        let integration = self.directory().integration(login.account, login.integration).await?;
        // An identity check came through no login API; what is done in its name tells no surface.
        let surface = Surface::parse(&login.surface).or(login.is_identity_check().then_some(Surface::AuthV2));
        let (Some(account), Some(integration), Some(surface)) = (account, integration, surface) else {
            return Ok(None);
        };
        let legacy_signature = access_member(login, "legacy_signature").as_bool().unwrap_or(false);
        Ok(Some(Caller { account, integration, surface, connection: Liveness::forever(), legacy_signature }))
    }
}
