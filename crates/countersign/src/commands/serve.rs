//! `countersign serve`

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::Args;
use cs_engine::Clock;
use cs_engine::bootstrap::Installation;
use tokio::signal::unix::{SignalKind, signal};

use super::bootstrap::{Report, first_start};
use crate::cli::{self, Global};
use crate::config::Config;
use crate::data_dir::NewDataDir;
use crate::net::{Shutdown, raise_open_files};
use crate::server::{Bound, Running, serve_bound};
use crate::site::{self, OpenedBy};
use crate::{data_dir, jobs};

/// Run the server
///
/// Listens until SIGTERM or SIGINT, then lets waiting logins get their answer; a second signal stops at once.
/// SIGHUP reads the certificate, the country database and the lists of anonymous networks again. Tells systemd when it is ready and stopping, and feeds its watchdog.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign serve --data /var/lib/countersign\n  COUNTERSIGN_LISTEN_API=0.0.0.0:443 countersign serve"
)]
pub struct Serve {}

impl Serve {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        let is_new = data_dir::create(&global.data, &NewDataDir::default())?;
        let config = global.load()?.config;
        crate::logging::init(&config.log)?;
        if is_new {
            tracing::info!(data = %config.data_dir.display(), "made a new data directory");
        }
        data_dir::prepare(&config, super::now())?;
        let open_files = raise_open_files();
        let wanted = config.limits.connections as u64 + 256;
        if open_files < wanted {
            tracing::warn!(
                open_files,
                wanted,
                "fewer open files allowed than `limits.connections` needs; raise LimitNOFILE"
            );
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
        runtime.block_on(serve(&config))
    }
}

async fn serve(config: &Config) -> anyhow::Result<u8> {
    let shutdown = Shutdown::new();
    tokio::spawn(stop_on_signals(shutdown.clone()).context("cannot handle signals")?);
    let bound = Bound::new(config)?;
    let store = site::open_store(config, OpenedBy::Server).await?;
    let engine = site::engine(config, store, Clock::System, bound.addresses)?;
    if let Some(installation) = first_start(&engine, config).await? {
        introduce(config, installation);
    }
    jobs::start(&engine, config, &shutdown);
    let parts = site::surfaces(&engine, config, bound.addresses, &shutdown);
    let running = serve_bound(bound, parts, config, shutdown.clone())?;
    announce(config, &running);
    tokio::spawn(feed_watchdog());
    notify(sd_notify::NotifyState::Ready);

    let was_clean = running.stopped().await;
    engine.store().shutdown().await;
    tracing::info!(clean = was_clean, "stopped");
    Ok(cli::OK)
}

/// Says what a first start made. Secrets go to a person at a terminal only, never into a log.
fn introduce(config: &Config, installation: Installation) {
    tracing::info!(account = %installation.account, "made the first account");
    if std::io::stdout().is_terminal() {
        let text = Report { config, installation }.text();
        if let Err(error) = writeln!(std::io::stdout(), "{text}\n") {
            tracing::warn!(%error, "the credentials could not be printed; `countersign bootstrap --rotate` issues new ones");
        }
    } else {
        tracing::info!("`countersign bootstrap --rotate` prints its credentials");
    }
}

fn announce(config: &Config, running: &Running) {
    let addresses = running.addresses;
    tracing::info!(
        api = config.hosts.api.origin(addresses.api.port()),
        authenticator = config.hosts.authenticator.origin(addresses.authenticator.port()),
        listen.api = %addresses.api,
        listen.operations = %addresses.operations,
        version = env!("CARGO_PKG_VERSION"),
        "serving"
    );
}

/// First signal: drain. Second: close.
fn stop_on_signals(shutdown: Shutdown) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        for stop in [Shutdown::drain, Shutdown::close] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
            notify(sd_notify::NotifyState::Stopping);
            stop(&shutdown);
        }
    })
}

/// Feeds systemd's watchdog, when there is one, from the runtime that also answers logins: if that hangs, so does this.
async fn feed_watchdog() {
    let Some(period) = sd_notify::watchdog_enabled() else {
        return;
    };
    loop {
        notify(sd_notify::NotifyState::Watchdog);
        tokio::time::sleep(period / 2).await;
    }
}

fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(error = %error, "cannot reach systemd");
    }
}
