//! Waking phones: the effects of logins that wait for one, sent as Web Push.

use aws_lc_rs::rand;
use cs_core::id::{AccountId, PhoneId, TxId};
use cs_engine::wake::{Delivery as Way, Subscription, WAKE};
use cs_engine::{Engine, EngineError};
use cs_store::outbox::Leased;
use cs_wire::device::{ProtocolVersion, PushSubscription, Wake};
use cs_wire::webpush::{Recipient, SenderKey, VapidKey, encrypt};
use jiff::SignedDuration;
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;
use zeroize::Zeroizing;

use super::outbox::{Courier, Delivery};
use crate::outbound::web_push::{Message, WebPush, WebPushError, vapid_key};

/// Every wake-up has this length before it is encrypted, so that its length says nothing.
const LENGTH: usize = 256;
/// How long a signed token may be used (RFC 8292 allows a day).
const TOKEN_LIFE_S: i64 = 12 * 3_600;

/// Sends wake-ups.
pub(crate) struct Waker {
    engine: Engine,
    sender: WebPush,
    key: OnceCell<VapidKey>,
}

/// What the use case wrote.
#[derive(Debug, Deserialize)]
struct Payload {
    device: String,
    txid: String,
    expires: i64,
    /// Not for a login: this device of the user's was brought to another one.
    #[serde(default)]
    moved: Option<String>,
    /// It was added, rather than brought.
    #[serde(default)]
    added: bool,
}

/// A message for a phone.
struct Call {
    account: AccountId,
    device: PhoneId,
    txid: TxId,
    expires: i64,
    moved: Option<PhoneId>,
    added: bool,
}

impl Waker {
    pub(crate) fn new(engine: Engine, sender: WebPush) -> Self {
        Self { engine, sender, key: OnceCell::new() }
    }

    /// Where the message goes: the device that was replaced has its subscription elsewhere.
    async fn subscription(&self, call: &Call) -> Result<Option<Sub>, EngineError> {
        let (account, device) = (call.account, call.device);
        if call.moved == Some(device) {
            return Ok(self.engine.moved_subscription(account, device).await?.map(Sub::Before));
        }
        Ok(self.engine.subscription(account, device).await?.map(Sub::Bound))
    }

    async fn forget(&self, call: &Call, subscription: &Sub) -> Result<(), EngineError> {
        match subscription {
            Sub::Bound(bound) => self.engine.forget_subscription(call.account, call.device, bound).await,
            Sub::Before(_) => self.engine.forget_moved_subscription(call.account, call.device).await,
        }
    }

    async fn wake(&self, call: &Call) -> Delivery {
        let Call { account, device, txid, expires, moved, added } = *call;
        let now = self.engine.clock().now();
        let ttl = expires - now.as_second();
        if ttl <= 0 || self.engine.delivery(txid) == Way::Shown {
            // Too late to be of use, or the person is looking at it already.
            return Delivery::Done;
        }
        // Answered or withdrawn meanwhile: a phone that rings for nothing is ignored the next time. News of a move is about no login.
        if moved.is_none() {
            match self.engine.is_waiting_for_answer(account, txid).await {
                Ok(true) => {}
                Ok(false) => return Delivery::Done,
                Err(error) => return Delivery::Later(error.to_string()),
            }
        }
        let found = match self.subscription(call).await {
            Ok(found) => found,
            Err(error) => return Delivery::Later(error.to_string()),
        };
        let Some(subscription) = found else { return Delivery::Done };
        let Some((endpoint, recipient)) = read(subscription.json()) else {
            return Delivery::Never("the subscription cannot be read".to_owned());
        };
        let key = match self.key.get_or_try_init(|| vapid_key(&self.engine)).await {
            Ok(key) => key,
            Err(error) => return Delivery::Later(error.to_string()),
        };
        let moved = moved.map(|moved| moved.to_string());
        let wake =
            Wake { v: ProtocolVersion::V1, device: device.to_string(), txid: txid.to_string(), expires, moved, added };
        let Some(body) = encrypted(&wake, &recipient) else {
            return Delivery::Never("the wake-up cannot be encrypted".to_owned());
        };
        let audience = endpoint.origin().ascii_serialization();
        let token_end = now.as_second().saturating_add(TOKEN_LIFE_S);
        let Ok(authorization) = key.authorization(&audience, self.engine.authenticator_origin(), token_end) else {
            return Delivery::Later("the wake-up cannot be signed".to_owned());
        };
        // At most 32 characters of base64url (RFC 8030, section 5.4).
        let topic: String = txid.to_string().chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        let message = Message { endpoint: &endpoint, authorization, body, ttl, topic: &topic };
        let sent = self.sender.send(message, now).await;
        count(&sent);
        match sent {
            Ok(()) => {
                self.engine.delivered(account, device, txid, Way::Accepted);
                Delivery::Done
            }
            Err(WebPushError::Gone(_)) => match self.forget(call, &subscription).await {
                Ok(()) => {
                    tracing::info!(device.id = %device, "the push service has ended the subscription; it is forgotten");
                    Delivery::Done
                }
                Err(error) => Delivery::Later(error.to_string()),
            },
            Err(error @ (WebPushError::Paused { until } | WebPushError::NotYet { until }))
                if until.as_second() >= expires =>
            {
                Delivery::Never(error.to_string())
            }
            Err(error @ WebPushError::Paused { until }) => Delivery::LaterAt(error.to_string(), until),
            Err(error @ WebPushError::NotYet { until }) => Delivery::NotTried(error.to_string(), until),
            Err(error) if error.may_pass() => Delivery::Later(error.to_string()),
            Err(error) => Delivery::Never(error.to_string()),
        }
    }
}

/// A subscription: of the device that is bound, or of the one before it.
enum Sub {
    Bound(Subscription),
    Before(Zeroizing<String>),
}

impl Sub {
    fn json(&self) -> &str {
        match self {
            Self::Bound(bound) => &bound.json,
            Self::Before(json) => json,
        }
    }
}

impl Courier for Waker {
    const KIND: &'static str = WAKE;
    const LEASE: SignedDuration = SignedDuration::from_secs(20);
    const BATCH: u32 = 256;
    /// 1 + 2 + 4 + 8 + 16 s: beyond that the login is over.
    const MOST_ATTEMPTS: i64 = 6;

    async fn deliver(&self, effect: &Leased) -> Delivery {
        let payload: Option<Payload> = serde_json::from_str(&effect.payload).ok();
        let call = payload.and_then(|payload| {
            Some(Call {
                account: effect.account.parse().ok()?,
                device: payload.device.parse().ok()?,
                txid: payload.txid.parse().ok()?,
                expires: payload.expires,
                moved: payload.moved.map(|moved| moved.parse()).transpose().ok()?,
                added: payload.added,
            })
        });
        match call {
            Some(call) => self.wake(&call).await,
            None => Delivery::Never("not a wake-up".to_owned()),
        }
    }
}

fn read(json: &str) -> Option<(Url, Recipient)> {
    let subscription: PushSubscription = serde_json::from_str(json).ok()?;
    Some((Url::parse(&subscription.endpoint).ok()?, Recipient::of(&subscription).ok()?))
}

fn encrypted(wake: &Wake, recipient: &Recipient) -> Option<Vec<u8>> {
    let plain = serde_json::to_vec(wake).ok()?;
    let mut salt = [0; 16];
    rand::fill(&mut salt).ok()?;
    encrypt(&plain, LENGTH, recipient, &SenderKey::generate().ok()?, &salt).ok()
}

fn count(sent: &Result<(), WebPushError>) {
    let outcome = match sent {
        Ok(()) => "accepted",
        Err(WebPushError::Gone(_)) => "gone",
        Err(WebPushError::Paused { .. } | WebPushError::NotYet { .. }) => "paused",
        Err(WebPushError::TimedOut) => "timed_out",
        Err(WebPushError::Refused(_) | WebPushError::NotHttps | WebPushError::Redirected(_)) => "refused",
        Err(WebPushError::Answered(_) | WebPushError::Failed(_)) => "failed",
    };
    metrics::counter!("countersign_wakes_total", "outcome" => outcome).increment(1);
}
