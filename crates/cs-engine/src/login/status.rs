//! Wait for somebody to answer.

use cs_core::id::TxId;
use cs_core::login::{AllowReason, Denial, DenyReason, FactorUsed, HOLD, LEGACY_HOLD, LEGACY_POLL_LIMIT, Push};
use cs_store::facts::{UserFacts, UserRef};
use cs_store::logins::{AskedBy, Login};
use jiff::Timestamp;

use super::close::Withdrawn;
use super::decided::Decided;
use super::kept_device;
use super::{Refused, Who, reference};
use crate::{Access, Caller, Engine, EngineError, Surface};

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
        self.withdraw(&login, Withdrawn::Because(DenyReason::NoResponse), self.clock().now()).await?;
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
        // One that was given up for another factor was withdrawn all the same.
        let reason = reason.or((login.push == Push::Cancelled).then_some(DenyReason::UserCancelled));
        Ok(refused(login.txid, reason.unwrap_or(DenyReason::Error)))
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

/// The log's word for a push or a call.
pub(super) fn push_factor(login: &Login) -> FactorUsed {
    match login.factor {
        AskedBy::Call => FactorUsed::PhoneCall,
        AskedBy::Push if login.digits == 0 => FactorUsed::DuoPush,
        AskedBy::Push => FactorUsed::VerifiedDuoPush,
    }
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

pub(super) fn access_member(login: &Login, name: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&login.access)
        .ok()
        .and_then(|mut all| all.get_mut(name).map(|v| v.take()))
        .unwrap_or_default()
}
