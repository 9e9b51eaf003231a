//! An identity check: an administrator asks a user's phone whether it is them who calls the help desk.
//!
//! It travels to the phone as a push does, and there the likeness ends: no application can wait for it, it lets nobody in, and neither the user's lockout
//! nor the last login hears of it. So it is asked about a user in any state, and what comes of it stands in the activity log, not among the authentications.

use aws_lc_rs::digest::{Context, SHA256};
use cs_core::device::Phone;
use cs_core::id::{AccountId, IntegrationKey, PhoneId, TxId, UserId};
use cs_core::integration::Integration;
use cs_core::login::{Decision, DenyReason, PUSH_TTL, Push, Ticket};
use cs_core::user::User;
use cs_store::Job;
use cs_store::attempts::{integration_unchanged, user_unchanged};
use cs_store::audit::{LogKind, LogRecord};
use cs_store::authenticators::BoundDevice;
use cs_store::facts::UserRef;
use cs_store::logins::{AskedBy, IDENTITY_CHECK, Login, close, no_cool_down};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::alert::alert;
use super::answer::{Answer, AnswerError, Answered};
use super::auth::Round;
use super::reference;
use crate::admin::{Actor, admin_record};
use crate::error::Retry;
use crate::portal::words::TESTED;
use crate::wake::wake;
use crate::{Access, AccountEntry, DeviceEvent, Engine, EngineError, Liveness, MAX_ROUNDS, SystemRng};

/// How many digits the person types, Duo's length of a confirmation code.
const CODE_DIGITS: u8 = 6;

/// The steps of the job that opens a check, in order.
const AT_INTEGRATION: usize = 0;
const AT_LOGIN: usize = 1;
const AT_COOL_DOWN: usize = 2;

/// The phone's word for a test of the way to it.
const TEST: &str = "Test";
/// The phone's word for an identity check.
const CHECK: &str = "Identity check";

/// Whether `kind` is a word by which a phone knows a request that is no login: no application may dress one as that.
pub(super) fn is_reserved(kind: &str) -> bool {
    let kind = kind.trim();
    [TEST, CHECK].iter().any(|reserved| kind.eq_ignore_ascii_case(reserved))
}

/// What a phone is asked outside of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Is it you who calls? With a number.
    Check,
    /// Does this arrive?
    Test,
}

impl Kind {
    const fn digits(self) -> u8 {
        match self {
            Self::Check => CODE_DIGITS,
            Self::Test => 0,
        }
    }
}

/// A check that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityCheck {
    /// Its id.
    pub id: TxId,
    /// What the administrator reads out and the person types.
    pub code: String,
}

impl Engine {
    /// Asks `phone` of `user`, in the name of the Admin API integration `by`.
    ///
    /// Fails with [`EngineError::Invalid`] unless `phone` is the user's and can be sent a push, with [`EngineError::Exists`] while another check of this user
    /// by this integration waits, and with [`EngineError::Forbidden`] when several went unanswered of late.
    pub async fn check_identity(
        &self,
        by: &Integration,
        user: UserId,
        phone: PhoneId,
    ) -> Result<IdentityCheck, EngineError> {
        self.ask_outside(by, user, phone, Kind::Check).await
    }

    /// Sends `device` a request that counts for nothing, because its person wants to know whether requests arrive. It goes the way of every other one.
    ///
    /// Fails as [`Engine::check_identity`] does.
    pub async fn test_device(&self, account: &AccountEntry, device: &BoundDevice) -> Result<TxId, EngineError> {
        let portal = self.portal_caller(account, Liveness::forever()).await?;
        let portal = portal.ok_or(EngineError::Forbidden("self-service is disabled"))?;
        Ok(self.ask_outside(&portal.integration, device.user, device.phone, Kind::Test).await?.id)
    }

    async fn ask_outside(
        &self,
        by: &Integration,
        user: UserId,
        phone: PhoneId,
        kind: Kind,
    ) -> Result<IdentityCheck, EngineError> {
        let account = by.account;
        let key = self.ticket_key(account)?;
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let facts = self.store().user_facts(account, UserRef::Id(user), None, now).await?;
            let user = facts.ok_or(EngineError::NotFound)?.user;
            let asked = phone_of(&user, phone).ok_or(EngineError::Invalid("phone_id"))?;
            let ticket = Ticket::shown(&key, account, by.key, user.id, now, &mut SystemRng);
            let check = self.new_check(by, &user, asked, ticket.txid(), kind, now);
            let description = json!({"phone_id": phone.as_str(), "push_id": check.txid.to_string()});
            let record = match kind {
                Kind::Check => LogRecord {
                    user_id: Some(user.id.to_string()),
                    ..admin_record(
                        account,
                        &Actor::Integration(by.key),
                        "user_verify",
                        &user.username,
                        &description,
                        now,
                    )
                },
                Kind::Test => {
                    let body = json!({"device": phone.as_str(), "reference": reference(check.txid)});
                    self.self_record(account, &user, TESTED, &body, &Access::default(), now)
                }
            };
            let job = Job::new()
                .step(integration_unchanged(account, by.key, by.version))
                .step(check.open())
                .step(no_cool_down(account, user.id, by.key, &check.source, now))
                .step(user_unchanged(account, &user))
                .log(record);
            let job = match wake(account, asked, check.txid, check.expires_at, now) {
                Some(effect) => job.effect(effect),
                None => job,
            };
            match self.store().commit(job).await.map_err(Retry::from) {
                Ok(_) => {
                    self.hub().publish(account, phone, DeviceEvent::Request(check.txid));
                    return Ok(IdentityCheck { id: check.txid, code: ticket.number(&key, CODE_DIGITS) });
                }
                Err(Retry::Conflict(AT_INTEGRATION)) => {
                    // The caller holds what the integration was; its next request finds what it is.
                    self.directory().invalidate();
                    return Err(EngineError::Contention);
                }
                Err(Retry::Conflict(AT_LOGIN)) => {
                    let first = self.store().login_in_slot(account, user.id, by.key, &check.source).await?;
                    match first {
                        Some(first) if first.push.at(now).is_waiting() => {
                            return Err(EngineError::Exists("a verification push to this user that waits"));
                        }
                        Some(first) => self.time_out(&first, now).await?,
                        None => {}
                    }
                }
                Err(Retry::Conflict(AT_COOL_DOWN)) => {
                    return Err(EngineError::Forbidden("three verification pushes went unanswered within ten minutes"));
                }
                Err(Retry::Conflict(_)) => {}
                Err(Retry::Fail(error)) => return Err(error),
            }
        }
        Err(EngineError::Contention)
    }

    /// How the check `id` of `user` by `by` stands: only who sent it may know.
    pub async fn identity_check(&self, by: &Integration, user: UserId, id: TxId) -> Result<Push, EngineError> {
        let check = self.store().login(by.account, id).await?;
        let check = check.filter(|c| c.is_identity_check() && c.integration == by.key && c.user == user);
        Ok(check.ok_or(EngineError::NotFound)?.push.at(self.clock().now()))
    }

    fn new_check(&self, by: &Integration, user: &User, phone: &Phone, txid: TxId, kind: Kind, now: Timestamp) -> Login {
        let (word, info) = match kind {
            // From the person's own portal: no administrator is there.
            Kind::Check if by.kind.is_portal() => (TEST, json!([["Code", "Type what your browser shows"]])),
            Kind::Check => (CHECK, json!([["Code", "Type what the administrator reads out to you"]])),
            Kind::Test => (TEST, json!([])),
        };
        let request_digest = request_digest(by.account, by.key, user.id, phone.id, txid);
        let statement = json!({
            "v": 1,
            "account": by.account.as_str(),
            "origin": self.inner.authenticator_origin,
            "device": phone.id.as_str(),
            "txid": txid.to_string(),
            "request": BASE64URL_NOPAD.encode(&request_digest),
            "application": by.name,
            "user": user.username,
            "type": word,
            "address": "",
            "place": "",
            "hostname": "",
            "time": now.as_second(),
            "info": info,
        });
        Login {
            account: by.account,
            txid,
            user: user.id,
            integration: by.key,
            // No address: one live check per user and integration.
            source: IDENTITY_CHECK.to_owned(),
            surface: IDENTITY_CHECK.to_owned(),
            push: Push::Waiting { expires_at: now + PUSH_TTL },
            phone: phone.id,
            digits: kind.digits(),
            number_tries: 0,
            statement: statement.to_string(),
            access: "{}".to_owned(),
            request_digest,
            idempotency_key: None,
            created_at: now,
            expires_at: now + PUSH_TTL,
            reason: None,
            node: self.inner.node.clone(),
            factor: AskedBy::Push,
            is_picked_up: false,
        }
    }

    /// Closes a check by an answer whose number, where one is needed, was right.
    pub(super) async fn close_identity_check(
        &self,
        check: &Login,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<Round<Result<Answered, AnswerError>>, AnswerError> {
        let facts = self.store().user_facts(check.account, UserRef::Id(check.user), None, now).await?;
        let user = facts.map(|facts| facts.user).filter(|user| phone_of(user, check.phone).is_some());
        // A phone that was taken away meanwhile says nothing of the user.
        let Some(user) = user else { return Err(AnswerError::NoSuchRequest) };
        let (push, reason, answered) = match answer.decision {
            Decision::Approve => (Push::Approved, None, Answered::Approved),
            Decision::Deny => (Push::Denied, Some(DenyReason::UserMistake), Answered::Denied),
            Decision::Fraud => (Push::Fraud, Some(DenyReason::UserMarkedFraud), Answered::Fraud),
        };
        let mut record = check_record(check, push, reason, now);
        record.evidence = Some(answer.evidence.clone());
        let mut job = Job::new()
            .step(close(check.account, check.txid, push, reason, now))
            .step(user_unchanged(check.account, &user))
            .log(record);
        if answer.decision == Decision::Fraud {
            // No login, so nobody came through any of the doors of logins; the integration is the one that asked.
            let integration = self.directory().integration(check.account, check.integration).await?;
            let integration = integration.ok_or(EngineError::NotFound)?;
            job = job.effect(alert((check.account, &integration.name), &user, "fraud", check.txid, now));
        }
        Ok(match self.settle(job).await? {
            Round::Again => Round::Again,
            Round::Done(()) => {
                self.announce(check, push);
                Round::Done(Ok(answered))
            }
        })
    }
}

/// The phone `id` of `user`, if it can be asked.
fn phone_of(user: &User, id: PhoneId) -> Option<&Phone> {
    user.phones.iter().find(|phone| phone.id == id && phone.can_push())
}

/// Who asks whom: what the statement binds the answer to.
fn request_digest(account: AccountId, by: IntegrationKey, user: UserId, phone: PhoneId, txid: TxId) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    // Every part has a fixed length, so the encoding is unambiguous.
    for part in [IDENTITY_CHECK, account.as_str(), by.as_str(), user.as_str(), phone.as_str()] {
        context.update(part.as_bytes());
    }
    context.update(txid.as_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// What the activity log says of a check that ends as `push`.
pub(super) fn check_record(check: &Login, push: Push, reason: Option<DenyReason>, now: Timestamp) -> LogRecord {
    let statement: Json = serde_json::from_str(&check.statement).unwrap_or_default();
    let mut record = LogRecord::new(check.account.as_str(), LogKind::Activity, check.txid.to_string(), now);
    record.user_id = Some(check.user.to_string());
    record.integration = Some(check.integration.to_string());
    let what = if statement["type"] == TEST { "device_test" } else { "identity_check" };
    record.result = Some(format!("{what}_{}", push.as_str()));
    record.reason = reason.map(|reason| reason.as_str().to_owned());
    let body = json!({
        "device": check.phone.as_str(),
        "application": statement["application"],
        "reference": reference(check.txid),
    });
    record.body = body.to_string();
    record.personal = Some(json!({"username": statement["user"]}).to_string());
    record
}
