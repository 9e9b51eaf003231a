//! Listeners: who may come in, and how many.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use cs_ldap::{ResultCode, response};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Serving, connection};

/// Connections that wait to be taken.
const BACKLOG: i32 = 1024;

/// Opens a port at an address, or at every address of both families.
///
/// Fails as binding does.
pub(super) fn listener(interface: Option<&str>, port: u16) -> io::Result<TcpListener> {
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

fn open(address: IpAddr, port: u16, both: bool) -> io::Result<TcpListener> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!both)?;
    }
    // Connections of a process that has just ended do not keep the port from the next one.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(address, port).into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Takes connections. Each is served to its end as things are when it comes.
pub(super) async fn accept(listener: TcpListener, served: watch::Receiver<Serving>) {
    loop {
        let taken = listener.accept().await;
        let Serving { shared, is_tls } = served.borrow().clone();
        let section = shared.rules.section.clone();
        match taken {
            Ok((stream, from)) => {
                let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                // Messages are small, and waited for.
                _ = stream.set_nodelay(true);
                match shared.room.clone().try_acquire_owned() {
                    Ok(place) => {
                        tokio::spawn(async move {
                            connection::serve(shared, stream, from, is_tls).await;
                            drop(place);
                        });
                    }
                    Err(_) => {
                        tracing::warn!(%section, %from, "a connection is not taken: max_connections are open");
                        refuse(&stream, is_tls);
                    }
                }
            }
            // No descriptors are left, most often; some come back.
            Err(error) => {
                tracing::warn!(%section, %error, "a connection was not taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Says why, if that can be said at once.
fn refuse(stream: &TcpStream, is_tls: bool) {
    if !is_tls {
        let notice = response::notice_of_disconnection(ResultCode::Busy, "Too many connections are open.");
        _ = stream.try_write(&notice);
    }
}
