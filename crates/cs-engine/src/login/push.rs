//! Open a push, join one; calls are joined the same.

use cs_core::device::Phone;
use cs_core::id::TxId;
use cs_core::login::{Denial, DenyReason, FactorUsed, PUSH_TTL, Push, Ticket, TicketError};
use cs_core::policy::PushRule;
use cs_core::user::User;
use cs_store::logins::{AskedBy, Login, may_have_another, no_cool_down};
use cs_store::{Job, Step, args};
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::auth::{self, Round};
use super::kept_device;
use super::request::AuthAnswer;
use crate::error::Retry;
use crate::wake::wake;
use crate::{Access, Caller, DeviceEvent, Engine, EngineError, SystemRng};

/// The steps of the job that opens a push, in order.
const AT_INTEGRATION: usize = 0;
const AT_LOGIN: usize = 1;
const AT_COOL_DOWN: usize = 2;
const AT_LIVE: usize = 3;
const AT_POLICIES: usize = 4;

impl Engine {
    pub(super) async fn push(
        &self,
        asked: &auth::Login<'_>,
        phone: &Phone,
        ticket: Option<Result<Ticket, TicketError>>,
        by_menu: bool,
    ) -> Result<Round<AuthAnswer>, EngineError> {
        let auth::Login { caller, facts, rules, now, .. } = *asked;
        let user = &facts.user;
        let (txid, digits) = match push_number(asked, ticket, by_menu) {
            Ok(number) => number,
            Err(denial) => return self.deny(asked, FactorUsed::DuoPush, denial).await.map(Round::Done),
        };
        let login = self.new_login(asked, phone, txid, digits);
        let account = caller.account.id;
        let [integration, policies] = rules.unchanged(caller);
        let job = Job::new()
            .step(integration)
            .step(login.open())
            .step(no_cool_down(account, user.id, caller.integration.key, &login.source, now))
            .step(may_have_another(account, user.id, now))
            .step(policies);
        let mut job = job;
        job.guards.extend(self.begun_under_name(asked, txid));
        let job = job.step(user_version(&login, user));
        let job = match wake(account, phone, txid, login.expires_at, now) {
            Some(effect) => job.effect(effect),
            None => job,
        };
        let started = |login: &Login| AuthAnswer::Started { txid: login.txid, device: phone.menu_name() };
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => {
                self.inner.waiters.opened(txid, caller.connection.clone(), login.expires_at);
                self.inner.hub.publish(account, phone.id, DeviceEvent::Request(txid));
                Ok(Round::Done(started(&login)))
            }
            Err(Retry::Conflict(AT_LOGIN)) => match self.other_login(asked, &login).await? {
                Other::Gone => Ok(Round::Again),
                Other::Joined(first) => Ok(Round::Done(started(&first))),
                Other::InTheWay => {
                    let denial = Denial::new(DenyReason::PushInProgress, "another push holds the slot");
                    self.deny(asked, FactorUsed::DuoPush, denial).await.map(Round::Done)
                }
            },
            Err(Retry::Conflict(AT_COOL_DOWN)) => {
                let denial = Denial::new(
                    DenyReason::AnomalousPush,
                    "three pushes went unanswered or were withdrawn within ten minutes",
                );
                self.deny(asked, FactorUsed::DuoPush, denial).await.map(Round::Done)
            }
            Err(Retry::Conflict(AT_LIVE)) => {
                let denial =
                    Denial::new(DenyReason::PushInProgress, "as many pushes of this user wait as may at a time");
                self.deny(asked, FactorUsed::DuoPush, denial).await.map(Round::Done)
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

    pub(super) fn new_login(&self, asked: &auth::Login<'_>, phone: &Phone, txid: TxId, digits: u8) -> Login {
        let auth::Login { caller, request, facts, now, .. } = *asked;
        let user = &facts.user;
        let account = caller.account.id;
        let access = &request.access;
        let place = access.address.map(|address| self.inner.geo.place(address).describe()).unwrap_or_default();
        // The members of the protocol's statement (docs/device-protocol.md): shown on the device, signed there.
        let statement = json!({
            "v": 1,
            "account": account.as_str(),
            "origin": self.inner.authenticator_origin,
            "device": phone.id.as_str(),
            "txid": txid.to_string(),
            "request": BASE64URL_NOPAD.encode(&request.digest),
            "application": caller.integration.name,
            "user": request.display_username.as_deref().unwrap_or(&user.username),
            "type": request.push_type.as_deref().unwrap_or("Login request"),
            "address": access.address.map(|address| address.to_string()).unwrap_or_default(),
            "place": place,
            "hostname": access.hostname.as_deref().unwrap_or_default(),
            "time": now.as_second(),
            "info": request.info,
        });
        Login {
            account,
            txid,
            user: user.id,
            integration: caller.integration.key,
            source: access.source(),
            surface: caller.surface.as_str().to_owned(),
            push: Push::Waiting { expires_at: now + PUSH_TTL },
            phone: phone.id,
            digits,
            number_tries: 0,
            statement: statement.to_string(),
            access: access_json(access, caller, request.who.other_than(&user.username)),
            request_digest: request.digest,
            idempotency_key: request.idempotency_key.clone(),
            created_at: now,
            expires_at: now + PUSH_TTL,
            reason: None,
            node: self.inner.node.clone(),
            factor: AskedBy::Push,
            is_picked_up: false,
        }
    }

    /// What stands in the way of `login`: the same request sent again, or another one.
    pub(super) async fn other_login(&self, asked: &auth::Login<'_>, login: &Login) -> Result<Other, EngineError> {
        let auth::Login { caller, request, now, .. } = *asked;
        let (account, ikey) = (caller.account.id, caller.integration.key);
        if let Some(key) = &request.idempotency_key {
            let first = self.store().login_by_idempotency_key(account, ikey, login.user, key).await?;
            if let Some(first) = first {
                if first.request_digest != login.request_digest {
                    return Err(EngineError::IdempotencyMismatch);
                }
                return Ok(Other::Joined(Box::new(first)));
            }
        }
        let same_id = self.store().login(account, login.txid).await?;
        let first = match same_id {
            Some(first) => Some(first),
            None => self.store().login_in_slot(account, login.user, ikey, &login.source).await?,
        };
        let Some(first) = first else { return Ok(Other::Gone) };
        if first.push.is_waiting() && !first.push.at(now).is_waiting() {
            self.time_out(&first, now).await?;
            return Ok(Other::Gone);
        }
        // A retransmission joins; a second login by somebody else never does. What tells them apart: a client sends again only after its connection
        // has died; and an id that our menu gave out was given to one login only, so whoever repeats it has lost the answer. While nobody has decided,
        // that is: one approval must not let in twice.
        let same_request =
            first.request_digest == login.request_digest && first.idempotency_key == login.idempotency_key;
        let is_same_login = first.txid == login.txid && first.push.is_waiting();
        if same_request && first.integration == ikey && (is_same_login || self.is_abandoned(&first)) {
            self.inner.waiters.adopt(first.txid, caller.connection.clone());
            return Ok(Other::Joined(Box::new(first)));
        }
        // The same login through another proxy, that began after this one had looked for it.
        if self.was_named_since(asked).await? {
            return Ok(Other::Gone);
        }
        Ok(Other::InTheWay)
    }

    /// Whether the request that made `login` is known to have died without its answer.
    ///
    /// Only this process can know. What an earlier one was told is lost with it, and an asynchronous caller may have its id already: a second login that
    /// joined then would ride on the first one's approval. So after a restart a repeated request waits for the first push to end, or names it by its
    /// idempotency key.
    fn is_abandoned(&self, login: &Login) -> bool {
        login.node == self.inner.node && self.inner.waiters.origin_is_dead(login.txid).unwrap_or(false)
    }

    /// Tells everyone on this node that `login` is closed.
    pub(crate) fn announce(&self, login: &Login, push: Push) {
        self.inner.waiters.closed(login.txid, push);
        // A device that was never asked has nothing to take away.
        if login.factor == AskedBy::Push {
            self.inner.hub.publish(login.account, login.phone, DeviceEvent::Closed(login.txid, push));
        }
    }
}

/// The id of the push and how many digits it asks for; or why there can be none.
fn push_number(
    asked: &auth::Login<'_>,
    ticket: Option<Result<Ticket, TicketError>>,
    by_menu: bool,
) -> Result<(TxId, u8), Denial> {
    let ticket = ticket.transpose().map_err(|error| Denial::new(DenyReason::LoginExpired, error.to_string()))?;
    let txid = || ticket.as_ref().map_or_else(|| TxId::generate(&mut SystemRng), Ticket::txid);
    match (asked.allowed.push, &ticket) {
        (PushRule::Plain, _) => Ok((txid(), 0)),
        (PushRule::Verified { digits }, Some(ticket)) if ticket.is_shown() => Ok((ticket.txid(), digits)),
        // Somebody typed "push" where the menu offers a push with a number: that must not be a way around the number.
        (PushRule::Verified { .. }, None) if by_menu => {
            Err(Denial::new(DenyReason::NumberNotShown, "push was typed by name; the menu's option carries the number"))
        }
        // The policies take push away where no number can be shown, or make it plain.
        (PushRule::Verified { .. }, Some(_) | None) => {
            Err(Denial::new(DenyReason::FactorRestricted, "push: the client cannot show the number it needs"))
        }
    }
}

pub(super) enum Other {
    /// Nothing any more: try again.
    Gone,
    /// The same request: its push is this one's.
    Joined(Box<Login>),
    /// Another login.
    InTheWay,
}

/// Holds while the user was not changed by an administrator since the decision.
pub(super) fn user_version(login: &Login, user: &User) -> Step {
    Step::exists(
        "SELECT 1 FROM users WHERE account = $1 AND user_id = $2 AND version = $3",
        args![login.account.as_str(), user.id.as_str(), user.version],
    )
}

/// What the log needs of the question when the answer comes. `name` is what the client called the user, if it is not the username.
fn access_json(access: &Access, caller: &Caller, name: Option<&str>) -> String {
    let mut kept = json!({
        "address": access.address,
        "hostname": access.hostname,
        "legacy_signature": caller.legacy_signature,
    });
    if let Some(name) = name {
        kept["name"] = name.into();
    }
    if let Some(device) = &access.device {
        kept["seen"] = kept_device::to_json(device);
    }
    kept.to_string()
}
