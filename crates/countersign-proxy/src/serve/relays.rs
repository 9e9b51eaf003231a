//! What is relayed beside logins, and the table of sessions that it shares with them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::accounting::{Accounting, ByTls};
use super::api::Api;
use super::ended::{Asked, Ender};
use super::{coa, now};
use crate::cfg::Config;
use crate::cfg::radius_server::RadiusServer;
use crate::radius::output::Admitted;
use crate::radius::sessions::Sessions;
use crate::sources::authorities;

/// So many sessions wait to be ended.
const ENDS: usize = 1024;

/// The table of sessions. It is held for a look or a change, and never while something is waited for.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Sessions>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Sessions> {
        // Each change leaves the table whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tasks beside logins.
pub(super) struct Relays {
    sessions: Shared,
    /// What they serve.
    config: Config,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    /// Accounting that comes by TLS.
    records: Option<mpsc::Sender<ByTls>>,
}

impl Relays {
    /// Opens what the configuration asks for, and begins to serve it. `sessions` are known already.
    ///
    /// Fails if something cannot be opened.
    pub(super) fn open(config: &Config, sessions: Shared) -> anyhow::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut records = None;
        if let Some(section) = &config.accounting {
            let (record, by_tls) = mpsc::channel(super::QUEUE);
            tasks.spawn(Accounting::open(config, section, sessions.clone(), by_tls)?.run(stopped.clone()));
            records = Some(record);
        }
        if let Some(section) = &config.coa {
            let (end, ends) = mpsc::channel(ENDS);
            tasks.spawn(coa::Relay::open(config, section, sessions.clone(), ends)?.run(stopped.clone()));
            if section.ends_disabled {
                let ender = Ender::new(asked(config)?, sessions.clone(), end, section.every);
                tasks.spawn(ender.run(stopped));
            }
        }
        Ok(Self { sessions, config: config.clone(), stop, tasks, records })
    }

    /// Serves another configuration from now on. Where nothing is different that they look at, they go on undisturbed; otherwise ports are closed and opened again, and
    /// whoever is not answered meanwhile sends again.
    ///
    /// Fails if something cannot be opened; then the one before is served again.
    pub(super) async fn change(&mut self, config: &Config) -> anyhow::Result<()> {
        if self.is_served_by(config) {
            return Ok(());
        }
        self.close().await;
        match Self::open(config, self.sessions.clone()) {
            Ok(changed) => {
                *self = changed;
                Ok(())
            }
            Err(error) => {
                match Self::open(&self.config, self.sessions.clone()) {
                    Ok(before) => *self = before,
                    Err(error) => tracing::error!("accounting and CoA are NOT served any more: {error:#}"),
                }
                Err(error)
            }
        }
    }

    fn is_served_by(&self, config: &Config) -> bool {
        let devices = |config: &Config| {
            let of = |server: &RadiusServer| {
                let tls = server.tls.as_ref().map(|(port, _)| (server.interface.clone(), *port));
                (server.name.clone(), server.client.clone(), server.devices.clone(), tls)
            };
            config.radius.iter().map(of).collect::<Vec<_>>()
        };
        let applications = |config: &Config| {
            let of = |server: &RadiusServer| (server.application.clone(), server.exempt_usernames.clone());
            (config.main.http_ca_certs_file.clone(), config.radius.iter().map(of).collect::<Vec<_>>())
        };
        let (before, after) = (&self.config, config);
        (&before.accounting, &before.coa) == (&after.accounting, &after.coa)
            && ((before.accounting.is_none() && before.coa.is_none())
                || (before.clients == after.clients
                    && devices(before) == devices(after)
                    && applications(before) == applications(after)))
    }

    /// Hands on a record that came by TLS; false where no accounting is taken.
    pub(super) fn account(&self, record: ByTls) -> bool {
        // Where too many wait it is lost as one by UDP would be: the device sends it again.
        self.records
            .as_ref()
            .is_some_and(|records| !matches!(records.try_send(record), Err(mpsc::error::TrySendError::Closed(_))))
    }

    /// Somebody was let in. `section` and `client` are the names of the sections that did it.
    pub(super) fn admitted(&self, admitted: &Admitted, section: &str, client: Option<&str>) {
        if self.config.coa.is_some() {
            self.sessions.lock().admitted(admitted, section, client, now());
        }
    }

    /// Ends everything, once it has written down what it knows.
    pub(super) async fn close(&mut self) {
        // Whoever has ended already needs no word.
        _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The application of every section.
fn asked(config: &Config) -> anyhow::Result<Vec<Asked>> {
    let ca = authorities(config)?;
    let asked = |server: &RadiusServer| {
        let api = Api::new(&server.application, ca.as_deref()).with_context(|| format!("[{}]", server.name))?;
        let exempt = server.exempt_usernames.iter().cloned().collect();
        Ok(Asked { section: server.name.clone(), api, exempt })
    };
    config.radius.iter().map(asked).collect()
}
