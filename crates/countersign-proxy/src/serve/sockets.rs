//! UDP sockets: what arrives is handed on with the number of its socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;

/// Room for some thousands of packets while others are worked on: the system's usual 200 KiB hold 270.
const BUFFER: usize = 8 << 20;
/// One more than a packet may have, so that a longer one is seen to be too long.
const DATAGRAM: usize = 4097;

/// A packet that arrived.
#[derive(Debug)]
pub(super) struct Arrived {
    /// At this socket.
    pub(super) socket: usize,
    /// From there; IPv4 addresses as such.
    pub(super) from: SocketAddr,
    /// The datagram.
    pub(super) octets: Vec<u8>,
}

/// A socket that knows its family, so that the system need not be asked for each packet.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    is_v6: bool,
}

impl Deref for Udp {
    type Target = UdpSocket;

    fn deref(&self) -> &UdpSocket {
        &self.socket
    }
}

/// Opens a socket at an address, or at every address of both families.
///
/// Fails as binding does.
pub(super) fn bind(interface: Option<&str>, port: u16) -> io::Result<Udp> {
    let address = match interface {
        Some(text) => text
            .parse::<IpAddr>()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("{text:?} is no address")))?,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    match open(address, port, interface.is_none()) {
        // A host without IPv6.
        Err(error) if interface.is_none() && error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            open(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port, false)
        }
        other => other,
    }
}

fn open(address: IpAddr, port: u16, both: bool) -> io::Result<Udp> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!both)?;
    }
    // The system may allow less; then it is that.
    _ = socket.set_recv_buffer_size(BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(address, port).into())?;
    Ok(Udp { socket: UdpSocket::from_std(socket.into())?, is_v6: address.is_ipv6() })
}

/// Listens for TCP connections at an address, or at every address of both families. Must be called within a runtime.
///
/// Fails as binding does.
pub(super) fn listen(interface: Option<&str>, port: u16) -> io::Result<TcpListener> {
    let address = match interface {
        Some(text) => text
            .parse::<IpAddr>()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("{text:?} is no address")))?,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    match accepting(address, port, interface.is_none()) {
        // A host without IPv6.
        Err(error) if interface.is_none() && error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            accepting(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port, false)
        }
        other => other,
    }
}

fn accepting(address: IpAddr, port: u16, both: bool) -> io::Result<TcpListener> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!both)?;
    }
    // Connections of before that the system still remembers are no reason not to listen.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(address, port).into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

/// Hands on what arrives until nobody takes it any more.
pub(super) async fn receive(socket: Arc<Udp>, number: usize, arrived: mpsc::Sender<Arrived>) {
    let mut buffer = vec![0; DATAGRAM];
    let mut failures = 0;
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((len, from)) => {
                failures = 0;
                let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                let octets = buffer.get(..len).unwrap_or_default().to_vec();
                if arrived.send(Arrived { socket: number, from, octets }).await.is_err() {
                    return;
                }
            }
            // A packet of ours reached nobody; what comes next may be well.
            Err(error) => {
                tracing::debug!(%error, "receiving failed");
                tokio::time::sleep(pause(failures)).await;
                failures = failures.saturating_add(1);
            }
        }
    }
}

/// How long nothing is received after so many failures in a row: a socket that fails for good must not take the processor.
fn pause(failures: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(1);
    match failures {
        0 => Duration::ZERO,
        1..=10 => Duration::from_millis(1 << failures).min(LONGEST),
        _ => LONGEST,
    }
}

/// Sends a packet, as the family of the socket wants its address.
pub(super) async fn send(Udp { socket, is_v6 }: &Udp, to: SocketAddr, octets: &[u8]) {
    let to = match to.ip() {
        IpAddr::V4(address) if *is_v6 => SocketAddr::new(IpAddr::V6(address.to_ipv6_mapped()), to.port()),
        IpAddr::V4(_) | IpAddr::V6(_) => to,
    };
    let sent = match socket.try_send_to(octets, to) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.send_to(octets, to).await,
        sent => sent,
    };
    if let Err(error) = sent {
        tracing::warn!(%error, %to, "a packet was not sent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_keeps_failing_is_tried_ever_more_rarely() {
        assert_eq!(pause(0), Duration::ZERO);
        let pauses: Vec<Duration> = (0..200).map(pause).collect();
        assert!(pauses.is_sorted());
        assert_eq!(
            (pauses[1], pauses[199], pause(u32::MAX)),
            (Duration::from_millis(2), Duration::from_secs(1), Duration::from_secs(1))
        );
    }
}
