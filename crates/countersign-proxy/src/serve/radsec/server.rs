//! Devices ask over TLS.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::super::sockets::Arrived;
use super::read_packet;

/// Who has not shown who he is within this is left alone.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A connection on which nothing comes for so long is closed; devices ask for a sign of life more often.
const IDLE: Duration = Duration::from_secs(3600);
/// Connections at a time.
const MOST: usize = 4096;
/// Answers that wait on one connection: who does not read them is cut off.
const WAITING: usize = 1024;

/// Connections of devices, by where they come from.
#[derive(Clone, Default)]
pub(in crate::serve) struct Guests(Arc<Mutex<HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>>>);

impl Guests {
    /// Sends an answer to a device that is still there.
    pub(in crate::serve) fn send(&self, to: SocketAddr, octets: Vec<u8>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guest) = all.get(&to)
            && guest.try_send(octets).is_err()
        {
            all.remove(&to);
        }
    }

    /// Whether a device is there.
    #[cfg(test)]
    pub(super) fn knows(&self, from: SocketAddr) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&from)
    }

    fn came(&self, from: SocketAddr) -> mpsc::Receiver<Vec<u8>> {
        let (guest, answers) = mpsc::channel(WAITING);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(from, guest);
        answers
    }

    fn went(&self, from: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&from);
    }
}

/// Where devices connect.
pub(in crate::serve) struct Door {
    listener: Arc<TcpListener>,
    /// Certificates for those who come from now on.
    config: Arc<Mutex<Arc<ServerConfig>>>,
    pub(in crate::serve) guests: Guests,
}

impl Door {
    pub(in crate::serve) fn new(listener: TcpListener, config: Arc<ServerConfig>) -> Self {
        Self { listener: Arc::new(listener), config: Arc::new(Mutex::new(config)), guests: Guests::default() }
    }

    /// Shows other certificates to those who come from now on.
    pub(in crate::serve) fn renew(&self, config: Arc<ServerConfig>) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Takes connections, and hands on what arrives as from the socket of this number. Connections last beyond its end.
    pub(in crate::serve) fn open(&self, number: usize, arrive: mpsc::Sender<Arrived>) -> JoinHandle<()> {
        let (listener, config, guests) = (self.listener.clone(), self.config.clone(), self.guests.clone());
        tokio::spawn(async move {
            let room = Arc::new(Semaphore::new(MOST));
            loop {
                let Ok(permit) = room.clone().acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, from)) => {
                        let acceptor = TlsAcceptor::from(config.lock().unwrap_or_else(PoisonError::into_inner).clone());
                        let (guests, arrive) = (guests.clone(), arrive.clone());
                        tokio::spawn(async move {
                            let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                            converse(stream, acceptor, number, from, &guests, &arrive).await;
                            guests.went(from);
                            drop(permit);
                        });
                    }
                    // No descriptors are left, most often; some come back.
                    Err(error) => {
                        tracing::warn!(%error, "a TLS connection was not taken");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        })
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    number: usize,
    from: SocketAddr,
    guests: &Guests,
    arrive: &mpsc::Sender<Arrived>,
) {
    // Packets are small, and each is waited for.
    _ = stream.set_nodelay(true);
    let stream = match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::warn!(%from, %error, "a device was not let connect by TLS"),
        Err(_) => return tracing::debug!(%from, "somebody connected and did not speak TLS"),
    };
    let (mut reading, mut writing) = split(stream);
    let mut answers = guests.came(from);
    let written = async {
        while let Some(octets) = answers.recv().await {
            if writing.write_all(&octets).await.and(writing.flush().await).is_err() {
                return;
            }
        }
    };
    let read = async {
        loop {
            match timeout(IDLE, read_packet(&mut reading)).await {
                Ok(Ok(Some(octets))) => {
                    if arrive.send(Arrived { socket: number, from, octets }).await.is_err() {
                        return;
                    }
                }
                Ok(Ok(None)) | Err(_) => return,
                Ok(Err(error)) => return tracing::debug!(%from, %error, "a TLS connection of a device ended"),
            }
        }
    };
    tokio::select! {
        () = written => {}
        () = read => {}
    }
}
