//! A configuration at work: what its sections ask. After a reload the one before stays until its last login has ended.

use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cs_radius::Secret;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::api::Api;
use super::directories::{Checked, Directories};
use super::downloads::Relay;
use super::listeners::{Opened, Place};
use super::upstreams::Upstreams;
use super::{log, radsec};
use crate::cfg::Config;
use crate::cfg::application::Application;
use crate::cfg::radius_server::{Mode, RadiusServer};
use crate::logging::Outputs;
use crate::radius::dacl::Downloaded;
use crate::radius::eap::Terms;
use crate::radius::upstream::Ended;
use crate::sources::authorities;

/// A configuration that serves no more is kept for at least so long: what was begun beside logins, as a withdrawal, ends within.
pub(super) const LINGERS: Duration = Duration::from_secs(60);

/// What the sections of one configuration ask. Sections are numbered through all configurations; the first one's is `base`.
pub(super) struct Generation {
    pub(super) base: usize,
    apis: Vec<(Application, Api)>,
    ca: Option<String>,
    /// The client section of each server section.
    clients: Vec<Option<String>>,
    /// Name and integration key of each section.
    names: Vec<(String, String)>,
    /// How each section ends EAP, where it does.
    pub(super) terms: Vec<Option<Terms>>,
    pub(super) upstreams: Upstreams,
    pub(super) directories: Directories,
    pub(super) downloads: Relay,
    /// Another one serves since.
    pub(super) retired: Option<Instant>,
}

/// Connections to servers that are the same in the next configuration.
#[derive(Default)]
pub(super) struct Kept {
    apis: Vec<(Application, Api)>,
    ca: Option<String>,
}

impl Generation {
    fn open(config: &Config, base: usize, kept: &Kept) -> anyhow::Result<Self> {
        let ca = authorities(config)?;
        let api = |server: &RadiusServer| {
            let same = kept.apis.iter().find(|(known, _)| ca == kept.ca && *known == server.application);
            let api = match same {
                Some((_, api)) => api.clone(),
                None => Api::new(&server.application, ca.as_deref()).with_context(|| format!("[{}]", server.name))?,
            };
            anyhow::Ok((server.application.clone(), api))
        };
        Ok(Self {
            base,
            apis: config.radius.iter().map(api).collect::<anyhow::Result<_>>()?,
            clients: config.radius.iter().map(|server| server.client.clone()).collect(),
            names: config.radius.iter().map(|server| (server.name.clone(), server.application.ikey.clone())).collect(),
            terms: config.radius.iter().map(terms).collect::<anyhow::Result<_>>()?,
            upstreams: Upstreams::open(config)?,
            directories: Directories::open(config)?,
            downloads: Relay::open(config, base)?,
            ca,
            retired: None,
        })
    }

    pub(super) fn kept(&self) -> Kept {
        Kept { apis: self.apis.clone(), ca: self.ca.clone() }
    }

    pub(super) fn api(&self, section: usize) -> Option<&Api> {
        self.apis.get(section.checked_sub(self.base)?).map(|(_, api)| api)
    }

    /// Name, application and connection of every section.
    pub(super) fn sections(&self) -> Vec<(String, Application, Api)> {
        let all = self.names.iter().zip(&self.apis);
        all.map(|((name, _), (application, api))| (name.clone(), application.clone(), api.clone())).collect()
    }

    pub(super) fn client(&self, section: usize) -> Option<&str> {
        self.clients.get(section.checked_sub(self.base)?)?.as_deref()
    }

    pub(super) fn name(&self, section: usize) -> Option<&(String, String)> {
        self.names.get(section.checked_sub(self.base)?)
    }
}

/// Certificates of a section that ends EAP.
fn terms(server: &RadiusServer) -> anyhow::Result<Option<Terms>> {
    let Mode::Eap { prompt, certificates, key, minimum, .. } = &server.mode else { return Ok(None) };
    let terms = Terms::load(certificates, key, *minimum, prompt).with_context(|| format!("[{}]", server.name))?;
    Ok(Some(terms))
}

/// Something that came from elsewhere.
pub(super) enum Came {
    Primary(Ended),
    Checked(Checked),
    Downloaded(Vec<Downloaded>),
}

impl Generation {
    async fn next(&mut self) -> Came {
        tokio::select! {
            ended = self.upstreams.next() => Came::Primary(ended),
            checked = self.directories.next() => Came::Checked(checked),
            ended = self.downloads.next() => Came::Downloaded(ended),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.upstreams.poll_timeout(), self.downloads.poll_timeout()].into_iter().flatten().min()
    }
}

/// The next thing that comes to any of them.
pub(super) async fn next_of(all: &mut [Generation]) -> Came {
    if let [only] = all {
        return only.next().await;
    }
    let mut waits: Vec<_> = all.iter_mut().map(|generation| Box::pin(generation.next())).collect();
    std::future::poll_fn(|context| {
        let first = waits.iter_mut().map(|wait| wait.as_mut().poll(context)).find(Poll::is_ready);
        first.unwrap_or(Poll::Pending)
    })
    .await
}

/// The same with each section that also listens by TLS apart in two: by UDP with its own secrets, and by TLS with the one that is fixed there. Only there is it one: nothing
/// that is not TLS may take it.
pub(super) fn sides(config: &Config) -> Config {
    let mut both = config.clone();
    let by_tls = |server: &mut RadiusServer| {
        let tls = server.tls.take()?;
        let mut side = RadiusServer { tls: Some(tls), ..server.clone() };
        side.devices.iter_mut().for_each(|device| device.secret = Secret::new(radsec::SECRET));
        Some(side)
    };
    let sides: Vec<RadiusServer> = both.radius.iter_mut().filter_map(by_tls).collect();
    both.radius.extend(sides);
    both
}

/// All that a configuration needs, opened before anything is changed.
pub(super) struct Prepared {
    pub(super) config: Config,
    pub(super) generation: Generation,
    /// What listens: each section, and once more what of it listens by TLS.
    pub(super) sides: Vec<RadiusServer>,
    pub(super) opened: Opened,
    pub(super) log: log::Log,
    /// Where the log of the process goes on.
    pub(super) outputs: Option<Outputs>,
}

impl Prepared {
    /// Opens everything that is not open. Takes its time where names are looked up. Must be called within a runtime.
    ///
    /// Fails if something cannot be opened; then nothing has changed.
    pub(super) fn open(config: Config, base: usize, open: &[Place], kept: &Kept) -> anyhow::Result<Self> {
        let both = sides(&config);
        Ok(Self {
            generation: Generation::open(&both, base, kept)?,
            opened: Opened::open(&both.radius, open)?,
            sides: both.radius,
            log: log::Log::open(&config.main)?,
            outputs: None,
            config,
        })
    }

    /// Opens also what the log of the process wants.
    pub(super) fn with_outputs(self) -> anyhow::Result<Self> {
        Ok(Self { outputs: Some(Outputs::open(&self.config.main)?), ..self })
    }
}

/// Reads the configuration again, and says what is wrong with it otherwise.
pub type Reread = Arc<dyn Fn() -> anyhow::Result<Config> + Send + Sync>;

/// Waits until the configuration shall be read again, and while it is.
#[derive(Default)]
pub(super) struct Reloads {
    asked: Option<(mpsc::Receiver<()>, Reread)>,
    preparing: Option<JoinHandle<anyhow::Result<Prepared>>>,
}

/// Something about a reload.
pub(super) enum Reload {
    /// It shall be done.
    Asked(Reread),
    /// Everything is open, or nothing has changed.
    Prepared(Box<anyhow::Result<Prepared>>),
}

impl Reloads {
    pub(super) fn new(asked: mpsc::Receiver<()>, reread: Reread) -> Self {
        Self { asked: Some((asked, reread)), preparing: None }
    }

    pub(super) fn begin(&mut self, prepare: impl FnOnce() -> anyhow::Result<Prepared> + Send + 'static) {
        self.preparing = Some(tokio::task::spawn_blocking(prepare));
    }

    pub(super) async fn next(&mut self) -> Reload {
        if let Some(preparing) = &mut self.preparing {
            let prepared = preparing.await.context("reading the configuration ended early").flatten();
            self.preparing = None;
            return Reload::Prepared(Box::new(prepared));
        }
        if let Some((asked, reread)) = &mut self.asked
            && asked.recv().await.is_some()
        {
            return Reload::Asked(reread.clone());
        }
        // Nobody asks, or who asked has gone.
        std::future::pending().await
    }
}
