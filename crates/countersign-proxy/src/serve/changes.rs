//! Another configuration in the place of the one that serves, without a stop.

use std::collections::HashSet;
use std::time::Instant;

use tokio::sync::mpsc;

use super::api::Api;
use super::generation::{Generation, LINGERS, Prepared, Reload, Reloads, Reread};
use super::operations::Operations;
use super::{Proxy, now};
use crate::agent;
use crate::cfg::Config;
use crate::cfg::application::Application;
use crate::radius::section::Section;

impl Proxy {
    /// Reads the configuration again whenever `asked`, and serves it if nothing is wrong with it.
    #[must_use]
    pub fn rereading(mut self, asked: mpsc::Receiver<()>, reread: Reread) -> Self {
        self.reloads = Reloads::new(asked, reread);
        self
    }

    /// What the configuration says of metrics, opened; `None` if that is open already.
    pub(super) fn operations(&self, config: &Config) -> anyhow::Result<Option<Option<Operations>>> {
        if config.main.operations == self.operations.as_ref().map(|operations| operations.asked) {
            return Ok(None);
        }
        let (metrics, health) = (self.figures.metrics.clone(), self.figures.health.clone());
        let open = |at| Operations::open(at, metrics, health, self.ask.clone());
        config.main.operations.map(open).transpose().map(Some)
    }

    /// From here on this configuration serves, and the one before ends what it began.
    pub(super) fn serve(&mut self, prepared: Prepared, operations: Option<Option<Operations>>) {
        let Prepared { config: _, sides, generation, opened, log, outputs } = prepared;
        if let Some(operations) = operations {
            self.operations = operations;
        }
        let served = self.listeners.listen(opened);
        let section = |(server, terms): (_, &Option<_>)| Section::new(server).with_eap(terms.clone());
        self.engine.replace(sides.into_iter().zip(&generation.terms).map(section).collect(), served);
        self.log.reopened(log);
        if let (Some(logging), Some(outputs)) = (&self.logging, outputs) {
            logging.go_on(outputs);
        }
        self.figures.health.clear();
        if let Some(before) = self.generations.last_mut() {
            before.retired = Some(now());
        }
        self.generations.push(generation);
        self.keep();
    }

    /// Every section that serves, once, with its application and connection.
    pub(super) fn serving(&self) -> Vec<(String, Application, Api)> {
        let mut sections = self.generations.last().map(Generation::sections).unwrap_or_default();
        // One that also listens by TLS is there twice.
        let mut names = HashSet::new();
        sections.retain(|(name, ..)| names.insert(name.clone()));
        sections.extend(self.ldap.sections());
        sections
    }

    /// The sections that serve tell the server of themselves.
    pub(super) fn keep(&mut self) {
        let sections = self.serving();
        if let Some(keeping) = &mut self.keeping {
            keeping.serve(sections);
        }
    }

    /// Serves another configuration, unless something of it cannot be opened: then nothing has changed.
    async fn change(&mut self, prepared: Prepared) -> anyhow::Result<()> {
        let operations = self.operations(&prepared.config)?;
        let ldap = self.ldap.prepare(&prepared.config)?;
        let forward = self.forward.prepare(&prepared.config)?;
        let agents = agent::prepare(&prepared.config)?;
        self.relays.change(&prepared.config).await?;
        self.ldap.serve(ldap);
        self.forward.serve(forward);
        self.serve(prepared, operations);
        self.agents.serve(agents);
        Ok(())
    }

    pub(super) async fn reload(&mut self, reload: Reload) {
        match reload {
            Reload::Asked(reread) => {
                self.supervisor.reloading();
                let (base, open) = (self.engine.next_section(), self.listeners.places());
                let kept = self.generations.last().map(Generation::kept).unwrap_or_default();
                let logs = self.logging.is_some();
                self.reloads.begin(move || {
                    let prepared = Prepared::open(reread()?, base, &open, &kept)?;
                    if logs { prepared.with_outputs() } else { Ok(prepared) }
                });
            }
            Reload::Prepared(prepared) => {
                let changed = match *prepared {
                    Ok(prepared) => self.change(prepared).await,
                    Err(error) => Err(error),
                };
                self.reloaded(changed);
            }
        }
    }

    fn reloaded(&self, changed: anyhow::Result<()>) {
        match changed {
            Ok(()) => {
                tracing::info!("the configuration was read again, and serves");
                self.figures.reloaded("served");
                self.supervisor.ready("Serving");
            }
            Err(error) => {
                tracing::error!("the new configuration is not used, and the old one serves on: {error:#}");
                self.figures.reloaded("refused");
                let status = format!("{error:#}");
                let status = status.lines().next().unwrap_or_default();
                self.supervisor.ready(&format!("The new configuration is not used: {status}"));
            }
        }
    }

    /// When to look whether the configuration before has ended what it began.
    pub(super) fn forgets_at(&self) -> Option<Instant> {
        self.generations.first()?.retired.map(|since| since + LINGERS)
    }

    pub(super) fn forget_retired(&mut self, now: Instant) {
        let waited_for = self.begun.values().map(|begun| begun.section).chain(self.given_up.values().copied()).min();
        let oldest = self.engine.oldest_section().into_iter().chain(waited_for).min().unwrap_or(usize::MAX);
        let is_over = |generations: &[Generation]| match generations {
            [first, second, ..] => first.retired.is_some_and(|since| since + LINGERS <= now) && second.base <= oldest,
            _ => false,
        };
        while is_over(&self.generations) {
            self.generations.remove(0);
        }
        match self.generations.as_mut_slice() {
            [serving] => {
                self.engine.forget_sections_before(serving.base);
                self.listeners.close_silent();
            }
            // Somebody still waits: it is looked at again after a while.
            [first, ..] => {
                self.engine.forget_sections_before(first.base);
                first.retired = first.retired.map(|since| if since + LINGERS <= now { now } else { since });
            }
            [] => {}
        }
    }
}
