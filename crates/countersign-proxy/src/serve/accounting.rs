//! `[radius_acct]` at work: records of devices go to the disk, devices are answered, and the server behind gets them in their order.
//!
//! ```text
//! device ─► intake: whose is it, is it new? ─► the disk ─► delivery ─► server
//!    ▲                                            │
//!    └── answered as soon as it is there ◄────────┘
//! ```

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};

use super::relays::Shared;
use super::spool::Spool;
use super::until;
use crate::cfg::Config;
use crate::cfg::client::Client;
use crate::cfg::others::Accounting as Section;
use crate::radius::accounting::session_of;

mod delivery;
mod intake;
mod record;
#[cfg(test)]
mod tests;
mod ways;

use delivery::Delivery;
use intake::Intake;
pub(super) use ways::ByTls;
use ways::Came;

/// Accounting of all devices.
pub(super) struct Accounting {
    intake: Intake,
    delivery: Delivery,
}

impl Accounting {
    /// Opens the socket and the spool, and takes up what waits there.
    ///
    /// Fails if either cannot be opened, or the server's name is not known.
    pub(super) fn open(
        config: &Config,
        section: &Section,
        sessions: Shared,
        by_tls: mpsc::Receiver<ByTls>,
    ) -> anyhow::Result<Self> {
        let name = section.client.clone().unwrap_or_default();
        let Some(Client::Radius(client)) = config.clients.get(&name) else {
            anyhow::bail!("[radius_acct] gives records on to a radius_client, and [{name}] is none");
        };
        let mut intake = Intake::open(config, section, name.clone(), sessions, by_tls)?;
        let folder = &section.spool;
        let (spool, found) = Spool::open(folder, section.spool_mb << 20)
            .with_context(|| format!("cannot keep accounting in {}", folder.display()))?;
        let mut delivery = Delivery::open(client, section, spool).with_context(|| format!("[{name}]"))?;
        if found.damaged > 0 {
            tracing::error!(octets = found.damaged, "a part of the accounting that waited cannot be read any more");
        }
        if !found.waiting.is_empty() {
            tracing::info!(records = found.waiting.len(), "accounting waits for its server since before");
        }
        for kept in found.waiting {
            match record::unpacked(&kept.octets) {
                Some((device, packet)) => {
                    intake.knows(device, &packet);
                    delivery.push(kept.sequence, session_of(device, &packet));
                }
                None => delivery.over(kept.sequence),
            }
        }
        Ok(Self { intake, delivery })
    }

    /// Serves until `stop` is set.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            self.delivery.pump().await;
            let next = self.delivery.poll_timeout();
            tokio::select! {
                came = self.intake.next() => match came {
                    Some(came) => self.take(came).await,
                    None => break,
                },
                answer = self.delivery.next() => self.delivery.answered(&answer),
                () = until(next) => self.delivery.on_timeout().await,
                _ = stop.changed() => break,
            }
        }
        self.delivery.settle();
        self.intake.close().await;
    }

    async fn take(&mut self, came: Vec<Came>) {
        let fresh = self.intake.look(came).await;
        if fresh.is_empty() {
            return;
        }
        match self.delivery.keep(&fresh).await {
            Ok(()) => self.intake.kept(fresh).await,
            Err(error) => self.intake.not_kept(&fresh, error),
        }
    }
}
