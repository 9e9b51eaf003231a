//! Exceptions on request: a person asks with a reason, an administrator approves, perhaps for less, or refuses with a note. Both are in the log.

use cs_core::bypass::{Bypass, BypassTerm, is_on};
use cs_core::bypass_code::BYPASS_CODE_DIGITS;
use cs_core::exception::{ExceptionKind, ExceptionRules, ExceptionState, granted};
use cs_core::id::{AccountId, BypassCodeId, ExceptionId, PhoneId, TxId, UserId};
use cs_core::secret::PlainCode;
use cs_core::user::UserStatus;
use cs_store::Job;
use cs_store::accounts::exception_rules;
use cs_store::audit::{LogKind, LogRecord};
use cs_store::authenticators::touch_user;
use cs_store::bypass_codes::{BypassCodeRecord, remove_dead_bypass_codes};
use cs_store::exceptions::{ExceptionDecision, ExceptionRecord, forget_sealed_codes};
use cs_store::outbox::Effect;
use cs_store::users::UserRecord;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use crate::admin::bypass::{MOST_REASON, describe_change, user_standing};
use crate::admin::text::bounded;
use crate::admin::{Actor, admin_record};
use crate::review::{Bypassed, bypass_given};
use crate::{Engine, EngineError, MAX_ROUNDS, SystemRng};

/// What the row is sealed for.
const TABLE: &str = "exception_request";
const COLUMN: &str = "sealed_code";

/// A request, before it is written down.
#[derive(Debug, Clone)]
pub struct ExceptionWish {
    /// What for.
    pub kind: ExceptionKind,
    /// Why.
    pub reason: String,
    /// For how long.
    pub length: SignedDuration,
    /// Where it is asked: `authenticator`, `portal`, `prompt`.
    pub source: &'static str,
    /// The device that asks, if it is one.
    pub device: Option<PhoneId>,
}

/// Why somebody cannot ask now.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionRefused {
    /// The organisation does not take requests.
    #[error("your organisation takes no requests for exceptions; ask your help desk")]
    NotAllowed,
    /// One waits already, or there were too many of late.
    #[error("you have asked already: one request at a time, and at most five a day")]
    TooMany,
    /// Not as long as may be asked for.
    #[error("an exception lasts at least 5 minutes and at most {} minutes here", longest.as_mins())]
    Length {
        /// The longest that may be asked for.
        longest: SignedDuration,
    },
    /// No reason, or one too long.
    #[error("give a reason, in at most 500 characters")]
    Reason,
    /// The account of the person is disabled or gone.
    #[error("your account cannot ask for exceptions; ask your help desk")]
    User,
    /// No decision.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Where the code of an approved request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Shown to the administrator, this once.
    Show,
    /// Fetched by the authenticator that asked, until it ends. Only where one asked.
    Device,
}

/// How an administrator approves.
#[derive(Debug, Clone)]
pub struct Approval {
    /// For how long; as asked without. Never longer.
    pub length: Option<SignedDuration>,
    /// A remark for the person.
    pub note: String,
    /// Where a code goes.
    pub delivery: Delivery,
}

/// What was approved.
#[derive(Debug)]
pub struct Approved {
    /// Until when.
    pub until: Timestamp,
    /// The code, if there is one to show.
    pub code: Option<PlainCode>,
}

impl Engine {
    /// What `account` allows of requests.
    pub async fn exception_rules(&self, account: AccountId) -> Result<ExceptionRules, EngineError> {
        let entry = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        Ok(exception_rules(&entry.settings))
    }

    /// A person asks for an exception. Administrators are alerted.
    ///
    /// The user's row is held, so that of parallel requests each is counted.
    pub async fn request_exception(
        &self,
        account: AccountId,
        user: UserId,
        wish: &ExceptionWish,
    ) -> Result<ExceptionRecord, ExceptionRefused> {
        let rules = self.exception_rules(account).await?;
        if !rules.allowed {
            return Err(ExceptionRefused::NotAllowed);
        }
        let reason = bounded("reason", wish.reason.trim(), MOST_REASON).map_err(|_| ExceptionRefused::Reason)?;
        if reason.is_empty() {
            return Err(ExceptionRefused::Reason);
        }
        rules.may_ask_for(wish.length).map_err(|_| ExceptionRefused::Length { longest: rules.longest })?;
        let (person, _) =
            self.store().user_record(account, user).await.map_err(EngineError::from)?.ok_or(ExceptionRefused::User)?;
        if !may_have_one(&person) {
            return Err(ExceptionRefused::User);
        }
        self.expire_exceptions(account).await?;
        let now = self.clock().now();
        let request = ExceptionRecord {
            id: ExceptionId::generate(&mut SystemRng),
            user,
            kind: wish.kind,
            reason,
            wanted: wish.length,
            source: wish.source.to_owned(),
            phone: wish.device,
            state: ExceptionState::Waiting,
            created_at: now,
            expires_at: now.saturating_add(rules.waits).unwrap_or(Timestamp::MAX),
            decided_at: None,
            decided_by: None,
            note: None,
            until: None,
            code: None,
            sealed_code: None,
        };
        let mut alert = describe(&request, &person.username);
        alert["alert"] = json!("exception_requested");
        alert["time"] = json!(now.as_second());
        let job = Job::new()
            .step(touch_user(account, user))
            .step(request.insert(account))
            .log(activity(account, &request, &person.username, "exception_requested", now))
            .effect(Effect::new("alert", account.as_str(), alert.to_string(), now));
        match self.apply(job).await? {
            None => Ok(request),
            Some(0) => Err(ExceptionRefused::User),
            Some(_) => Err(ExceptionRefused::TooMany),
        }
    }

    /// Approves a request, once.
    ///
    /// Fails with [`EngineError::NotFound`] if there is none, [`EngineError::Exists`] if it is decided or over already, and [`EngineError::Invalid`]
    /// for a length longer than asked, a delivery that is not possible, or a user who may have no exception.
    pub async fn approve_exception(
        &self,
        account: AccountId,
        actor: &Actor,
        id: ExceptionId,
        approval: &Approval,
    ) -> Result<Approved, EngineError> {
        let note = bounded("note", approval.note.trim(), MOST_REASON)?;
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let request = self.waiting_exception(account, id, now).await?;
            let (person, attempts) =
                self.store().user_record(account, request.user).await?.ok_or(EngineError::NotFound)?;
            if !may_have_one(&person) {
                return Err(EngineError::Forbidden("the user is disabled or in the trash"));
            }
            let length = granted(request.wanted, approval.length).map_err(|_| EngineError::Invalid("valid_secs"))?;
            let until = now.saturating_add(length).unwrap_or(Timestamp::MAX);
            let mut decision = ExceptionDecision {
                state: ExceptionState::Approved,
                by: actor.name(),
                note: &note,
                until: Some(until),
                code: None,
                sealed_code: None,
            };
            let mut description = describe(&request, &person.username);
            description["until"] = json!(until.as_second());
            description["note"] = json!(note);
            let (grant, code, sealed) = match request.kind {
                ExceptionKind::Bypass => {
                    let (mut job, bypass) =
                        self.grant_bypass(account, &request, &person, attempts, until, &mut description, now)?;
                    let who = Bypassed::User(person.id, &person.username);
                    job.effects.extend(bypass_given(account, actor, who, (None, Some(&bypass)), now));
                    (job, None, None)
                }
                ExceptionKind::Code => {
                    let (job, id, code) = self.grant_code(account, actor, &request, until, now)?;
                    decision.code = Some(id);
                    description["bypass_code_id"] = json!(id.as_str());
                    match (approval.delivery, request.phone) {
                        (Delivery::Show, _) => (job, Some(code), None),
                        (Delivery::Device, Some(_)) => {
                            let sealed = self.store().vault().seal(
                                account.as_str(),
                                TABLE,
                                COLUMN,
                                request.id.as_str(),
                                code.expose().as_bytes(),
                            );
                            (job, None, Some(sealed.map_err(EngineError::vault)?))
                        }
                        (Delivery::Device, None) => return Err(EngineError::Invalid("delivery")),
                    }
                }
            };
            decision.sealed_code = sealed.as_deref();
            let record = admin_record(account, actor, "exception_approve", &person.username, &description, now);
            let job = Job::new().step(request.decide(account, &decision, now)).and(grant).log(record);
            if self.apply(job).await?.is_none() {
                return Ok(Approved { until, code });
            }
        }
        Err(EngineError::Contention)
    }

    /// Refuses a request, once; the person can read the note. Fails as [`approve_exception`](Self::approve_exception).
    pub async fn refuse_exception(
        &self,
        account: AccountId,
        actor: &Actor,
        id: ExceptionId,
        note: &str,
    ) -> Result<(), EngineError> {
        let note = bounded("note", note.trim(), MOST_REASON)?;
        let now = self.clock().now();
        let request = self.waiting_exception(account, id, now).await?;
        let (person, _) = self.store().user_record(account, request.user).await?.ok_or(EngineError::NotFound)?;
        let decision = ExceptionDecision {
            state: ExceptionState::Refused,
            by: actor.name(),
            note: &note,
            until: None,
            code: None,
            sealed_code: None,
        };
        let mut description = describe(&request, &person.username);
        description["note"] = json!(note);
        let record = admin_record(account, actor, "exception_refuse", &person.username, &description, now);
        let job = Job::new().step(request.decide(account, &decision, now)).log(record);
        match self.apply(job).await? {
            None => Ok(()),
            Some(_) => Err(EngineError::Exists("a decision")),
        }
    }

    /// The requests of a user, newest first, each with its code if it is kept for `device` and works still.
    pub async fn exceptions_for_device(
        &self,
        account: AccountId,
        user: UserId,
        device: PhoneId,
    ) -> Result<Vec<(ExceptionRecord, Option<PlainCode>)>, EngineError> {
        let now = self.clock().now();
        let mut requests = Vec::new();
        for request in self.store().reader().exceptions(account, Some(user), 10).await? {
            let is_for_it = request.phone == Some(device) && is_on(request.until, now);
            let code = match request.sealed_code.as_deref().filter(|_| is_for_it) {
                Some(sealed) => {
                    let vault = self.store().vault();
                    let opened = vault.open(account.as_str(), TABLE, COLUMN, request.id.as_str(), sealed);
                    let opened = opened.map_err(EngineError::vault)?;
                    std::str::from_utf8(&opened).ok().map(PlainCode::from_text)
                }
                None => None,
            };
            requests.push((request, code));
        }
        Ok(requests)
    }

    /// Writes down which requests nobody decided in time, and forgets codes that work no more; says how many expired. Meant for once a minute.
    pub async fn expire_exceptions(&self, account: AccountId) -> Result<usize, EngineError> {
        let now = self.clock().now();
        let mut expired = 0;
        for request in self.store().reader().waiting_exceptions(account).await? {
            if request.state.at(request.expires_at, now) != ExceptionState::Expired {
                continue;
            }
            let Some((person, _)) = self.store().user_record(account, request.user).await? else { continue };
            let job = Job::new().step(request.expire(account, now)).log(activity(
                account,
                &request,
                &person.username,
                "exception_expired",
                now,
            ));
            expired += usize::from(self.apply(job).await?.is_none());
        }
        Ok(expired)
    }

    /// Forgets the codes that were kept for devices and work no more.
    pub async fn forget_delivered_codes(&self, account: AccountId) -> Result<(), EngineError> {
        self.apply(Job::new().step(forget_sealed_codes(account, self.clock().now()))).await.map(drop)
    }

    async fn waiting_exception(
        &self,
        account: AccountId,
        id: ExceptionId,
        now: Timestamp,
    ) -> Result<ExceptionRecord, EngineError> {
        let request = self.store().reader().exception(account, id).await?.ok_or(EngineError::NotFound)?;
        match request.state.at(request.expires_at, now) {
            ExceptionState::Waiting => Ok(request),
            ExceptionState::Approved | ExceptionState::Refused | ExceptionState::Expired => {
                Err(EngineError::Exists("a decision"))
            }
        }
    }

    /// The user in bypass until then. One that ends later already is not cut short by an approval.
    #[expect(clippy::too_many_arguments, reason = "one caller, which has each of them at hand")]
    fn grant_bypass(
        &self,
        account: AccountId,
        request: &ExceptionRecord,
        person: &UserRecord,
        attempts: i64,
        until: Timestamp,
        description: &mut Json,
        now: Timestamp,
    ) -> Result<(Job, Bypass), EngineError> {
        let ends = person.bypass.as_ref().map(|bypass| bypass.term.until);
        let is_longer = ends.is_some_and(|end| is_on(end, now) && end.is_none_or(|end| end > until));
        if is_longer {
            return Err(EngineError::Exists("a bypass that ends later"));
        }
        let term = BypassTerm { until: Some(until), remind_at: None };
        let bypass = Bypass { reason: format!("{}: {}", request.id, request.reason), term };
        let user = UserRecord { status: UserStatus::Bypass, bypass: Some(bypass.clone()), ..person.clone() };
        describe_change(description, user_standing(person), user_standing(&user));
        Ok((Job::new().step(user.update(account, attempts)), bypass))
    }

    fn grant_code(
        &self,
        account: AccountId,
        actor: &Actor,
        request: &ExceptionRecord,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(Job, BypassCodeId, PlainCode), EngineError> {
        let code = PlainCode::decimal(BYPASS_CODE_DIGITS, &mut SystemRng);
        let record = BypassCodeRecord {
            id: BypassCodeId::generate(&mut SystemRng),
            user: request.user,
            created_at: now,
            created_by: actor.name().to_owned(),
            reason: Some(format!("{}: {}", request.id, request.reason)),
            expires_at: Some(until),
            uses_left: Some(1),
        };
        let job = Job::new()
            .step(touch_user(account, request.user))
            .step(remove_dead_bypass_codes(account, request.user, now))
            .step(record.insert(account, &self.bypass_digest(account, code.expose())?));
        Ok((job, record.id, code))
    }
}

/// Whom an exception can let in at all.
fn may_have_one(person: &UserRecord) -> bool {
    match person.status {
        UserStatus::Active | UserStatus::Bypass => true,
        UserStatus::Disabled | UserStatus::PendingDeletion => false,
    }
}

fn describe(request: &ExceptionRecord, username: &str) -> Json {
    json!({
        "exception_id": request.id.as_str(),
        "user_id": request.user.as_str(),
        "username": username,
        "kind": request.kind.as_str(),
        "reason": request.reason,
        "wanted_secs": request.wanted.as_secs(),
        "source": request.source,
    })
}

fn activity(account: AccountId, request: &ExceptionRecord, username: &str, what: &str, now: Timestamp) -> LogRecord {
    let id = TxId::generate(&mut SystemRng).to_string();
    let mut record = LogRecord::new(account.as_str(), LogKind::Activity, id, now);
    record.user_id = Some(request.user.to_string());
    record.result = Some(what.to_owned());
    record.body = json!({
        "exception_id": request.id.as_str(),
        "kind": request.kind.as_str(),
        "wanted_secs": request.wanted.as_secs(),
        "source": request.source,
        "device": request.phone.as_ref().map(PhoneId::as_str),
    })
    .to_string();
    record.personal =
        Some(json!({"username": username, "object": username, "description": request.reason}).to_string());
    record
}
