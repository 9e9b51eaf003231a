//! `[radius_coa]` at work: sockets around [`Coa`].

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use cs_radius::{Code, Secret};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::clock::unix;
use super::pool::Pool;
use super::quiet::Quiet;
use super::relays::Shared;
use super::sockets::{self, Arrived, Udp};
use super::upstreams::address;
use super::{now, random, until};
use crate::cfg::Config;
use crate::cfg::client::Client;
use crate::cfg::others::Coa as Section;
use crate::radius::coa::{Coa, Dropped, Now, Origin, Output};
use crate::radius::devices::Devices;
use crate::radius::sessions::SessionId;

/// Ends and changes of sessions, in both directions.
pub(super) struct Relay {
    coa: Coa,
    sockets: Vec<Arc<Udp>>,
    arrived: mpsc::Receiver<Arrived>,
    receiving: JoinSet<()>,
    /// Sessions that we end ourselves.
    ends: mpsc::Receiver<SessionId>,
    pool: Pool,
    sessions: Shared,
    quiet: Quiet,
}

impl Relay {
    /// Opens every port.
    ///
    /// Fails if one cannot be opened, or a server's name is not known.
    pub(super) fn open(
        config: &Config,
        section: &Section,
        sessions: Shared,
        ends: mpsc::Receiver<SessionId>,
    ) -> anyhow::Result<Self> {
        let (arrive, arrived) = mpsc::channel(super::QUEUE);
        let (mut open, mut receiving) = (Vec::new(), JoinSet::new());
        for (number, port) in section.ports.iter().enumerate() {
            let at = section.interface.as_deref().unwrap_or("every address");
            let socket = sockets::bind(section.interface.as_deref(), *port)
                .with_context(|| format!("cannot listen at {at}, UDP port {port}"))?;
            let socket = Arc::new(socket);
            receiving.spawn(sockets::receive(socket.clone(), number, arrive.clone()));
            open.push(socket);
        }
        let coa = Coa::new(origins(config)?, Devices::of(&config.radius), random());
        let pool = Pool::new(section.interface.clone());
        Ok(Self { coa, sockets: open, arrived, receiving, ends, pool, sessions, quiet: Quiet::default() })
    }

    /// Serves until `stop` is set.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            self.carry_out().await;
            tokio::select! {
                Some(Arrived { socket, from, octets }) = self.arrived.recv() => {
                    let at = Now { at: now(), unix: unix(), is_own: &is_own };
                    self.coa.on_request(socket, from, &octets, &mut self.sessions.lock(), &at);
                }
                Arrived { socket, from, octets } = self.pool.next() => {
                    self.coa.on_answer(socket, from, &octets, &mut self.sessions.lock(), now());
                }
                Some(id) = self.ends.recv() => {
                    let session = self.sessions.lock().get(id).cloned();
                    if let Some(session) = session {
                        self.coa.end(id, &session, unix(), now());
                    }
                }
                () = until(self.coa.poll_timeout()) => self.coa.on_timeout(now()),
                _ = stop.changed() => break,
            }
        }
        // The ports are free when this has ended.
        self.receiving.shutdown().await;
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.coa.poll_output() {
            match output {
                Output::Reply { socket, to, octets } => {
                    if let Some(socket) = self.sockets.get(socket) {
                        sockets::send(socket, to, &octets).await;
                    }
                }
                Output::Ask(transmit) => self.pool.send(&transmit).await,
                Output::Dropped(from, why) => self.quiet.warn(from, reason(why), now()),
                Output::Ended { by, user, device, said } => {
                    let by = by.as_deref().unwrap_or("countersign-proxy");
                    let said = said.map_or("nothing", Code::name);
                    tracing::info!(user, %device, by, said, "a device was asked to end or change a session");
                }
            }
        }
    }
}

/// Every host of every client section.
fn origins(config: &Config) -> anyhow::Result<Vec<Origin>> {
    let mut origins = Vec::new();
    for (name, client) in &config.clients {
        let Client::Radius(radius) = client else { continue };
        // Its secret is everybody's: outside of TLS it proves nothing.
        if radius.tls.is_some() {
            continue;
        }
        for (host, port) in &radius.hosts {
            let host: SocketAddr = address(host, *port).with_context(|| format!("[{name}]"))?;
            origins.push(Origin {
                client: name.clone(),
                address: host.ip().to_canonical(),
                secret: Secret::new(radius.secret.as_bytes().to_vec()),
                nas_ip: radius.nas_ip.map(IpAddr::from),
            });
        }
    }
    Ok(origins)
}

/// Whether an address is one of this host: only then can something listen there.
fn is_own(address: IpAddr) -> bool {
    !address.is_unspecified() && std::net::UdpSocket::bind((address, 0)).is_ok()
}

fn reason(why: Dropped) -> &'static str {
    match why {
        Dropped::Stranger => "a request to end a session is dropped: no radius_client names this address",
        Dropped::Malformed => "a request to end a session is dropped: it is no RADIUS",
        Dropped::NotServed => "a packet is dropped: only Disconnect-Request and CoA-Request are served here",
        Dropped::WrongSecret => {
            "a packet about a session is dropped: it was made with another secret, or answers nothing"
        }
        Dropped::Stale => {
            "a request to end a session is dropped: its Event-Timestamp is more than five minutes from now"
        }
        Dropped::Busy => "a request to end a session is dropped: too many wait",
    }
}
