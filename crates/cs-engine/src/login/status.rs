//! Wait for somebody to answer.

use cs_core::id::TxId;
use cs_core::login::{AllowReason, Denial, DenyReason, FactorUsed, HOLD, LEGACY_HOLD, LEGACY_POLL_LIMIT, Push};
use cs_store::Job;
use cs_store::audit::LogRecord;
use cs_store::facts::UserRef;
use cs_store::logins::{self, Login};
use jiff::Timestamp;

use super::identity::check_record;
use super::record::Entry;
use super::{Refused, Who, reference};
use crate::error::Retry;
use crate::{Access, Caller, Engine, EngineError, Liveness, Surface};

/// The word of the Auth API for how a login stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In.
    Allow,
    /// In, by bypass.
    Bypass,
    /// Out.
    Deny,
    /// Out, and the person said it was not them.
    Fraud,
    /// Out, too many failures.
    LockedOut,
    /// A push waits.
    Pushed,
    /// Nobody answered.
    Timeout,
}

impl Status {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Bypass => "bypass",
            Self::Deny => "deny",
            Self::Fraud => "fraud",
            Self::LockedOut => "locked_out",
            Self::Pushed => "pushed",
            Self::Timeout => "timeout",
        }
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// In or out.
    pub allow: bool,
    /// The word.
    pub status: Status,
    /// What to tell the person.
    pub message: String,
    /// For the next login, where devices are remembered.
    pub trusted_device_token: Option<String>,
    /// For refusals: what to look for in the log.
    pub reference: Option<String>,
    /// The rule behind it.
    pub why: Why,
}

/// The rule behind a decision, in the log's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// In.
    Allowed(AllowReason),
    /// Out.
    Denied(DenyReason),
}

/// How a login stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginStatus {
    /// Nobody has answered yet.
    Waiting,
    /// Decided, and in the log.
    Decided(Decided),
}

impl Engine {
    /// How login `txid` stands, held open while nothing changes: [`HOLD`], or [`LEGACY_HOLD`] for REST v1.
    pub async fn auth_status(&self, caller: &Caller, txid: TxId) -> Result<LoginStatus, EngineError> {
        let hold = match caller.surface {
            Surface::AuthV2 => HOLD,
            Surface::RestV1 => LEGACY_HOLD,
        };
        let until = self.clock().now() + hold;
        self.wait(caller, txid, until, true).await
    }

    /// The decision of login `txid`, however long it takes: a push times out by itself.
    pub async fn decision(&self, caller: &Caller, txid: TxId) -> Result<Decided, EngineError> {
        loop {
            match self.wait(caller, txid, Timestamp::MAX, false).await? {
                LoginStatus::Decided(decided) => return Ok(decided),
                LoginStatus::Waiting => {}
            }
        }
    }

    async fn wait(
        &self,
        caller: &Caller,
        txid: TxId,
        until: Timestamp,
        is_poll: bool,
    ) -> Result<LoginStatus, EngineError> {
        // The place is taken before the row is read, so that no news falls between.
        let mut parked = self.inner.waiters.park(txid, self.clock().now());
        let login = self.login_of(caller, txid).await?;
        if is_poll && caller.surface == Surface::RestV1 && login.push.is_waiting() {
            let polls = self.inner.waiters.count_poll(txid, login.expires_at);
            if polls == 1 && login.push.at(self.clock().now()).is_waiting() {
                // The first answer is news: it tells the person to look at the phone. Every later one is held open.
                return Ok(LoginStatus::Waiting);
            }
            if polls >= LEGACY_POLL_LIMIT {
                self.withdraw(&login, DenyReason::NoResponse, self.clock().now()).await?;
                return self.decided(caller, &self.login_of(caller, txid).await?).await.map(LoginStatus::Decided);
            }
        }
        let mut login = login;
        loop {
            let now = self.clock().now();
            match login.push.at(now) {
                Push::Waiting { expires_at } => {
                    let wake = until.min(expires_at);
                    tokio::select! {
                        push = parked.closed() => {
                            login.push = push;
                            if matches!(push, Push::Refused | Push::Cancelled) {
                                login = self.login_of(caller, txid).await?;
                            }
                        }
                        () = self.clock().sleep_until(wake) => {
                            if self.clock().now() < expires_at {
                                return Ok(LoginStatus::Waiting);
                            }
                        }
                    }
                }
                Push::TimedOut if login.push.is_waiting() => {
                    self.time_out(&login, now).await?;
                    // Whoever closed it, and however: the row says.
                    login = self.login_of(caller, txid).await?;
                }
                Push::Approved | Push::Denied | Push::Fraud | Push::TimedOut | Push::Cancelled | Push::Refused => {
                    return self.decided(caller, &login).await.map(LoginStatus::Decided);
                }
            }
        }
    }

    /// The login `txid` if it is one of the caller's.
    pub(super) async fn login_of(&self, caller: &Caller, txid: TxId) -> Result<Login, EngineError> {
        let login = self.store().login(caller.account.id, txid).await?;
        let is_theirs = |login: &Login| login.integration == caller.integration.key && !login.is_identity_check();
        login.filter(is_theirs).ok_or(EngineError::NotFound)
    }

    /// What a closed login means to the application.
    async fn decided(&self, caller: &Caller, login: &Login) -> Result<Decided, EngineError> {
        let reason = match login.push {
            Push::Approved => {
                let mut decided = Decided::let_in(AllowReason::UserApproved);
                if caller.integration.remembered_days.is_some() {
                    let now = self.clock().now();
                    let facts = self.store().user_facts(login.account, UserRef::Id(login.user), None, now).await?;
                    if let Some(facts) = facts {
                        decided.trusted_device_token = self.remember(&caller.integration, &facts.user, now)?;
                    }
                }
                return Ok(decided);
            }
            Push::Denied => DenyReason::UserMistake,
            Push::Fraud => DenyReason::UserMarkedFraud,
            Push::TimedOut => DenyReason::NoResponse,
            Push::Waiting { .. } => DenyReason::Error,
            Push::Cancelled | Push::Refused => {
                login.reason.as_deref().and_then(DenyReason::parse).unwrap_or(DenyReason::Error)
            }
        };
        let denial = Denial::new(reason, String::new());
        Ok(Decided::refused(&Refused { denial, reference: reference(login.txid) }))
    }

    /// Writes down that nobody answered `login` in time. Does nothing if it is closed.
    pub(crate) async fn time_out(&self, login: &Login, now: Timestamp) -> Result<(), EngineError> {
        let record = if login.is_identity_check() {
            check_record(login, Push::TimedOut, Some(DenyReason::NoResponse), now)
        } else {
            let denial = Denial::new(DenyReason::NoResponse, "nobody answered within 60 seconds");
            self.closing_record(login, &denial, now).await?
        };
        let job = Job::new().step(logins::time_out(login.account, login.txid, now)).log(record);
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => {
                self.announce(login, Push::TimedOut);
                Ok(())
            }
            Err(Retry::Conflict(_)) => Ok(()),
            Err(Retry::Fail(error)) => Err(error),
        }
    }

    /// The log's entry for a push that closes without an answer.
    pub(super) async fn closing_record(
        &self,
        login: &Login,
        denial: &Denial,
        now: Timestamp,
    ) -> Result<LogRecord, EngineError> {
        let caller = self.caller_of(login).await?;
        let facts = self.store().user_facts(login.account, UserRef::Id(login.user), None, now).await?;
        let user = facts.as_ref().map(|facts| &facts.user);
        let phone = user.and_then(|user| user.phones.iter().find(|phone| phone.id == login.phone));
        let entry = Entry {
            caller: &caller,
            txid: login.txid,
            who: &Who::Id(login.user),
            user,
            access: &access_of(login),
            factor: push_factor(login),
            device: Some((login.phone.to_string(), phone.map(|phone| phone.display_name()).unwrap_or_default())),
            evidence: None,
            now,
        };
        Ok(entry.denied(self, denial))
    }

    /// Who asked for `login`, for its log entry.
    pub(super) async fn caller_of(&self, login: &Login) -> Result<Caller, EngineError> {
        let account = self.directory().account(login.account).await?.ok_or(EngineError::NotFound)?;
        let integration =
            self.directory().integration(login.account, login.integration).await?.ok_or(EngineError::NotFound)?;
        let surface = if login.surface == Surface::RestV1.as_str() { Surface::RestV1 } else { Surface::AuthV2 };
        let legacy_signature = access_member(login, "legacy_signature").as_bool().unwrap_or(false);
        Ok(Caller { account, integration, surface, connection: Liveness::forever(), legacy_signature })
    }
}

/// The log's word for a push.
pub(super) fn push_factor(login: &Login) -> FactorUsed {
    if login.digits == 0 { FactorUsed::DuoPush } else { FactorUsed::VerifiedDuoPush }
}

/// From where `login` was asked for.
pub(super) fn access_of(login: &Login) -> Access {
    Access {
        address: access_member(login, "address").as_str().and_then(cs_core::network::parse_address),
        hostname: access_member(login, "hostname").as_str().map(str::to_owned),
    }
}

fn access_member(login: &Login, name: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&login.access)
        .ok()
        .and_then(|mut all| all.get_mut(name).map(|v| v.take()))
        .unwrap_or_default()
}
