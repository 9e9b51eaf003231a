//! Sockets to ask others with, opened as their numbers appear.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::radsec::Connections;
use super::sockets::{self, Arrived, Udp};
use crate::radius::exchange::Transmit;

/// Sockets of one family each, at the interface of whoever asks.
pub(super) struct Pool {
    interface: Option<String>,
    /// IPv4 and IPv6, by number.
    sockets: [Vec<Arc<Udp>>; 2],
    /// Connections by TLS in their place, and the hosts in their order.
    tls: Option<(Connections, Vec<SocketAddr>)>,
    arrive: mpsc::Sender<Arrived>,
    arrived: mpsc::Receiver<Arrived>,
    receiving: JoinSet<()>,
}

impl Pool {
    /// Without any socket yet; they are opened at `interface`, where one is given that is of the family of who is asked.
    pub(super) fn new(interface: Option<String>) -> Self {
        let (arrive, arrived) = mpsc::channel(super::QUEUE);
        let sockets = [Vec::new(), Vec::new()];
        Self { interface, sockets, tls: None, arrive, arrived, receiving: JoinSet::new() }
    }

    /// Asks these hosts by TLS: each with its name as it is written, and where it is.
    pub(super) fn by_tls(config: Arc<ClientConfig>, hosts: Vec<(String, SocketAddr)>) -> Self {
        let (names, places) = hosts.into_iter().unzip();
        let pool = Self::new(None);
        let connections = Connections::new(config, names, pool.arrive.clone());
        Self { tls: Some((connections, places)), ..pool }
    }

    /// Sends a packet. What cannot be sent is as good as lost on its way, and sent again.
    pub(super) async fn send(&mut self, transmit: &Transmit) {
        if let Some((connections, places)) = &mut self.tls {
            let Some(host) = places.iter().position(|place| *place == transmit.to) else { return };
            return connections.send((transmit.socket, transmit.socket), host, transmit.to, transmit.octets.clone());
        }
        let unspecified = match transmit.to.ip() {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        let own = self.interface.as_ref().and_then(|text| text.parse::<IpAddr>().ok());
        let own = own.filter(|own| own.is_ipv4() == unspecified.is_ipv4()).unwrap_or(unspecified);
        let [v4, v6] = &mut self.sockets;
        let sockets = if unspecified.is_ipv4() { v4 } else { v6 };
        while sockets.len() <= transmit.socket {
            match sockets::bind(Some(&own.to_string()), 0) {
                Ok(socket) => {
                    let socket = Arc::new(socket);
                    self.receiving.spawn(sockets::receive(socket.clone(), sockets.len(), self.arrive.clone()));
                    sockets.push(socket);
                }
                Err(error) => return tracing::error!(%error, "no socket to ask others with"),
            }
        }
        if let Some(socket) = sockets.get(transmit.socket) {
            sockets::send(socket, transmit.to, &transmit.octets).await;
        }
    }

    /// The next packet at any of them.
    pub(super) async fn next(&mut self) -> Arrived {
        match self.arrived.recv().await {
            Some(arrived) => arrived,
            // The other end is held by `self`, so this is never closed.
            None => std::future::pending().await,
        }
    }
}
