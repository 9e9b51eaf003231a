//! An account that went to another device: who hears of it, and how somebody says that it was not them.
//!
//! `login::moving` proves it, [`Engine::activate`] does it: what was bound before stops working in the same commit, which also queues the letter and the messages to the
//! device before and to the user's others. For a day any of them can contest: then nothing is bound, administrators are told, and only they can bind anything.

use cs_core::device::Phone;
use cs_core::id::{AccountId, PhoneId, TxId, UserId};
use cs_core::user::User;
use cs_store::Job;
use cs_store::attempts::user_unchanged;
use cs_store::authenticators::{Activation, ActivationSource, BoundDevice, touch_users_of_phone, unbind};
use cs_store::facts::UserRef;
use cs_store::moves::{Moved, contest, forget_moved_subscription};
use cs_store::outbox::Effect;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use zeroize::Zeroizing;

use crate::devices::ActivateRequest;
use crate::letters::About;
use crate::wake::WAKE;
use crate::{Access, AccountEntry, DeviceEvent, Engine, EngineError, SystemRng};

/// How long a move can be contested; also for how long nobody can move again who has been contested, and how long phones are told.
pub const CONTEST_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// How long a device that was replaced is told so.
pub(crate) const MOVES_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The activity log's word for a move that was proven, and needs the new device's activation yet.
pub const PROVEN: &str = "move_proven";
/// The activity log's word for one that somebody said was not theirs.
pub const CONTESTED: &str = "move_contested";

/// A device that was replaced, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedAway {
    /// What was bound before, and what is now.
    pub moved: Moved,
    /// Whether it can be contested.
    pub contestable: bool,
}

impl Engine {
    /// What was bound to `phone` before what is bound to it now, if that is not long ago.
    pub async fn moved_away(&self, account: AccountId, phone: PhoneId) -> Result<Option<MovedAway>, EngineError> {
        let now = self.clock().now();
        Ok(self.store().moved(account, phone).await?.map(|moved| told(moved, now)))
    }

    /// What else of its user's was moved or added of late, for `device` to show.
    pub async fn moves_beside(&self, device: &BoundDevice) -> Result<Vec<MovedAway>, EngineError> {
        let now = self.clock().now();
        let moves = self.store().own_moves(device.account, device.user, now - CONTEST_WITHIN).await?;
        // A device that was bound after a move has nothing to say about it.
        let is_for = |moved: &Moved| moved.phone != device.phone && device.activated_at < moved.moved_at;
        Ok(moves.into_iter().filter(is_for).map(|moved| told(moved, now)).collect())
    }

    /// Says that `phone` was moved by somebody else: nothing is bound to it any more, and administrators hear of it. Whoever calls has checked that this comes from the
    /// device before, or from another one of the same user. False if it cannot be contested, or was.
    pub async fn contest_move(
        &self,
        account: &AccountEntry,
        phone: PhoneId,
        access: &Access,
    ) -> Result<bool, EngineError> {
        let (id, now) = (account.id, self.clock().now());
        let Some(moved) = self.store().moved(id, phone).await? else { return Ok(false) };
        let facts = self.store().user_facts(id, UserRef::Id(moved.user), None, now).await?;
        let Some(user) = facts.map(|facts| facts.user) else { return Ok(false) };
        let is_bound = self.store().bound_device(id, phone).await?.is_some();
        let mut job = Job::new();
        if is_bound {
            job = job.step(unbind(id, phone));
        }
        job = job.step(contest(id, phone, now - CONTEST_WITHIN, now)).step(user_unchanged(id, &user));
        job = job.step(touch_users_of_phone(id, phone));
        let txid = TxId::at(now, &mut SystemRng);
        let body = json!({"device": phone.as_str(), "reference": crate::login::reference(txid)});
        job = job.log(self.self_record(id, &user, CONTESTED, &body, access, now));
        let payload = json!({
            "alert": "move_contested",
            "user_id": user.id.as_str(),
            "username": user.username,
            "application": "Authenticator",
            "reference": crate::login::reference(txid),
            "time": now.as_second(),
        });
        job = job.effect(Effect::new("alert", id.as_str(), payload.to_string(), now));
        job.effects.extend(self.notice(account, &user, About::MoveUndone, &moved.name, now)?);
        if !self.holds(job).await? {
            return Ok(false);
        }
        self.hub().publish(id, phone, DeviceEvent::Unbound);
        Ok(true)
    }

    /// The subscription of the device that was bound to `phone` before, if it had one.
    pub async fn moved_subscription(
        &self,
        account: AccountId,
        phone: PhoneId,
    ) -> Result<Option<Zeroizing<String>>, EngineError> {
        let Some(sealed) = self.store().moved(account, phone).await?.and_then(|moved| moved.push) else {
            return Ok(None);
        };
        let plain = self
            .store()
            .vault()
            .open(account.as_str(), "authenticator", "push", phone.as_str(), &sealed)
            .map_err(EngineError::vault)?;
        String::from_utf8(plain.to_vec())
            .map(|json| Some(Zeroizing::new(json)))
            .map_err(|_| EngineError::Invalid("push"))
    }

    /// Takes that subscription away: its push service no longer knows it.
    pub async fn forget_moved_subscription(&self, account: AccountId, phone: PhoneId) -> Result<(), EngineError> {
        self.holds(Job::new().step(forget_moved_subscription(account, phone))).await.map(drop)
    }

    /// What a code of a move binds, and who is told of it in the same commit. `None` if it binds nothing: the user may not be anywhere any more, or the device named
    /// is not theirs. Codes of other kinds bind what they were made for.
    pub(crate) async fn moving(
        &self,
        account: AccountId,
        activation: Activation,
        request: &ActivateRequest,
        now: Timestamp,
    ) -> Result<Option<(Activation, Job)>, EngineError> {
        if activation.source != ActivationSource::Move {
            let is_other = request.replaces.is_some_and(|named| named != activation.phone);
            return Ok((!is_other).then(|| (activation, Job::new())));
        }
        let facts = self.store().user_facts(account, UserRef::Id(activation.user), None, now).await?;
        let user = facts.map(|facts| facts.user).filter(|user| crate::enrollment::is_active(user, now));
        let Some(user) = user else { return Ok(None) };
        // What was proven before somebody said so is worth no more than what is proven afterwards.
        if self.was_contested(account, user.id, now).await? {
            return Ok(None);
        }
        let target = request.replaces.unwrap_or(activation.phone);
        if !user.phones.iter().any(|phone| phone.id == target) {
            return Ok(None);
        }
        let entry = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        let mut job = Job::new().step(user_unchanged(account, &user));
        job.effects.extend(self.told_by_mail(&entry, &user, request, now)?);
        let others = user.phones.iter().filter(|one| one.id == target || one.can_push());
        job.effects.extend(others.filter_map(|one| wake_for_move(account, one, target, now)));
        Ok(Some((Activation { phone: target, ..activation }, job)))
    }

    /// Whether a move of the last day was called somebody else's: then nobody moves again, and an administrator must help.
    pub(crate) async fn was_contested(
        &self,
        account: AccountId,
        user: UserId,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        let moves = self.store().own_moves(account, user, now - CONTEST_WITHIN).await?;
        Ok(moves.iter().any(|one| one.contested_at.is_some()))
    }

    fn told_by_mail(
        &self,
        account: &AccountEntry,
        user: &User,
        request: &ActivateRequest,
        now: Timestamp,
    ) -> Result<Option<Effect>, EngineError> {
        let to = if request.name.is_empty() { &request.platform } else { &request.name };
        self.notice_from(account, user, About::Moved, to, request.address, now)
    }
}

fn told(moved: Moved, now: Timestamp) -> MovedAway {
    let contestable =
        moved.source == ActivationSource::Move && moved.contested_at.is_none() && now < moved.moved_at + CONTEST_WITHIN;
    MovedAway { moved, contestable }
}

/// What wakes the other devices of `user`, to tell that `added` was bound by a link that somebody was given.
pub(crate) fn told_of_added(account: AccountId, user: &User, added: PhoneId, now: Timestamp) -> Vec<Effect> {
    let others = user.phones.iter().filter(|one| one.id != added && one.can_push());
    others.filter_map(|one| wake_to_tell(account, one, (added, true), now)).collect()
}

/// What wakes `phone`, the device before or another one of the user's, to tell that `target` was moved.
fn wake_for_move(account: AccountId, phone: &Phone, target: PhoneId, now: Timestamp) -> Option<Effect> {
    wake_to_tell(account, phone, (target, false), now)
}

fn wake_to_tell(account: AccountId, phone: &Phone, (target, added): (PhoneId, bool), now: Timestamp) -> Option<Effect> {
    let can_be_woken = phone.authenticator.as_ref().is_some_and(|bound| bound.confirmed && bound.can_be_woken);
    let payload = json!({
        "device": phone.id.as_str(),
        "txid": TxId::at(now, &mut SystemRng).to_string(),
        "expires": (now + CONTEST_WITHIN).as_second(),
        "moved": target.as_str(),
        "added": added,
    });
    can_be_woken.then(|| Effect::new(WAKE, account.as_str(), payload.to_string(), now))
}
