//! Messages and calls on their way from the outbox to the gateway.

use std::sync::Arc;

use cs_core::id::AccountId;
use cs_engine::Engine;
use cs_engine::login::{CallNews, CallReport};
use cs_engine::telephony::{CALL, SMS};
use cs_store::outbox::Leased;
use jiff::SignedDuration;

use super::outbox::{Courier, Delivery};
use crate::outbound::posting::PostError;
use crate::outbound::telephony::{GatewayError, TelephoneGateway};

/// Hands messages to a gateway.
pub(crate) struct Messages<G> {
    pub(crate) engine: Engine,
    pub(crate) gateway: Arc<G>,
}

/// Has a gateway make calls.
pub(crate) struct Calls<G> {
    pub(crate) engine: Engine,
    pub(crate) gateway: Arc<G>,
}

impl<G: TelephoneGateway> Courier for Messages<G> {
    const KIND: &'static str = SMS;
    const LEASE: SignedDuration = SignedDuration::from_mins(2);
    const BATCH: u32 = 16;
    /// 1 + 2 + 4 + 8 + 16 s: whoever waits for a code has given up by then.
    const MOST_ATTEMPTS: i64 = 6;

    async fn deliver(&self, effect: &Leased) -> Delivery {
        let now = self.engine.clock().now();
        let order = match self.engine.sms_order(effect) {
            Ok(order) => order,
            Err(error) => return Delivery::Never(error.to_string()),
        };
        if now.as_second() > order.expires {
            return given_up(&self.engine, effect, "sms", "too late to be of use".to_owned()).await;
        }
        let sent = self.gateway.sms(&effect.id, &order, now).await;
        count("sms", &sent);
        match sent {
            // The payload holds codes.
            Ok(()) => Delivery::DoneKeeping("{}".to_owned()),
            Err(error) if error.may_pass() && effect.attempt < Self::MOST_ATTEMPTS => Delivery::Later(told(&error)),
            Err(error) => given_up(&self.engine, effect, "sms", told(&error)).await,
        }
    }
}

impl<G: TelephoneGateway> Courier for Calls<G> {
    const KIND: &'static str = CALL;
    const LEASE: SignedDuration = SignedDuration::from_mins(2);
    const BATCH: u32 = 16;
    const MOST_ATTEMPTS: i64 = 3;

    async fn deliver(&self, effect: &Leased) -> Delivery {
        let now = self.engine.clock().now();
        let order = match self.engine.call_order(effect) {
            Ok(order) => order,
            Err(error) => return Delivery::Never(error.to_string()),
        };
        if now.as_second() >= order.expires {
            return given_up(&self.engine, effect, "phone", "too late to be of use".to_owned()).await;
        }
        let made = self.gateway.call(&effect.id, &order, now).await;
        count("phone", &made);
        match made {
            Ok(()) => Delivery::DoneKeeping("{}".to_owned()),
            // Without an answer nobody knows whether it rings already: a second call would ask a second time.
            Err(error) if error.may_pass() && !is_unclear(&error) && effect.attempt < Self::MOST_ATTEMPTS => {
                Delivery::Later(told(&error))
            }
            Err(error) => {
                if !is_unclear(&error) {
                    self.end(effect, &order.id).await;
                }
                given_up(&self.engine, effect, "phone", told(&error)).await
            }
        }
    }
}

impl<G> Calls<G> {
    /// Nobody will be called: whoever waits is told at once.
    async fn end(&self, effect: &Leased, call: &str) {
        let (Ok(account), Ok(txid)) = (effect.account.parse::<AccountId>(), call.parse()) else { return };
        let report =
            CallReport { account, txid, news: CallNews::Ended, evidence: "not connected".to_owned(), address: None };
        if let Err(error) = self.engine.call_reported(&report).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a call that was not made was not ended");
        }
    }
}

fn is_unclear(error: &GatewayError) -> bool {
    matches!(error, GatewayError::Post(PostError::TimedOut(_) | PostError::Failed(_)))
}

/// With the causes.
fn told(error: &GatewayError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        text.push_str(&format!(": {one}"));
        cause = one.source();
    }
    text
}

/// Not delivered: also the log knows.
async fn given_up(engine: &Engine, effect: &Leased, kind: &'static str, why: String) -> Delivery {
    if let Ok(account) = effect.account.parse()
        && let Err(error) = engine.telephony_failed(account, kind, &why).await
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "an undelivered message is not in the log");
    }
    Delivery::Never(why)
}

fn count(kind: &'static str, sent: &Result<(), GatewayError>) {
    let outcome = if sent.is_ok() { "accepted" } else { "failed" };
    metrics::counter!("countersign_telephony_total", "kind" => kind, "outcome" => outcome).increment(1);
}
