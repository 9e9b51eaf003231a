//! Waking a phone: where to send the message, what calls for it, and how far a login's way to the person has come.
//!
//! A message only brings the person to look: what waits is in the database, and an open authenticator hears of it by itself. So nothing here can hold a
//! login up or let one in, and what is known of the way is a hint in memory, told to other nodes, never written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cs_core::device::Phone;
use cs_core::id::{AccountId, PhoneId, TxId};
use cs_core::login::PUSH_TTL;
use cs_store::Job;
use cs_store::authenticators::{forget_subscription, touch_users_of_phone};
use cs_store::outbox::Effect;
use cs_store::vapid::{SealedVapidKey, keep_vapid_key};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::{Engine, EngineError, others};

/// The kind of the effects that wake phones.
pub const WAKE: &str = "wake";
/// Logins whose way is remembered at a time; what is beyond is not known.
const MOST_KNOWN: usize = 65_536;

/// How far a login's way to the person has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Delivery {
    /// It waits in the database.
    #[default]
    Queued,
    /// The push service took a message for the phone.
    Accepted,
    /// The phone has fetched it.
    Delivered,
    /// The phone has put it before the person's eyes.
    Shown,
}

impl Delivery {
    /// Its word, for answers and hints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Shown => "shown",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Queued, Self::Accepted, Self::Delivered, Self::Shown].into_iter().find(|known| known.as_str() == word)
    }
}

/// What this node knows of logins on their way.
#[derive(Debug, Default)]
pub(crate) struct Deliveries(Mutex<HashMap<TxId, Way>>);

/// How far one login has come.
#[derive(Debug)]
struct Way {
    state: Delivery,
    /// Whether the push service took the message, which may happen after the phone has fetched the login by itself.
    is_accepted: bool,
    /// Wakes those who wait for it to be shown.
    shown: Arc<Notify>,
    until: Timestamp,
}

impl Deliveries {
    /// Notes it; false if as much was known.
    pub(crate) fn note(&self, txid: TxId, state: Delivery, now: Timestamp) -> bool {
        let mut known = self.lock();
        let Some(way) = entry(&mut known, txid, now) else { return false };
        let is_news = way.state < state || (state == Delivery::Accepted && !way.is_accepted);
        way.is_accepted |= state == Delivery::Accepted;
        way.state = state.max(way.state);
        if is_news && way.state == Delivery::Shown {
            way.shown.notify_waiters();
        }
        is_news
    }

    fn of(&self, txid: TxId) -> Delivery {
        self.lock().get(&txid).map_or(Delivery::Queued, |way| way.state)
    }

    fn is_accepted(&self, txid: TxId) -> bool {
        self.lock().get(&txid).is_some_and(|way| way.is_accepted)
    }

    /// Ends when the login `txid` is shown; perhaps never.
    async fn shown(&self, txid: TxId, now: Timestamp) {
        let news = {
            let mut known = self.lock();
            match entry(&mut known, txid, now) {
                Some(way) if way.state == Delivery::Shown => return,
                // Enlisted before the lock is given back, so that no news falls between.
                Some(way) => Some(Arc::clone(&way.shown).notified_owned()),
                None => None,
            }
        };
        match news {
            Some(news) => news.await,
            None => std::future::pending().await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TxId, Way>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of `txid`, from now on; `None` while too much is.
fn entry(known: &mut HashMap<TxId, Way>, txid: TxId, now: Timestamp) -> Option<&mut Way> {
    if known.len() >= MOST_KNOWN && !known.contains_key(&txid) {
        known.retain(|_, way| way.until > now);
        if known.len() >= MOST_KNOWN {
            return None;
        }
    }
    let way = || Way { state: Delivery::Queued, is_accepted: false, shown: Arc::default(), until: now + PUSH_TTL };
    Some(known.entry(txid).or_insert_with(way))
}

/// A subscription as it is stored and as it is.
#[derive(Debug)]
pub struct Subscription {
    sealed: Vec<u8>,
    /// JSON text: endpoint and keys.
    pub json: Zeroizing<String>,
}

/// What wakes `phone` for a login, if it can be woken.
pub(crate) fn wake(
    account: AccountId,
    phone: &Phone,
    txid: TxId,
    expires_at: Timestamp,
    now: Timestamp,
) -> Option<Effect> {
    let can_be_woken = phone.authenticator.as_ref().is_some_and(|authenticator| authenticator.can_be_woken);
    let payload = json!({"device": phone.id.as_str(), "txid": txid.to_string(), "expires": expires_at.as_second()});
    can_be_woken.then(|| Effect::new(WAKE, account.as_str(), payload.to_string(), now))
}

impl Engine {
    /// How far the login `txid` has come on its way to the person, as far as this node knows.
    pub fn delivery(&self, txid: TxId) -> Delivery {
        self.inner.deliveries.of(txid)
    }

    /// Whether the push service took the message for the login `txid`, whatever the phone has done by itself.
    pub fn is_accepted(&self, txid: TxId) -> bool {
        self.inner.deliveries.is_accepted(txid)
    }

    /// Ends when the phone has put the login `txid` before the person's eyes; perhaps never.
    pub(crate) async fn shown(&self, txid: TxId) {
        self.inner.deliveries.shown(txid, self.clock().now()).await;
    }

    /// The login `txid` has come as far as `state`. Also other nodes are told, where somebody may be waiting for the answer.
    pub fn delivered(&self, account: AccountId, phone: PhoneId, txid: TxId, state: Delivery) {
        if self.inner.deliveries.note(txid, state, self.clock().now()) {
            self.store().tell_others(others::delivery_hint(account, phone, txid, state));
        }
    }

    /// Whether the login `txid` waits for somebody to answer now.
    pub async fn is_waiting_for_answer(&self, account: AccountId, txid: TxId) -> Result<bool, EngineError> {
        let login = self.store().login(account, txid).await?;
        Ok(login.is_some_and(|login| login.push.at(self.clock().now()).is_waiting()))
    }

    /// Where `phone` can be woken, if it has told.
    pub async fn subscription(&self, account: AccountId, phone: PhoneId) -> Result<Option<Subscription>, EngineError> {
        let bound = self.store().bound_device(account, phone).await?;
        let Some(sealed) = bound.filter(|bound| bound.confirmed).and_then(|bound| bound.push) else { return Ok(None) };
        let vault = self.store().vault();
        let plain = vault
            .open(account.as_str(), "authenticator", "push", phone.as_str(), &sealed)
            .map_err(EngineError::vault)?;
        let json = String::from_utf8(plain.to_vec()).map_err(|_| EngineError::Invalid("push"))?;
        Ok(Some(Subscription { sealed, json: Zeroizing::new(json) }))
    }

    /// Takes away a subscription that its push service no longer knows, unless the phone has brought another meanwhile.
    pub async fn forget_subscription(
        &self,
        account: AccountId,
        phone: PhoneId,
        subscription: &Subscription,
    ) -> Result<(), EngineError> {
        let forget = forget_subscription(account, phone, &subscription.sealed);
        self.holds(Job::new().step(forget).step(touch_users_of_phone(account, phone))).await.map(drop)
    }

    pub(crate) fn seal_subscription(
        &self,
        account: AccountId,
        phone: PhoneId,
        json: &str,
    ) -> Result<Vec<u8>, EngineError> {
        let vault = self.store().vault();
        vault
            .seal(account.as_str(), "authenticator", "push", phone.as_str(), json.as_bytes())
            .map_err(EngineError::vault)
    }

    /// The private key with which push services know this installation, PKCS#8 in DER; `candidate` from the first time on, if there is none yet.
    ///
    /// One for all accounts: a browser has one subscription, tied to one key, for all accounts of its person.
    pub async fn vapid_key(&self, candidate: &[u8]) -> Result<Zeroizing<Vec<u8>>, EngineError> {
        let vault = self.store().vault();
        let found = match self.store().vapid_key().await? {
            Some(found) => Some(found),
            None => {
                let accounts = self.directory().accounts().await?;
                let account = accounts.first().ok_or(EngineError::NotFound)?.id;
                let sealed = vault
                    .seal(account.as_str(), "vapid_key", "sealed", "vapid", candidate)
                    .map_err(EngineError::vault)?;
                let step = keep_vapid_key(&SealedVapidKey { account, sealed }, self.clock().now());
                self.holds(Job::new().step(step)).await?;
                self.store().vapid_key().await?
            }
        };
        let SealedVapidKey { account, sealed } = found.ok_or(EngineError::NotFound)?;
        let plain =
            vault.open(account.as_str(), "vapid_key", "sealed", "vapid", &sealed).map_err(EngineError::vault)?;
        Ok(Zeroizing::new(plain.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRng;

    #[test]
    fn a_login_only_comes_nearer() {
        let known = Deliveries::default();
        let (txid, now) = (TxId::generate(&mut SystemRng), Timestamp::UNIX_EPOCH);
        assert_eq!(known.of(txid), Delivery::Queued);
        assert!(known.note(txid, Delivery::Delivered, now));
        assert!(known.note(txid, Delivery::Accepted, now), "the push service's answer is late");
        assert!(!known.note(txid, Delivery::Accepted, now));
        assert_eq!((known.of(txid), known.is_accepted(txid)), (Delivery::Delivered, true));
        assert!(known.note(txid, Delivery::Shown, now));
        assert!(!known.note(txid, Delivery::Shown, now));
    }

    #[tokio::test]
    async fn whoever_waits_for_the_phone_to_show_it_hears_of_it_at_once() {
        let (known, now) = (Deliveries::default(), Timestamp::UNIX_EPOCH);
        let txid = TxId::generate(&mut SystemRng);
        let waits = known.shown(txid, now);
        let shows = async { known.note(txid, Delivery::Shown, now) };
        assert_eq!(tokio::join!(waits, shows), ((), true));
        known.shown(txid, now).await;
    }

    #[test]
    fn memory_is_bounded() {
        let known = Deliveries::default();
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..MOST_KNOWN {
            known.note(TxId::generate(&mut SystemRng), Delivery::Accepted, now);
        }
        let one_more = TxId::generate(&mut SystemRng);
        assert!(!known.note(one_more, Delivery::Accepted, now));
        assert!(known.note(one_more, Delivery::Accepted, now + PUSH_TTL), "what is over makes room");
        assert_eq!(known.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for state in [Delivery::Queued, Delivery::Accepted, Delivery::Delivered, Delivery::Shown] {
            assert_eq!(Delivery::parse(state.as_str()), Some(state));
        }
        assert_eq!(Delivery::parse("lost"), None);
    }
}
