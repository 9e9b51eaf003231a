//! The client sections at work: sockets around [`Upstream`].

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::mpsc;

use super::radsec::{self, Connections};
use super::random;
use super::sockets::{self, Arrived, Udp};
use crate::cfg::Config;
use crate::cfg::client::Client;
use crate::radius::login::Primary;
use crate::radius::output::LoginId;
use crate::radius::proof::{Credential, Proof, Protocol, Relay};
use crate::radius::request::Request;
use crate::radius::upstream::{Ended, Transmit, Upstream};

/// Who checks first factors.
pub(super) struct Upstreams {
    clients: Vec<Pool>,
    by_name: BTreeMap<String, Place>,
    arrive: mpsc::Sender<Arrived>,
    arrived: mpsc::Receiver<Arrived>,
}

enum Place {
    Pool(usize),
    /// Every password is right.
    Nobody,
}

struct Pool {
    upstream: Upstream,
    hosts: Vec<SocketAddr>,
    sockets: Vec<Arc<Udp>>,
    tls: Option<Connections>,
}

/// Sockets of pool `n` have numbers from here on.
const STRIDE: usize = 1024;

impl Upstreams {
    pub(super) fn open(config: &Config) -> anyhow::Result<Self> {
        let (arrive, arrived) = mpsc::channel(super::QUEUE);
        let (mut clients, mut by_name) = (Vec::new(), BTreeMap::new());
        for (name, client) in &config.clients {
            match client {
                Client::Radius(radius) => {
                    let hosts =
                        radius.hosts.iter().map(|(host, port)| address(host, *port)).collect::<anyhow::Result<_>>();
                    let hosts = hosts.with_context(|| format!("[{name}]"))?;
                    by_name.insert(name.clone(), Place::Pool(clients.len()));
                    let tls = match &radius.tls {
                        Some(files) => {
                            let config = radsec::client_config(files).with_context(|| format!("[{name}]"))?;
                            let names = radius.hosts.iter().map(|(host, _)| host.clone()).collect();
                            Some(Connections::new(config, names, arrive.clone()))
                        }
                        None => None,
                    };
                    clients.push(Pool {
                        tls,
                        upstream: Upstream::new((**radius).clone(), random()),
                        hosts,
                        sockets: Vec::new(),
                    });
                }
                Client::DuoOnly => drop(by_name.insert(name.clone(), Place::Nobody)),
                Client::Ad(_) => {}
            }
        }
        Ok(Self { clients, by_name, arrive, arrived })
    }

    /// Has a password checked. What is known at once is returned.
    pub(super) async fn ask(
        &mut self,
        client: &str,
        login: LoginId,
        request: Arc<Request>,
        password: &str,
        now: Instant,
    ) -> Option<Ended> {
        match self.by_name.get(client) {
            Some(Place::Nobody) => Some(Ended { login, outcome: Primary::Right, reply: None }),
            Some(Place::Pool(at)) => {
                let at = *at;
                match self.clients.get_mut(at)?.upstream.ask(login, request, password, now) {
                    Ok(transmit) => {
                        self.send(at, transmit).await;
                        None
                    }
                    Err(ended) => Some(ended),
                }
            }
            None => Some(Ended { login, outcome: Primary::Down, reply: None }),
        }
    }

    /// Every RADIUS server behind: its section, where it is, and whether it answers.
    pub(super) fn hosts(&self, now: Instant) -> impl Iterator<Item = (&str, String, bool)> {
        let pools = self.by_name.iter().filter_map(|(name, place)| match place {
            Place::Pool(at) => Some((name.as_str(), self.clients.get(*at)?)),
            _ => None,
        });
        pools.flat_map(move |(name, pool)| pool.upstream.hosts(now).map(move |(host, is_well)| (name, host, is_well)))
    }

    /// Has a first factor checked that is no password, or an answer to what a server asked. As [`ask`](Self::ask); where no server could check it, nobody is let in.
    pub(super) async fn relay(
        &mut self,
        client: &str,
        login: LoginId,
        request: Arc<Request>,
        relay: Relay,
        now: Instant,
    ) -> Option<Ended> {
        let ended = |outcome| Some(Ended { login, outcome, reply: None });
        match (self.by_name.get(client), &relay.credential) {
            (Some(Place::Pool(at)), _) => {
                let at = *at;
                match self.clients.get_mut(at)?.upstream.relay(login, request, relay, now) {
                    Ok(transmit) => {
                        self.send(at, transmit).await;
                        None
                    }
                    Err(ended) => Some(ended),
                }
            }
            // Nothing has to come back with a yes, as it has in MS-CHAP and EAP.
            (Some(Place::Nobody), Credential::Proof(Proof { protocol: Protocol::Chap, .. })) => ended(Primary::Right),
            (_, Credential::Proof(proof)) => {
                let name = proof.protocol.name();
                tracing::warn!(user = %request.user, from = %request.from, "{name} can be checked by a radius_client alone: set the device to PAP for this section");
                let text = format!("{name} cannot be checked here: set the device to PAP.");
                ended(Primary::Wrong { text: Some(text) })
            }
            (_, Credential::Typed(_)) => ended(Primary::Down),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.clients.iter().filter_map(|pool| pool.upstream.poll_timeout()).min()
    }

    pub(super) async fn on_timeout(&mut self, now: Instant) -> Vec<Ended> {
        let mut all = Vec::new();
        for at in 0..self.clients.len() {
            let Some(pool) = self.clients.get_mut(at) else { continue };
            let (transmits, ended) = pool.upstream.on_timeout(now);
            all.extend(ended);
            for transmit in transmits {
                self.send(at, transmit).await;
            }
        }
        all
    }

    /// The next answer of any host.
    pub(super) async fn next(&mut self) -> Ended {
        loop {
            // The other end is held by `self`, so this is never closed.
            let Some(arrived) = self.arrived.recv().await else { return std::future::pending().await };
            if let Some(ended) = self.answered(&arrived) {
                return ended;
            }
        }
    }

    /// The next answer that is there already.
    pub(super) fn try_next(&mut self) -> Option<Ended> {
        loop {
            let arrived = self.arrived.try_recv().ok()?;
            if let Some(ended) = self.answered(&arrived) {
                return Some(ended);
            }
        }
    }

    fn answered(&mut self, Arrived { socket, from, octets }: &Arrived) -> Option<Ended> {
        let pool = self.clients.get_mut(socket / STRIDE)?;
        let host = pool.hosts.iter().position(|host| host == from)?;
        let ended = pool.upstream.on_packet(socket % STRIDE, host, octets);
        if ended.is_none() {
            tracing::warn!(%from, "an answer that fits no question, or was made with another secret");
        }
        ended
    }

    async fn send(&mut self, at: usize, transmit: Transmit) {
        let Some(pool) = self.clients.get_mut(at) else { return };
        if let Some(tls) = &mut pool.tls {
            let Some(host) = pool.hosts.get(transmit.host) else { return };
            let place = (transmit.socket, at * STRIDE + transmit.socket);
            return tls.send(place, transmit.host, *host, transmit.octets);
        }
        while pool.sockets.len() <= transmit.socket {
            let number = at * STRIDE + pool.sockets.len();
            let family =
                if pool.hosts.iter().all(SocketAddr::is_ipv4) { Some(Ipv4Addr::UNSPECIFIED.to_string()) } else { None };
            match sockets::bind(family.as_deref(), 0) {
                Ok(socket) => {
                    let socket = Arc::new(socket);
                    tokio::spawn(sockets::receive(socket.clone(), number, self.arrive.clone()));
                    pool.sockets.push(socket);
                }
                // It is asked again when nothing comes.
                Err(error) => return tracing::error!(%error, "no socket to ask another server with"),
            }
        }
        if let (Some(socket), Some(host)) = (pool.sockets.get(transmit.socket), pool.hosts.get(transmit.host)) {
            sockets::send(socket, *host, &transmit.octets).await;
        }
    }
}

/// Names are looked up once, as the proxy starts.
pub(super) fn address(host: &str, port: u16) -> anyhow::Result<SocketAddr> {
    use std::net::ToSocketAddrs as _;
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, port));
    }
    let mut found = (host, port).to_socket_addrs().with_context(|| format!("{host} is not known"))?;
    found.next().with_context(|| format!("{host} has no address"))
}
