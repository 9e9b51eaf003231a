//! `countersign-proxy run`

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{ConfigFile, INVALID, OK, print, told};
use crate::serve::Proxy;

/// Serve what the configuration says
///
/// Ends on SIGTERM or SIGINT. Log lines go to standard error; RUST_LOG chooses how many (usually `info`).
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    file: ConfigFile,
}

impl Run {
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        let (config, faults) = self.file.read()?;
        let told = told(&self.file, &faults);
        let Some(config) = config else {
            print(&format!("{told}It cannot start."))?;
            return Ok(INVALID);
        };
        let usual = if config.main.debug { "debug" } else { "info" };
        let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| usual.into());
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
        told.lines().for_each(|line| tracing::warn!("{line}"));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let proxy = Proxy::open(&config)?;
            let (stop, stopped) = watch::channel(false);
            let mut terminate = signal(SignalKind::terminate()).context("signals cannot be heard")?;
            tokio::spawn(async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                // Whoever has stopped already needs no word.
                _ = stop.send(true);
            });
            tracing::info!(sections = config.radius.len(), "serving");
            proxy.run(stopped).await;
            tracing::info!("stopped");
            anyhow::Ok(())
        })?;
        Ok(OK)
    }
}
