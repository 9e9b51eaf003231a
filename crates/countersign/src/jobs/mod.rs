//! What runs beside the requests: time-outs, cleaning up, and the workers of the effect queue.

mod alerts;
mod maintenance;
pub(crate) mod outbox;

use cs_engine::Engine;

use crate::config::Config;
use crate::net::Shutdown;

/// Starts every job. They end when the server closes.
pub fn start(engine: &Engine, config: &Config, shutdown: &Shutdown) {
    tokio::spawn(maintenance::run(engine.clone(), shutdown.clone()));
    let alerts = alerts::Alerts { command: config.alert_command.clone() };
    tokio::spawn(outbox::run(engine.clone(), alerts, shutdown.clone()));
}
