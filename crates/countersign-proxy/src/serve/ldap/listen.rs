//! Listeners: who may come in, and how many.

use std::net::SocketAddr;
use std::time::Duration;

use cs_ldap::{ResultCode, response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Serving, connection};

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
                        let counted = shared.counts.taken();
                        tokio::spawn(async move {
                            connection::serve(shared, (stream, from), is_tls, counted).await;
                            drop(place);
                        });
                    }
                    Err(_) => {
                        tracing::warn!(%section, %from, "a connection is not taken: max_connections are open");
                        shared.counts.refused();
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
