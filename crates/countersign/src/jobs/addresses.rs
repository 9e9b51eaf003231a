//! Country database and lists of anonymous networks: read again when they change, at the latest after a minute, and on SIGHUP at once.

use std::time::Duration;

use cs_engine::Geo;
use tokio::signal::unix::{SignalKind, signal};

use crate::net::Shutdown;

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(60);

pub(super) async fn run(geo: Geo, shutdown: Shutdown) {
    if geo.sources().is_empty() {
        return;
    }
    let mut hangup = signal(SignalKind::hangup()).ok();
    loop {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.closing() => return,
            _ = hung_up => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let looked_at = geo.clone();
        match tokio::task::spawn_blocking(move || looked_at.refresh()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => {
                for source in geo.sources() {
                    tracing::info!(file = %source.path.display(), networks = source.networks, "addresses read again");
                }
            }
            Ok(Err(error)) => tracing::error!(
                error = %error,
                cause = ?std::error::Error::source(&error).map(ToString::to_string),
                "what is known about addresses cannot be read again; what was read before stays"
            ),
            Err(error) => tracing::error!(%error, "what is known about addresses cannot be read again"),
        }
    }
}
