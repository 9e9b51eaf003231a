//! Wait for somebody to answer.

use cs_core::id::TxId;
use cs_core::login::{AllowReason, Denial, DenyReason, FactorUsed, HOLD, LEGACY_HOLD, LEGACY_POLL_LIMIT, Push};
use cs_core::policy::risk::{Assessment, RiskRecord};
use cs_core::user::User;
use cs_store::Job;
use cs_store::attempts::count_failed_push;
use cs_store::audit::LogRecord;
use cs_store::facts::{UserFacts, UserRef};
use cs_store::logins::{self, Login};
use cs_store::outbox::Effect;
use jiff::Timestamp;

use super::identity::check_record;
use super::kept_device;
use super::record::Entry;
use super::{Refused, Who, reference};
use crate::error::Retry;
use crate::{Access, Caller, Engine, EngineError, Liveness, MAX_ROUNDS, Surface};

/// The first step of the job that times a push out.
const AT_TIME_OUT: usize = 0;

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

/// What a row says.
enum Standing {
    /// Nobody has answered, and somebody may until then.
    Open(Timestamp),
    Decided(Decided),
}

impl Engine {
    /// How login `txid` stands, held open while nothing changes: [`HOLD`], or [`LEGACY_HOLD`] for REST v1.
    pub async fn auth_status(&self, caller: &Caller, txid: TxId) -> Result<LoginStatus, EngineError> {
        let hold = match caller.surface {
            Surface::AuthV2 | Surface::Prompt => HOLD,
            Surface::RestV1 => LEGACY_HOLD,
        };
        let until = self.clock().now() + hold;
        self.wait(caller, txid, until, true).await
    }

    /// How login `txid` stands now.
    pub(crate) async fn status_now(&self, caller: &Caller, txid: TxId) -> Result<LoginStatus, EngineError> {
        self.wait(caller, txid, self.clock().now(), false).await
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
        let parked = self.inner.waiters.park(txid, caller, self.clock().now());
        // What is needed for a moment only is boxed here and below: thousands of these wait at a time.
        let mut open_until = match parked.open_until {
            Some(open_until) => open_until,
            None => match Box::pin(self.look(caller, txid)).await? {
                Standing::Open(open_until) => open_until,
                Standing::Decided(decided) => return Ok(LoginStatus::Decided(decided)),
            },
        };
        if is_poll && caller.surface == Surface::RestV1 {
            let polls = self.inner.waiters.count_poll(txid, open_until);
            if polls == 1 {
                // The first answer is news: it tells the person to look at the phone. Every later one is held open.
                return Ok(LoginStatus::Waiting);
            }
            if polls >= LEGACY_POLL_LIMIT {
                match Box::pin(self.give_up(caller, txid)).await? {
                    Standing::Open(until) => open_until = until,
                    Standing::Decided(decided) => return Ok(LoginStatus::Decided(decided)),
                }
            }
        }
        loop {
            tokio::select! {
                biased;
                push = parked.closed() => {
                    if let Some(decided) = self.decided_by_news(caller, txid, push).await? {
                        return Ok(LoginStatus::Decided(decided));
                    }
                }
                () = self.clock().sleep_until(until.min(open_until)) => {
                    if self.clock().now() < open_until {
                        return Ok(LoginStatus::Waiting);
                    }
                }
            }
            // Closed in a way that the row tells more of, or its time is over.
            match Box::pin(self.look(caller, txid)).await? {
                Standing::Open(until) => open_until = until,
                Standing::Decided(decided) => return Ok(LoginStatus::Decided(decided)),
            }
        }
    }

    /// Reads how the caller's login stands, and closes it if its time is over. Needs a place taken before.
    async fn look(&self, caller: &Caller, txid: TxId) -> Result<Standing, EngineError> {
        loop {
            let login = self.login_of(caller, txid).await?;
            let now = self.clock().now();
            match login.push.at(now) {
                Push::Waiting { expires_at } => {
                    self.inner.waiters.is_open(&login, now);
                    return Ok(Standing::Open(expires_at));
                }
                // Whoever closes it, and however: the row says.
                Push::TimedOut if login.push.is_waiting() => self.time_out(&login, now).await?,
                Push::Approved | Push::Denied | Push::Fraud | Push::TimedOut | Push::Cancelled | Push::Refused => {
                    return self.decided(caller, &login).await.map(Standing::Decided);
                }
            }
        }
    }

    /// Withdraws a login whose client has asked as often as it may.
    async fn give_up(&self, caller: &Caller, txid: TxId) -> Result<Standing, EngineError> {
        let login = self.login_of(caller, txid).await?;
        self.withdraw(&login, DenyReason::NoResponse, self.clock().now()).await?;
        // Whoever closed it, and however: the row says.
        self.look(caller, txid).await
    }

    /// The login `txid` if it is one of the caller's.
    pub(super) async fn login_of(&self, caller: &Caller, txid: TxId) -> Result<Login, EngineError> {
        let login = self.store().login(caller.account.id, txid).await?;
        let is_theirs = |login: &Login| login.integration == caller.integration.key && !login.is_identity_check();
        login.filter(is_theirs).ok_or(EngineError::NotFound)
    }

    /// What a closed login means to the application.
    async fn decided(&self, caller: &Caller, login: &Login) -> Result<Decided, EngineError> {
        if login.push == Push::Approved {
            let mut decided = Decided::let_in(AllowReason::UserApproved);
            let now = self.clock().now();
            let rules = self.rules(caller, now).await?;
            if rules.may_give_tokens() {
                let facts = self.store().user_facts(login.account, UserRef::Id(login.user), None, now).await?;
                if let Some(UserFacts { user, .. }) = &facts {
                    let effective = rules.effective(Some(user));
                    decided.trusted_device_token = self.remember(caller, user, &effective, now)?;
                }
            }
            return Ok(decided);
        }
        let reason = reason_of(login.push).or_else(|| login.reason.as_deref().and_then(DenyReason::parse));
        Ok(refused(login.txid, reason.unwrap_or(DenyReason::Error)))
    }

    /// Writes down that nobody answered `login` in time. Does nothing if it is closed.
    pub(crate) async fn time_out(&self, login: &Login, now: Timestamp) -> Result<(), EngineError> {
        let account = login.account;
        for _ in 0..MAX_ROUNDS {
            let time_out = logins::time_out(account, login.txid, now);
            let job = if login.is_identity_check() {
                Job::new().step(time_out).log(check_record(login, Push::TimedOut, Some(DenyReason::NoResponse), now))
            } else {
                let denial = Denial::new(DenyReason::NoResponse, "nobody answered within 60 seconds");
                let facts = self.store().user_facts(account, UserRef::Id(login.user), None, now).await?;
                let user = facts.as_ref().map(|facts| &facts.user);
                // No failure that locks anybody out, but one that signals of risk count.
                let failed = user.map(|user| user.risk.push_failed(now));
                let known = user.zip(failed.as_ref());
                let (record, review) = self.closing_record(login, known, &denial, now).await?;
                let mut job = Job::new().step(time_out).log(record);
                job.guards.extend(known.map(|(user, risk)| count_failed_push(account, user, &user.lockout, risk)));
                job.effects.extend(review);
                job
            };
            match self.store().commit(job).await.map_err(Retry::from) {
                Ok(_) => {
                    if !login.is_identity_check() {
                        self.inner.seen.push_failed(account, access_of(login).address, login.user, now);
                    }
                    self.announce(login, Push::TimedOut);
                    return Ok(());
                }
                Err(Retry::Conflict(AT_TIME_OUT)) => return Ok(()),
                // Another attempt of the user's came between.
                Err(Retry::Conflict(_)) => {}
                Err(Retry::Fail(error)) => return Err(error),
            }
        }
        Err(EngineError::Contention)
    }

    /// The log's entry for a push that closes without an answer, and what the review queue is told; `known` is the user, and what is then known of it for the
    /// signals of risk.
    pub(super) async fn closing_record(
        &self,
        login: &Login,
        known: Option<(&User, &RiskRecord)>,
        denial: &Denial,
        now: Timestamp,
    ) -> Result<(LogRecord, Option<Effect>), EngineError> {
        let caller = self.caller_of(login).await?;
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

    /// The decision, where the news of its end is all there is to know; otherwise the row has more.
    async fn decided_by_news(&self, caller: &Caller, txid: TxId, push: Push) -> Result<Option<Decided>, EngineError> {
        Ok(match push {
            Push::Approved => {
                let gives_tokens = Box::pin(self.rules(caller, self.clock().now())).await?.may_give_tokens();
                (!gives_tokens).then(|| Decided::let_in(AllowReason::UserApproved))
            }
            Push::Denied | Push::Fraud | Push::TimedOut => reason_of(push).map(|reason| refused(txid, reason)),
            Push::Cancelled | Push::Refused | Push::Waiting { .. } => None,
        })
    }

    /// Who asked for `login`, for its log entry.
    pub(super) async fn caller_of(&self, login: &Login) -> Result<Caller, EngineError> {
        let account = self.directory().account(login.account).await?.ok_or(EngineError::NotFound)?;
        let integration =
            self.directory().integration(login.account, login.integration).await?.ok_or(EngineError::NotFound)?;
        let surface = match Surface::parse(&login.surface) {
            Some(surface) => surface,
            // It came through no login API; what is done in its name tells no surface.
            None if login.is_identity_check() => Surface::AuthV2,
            None => return Err(EngineError::NotFound),
        };
        let legacy_signature = access_member(login, "legacy_signature").as_bool().unwrap_or(false);
        Ok(Caller { account, integration, surface, connection: Liveness::forever(), legacy_signature })
    }
}

/// Why a login that ended so is refused, where the end alone says it.
const fn reason_of(push: Push) -> Option<DenyReason> {
    match push {
        Push::Denied => Some(DenyReason::UserMistake),
        Push::Fraud => Some(DenyReason::UserMarkedFraud),
        Push::TimedOut => Some(DenyReason::NoResponse),
        Push::Waiting { .. } => Some(DenyReason::Error),
        Push::Approved | Push::Cancelled | Push::Refused => None,
    }
}

fn refused(txid: TxId, reason: DenyReason) -> Decided {
    Decided::refused(&Refused { denial: Denial::new(reason, String::new()), reference: reference(txid) })
}

/// The log's word for a push.
pub(super) fn push_factor(login: &Login) -> FactorUsed {
    if login.digits == 0 { FactorUsed::DuoPush } else { FactorUsed::VerifiedDuoPush }
}

/// Whom the client named for `login`.
pub(super) fn who_of(login: &Login) -> Who {
    match access_member(login, "name") {
        serde_json::Value::String(name) => Who::Name(name),
        _ => Who::Id(login.user),
    }
}

/// From where `login` was asked for.
pub(super) fn access_of(login: &Login) -> Access {
    Access {
        address: access_member(login, "address").as_str().and_then(cs_core::network::parse_address),
        hostname: access_member(login, "hostname").as_str().map(str::to_owned),
        device: match access_member(login, "seen") {
            serde_json::Value::Null => None,
            kept => Some(Box::new(kept_device::from_json(&kept))),
        },
    }
}

fn access_member(login: &Login, name: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&login.access)
        .ok()
        .and_then(|mut all| all.get_mut(name).map(|v| v.take()))
        .unwrap_or_default()
}
