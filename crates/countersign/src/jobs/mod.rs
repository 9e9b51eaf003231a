//! What runs beside the requests: time-outs, cleaning up, and the workers of the effect queue.

mod addresses;
mod alerts;
pub mod directories;
mod maintenance;
pub(crate) mod outbox;
mod review;
mod telephony;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use cs_engine::Engine;
use cs_store::backfill::{self, BACKFILLS};

use crate::config::{Config, Gateway, PushSettings, TelephonyConfig};
use crate::net::Shutdown;
use crate::outbound::mail::{MailCourier, Sender};
use crate::outbound::posting::PostSetupError;
use crate::outbound::telephony::{FileGateway, HttpTelephone, TelephoneGateway};
use crate::outbound::web_push::{WebPush, WebPushSetupError};
use crate::outbound::webhook::Webhook;
use outbox::Courier as _;

/// The kinds of effects that an alert becomes on its way, and where each goes.
pub(crate) const ALERT_KINDS: &[(&str, &str)] = &[
    (alerts::Alerts::KIND, "not yet passed on"),
    (alerts::ToCommand::KIND, "command"),
    (alerts::ToWebhook::KIND, "webhook"),
];

/// Starts every job. They end when the server closes.
pub fn start(engine: &Engine, config: &Config, shutdown: &Shutdown) {
    tokio::spawn(maintenance::run(engine.clone(), shutdown.clone()));
    let (hearing, closing) = (engine.clone(), shutdown.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = hearing.hear_others() => {}
            () = closing.closing() => {}
        }
    });
    let store = engine.store().clone();
    tokio::spawn(async move {
        for backfill in BACKFILLS {
            if let Err(error) = backfill::run(&store, backfill).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    name = backfill.name,
                    "a change of data stopped; the next start goes on with it"
                );
            }
        }
    });
    start_waking(engine, config, shutdown);
    start_alerts(engine, config, shutdown);
    tokio::spawn(outbox::run(engine.clone(), review::Reviews { engine: engine.clone() }, shutdown.clone()));
    let recalling = engine.clone();
    tokio::spawn(async move {
        if let Err(error) = recalling.recall_logins().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "signals of risk start without what the log knows"
            );
        }
    });
    start_telephony(engine, config, shutdown);
    let api_authority = config.hosts.api.authority(config.listen.api.port());
    tokio::spawn(directories::run(engine.clone(), api_authority, shutdown.clone()));
    tokio::spawn(addresses::run(engine.geo().clone(), shutdown.clone()));
    if let Some(mail) = &config.mail {
        let courier = MailCourier::new(engine.clone(), Sender::new(mail.clone()));
        tokio::spawn(outbox::run(engine.clone(), courier, shutdown.clone()));
    }
}

fn start_alerts(engine: &Engine, config: &Config, shutdown: &Shutdown) {
    let mut tells = Vec::new();
    if !config.alert_command.is_empty() {
        tells.push(alerts::ToCommand::KIND);
        let courier = alerts::ToCommand { command: config.alert_command.clone() };
        tokio::spawn(outbox::run(engine.clone(), courier, shutdown.clone()));
    }
    if let (Some(url), Some(settings)) = (&config.alert_webhook, &config.webhooks) {
        tells.push(alerts::ToWebhook::KIND);
        match Webhook::new(url, settings) {
            Ok(webhook) => {
                let courier = alerts::ToWebhook { webhook, clock: engine.clock().clone() };
                tokio::spawn(outbox::run(engine.clone(), courier, shutdown.clone()));
            }
            // Alerts wait in the outbox for a start that can send them.
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "`alerts.webhook` cannot be used"),
        }
    }
    tokio::spawn(outbox::run(engine.clone(), alerts::Alerts { tells }, shutdown.clone()));
}

/// Adds to the review queue what logins left for it, at most one batch, and says how many effects that were. The server does this by itself.
pub async fn deliver_reviews(engine: &Engine) -> Result<usize, cs_store::StoreError> {
    outbox::deliver_due(engine, &review::Reviews { engine: engine.clone() }).await
}

fn start_waking(engine: &Engine, config: &Config, shutdown: &Shutdown) {
    if !config.push.enabled {
        return;
    }
    match WebPush::new(&config.push) {
        Ok(sender) => {
            let waker = wake::Waker::new(engine.clone(), sender);
            tokio::spawn(outbox::run_apart(engine.clone(), waker, shutdown.clone()));
        }
        // Phones still hear of logins while their authenticator is open.
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "phones cannot be woken"),
    }
}

fn start_telephony(engine: &Engine, config: &Config, shutdown: &Shutdown) {
    fn with<G: TelephoneGateway>(engine: &Engine, gateway: G, shutdown: &Shutdown) {
        let gateway = Arc::new(gateway);
        let messages = telephony::Messages { engine: engine.clone(), gateway: Arc::clone(&gateway) };
        tokio::spawn(outbox::run_apart(engine.clone(), messages, shutdown.clone()));
        let calls = telephony::Calls { engine: engine.clone(), gateway };
        tokio::spawn(outbox::run_apart(engine.clone(), calls, shutdown.clone()));
    }
    let Some(telephony) = &config.telephony else { return };
    match &telephony.gateway {
        Gateway::File(path) => with(engine, FileGateway::new(path.clone()), shutdown),
        Gateway::Http(settings) => match HttpTelephone::new(settings, telephony.secret.as_ref()) {
            Ok(gateway) => with(engine, gateway, shutdown),
            // Messages wait in the outbox, and are too late soon.
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the telephony gateway cannot be used")
            }
        },
    }
}

/// Hands over the messages and calls that are due, at most one batch each, and says how many it tried. The server does this by itself.
pub async fn deliver_telephony(engine: &Engine, telephony: &TelephonyConfig) -> Result<usize, DeliverTelephonyError> {
    async fn with<G: TelephoneGateway>(engine: &Engine, gateway: G) -> Result<usize, DeliverTelephonyError> {
        let gateway = Arc::new(gateway);
        let messages = telephony::Messages { engine: engine.clone(), gateway: Arc::clone(&gateway) };
        let calls = telephony::Calls { engine: engine.clone(), gateway };
        Ok(outbox::deliver_due(engine, &messages).await? + outbox::deliver_due(engine, &calls).await?)
    }
    match &telephony.gateway {
        Gateway::File(path) => with(engine, FileGateway::new(path.clone())).await,
        Gateway::Http(settings) => with(engine, HttpTelephone::new(settings, telephony.secret.as_ref())?).await,
    }
}

/// Why nothing was handed over.
#[derive(Debug, thiserror::Error)]
pub enum DeliverTelephonyError {
    #[error(transparent)]
    Setup(#[from] PostSetupError),
    #[error(transparent)]
    Store(#[from] cs_store::StoreError),
}

/// Sends the wake-ups that are due, at most one batch, and says how many it tried. The server does this by itself.
pub async fn deliver_wakes(engine: &Engine, wakers: &Wakers) -> Result<usize, cs_store::StoreError> {
    outbox::deliver_due(engine, &wakers.0).await
}

/// What sends wake-ups, for [`deliver_wakes`].
pub struct Wakers(wake::Waker);

impl Wakers {
    /// As `push` says; an answer is waited for no longer than `timeout`.
    pub fn new(engine: &Engine, push: &PushSettings, timeout: Duration) -> Result<Self, WebPushSetupError> {
        let sender = WebPush::new(push)?.with_timeout(timeout);
        Ok(Self(wake::Waker::new(engine.clone(), sender)))
    }
}

/// Delivers the letters that are due, at most one batch, and says how many it tried. The server does this by itself.
pub async fn deliver_mail(engine: &Engine, courier: &MailCourier) -> Result<usize, cs_store::StoreError> {
    outbox::deliver_due(engine, courier).await
}
