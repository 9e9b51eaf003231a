//! Alerts: what an operator should hear of at once. Each becomes one warning in the log with the field `alert`.

use std::time::Duration;

use cs_engine::Engine;
use cs_store::outbox::Leased;
use cs_store::{Job, StoreError};
use jiff::SignedDuration;
use serde_json::Value as Json;

use crate::net::Shutdown;

const KIND: &str = "alert";
/// Long enough to write a line; a worker that died loses its alerts to another after this.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Effects of other nodes, and ones put off, are found by asking this often.
const ASK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(engine: Engine, shutdown: Shutdown) {
    loop {
        let committed = engine.store().effects_committed();
        match deliver(&engine).await {
            // There may be more than one batch.
            Ok(delivered) if delivered > 0 => continue,
            Ok(_) => {}
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "alerts cannot be read"),
        }
        tokio::select! {
            () = shutdown.closing() => return,
            () = committed => {}
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
    }
}

async fn deliver(engine: &Engine) -> Result<usize, StoreError> {
    let now = engine.clock().now();
    let alerts = engine.store().lease_effects(KIND, 32, LEASE, now).await?;
    for alert in &alerts {
        say(alert);
        let done = engine.store().commit(Job::new().step(alert.done(engine.clock().now()))).await;
        if let Err(error) = done {
            // It will be said again: at least once is what an alert promises.
            tracing::warn!(error = &error as &dyn std::error::Error, "an alert could not be ticked off");
        }
    }
    Ok(alerts.len())
}

fn say(alert: &Leased) {
    let payload: Json = serde_json::from_str(&alert.payload).unwrap_or_default();
    let field = |name: &str| payload.get(name).and_then(Json::as_str).unwrap_or_default();
    tracing::warn!(
        alert = field("alert"),
        account = alert.account,
        id = alert.id,
        at = %alert.created_at,
        details = alert.payload,
        "something an administrator should look at"
    );
}
