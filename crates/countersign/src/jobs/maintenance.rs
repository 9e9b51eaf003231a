//! Once a second: time out pushes. Now and then: notice changes of other processes. Once an hour: remove what nobody asks about any more.

use std::time::Duration;

use cs_engine::{Engine, EngineError};
use jiff::SignedDuration;
use tokio::time::MissedTickBehavior;

use crate::net::Shutdown;

/// Rounds between two looks at what other nodes and the commands on a terminal may have changed.
const FORGET_CACHES_EVERY: u64 = 10;
/// Rounds between two looks at what has an end: bypasses and other exceptions.
const END_EVERY: u64 = 60;
/// Rounds between two cleanings.
const CLEAN_EVERY: u64 = 3600;
/// How long effects that were done or given up stay, for somebody who looks into a problem.
const KEEP_EFFECTS: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) async fn run(engine: Engine, shutdown: Shutdown) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since = engine.clock().now();
    for round in 0_u64.. {
        tokio::select! {
            () = shutdown.closing() => return,
            _ = ticks.tick() => {}
        }
        let began = engine.clock().now();
        match engine.maintain(since).await {
            Ok(_) => since = began,
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "maintenance failed"),
        }
        if round % FORGET_CACHES_EVERY == 0 {
            engine.directory().invalidate();
        }
        if round % END_EVERY == 0
            && let Err(error) = end_exceptions(&engine).await
        {
            tracing::error!(error = &error as &dyn std::error::Error, "ended exceptions could not be put away");
        }
        if round % CLEAN_EVERY == CLEAN_EVERY - 1
            && let Err(error) = clean(&engine).await
        {
            tracing::error!(error = &*error, "cleaning up failed");
        }
    }
}

/// Sets back what is over and reminds of what soon will be. Logins go by the ends themselves and do not wait for this.
async fn end_exceptions(engine: &Engine) -> Result<(), EngineError> {
    for account in engine.account_ids().await? {
        let ended = engine.end_bypasses(account).await?;
        let reminded = engine.remind_of_bypasses(account).await?;
        let (exemptions, told) = engine.end_exemptions(account).await?;
        let expired = engine.expire_exceptions(account).await?;
        let (ended, reminded) = (ended + exemptions + expired, reminded + told);
        if ended + reminded > 0 {
            tracing::info!(account.id = %account, ended, reminded, "looked after exceptions that end");
        }
    }
    Ok(())
}

async fn clean(engine: &Engine) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    engine.forget_old_logins().await?;
    engine.forget_reviews().await?;
    let before = engine.clock().now() - KEEP_EFFECTS;
    while engine.store().has_old_effects(before).await? {
        engine.store().sweep_effects(before).await?;
    }
    for account in engine.account_ids().await? {
        engine.forget_delivered_codes(account).await?;
        let purged = engine.purge_trash(account).await?;
        if purged > 0 {
            tracing::info!(account.id = %account, users = purged, "deleted users whose time in the trash was over");
        }
    }
    let pruned = engine.prune_logs().await?;
    if pruned > 0 {
        tracing::info!(entries = pruned, "removed log entries older than `log_retention_days`");
    }
    Ok(())
}
