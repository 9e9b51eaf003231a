//! `countersign-proxy run`

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::{ConfigFile, INVALID, OK, print, told};
use crate::connectivity::{self, Grade};
use crate::logging::{Logging, Outputs};
use crate::serve::Proxy;
use crate::serve::systemd::Supervisor;

/// Serve what the configuration says
///
/// Ends on SIGTERM or SIGINT. SIGHUP has the configuration read again: logins under way end by the one they began with, and one with mistakes changes nothing. Log lines go to standard error and where `[main]` says; RUST_LOG chooses how many (usually `info`).
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 a signal ended it, 1 it cannot start, 2 wrong arguments.")]
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
        let logging = Logging::begin(Outputs::open(&config.main)?)?;
        told.lines().for_each(|line| tracing::warn!("{line}"));
        let workers = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        // RADIUS and the calls to the server are one thread's: a packet that is handed from thread to thread costs more than the work on it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            if config.main.test_connectivity_on_startup {
                tried(&config).await;
            }
            let proxy = Proxy::open(&config, workers.handle())?;
            let (stop, stopped) = watch::channel(false);
            let (again, asked) = mpsc::channel(1);
            let mut terminate = signal(SignalKind::terminate()).context("signals cannot be heard")?;
            let mut hangup = signal(SignalKind::hangup()).context("signals cannot be heard")?;
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        _ = terminate.recv() => break,
                        _ = tokio::signal::ctrl_c() => break,
                        _ = hangup.recv() => {
                            // One that is asked for and not begun sees what is there when it begins.
                            _ = again.try_send(());
                        }
                    }
                }
                // Whoever has stopped already needs no word.
                _ = stop.send(true);
            });
            let file = self.file.clone();
            let proxy = proxy
                .rereading(asked, Arc::new(move || file.reread()))
                .supervised(Supervisor::of_process())
                .logging(logging);
            let agents = config.cloud.len() + usize::from(config.sso.is_some());
            let sections = config.radius.len() + config.ldap.len() + config.http_proxy.len() + agents;
            tracing::info!(sections, "serving");
            proxy.run(stopped).await;
            tracing::info!("stopped");
            anyhow::Ok(())
        })?;
        Ok(OK)
    }
}

/// Says what does not work. What is away now may be there when somebody logs in: the proxy starts nevertheless.
async fn tried(config: &crate::cfg::Config) {
    for finding in connectivity::try_all(config).await {
        match finding.grade {
            Grade::Works => tracing::info!("{finding}"),
            Grade::Doubtful => tracing::warn!("{finding}"),
            Grade::Fails => tracing::error!("{finding}"),
        }
    }
}
