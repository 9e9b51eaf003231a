//! The ways on which accounting comes: by UDP, and on the connections by TLS on which logins come.

use std::net::SocketAddr;

use super::super::generation::sides;
use super::super::ports::Place;
use super::super::radsec::Guests;
use super::super::sockets::{self, Udp};
use crate::cfg::Config;
use crate::cfg::radius_server::RadiusServer;
use crate::radius::devices::Devices;

/// Accounting that came on a connection by TLS.
pub(in crate::serve) struct ByTls {
    /// Interface and port that it came to.
    pub(in crate::serve) place: Place,
    /// Who is connected there.
    pub(in crate::serve) guests: Guests,
    pub(in crate::serve) from: SocketAddr,
    pub(in crate::serve) octets: Vec<u8>,
}

/// The way that a packet came, and its answer goes.
#[derive(Clone)]
pub(super) enum Way {
    Udp,
    Tls(Place, Guests),
}

impl Way {
    pub(super) async fn answer(&self, socket: &Udp, to: SocketAddr, octets: &[u8]) {
        match self {
            Self::Udp => sockets::send(socket, to, octets).await,
            Self::Tls(_, guests) => guests.send(to, octets.to_vec()),
        }
    }
}

/// A packet.
pub(super) struct Came {
    pub(super) way: Way,
    pub(super) from: SocketAddr,
    pub(super) octets: Vec<u8>,
}

/// Devices of sections that listen by TLS, with the secret that they have there.
pub(super) fn tls_devices(config: &Config) -> Vec<(Place, Devices)> {
    let of = |server: RadiusServer| {
        let (port, _) = server.tls.as_ref()?;
        Some(((server.interface.clone(), *port), Devices::of(&[server])))
    };
    sides(config).radius.into_iter().filter_map(of).collect()
}
