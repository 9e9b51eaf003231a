//! Downloads of access lists at work: sockets around [`Downloads`].

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context as _;

use super::pool::Pool;
use super::sockets::Arrived;
use super::upstreams::address;
use super::{now, random};
use crate::cfg::Config;
use crate::cfg::client::Client;
use crate::radius::dacl::{Download, Downloaded, Downloads, Source};
use crate::radius::output::Admitted;

/// Lists that devices ask for, with the sockets to ask for them elsewhere.
pub(super) struct Relay {
    downloads: Downloads,
    pool: Pool,
}

impl Relay {
    /// `base` is the number of the configuration's first section.
    pub(super) fn open(config: &Config, base: usize) -> anyhow::Result<Self> {
        let clients = config.radius.iter().map(|server| server.client.clone().filter(|_| server.relays_dacl));
        let clients = std::iter::repeat_n(None, base).chain(clients).collect();
        let downloads = Downloads::new(sources(config)?, clients, random(), random());
        Ok(Self { downloads, pool: Pool::new(None) })
    }

    pub(super) fn admitted(&mut self, admitted: &Admitted) {
        self.downloads.admitted(admitted, now());
    }

    pub(super) async fn wanted(&mut self, download: Download) -> Vec<Downloaded> {
        self.downloads.wanted(download, now());
        self.carry_out().await
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.downloads.poll_timeout()
    }

    pub(super) async fn on_timeout(&mut self, now: Instant) -> Vec<Downloaded> {
        self.downloads.on_timeout(now);
        self.carry_out().await
    }

    /// What ends with the next packet of a server.
    pub(super) async fn next(&mut self) -> Vec<Downloaded> {
        let Arrived { socket, from, octets } = self.pool.next().await;
        // Nothing is waited for from here on: a packet that was taken is worked on.
        self.downloads.on_packet(socket, from, &octets, now());
        std::iter::from_fn(|| self.downloads.poll_ended()).collect()
    }

    async fn carry_out(&mut self) -> Vec<Downloaded> {
        while let Some(transmit) = self.downloads.poll_transmit() {
            self.pool.send(&transmit).await;
        }
        std::iter::from_fn(|| self.downloads.poll_ended()).collect()
    }
}

/// The client sections that speak RADIUS by UDP, their hosts looked up.
pub(super) fn sources(config: &Config) -> anyhow::Result<BTreeMap<String, Source>> {
    let mut sources = BTreeMap::new();
    for (name, client) in &config.clients {
        if let Client::Radius(radius) = client
            && radius.tls.is_none()
        {
            let hosts = radius.hosts.iter().map(|(host, port)| address(host, *port)).collect::<anyhow::Result<_>>();
            let hosts = hosts.with_context(|| format!("[{name}]"))?;
            sources.insert(name.clone(), Source { config: (**radius).clone(), hosts });
        }
    }
    Ok(sources)
}
