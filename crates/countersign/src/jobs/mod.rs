//! What runs beside the requests: time-outs, cleaning up, and the workers of the effect queue.

mod alerts;
mod maintenance;
pub(crate) mod outbox;

use cs_engine::Engine;

use crate::config::Config;
use crate::net::Shutdown;
use crate::outbound::mail::{MailCourier, Sender};

/// Starts every job. They end when the server closes.
pub fn start(engine: &Engine, config: &Config, shutdown: &Shutdown) {
    tokio::spawn(maintenance::run(engine.clone(), shutdown.clone()));
    let alerts = alerts::Alerts { command: config.alert_command.clone() };
    tokio::spawn(outbox::run(engine.clone(), alerts, shutdown.clone()));
    if let Some(mail) = &config.mail {
        let courier = MailCourier::new(engine.clone(), Sender::new(mail.clone()));
        tokio::spawn(outbox::run(engine.clone(), courier, shutdown.clone()));
    }
}

/// Delivers the letters that are due, at most one batch, and says how many it tried. The server does this by itself.
pub async fn deliver_mail(engine: &Engine, courier: &MailCourier) -> Result<usize, cs_store::StoreError> {
    outbox::deliver_due(engine, courier).await
}
