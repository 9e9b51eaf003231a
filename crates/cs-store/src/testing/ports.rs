//! Ports for servers that a test starts, stops and starts again.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// Ports of 127.0.0.1 that nobody else is given while this value lives. Its sockets are bound and do not listen, which a server that reuses addresses may do beside
/// them. A port that was only found free may be somebody else's a moment later.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    _held: Vec<TcpSocket>,
}

impl Ports {
    /// What `countersign bootstrap` puts beside the port that it is told: so far above it.
    pub const OF_A_SERVER: &[u16] = &[1, 6];

    /// One that is free, and those `above` it.
    ///
    /// # Panics
    ///
    /// When there is none: it is for tests only.
    #[expect(clippy::panic, reason = "a test that has no port must fail")]
    pub fn reserve(above: &[u16]) -> Self {
        for _ in 0..1000 {
            let Some((first, socket)) = bind(0) else { continue };
            let beside: Option<Vec<TcpSocket>> =
                above.iter().map(|offset| Some(bind(first.checked_add(*offset)?)?.1)).collect();
            if let Some(mut held) = beside {
                held.push(socket);
                return Self { first, _held: held };
            }
        }
        panic!("no free ports")
    }

    /// The lowest.
    pub fn first(&self) -> u16 {
        self.first
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.first).into()
    }
}

fn bind(port: u16) -> Option<(u16, TcpSocket)> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.set_reuseaddr(true).ok()?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into()).ok()?;
    Some((socket.local_addr().ok()?.port(), socket))
}
