//! What runs beside the requests: time-outs, cleaning up, and the workers of the effect queue.

mod alerts;
mod maintenance;

use cs_engine::Engine;

use crate::config::Config;
use crate::net::Shutdown;

/// Starts every job. They end when the server closes.
pub fn start(engine: &Engine, config: &Config, shutdown: &Shutdown) {
    tokio::spawn(maintenance::run(engine.clone(), shutdown.clone()));
    tokio::spawn(alerts::run(engine.clone(), config.alert_command.clone(), shutdown.clone()));
}
