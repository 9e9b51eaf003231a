//! What has to be done from time to time: time out pushes nobody watches, forget old ones, wake those who wait for other nodes.

use cs_core::id::AccountId;
use cs_store::Job;
use cs_store::answers::forget_answers;
use cs_store::clients::forget_clients;
use cs_store::enrollment_links::forget_links;
use cs_store::moves::forget_moves;
use cs_store::prompts::forget_codes;
use cs_store::proxies::forget_proxies;
use cs_store::remembered::forget_remembered_before;
use cs_store::same_logins::forget_same_logins;
use cs_store::telephony::forget_telephony;
use cs_store::visits::forget_visits;
use cs_store::webauthn::forget_ceremonies;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use crate::clients::CLIENTS_KEPT;
use crate::moves::MOVES_KEPT;
use crate::outage::PROXIES_KEPT;
use crate::{AccountEntry, Engine, EngineError};

/// How long closed pushes stay for clients that ask again and for cool-downs; what became of them stays in the log.
const KEEP_CLOSED: SignedDuration = SignedDuration::from_hours(24);

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MaintenanceReport {
    /// Pushes that timed out.
    pub timed_out: usize,
    /// Logins whose waiters were woken because another process closed them.
    pub woken: usize,
    /// Changes of policies that nobody confirmed in time.
    pub taken_back: usize,
}

impl Engine {
    /// One round; meant for once a second. `since` is when the last round began.
    pub async fn maintain(&self, since: Timestamp) -> Result<MaintenanceReport, EngineError> {
        let now = self.clock().now();
        let mut report = MaintenanceReport::default();
        self.directory().look_for_changes().await?;
        for login in self.store().logins_to_time_out(now).await? {
            match self.time_out(&login, now).await {
                Ok(()) => report.timed_out += 1,
                Err(error) if error.is_of_the_database() => return Err(error),
                // One login's trouble does not hold up the others, nor what else is to be done.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(account.id = %login.account, txid = %login.txid, error, "a login's time is over and it could not be closed");
                }
            }
        }
        if self.waiting() > 0 {
            // One question for everyone who waits on this node, never one each.
            for (_, txid, push) in self.store().logins_closed_since(since - SignedDuration::from_secs(2)).await? {
                if self.inner.waiters.knows(txid) {
                    self.inner.waiters.closed(txid, push);
                    report.woken += 1;
                }
            }
        }
        report.taken_back = self.take_back_unconfirmed().await?;
        self.inner.waiters.forget_old(now);
        Ok(report)
    }

    /// Removes closed pushes that nobody can ask about any more, and what is remembered or under way in browsers and over; meant for once an hour.
    pub async fn forget_old_logins(&self) -> Result<(), EngineError> {
        let before = self.clock().now() - KEEP_CLOSED;
        self.store().forget_logins(before).await?;
        let over = self.clock().now();
        let mut job = Job::new().step(forget_answers(before)).step(forget_links(over)).step(forget_visits(over));
        job.guards.extend(forget_codes(over));
        job.guards.extend(forget_remembered_before(over));
        job = job
            .step(forget_ceremonies(over))
            .step(forget_moves(over - MOVES_KEPT))
            .step(forget_proxies(over - PROXIES_KEPT))
            .step(forget_clients(over - CLIENTS_KEPT))
            .step(forget_same_logins(before));
        job.guards.extend(forget_telephony(over));
        self.holds(job).await.map(drop)
    }

    /// Removes log entries that are older than every account's `log_retention_days`; none while an account keeps its logs for ever.
    /// Gives their number.
    ///
    /// Chains run through all accounts, so the longest retention counts for all.
    pub async fn prune_logs(&self) -> Result<u64, EngineError> {
        let accounts = self.directory().accounts().await?;
        let days = |account: &AccountEntry| {
            account.settings.get("log_retention_days").and_then(Json::as_i64).filter(|days| *days > 0)
        };
        let Some(longest) =
            accounts.iter().map(days).collect::<Option<Vec<_>>>().and_then(|days| days.into_iter().max())
        else {
            return Ok(0);
        };
        let now = self.clock().now();
        let kept = SignedDuration::from_hours(longest.saturating_mul(24));
        let Ok(before) = now.checked_sub(kept) else { return Ok(0) };
        Ok(cs_store::audit::prune(self.store(), before, now).await?)
    }

    /// Every account, for jobs that go through all of them.
    pub async fn account_ids(&self) -> Result<Vec<AccountId>, EngineError> {
        Ok(self.directory().accounts().await?.iter().map(|account| account.id).collect())
    }
}
