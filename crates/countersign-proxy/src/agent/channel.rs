//! One section's channel: opened, told of, and opened again when it breaks.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use cs_client::agent::Report;
use cs_client::{Channels, Error, Said};
use tokio::sync::watch;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::converse::converse;
use crate::directory::Directory;
use crate::metrics::{Gauge, Health, Metrics};

/// How long the directory may take to say what it is, before the first word to the server.
const SURVEY: Duration = Duration::from_secs(10);

/// A section, and all that its channel needs.
pub(super) struct Link {
    pub(super) section: String,
    /// What the proxy calls itself.
    pub(super) proxy: String,
    /// The server's name, for the log.
    pub(super) server: String,
    /// The directory's hosts as they are written.
    pub(super) hosts: String,
    /// Whether passwords are checked.
    pub(super) first_factor: bool,
    pub(super) channels: Channels,
    pub(super) directory: Arc<Directory>,
    pub(super) metrics: Metrics,
    pub(super) health: Health,
}

/// What the log said last, so that it does not say it again.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    New,
    Open,
    Closed(String),
}

/// Why a conversation is over.
pub(super) enum Over {
    /// The proxy stops, or the section is no more.
    Stopped,
    /// It broke, for this reason.
    Broken(String),
}

impl Link {
    /// Keeps a channel open until `stopped`.
    pub(super) async fn run(self, stopped: watch::Receiver<bool>) {
        self.keep(stopped).await;
        // A section that is no more is not ill.
        self.health.set(&self.part(), None);
    }

    async fn keep(&self, mut stopped: watch::Receiver<bool>) {
        let help = "1 while the channel to the server is open, on which it asks for people and passwords";
        let connected = self.metrics.gauge("countersign_proxy_agent_connected", help, &[("section", &self.section)]);
        let (mut backoff, mut standing, mut description) = (Backoff::default(), Standing::New, None);
        loop {
            connected.set(0);
            let tried = self.once(&mut standing, &mut description, &connected, stopped.clone()).await;
            connected.set(0);
            let (why, open_for) = match tried {
                (Over::Stopped, _) => return,
                (Over::Broken(why), open_for) => (why, open_for),
            };
            self.health.set(&self.part(), Some(&format!("the channel to the server is not open: {why}")));
            if standing != Standing::Closed(why.clone()) {
                tracing::warn!(section = %self.section, server = %self.server, "the channel to the server is not open: {why}");
                standing = Standing::Closed(why);
            }
            let wait = backoff.after(open_for, chance());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = told_to_stop(&mut stopped) => return,
            }
        }
    }

    fn part(&self) -> String {
        format!("channel of [{}]", self.section)
    }

    /// One channel from its beginning to its end, and for how long it was open.
    async fn once(
        &self,
        standing: &mut Standing,
        description: &mut Option<String>,
        connected: &Gauge,
        mut stopped: watch::Receiver<bool>,
    ) -> (Over, Option<Duration>) {
        let opening = async {
            if description.is_none() {
                *description = Some(self.describe().await);
            }
            self.channels.open().await
        };
        let opened = tokio::select! {
            opened = opening => opened,
            () = told_to_stop(&mut stopped) => return (Over::Stopped, None),
        };
        let (listener, mut speaker) = match opened {
            Ok(ends) => ends,
            Err(error) => return (Over::Broken(words(&error)), None),
        };
        let begun = Instant::now();
        let hello = Report::Hello {
            proxy: self.proxy.clone(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            section: self.section.clone(),
            directory: description.clone().unwrap_or_else(|| format!("LDAP directory at {}", self.hosts)),
            first_factor: self.first_factor,
        };
        // All of it is bounded by what a line of the file can hold.
        let Some(hello) = Said::of(&hello) else { return (Over::Broken("names are too long".to_owned()), None) };
        if let Err(error) = speaker.say(hello).await {
            return (Over::Broken(error.to_string()), Some(begun.elapsed()));
        }
        connected.set(1);
        self.health.set(&self.part(), None);
        if *standing != Standing::Open {
            tracing::info!(section = %self.section, server = %self.server, "the channel to the server is open");
            *standing = Standing::Open;
        }
        let over = converse(self, listener, speaker, stopped).await;
        (over, Some(begun.elapsed()))
    }

    /// What the directory is. It is asked once, whatever comes of it: an account that is refused would be locked by as many channels.
    async fn describe(&self) -> String {
        match tokio::time::timeout(SURVEY, self.directory.describe()).await {
            Ok(Ok(description)) => description,
            // It was told of where it was asked.
            Ok(Err(_)) | Err(_) => format!("LDAP directory at {}", self.hosts),
        }
    }
}

/// Waits until a section shall end; whoever could tell it has gone, which is the same.
pub(super) async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    _ = stopped.wait_for(|stop| *stop).await;
}

/// An error and what lies behind it.
fn words(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    if let Error::Refused { status: 401 | 403, .. } = error {
        text.push_str(" (compare the section's keys with those that the server shows, and the clocks of both hosts)");
    }
    text
}

fn chance() -> u32 {
    let mut octets = [0; 4];
    // Without randomness all proxies come back at the same time, and no worse.
    _ = aws_lc_rs::rand::fill(&mut octets);
    u32::from_le_bytes(octets)
}
